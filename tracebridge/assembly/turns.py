"""Events of one session into turns: a request, everything done about it, and the final reply.

A turn begins with a message from outside (a person, cron, a heartbeat, the system) and ends where
the model stops without asking for a tool. A message that comes before the model has replied, or
while its tools run, belongs to the turn in progress: the reply answers both, and no log can say
which half of it belongs to which message. It begins a turn of its own where it cannot be part of
the one in progress: it comes from another conversation, or from another kind of trigger (a system
notice joins any), or longer than `JOIN_GAP` after the last sign of life, when the run before it
has died. Consecutive failed responses are retries within a turn, and a compaction ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from tracebridge.assembly.answers import ending_of
from tracebridge.assembly.steps import (
    Exchange,
    entry_of,
    gap_ms,
    pair_calls,
    response_status,
    steps_of,
    text_attr,
)
from tracebridge.domain.errors import AssemblyError
from tracebridge.domain.events import EventKind, ScrubbedEvent, TraceEvent
from tracebridge.domain.trajectory import Step, StepKind, StepStatus, Trigger, Turn, TurnStatus

JOIN_GAP = timedelta(minutes=10)
"""How long a turn in progress may be quiet before a new message means that its run has died."""

type Conversation = tuple[str, str | None]
"""Chat id and thread id."""


def group_turns(events: Sequence[ScrubbedEvent]) -> tuple[Turn, ...]:
    """The turns of one session, in order; ``episode_id`` is still empty.

    A turn without an answer is ``OPEN`` while it is the session's last, and ``ABORTED`` once
    another request followed it: its run was stopped without a word in the log.

    Args:
        events: all events of one session, sorted by ``seq``.

    Raises:
        AssemblyError: the events are of several sessions, or not in ascending order.
    """
    _check_one_session(events)
    exchange = pair_calls(events)
    drafts = _partition(events, exchange)
    return tuple(
        _turn_of(draft, seq, exchange, superseded=draft is not drafts[-1])
        for seq, draft in enumerate(drafts)
    )


def count_turns(events: Sequence[ScrubbedEvent]) -> int:
    """How many turns `group_turns` makes of the same events, without making them.

    Raises:
        AssemblyError: as `group_turns`.
    """
    _check_one_session(events)
    return len(_partition(events, pair_calls(events)))


def turn_id(event_id: str) -> str:
    """``tn_`` and the digits of the event that began the turn: it walks back by itself."""
    return f"tn_{event_id.removeprefix('ev_')}"


@dataclass(frozen=True, slots=True)
class _Setting:
    """What the session is set to at a point of its log."""

    model: str | None = None
    thinking_level: str | None = None


@dataclass(slots=True)
class _Draft:
    """A turn while its events are being collected."""

    trigger: Trigger
    after_reset: bool
    events: list[ScrubbedEvent]
    last_ts: datetime
    setting: _Setting
    conversation: Conversation | None = None
    """Of the first message that names a chat."""
    response: TraceEvent | None = None
    """The last model response."""
    asked_by: str | None = None
    """Log entry of the last tool call."""
    waits_for_tools: bool = False
    """The last response asked for tools."""

    def add(self, scrubbed: ScrubbedEvent) -> None:
        event = scrubbed.event
        self.events.append(scrubbed)
        self.last_ts = max(self.last_ts, event.ts)
        if event.kind is EventKind.ASSISTANT_MESSAGE:
            self.response = event
            self.waits_for_tools = self.asked_by == entry_of(scrubbed)
        elif event.kind is EventKind.TOOL_CALL:
            self.asked_by = entry_of(scrubbed)
            self.waits_for_tools = True
        elif event.kind is EventKind.USER_MESSAGE and self.conversation is None:
            self.conversation = _conversation(event)

    def in_progress(self) -> bool:
        """No response yet, or one whose tools are at work."""
        if self.response is None:
            return True
        return self.waits_for_tools and response_status(self.response) is StepStatus.OK

    def takes(self, message: TraceEvent) -> bool:
        """Whether a message belongs to this turn, as the module's first lines say."""
        theirs = _conversation(message)
        return (
            self.in_progress()
            and message.ts - self.last_ts <= JOIN_GAP
            and _trigger(message) in {self.trigger, Trigger.SYSTEM}
            and (theirs is None or self.conversation is None or theirs == self.conversation)
        )


def _partition(events: Sequence[ScrubbedEvent], exchange: Exchange) -> list[_Draft]:
    drafts: list[_Draft] = []
    draft_of_call: dict[str, _Draft] = {}
    current: _Draft | None = None
    was_reset = False
    setting = _Setting()
    for scrubbed in events:
        event = scrubbed.event
        if event.kind in {EventKind.MODEL_CHANGE, EventKind.SYSTEM}:
            setting = _after(setting, event)
            if _is_reset(event):
                current, was_reset = None, bool(drafts)
            continue
        if event.kind in {EventKind.SESSION, EventKind.COMPACTION}:
            continue
        call = exchange.call_of.get(event.event_id)
        draft = draft_of_call[call.event.event_id] if call else current
        if draft is None or (event.kind is EventKind.USER_MESSAGE and not draft.takes(event)):
            draft = current = _Draft(_trigger(event), was_reset, [], event.ts, setting)
            drafts.append(draft)
            was_reset = False
        draft.add(scrubbed)
        draft.setting = setting
        if event.kind is EventKind.TOOL_CALL:
            draft_of_call[event.event_id] = draft
    return drafts


