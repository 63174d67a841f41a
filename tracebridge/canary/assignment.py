"""Where a unit stands and which arm it draws: pure functions of the live state and the unit.

A unit's place comes from SHA-256 over the workspace's salt, the candidate's digest and the unit:
the candidate's slice is [0, share), the concurrent control slice of equal size is the top end.
A second, independent hash draws the arm from the policy's distribution. Both hash the unit, not
the request, so the same unit in the same context always gets the same arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256

from tracebridge.canary.documents import canonical_json
from tracebridge.canary.state import RolloutState
from tracebridge.domain.replay import BASELINE_ARM, Policy


class Slice(StrEnum):
    """Where a unit stands in the rollout."""

    CANDIDATE = "candidate"
    CONTROL = "control"
    REST = "rest"


def slice_of(state: RolloutState, unit: str) -> Slice:
    """The unit's slice. Growing the share moves units into the candidate's slice, never out."""
    if state.candidate is None:
        return Slice.REST
    place = _place("slice", state.salt, state.candidate.digest, unit)
    if place < state.share:
        return Slice.CANDIDATE
    if state.share < 1.0 and place >= 1.0 - state.share:
        return Slice.CONTROL
    return Slice.REST


def marginal_propensity(state: RolloutState, context: Mapping[str, str], arm: str) -> float:
    """Probability of ``arm`` in ``context`` before a unit's slice is known, in [0, 1]."""
    base = state.baseline.distribution(context).get(arm, 0.0)
    if state.candidate is None:
        return base
    tried = state.candidate.distribution(context).get(arm, 0.0)
    # Rounding may step over 1 by one bit.
    return min(1.0, state.share * tried + (1.0 - state.share) * base)


def draw_arm(policy: Policy, context: Mapping[str, str], unit: str, *, salt: str) -> str:
    """Inverse of the distribution function over arms in name order, at the unit's own place."""
    distribution = policy.distribution(context)
    place = _place("arm", salt, policy.digest, unit)
    reached = 0.0
    last = BASELINE_ARM
    for last in sorted(distribution):
        reached += distribution[last]
        if place < reached:
            return last
    return last


def _place(purpose: str, salt: str, policy_digest: str, unit: str) -> float:
    """A number in [0, 1) from 53 bits of SHA-256: every value a float can tell apart."""
    key = canonical_json([purpose, salt, policy_digest, unit])
    return (int.from_bytes(sha256(key.encode()).digest()[:8]) >> 11) / 2**53
