"""Agent Lightning behind ``ports.Exporter``: datasets, the strict reading, the runtime hooks."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracebridge.adapters.agent_lightning.consumer import check_exports
from tracebridge.adapters.agent_lightning.export import write_exports
from tracebridge.adapters.agent_lightning.hook_smoke import run_hook_smoke
from tracebridge.domain.events import JsonValue
from tracebridge.domain.trajectory import Reward, Trajectory
from tracebridge.replay.split import split_of


@dataclass(frozen=True, slots=True)
class AgentLightningExporter:
    """Implements ``ports.Exporter``; rows carry the split that the replay set has too."""

    seed: int
    train_fraction: float

    def export(
        self, folder: Path, trajectories: Sequence[Trajectory], rewards: Mapping[str, Reward]
    ) -> Mapping[str, int]:
        """Write the datasets; file name to rows."""
        return write_exports(folder, trajectories, rewards, split_of=self._split_of)

    def check(self, folder: Path, rows: Mapping[str, int]) -> Mapping[str, JsonValue]:
        """Read every row back as the consumer does; ``problems`` lists what it refuses."""
        return check_exports(folder, rows).to_json()

    def smoke(
        self, trajectories: Sequence[Trajectory], rewards: Mapping[str, Reward]
    ) -> Mapping[str, JsonValue]:
        """Run real turns through the runtime hooks, behind a key that is made for this run."""
        return run_hook_smoke(trajectories, rewards, key=secrets.token_urlsafe(24)).to_json()

    def _split_of(self, unit: str) -> str:
        return split_of(unit, seed=self.seed, train_fraction=self.train_fraction)
