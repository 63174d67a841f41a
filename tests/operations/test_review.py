"""The review of phase 1 tells the truth about a workspace, criterion by criterion."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workspaces import DAY_1, DAY_2, Cycled, bundles, copy_of, run_day
from tracebridge.domain.errors import LedgerError
from tracebridge.domain.verdict import CheckResult
from tracebridge.gate.review import ReviewReport
from tracebridge.operations.cycles import cycle_rows, damaged_rows
from tracebridge.operations.phase_review import review_workspace
from tracebridge.operations.workspaces import make_workspace
from tracebridge.settings import load_settings

UPLIFT = "stable_uplift"
"""Eighty chats cannot show one; what the others say must not depend on it."""


def reviewed(root: Path, *, days: int = 2) -> ReviewReport:
    return review_workspace(load_settings(root), days=days)


def unmet(root: Path, *, days: int = 2) -> set[str]:
    report = reviewed(root, days=days)
    found = {it.check for it in report.criteria if it.result is not CheckResult.PASS}
    assert (report.result is CheckResult.PASS) == (not found)
    return found - {UPLIFT}


@pytest.fixture
def root(cycled: Cycled, tmp_path: Path) -> Path:
    return copy_of(cycled.root, tmp_path / "workspace")


def test_two_sound_days_meet_every_criterion_that_days_can_meet(root: Path) -> None:
    assert unmet(root) == set()
    assert reviewed(root).days == (DAY_1, DAY_2)


def test_two_days_are_not_three(root: Path) -> None:
    assert unmet(root, days=3) == {"successful_cycles", "daily_harvest"}


def test_an_empty_workspace_has_met_nothing_that_needs_data(tmp_path: Path) -> None:
    make_workspace(tmp_path, home=tmp_path / "nobody")
    assert {"successful_cycles", "runtime_hooks", "data_integrity"} <= unmet(tmp_path)


def flip_a_byte(root: Path) -> None:
    path = bundles(root)[0] / "turns.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def lose_a_file(root: Path) -> None:
    (bundles(root)[1] / "summary.json").unlink()


def break_labels(root: Path) -> None:
    (bundles(root)[1] / "labels.parquet").write_bytes(b"PAR1")


def break_a_summary(root: Path) -> None:
    (bundles(root)[1] / "summary.json").write_bytes(b"{")


@pytest.mark.parametrize("damage", [flip_a_byte, lose_a_file, break_labels, break_a_summary])
def test_an_altered_bundle_is_a_regression_and_no_crash(
    root: Path, damage: Callable[[Path], None]
) -> None:
    damage(root)
    assert "data_integrity" in unmet(root)


def test_a_broken_seal_is_told_and_never_passed_over(root: Path) -> None:
    newest = bundles(root)[-1]
    run_day(root, DAY_2)
    (newest / "manifest.json").write_bytes(b"{}")
    assert unmet(root) == {"data_integrity"}
    detail = next(it.detail for it in reviewed(root).criteria if it.check == "data_integrity")
    assert newest.name in detail
    settings = load_settings(root)
    assert newest.name not in {str(row["bundle_id"]) for row in cycle_rows(settings)}
    assert [str(row["path"]).split("/")[0] for row in damaged_rows(settings)] == [newest.name]


def test_a_day_without_a_harvest_is_missed(root: Path) -> None:
    path = load_settings(root).harvester_state_path
    state = json.loads(path.read_text())
    del state["days"][DAY_2.isoformat()]
    path.write_text(json.dumps(state))
    assert unmet(root) == {"daily_harvest"}
    path.unlink()
    assert unmet(root) == {"daily_harvest"}
    path.write_text("{")
    with pytest.raises(LedgerError, match="harvester-state"):
        reviewed(root)


def test_a_label_whose_update_is_gone_is_not_auditable(root: Path) -> None:
    path = load_settings(root).ledger_path
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]))
    assert unmet(root) == {"auditable_labels"}


def test_the_same_day_again_is_no_new_data(root: Path) -> None:
    second = bundles(root)[1]
    for path in sorted(second.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    second.rmdir()
    run_day(root, DAY_2.replace(day=4))
    run_day(root, DAY_2.replace(day=5))
    assert {"new_data_each_day", "daily_harvest"} <= unmet(root)


def test_a_list_of_cycles_survives_a_damaged_summary(root: Path) -> None:
    break_a_summary(root)
    rows = cycle_rows(load_settings(root))
    assert [row["day"] for row in rows] == [DAY_1.isoformat(), DAY_2.isoformat()]
    assert rows[0]["verdict"] == "insufficient_evidence"
    assert rows[1]["verdict"] is None
    assert run_day(root, DAY_2).bundle.manifest.status == "ok"
