"""Reports that pass every check, to be spoiled one figure at a time."""

from __future__ import annotations

from dataclasses import replace

from tracebridge.domain.replay import (
    Estimate,
    Metric,
    NotEstimable,
    NotEstimableReason,
    PolicyEstimate,
    PolicyReport,
    Tier,
)

REFUSED = NotEstimable(NotEstimableReason.NO_SUPPORT, "the log never played it")


def estimate(value: float, half_width: float, /, **changes: object) -> PolicyEstimate:
    whole = PolicyEstimate(
        estimator="dr",
        value=value,
        se=half_width / 2,
        lo=value - half_width,
        hi=value + half_width,
        level=0.95,
        n=3000,
        clusters=400,
        ess=300.0,
        max_weight=4.0,
        max_weight_share=0.01,
        mean_weight=1.0,
        unsupported_mass=0.0,
        tier=Tier.A,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def report(
    policy_id: str,
    metric: Metric,
    value: Estimate,
    contrast: Estimate,
    *,
    simultaneous: tuple[float | None, float | None] = (None, None),
    model_dependent: bool = False,
) -> PolicyReport:
    return PolicyReport(
        policy_id=policy_id,
        metric=metric,
        estimates={"dr": value, "snipw": value},
        contrast=contrast,
        simultaneous_lo=simultaneous[0],
        simultaneous_hi=simultaneous[1],
        model_dependent=model_dependent,
    )


def good_reports(policy_id: str = "route-strong", uplift: float = 0.12) -> list[PolicyReport]:
    """Better by ``uplift`` +- 0.08 at once; labels, cost and latency within their margins."""
    return [
        report(
            policy_id,
            Metric.OUTCOME,
            estimate(0.6 + uplift, 0.05),
            estimate(uplift, 0.06),
            simultaneous=(uplift - 0.08, uplift + 0.08),
        ),
        report(policy_id, Metric.LABEL, estimate(0.5, 0.2), estimate(0.1, 0.15)),
        report(policy_id, Metric.COST, estimate(0.020, 0.001), estimate(0.0, 0.0005)),
        report(policy_id, Metric.LATENCY, estimate(10.0, 0.5), estimate(0.1, 0.5)),
    ]


def baseline_reports() -> list[PolicyReport]:
    values = {Metric.OUTCOME: 0.6, Metric.LABEL: 0.4, Metric.COST: 0.02, Metric.LATENCY: 10.0}
    return [
        report("baseline", metric, estimate(value, value / 20), REFUSED)
        for metric, value in values.items()
    ]


def spoiled(reports: list[PolicyReport], metric: Metric, **changes: object) -> list[PolicyReport]:
    """The reports with fields of one metric's report replaced."""
    return [
        replace(report, **changes) if report.metric is metric else report  # type: ignore[arg-type]
        for report in reports
    ]


def without(reports: list[PolicyReport], metric: Metric) -> list[PolicyReport]:
    return [report for report in reports if report.metric is not metric]
