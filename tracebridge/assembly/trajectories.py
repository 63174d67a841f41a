"""Turns and router decisions into trajectories: which arm served a turn, and how likely it was."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum

from tracebridge.assembly.context import context_digest, context_of
from tracebridge.assembly.episodes import chat_key
from tracebridge.domain.replay import BASELINE_ARM, Decision, DecisionReason
from tracebridge.domain.trajectory import Provenance, Trajectory, Turn

DECISION_WINDOW = timedelta(minutes=5)
"""A decision without an exact reference may precede its turn by this much."""

_RANDOMIZED = frozenset({DecisionReason.ASSIGNED, DecisionReason.CONTROL})
"""Reasons under which the logged propensity is one; a fallback was forced, not drawn."""


class UnitKind(StrEnum):
    """What is randomized, split and clustered; declared by the owner."""

    CHAT = "chat"
    """Many people talk to the agent."""
    EPISODE = "episode"
    """The agent has one owner: a chat of one would be a sample of one."""


def assemble(
    turns: Sequence[Turn], decisions: Sequence[Decision], *, unit_kind: UnitKind
) -> tuple[Trajectory, ...]:
    """One trajectory a turn, with the router decision that served it, where one is known.

    A decision is tied to the turn whose request it names (``<chat id>:<message id>``; the latest,
    if a request was decided more than once). What is left is tied by unit and time: to the latest
    unused decision for the turn's chat or episode, made within `DECISION_WINDOW` before the turn
    began; but never where both sides name a message and the names differ. Each decision serves
    one turn.

    A turn without a decision ran on the configuration that the log simply has, which is what
    ``baseline`` means. Nobody randomized it, so its propensity is unknown, not 1; and neither did
    anybody where the router fell back, whatever it wrote down.

    Args:
        turns: with their episodes.
        decisions: in any order.
        unit_kind: what stands as unit where no decision names one.

    Returns:
        Trajectories in the order of the turns' starts.
    """
    ordered = sorted(turns, key=lambda it: (it.started_at, it.session_id, it.seq))
    served, settled = _by_reference(ordered, decisions)
    left = [decision for decision in decisions if decision.request_ref not in settled]
    served |= _by_time([turn for turn in ordered if turn.turn_id not in served], left)
    return tuple(_trajectory(turn, served.get(turn.turn_id), unit_kind) for turn in ordered)


def context_mismatches(trajectories: Iterable[Trajectory]) -> tuple[str, ...]:
    """Turn ids whose logged context is not what the recorded turn gives.

    Some may differ: the router saw the request before scrubbing, or before a second quick
    message. Many mean that router and replay do not speak of the same features.
    """
    return tuple(
        it.turn.turn_id
        for it in trajectories
        if it.decision_id is not None
        and context_digest(it.context) != context_digest(context_of(it.turn))
    )


def unit_of(turn: Turn, unit_kind: UnitKind) -> str:
    """Chat key or episode id, as declared."""
    return chat_key(turn) if unit_kind is UnitKind.CHAT else turn.episode_id


def _by_reference(
    turns: Iterable[Turn], decisions: Iterable[Decision]
) -> tuple[dict[str, Decision], frozenset[str]]:
    """Turn id to decision, and every reference that is accounted for by it."""
    latest = {it.request_ref: it for it in sorted(decisions, key=_by_moment) if it.request_ref}
    served: dict[str, Decision] = {}
    settled: set[str] = set()
    for turn in turns:
        references = [ref for ref in _references(turn) if ref in latest and ref not in settled]
        if references:
            served[turn.turn_id] = max((latest[ref] for ref in references), key=_by_moment)
            settled.update(references)
    return served, frozenset(settled)


def _by_time(turns: Iterable[Turn], decisions: Iterable[Decision]) -> dict[str, Decision]:
    waiting: dict[str, list[Decision]] = {}
    for decision in sorted(decisions, key=_by_moment):
        waiting.setdefault(decision.unit, []).append(decision)
    served: dict[str, Decision] = {}
    for turn in turns:
        candidates = [
            (waiting[unit][position], unit, position)
            for unit in _units(turn)
            if (position := _latest_before(turn, waiting.get(unit, []))) is not None
        ]
        if candidates:
            decision, unit, position = max(candidates, key=lambda it: _by_moment(it[0]))
            del waiting[unit][position]
            served[turn.turn_id] = decision
    return served


def _latest_before(turn: Turn, decisions: Sequence[Decision]) -> int | None:
    position = bisect_right(decisions, turn.started_at, key=lambda it: it.ts) - 1
    while position >= 0 and turn.started_at - decisions[position].ts <= DECISION_WINDOW:
        if not (decisions[position].request_ref and turn.inbound_message_ids):
            return position
        position -= 1
    return None


def _trajectory(turn: Turn, decision: Decision | None, unit_kind: UnitKind) -> Trajectory:
    trajectory_id = f"tj_{turn.turn_id.removeprefix('tn_')}"
    if decision is None:
        return Trajectory(
            trajectory_id=trajectory_id,
            turn=turn,
            unit=unit_of(turn, unit_kind),
            arm=BASELINE_ARM,
            policy_id=None,
            propensity=None,
            propensity_provenance=Provenance.UNKNOWN,
            decision_id=None,
            context=context_of(turn),
        )
    randomized = decision.reason in _RANDOMIZED
    return Trajectory(
        trajectory_id=trajectory_id,
        turn=turn,
        unit=decision.unit or unit_of(turn, unit_kind),
        arm=decision.arm,
        policy_id=decision.policy_id,
        propensity=decision.propensity if randomized else None,
        propensity_provenance=Provenance.LOGGED if randomized else Provenance.UNKNOWN,
        decision_id=decision.decision_id,
        context=dict(sorted(decision.context.items())),
    )


def _references(turn: Turn) -> tuple[str, ...]:
    if turn.chat_id is None:
        return ()
    return tuple(f"{turn.chat_id}:{message_id}" for message_id in turn.inbound_message_ids)


def _units(turn: Turn) -> tuple[str, ...]:
    """Every name a router may have given this turn's unit."""
    names = (turn.episode_id, chat_key(turn), turn.chat_id)
    return tuple(dict.fromkeys(name for name in names if name))


def _by_moment(decision: Decision) -> tuple[object, ...]:
    return (decision.ts, decision.decision_id)
