"""How much of the log speaks about a policy: weights, effective sample size, support."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracebridge.ope.panel import Panel, Target, over_arms
from tracebridge.stats.exact import FloatArray, IntArray, exact_sum

CLOSED = 1 - 1e-6
"""Propensities that sum to this much leave no room for another arm."""


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What to doubt an estimate by."""

    n: int
    """Rows on which the metric was observed."""
    clusters: int
    """Units with such a row."""
    supporting_units: int
    """Those of them with a positive weight: the ones that played what the policy plays."""
    ess: float
    """Effective number of units, ``(sum W)^2 / sum W^2``, W a unit's summed row weights (Kish
    1965); it falls both with uneven weights and with uneven unit sizes."""
    max_weight: float
    """Largest W."""
    max_weight_share: float
    """Largest W over the sum of W, in [0, 1]."""
    mean_weight: float
    """Mean weight of a decision; close to 1 when the propensities are right."""
    unsupported_mass: float
    """In [0, 1]; see ``unsupported_mass``."""


def diagnose(panel: Panel, target: Target) -> Diagnostics:
    """The diagnostics of one policy on one metric."""
    unit_weights = panel.by_unit(target.weights * panel.observed)
    unit_rows = panel.by_unit(panel.observed)
    ess, largest, share = weight_concentration(unit_weights)
    rows = exact_sum(panel.rows)
    return Diagnostics(
        n=int(exact_sum(panel.observed)),
        clusters=int(np.count_nonzero(unit_rows)),
        supporting_units=int(np.count_nonzero(unit_weights)),
        ess=ess,
        max_weight=largest,
        max_weight_share=share,
        mean_weight=exact_sum(target.weights * panel.rows) / rows if rows else 0.0,
        unsupported_mass=unsupported_mass(panel, target),
    )


def weight_concentration(
    weights: FloatArray, copies: IntArray | None = None
) -> tuple[float, float, float]:
    """Effective sample size, largest weight, and its share of the sum; zeros for no weight.

    ``copies`` says how many units each weight stands for, one by default.
    """
    each = np.ones(len(weights)) if copies is None else copies
    total = exact_sum(weights * each)
    if not total > 0:
        return 0.0, 0.0, 0.0
    largest = float(weights.max())
    return total * total / exact_sum(np.square(weights) * each), largest, largest / total


def unsupported_mass(panel: Panel, target: Target) -> float:
    """Probability that the policy puts where the log could not have played, over logged contexts.

    An arm counts as impossible in a context if the log never shows it there and either never
    shows it anywhere, or the propensities of the arms shown there already sum to 1 (the largest
    logged propensity of each). An arm that a rare context merely happens not to show, while its
    randomization left room for it, is possible: weighting stays unbiased there, and the missing
    rows show in the mean weight instead.
    """
    shape = target.probabilities.shape
    highest = np.zeros(shape)
    np.maximum.at(highest, (panel.context, panel.arm), panel.propensity)
    closed = over_arms(highest) >= CLOSED
    impossible = (highest == 0) & closed[:, None]
    mass = target.unlogged + over_arms(target.probabilities * impossible)
    rows = np.bincount(panel.context, weights=panel.rows, minlength=shape[0])
    total = exact_sum(rows)
    return min(1.0, exact_sum(rows * mass) / total) if total else 0.0
