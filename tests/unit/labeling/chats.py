"""Turns of a chat that tests write in a few words, as assembly would give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tracebridge.domain.feedback import DeliveredChunk, ReactionState
from tracebridge.domain.trajectory import Step, StepKind, StepStatus, Trigger, Turn, TurnStatus

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)
OWNER = "500001"
OTHER = "500002"
GROUP = "-1001000000001"
PLAIN = "The sample is stable. "


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


REACTED = at(10_000)


def turn(
    *inbound: int,
    entry: str | None = None,
    minutes: float | None = None,
    took_s: float = 1.0,
    chars: int = 40,
    text: str | None = None,
    steps: tuple[Step, ...] = (),
    chat: str | None = OWNER,
    session: str = "s1",
    trigger: Trigger = Trigger.PERSON,
    status: TurnStatus = TurnStatus.COMPLETED,
) -> Turn:
    """A turn that the messages ``inbound`` opened, by default minutes after all before it."""
    name = entry or f"{chat}/{'-'.join(map(str, inbound))}"
    started_at = at(inbound[-1] if minutes is None else minutes)
    answered = status is TurnStatus.COMPLETED
    answer = text or (PLAIN * (chars // len(PLAIN) + 1))[:chars]
    return Turn(
        turn_id=f"tn_{name}",
        session_id=session,
        seq=0,
        episode_id="",
        trigger=trigger,
        chat_id=chat,
        chat_type=None,
        thread_id=None,
        inbound_message_ids=inbound,
        request_event_id=f"ev_{name}",
        answer_event_id=f"ev_answer_{name}" if answered else None,
        answer_entry_ids=(name,) if answered else (),
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=took_s),
        status=status,
        request_text="",
        answer_text=answer if answered else "",
        steps=steps,
        model=None,
        thinking_level=None,
        latency_ms=None,
        tokens_in=None,
        tokens_out=None,
        cost_usd_micros=None,
    )


def step(
    kind: StepKind,
    *,
    tool: str | None = None,
    arguments: str | None = None,
    output: str | None = None,
) -> Step:
    return Step(
        step_id="st",
        turn_id="tn",
        seq=0,
        kind=kind,
        parent_step_id=None,
        event_ids=("ev_step",),
        status=StepStatus.OK,
        started_at=START,
        ended_at=START,
        duration_ms=None,
        tool_name=tool,
        arguments=arguments,
        output=output,
    )


def call(tool: str = "exec", arguments: str = "{}", output: str | None = "done") -> Step:
    return step(StepKind.TOOL, tool=tool, arguments=arguments, output=output)


def said(text: str) -> Step:
    """Commentary of the model before it calls a tool."""
    return step(StepKind.MODEL, output=text)


def state(
    message_id: int,
    *emoji: str,
    chat: str = OWNER,
    actor: str = "actor_1",
    actor_is_bot: bool = False,
    date: datetime = REACTED,
    updates: tuple[int, ...] = (1,),
) -> ReactionState:
    return ReactionState(
        chat_id=chat,
        message_id=message_id,
        actor=actor,
        actor_is_bot=actor_is_bot,
        emoji=emoji,
        date=date,
        update_ids=updates,
    )


def part(
    message_id: int, entry: str, index: int = 0, *, final: bool = True, chat: str = OWNER
) -> DeliveredChunk:
    return DeliveredChunk(chat, message_id, None, entry, index, is_final=final)
