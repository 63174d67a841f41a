"""The components of a reward. Each reads outcomes only, and abstains where there are none.

Nothing here looks at a text, so no rewording can move a reward. A failure that stands when the
agent replies as if nothing had happened costs more than a turn that fails openly: the reply earns
neither correctness nor format nor efficiency, while an open failure at least keeps its form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tracebridge.crediting.outcomes import FAILED_OPENLY, standing_failures, tool_calls
from tracebridge.crediting.profiles import (
    EFFICIENCY,
    FORMAT,
    LABEL,
    SAFETY,
    TASK_OUTCOME,
    RewardProfile,
)
from tracebridge.domain.feedback import Label
from tracebridge.domain.trajectory import StepKind, StepStatus, Turn, TurnStatus

OPEN_FAILURE_FORMAT = 0.5
"""Format of a turn that fails openly: nothing was delivered, and nothing pretended."""
TRUNCATED_FORMAT = 0.5
"""Format of an answer that the model's length limit cut."""

_TRUNCATED = frozenset({"length", "max_tokens"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a component may read."""

    turn: Turn
    labels: Sequence[Label]
    """In use: of this turn, weight above 0."""
    profile: RewardProfile


@dataclass(frozen=True, slots=True)
class Finding:
    """What a component found; ``value is None`` abstains."""

    value: float | None
    """In [0, 1]."""
    evidence: str


def label_mean(labels: Sequence[Label]) -> float | None:
    """Mean score of the labels, by weight, in [-2, +2]; ``None`` without labels."""
    weight = math.fsum(label.weight for label in labels)
    if weight <= 0:
        return None
    mean = math.fsum(label.weight * label.score for label in labels) / weight
    return min(2.0, max(-2.0, mean))


def _task_outcome(given: Evidence) -> Finding:
    """1 if every tool failure was made good, 0 if one stands or the turn failed openly."""
    turn = given.turn
    calls = tool_calls(turn)
    if turn.status is TurnStatus.OPEN:
        return Finding(None, "the turn is open")
    if not calls:
        return Finding(None, "no tool was called")
    if turn.status in FAILED_OPENLY:
        return Finding(0.0, f"the turn ended as {turn.status}")
    standing = len(standing_failures(turn))
    if standing:
        return Finding(0.0, f"{standing} of {len(calls)} tool calls failed and stood so")
    failed = sum(call.status is not StepStatus.OK for call in calls)
    return Finding(1.0, f"{len(calls)} tool calls, {failed} failed and made good")


def _label(given: Evidence) -> Finding:
    """Mean score of the labels in use, mapped from [-2, +2] to [0, 1]."""
    mean = label_mean(given.labels)
    if mean is None:
        return Finding(None, "nobody reacted")
    return Finding((mean + 2) / 4, f"{len(given.labels)} labels in use")


def _format(given: Evidence) -> Finding:
    """1 for a whole answer, half for one that was cut or an open failure, else 0."""
    turn = given.turn
    if turn.status is TurnStatus.OPEN:
        return Finding(None, "the turn is open")
    if turn.status in FAILED_OPENLY:
        return Finding(OPEN_FAILURE_FORMAT, "no answer, and the turn says so")
    if standing_failures(turn):
        return Finding(0.0, "a reply over a failure that stands")
    if turn.status is TurnStatus.SILENT:
        return Finding(None, "no answer was due")
    if turn.stop_reason in _TRUNCATED:
        return Finding(TRUNCATED_FORMAT, "the answer was cut")
    return Finding(1.0, "a whole answer")


def _efficiency(given: Evidence) -> Finding:
    """Mean of budget over use, each at most 1, for latency and for calls; 0 for a failure.

    Speed towards a failure is worth nothing, so giving up early cannot pay. Failed model
    responses count as calls: they are retries.
    """
    turn, profile = given.turn, given.profile
    if turn.status is TurnStatus.OPEN:
        return Finding(None, "the turn is open")
    if turn.status in FAILED_OPENLY or standing_failures(turn):
        return Finding(0.0, "no speed counts towards a failure")
    calls = len(tool_calls(turn))
    retries = sum(it.kind is StepKind.MODEL and it.status is not StepStatus.OK for it in turn.steps)
    if turn.latency_ms is None and calls + retries == 0:
        return Finding(None, "latency unknown, no calls")
    parts = [min(1.0, profile.tool_call_budget / max(1, calls + retries))]
    if turn.latency_ms is not None:
        parts.append(min(1.0, profile.latency_budget_ms / turn.latency_ms))
    known = "unknown" if turn.latency_ms is None else f"{turn.latency_ms} ms"
    return Finding(math.fsum(parts) / len(parts), f"latency {known}, {calls + retries} calls")


def _safety(given: Evidence) -> Finding:
    """0 if the answer held what no answer may hold, or a forbidden tool was called; else 1."""
    turn, profile = given.turn, given.profile
    if turn.status is TurnStatus.OPEN:
        return Finding(None, "the turn is open")
    leaked = [kind for kind in profile.sensitive_finds if turn.answer_finds.get(kind, 0) > 0]
    used = {call.tool_name for call in tool_calls(turn)}
    forbidden = [tool for tool in profile.forbidden_tools if tool in used]
    if leaked or forbidden:
        what = [*(f"{kind} in the answer" for kind in leaked), *(f"tool {it}" for it in forbidden)]
        return Finding(0.0, ", ".join(what))
    return Finding(1.0, "nothing sensitive, no forbidden tool")


COMPONENTS: Mapping[str, Callable[[Evidence], Finding]] = {
    TASK_OUTCOME: _task_outcome,
    LABEL: _label,
    FORMAT: _format,
    EFFICIENCY: _efficiency,
    SAFETY: _safety,
}
"""Component name to what computes it."""
