"""The three-day review of a workspace: sealed bundles in, exit criteria with evidence out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date

from tracebridge.adapters.bundle_checks import verify
from tracebridge.adapters.documents import read_document, table_of
from tracebridge.adapters.inputs import plan_text
from tracebridge.adapters.tables import read_table
from tracebridge.domain.bundle import SealedBundle
from tracebridge.domain.events import JsonValue
from tracebridge.gate.review import CycleRecord, ReviewReport, review
from tracebridge.settings import Settings
from tracebridge.wiring import bundle_store, open_workspace

_DATA = frozenset({"session_log", "ledger", "deliveries", "decisions"})


CHUNK_POLICY_HEADING = "## Chunk-label policy"
"""Section of the adoption plan that says how a reaction on one chunk labels an answer."""


def review_workspace(settings: Settings, *, days: int) -> ReviewReport:
    """Hold the workspace's sealed cycles against the exit criteria of phase 1."""
    harvested = set(table_of(read_document(settings.harvester_state_path), "days"))
    known = {entry.reaction.update_id for entry in open_workspace(settings).ledger.entries()}
    return review(
        [
            _record(bundle, harvested=harvested, known_updates=known)
            for bundle in bundle_store(settings).sealed()
        ],
        chunk_policy_documented=CHUNK_POLICY_HEADING in plan_text(),
        days=days,
    )


def _record(bundle: SealedBundle, *, harvested: set[str], known_updates: set[int]) -> CycleRecord:
    summary = read_document(bundle.path / "summary.json")
    ablation = read_document(bundle.path / "ablation.json")
    counts = table_of(summary, "counts")
    update_lists = _update_ids(bundle)
    manifest = bundle.manifest
    winner = ablation.get("winner")
    return CycleRecord(
        bundle_id=manifest.bundle_id,
        day=date.fromisoformat(manifest.day),
        status=manifest.status,
        runtime_hook=str(table_of(summary, "runtime_hook").get("status")),
        uplifts=_uplifts(ablation),
        winner=winner if isinstance(winner, str) else None,
        inputs_digest=_inputs_digest(bundle),
        events=_integer(counts, "events"),
        lines=_integer(counts, "lines"),
        quarantined=_integer(counts, "quarantined"),
        labels=len(update_lists),
        labels_traced=sum(bool(ids) and set(ids) <= known_updates for ids in update_lists),
        harvested=manifest.day in harvested,
        chunk_rule_applied=_labels_have_scope(bundle),
        verify_problems=len(verify(bundle.path)),
        integrity_problems=tuple(_failed_checks(summary)),
        steps=manifest.steps,
    )


def _uplifts(ablation: Mapping[str, JsonValue]) -> dict[str, float]:
    uplifts: dict[str, float] = {}
    rows = ablation.get("rows")
    metric = ablation.get("primary_metric")
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or row.get("policy_id") == ablation.get("baseline"):
            continue
        contrast = table_of(table_of(row, "contrast"), str(metric))
        value = contrast.get("value")
        if isinstance(value, int | float):
            uplifts[str(row["policy_id"])] = float(value)
    return uplifts


def _inputs_digest(bundle: SealedBundle) -> str:
    data = [
        [entry.kind, entry.name, entry.sha256]
        for entry in bundle.manifest.inputs
        if entry.kind in _DATA
    ]
    return hashlib.sha256(json.dumps(sorted(data)).encode()).hexdigest()


def _update_ids(bundle: SealedBundle) -> list[list[int]]:
    path = bundle.path / "labels.parquet"
    return read_table(path).column("update_ids").to_pylist() if path.exists() else []


def _labels_have_scope(bundle: SealedBundle) -> bool:
    path = bundle.path / "labels.parquet"
    if not path.exists():
        return False
    return set(read_table(path).column("scope").to_pylist()) <= {"batch", "chunk"}


def _failed_checks(summary: Mapping[str, JsonValue]) -> list[str]:
    checks = summary.get("integrity")
    return [
        f"{check['check']}: {check['detail']}"
        for check in (checks if isinstance(checks, list) else [])
        if isinstance(check, dict) and check.get("result") == "fail"
    ]


def _integer(document: Mapping[str, JsonValue], key: str) -> int:
    value = document.get(key)
    return value if isinstance(value, int) else 0
