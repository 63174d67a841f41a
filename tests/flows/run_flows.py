"""Runs the daily flow twice in one process: as it is, and with hooks that have no effect.

Usage: ``python -m tests.flows.run_flows WORKSPACE DAY``. Prints one JSON document as last line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flows.daily_shadow import daily_shadow
from tests.fakes import WrappedExporter
from tracebridge import wiring
from tracebridge.domain.events import JsonValue
from tracebridge.domain.trajectory import Reward, Trajectory
from tracebridge.ports import Exporter
from tracebridge.settings import Settings


@dataclass(frozen=True, slots=True)
class IdleHooks(WrappedExporter):
    """Its hooks run and do nothing."""

    def smoke(
        self, trajectories: Sequence[Trajectory], rewards: Mapping[str, Reward]
    ) -> Mapping[str, JsonValue]:
        return {
            **self.inner.smoke(trajectories, rewards),
            "status": "failed",
            "detail": "no effect",
        }


def main(workspace: str, day: str) -> None:
    done = daily_shadow(workspace, day=day)
    real = wiring.exporter_of

    def exporter_of(settings: Settings) -> Exporter:
        return IdleHooks(real(settings))

    wiring.exporter_of = exporter_of  # type: ignore[assignment]
    try:
        daily_shadow(workspace, day=day)
        refusal = ""
    except RuntimeError as error:
        refusal = str(error)
    sys.stdout.write("\n" + json.dumps({"done": done, "refusal": refusal}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
