"""A turn's reward: weighted components over what there is evidence for, or an abstention."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tracebridge.crediting.components import COMPONENTS, Evidence, label_mean
from tracebridge.crediting.profiles import LABEL, RewardProfile, WeightedComponent
from tracebridge.domain.feedback import Label
from tracebridge.domain.trajectory import ComponentScore, Reward, Trajectory

_CORRECTNESS = "correctness."


def reward_of(trajectory: Trajectory, labels: Sequence[Label], profile: RewardProfile) -> Reward:
    """The reward of one turn under one profile.

    ``total`` is the weighted mean over the components with evidence, their weights renormalized;
    it abstains unless a correctness component has evidence. ``outcome_total`` is the same without
    the human label: it is observed alike whether or not somebody reacted.

    Args:
        trajectory: the turn and how it was served.
        labels: in any order; those of other turns and those of weight 0 are not in use.
        profile: which components count, and how much.
    """
    turn = trajectory.turn
    in_use = [it for it in labels if it.turn_id == turn.turn_id and it.weight > 0]
    evidence = Evidence(turn=turn, labels=in_use, profile=profile)
    scores = tuple(_score(component, evidence) for component in profile.components)
    return Reward(
        turn_id=turn.turn_id,
        profile=profile.name,
        components=scores,
        total=_total(scores),
        outcome_total=_total(score for score in scores if score.name != LABEL),
        label=label_mean(in_use),
        evidence_weight=min(1.0, math.fsum(it.weight for it in scores if it.value is not None)),
    )


def _score(component: WeightedComponent, evidence: Evidence) -> ComponentScore:
    finding = COMPONENTS[component.name](evidence)
    return ComponentScore(component.name, component.weight, finding.value, finding.evidence)


def _total(scores: Iterable[ComponentScore]) -> float | None:
    """Weighted mean of the values there are; ``None`` if none of them is of correctness."""
    found = [(it.name, it.weight, it.value) for it in scores if it.value is not None]
    if not any(name.startswith(_CORRECTNESS) for name, _, _ in found):
        return None
    weight = math.fsum(weight for _, weight, _ in found)
    return min(1.0, math.fsum(weight * value for _, weight, value in found) / weight)
