"""Off-policy estimates of any logged bandit: rows with their weight and model predictions.

The estimators of the panel without its nouns, plus two that need a reward model of the caller's.
Works on groups of identical rows, so that a small policy table over many rows stays small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tracebridge.domain.events import JsonValue
from tracebridge.domain.replay import Estimate, NotEstimable, NotEstimableReason, Tier
from tracebridge.ope.diagnostics import Diagnostics, weight_concentration
from tracebridge.ope.refusal import Floors, estimate_of, refusal
from tracebridge.stats.clusters import Linearized, cluster_ratio, standard_error
from tracebridge.stats.exact import FloatArray, IntArray, exact_sum

SWITCH_AT = 5.0
"""Weight above which switch_dr believes the model alone; frozen before any look."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredLog:
    """A log scored by a target policy. All arrays have shape ``(entries,)``, in a fixed order."""

    copies: IntArray
    """How many identical rows an entry stands for, at least 1."""
    reward: FloatArray
    weight: FloatArray
    """Target probability of the logged action over its logged probability, at least 0."""
    logged_q: FloatArray | None
    """Predicted reward of the logged action; ``None`` without a reward model."""
    expected_q: FloatArray | None
    """Predicted reward averaged over the target's actions; ``None`` likewise."""
    cluster: IntArray | None
    """Cluster index from 0, dense; ``None``: every row is its own cluster."""
    unsupported_mass: float
    """Probability, in [0, 1], that the target puts on actions that the log never shows."""

    @property
    def rows(self) -> int:
        """Number of logged rows."""
        return int(self.copies.sum())

    def ratio(self, numerators: FloatArray, denominators: FloatArray) -> Linearized:
        """The ratio of the sums of two per-row quantities, linearized over clusters."""
        if self.cluster is None:
            return cluster_ratio(numerators, denominators, self.copies)
        return cluster_ratio(
            _by_cluster(numerators * self.copies, self.cluster),
            _by_cluster(denominators * self.copies, self.cluster),
        )


def evaluate_log(
    log: ScoredLog, *, level: float = 0.95, tier: Tier = Tier.A, floors: Floors | None = None
) -> dict[str, Estimate]:
    """Estimates of the target's mean reward per row, by estimator name.

    With ``w`` the weight, ``r`` the reward, ``q`` the prediction for the logged action, ``e`` the
    expected prediction, and means over rows: ``ipw = mean(w r)``; ``snipw = sum(w r) / sum(w)``;
    ``dm = mean(e)``, biased, tier D; ``dr = mean(e + w (r - q))``; ``sndr = mean(e) +
    sum(w (r - q)) / sum(w)``; ``switch_dr = mean(e + w [w <= 5] (r - q))``, biased where it
    switches (Wang, Agarwal and Dudik 2017). Intervals linearize each over clusters. Assumes
    independent clusters, right propensities, support, and a model fitted on other rows; a model
    fitted on these very rows makes the doubly robust intervals too short.
    """
    diagnostics = _diagnose(log)
    refused = _refusal(log, diagnostics, floors or Floors())
    estimates: dict[str, Estimate] = {}
    for name, compute in _ESTIMATORS.items():
        if refused is not None:
            estimates[name] = refused
        elif name in _MODEL_BASED and log.logged_q is None:
            estimates[name] = NotEstimable(
                NotEstimableReason.NO_REWARD_MODEL, f"{name} needs reward predictions (q-hat)"
            )
        else:
            estimates[name] = estimate_of(
                name,
                compute(log),
                diagnostics,
                level=level,
                tier=Tier.D if name == "dm" else tier,
            )
    return estimates


