"""Pieces of real logs give exactly the events that were read and agreed on once."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tracebridge.adapters.import_report import check_account
from tracebridge.adapters.sessions.openclaw import read_openclaw
from tracebridge.domain.events import FileReport, TraceEvent

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "openclaw"
LOGS = sorted(path for path in GOLDEN.glob("*.jsonl") if ".events." not in path.name)


def expected_path(log: Path) -> Path:
    return log.with_name(f"{log.stem}.events.jsonl")


def lines_of(events: tuple[TraceEvent, ...]) -> list[str]:
    """One line per event: columns that hold something, times in ISO 8601."""
    return [
        json.dumps(
            {name: value for name, value in asdict(event).items() if value not in (None, {})}
            | {"ts": event.ts.isoformat()},
            ensure_ascii=False,
            sort_keys=True,
        )
        for event in events
    ]


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.stem)
def test_a_golden_log_gives_its_golden_events(log: Path) -> None:
    found = read_openclaw(log)
    check_account(found.report)
    assert lines_of(found.events) == expected_path(log).read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "direct-chat-2026.4.15",
            {"imported": 41, "skipped": {"synthetic": 2}, "repaired_parents": 3},
        ),
        ("topic-2026.7.1", {"imported": 6, "skipped": {"synthetic": 1}, "repaired_parents": 0}),
    ],
)
def test_a_golden_log_has_its_golden_account(name: str, expected: dict[str, object]) -> None:
    report: FileReport = read_openclaw(GOLDEN / f"{name}.jsonl").report
    assert {field: getattr(report, field) for field in expected} == expected
    assert (report.quarantined, report.duplicates) == ((), 0)


if __name__ == "__main__":
    for each in LOGS:
        written = "".join(f"{line}\n" for line in lines_of(read_openclaw(each).events))
        expected_path(each).write_text(written, "utf-8")
