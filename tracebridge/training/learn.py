"""Learning a route policy from the training split: where does another arm beat the baseline?

Contexts are grouped by at most two features. An arm is played in a group only where the lower
bound of its doubly robust advantage is above zero; everywhere else the baseline stays. The
features are chosen by cross-validated gain; of equal gains, the one that changes least wins.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import combinations
from math import prod

from tracebridge.domain.errors import TrainingError
from tracebridge.domain.events import JsonValue
from tracebridge.domain.replay import BASELINE_ARM, BASELINE_POLICY, Arm, Family, Metric, ReplayRow
from tracebridge.stats.clusters import Linearized, degrees_of_freedom, standard_error
from tracebridge.stats.quantiles import t_quantile
from tracebridge.training.scores import (
    Advantage,
    Logged,
    advantages,
    fit_means,
    logged_cells,
    mean_advantage,
)

type Document = dict[str, JsonValue]
type Context = Mapping[str, str]


class NotLearnableReason(StrEnum):
    """Why the log teaches no policy."""

    NO_PROPENSITY = "no_propensity"
    TOO_FEW_ROWS = "too_few_rows"
    NO_SUPPORTED_ARM = "no_supported_arm"
    NO_ADVANTAGE = "no_advantage"
    """No arm is better than the baseline beyond chance: the baseline stays."""


@dataclass(frozen=True, slots=True)
class NotLearnable:
    """A refusal to propose a policy; never a copy of the baseline under another name."""

    reason: NotLearnableReason
    detail: str


@dataclass(frozen=True, slots=True)
class LearningRules:
    """What an arm must bring before it is played in a group of contexts."""

    confidence: float = 0.95
    """Of all one-sided lower bounds of the final rules together."""
    min_arm_rows: int = 30
    """Rows of the group that the arm served."""
    min_arm_units: int = 20
    """Units behind those rows: below, cluster-robust errors are too short."""
    max_features: int = 2


@dataclass(frozen=True, slots=True)
class _Choice:
    """One arm for the contexts of one group in which the log supports it."""

    arm: str
    context_keys: tuple[str, ...]
    advantage: float


@dataclass(frozen=True, slots=True)
class _Trial:
    """What rules of one grouping did on rows they were not chosen on."""

    gain: Linearized
    """Mean over the baseline, per decision."""
    switched: int
    """Decisions that were not left to the baseline."""


@dataclass(frozen=True, slots=True)
class _Lesson:
    """Everything that is learned from, computed once."""

    cells: tuple[Logged, ...]
    places: Mapping[str, tuple[int, ...]]
    """Context key to the places of its cells."""
    units: tuple[str, ...]
    folds: frozenset[int]
    contexts: Mapping[str, Context]
    """By context key, in key order; those that have a feature a rule could name."""
    gains: Mapping[str, tuple[Advantage, ...]]
    """Arm to its advantage in every cell, in the order of the cells."""
    rules: LearningRules


def learn_route_policy(
    rows: Sequence[ReplayRow],
    arms: Sequence[Arm],
    *,
    parent_digest: str,
    replay_set_digest: str,
    seed: int,
    min_rows: int = 200,
    metric: Metric = Metric.OUTCOME,
    rules: LearningRules | None = None,
) -> Document | NotLearnable:
    """A policy document of family ``route`` (``tracebridge.policy.v1``), or why there is none.

    ``rows``: of the training split only. ``arms``: what may be chosen besides the baseline, all
    configuring the same single factor. An arm is never played in a context where the log has not
    shown it. The result depends on the rows' content, not on their order; ``seed`` names the
    split, and with ``parent_digest`` and ``replay_set_digest`` it enters the policy's id.

    Raises `TrainingError` for a hold-out row, a bad propensity, or arms of several factors.
    """
    factor = _factor_of(arms)
    cells = logged_cells(rows, metric)
    taught = sum(cell.n for cell in cells)
    if not cells and rows:
        return NotLearnable(
            NotLearnableReason.NO_PROPENSITY,
            f"none of {len(rows)} training rows has both a logged propensity and {metric}",
        )
    if taught < min_rows:
        return NotLearnable(
            NotLearnableReason.TOO_FEW_ROWS, f"{taught} of {min_rows} training rows"
        )
    lesson = _lesson(rows, cells, arms, rules or LearningRules())
    if not lesson.gains:
        return NotLearnable(
            NotLearnableReason.NO_SUPPORTED_ARM, "the log shows no arm besides the baseline"
        )
    choices = _choose(lesson, _best_features(lesson), lesson.folds)
    if not choices:
        return NotLearnable(
            NotLearnableReason.NO_ADVANTAGE,
            f"no arm beats the baseline beyond chance on {taught} rows of "
            f"{len(lesson.units)} units",
        )
    used = sorted({choice.arm for choice in choices})
    document: Document = {
        "schema": "tracebridge.policy.v1",
        "family": Family.ROUTE.value,
        "parent": BASELINE_POLICY,
        "factor": factor,
        "description": _description(choices, taught, len(lesson.units)),
        "learned_from": replay_set_digest,
        "arms": {arm.name: dict(arm.config) for arm in arms if arm.name in used},
        "rules": [*_rules(choices, lesson.contexts), {"distribution": {BASELINE_ARM: 1.0}}],
    }
    lineage = [document, parent_digest, seed]
    canonical = json.dumps(lineage, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    name = f"learned-route-{sha256(canonical.encode()).hexdigest()[:8]}"
    return {"policy_id": name, **document}


def _factor_of(arms: Sequence[Arm]) -> str:
    keys = {key for arm in arms for key in arm.config}
    strangers = [arm.name for arm in arms if arm.family is not Family.ROUTE]
    if strangers or len(keys) != 1 or any(not arm.config for arm in arms):
        raise TrainingError(
            f"Arms {', '.join(arm.name for arm in arms) or '(none)'} must all be routes that set "
            "the same single key; learn one factor at a time."
        )
    return f"{Family.ROUTE}.{keys.pop()}"


def _lesson(
    rows: Sequence[ReplayRow], cells: tuple[Logged, ...], arms: Sequence[Arm], rules: LearningRules
) -> _Lesson:
    shown = {cell.arm for cell in cells}
    means = fit_means(cells)
    contexts = {row.context_key: row.context for row in rows if row.context}
    places: defaultdict[str, list[int]] = defaultdict(list)
    for at, cell in enumerate(cells):
        places[cell.context_key].append(at)
    names = sorted({arm.name for arm in arms if arm.name in shown} - {BASELINE_ARM})
    return _Lesson(
        cells=cells,
        places={key: tuple(of_key) for key, of_key in places.items()},
        units=tuple(sorted({cell.unit for cell in cells})),
        folds=frozenset(cell.fold for cell in cells),
        contexts={key: contexts[key] for key in sorted(contexts)},
        gains={name: advantages(cells, means, name) for name in names},
        rules=rules,
    )


def _best_features(lesson: _Lesson) -> tuple[str, ...]:
    """Of the groupings that gain about the most, the one that leaves most to the baseline.

    "About" is one standard error of the paired difference in cross-validated gain; on a tie the
    fewest features win.
    """
    names = sorted({name for context in lesson.contexts.values() for name in context})
    groupings = [
        grouping
        for size in range(lesson.rules.max_features + 1)
        for grouping in combinations(names, size)
    ]
    trials = {grouping: _held_out(lesson, grouping) for grouping in groupings}
    best = max(trials.values(), key=lambda trial: trial.gain.value)
    good = [grouping for grouping in groupings if _is_close(trials[grouping], best)]
    return min(good, key=lambda grouping: trials[grouping].switched)


def _is_close(trial: _Trial, best: _Trial) -> bool:
    behind = best.gain - trial.gain
    return behind.value <= 0 or behind.value <= standard_error(behind)


def _held_out(lesson: _Lesson, grouping: tuple[str, ...]) -> _Trial:
    """How rules do on each fold that were chosen on the other folds."""
    served = {
        (fold, key): choice.arm
        for fold in sorted(lesson.folds)
        for choice in _choose(lesson, grouping, lesson.folds - {fold})
        for key in choice.context_keys
    }
    gained = []
    switched = 0
    for at, cell in enumerate(lesson.cells):
        arm = served.get((cell.fold, cell.context_key))
        switched += cell.n if arm else 0
        nothing = Advantage(cell.unit, cell.fold, cell.context_key, cell.n, 0.0)
        gained.append(lesson.gains[arm][at] if arm else nothing)
    return _Trial(mean_advantage(gained, lesson.units), switched)


def _choose(
    lesson: _Lesson, grouping: tuple[str, ...], folds: frozenset[int]
) -> tuple[_Choice, ...]:
    """The arm of every group whose advantage is above zero beyond chance in ``folds``."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for key, context in lesson.contexts.items():
        if all(name in context for name in grouping):
            groups[tuple(context[name] for name in grouping)].append(key)
    tests = len(groups) * len(lesson.gains)
    choices = []
    for values in sorted(groups):
        found = [
            choice
            for arm in lesson.gains
            if (choice := _try_arm(lesson, arm, groups[values], folds, tests)) is not None
        ]
        if found:
            choices.append(max(found, key=lambda choice: choice.advantage))
    return tuple(choices)


