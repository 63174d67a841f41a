"""When a log cannot say what a policy is worth, and how an estimate is written down."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tracebridge.domain.replay import (
    Estimate,
    NotEstimable,
    NotEstimableReason,
    PolicyEstimate,
    Tier,
)
from tracebridge.ope.diagnostics import Diagnostics
from tracebridge.stats.clusters import Linearized, interval, standard_error

ROUNDING = 1e-12
"""Relative to the value: a standard error below is the rounding of equal numbers."""


@dataclass(frozen=True, slots=True)
class Floors:
    """What a log must bring before any number is formed. Conventions, not theorems."""

    max_unsupported: float = 0.01
    """Probability, in [0, 1], that the policy may put where the log could not play."""
    min_units: int = 20
    """Units that played what the policy plays; below, cluster-robust intervals are too short."""


def refusal(diagnostics: Diagnostics, floors: Floors) -> NotEstimable | None:
    """Why no estimator may speak, or ``None``."""
    if diagnostics.unsupported_mass > floors.max_unsupported:
        return NotEstimable(
            NotEstimableReason.NO_SUPPORT,
            f"the policy puts {diagnostics.unsupported_mass:.1%} of its probability where the log"
            f" could not play (at most {floors.max_unsupported:.1%} is allowed)",
        )
    if diagnostics.supporting_units < floors.min_units:
        return NotEstimable(
            NotEstimableReason.TOO_FEW_UNITS,
            f"{diagnostics.supporting_units} units played what the policy plays"
            f" (at least {floors.min_units} are needed)",
        )
    return None


def estimate_of(
    estimator: str, statistic: Linearized, diagnostics: Diagnostics, *, level: float, tier: Tier
) -> Estimate:
    """The statistic with its cluster-robust t interval, or a refusal if it has no spread."""
    se = standard_error(statistic)
    if not (math.isfinite(statistic.value) and se > ROUNDING * abs(statistic.value)):
        return NotEstimable(
            NotEstimableReason.NO_VARIATION,
            f"{estimator} has no finite, positive standard error over {diagnostics.clusters} units",
        )
    lo, hi = interval(statistic, level)
    return PolicyEstimate(
        estimator=estimator,
        value=statistic.value,
        se=se,
        lo=lo,
        hi=hi,
        level=level,
        n=diagnostics.n,
        clusters=diagnostics.clusters,
        ess=diagnostics.ess,
        max_weight=diagnostics.max_weight,
        max_weight_share=diagnostics.max_weight_share,
        mean_weight=diagnostics.mean_weight,
        unsupported_mass=diagnostics.unsupported_mass,
        tier=tier,
    )
