"""The tables of a bundle: turns, labels, trajectories, rewards and replay rows, both ways.

Rows are sorted by a unique key, so the bytes do not depend on the order they were made in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from itertools import accumulate, batched, chain
from operator import attrgetter
from typing import Any

import pyarrow as pa

from tracebridge.adapters.table_schemas import (
    LABEL_SCHEMA,
    REPLAY_ROW_SCHEMA,
    REWARD_SCHEMA,
    STEP_TYPE,
    TRAJECTORY_SCHEMA,
    TURN_SCHEMA,
)
from tracebridge.adapters.tables import ROW_GROUP_ROWS, canonical_json, table_of
from tracebridge.domain.feedback import JoinRule, Label, LabelScope
from tracebridge.domain.replay import Metric, ReplayRow
from tracebridge.domain.trajectory import (
    Credit,
    Reward,
    Step,
    StepKind,
    StepStatus,
    Trajectory,
    Turn,
)

_TRAJECTORY_SCALARS = pa.schema([field for field in TRAJECTORY_SCHEMA if field.name != "steps"])
_METRIC_COLUMNS = {
    Metric.OUTCOME: "outcome",
    Metric.LABEL: "label",
    Metric.COST: "cost_usd",
    Metric.LATENCY: "latency_s",
}


def turns_to_table(turns: Iterable[Turn]) -> pa.Table:
    """One row per turn, by session and position."""
    ordered = sorted(turns, key=lambda turn: (turn.session_id, turn.seq, turn.turn_id))
    return table_of(map(_turn_values, ordered), TURN_SCHEMA)


def labels_to_table(labels: Iterable[Label]) -> pa.Table:
    """One row per label, by id."""
    return table_of(map(_label_values, sorted(labels, key=lambda it: it.label_id)), LABEL_SCHEMA)


def table_to_labels(table: pa.Table) -> tuple[Label, ...]:
    """The labels of a table made by `labels_to_table`."""
    return tuple(
        Label(
            **row
            | {
                "scope": LabelScope(row["scope"]),
                "rule": JoinRule(row["rule"]),
                "chunk_ids": tuple(row["chunk_ids"]),
                "update_ids": tuple(row["update_ids"]),
                "reacted_at": row["reacted_at"].astimezone(UTC),
            }
        )
        for row in table.select(LABEL_SCHEMA.names).to_pylist()
    )


def trajectories_to_table(
    trajectories: Iterable[Trajectory], credits_: Iterable[Credit] = ()
) -> pa.Table:
    """One row per trajectory, by id; its steps carry their credit where one is given."""
    ordered = sorted(trajectories, key=lambda it: it.trajectory_id)
    scalars = table_of(map(_trajectory_values, ordered), _TRAJECTORY_SCALARS)
    credit_of_step = {credit.step_id: credit for credit in credits_}
    rows = [trajectory.turn.steps for trajectory in ordered]
    # In chunks, because one array of texts cannot hold more than 2 GB of them.
    chunks = [_step_lists(batch, credit_of_step) for batch in batched(rows, ROW_GROUP_ROWS)]
    steps = pa.chunked_array(chunks, type=TRAJECTORY_SCHEMA.field("steps").type)
    return pa.Table.from_arrays([*scalars.columns, steps], schema=TRAJECTORY_SCHEMA)


def rewards_to_table(rewards: Iterable[Reward]) -> pa.Table:
    """One row per turn and profile."""
    ordered = sorted(rewards, key=lambda reward: (reward.turn_id, reward.profile))
    return table_of(map(_reward_values, ordered), REWARD_SCHEMA)


def replay_rows_to_table(rows: Iterable[ReplayRow]) -> pa.Table:
    """One row per decision, by row id; an unobserved metric is null."""
    ordered = sorted(rows, key=lambda row: row.row_id)
    return table_of(map(_replay_row_values, ordered), REPLAY_ROW_SCHEMA)


def table_to_replay_rows(table: pa.Table) -> tuple[ReplayRow, ...]:
    """The rows of a table made by `replay_rows_to_table`."""
    return tuple(map(_replay_row_of, table.select(REPLAY_ROW_SCHEMA.names).to_pylist()))


def _turn_values(turn: Turn) -> tuple[object, ...]:
    tool_steps = [step for step in turn.steps if step.kind is StepKind.TOOL]
    return (
        turn.turn_id,
        turn.session_id,
        turn.seq,
        turn.episode_id,
        turn.trigger.value,
        turn.chat_id,
        turn.chat_type,
        turn.thread_id,
        turn.inbound_message_ids,
        turn.request_event_id,
        turn.answer_event_id,
        turn.answer_entry_ids,
        turn.started_at,
        turn.ended_at,
        turn.status.value,
        turn.request_text,
        turn.answer_text,
        turn.model,
        turn.thinking_level,
        turn.latency_ms,
        turn.tokens_in,
        turn.tokens_out,
        turn.cost_usd_micros,
        len(turn.steps),
        len(tool_steps),
        sum(step.status is StepStatus.ERROR for step in tool_steps),
        canonical_json(turn.answer_finds),
    )


def _label_values(label: Label) -> tuple[object, ...]:
    return (
        label.label_id,
        label.turn_id,
        label.session_id,
        label.chat_id,
        label.score,
        label.scope.value,
        label.rule.value,
        label.confidence,
        label.anchor_message_id,
        label.chunk_ids,
        label.update_ids,
        label.weight,
        label.reacted_at,
    )


def _trajectory_values(trajectory: Trajectory) -> tuple[object, ...]:
    turn = trajectory.turn
    return (
        trajectory.trajectory_id,
        turn.turn_id,
        turn.session_id,
        turn.episode_id,
        trajectory.unit,
        trajectory.arm,
        trajectory.policy_id,
        trajectory.propensity,
        trajectory.propensity_provenance.value,
        trajectory.decision_id,
        canonical_json(trajectory.context),
        turn.status.value,
    )


def _step_lists(
    of_rows: Sequence[Sequence[Step]], credit_of_step: Mapping[str, Credit]
) -> pa.ListArray:
    """One list of steps a row, built column by column: several times faster than as objects."""
    steps = list(chain.from_iterable(of_rows))
    credited = [credit_of_step.get(step.step_id) for step in steps]
    columns: dict[str, list[object]] = {
        "kind": [step.kind.value for step in steps],
        "status": [step.status.value for step in steps],
        "credit": [it and it.share for it in credited],
        "credit_rule": [it and it.rule for it in credited],
    }
    for field in STEP_TYPE:
        if field.name not in columns:
            columns[field.name] = list(map(attrgetter(field.name), steps))
    fields = [pa.array(columns[field.name], field.type) for field in STEP_TYPE]
    offsets = [0, *accumulate(map(len, of_rows))]
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()),
        pa.StructArray.from_arrays(fields, fields=list(STEP_TYPE)),
        type=TRAJECTORY_SCHEMA.field("steps").type,
    )


def _reward_values(reward: Reward) -> tuple[object, ...]:
    components = [
        {"name": it.name, "weight": it.weight, "value": it.value, "evidence": it.evidence}
        for it in reward.components
    ]
    return (
        reward.turn_id,
        reward.profile,
        reward.total,
        reward.outcome_total,
        reward.label,
        reward.evidence_weight,
        components,
    )


def _replay_row_values(row: ReplayRow) -> tuple[object, ...]:
    return (
        row.row_id,
        row.unit,
        row.session_id,
        row.day,
        row.context_key,
        canonical_json(row.context),
        row.arm,
        row.propensity,
        row.provenance,
        row.split,
        row.fold,
        *(row.values.get(metric) for metric in _METRIC_COLUMNS),
    )


def _replay_row_of(columns: dict[str, Any]) -> ReplayRow:
    observed = {metric: columns.pop(name) for metric, name in _METRIC_COLUMNS.items()}
    return ReplayRow(
        **columns | {"context": json.loads(columns["context"])},
        values={metric: value for metric, value in observed.items() if value is not None},
    )