def _try_arm(
    lesson: _Lesson, arm: str, context_keys: Sequence[str], folds: frozenset[int], tests: int
) -> _Choice | None:
    """The arm for those contexts that the log supports it in, if its lower bound is above 0."""
    places = [
        at
        for key in context_keys
        for at in lesson.places.get(key, ())
        if lesson.cells[at].fold in folds
    ]
    served = [lesson.cells[at] for at in places if lesson.cells[at].arm == arm]
    if sum(cell.n for cell in served) < lesson.rules.min_arm_rows:
        return None
    if len({cell.unit for cell in served}) < lesson.rules.min_arm_units:
        return None
    supported = {cell.context_key for cell in served}
    gains = [lesson.gains[arm][at] for at in places if lesson.cells[at].context_key in supported]
    advantage = mean_advantage(gains, sorted({gain.unit for gain in gains}))
    if not _is_above_zero(advantage, 1 - (1 - lesson.rules.confidence) / tests):
        return None
    return _Choice(arm, tuple(sorted(supported)), advantage.value)


def _is_above_zero(advantage: Linearized, confidence: float) -> bool:
    error = standard_error(advantage)
    if not error > 0:
        return False
    return advantage.value > t_quantile(confidence, degrees_of_freedom(advantage)) * error


def _rules(choices: Sequence[_Choice], contexts: Mapping[str, Context]) -> list[JsonValue]:
    """One rule per choice where its contexts are a full product of values, else one per context.

    Values that the log never showed match no rule, so an arm is played only where it was seen.
    """
    rules: list[JsonValue] = []
    for choice in choices:
        own = [contexts[key] for key in choice.context_keys]
        names = sorted(own[0])
        whole = {name: sorted({context.get(name, "") for context in own}) for name in names}
        is_product = prod(len(values) for values in whole.values()) == len(own) and all(
            sorted(context) == names for context in own
        )
        conditions = (
            [whole] if is_product else [{name: [c[name]] for name in sorted(c)} for c in own]
        )
        for when in conditions:
            condition: dict[str, JsonValue] = {name: [*values] for name, values in when.items()}
            rules.append({"when": condition, "distribution": {choice.arm: 1.0}})
    return rules


def _description(choices: Sequence[_Choice], rows: int, units: int) -> str:
    contexts = Counter[str]()
    for choice in choices:
        contexts[choice.arm] += len(choice.context_keys)
    plays = ", ".join(f"{arm} in {n} contexts" for arm, n in sorted(contexts.items()))
    return f"Learned on {rows} decisions of {units} units: plays {plays}, else the baseline."
