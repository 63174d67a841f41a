"""What answers were worth by their outcomes: the spread of rewards and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass

from tracebridge.adapters.html import formats, plots
from tracebridge.adapters.html.reading import Node


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """One named part of the reward and how often there was evidence for it."""

    name: str
    weight: str
    judged: str
    mean: str
    mean_width: str


@dataclass(frozen=True, slots=True)
class RewardsView:
    """The section's figures."""

    known: bool
    profile: str
    judged: str
    abstained: str
    mean_outcome: str
    mean_label: str
    columns: tuple[plots.Column, ...]
    components: tuple[ComponentRow, ...]


def rewards_of(summary: Node) -> RewardsView:
    """Outcome rewards in [0, 1]; a turn without evidence abstains and is in no mean."""
    rewards = summary["rewards"]
    return RewardsView(
        known=rewards.is_told,
        profile=rewards["profile"].words(),
        judged=formats.plural(rewards["judged"].number(), "turn"),
        abstained=formats.count(rewards["abstained"].number()),
        mean_outcome=formats.decimal(rewards["mean_outcome"].number()),
        mean_label="nobody reacted yet"
        if summary["feedback"]["labels"].number() == 0
        else formats.metric("label", rewards["mean_label"].number()),
        columns=plots.histogram([n.number() for n in rewards["histogram"]], unit="turn"),
        components=tuple(map(_component_row, rewards["components"])),
    )


def _component_row(component: Node) -> ComponentRow:
    mean = component["mean"].number()
    return ComponentRow(
        name=formats.words(component["name"].words()).replace(".", ": "),
        weight=formats.decimal(component["weight"].number(), 2),
        judged=formats.count(component["n"].number()),
        mean=formats.decimal(mean) if mean is not None else "no evidence",
        mean_width=plots.percent(min(max(mean or 0.0, 0.0), 1.0)),
    )
