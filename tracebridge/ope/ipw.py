"""Inverse propensity weighting: logged rows stand in for the policy's, each by its weight."""

from __future__ import annotations

from tracebridge.ope.panel import Panel, Target
from tracebridge.stats.clusters import Linearized, cluster_ratio


def ipw(panel: Panel, target: Target) -> Linearized:
    """``sum(w * r) / n`` over observed rows, ``w = policy probability / propensity``.

    Horvitz and Thompson 1952; for logged decisions Precup, Sutton and Singh 2000. Interval: the
    sum and the row count of a unit are both random, so the ratio is linearized over units.

    Assumes: the propensities are right; the log can play every arm that the policy plays; an
    arm changes neither later contexts nor whether the metric is observed. Where observation does
    depend on the arm (reactions), read the self-normalized or the doubly robust estimate.
    """
    return cluster_ratio(
        panel.by_unit(target.weights * panel.totals), panel.by_unit(panel.observed)
    )
