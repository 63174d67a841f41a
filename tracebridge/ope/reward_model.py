"""Cross-fitted predictions of a metric by context and arm, for the model-based estimators."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from tracebridge.ope.panel import MICROS, Panel, Target, over_arms
from tracebridge.stats.cells import Tally, cross_fit_cell_means
from tracebridge.stats.exact import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class RewardModel:
    """Predictions for rows of each fold, fitted on all other folds.

    Both arrays have shape ``(folds, contexts, arms)``.
    """

    rate: FloatArray
    """Probability that the metric is observed, in [0, 1]; exactly 1 where all rows are."""
    value: FloatArray
    """Expected metric with unobserved counted as 0: rate times mean among the observed."""

    def expected(self, table: FloatArray, target: Target) -> FloatArray:
        """``table`` averaged over the policy's arms, shape ``(folds, contexts)``."""
        return over_arms(table * target.probabilities[None, :, :])


def fit_reward_model(panel: Panel) -> RewardModel:
    """Shrunk cell means by (context, arm), cross-fitted by the folds of the units."""
    rates: defaultdict[tuple[int, str, str], Tally] = defaultdict(lambda: Tally(0, 0))
    means: defaultdict[tuple[int, str, str], Tally] = defaultdict(lambda: Tally(0, 0))
    for i, total_micros in enumerate(panel.totals_micros):
        key = (
            panel.folds[panel.fold[i]],
            panel.context_keys[panel.context[i]],
            panel.arms[panel.arm[i]],
        )
        rows, observed = int(panel.rows[i]), int(panel.observed[i])
        rates[key] = Tally(rates[key].n + rows, rates[key].total + observed)
        means[key] = Tally(means[key].n + observed, means[key].total + total_micros)
    rate_of = cross_fit_cell_means(rates, empty=1.0)
    mean_of = cross_fit_cell_means(means)
    grid = [
        [
            [
                (rate_of[fold].mean(context, arm), mean_of[fold].mean(context, arm) / MICROS)
                for arm in panel.arms
            ]
            for context in panel.context_keys
        ]
        for fold in panel.folds
    ]
    pairs = np.array(grid, dtype=np.float64)
    return RewardModel(rate=pairs[..., 0], value=pairs[..., 0] * pairs[..., 1])
