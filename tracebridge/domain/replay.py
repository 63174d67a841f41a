"""Choices, policies over them, and what the log lets us say about other policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

BASELINE_ARM = "baseline"
BASELINE_POLICY = "baseline"


class Family(StrEnum):
    """Which part of the behavior an arm configures."""

    PROMPT = "prompt"
    TOOL = "tool"
    RESPONSE = "response"
    ROUTE = "route"


@dataclass(frozen=True, slots=True)
class Arm:
    """A named configuration. Exactly one factor differs from the baseline arm."""

    name: str
    family: Family | None
    """``None`` for the baseline arm."""
    config: Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """If every condition holds, the distribution applies. First match wins."""

    when: Mapping[str, tuple[str, ...]]
    """Context feature to allowed values; empty: always."""
    distribution: Mapping[str, float]
    """Arm name to probability; sums to 1."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Maps a context to a distribution over declared arms. The same object serves online."""

    policy_id: str
    family: Family | None
    parent: str | None
    factor: str | None
    """The single thing that differs from the parent, e.g. ``route.model``."""
    description: str
    arms: tuple[Arm, ...]
    """Arms that this policy declares, ``baseline`` always known beside them."""
    rules: tuple[PolicyRule, ...]
    digest: str
    """SHA-256 of the policy's canonical JSON."""
    learned_from: str | None = None
    """Digest of the replay set it was fitted on, if it was."""

    def distribution(self, context: Mapping[str, str]) -> Mapping[str, float]:
        """Probabilities of the arms in ``context``; only positive ones, summing to 1."""
        for rule in self.rules:
            if all(context.get(name) in allowed for name, allowed in rule.when.items()):
                return rule.distribution
        return {BASELINE_ARM: 1.0}


def context_key(context: Mapping[str, str]) -> str:
    """``name=value|...``, sorted by name: equal contexts have equal keys."""
    return "|".join(f"{name}={context[name]}" for name in sorted(context))


class DecisionReason(StrEnum):
    """Why the router served what it served; a fallback adds ``:<why>`` in the log line."""

    ASSIGNED = "assigned"
    CONTROL = "control"
    FALLBACK = "fallback"
    KILL_SWITCH = "kill_switch"
    BREAKER_OPEN = "breaker_open"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the router chose for one request, with the probability at that moment."""

    decision_id: str
    ts: datetime
    unit: str
    context_digest: str
    context: Mapping[str, str]
    policy_id: str
    arm: str
    propensity: float
    """Marginal probability of ``arm`` given the context, in (0, 1]."""
    stage: str
    reason: str
    request_ref: str | None = None
    """``<chat_id>:<message_id>`` of the request, where the caller knows it."""


class Metric(StrEnum):
    """What a replay row can be worth. Values are scaled to integers of 1e-6."""

    OUTCOME = "outcome"
    """Outcome reward in [0, 1]: observed on every judged turn, primary."""
    LABEL = "label"
    """Human score in [-2, +2]: among those who reacted, secondary."""
    COST = "cost"
    """USD per turn."""
    LATENCY = "latency"
    """Seconds per turn."""


def primary_estimator(metric: Metric) -> str:
    """The estimator that contrasts are formed with, fixed by the metric before any look.

    ``dr``; for labels ``snipw``, because how many rows are labelled is itself an outcome of the
    policy: a person who reacts less often is a row lost, not a row that scored zero. The
    self-normalized ratio is the mean *among reactors under the policy*, and needs no model of
    who reacts. Label estimates never speak for the silent.
    """
    return "snipw" if metric is Metric.LABEL else "dr"


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """One decision of the log, ready to be re-weighted."""

    row_id: str
    """The turn's id."""
    unit: str
    session_id: str
    day: str
    context_key: str
    """``name=value|...``, sorted by name."""
    context: Mapping[str, str]
    arm: str
    propensity: float | None
    provenance: str
    split: str
    """``train`` or ``holdout``; by unit."""
    fold: int
    values: Mapping[Metric, float]
    """Only the metrics that were observed."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows of one unit that share context, arm and propensity, summed exactly.

    The smallest grain that any estimator here needs: weights depend on nothing finer.
    """

    unit: str
    fold: int
    context_key: str
    arm: str
    propensity: float
    """In (0, 1]."""
    n: int
    total_micros: int
    """Sum of the metric's values, each scaled by 1e6 and rounded: exact in any order."""


class Tier(StrEnum):
    """How strong the evidence behind an estimate is."""

    A = "A"
    """Randomized, propensity logged at decision time."""
    B = "B"
    """Propensity modelled: assumes no unmeasured confounding."""
    C = "C"
    """Matching: for the matched subset only."""
    D = "D"
    """Proxy only."""


class NotEstimableReason(StrEnum):
    """Why the log cannot say what a policy is worth."""

    NO_PROPENSITY = "no_propensity"
    NO_SUPPORT = "no_support"
    """The policy plays arms where the log never could."""
    NO_ROWS = "no_rows"
    TOO_FEW_UNITS = "too_few_units"
    NO_VARIATION = "no_variation"
    """Every row has the same value: no interval can be formed."""
    NO_REWARD_MODEL = "no_reward_model"
    """The estimator needs reward predictions and none were given."""


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """A refusal to estimate; never a polite zero."""

    reason: NotEstimableReason
    detail: str


@dataclass(frozen=True, slots=True)
class PolicyEstimate:
    """An off-policy estimate and everything needed to doubt it."""

    estimator: str
    value: float
    se: float
    lo: float
    hi: float
    """Two-sided interval at ``level``."""
    level: float
    n: int
    """Rows."""
    clusters: int
    ess: float
    """Effective sample size over units, (sum w)^2 / sum w^2."""
    max_weight: float
    """Largest unit weight: the weights of a unit's rows, summed."""
    max_weight_share: float
    """Largest unit weight over the sum of weights."""
    mean_weight: float
    """Close to 1 when the propensities are right."""
    unsupported_mass: float
    """Probability that the policy puts where the log has none, in [0, 1]."""
    tier: Tier


type Estimate = PolicyEstimate | NotEstimable


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """All that the log says about one policy on one metric."""

    policy_id: str
    metric: Metric
    estimates: Mapping[str, Estimate]
    """Estimator name to result; `primary_estimator` names the one to read first."""
    contrast: Estimate
    """Paired difference policy - baseline, primary estimator, per-comparison interval."""
    simultaneous_lo: float | None
    simultaneous_hi: float | None
    """Interval of the contrast that holds over all compared policies at once."""
    model_dependent: bool
    """DR and SNIPW differ by more than 2 standard errors of their paired difference."""
    by_day: Estimate | None = field(default=None, kw_only=True)
    """The contrast with whole days as clusters; only where units are episodes of one owner."""


@dataclass(frozen=True, slots=True)
class ReplayedTurn:
    """A turn's recorded tool calls scheduled again under a tool policy. Never a quality."""

    turn_id: str
    policy_id: str
    calls_recorded: int
    calls_replayed: int
    serial_ms: int
    level_ms: int
    critical_path_ms: int
    wall_ms: int
    """Simulated clock of the replayed schedule, not of this machine."""
    levels: int


@dataclass(frozen=True, slots=True)
class InvariantReport:
    """What a response transform does to recorded answers, checked exactly."""

    policy_id: str
    answers: int
    changed: int
    violations: Mapping[str, int] = field(default_factory=dict)
    """Invariant name to number of answers that break it."""
