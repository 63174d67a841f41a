"""One small bundle, made without heavy libraries: what the crash tests kill in the middle."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from tracebridge.adapters.bundles import DirectoryBundleStore
from tracebridge.domain.bundle import SealedBundle, StepOutcome, StepStatus

NOW = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)


def make_bundle(root: Path) -> SealedBundle:
    with DirectoryBundleStore(root, code_version="0.1.0").open(NOW) as draft:
        draft.write_bytes("summary.json", b'{"schema":"tracebridge.summary.v1"}')
        draft.write_bytes("exports/messages.jsonl", b'{"a":1}\n{"a":2}\n')
        return draft.seal(
            day=date(2026, 3, 1),
            seed=7,
            config_digest="c" * 64,
            inputs=[],
            steps=[StepStatus("import", StepOutcome.OK)],
            skips={},
            parents=[],
            versions={},
            now=NOW,
        )
