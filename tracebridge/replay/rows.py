"""Trajectories and their rewards become replay rows: one row for every decision of the log.

A decision is a turn that a person started and that has ended, however it ended. Turns of cron,
heartbeat or system triggers serve no person, and an open turn has not shown its outcome yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC

from tracebridge.domain.errors import ReplayError
from tracebridge.domain.replay import Metric, ReplayRow, context_key
from tracebridge.domain.trajectory import Reward, Trajectory, Trigger, Turn, TurnStatus
from tracebridge.replay.split import fold_of, split_of


def replay_rows(
    trajectories: Sequence[Trajectory],
    rewards: Mapping[str, Reward],
    *,
    seed: int,
    train_fraction: float,
    folds: int,
) -> tuple[ReplayRow, ...]:
    """One row per decision, sorted by unit, start and turn id.

    ``rewards`` is keyed by turn id. A decision without a propensity stays in: what cannot be
    estimated must be counted. A metric that was not observed on a turn has no value there.

    Raises:
        ReplayError: a turn appears twice.
    """
    decisions = sorted(
        (trajectory for trajectory in trajectories if is_decision(trajectory.turn)),
        key=lambda trajectory: (
            trajectory.unit,
            trajectory.turn.started_at,
            trajectory.turn.turn_id,
        ),
    )
    _refuse_repeats(decisions)
    return tuple(
        _row(
            trajectory,
            rewards.get(trajectory.turn.turn_id),
            split=split_of(trajectory.unit, seed=seed, train_fraction=train_fraction),
            fold=fold_of(trajectory.unit, seed=seed, folds=folds),
        )
        for trajectory in decisions
    )


def is_decision(turn: Turn) -> bool:
    """Whether the turn is one that a policy could have served otherwise, and that has ended."""
    return turn.trigger is Trigger.PERSON and turn.status is not TurnStatus.OPEN


def contexts_of(rows: Iterable[ReplayRow]) -> dict[str, Mapping[str, str]]:
    """Context key to context, over all rows, in key order."""
    contexts = {row.context_key: row.context for row in rows}
    return {key: contexts[key] for key in sorted(contexts)}


def _row(trajectory: Trajectory, reward: Reward | None, *, split: str, fold: int) -> ReplayRow:
    turn = trajectory.turn
    return ReplayRow(
        row_id=turn.turn_id,
        unit=trajectory.unit,
        session_id=turn.session_id,
        day=turn.started_at.astimezone(UTC).date().isoformat(),
        context_key=context_key(trajectory.context),
        context=trajectory.context,
        arm=trajectory.arm,
        propensity=trajectory.propensity,
        provenance=trajectory.propensity_provenance.value,
        split=split,
        fold=fold,
        values=_values(turn, reward),
    )


def _values(turn: Turn, reward: Reward | None) -> dict[Metric, float]:
    """What was observed of the turn, in the units of `Metric`."""
    observed = {
        Metric.OUTCOME: reward.outcome_total if reward else None,
        Metric.LABEL: reward.label if reward else None,
        Metric.COST: None if turn.cost_usd_micros is None else turn.cost_usd_micros / 1e6,
        Metric.LATENCY: None if turn.latency_ms is None else turn.latency_ms / 1e3,
    }
    return {metric: value for metric, value in observed.items() if value is not None}


def _refuse_repeats(decisions: Sequence[Trajectory]) -> None:
    seen: set[str] = set()
    for trajectory in decisions:
        if trajectory.turn.turn_id in seen:
            raise ReplayError(
                f"replay set: turn {trajectory.turn.turn_id} appears twice; "
                "assemble each session once"
            )
        seen.add(trajectory.turn.turn_id)
