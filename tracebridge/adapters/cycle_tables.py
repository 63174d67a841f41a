"""The tables of a bundle, behind ``ports.Tables``: nouns to Parquet bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tracebridge.adapters.artifact_tables import (
    labels_to_table,
    replay_rows_to_table,
    rewards_to_table,
    trajectories_to_table,
    turns_to_table,
)
from tracebridge.adapters.tables import events_parquet, parquet_bytes
from tracebridge.domain.events import ScrubbedEvent
from tracebridge.domain.feedback import Label
from tracebridge.domain.replay import ReplayRow
from tracebridge.domain.trajectory import Credit, Reward, Trajectory, Turn


class ParquetTables:
    """Implements ``ports.Tables``; equal nouns give equal bytes, in any order."""

    def events(self, sessions: Iterable[Sequence[ScrubbedEvent]]) -> tuple[bytes, int]:
        """Bytes and row count; consumes the sessions one by one."""
        return events_parquet(sessions)

    def turns(self, turns: Sequence[Turn]) -> bytes:
        """``turns.parquet``."""
        return parquet_bytes(turns_to_table(turns))

    def labels(self, labels: Sequence[Label]) -> bytes:
        """``labels.parquet``."""
        return parquet_bytes(labels_to_table(labels))

    def trajectories(self, trajectories: Sequence[Trajectory], credits_: Sequence[Credit]) -> bytes:
        """``trajectories.parquet``; steps carry their credit."""
        return parquet_bytes(trajectories_to_table(trajectories, credits_))

    def rewards(self, rewards: Sequence[Reward]) -> bytes:
        """``rewards.parquet``."""
        return parquet_bytes(rewards_to_table(rewards))

    def replay_rows(self, rows: Sequence[ReplayRow]) -> bytes:
        """``replay_rows.parquet``."""
        return parquet_bytes(replay_rows_to_table(rows))