def log_diagnostics(log: ScoredLog) -> dict[str, JsonValue]:
    """What to doubt the estimates by, as a JSON object.

    ``ess``, ``max_weight`` and its share are over clusters, the ``row_`` ones over rows;
    ``mean_weight`` should lie within about three of its standard errors of 1.
    """
    diagnostics = _diagnose(log)
    mean_weight = log.ratio(log.weight, np.ones(len(log.weight)))
    sum_of_weights = exact_sum(log.weight * log.copies)
    sum_of_squares = exact_sum(np.square(log.weight) * log.copies)
    se = standard_error(mean_weight)
    return {
        "rows": log.rows,
        "clusters": diagnostics.clusters,
        "logged_mean_reward": exact_sum(log.reward * log.copies) / log.rows if log.rows else None,
        "mean_weight": diagnostics.mean_weight,
        "mean_weight_se": se if math.isfinite(se) else None,
        "ess": diagnostics.ess,
        "max_weight": diagnostics.max_weight,
        "max_weight_share": diagnostics.max_weight_share,
        "row_ess": sum_of_weights**2 / sum_of_squares if sum_of_squares else 0.0,
        "row_max_weight": float(log.weight.max(initial=0.0)),
        "row_top_1_percent_share": _top_share(log, 0.01),
        "row_zero_weight_share": (
            int(log.copies[log.weight == 0].sum()) / log.rows if log.rows else 0.0
        ),
        "unsupported_mass": log.unsupported_mass,
    }


def _ipw(log: ScoredLog) -> Linearized:
    return log.ratio(log.weight * log.reward, np.ones(len(log.weight)))


def _snipw(log: ScoredLog) -> Linearized:
    return log.ratio(log.weight * log.reward, log.weight)


def _dm(log: ScoredLog) -> Linearized:
    _, expected = _model(log)
    return log.ratio(expected, np.ones(len(expected)))


def _dr(log: ScoredLog) -> Linearized:
    logged, expected = _model(log)
    terms = expected + log.weight * (log.reward - logged)
    return log.ratio(terms, np.ones(len(terms)))


def _sndr(log: ScoredLog) -> Linearized:
    logged, _ = _model(log)
    return _dm(log) + log.ratio(log.weight * (log.reward - logged), log.weight)


def _switch_dr(log: ScoredLog) -> Linearized:
    logged, expected = _model(log)
    kept = np.where(log.weight <= SWITCH_AT, log.weight, 0.0)
    terms = expected + kept * (log.reward - logged)
    return log.ratio(terms, np.ones(len(terms)))


_ESTIMATORS: Mapping[str, Callable[[ScoredLog], Linearized]] = {
    "ipw": _ipw,
    "snipw": _snipw,
    "dm": _dm,
    "dr": _dr,
    "sndr": _sndr,
    "switch_dr": _switch_dr,
}
_MODEL_BASED = frozenset({"dm", "dr", "sndr", "switch_dr"})


def _model(log: ScoredLog) -> tuple[FloatArray, FloatArray]:
    if log.logged_q is None or log.expected_q is None:
        raise AssertionError("model-based estimators are only reached with predictions")
    return log.logged_q, log.expected_q


def _diagnose(log: ScoredLog) -> Diagnostics:
    if log.cluster is None:
        weights, copies = log.weight, log.copies
    else:
        weights = _by_cluster(log.weight * log.copies, log.cluster)
        copies = np.ones(len(weights), dtype=np.int64)
    ess, largest, share = weight_concentration(weights, copies)
    return Diagnostics(
        n=log.rows,
        clusters=int(copies.sum()),
        supporting_units=int(copies[weights > 0].sum()),
        ess=ess,
        max_weight=largest,
        max_weight_share=share,
        mean_weight=exact_sum(log.weight * log.copies) / log.rows if log.rows else 0.0,
        unsupported_mass=log.unsupported_mass,
    )


def _by_cluster(values: FloatArray, cluster: IntArray) -> FloatArray:
    return np.bincount(cluster, weights=values)


def _refusal(log: ScoredLog, diagnostics: Diagnostics, floors: Floors) -> NotEstimable | None:
    if not log.rows:
        return NotEstimable(NotEstimableReason.NO_ROWS, "the log has no row")
    return refusal(diagnostics, floors)


def _top_share(log: ScoredLog, fraction: float) -> float:
    """Share of the sum of weights that the heaviest ``fraction`` of rows holds."""
    total = exact_sum(log.weight * log.copies)
    if not total > 0:
        return 0.0
    order = np.argsort(-log.weight, kind="stable")
    copies = log.copies[order]
    wanted = math.ceil(fraction * log.rows)
    taken = np.clip(wanted - (np.cumsum(copies) - copies), 0, copies)
    return exact_sum(log.weight[order] * taken) / total
