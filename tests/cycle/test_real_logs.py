"""The cycle over logs that the real agent wrote: nothing lost, nothing wrongly labeled."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.shared import shared_path
from tests.workspaces import artifacts, document, lines_of, rows, run_day
from tracebridge.adapters.bundles import verify
from tracebridge.adapters.sessions.discover import session_files
from tracebridge.operations.feedback import import_feedback
from tracebridge.operations.reproduction import reproduce
from tracebridge.operations.workspaces import make_workspace
from tracebridge.settings import Settings, load_settings

DAY = date(2026, 11, 21)
CLASSES = ("imported", "quarantined", "skipped", "duplicates")


def workspace(root: Path, source: Path) -> Settings:
    make_workspace(root, home=root / "nobody")
    config = f'schema = "tracebridge.config.v1"\n[[sources]]\npath = {json.dumps(str(source))}\n'
    (root / "tracebridge.toml").write_text(config)
    return load_settings(root)


@pytest.mark.parametrize(
    "folder",
    [
        ("session-logs", "openclaw"),
        ("openclaw-live", "2026.4.15", "state-dir"),
        ("openclaw-live", "2026.7.1", "state-dir"),
    ],
    ids=lambda folder: folder[1],
)
def test_every_line_of_every_real_log_is_accounted_for(
    tmp_path: Path, folder: tuple[str, ...]
) -> None:
    source = shared_path("data", *folder)
    settings = workspace(tmp_path / "workspace", source)
    result = run_day(settings.workspace, DAY)
    assert {step.outcome.value for step in result.steps} == {"ok"}
    told = document(result.bundle.path / "summary.json")
    files = session_files(source)
    on_disk = sorted((file.name, sum(1 for _ in lines_of(file))) for file in files)
    assert sorted((row["file"], row["lines"]) for row in told["per_file"]) == on_disk
    for row in (*told["per_file"], told["counts"]):
        assert row["lines"] == sum(row[name] for name in CLASSES)
    assert told["counts"]["turns"] > 0
    assert told["verdict"]["outcome"] == "insufficient_evidence"
    assert verify(result.bundle.path) == ()


def test_labels_of_the_recorded_run_are_right_and_most_of_them_are_found(tmp_path: Path) -> None:
    run = shared_path("data", "openclaw-live", "2026.4.15")
    settings = workspace(tmp_path / "workspace", run / "state-dir")
    import_feedback(settings, run / "updates.jsonl", now=datetime(2026, 11, 21, 23, tzinfo=UTC))
    bundle = run_day(settings.workspace, DAY).bundle.path
    turns = {row["turn_id"]: row["answer_entry_ids"] for row in rows(bundle, "turns")}
    labels = rows(bundle, "labels")
    found = {
        (it["chat_id"], it["anchor_message_id"], it["score"], it["scope"], *turns[it["turn_id"]])
        for it in labels
    }
    expected = {
        (
            str(it["chat_id"]),
            it["anchor_message_id"],
            it["score"],
            it["scope"],
            it["transcript"]["entry_id"],
        )
        for it in document(run / "EXPECTED-LABELS.json")["labels"]
    }
    assert found <= expected
    assert len(found) == len(labels) >= 12
    assert all(0 < it["confidence"] <= 1 for it in labels)
    assert not any(it["rule"] == "delivery_map" for it in labels), "this run has none"


def test_a_bundle_of_real_logs_is_made_again_and_is_the_same_elsewhere(tmp_path: Path) -> None:
    source = shared_path("data", "session-logs", "openclaw")
    one, two = (workspace(tmp_path / name / "workspace", source) for name in ("one", "two"))
    first, second = (run_day(it.workspace, DAY).bundle.path for it in (one, two))
    assert reproduce(one, first) == ()
    assert artifacts(first) == artifacts(second)
