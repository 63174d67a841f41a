"""The steps of one turn: model responses, tool calls, and the results that belong to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from tracebridge.domain.events import EventKind, EventStatus, ScrubbedEvent, TraceEvent
from tracebridge.domain.trajectory import Step, StepKind, StepStatus

_MILLISECOND = timedelta(milliseconds=1)
_STEP_OF_EVENT = {
    EventStatus.OK: StepStatus.OK,
    EventStatus.ERROR: StepStatus.ERROR,
    EventStatus.ABORTED: StepStatus.ABORTED,
}
_STEP_OF_STOP = {"error": StepStatus.ERROR, "aborted": StepStatus.ABORTED}


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one pass over a turn's events needs to know of the whole session."""

    result_of: Mapping[str, ScrubbedEvent]
    """Event id of a tool call to the event of its result."""
    call_of: Mapping[str, ScrubbedEvent]
    """Event id of a tool result to the event of its call."""


def text_attr(event: TraceEvent, name: str) -> str | None:
    """An attribute as text; numbers in decimal, ``None`` where absent or not a scalar."""
    value = event.attrs.get(name)
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def response_status(event: TraceEvent) -> StepStatus:
    """How a model response ended: the reader's status, else the logged stop reason."""
    if event.status is not None:
        return _STEP_OF_EVENT[event.status]
    return _STEP_OF_STOP.get(text_attr(event, "stop_reason") or "", StepStatus.OK)


def pair_calls(events: Iterable[ScrubbedEvent]) -> Exchange:
    """Tie every tool result of a session to the call it answers.

    Call ids repeat: a failed response is asked for again with the ids it had, and some models
    count their calls anew after a compaction. A result therefore belongs to the latest response
    that still waits for this id, and within that response to its first such call. Results that
    no call explains (its line was unreadable) stay unpaired.
    """
    result_of: dict[str, ScrubbedEvent] = {}
    call_of: dict[str, ScrubbedEvent] = {}
    waiting: dict[tuple[str, str], list[deque[ScrubbedEvent]]] = {}
    for scrubbed in events:
        event = scrubbed.event
        if event.kind is EventKind.TOOL_CALL:
            responses = waiting.setdefault(_call_key(event), [])
            if responses and entry_of(responses[-1][0]) == entry_of(scrubbed):
                responses[-1].append(scrubbed)
            else:
                responses.append(deque([scrubbed]))
        elif event.kind is EventKind.TOOL_RESULT and waiting.get(_call_key(event)):
            responses = waiting[_call_key(event)]
            call = responses[-1].popleft()
            if not responses[-1]:
                responses.pop()
            result_of[call.event.event_id] = scrubbed
            call_of[event.event_id] = call
    return Exchange(result_of=result_of, call_of=call_of)


def steps_of(turn_id: str, events: Sequence[ScrubbedEvent], exchange: Exchange) -> tuple[Step, ...]:
    """The steps of one turn: each model response, then the tool calls it made.

    Args:
        turn_id: id of the turn.
        events: the turn's events by ``seq``, tool results of its calls included.
        exchange: pairs of call and result of the session.
    """
    steps: list[Step] = []
    before: TraceEvent | None = None
    issuer: str | None = None
    for _, entry in groupby(events, key=entry_of):
        members = [scrubbed.event for scrubbed in entry]
        for event in members:
            if event.kind is EventKind.ASSISTANT_MESSAGE:
                step = _model_step(
                    turn_id,
                    len(steps),
                    event,
                    thoughts=_thoughts(members),
                    before=before,
                    parent=steps[-1].step_id if steps else None,
                )
                issuer = step.step_id
                steps.append(step)
        for event in members:
            if event.kind is EventKind.TOOL_CALL:
                result = exchange.result_of.get(event.event_id)
                steps.append(_tool_step(turn_id, len(steps), event, result, issuer))
            elif event.kind is EventKind.TOOL_RESULT and event.event_id not in exchange.call_of:
                steps.append(_orphan_step(turn_id, len(steps), event, issuer))
        before = members[-1]
    return tuple(steps)


