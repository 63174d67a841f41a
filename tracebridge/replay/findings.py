"""From contrasts to words: who is better, who won, and what data would decide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tracebridge.domain.replay import (
    NotEstimable,
    NotEstimableReason,
    PolicyEstimate,
    PolicyReport,
    ReplayRow,
)
from tracebridge.replay.split import HOLDOUT
from tracebridge.stats.quantiles import normal_quantile

POWER = 0.8
EFFECT = 0.05
"""The difference, in outcome, that is worth finding; sizes the set that would find it."""


class Finding(StrEnum):
    """What the contrast with the baseline says."""

    BETTER = "better"
    WORSE = "worse"
    NO_CLEAR_DIFFERENCE = "no_clear_difference"
    """Also the baseline itself."""
    NOT_ESTIMABLE = "not_estimable"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The comparison in words; ``needs`` is set where there is no winner."""

    winner: str | None
    sentence: str
    needs: str | None


_MENDS: Mapping[NotEstimableReason, str] = {
    NotEstimableReason.NO_PROPENSITY: "let the router choose, so that the probability of every "
    "choice is logged when it is made",
    NotEstimableReason.NO_SUPPORT: "let the router play these arms on a small, low-risk share",
    NotEstimableReason.NO_ROWS: "collect turns whose outcome can be judged",
    NotEstimableReason.TOO_FEW_UNITS: "let more {units} see these arms",
    NotEstimableReason.NO_VARIATION: "collect turns until outcomes differ",
}


def finding_of(report: PolicyReport) -> Finding:
    """Better or worse only where the simultaneous interval clears zero, whatever model is used."""
    if isinstance(report.contrast, NotEstimable):
        return Finding.NOT_ESTIMABLE
    lo, hi = report.simultaneous_lo, report.simultaneous_hi
    if lo is None or hi is None or report.model_dependent:
        return Finding.NO_CLEAR_DIFFERENCE
    if lo > 0:
        return Finding.BETTER
    return Finding.WORSE if hi < 0 else Finding.NO_CLEAR_DIFFERENCE


def conclude(
    contrasts: Mapping[str, PolicyReport], *, unit_kind: str, rows: Sequence[ReplayRow]
) -> Conclusion:
    """The winner among ``contrasts`` (policy id to report, baseline left out), or why none.

    Best is the largest lower simultaneous bound, as for the gate: what is surest, not luckiest.

    ``rows`` tell how fast units arrive; only their hold-out side counts.
    """
    better = [report for report in contrasts.values() if finding_of(report) is Finding.BETTER]
    if better:
        best = max(better, key=lambda report: (report.simultaneous_lo or 0.0, report.policy_id))
        return Conclusion(best.policy_id, _winning_sentence(best), None)
    return Conclusion(
        None, _losing_sentence(contrasts), _needs(contrasts, unit_kind=unit_kind, rows=rows)
    )


def detectable_effect(report: PolicyReport) -> float:
    """The true difference that a set like this would find in `POWER` of all cases.

    ``(c + z) * se`` with c the half-width of the simultaneous interval in standard errors (of
    the single interval where there is none) and z the normal quantile of the power.
    """
    return _reach(report) * _estimate(report).se


def units_needed(report: PolicyReport, effect: float) -> int:
    """How many units a set needs to find ``effect`` in `POWER` of all cases, if like this one."""
    scale = detectable_effect(report) / effect
    return math.ceil(_estimate(report).clusters * scale * scale)


def _estimate(report: PolicyReport) -> PolicyEstimate:
    if isinstance(report.contrast, NotEstimable):
        raise TypeError(f"{report.policy_id} has no contrast")
    return report.contrast


def _reach(report: PolicyReport) -> float:
    contrast = _estimate(report)
    lo, hi = report.simultaneous_lo, report.simultaneous_hi
    width = contrast.hi - contrast.lo if lo is None or hi is None else hi - lo
    return width / 2 / contrast.se + normal_quantile(POWER)


def _winning_sentence(best: PolicyReport) -> str:
    contrast = _estimate(best)
    return (
        f"Clear winner: {best.policy_id} beats the baseline by {contrast.value:.3f} in "
        f"{best.metric.value}, and the {contrast.level:.0%} interval over all compared policies "
        f"at once is {best.simultaneous_lo:.3f} to {best.simultaneous_hi:.3f}."
    )


def _losing_sentence(contrasts: Mapping[str, PolicyReport]) -> str:
    if not contrasts:
        return "No clear winner: nothing but the baseline was compared."
    found = [finding_of(report) for report in contrasts.values()]
    parts = [
        f"{found.count(kind)} {words}"
        for kind, words in (
            (Finding.WORSE, "clearly worse"),
            (Finding.NO_CLEAR_DIFFERENCE, "without a clear difference"),
            (Finding.NOT_ESTIMABLE, "not estimable"),
        )
        if kind in found
    ]
    count = f"{len(found)} compared {'policy' if len(found) == 1 else 'policies'}"
    return f"No clear winner: of {count}, {', '.join(parts)}."


def _needs(
    contrasts: Mapping[str, PolicyReport], *, unit_kind: str, rows: Sequence[ReplayRow]
) -> str | None:
    """What would decide: for the leading open policy its numbers, else how to make it estimable."""
    if not contrasts:
        return "Add a policy file to policies/ that changes one factor."
    found = {name: finding_of(report) for name, report in contrasts.items()}
    undecided = [
        contrasts[name] for name, kind in found.items() if kind is Finding.NO_CLEAR_DIFFERENCE
    ]
    if undecided:
        leader = max(undecided, key=lambda report: (_estimate(report).value, report.policy_id))
        return _numbers_needed(leader, unit_kind=unit_kind, rows=rows)
    refused = {
        report.contrast.reason: None
        for report in contrasts.values()
        if isinstance(report.contrast, NotEstimable)
    }
    mends = [_MENDS[reason].format(units=f"{unit_kind}s") for reason in refused if reason in _MENDS]
    if not mends:
        return "Every policy that could be estimated is clearly worse; try another variant."
    text = "; ".join(mends)
    return f"{text[0].upper()}{text[1:]}."


def _numbers_needed(report: PolicyReport, *, unit_kind: str, rows: Sequence[ReplayRow]) -> str:
    needed = units_needed(report, EFFECT)
    present = _estimate(report).clusters
    text = (
        f"For {report.policy_id} this set would find a difference of "
        f"{detectable_effect(report):.3f} four times in five; to find {EFFECT} it takes about "
        f"{needed:,} hold-out {unit_kind}s, and there are {present:,}"
    )
    if needed <= present:
        text += ": a difference of that size would most likely have shown"
    else:
        text += _when(needed - present, unit_kind, rows)
    if report.model_dependent:
        text += "; besides, its estimators disagree, so the arms it plays need more turns first"
    return f"{text}."


def _when(missing: int, unit_kind: str, rows: Sequence[ReplayRow]) -> str:
    holdout = [row for row in rows if row.split == HOLDOUT]
    if not holdout:
        return ""
    days = [date.fromisoformat(row.day) for row in holdout]
    per_day = len({row.unit for row in holdout}) / ((max(days) - min(days)).days + 1)
    return f": at {per_day:.1f} new {unit_kind}s a day, {math.ceil(missing / per_day):,} days more"
