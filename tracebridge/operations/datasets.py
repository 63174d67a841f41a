"""Training datasets on their own, and the strict reading of a bundle's exports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tracebridge.adapters.agent_lightning.consumer import check_exports
from tracebridge.adapters.files import write_atomic
from tracebridge.domain.errors import ConsumerError
from tracebridge.domain.events import JsonValue
from tracebridge.operations.evidence import evidence_of
from tracebridge.settings import Settings
from tracebridge.wiring import exporter_of

FILES: Mapping[str, str] = {
    "messages": "messages.jsonl",
    "triplets": "triplets.jsonl",
    "agent-lightning": "rollout_events.jsonl",
}


def write_dataset(settings: Settings, kind: str, out: Path, *, until: datetime) -> int:
    """Write one dataset of everything before ``until`` to ``out``; returns its rows."""
    evidence = evidence_of(settings, until)
    with TemporaryDirectory() as folder:
        rows = exporter_of(settings).export(Path(folder), evidence.trajectories, evidence.rewards)
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, (Path(folder) / FILES[kind]).read_bytes())
    return int(rows[FILES[kind]])


def check_dataset(path: Path) -> Mapping[str, JsonValue]:
    """Read the exports in ``path`` (a bundle or its ``exports`` folder) as their consumer does.

    Raises:
        ConsumerError: there are no exports.
    """
    folder = path / "exports" if (path / "exports").is_dir() else path
    if not folder.is_dir():
        raise ConsumerError(f"{path}: is no folder of exports; name a bundle or its exports")
    return check_exports(folder, {}).to_json()
