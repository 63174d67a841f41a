"""Decision files read back: exactly what the router wrote, and nothing guessed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tracebridge.adapters.decisions import DecisionFiles
from tracebridge.canary.decision_log import DecisionLog, decision_line
from tracebridge.canary.documents import digest_of
from tracebridge.domain.events import QuarantineReason
from tracebridge.domain.replay import Decision

MONDAY = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
CONTEXT = {"chat": "direct", "length": "short"}
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def decision(number: int, *, hours: float = 0.0, propensity: float = 0.5) -> Decision:
    return Decision(
        decision_id=f"d{number}",
        ts=MONDAY + timedelta(hours=hours),
        unit="500001",
        context_digest=digest_of(CONTEXT),
        context=CONTEXT,
        policy_id="candidate",
        arm="strong",
        propensity=propensity,
        stage="10",
        reason="assigned",
        request_ref="500001:101",
    )


def write(folder: Path, *decisions: Decision) -> None:
    log = DecisionLog(folder)
    for it in decisions:
        log.append(it)


def test_what_the_router_logged_is_read_in_the_order_it_was_made(tmp_path: Path) -> None:
    made = [decision(1), decision(2), decision(3, hours=2), decision(4, hours=0.5)]
    write(tmp_path, *made)
    read = DecisionFiles(tmp_path).read(LATER)
    assert read.decisions == (made[0], made[1], made[3], made[2])
    assert [it.name for it in read.inputs] == ["2026-03-02.jsonl", "2026-03-03.jsonl"]
    assert (read.lines, read.duplicates, read.quarantined) == (4, 0, ())


def test_nothing_from_until_on_is_seen(tmp_path: Path) -> None:
    write(tmp_path, decision(1), decision(2, hours=1), decision(3, hours=2))
    midnight = MONDAY + timedelta(hours=1)
    read = DecisionFiles(tmp_path).read(midnight)
    assert read.decisions == (decision(1),)
    assert [it.name for it in read.inputs] == ["2026-03-02.jsonl"], "later days are no input"
    assert DecisionFiles(tmp_path).decisions(midnight) == read.decisions


def test_a_missing_folder_holds_no_decision(tmp_path: Path) -> None:
    read = DecisionFiles(tmp_path / "none").read(LATER)
    assert (read.decisions, read.inputs) == ((), ())


def test_a_file_that_grew_is_read_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, decision(1))
    before = DecisionFiles(tmp_path).read(LATER)
    (entry,) = before.inputs
    content = (tmp_path / entry.name).read_bytes()
    assert (entry.size_bytes, entry.rows) == (len(content), 1)
    assert entry.sha256 == hashlib.sha256(content).hexdigest()
    write(tmp_path, decision(2), decision(3, hours=2))
    again = DecisionFiles(tmp_path, upto_bytes={entry.name: entry.size_bytes})
    assert again.read(LATER) == before


def test_bad_lines_are_quarantined_with_their_place(tmp_path: Path) -> None:
    line = decision_line(decision(9)).decode()
    bad = {
        "no json": QuarantineReason.NOT_JSON,
        line.replace("0.5", "0"): QuarantineReason.BAD_FIELD_TYPE,
        line.replace("0.5", "NaN"): QuarantineReason.NUMBER_RANGE,
        line.replace("0.5", "1.5"): QuarantineReason.BAD_FIELD_TYPE,
        line.replace("short", "long"): QuarantineReason.BAD_FIELD_TYPE,
        line.replace('"arm":"strong"', '"arm":"strong","arm":"weak"'): (
            QuarantineReason.DUPLICATE_KEY
        ),
        line.replace('"stage":"10",', ""): QuarantineReason.BAD_FIELD_TYPE,
        "x" * 1_100_000: QuarantineReason.TOO_LONG,
    }
    (tmp_path / "2026-03-02.jsonl").write_text(
        "".join(f"{text.rstrip()}\n" for text in (line, *bad, "", line))
    )
    read = DecisionFiles(tmp_path).read(LATER)
    assert read.decisions == (decision(9),)
    assert [(it.line, it.reason) for it in read.quarantined] == [
        (position, reason) for position, reason in enumerate(bad.values(), start=2)
    ]
    assert read.duplicates == 1
    assert read.lines == 1 + read.duplicates + len(read.quarantined)


def test_one_id_for_two_decisions_keeps_the_first(tmp_path: Path) -> None:
    write(tmp_path, decision(1), replace(decision(1), arm="weak"))
    read = DecisionFiles(tmp_path).read(LATER)
    assert read.decisions == (decision(1),)
    assert [it.reason for it in read.quarantined] == [QuarantineReason.DUPLICATE_KEY]


@pytest.mark.parametrize("tail", [b'{"arm":', b"no json"])
def test_an_unfinished_line_is_left_for_the_next_time(tmp_path: Path, tail: bytes) -> None:
    write(tmp_path, decision(1))
    path = tmp_path / "2026-03-02.jsonl"
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes() + tail)
    read = DecisionFiles(tmp_path).read(LATER)
    assert (read.lines, read.quarantined, read.inputs[0].size_bytes) == (1, (), whole)
