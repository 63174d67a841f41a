"""The gate's thresholds, declared before anything is judged and pinned by digest.

The numbers are conventions, not theorems; an owner who changes one changes the digest, and every
pass that was given under the old one is void.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256

SCHEMA = "tracebridge.guardrails.v1"


@dataclass(frozen=True, slots=True)
class GuardrailRules:
    """What evidence must bring, and what a candidate may not cost."""

    min_units: int = 100
    """Independent units behind the primary estimate."""
    min_ess: float = 100.0
    """Effective sample size of the candidate's weights, in units."""
    min_ess_share: float = 0.10
    """The same, as a share of the units, in [0, 1]."""
    max_weight_share: float = 0.05
    """Largest weight of one unit over all weights, in [0, 1]."""
    max_unsupported: float = 0.01
    """Probability that the candidate may put where the log could not play, in [0, 1]."""
    label_margin: float = 0.10
    """Tolerated loss of the human score, on its scale of -2 to +2."""
    max_cost_ratio: float = 1.05
    """Cost per turn over the baseline's."""
    max_latency_ratio: float = 1.10
    """Latency per turn over the baseline's."""
    require_label_metric: bool = False
    """Deny while the labels cannot show non-inferiority. Off by default: on the first day nobody
    has reacted, and the canary asks again before anything is promoted."""

    def digest(self) -> str:
        """SHA-256 of the rules' canonical JSON."""
        document = {"schema": SCHEMA, **asdict(self)}
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
        return sha256(canonical.encode()).hexdigest()
