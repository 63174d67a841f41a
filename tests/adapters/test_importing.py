"""An import accounts for every line, is the same in any order, and survives being killed."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.adapters.openclaw_builder import LogBuilder, conversation, text
from tests.shared import shared_path
from tracebridge.adapters.event_store import ParquetEventStore
from tracebridge.adapters.import_report import ImportReport, check_account
from tracebridge.adapters.importing import import_paths
from tracebridge.domain.errors import IngestError
from tracebridge.domain.events import EventKind, EventStatus, FileReport, ScrubbedEvent
from tracebridge.domain.feedback import DeliveredChunk

FOREVER = datetime(2100, 1, 1, tzinfo=UTC)


def events(store: ParquetEventStore) -> list[ScrubbedEvent]:
    return [event for session in store.sessions(FOREVER) for event in session]


def check(report: ImportReport) -> None:
    for it in report.per_file:
        check_account(it)
    told = report.imported + report.duplicates
    assert report.lines == told + sum(report.quarantined.values()) + sum(report.skipped.values())


def log_folder(folder: Path) -> Path:
    """A live log, its checkpoint, a reset log of another session, and what is not a log."""
    live = conversation([("one", "first"), ("two", "second"), ("three", "third")])
    live.write(folder / "a.jsonl")
    checkpoint = LogBuilder()
    checkpoint.lines = live.lines[:5]
    checkpoint.write(folder / "a.checkpoint.1.jsonl")
    other = conversation([("four", "fourth")], "9d0f3a52-0c4d-4e6f-9a7b-1c2d3e4f5a6b")
    other.write(folder / "b.jsonl.reset.2026-11-21T05-13-06.603Z")
    (folder / "updates.jsonl").write_text('{"update_id":1}\n')
    return folder


def test_the_report_counts_what_the_contract_names(tmp_path: Path) -> None:
    store = ParquetEventStore(tmp_path / "store")
    report = import_paths([log_folder(tmp_path / "logs")], store)
    check(report)
    document = report.to_json()
    assert json.loads(json.dumps(document)) == document
    expected = {
        "schema": "tracebridge.import.v1",
        "files": 3,
        "lines": 15,
        "imported": 10,
        "duplicates": 5,
        "events": 10,
        "sessions": 2,
        "turns": 4,
        "tool_calls": 0,
        "tool_errors": 0,
        "quarantined": {},
        "skipped": {},
        "unchanged": 0,
        "cost_usd": 0.049384,
    }
    assert {name: document[name] for name in expected} == expected
    assert document["tokens"] == {
        "input": 4000, "output": 80, "cache_read": 1200, "cache_write": 0, "total": 5280,
    }  # fmt: skip
    assert document["per_format"] == {"openclaw": {"files": 3, "lines": 15, "imported": 10}}
    assert [it["file"] for it in document["unread"]] == ["updates.jsonl"]  # type: ignore[union-attr,index,call-overload]
    assert [it["file"] for it in document["per_file"]] == [  # type: ignore[union-attr,index,call-overload]
        "a.jsonl", "a.checkpoint.1.jsonl", "b.jsonl.reset.2026-11-21T05-13-06.603Z",
    ]  # fmt: skip


def test_unknown_cost_and_tokens_are_null(tmp_path: Path) -> None:
    log = LogBuilder()
    log.assistant(text("a"), usage={"input": 0, "output": 0, "cost": {"total": 0}})
    document = import_paths(
        [log.write(tmp_path / "a.jsonl")], ParquetEventStore(tmp_path / "store")
    ).to_json()
    assert document["cost_usd"] is None
    assert set(document["tokens"].values()) == {None}  # type: ignore[union-attr]


def test_nothing_unscrubbed_reaches_the_disk(tmp_path: Path) -> None:
    log = LogBuilder()
    log.user("write to alice.demo@example.org, card 4111 1111 1111 1111")
    log.entry("custom", customType="x", data={"password": "hunter2-hunter2"})
    store = ParquetEventStore(tmp_path / "store")
    import_paths([log.write(tmp_path / "a.jsonl")], store)
    shown = repr(events(store))
    assert "[EMAIL]" in shown
    assert "[CARD]" in shown
    for secret in ("alice.demo", "4111", "hunter2"):
        assert secret not in shown


def test_an_unchanged_log_is_not_read_again(tmp_path: Path) -> None:
    folder = log_folder(tmp_path / "logs")
    store = ParquetEventStore(tmp_path / "store")
    first = import_paths([folder], store)
    before = {it: it.stat().st_mtime_ns for it in (tmp_path / "store").rglob("*")}
    again = import_paths([folder], ParquetEventStore(tmp_path / "store"))
    assert again.unchanged == 3
    assert {it: it.stat().st_mtime_ns for it in (tmp_path / "store").rglob("*")} == before
    expected = first.to_json() | {"unchanged": 3}
    assert again.to_json() == expected


def test_a_grown_log_is_read_again_and_replaces_itself(tmp_path: Path) -> None:
    log = conversation([("one", "first")])
    path = log.write(tmp_path / "a.jsonl")
    store = ParquetEventStore(tmp_path / "store")
    import_paths([path], store)
    ids = [event.event.event_id for event in events(store)]
    log.user("two")
    log.write(path)
    report = import_paths([path], store)
    assert (report.unchanged, report.events, report.sessions) == (0, 4, 1)
    assert [event.event.event_id for event in events(store)][:3] == ids


def test_the_order_of_imports_does_not_matter(tmp_path: Path) -> None:
    folder = log_folder(tmp_path / "logs")
    (folder / "updates.jsonl").unlink()
    outcomes = []
    for number, order in enumerate(itertools.permutations(sorted(folder.iterdir()))):
        store = ParquetEventStore(tmp_path / f"store{number}")
        for path in order:
            import_paths([path], store)
        outcomes.append((events(store), store.reports()))
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_several_processes_give_what_one_gives(tmp_path: Path) -> None:
    folder = log_folder(tmp_path / "logs")
    alone, together = ParquetEventStore(tmp_path / "one"), ParquetEventStore(tmp_path / "two")
    expected = import_paths([folder], alone)
    assert import_paths([folder], together, processes=2) == expected
    assert events(together) == events(alone)


def test_progress_tells_of_every_file(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    folder = log_folder(tmp_path / "logs")
    import_paths(
        [folder],
        ParquetEventStore(tmp_path / "store"),
        progress=lambda done, total, name: told.append((done, total, name)),
    )
    assert [it[:2] for it in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert told[0][2] == "a.jsonl"


def test_a_named_file_that_is_no_log_stops_the_import(tmp_path: Path) -> None:
    folder = log_folder(tmp_path / "logs")
    with pytest.raises(IngestError, match=r"updates\.jsonl: this is no log format"):
        import_paths([folder / "updates.jsonl"], ParquetEventStore(tmp_path / "store"))


def test_a_named_file_of_an_unknown_version_stops_the_import(tmp_path: Path) -> None:
    path = LogBuilder(version=9).write(tmp_path / "a.jsonl")
    good = conversation([("q", "a")], "other").write(tmp_path / "0.jsonl")
    with pytest.raises(IngestError, match="version is 9"):
        import_paths([good, path], ParquetEventStore(tmp_path / "store"))
    kept = ParquetEventStore(tmp_path / "store").reports()
    assert [it.file_name for it in kept] == ["0.jsonl"]


def test_below_a_folder_it_is_listed_and_the_rest_is_read(tmp_path: Path) -> None:
    folder = log_folder(tmp_path / "logs")
    LogBuilder(version=9).write(folder / "z.jsonl")
    report = import_paths([folder], ParquetEventStore(tmp_path / "store"))
    assert [it.file_name for it in report.unread] == ["updates.jsonl", "z.jsonl"]
    assert len(report.per_file) == 3


def test_a_file_whose_name_is_no_text_is_listed(tmp_path: Path) -> None:
    folder = log_folder(tmp_path / "logs")
    shutil.copy(folder / "a.jsonl", os.fsencode(folder) + b"/\xff.jsonl")
    report = import_paths([folder], ParquetEventStore(tmp_path / "store"))
    names = [it.file_name for it in report.unread]
    assert names == ["\\udcff.jsonl", "updates.jsonl"]
    assert len(report.per_file) == 3


def test_an_unknown_format_and_a_missing_path_are_refused(tmp_path: Path) -> None:
    store = ParquetEventStore(tmp_path / "store")
    log = conversation([("q", "a")]).write(tmp_path / "a.jsonl")
    assert import_paths([log], store, format="openclaw").events == 3
    with pytest.raises(IngestError, match="there is no reader for the format floppy"):
        import_paths([log], store, format="floppy")
    with pytest.raises(IngestError, match="no such file or folder"):
        import_paths([tmp_path / "nowhere"], store)


def test_a_reader_that_loses_a_line_is_caught() -> None:
    with pytest.raises(IngestError, match="3 lines were read and 2 accounted for"):
        check_account(FileReport("x", "f", "", 1, lines=3, imported=2, duplicates=0))


def test_delivery_maps_are_handed_over(tmp_path: Path) -> None:
    state = shared_path("data", "openclaw-live", "2026.9.6", "state-dir")
    taken: list[DeliveredChunk] = []
    store = ParquetEventStore(tmp_path / "store")
    report = import_paths([state], store, on_delivery_map=taken.extend)
    assert (report.deliveries, len(taken)) == (39, 39)
    named = state / "state" / "openclaw.sqlite"
    assert import_paths([named], store, on_delivery_map=taken.extend).deliveries == 39


def test_all_lines_of_the_public_logs_are_accounted_for(tmp_path: Path) -> None:
    folder = shared_path("data", "session-logs", "openclaw")
    report = import_paths([folder], ParquetEventStore(tmp_path))
    check(report)
    lines = sum(bool(line.strip()) for it in folder.iterdir() for line in it.open("rb"))
    assert (len(report.per_file), report.lines, report.imported) == (4, lines, lines)
    assert (report.sessions, report.tool_errors, report.cost_usd_micros) == (4, 6, None)


@pytest.mark.parametrize(
    ("version", "duplicates", "synthetic"), [("2026.4.15", 22, 2), ("2026.7.1", 0, 28)]
)
def test_a_real_state_folder_agrees_with_what_was_scripted(
    tmp_path: Path, version: str, duplicates: int, synthetic: int
) -> None:
    folder = shared_path("data", "openclaw-live", version)
    truth = json.loads((folder / "TRUTH.json").read_bytes())
    store = ParquetEventStore(tmp_path)
    report = import_paths([folder / "state-dir"], store)
    check(report)
    assert report.duplicates == duplicates
    assert report.skipped == {"synthetic": synthetic}
    assert (report.quarantined, report.unread) == ({}, ())
    found = [event.event for event in events(store)]
    failures = [
        (event.tool_name, event.attrs.get("exit_code"))
        for event in found
        if event.kind is EventKind.TOOL_RESULT and event.status is EventStatus.ERROR
    ]
    assert failures == [("exec", 3), ("read", None)]
    answers = {event.attrs["entry_id"]: event for event in found if event.text}
    for turn in truth["turns"]:
        if turn["transcript"]:
            answer = answers[turn["transcript"]["entry_id"]]
            assert answer.kind is EventKind.ASSISTANT_MESSAGE
            assert turn["answer_text"] in (answer.text or "")


def test_requests_of_a_real_gateway_have_the_ids_that_telegram_gave(tmp_path: Path) -> None:
    for version, missing in (("2026.4.15", 0), ("2026.7.1", 4)):
        folder = shared_path("data", "openclaw-live", version)
        truth = json.loads((folder / "TRUTH.json").read_bytes())
        store = ParquetEventStore(tmp_path / version)
        import_paths([folder / "state-dir"], store)
        requests = {
            event.event.attrs["entry_id"]: event.event
            for event in events(store)
            if event.event.kind is EventKind.USER_MESSAGE
        }
        unknown = 0
        for turn in truth["turns"]:
            place = turn.get("user_transcript")
            if place is None or turn["user_messages"][0]["text"].startswith("/"):
                continue
            request = requests[place["entry_id"]]
            sent = turn["user_messages"][0]
            assert request.text == sent["text"]
            assert request.attrs["trigger"] == "person"
            if "message_id" not in request.attrs:
                unknown += 1
                continue
            assert request.attrs["message_id"] == sent["message_id"]
            assert request.attrs["chat_id"] == str(turn["chat_id"])
        assert unknown == missing


def test_no_person_is_named_in_a_real_store(tmp_path: Path) -> None:
    for version in ("2026.4.15", "2026.7.1"):
        folder = shared_path("data", "openclaw-live", version)
        people = json.loads((folder / "TRUTH.json").read_bytes())["users"]
        store = ParquetEventStore(tmp_path / version)
        import_paths([folder / "state-dir"], store)
        requests = [it for it in events(store) if it.event.kind is EventKind.USER_MESSAGE]
        shown = repr([(it.event.attrs, it.event.text) for it in requests])
        names = [
            person[key] for person in people for key in ("username", "last_name") if key in person
        ]
        assert "alice_demo" in names
        assert not [name for name in names if name in shown.replace("Demo Forum", "")]


_IMPORT_FOREVER = """
import sys
from pathlib import Path
from tracebridge.adapters.event_store import ParquetEventStore
from tracebridge.adapters.importing import import_paths
logs, store = Path(sys.argv[1]), Path(sys.argv[2])
print("ready", flush=True)
while True:
    for path in logs.iterdir():
        path.touch()
    import_paths([logs], ParquetEventStore(store))
    print("round", flush=True)
