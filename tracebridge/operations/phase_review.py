"""The three-day review of a workspace: sealed bundles in, exit criteria with evidence out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from tracebridge.adapters.bundle_checks import verify
from tracebridge.adapters.documents import read_if_sound, table_of
from tracebridge.adapters.inputs import plan_text
from tracebridge.adapters.tables import read_table
from tracebridge.domain.bundle import SealedBundle
from tracebridge.domain.events import JsonValue
from tracebridge.gate.review import CycleRecord, ReviewReport, review
from tracebridge.operations.feedback import read_harvests
from tracebridge.settings import Settings
from tracebridge.wiring import bundle_store, open_workspace

_DATA = frozenset({"session_log", "ledger", "deliveries", "decisions"})
_LABELS = "labels.parquet"

CHUNK_POLICY_HEADING = "## Chunk-label policy"
"""Section of the adoption plan that says how a reaction on one chunk labels an answer."""


def review_workspace(settings: Settings, *, days: int) -> ReviewReport:
    """Hold the workspace's sealed cycles against the exit criteria of phase 1.

    Raises:
        LedgerError: the ledger or the state of the harvester is damaged.
    """
    bundles = bundle_store(settings)
    harvested = set(table_of(read_harvests(settings), "days"))
    known = {entry.reaction.update_id for entry in open_workspace(settings).ledger.entries()}
    return review(
        [_record(bundle, harvested=harvested, known_updates=known) for bundle in bundles.sealed()],
        chunk_policy_documented=CHUNK_POLICY_HEADING in plan_text(),
        days=days,
        damaged=[mismatch.path for mismatch in bundles.damaged()],
    )


def _record(bundle: SealedBundle, *, harvested: set[str], known_updates: set[int]) -> CycleRecord:
    problems = verify(bundle.path)
    summary = read_if_sound(bundle.path / "summary.json")
    ablation = read_if_sound(bundle.path / "ablation.json")
    counts = table_of(summary, "counts")
    labels = _labels(bundle, broken={problem.path for problem in problems})
    update_lists = labels.column("update_ids").to_pylist() if labels is not None else []
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
        chunk_rule_applied=labels is not None
        and set(labels.column("scope").to_pylist()) <= {"batch", "chunk"},
        verify_problems=len(problems),
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


def _labels(bundle: SealedBundle, *, broken: set[str]) -> Any:
    """The table of labels; ``None`` where it is not as it was sealed, or never was."""
    if _LABELS in broken or not (bundle.path / _LABELS).exists():
        return None
    return read_table(bundle.path / _LABELS)


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
