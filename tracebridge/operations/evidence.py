"""What the logs say up to a moment, walked as far as replay rows: for questions between cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tracebridge.assembly.trajectories import assemble
from tracebridge.domain.feedback import Label
from tracebridge.domain.replay import Decision, ReplayRow
from tracebridge.domain.trajectory import Reward, Trajectory
from tracebridge.replay.rows import replay_rows
from tracebridge.settings import Settings
from tracebridge.steps import rewards_of
from tracebridge.wiring import labels_of, open_workspace, profile_of, small_inputs, terms_of


@dataclass(frozen=True, slots=True)
class Evidence:
    """Decisions, what they led to, and what that was worth."""

    decisions: tuple[Decision, ...]
    trajectories: tuple[Trajectory, ...]
    rewards: Mapping[str, Reward]
    rows: tuple[ReplayRow, ...]
    labels: tuple[Label, ...]


def evidence_of(settings: Settings, until: datetime) -> Evidence:
    """Everything before ``until``, by the same steps as the daily cycle."""
    workspace = open_workspace(settings)
    terms = terms_of(settings)
    joined, turns = labels_of(workspace, until)
    decisions = tuple(workspace.decisions.decisions(until))
    trajectories = assemble(turns, decisions, unit_kind=terms.unit_kind)
    rewards = rewards_of(trajectories, joined.labels, profile_of(settings, small_inputs(settings)))
    rows = replay_rows(
        trajectories,
        rewards,
        seed=terms.seed,
        train_fraction=terms.train_fraction,
        folds=terms.folds,
    )
    return Evidence(decisions, trajectories, rewards, rows, joined.labels)