def _turn_of(draft: _Draft, seq: int, exchange: Exchange, *, superseded: bool) -> Turn:
    first = draft.events[0].event
    own_id = turn_id(first.event_id)
    messages = [it.event for it in draft.events if it.event.kind is EventKind.USER_MESSAGE]
    steps = steps_of(own_id, draft.events, exchange)
    responses = [step for step in steps if step.kind is StepKind.MODEL]
    ending = ending_of(steps, draft.trigger, superseded=superseded)
    answer = _event_of(ending.answer, draft.events)
    answer_entry = text_attr(answer.event, "entry_id") if answer else None
    answered = answer is not None and ending.status is TurnStatus.COMPLETED
    chat_id, thread_id = draft.conversation or (None, None)
    return Turn(
        turn_id=own_id,
        session_id=first.session_id,
        seq=seq,
        episode_id="",
        trigger=draft.trigger,
        chat_id=chat_id,
        chat_type=next(filter(None, (text_attr(it, "chat_type") for it in messages)), None),
        thread_id=thread_id,
        inbound_message_ids=_message_ids(messages),
        request_event_id=first.event_id,
        answer_event_id=answer.event.event_id if answer else None,
        answer_entry_ids=(answer_entry,) if answer_entry else (),
        started_at=first.ts,
        ended_at=draft.last_ts,
        status=ending.status,
        request_text="\n\n".join(it.text for it in messages if it.text),
        answer_text=ending.text,
        steps=steps,
        model=_model_of(draft, ending.answer),
        thinking_level=draft.setting.thinking_level,
        latency_ms=gap_ms(first.ts, answer.event.ts) if answer and answered else None,
        tokens_in=_sum_if_known(step.tokens_in for step in responses),
        tokens_out=_sum_if_known(step.tokens_out for step in responses),
        cost_usd_micros=_sum_if_known(step.cost_usd_micros for step in responses),
        answer_finds=dict(sorted(answer.finds.items())) if answer else {},
        stop_reason=text_attr(draft.response, "stop_reason") if draft.response else None,
        after_reset=draft.after_reset,
    )


def _after(setting: _Setting, event: TraceEvent) -> _Setting:
    changed_model = event.model if event.kind is EventKind.MODEL_CHANGE else None
    return _Setting(
        model=changed_model or setting.model,
        thinking_level=text_attr(event, "thinking_level") or setting.thinking_level,
    )


def _is_reset(event: TraceEvent) -> bool:
    return event.attrs.get("entry_type") == "reset"


def _trigger(event: TraceEvent) -> Trigger:
    """Who wrote a message; a turn that begins in the middle of a log has no author."""
    if event.kind is not EventKind.USER_MESSAGE:
        return Trigger.SYSTEM
    named = text_attr(event, "trigger") or Trigger.PERSON
    return Trigger(named) if named in Trigger else Trigger.PERSON


def _conversation(event: TraceEvent) -> Conversation | None:
    chat_id = text_attr(event, "chat_id")
    return (chat_id, text_attr(event, "thread_id")) if chat_id else None


def _message_ids(messages: Iterable[TraceEvent]) -> tuple[int, ...]:
    named = (text_attr(event, "message_id") for event in messages)
    return tuple(sorted({int(it) for it in named if it and it.isascii() and it.isdecimal()}))


def _event_of(step: Step | None, events: Iterable[ScrubbedEvent]) -> ScrubbedEvent | None:
    if step is None:
        return None
    return next(it for it in events if it.event.event_id == step.event_ids[-1])


def _model_of(draft: _Draft, answer: Step | None) -> str | None:
    answered_by = answer.model if answer else None
    tried_by = draft.response.model if draft.response else None
    return answered_by or tried_by or draft.setting.model


def _sum_if_known(values: Iterable[int | None]) -> int | None:
    """The sum, if there is something to sum and no part of it is unknown."""
    known = list(values)
    if not known or None in known:
        return None
    return sum(value for value in known if value is not None)


def _check_one_session(events: Sequence[ScrubbedEvent]) -> None:
    for before, after in pairwise(events):
        one, other = before.event, after.event
        if one.session_id != other.session_id:
            raise AssemblyError(
                f"{other.source_ref}: session_id is '{other.session_id}' among events of "
                f"'{one.session_id}'; group one session at a time"
            )
        if one.seq >= other.seq:
            raise AssemblyError(
                f"{other.source_ref}: seq {other.seq} follows {one.seq} in session "
                f"'{other.session_id}'; sort its events by seq"
            )
