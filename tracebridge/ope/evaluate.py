"""Every policy on every metric: estimates, the paired contrast with the baseline, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracebridge.domain.errors import EstimationError
from tracebridge.domain.replay import (
    Cell,
    Estimate,
    Metric,
    NotEstimable,
    NotEstimableReason,
    Policy,
    PolicyEstimate,
    PolicyReport,
    Tier,
    primary_estimator,
)
from tracebridge.ope.contrast import is_model_dependent, simultaneous_intervals
from tracebridge.ope.diagnostics import Diagnostics, diagnose
from tracebridge.ope.dm import dm
from tracebridge.ope.dr import dr
from tracebridge.ope.ipw import ipw
from tracebridge.ope.panel import Panel, panel_of, target_of
from tracebridge.ope.refusal import Floors, estimate_of, refusal
from tracebridge.ope.reward_model import RewardModel, fit_reward_model
from tracebridge.ope.snipw import snipw
from tracebridge.stats.clusters import Linearized

ESTIMATORS = ("ipw", "snipw", "dm", "dr")


@dataclass(frozen=True, slots=True)
class _Study:
    """One policy on one metric, before anything is compared."""

    diagnostics: Diagnostics
    statistics: Mapping[str, Linearized]
    """By estimator; empty where refused."""
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What all policies of one evaluation share."""

    contexts: Mapping[str, Mapping[str, str]]
    baseline_id: str
    level: float
    seed: int
    tier: Tier
    floors: Floors


def evaluate_policies(
    cells: Mapping[Metric, Sequence[Cell]],
    policies: Sequence[Policy],
    *,
    contexts: Mapping[str, Mapping[str, str]],
    baseline_id: str,
    level: float = 0.95,
    seed: int = 0,
    rows_without_propensity: Mapping[Metric, int] | None = None,
    decisions: Sequence[Cell] | None = None,
    tier: Tier = Tier.A,
    floors: Floors | None = None,
) -> tuple[PolicyReport, ...]:
    """What the log says about every policy on every metric, in the order they are given.

    ``cells`` are the observed rows of each metric; ``contexts`` maps their context keys to
    features. Intervals are two-sided at ``level``, cluster-robust over units; the simultaneous
    ones hold over all estimable policies of a metric at once and are drawn from ``seed``.

    ``decisions`` are the cells of all rows with a propensity, whether or not a metric was
    observed on them. With them, dm and dr estimate the mean among rows that would be observed
    under the policy, which stays right when an arm changes how often a metric is observed (an
    outcome that abstains, a person who reacts). Without them, ipw, dm and dr take observation as
    independent of the arm, and labels get only snipw, which needs no such belief.

    ``rows_without_propensity`` counts, by metric, rows left out of ``cells`` because nobody
    logged a probability; it tells "no propensity" from "no rows". ``tier`` is that of the logged
    propensities; dm is always tier D, since it believes a model.

    Raises ``EstimationError`` where the baseline is not among the policies, a policy id repeats,
    a context is unknown, or cells break their contract.
    """
    _check(policies, baseline_id, level)
    reading = _Reading(contexts, baseline_id, level, seed, tier, floors or Floors())
    unlogged = rows_without_propensity or {}
    reports: list[PolicyReport] = []
    for metric, metric_cells in cells.items():
        if any(cell.n > 0 for cell in metric_cells):
            panel = panel_of(metric_cells, decisions)
            reports += _metric_reports(
                metric, panel, policies, reading, all_decisions=decisions is not None
            )
        else:
            nothing = _nothing(metric, unlogged.get(metric, 0))
            reports += [_refused(policy, metric, nothing) for policy in policies]
    return tuple(reports)


def _metric_reports(
    metric: Metric,
    panel: Panel,
    policies: Sequence[Policy],
    reading: _Reading,
    *,
    all_decisions: bool,
) -> list[PolicyReport]:
    model = fit_reward_model(panel)
    names = _estimators(metric, all_decisions=all_decisions)
    studies = {
        policy.policy_id: _study(panel, policy, model, names, reading) for policy in policies
    }
    primary = primary_estimator(metric)
    contrasts = {
        policy_id: _contrast(policy_id, studies, primary, reading) for policy_id in studies
    }
    intervals = simultaneous_intervals(
        {
            policy_id: _paired(studies, policy_id, primary, reading)
            for policy_id, contrast in contrasts.items()
            if isinstance(contrast, PolicyEstimate)
        },
        panel.units,
        level=reading.level,
        seed=reading.seed,
    )
    reports = []
    for policy_id, study in studies.items():
        lo, hi = intervals.get(policy_id, (None, None))
        reports.append(
            PolicyReport(
                policy_id=policy_id,
                metric=metric,
                estimates=study.estimates,
                contrast=contrasts[policy_id],
                simultaneous_lo=lo,
                simultaneous_hi=hi,
                model_dependent=_depends_on_model(study),
            )
        )
    return reports


