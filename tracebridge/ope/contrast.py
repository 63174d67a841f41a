"""Comparing policies on the same units: paired differences, all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tracebridge.stats.clusters import (
    Linearized,
    degrees_of_freedom,
    interval,
    standard_error,
)
from tracebridge.stats.maxt import simultaneous_critical_value
from tracebridge.stats.quantiles import two_sided_t, two_sided_t_level

MODEL_DEPENDENCE = 2.0
"""Standard errors of their paired difference at which DR and SNIPW are said to disagree."""


def simultaneous_intervals(
    contrasts: Mapping[str, Linearized], units: Sequence[str], *, level: float, seed: int
) -> dict[str, tuple[float, float]]:
    """Intervals of policy minus baseline that all hold together with probability ``level``.

    ``contrasts`` maps policy id to its paired difference over ``units``; each must vary. The
    max-t critical value says at which level each interval must stand alone for all to hold
    together; each contrast then takes the t quantile of that level with its own effective degrees
    of freedom, so it is never narrower than its single interval.
    """
    if not contrasts:
        return {}
    policies = sorted(contrasts)
    influences = np.column_stack([contrasts[policy].influence for policy in policies])
    critical = simultaneous_critical_value(influences, units, level=level, seed=seed)
    single_level = max(level, two_sided_t_level(critical, len(units) - 1))
    return {policy: interval(contrasts[policy], single_level) for policy in policies}


def is_model_dependent(doubly_robust: Linearized, self_normalized: Linearized) -> bool:
    """Whether two estimates of one value differ by more than two paired standard errors.

    More than two where few units carry the difference: the 95 % t quantile then. Both estimates
    are consistent if the propensities are right, so a gap beyond chance says that propensities,
    support or the model are wrong and the number depends on which one is believed.
    """
    difference = doubly_robust - self_normalized
    rounding = 1e-9 * abs(self_normalized.value)
    if abs(difference.value) <= rounding:
        return False
    se = standard_error(difference)
    critical = max(MODEL_DEPENDENCE, two_sided_t(0.95, degrees_of_freedom(difference)))
    return bool(abs(difference.value) > critical * se)
