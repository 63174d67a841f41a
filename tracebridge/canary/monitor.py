"""The canary's own judgement: roll back, let the next stage open, or keep watching.

Units of the candidate's slice and of the equal, concurrent control slice are paired in the order
in which they entered; each pair is one observation, and it may be looked at every day.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tracebridge.canary.evidence import Wealth, betting_wealth, sample_ratio_log_odds
from tracebridge.domain.errors import CanaryError
from tracebridge.domain.verdict import CheckResult, Outcome, Reason, Verdict


@dataclass(frozen=True, slots=True)
class MonitorRules:
    """How sure the monitor must be. Set before a canary starts, never during it."""

    alpha: float = 0.05
    """Chance of a false rollback over all metrics, and of one false promotion."""
    min_pairs: int = 100
    """No promotion on fewer; a rollback needs no minimum."""
    sample_ratio_p: float = 0.001
    """Below it the split is not the planned one, and nothing it shows is valid."""


@dataclass(frozen=True, slots=True)
class SliceMetric:
    """One bounded outcome in both slices: a unit's mean, once per unit, in order of entry."""

    name: str
    candidate: tuple[float, ...]
    control: tuple[float, ...]
    low: float
    high: float
    """Every value lies in [low, high]; an unbounded outcome is capped by the caller."""
    higher_is_better: bool = True
    primary: bool = False
    """The one metric on which the candidate must be better."""
    tolerated_loss: float = 0.0
    """How much lower the candidate may be; for metrics where higher is better."""
    tolerated_ratio: float = 1.0
    """How many times the control it may cost; for metrics where lower is better."""

    def __post_init__(self) -> None:
        """Raises `CanaryError` when the range is empty or the tolerance covers all of it."""
        worst, best = _margin_range(self)
        if not worst < 0 < best or not self.low < self.high:
            raise CanaryError(
                f"Metric '{self.name}': [{self.low:g}, {self.high:g}] leaves no room within "
                f"{_tolerance_text(self)}; widen the range."
            )


def judge_canary(
    subject: str,
    metrics: Sequence[SliceMetric],
    *,
    assigned: tuple[int, int],
    rules: MonitorRules | None = None,
) -> Verdict:
    """Judge a running canary from what its two slices have shown so far.

    ``assigned``: units that were assigned to the candidate's and to the control slice.
    ``invalid`` when the split is off or a value is out of range; ``rollback`` when harm beyond
    tolerance is shown on any metric; ``promote`` when the primary metric is shown better and
    every metric is shown within tolerance; else ``insufficient_evidence``: keep watching.
    """
    rules = rules or MonitorRules()
    reasons = [_split_reason(assigned, rules), *_range_reasons(metrics)]
    if any(reason.result is CheckResult.FAIL for reason in reasons):
        return _verdict(Outcome.INVALID, subject, "The canary's data cannot be trusted.", reasons)
    harm = [_harm_reason(metric, len(metrics), rules) for metric in metrics]
    reasons += harm
    if failed := [reason for reason in harm if reason.result is CheckResult.FAIL]:
        sentence = f"{subject} does harm ({failed[0].detail}); the canary must be rolled back."
        return _verdict(Outcome.ROLLBACK, subject, sentence, reasons)
    reasons += [_tolerance_reason(metric, rules) for metric in metrics]
    reasons.append(_superiority_reason(metrics, rules))
    reasons.append(_size_reason(metrics, rules))
    if all(reason.result is CheckResult.PASS for reason in reasons):
        sentence = f"{subject} is better and within every tolerance; the next stage may open."
        return _verdict(Outcome.PROMOTE, subject, sentence, reasons)
    waiting = ", ".join(r.check for r in reasons if r.result is not CheckResult.PASS)
    return Verdict(
        outcome=Outcome.INSUFFICIENT_EVIDENCE,
        subject=subject,
        sentence=f"No harm is shown and {subject} is not shown better yet; the canary goes on.",
        reasons=tuple(reasons),
        needs=f"More units in both slices: {waiting} still open. {_forecast(metrics, rules)}",
    )


def _verdict(outcome: Outcome, subject: str, sentence: str, reasons: Sequence[Reason]) -> Verdict:
    return Verdict(outcome=outcome, subject=subject, sentence=sentence, reasons=tuple(reasons))


def _split_reason(assigned: tuple[int, int], rules: MonitorRules) -> Reason:
    p_value = min(1.0, math.exp(-sample_ratio_log_odds(assigned, (0.5, 0.5))))
    return Reason(
        check="sample_ratio",
        result=CheckResult.FAIL if p_value < rules.sample_ratio_p else CheckResult.PASS,
        measured=f"{assigned[0]} and {assigned[1]} units, p = {p_value:.2g}",
        required=f"p >= {rules.sample_ratio_p:g}",
        detail="units assigned to the candidate's and to the control slice",
    )


def _range_reasons(metrics: Sequence[SliceMetric]) -> list[Reason]:
    reasons = []
    for metric in metrics:
        values = (*metric.candidate, *metric.control)
        # Written so that NaN counts as outside.
        outside = sum(1 for value in values if not metric.low <= value <= metric.high)
        reasons.append(
            Reason(
                check=f"{metric.name}.range",
                result=CheckResult.FAIL if outside else CheckResult.PASS,
                measured=f"{outside} of {len(values)} values outside",
                required=f"all in [{metric.low:g}, {metric.high:g}]",
            )
        )
    return reasons


