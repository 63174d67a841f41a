"""``artifacts/index.html``: one line a bundle, newest first, each linking its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tracebridge.adapters.bundles import DirectoryBundleStore
from tracebridge.adapters.documents import read_if_sound, table_of
from tracebridge.adapters.files import write_atomic
from tracebridge.adapters.html.index import render_index
from tracebridge.domain.bundle import SealedBundle
from tracebridge.domain.events import JsonValue

_REPORT = "report.html"


def write_index(page: Path, bundles: DirectoryBundleStore) -> None:
    """Write the page over all sealed bundles, whose folder lies beside it.

    Raises:
        OSError: the page cannot be written.
        BundleError: the folder of bundles cannot be read.
    """
    entries = [_entry(bundle, bundle.path.parent.name) for bundle in bundles.sealed()]
    write_atomic(page, render_index(entries).encode())


def _entry(bundle: SealedBundle, folder: str) -> Mapping[str, JsonValue]:
    summary = read_if_sound(bundle.path / "summary.json")
    verdict = table_of(summary, "verdict")
    has_report = (bundle.path / _REPORT).exists()
    return {
        "bundle_id": bundle.manifest.bundle_id,
        "day": bundle.manifest.day,
        "status": bundle.manifest.status,
        "verdict_outcome": verdict.get("outcome"),
        "verdict_sentence": verdict.get("sentence"),
        "report_href": f"{folder}/{bundle.path.name}/{_REPORT}" if has_report else None,
        "turns": table_of(summary, "counts").get("turns"),
        "labels": table_of(summary, "feedback").get("labels"),
    }