"""


def test_a_killed_import_leaves_whole_parts_only(tmp_path: Path) -> None:
    logs, root = tmp_path / "logs", tmp_path / "store"
    for number in range(6):
        log = conversation([(f"q{n}", f"a{n}") for n in range(30)], f"session-{number}")
        log.write(logs / f"{number}.jsonl")
    for delay in (0.0, 0.013, 0.037):
        with subprocess.Popen(
            [sys.executable, "-c", _IMPORT_FOREVER, str(logs), str(root)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.readline()
            time.sleep(delay)
            os.kill(process.pid, signal.SIGKILL)
        store = ParquetEventStore(root)
        sessions = [list(session) for session in store.sessions(FOREVER)]
        assert [len(session) for session in sessions] == [61] * 6
        assert sum(it.imported for it in store.reports()) == 6 * 61
    (logs / "0.jsonl").touch()
    import_paths([logs], ParquetEventStore(root))
    assert len(list((root / "parts").iterdir())) == 6


def test_transcripts_in_sqlite_are_named_as_not_read(tmp_path: Path) -> None:
    database = tmp_path / "state-dir" / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"")
    report = import_paths([tmp_path / "state-dir"], ParquetEventStore(tmp_path / "store"))
    (unread,) = report.unread
    assert unread.file_name == "openclaw-agent.sqlite"
    assert "SQLite" in unread.why