def step_id(event_id: str) -> str:
    """``st_`` and the digits of the event that began the step: it walks back by itself."""
    return f"st_{event_id.removeprefix('ev_')}"


def gap_ms(start: datetime, end: datetime) -> int | None:
    """Milliseconds from ``start`` to ``end``; ``None`` unless positive.

    Equal times mean that a logger wrote both at once, so nothing is known.
    """
    gap = round((end - start) / _MILLISECOND)
    return gap if gap > 0 else None


def _call_key(event: TraceEvent) -> tuple[str, str]:
    return (event.tool_call_id, "") if event.tool_call_id else ("", event.tool_name or "")


def entry_of(scrubbed: ScrubbedEvent) -> str:
    """The log entry that an event came from: one entry can make several events in a row."""
    return text_attr(scrubbed.event, "entry_id") or scrubbed.event.event_id


def _thoughts(members: Iterable[TraceEvent]) -> tuple[str, ...]:
    return tuple(event.event_id for event in members if event.kind is EventKind.THINKING)


def _model_step(
    turn_id: str,
    seq: int,
    event: TraceEvent,
    *,
    thoughts: tuple[str, ...],
    before: TraceEvent | None,
    parent: str | None,
) -> Step:
    """A response runs from the event before it: the log stamps it when it is complete."""
    duration = event.duration_ms
    waited_since = event.ts if before is None else min(before.ts, event.ts)
    inferred = gap_ms(waited_since, event.ts) if duration is None else None
    return Step(
        step_id=step_id(event.event_id),
        turn_id=turn_id,
        seq=seq,
        kind=StepKind.MODEL,
        parent_step_id=parent,
        event_ids=(*thoughts, event.event_id),
        status=response_status(event),
        started_at=waited_since if duration is None else event.ts - duration * _MILLISECOND,
        ended_at=event.ts,
        duration_ms=inferred if duration is None else duration,
        duration_inferred=inferred is not None,
        model=event.model,
        output=event.text,
        tokens_in=event.tokens_in,
        tokens_out=event.tokens_out,
        cost_usd_micros=event.cost_usd_micros,
    )


def _tool_step(
    turn_id: str,
    seq: int,
    call: TraceEvent,
    scrubbed_result: ScrubbedEvent | None,
    issuer: str | None,
) -> Step:
    result = None if scrubbed_result is None else scrubbed_result.event
    logged = call.duration_ms if result is None else result.duration_ms
    inferred = gap_ms(call.ts, result.ts) if result is not None and logged is None else None
    return Step(
        step_id=step_id(call.event_id),
        turn_id=turn_id,
        seq=seq,
        kind=StepKind.TOOL,
        parent_step_id=issuer,
        event_ids=(call.event_id,) if result is None else (call.event_id, result.event_id),
        status=StepStatus.NO_RESULT if result is None else _result_status(result),
        started_at=call.ts,
        ended_at=call.ts if result is None else max(call.ts, result.ts),
        duration_ms=inferred if logged is None else logged,
        duration_inferred=inferred is not None,
        tool_name=call.tool_name or (None if result is None else result.tool_name),
        tool_call_id=call.tool_call_id,
        arguments=call.text,
        output=None if result is None else result.text,
    )


def _orphan_step(turn_id: str, seq: int, result: TraceEvent, issuer: str | None) -> Step:
    """A result whose call is unreadable: it happened all the same, so it makes a step."""
    return Step(
        step_id=step_id(result.event_id),
        turn_id=turn_id,
        seq=seq,
        kind=StepKind.TOOL,
        parent_step_id=issuer,
        event_ids=(result.event_id,),
        status=_result_status(result),
        started_at=result.ts,
        ended_at=result.ts,
        duration_ms=result.duration_ms,
        tool_name=result.tool_name,
        tool_call_id=result.tool_call_id,
        output=result.text,
    )


def _result_status(result: TraceEvent) -> StepStatus:
    return StepStatus.OK if result.status is None else _STEP_OF_EVENT[result.status]
