"""The store takes scrubbed events only, replaces whole parts, and never shows half of one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracebridge.adapters import event_store
from tracebridge.adapters.event_parts import stat_source
from tracebridge.adapters.event_store import ParquetEventStore
from tracebridge.adapters.sessions.session_log import entry_key
from tracebridge.domain.errors import IngestError
from tracebridge.domain.events import (
    EventKind,
    EventStatus,
    FileReport,
    Quarantined,
    QuarantineReason,
    ScrubbedEvent,
    TraceEvent,
)

START = datetime(2026, 11, 21, 5, tzinfo=UTC)
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)


def event(
    number: int, *, session: str = "s1", seq: int | None = None, **more: object
) -> ScrubbedEvent:
    columns: dict[str, object] = {
        "event_id": f"ev_{session}_{number}",
        "source": "openclaw",
        "source_ref": f"log.jsonl:{number}",
        "session_id": session,
        "seq": number if seq is None else seq,
        "parent_event_id": None,
        "ts": START + timedelta(seconds=number),
        "kind": EventKind.SYSTEM,
    }
    return ScrubbedEvent(TraceEvent(**(columns | more)), "1")  # type: ignore[arg-type]


def report(name: str = "log.jsonl", **more: object) -> FileReport:
    columns = {"format": "openclaw", "sha256": "ab", "size_bytes": 9, "lines": 1, "imported": 1}
    return FileReport(file_name=name, **(columns | {"duplicates": 0} | more))  # type: ignore[arg-type]


def stored(store: ParquetEventStore, until: datetime = FOREVER) -> list[list[str]]:
    return [[it.event.event_id for it in session] for session in store.sessions(until)]


def put(
    store: ParquetEventStore, path: Path, events: Iterable[ScrubbedEvent], entries: Iterable[str]
) -> None:
    """Store events as those of a file that exists."""
    if not path.exists():
        path.write_text(path.name)
    part = store.stage(
        events, report(path.name), source=stat_source(path), entry_keys=entries, scrub_version="1"
    )
    store.commit([part])


def test_events_come_back_as_they_went_in(tmp_path: Path) -> None:
    full = event(
        1,
        kind=EventKind.TOOL_RESULT,
        role="toolResult",
        agent="main",
        model="p/m",
        tool_name="exec",
        tool_call_id="c1",
        status=EventStatus.ERROR,
        duration_ms=37,
        tokens_in=0,
        tokens_out=2**53 - 1,
        cost_usd_micros=12,
        text="é 👍\x00 [EMAIL]",
        arm="a",
        propensity=0.1,
        parent_event_id="ev_0",
        attrs={"b": [1, {"c": None}], "a": 0.1, "exit_code": -9},
    )
    full = ScrubbedEvent(full.event, "7", {"EMAIL": 1})
    bare = event(2)
    store = ParquetEventStore(tmp_path)
    store.write([full, bare], report())
    (session,) = ParquetEventStore(tmp_path).sessions(FOREVER)
    assert list(session) == [full, bare]


def test_only_scrubbed_events_are_taken(tmp_path: Path) -> None:
    store = ParquetEventStore(tmp_path)
    with pytest.raises(IngestError, match="only scrubbed events can be stored, not TraceEvent"):
        store.write([event(1), event(2).event], report())  # type: ignore[list-item]
    assert stored(store) == []
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_replaces_its_own_part(tmp_path: Path) -> None:
    store = ParquetEventStore(tmp_path)
    store.write([event(1)], report(sha256="old"))
    store.write([event(1), event(2)], report(sha256="new"))
    assert stored(store) == [["ev_s1_1", "ev_s1_2"]]
    assert [it.sha256 for it in store.reports()] == ["new"]
    assert len(list((tmp_path / "parts").iterdir())) == 1


def test_sessions_come_in_id_order_and_only_before_the_moment(tmp_path: Path) -> None:
    store = ParquetEventStore(tmp_path)
    store.write([event(1, session="b"), event(5, session="b"), event(2, session="a")], report("1"))
    store.write([event(1, session="c")], report("2"))
    assert stored(store) == [["ev_a_2"], ["ev_b_1", "ev_b_5"], ["ev_c_1"]]
    assert stored(store, START + timedelta(seconds=2)) == [["ev_b_1"], ["ev_c_1"]]


def test_reports_come_back_with_their_findings(tmp_path: Path) -> None:
    bad = Quarantined("b.jsonl", 3, 40, 7, QuarantineReason.NOT_JSON, "detail")
    full = report("b.jsonl", quarantined=(bad,), skipped={"synthetic": 2}, repaired_parents=1)
    store = ParquetEventStore(tmp_path)
    store.write([], full)
    store.write([event(1)], report("a.jsonl"))
    assert list(ParquetEventStore(tmp_path).reports()) == [report("a.jsonl"), full]


def test_a_write_that_fails_leaves_the_old_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ParquetEventStore(tmp_path)
    store.write([event(1)], report())

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(event_store, "write_index", refuse)
    with pytest.raises(IngestError, match="No space left"):
        store.write([event(1), event(2)], report())
    assert stored(ParquetEventStore(tmp_path)) == [["ev_s1_1"]]


def test_what_was_staged_and_not_committed_never_happened(tmp_path: Path) -> None:
    store = ParquetEventStore(tmp_path)
    store.write([event(1)], report())
    store.stage([event(1), event(2)], report())
    assert stored(store) == stored(ParquetEventStore(tmp_path)) == [["ev_s1_1"]]


def test_an_index_of_other_rules_counts_as_empty(tmp_path: Path) -> None:
    store = ParquetEventStore(tmp_path)
    store.write([event(1)], report())
    index = tmp_path / "index.json"
    index.write_text(index.read_text().replace("event-store.v1", "event-store.v0"))
    assert stored(ParquetEventStore(tmp_path)) == []


@pytest.mark.parametrize("damage", ["", "{", '{"schema":"tracebridge.event-store.v1"}', "[1]"])
def test_a_damaged_index_is_one_clear_sentence(tmp_path: Path, damage: str) -> None:
    ParquetEventStore(tmp_path).write([event(1)], report())
    (tmp_path / "index.json").write_text(damage)
    with pytest.raises(IngestError, match="import the logs again"):
        ParquetEventStore(tmp_path)


def test_a_damaged_part_is_one_clear_sentence(tmp_path: Path) -> None:
    store = ParquetEventStore(tmp_path)
    store.write([event(1)], report())
    (part,) = (tmp_path / "parts").iterdir()
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(IngestError, match="import the logs again"):
        list(store.sessions(FOREVER))


def test_unchanged_means_size_time_and_inode(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    store = ParquetEventStore(tmp_path / "store")
    assert not store.is_unchanged(log)
    put(store, log, [event(1)], [])
    assert ParquetEventStore(tmp_path / "store").is_unchanged(log, scrub_version="1")
    assert not store.is_unchanged(log, scrub_version="2")
    os.utime(log, ns=(1, 1))
    assert not store.is_unchanged(log)
    put(store, log, [event(1)], [])
    assert store.is_unchanged(log)
    log.write_text("grown and grown")
    assert not store.is_unchanged(log)
    put(store, log, [event(1)], [])
    log.unlink()
    assert not store.is_unchanged(log)


def test_a_live_log_tells_its_entries_and_copies_repeat_them(tmp_path: Path) -> None:
    live, copy = tmp_path / "a.jsonl", tmp_path / "a.checkpoint.1.jsonl"
    key = entry_key("s1", "e1")
    store = ParquetEventStore(tmp_path / "store")
    put(store, copy, [event(1)], [key])
    assert not store.known_entries(live)(key)
    put(store, live, [event(1, source_ref="a.jsonl:1")], [key])
    assert store.known_entries(copy)(key)
    assert not store.known_entries(copy)(entry_key("s1", "e2"))
    assert not store.known_entries(copy)(entry_key("s2", "e1"))
    (part,) = [it for it in [store.stored(live)] if it]
    assert store.outranked(part) == (copy,)
    (session,) = store.sessions(FOREVER)
    assert [it.event.source_ref for it in session] == ["a.jsonl:1"]


def test_several_files_of_one_session_are_merged_by_time(tmp_path: Path) -> None:
    store = ParquetEventStore(tmp_path / "store")
    put(store, tmp_path / "a.jsonl", [event(2, seq=0), event(3, seq=1)], ["s1/2", "s1/3"])
    put(store, tmp_path / "b.jsonl", [event(1, seq=0), event(4, seq=9)], ["s1/1", "s1/4"])
    (session,) = store.sessions(FOREVER)
    assert [it.event.event_id for it in session] == [f"ev_s1_{n}" for n in (1, 2, 3, 4)]
    assert [it.event.seq for it in session] == [0, 1, 2, 3]


def test_a_renamed_log_takes_the_place_of_what_it_was(tmp_path: Path) -> None:
    old, new = tmp_path / "a.jsonl", tmp_path / "a.jsonl.reset.2026"
    store = ParquetEventStore(tmp_path / "store")
    put(store, old, [event(1)], ["s1/1"])
    old.rename(new)
    assert not store.known_entries(new)("s1/1")
    put(store, new, [event(1), event(2)], ["s1/1", "s1/2"])
    assert [it.file_name for it in store.reports()] == [new.name]
    assert stored(store) == [["ev_s1_1", "ev_s1_2"]]


def test_a_vanished_log_is_kept_where_nothing_else_tells_it(tmp_path: Path) -> None:
    old = tmp_path / "a.jsonl"
    store = ParquetEventStore(tmp_path / "store")
    put(store, old, [event(1), event(2)], ["s1/1", "s1/2"])
    old.unlink()
    put(store, tmp_path / "b.jsonl", [event(2)], ["s1/2"])
    assert stored(store) == [["ev_s1_1", "ev_s1_2"]]


def test_namesakes_in_two_folders_keep_their_own_parts(tmp_path: Path) -> None:
    store = ParquetEventStore(tmp_path / "store")
    for number, folder in enumerate(("one", "two")):
        (tmp_path / folder).mkdir()
        put(store, tmp_path / folder / "a.jsonl", [event(number, session=folder)], [f"{folder}/0"])
    assert stored(store) == [["ev_one_0"], ["ev_two_1"]]


def test_parts_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        ParquetEventStore(tmp_path / name).write([event(1), event(2)], report())
    first, second = ((tmp_path / name / "parts") for name in ("one", "two"))
    assert [it.name for it in first.iterdir()] == [it.name for it in second.iterdir()]


_TEXT = st.none() | st.text(max_size=30)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=9)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(
    rows=st.lists(
        st.tuples(_TEXT, st.dictionaries(st.text(max_size=5), _JSON, max_size=4)), max_size=6
    )
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_and_any_attributes_survive(
    tmp_path: Path, rows: list[tuple[str | None, dict[str, object]]]
) -> None:
    events = [event(n, text=text, attrs=attrs) for n, (text, attrs) in enumerate(rows)]
    store = ParquetEventStore(tmp_path)
    store.write(events, report())
    sessions = list(store.sessions(FOREVER))
    assert [it for session in sessions for it in session] == events
