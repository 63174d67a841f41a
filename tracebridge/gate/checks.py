"""The single checks of the offline gate: each reads one figure and gives one `Reason`.

``fail`` says that the candidate is worse than allowed, on its whole interval. ``unknown`` says
that the evidence does not reach: it denies as well, and is no fault of the candidate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple

from tracebridge.domain.replay import (
    Estimate,
    Metric,
    NotEstimable,
    PolicyEstimate,
    PolicyReport,
    Tier,
)
from tracebridge.domain.verdict import CheckResult, Reason
from tracebridge.gate.guardrails import GuardrailRules

ADMITTING_TIERS = frozenset({Tier.A, Tier.B})
"""Matching speaks of a subset only, and a proxy never of what people would have got."""

PRIMARY_ESTIMATOR = "dr"

type Reports = Mapping[Metric, PolicyReport]


def by_metric(reports: Sequence[PolicyReport]) -> Reports:
    """One policy's reports, keyed by metric."""
    return {report.metric: report for report in reports}


def evidence_checks(candidate: Reports, rules: GuardrailRules) -> list[Reason]:
    """Whether there is enough sound evidence on the primary metric to say anything good."""
    report = candidate.get(Metric.OUTCOME)
    estimate = report.estimates.get(PRIMARY_ESTIMATOR) if report else None
    known = _known(estimate)
    if isinstance(known, str):
        return [Reason("estimable", CheckResult.UNKNOWN, known, "an estimate of the outcome")]
    return [
        Reason("estimable", CheckResult.PASS, known.estimator, "an estimate of the outcome"),
        _at_least("units", known.clusters, rules.min_units),
        _at_least("ess", known.ess, rules.min_ess),
        _at_least("ess_share", known.ess / max(known.clusters, 1), rules.min_ess_share),
        _at_most("max_weight_share", known.max_weight_share, rules.max_weight_share),
        _at_most("unsupported_mass", known.unsupported_mass, rules.max_unsupported),
        _mean_weight(known),
        _tier(known),
        _model_dependence(report),
    ]


def primary_check(candidate: Reports) -> Reason:
    """Whether the candidate is better, over all compared policies at once."""
    report = candidate.get(Metric.OUTCOME)
    known = _known(report.contrast if report else None)
    required = "the whole simultaneous interval above 0"
    if isinstance(known, str):
        return Reason("uplift", CheckResult.UNKNOWN, known, required)
    lo = report.simultaneous_lo if report else None
    hi = report.simultaneous_hi if report else None
    if lo is None or hi is None or not (math.isfinite(lo) and math.isfinite(hi)):
        return Reason("uplift", CheckResult.UNKNOWN, "no simultaneous interval", required)
    result = CheckResult.UNKNOWN
    if lo > 0:
        result = CheckResult.PASS
    elif hi < 0:
        result = CheckResult.FAIL
    return Reason("uplift", result, f"{known.value:+.4f} [{lo:+.4f}, {hi:+.4f}]", required)


def day_checks(candidate: Reports) -> list[Reason]:
    """Whether the uplift of one owner's episodes survives when whole days count once.

    Empty where units are chats: then nobody's days are counted twice.
    """
    report = candidate.get(Metric.OUTCOME)
    if report is None or report.by_day is None:
        return []
    required = "an interval above 0 with days as clusters"
    known = _known(report.by_day)
    if isinstance(known, str):
        return [Reason("day_clustering", CheckResult.UNKNOWN, known, required)]
    result = CheckResult.PASS if known.lo > 0 else CheckResult.UNKNOWN
    return [Reason("day_clustering", result, _interval(known), required)]


def label_check(candidate: Reports, rules: GuardrailRules) -> Reason:
    """Whether people's score is not lower by more than the margin, among those who react."""
    report = candidate.get(Metric.LABEL)
    known = _known(report.contrast if report else None)
    required = f"no loss beyond {rules.label_margin:g}"
    if isinstance(known, str):
        return Reason("label", CheckResult.UNKNOWN, known, required, "among reactors")
    result = CheckResult.UNKNOWN
    if known.lo > -rules.label_margin:
        result = CheckResult.PASS
    elif known.hi < -rules.label_margin:
        result = CheckResult.FAIL
    return Reason("label", result, _interval(known), required, "among reactors")