def _estimators(metric: Metric, *, all_decisions: bool) -> tuple[str, ...]:
    """ipw has the wrong denominator for a mean among reactors; dm and dr need the silent rows."""
    if metric is not Metric.LABEL:
        return ESTIMATORS
    return ("snipw", "dm", "dr") if all_decisions else ("snipw",)


def _study(
    panel: Panel, policy: Policy, model: RewardModel, names: Sequence[str], reading: _Reading
) -> _Study:
    target = target_of(panel, policy, reading.contexts)
    diagnostics = diagnose(panel, target)
    refused = refusal(diagnostics, reading.floors)
    if refused is not None:
        return _Study(diagnostics, {}, dict.fromkeys(names, refused))
    compute = {
        "ipw": lambda: ipw(panel, target),
        "snipw": lambda: snipw(panel, target),
        "dm": lambda: dm(panel, target, model),
        "dr": lambda: dr(panel, target, model),
    }
    statistics = {name: compute[name]() for name in names}
    estimates = {
        name: estimate_of(
            name,
            statistic,
            diagnostics,
            level=reading.level,
            tier=Tier.D if name == "dm" else reading.tier,
        )
        for name, statistic in statistics.items()
    }
    return _Study(diagnostics, statistics, estimates)


def _contrast(
    policy_id: str, studies: Mapping[str, _Study], primary: str, reading: _Reading
) -> Estimate:
    """Policy minus baseline by the primary estimator, on the same units."""
    if policy_id == reading.baseline_id:
        return NotEstimable(
            NotEstimableReason.NO_VARIATION, "the baseline is what the others are compared with"
        )
    own = studies[policy_id].estimates[primary]
    if isinstance(own, NotEstimable):
        return own
    baseline = studies[reading.baseline_id].estimates[primary]
    if isinstance(baseline, NotEstimable):
        return NotEstimable(baseline.reason, f"the baseline has no estimate: {baseline.detail}")
    return estimate_of(
        primary,
        _paired(studies, policy_id, primary, reading),
        studies[policy_id].diagnostics,
        level=reading.level,
        tier=reading.tier,
    )


def _paired(
    studies: Mapping[str, _Study], policy_id: str, primary: str, reading: _Reading
) -> Linearized:
    baseline = studies[reading.baseline_id].statistics[primary]
    return studies[policy_id].statistics[primary] - baseline


def _depends_on_model(study: _Study) -> bool:
    if not {"dr", "snipw"} <= study.statistics.keys():
        return False
    return is_model_dependent(study.statistics["dr"], study.statistics["snipw"])


def _nothing(metric: Metric, without_propensity: int) -> NotEstimable:
    if without_propensity > 0:
        return NotEstimable(
            NotEstimableReason.NO_PROPENSITY,
            f"{metric.value} was seen on {without_propensity} of the log's turns, and the chance"
            " that served each of them is unknown",
        )
    return NotEstimable(NotEstimableReason.NO_ROWS, f"no row of the log has {metric.value}")


def _refused(policy: Policy, metric: Metric, reason: NotEstimable) -> PolicyReport:
    return PolicyReport(
        policy_id=policy.policy_id,
        metric=metric,
        estimates=dict.fromkeys(_estimators(metric, all_decisions=False), reason),
        contrast=reason,
        simultaneous_lo=None,
        simultaneous_hi=None,
        model_dependent=False,
    )


def _check(policies: Sequence[Policy], baseline_id: str, level: float) -> None:
    ids = [policy.policy_id for policy in policies]
    if len(set(ids)) != len(ids):
        raise EstimationError("policy ids repeat: give each policy to compare its own id")
    if baseline_id not in ids:
        raise EstimationError(
            f"baseline {baseline_id!r} is not among the policies: add it to the comparison"
        )
    if not 0 < level < 1:
        raise EstimationError(f"level is {level}: give a number between 0 and 1, such as 0.95")
