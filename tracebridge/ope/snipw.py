"""Self-normalized inverse propensity weighting: the weighted mean."""

from __future__ import annotations

from tracebridge.ope.panel import Panel, Target
from tracebridge.stats.clusters import Linearized, cluster_ratio


def snipw(panel: Panel, target: Target) -> Linearized:
    """``sum(w * r) / sum(w)`` over observed rows, ``w = policy probability / propensity``.

    Hajek 1971; Swaminathan and Joachims 2015. Interval: delta method over units, with the
    denominator random as it is (taking it as fixed gives an interval of the wrong width).

    Where only some rows are observed, it estimates the mean *among the rows that would be
    observed under the policy*, ``E[L r] / E[L]``, whatever makes rows observed: the numerator
    and the denominator are each weighted to the policy. Consistent, biased by O(1/units).
    Assumes: right propensities, support, and that an arm does not change later contexts.
    """
    return cluster_ratio(
        panel.by_unit(target.weights * panel.totals),
        panel.by_unit(target.weights * panel.observed),
    )
