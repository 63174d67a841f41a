"""The sealed cycles of a workspace, as rows."""

from __future__ import annotations

from tracebridge.adapters.documents import read_if_sound, table_of
from tracebridge.domain.events import JsonValue
from tracebridge.settings import Settings
from tracebridge.wiring import bundle_store


def cycle_rows(settings: Settings) -> list[dict[str, JsonValue]]:
    """One row a sealed bundle, oldest first."""
    rows: list[dict[str, JsonValue]] = []
    for bundle in bundle_store(settings).sealed():
        verdict = table_of(read_if_sound(bundle.path / "summary.json"), "verdict")
        rows.append(
            {
                "bundle_id": bundle.manifest.bundle_id,
                "day": bundle.manifest.day,
                "status": bundle.manifest.status,
                "verdict": verdict.get("outcome"),
                "files": len(bundle.manifest.files),
                "manifest_sha256": bundle.manifest_sha256,
                "path": str(bundle.path),
            }
        )
    return rows


def damaged_rows(settings: Settings) -> list[dict[str, JsonValue]]:
    """One row a folder that has a manifest which cannot be believed, by name."""
    return [
        {"path": it.path, "what": it.what, "detail": it.found}
        for it in bundle_store(settings).damaged()
    ]
