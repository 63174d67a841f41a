"""What the running canary shows: its slice against the concurrent control, in words.

Two kinds of looks share the error rate. The first runs over all units since the stage began and
is the only one that can find the candidate better. The second looks at each day on its own, so
that a candidate which was good yesterday is stopped when it breaks today; day k spends
``6 / (pi k)^2`` of their share, which sums to that share however long the canary runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from tracebridge.canary.monitor import MonitorRules, SliceMetric, judge_canary
from tracebridge.canary.stages import status
from tracebridge.canary.state import RolloutState
from tracebridge.domain.errors import RolloutRefusedError
from tracebridge.domain.replay import Decision, DecisionReason, Metric
from tracebridge.domain.verdict import Outcome, Verdict
from tracebridge.operations.evidence import Evidence, evidence_of
from tracebridge.settings import Settings

DAILY_SHARE = 0.8
"""Share of the error rate for single days: a break today must not hide behind good days."""
CAP_FACTOR = 5.0
"""A turn's cost or latency counts up to this multiple of the mean before the canary."""
_FALLBACK_CAPS = {Metric.COST: 1.0, Metric.LATENCY: 120.0}

type Values = Mapping[Metric, float]


@dataclass(frozen=True, slots=True)
class _Served:
    """One decision of the canary: who, when, on which side, and what came of it."""

    unit: str
    side: str
    day: date
    values: Values | None
    """``None``: the log does not show the turn yet."""


def report_canary(settings: Settings, *, until: datetime) -> Verdict:
    """Judge the live candidate on what it served since its stage began.

    Raises:
        RolloutRefusedError: no candidate is live.
    """
    found = status(settings.workspace)
    state = found.state
    if state is None or state.candidate is None:
        why = f" ({found.defect.rstrip('.')})" if found.defect else ""
        raise RolloutRefusedError(
            f"rollout/live.json: no candidate is live{why}; `tracebridge promote` starts a canary"
        )
    return canary_verdict(evidence_of(settings, until), state)


def canary_verdict(evidence: Evidence, state: RolloutState) -> Verdict:
    """What the evidence says about the candidate of ``state``, day by day and since it began."""
    served = _served(evidence, state)
    caps = _caps(evidence, state.since)
    alpha = MonitorRules().alpha
    subject = state.candidate.policy_id if state.candidate else ""
    for number, day in enumerate(sorted({it.day for it in served}), 1):
        spent = MonitorRules(alpha=DAILY_SHARE * alpha * 6 / (math.pi * number) ** 2)
        of_day = _judge(subject, [it for it in served if it.day == day], caps, spent)
        if of_day.outcome is Outcome.ROLLBACK:
            return replace(of_day, sentence=f"On {day}, {of_day.sentence}")
    return _judge(subject, served, caps, MonitorRules(alpha=(1 - DAILY_SHARE) * alpha))


def _served(evidence: Evidence, state: RolloutState) -> list[_Served]:
    rows = {row.row_id: row for row in evidence.rows}
    turn_of = {it.decision_id: it.turn.turn_id for it in evidence.trajectories if it.decision_id}
    served = []
    for decision in evidence.decisions:
        side = _side(decision, state)
        if side is not None:
            row = rows.get(turn_of.get(decision.decision_id, ""))
            values = row.values if row else None
            served.append(_Served(decision.unit, side, decision.ts.date(), values))
    return served


def _side(decision: Decision, state: RolloutState) -> str | None:
    """``candidate`` or ``control``; ``None`` for what was decided outside this stage's slices."""
    if decision.ts < state.since or decision.stage != state.stage.value:
        return None
    if decision.reason == DecisionReason.CONTROL:
        return "control"
    candidate = state.candidate.policy_id if state.candidate else None
    if decision.reason == DecisionReason.ASSIGNED and decision.policy_id == candidate:
        return "candidate"
    return None


def _caps(evidence: Evidence, since: datetime) -> dict[Metric, float]:
    """Bounds for what has none, fixed by what was seen before the canary began."""
    before = [row for row in evidence.rows if row.day < since.date().isoformat()]
    caps = {}
    for metric, fallback in _FALLBACK_CAPS.items():
        seen = [row.values[metric] for row in before if metric in row.values]
        caps[metric] = CAP_FACTOR * math.fsum(seen) / len(seen) if any(seen) else fallback
    return caps


def _judge(
    subject: str, served: Sequence[_Served], caps: Mapping[Metric, float], rules: MonitorRules
) -> Verdict:
    def metric(name: Metric, high: float) -> SliceMetric:
        return SliceMetric(
            name=name.value,
            candidate=_unit_means(served, "candidate", name, high),
            control=_unit_means(served, "control", name, high),
            low=0.0,
            high=high,
            higher_is_better=name is Metric.OUTCOME,
            primary=name is Metric.OUTCOME,
            tolerated_ratio={Metric.COST: 1.05, Metric.LATENCY: 1.10}.get(name, 1.0),
        )

    sides = ("candidate", "control")
    candidate, control = (len({it.unit for it in served if it.side == side}) for side in sides)
    return judge_canary(
        subject,
        [metric(Metric.OUTCOME, 1.0), *(metric(name, cap) for name, cap in caps.items())],
        assigned=(candidate, control),
        rules=rules,
    )


def _unit_means(
    served: Sequence[_Served], side: str, metric: Metric, high: float
) -> tuple[float, ...]:
    """One mean a unit, in order of entry, each value capped."""
    of_unit: dict[str, list[float]] = {}
    for it in served:
        if it.side == side and it.values is not None and metric in it.values:
            of_unit.setdefault(it.unit, []).append(min(high, max(0.0, it.values[metric])))
    return tuple(math.fsum(values) / len(values) for values in of_unit.values())