def _harm_reason(metric: SliceMetric, tests: int, rules: MonitorRules) -> Reason:
    """Fails when the tolerated bound is shown to be broken; metrics share the level equally."""
    alpha = rules.alpha / tests
    margins, null_mean = _margins(metric)
    wealth = betting_wealth([1.0 - x for x in margins], null_mean=1.0 - null_mean, alpha=alpha)
    shown = wealth.best >= math.log(1.0 / alpha)
    return Reason(
        check=f"{metric.name}.no_harm",
        result=CheckResult.FAIL if shown else CheckResult.PASS,
        measured=_wealth_text(wealth),
        required=f"e-value for harm below {1.0 / alpha:g}",
        detail=f"{metric.name} beyond {_tolerance_text(metric)}",
    )


def _tolerance_reason(metric: SliceMetric, rules: MonitorRules) -> Reason:
    margins, null_mean = _margins(metric)
    wealth = betting_wealth(margins, null_mean=null_mean, alpha=rules.alpha)
    return _shown(f"{metric.name}.within_tolerance", wealth, rules, _tolerance_text(metric))


def _superiority_reason(metrics: Sequence[SliceMetric], rules: MonitorRules) -> Reason:
    primary = [metric for metric in metrics if metric.primary]
    if len(primary) != 1:
        return Reason(
            check="superiority",
            result=CheckResult.UNKNOWN,
            measured=f"{len(primary)} primary metrics",
            required="exactly one primary metric",
        )
    return _shown("superiority", _superiority(primary[0], rules), rules, primary[0].name)


def _size_reason(metrics: Sequence[SliceMetric], rules: MonitorRules) -> Reason:
    pairs = min((_pairs(metric) for metric in metrics), default=0)
    return Reason(
        check="pairs",
        result=CheckResult.PASS if pairs >= rules.min_pairs else CheckResult.UNKNOWN,
        measured=str(pairs),
        required=f">= {rules.min_pairs} pairs of units on every metric",
    )


def _shown(check: str, wealth: Wealth, rules: MonitorRules, detail: str) -> Reason:
    shown = wealth.best >= math.log(1.0 / rules.alpha)
    return Reason(
        check=check,
        result=CheckResult.PASS if shown else CheckResult.UNKNOWN,
        measured=_wealth_text(wealth),
        required=f"e-value of at least {1.0 / rules.alpha:g}",
        detail=detail,
    )


def _pairs(metric: SliceMetric) -> int:
    return min(len(metric.candidate), len(metric.control))


def _superiority(metric: SliceMetric, rules: MonitorRules) -> Wealth:
    sign = 1.0 if metric.higher_is_better else -1.0
    span = metric.high - metric.low
    gains = [
        _unit_interval((sign * (tried - usual) + span) / (2.0 * span))
        for tried, usual in zip(metric.candidate, metric.control, strict=False)
    ]
    return betting_wealth(gains, null_mean=0.5, alpha=rules.alpha)


def _margins(metric: SliceMetric) -> tuple[list[float], float]:
    """Distance of each pair from the tolerated bound, scaled to [0, 1], and where zero lies.

    Above zero is inside the tolerance: ``candidate - control + loss`` where higher is better,
    ``ratio * control - candidate`` where lower is.
    """
    worst, best = _margin_range(metric)
    span = best - worst
    margins = [
        _unit_interval((_margin(metric, tried, usual) - worst) / span)
        for tried, usual in zip(metric.candidate, metric.control, strict=False)
    ]
    return margins, -worst / span


def _margin(metric: SliceMetric, tried: float, usual: float) -> float:
    if metric.higher_is_better:
        return tried - usual + metric.tolerated_loss
    return metric.tolerated_ratio * usual - tried


def _margin_range(metric: SliceMetric) -> tuple[float, float]:
    low, high = metric.low, metric.high
    if metric.higher_is_better:
        return _margin(metric, low, high), _margin(metric, high, low)
    return _margin(metric, high, low), _margin(metric, low, high)


def _unit_interval(value: float) -> float:
    """Rounding may step over an end by one bit."""
    return min(1.0, max(0.0, value))


def _forecast(metrics: Sequence[SliceMetric], rules: MonitorRules) -> str:
    """How many pairs superiority would take if the evidence kept growing as it has."""
    for metric in metrics:
        wealth = _superiority(metric, rules) if metric.primary else None
        if wealth is not None and wealth.final > 0.0:
            pairs = math.ceil(wealth.values * math.log(1.0 / rules.alpha) / wealth.final)
            return f"At the present pace about {max(pairs, rules.min_pairs)} pairs decide."
    return "At the present pace no number of pairs would show it better."


def _tolerance_text(metric: SliceMetric) -> str:
    if metric.higher_is_better:
        return f"a loss of {metric.tolerated_loss:g}"
    return f"{metric.tolerated_ratio:g} times the control"


def _wealth_text(wealth: Wealth) -> str:
    e_value = math.exp(min(wealth.best, 700.0))
    return f"largest e-value {e_value:.3g} over {wealth.values} pairs"
