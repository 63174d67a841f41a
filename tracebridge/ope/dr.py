"""Doubly robust estimation: the reward model, corrected by weighted residuals."""

from __future__ import annotations

from tracebridge.ope.panel import Panel, Target
from tracebridge.ope.reward_model import RewardModel
from tracebridge.stats.clusters import Linearized, cluster_ratio
from tracebridge.stats.exact import FloatArray


def dr(panel: Panel, target: Target, model: RewardModel) -> Linearized:
    """``sum(q(x, policy) + w * (L * r - q(x, arm))) / sum(p(x, policy) + w * (L - p(x, arm)))``.

    Sums run over all decisions; ``L`` is 1 where the metric was observed, ``q`` predicts
    ``L * r`` and ``p`` predicts ``L``, both cross-fitted by folds of units. Where every row is
    observed the denominator is the row count and this is the estimator of Dudik, Langford and Li
    2011 with the cross-fitting of Chernozhukov et al. 2018. Else it estimates the mean among the
    rows that would be observed under the policy, ``E[L r] / E[L]``, with numerator and
    denominator each doubly robust. Interval: influence function of the ratio over units, the
    fitted model taken as given (its error is of second order).

    Assumes support, that an arm does not change later contexts, and that the propensities *or*
    the model are right. Probability of arms the log never shows is left out of both sums.
    """
    numerators = _corrected(panel, target, model, model.value, panel.totals)
    denominators = _corrected(panel, target, model, model.rate, panel.observed)
    return cluster_ratio(panel.by_unit(numerators), panel.by_unit(denominators))


def _corrected(
    panel: Panel, target: Target, model: RewardModel, table: FloatArray, sums: FloatArray
) -> FloatArray:
    expected = model.expected(table, target)[panel.fold, panel.context]
    predicted = table[panel.fold, panel.context, panel.arm]
    return panel.rows * expected + target.weights * (sums - panel.rows * predicted)