def label_denies(candidate: Reports, reason: Reason, rules: GuardrailRules) -> bool:
    """Whether an open label check holds a candidate back.

    It does where the owner requires it, and where the estimate itself lies beyond the margin:
    then a loss is likely though not shown.
    """
    if reason.result is not CheckResult.UNKNOWN:
        return False
    report = candidate.get(Metric.LABEL)
    known = _known(report.contrast if report else None)
    likely = isinstance(known, PolicyEstimate) and known.value < -rules.label_margin
    return likely or rules.require_label_metric


def ratio_check(metric: Metric, candidate: Reports, baseline: Reports, max_ratio: float) -> Reason:
    """Whether a cost stays under ``max_ratio`` times the baseline's, on its whole interval.

    The ratio is ``1 + contrast / baseline``, taking the baseline's own value as known: near
    ratio 1 its uncertainty enters only in second order (delta method).
    """
    check = f"{metric.value}_ratio"
    required = f"below {max_ratio:g}"
    report, usual = candidate.get(metric), baseline.get(metric)
    contrast = _known(report.contrast if report else None)
    if isinstance(contrast, str):
        return Reason(check, CheckResult.UNKNOWN, contrast, required)
    base = _known(usual.estimates.get(PRIMARY_ESTIMATOR) if usual else None)
    if isinstance(base, str):
        return Reason(check, CheckResult.UNKNOWN, f"baseline: {base}", required)
    if not base.value > 0:
        return Reason(check, CheckResult.UNKNOWN, "the baseline costs nothing", required)
    lo, value, hi = (1.0 + x / base.value for x in (contrast.lo, contrast.value, contrast.hi))
    result = CheckResult.UNKNOWN
    if hi < max_ratio:
        result = CheckResult.PASS
    elif lo > max_ratio:
        result = CheckResult.FAIL
    return Reason(check, result, f"{value:.3f} [{lo:.3f}, {hi:.3f}]", required)


def _known(estimate: Estimate | None) -> PolicyEstimate | str:
    """The estimate, if every number of it is one; otherwise why it cannot be used."""
    if estimate is None:
        return "missing"
    if isinstance(estimate, NotEstimable):
        return f"not estimable ({estimate.reason}): {estimate.detail}"
    if not all(math.isfinite(x) for x in astuple(estimate) if isinstance(x, float)):
        return "not a finite number"
    return estimate


def _interval(estimate: PolicyEstimate) -> str:
    return f"{estimate.value:+.4f} [{estimate.lo:+.4f}, {estimate.hi:+.4f}]"


def _at_least(check: str, measured: float, floor: float) -> Reason:
    result = CheckResult.PASS if measured >= floor else CheckResult.UNKNOWN
    return Reason(check, result, f"{measured:.4g}", f">= {floor:g}")


def _at_most(check: str, measured: float, ceiling: float) -> Reason:
    result = CheckResult.PASS if measured <= ceiling else CheckResult.UNKNOWN
    return Reason(check, result, f"{measured:.4g}", f"<= {ceiling:g}")


def _mean_weight(estimate: PolicyEstimate) -> Reason:
    """Weights average 1 when the propensities are what the log says.

    Standard error of a mean weight from the effective sample size:
    ``mean * sqrt(1 / ess - 1 / units)``, since ``ess = units / (1 + cv^2)``.
    """
    spread = max(0.0, 1.0 / max(estimate.ess, 1.0) - 1.0 / max(estimate.clusters, 1))
    tolerance = max(0.01, 3.0 * abs(estimate.mean_weight) * math.sqrt(spread))
    sound = abs(estimate.mean_weight - 1.0) <= tolerance
    return Reason(
        check="mean_weight",
        result=CheckResult.PASS if sound else CheckResult.UNKNOWN,
        measured=f"{estimate.mean_weight:.4f}",
        required=f"within {tolerance:.4f} (3 standard errors) of 1",
        detail="" if sound else "the logged propensities do not describe what was served",
    )


def _tier(estimate: PolicyEstimate) -> Reason:
    admits = estimate.tier in ADMITTING_TIERS
    result = CheckResult.PASS if admits else CheckResult.UNKNOWN
    return Reason("tier", result, estimate.tier.value, "A or B")


def _model_dependence(report: PolicyReport | None) -> Reason:
    depends = report is None or report.model_dependent
    return Reason(
        check="model_dependence",
        result=CheckResult.UNKNOWN if depends else CheckResult.PASS,
        measured="DR and SNIPW disagree" if depends else "DR and SNIPW agree",
        required="within 2 standard errors of their paired difference",
    )
