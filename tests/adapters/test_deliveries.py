"""The delivery log: it remembers what the agent forgets, and the last word on a message holds."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.shared import shared_path
from tracebridge.adapters.deliveries import DeliveryLog
from tracebridge.adapters.sessions.openclaw_state import read_deliveries
from tracebridge.domain.errors import LabelingError
from tracebridge.domain.feedback import DeliveredChunk

FIRST = DeliveredChunk("500001", 104, None, "entry-1", 0, is_final=False)
LAST = DeliveredChunk("500001", 105, "7", "entry-1", 1, is_final=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory" / "feedback" / "deliveries.jsonl"


def test_records_are_kept_by_chat_and_message(path: Path) -> None:
    log = DeliveryLog(path)
    assert log.deliveries() == ()
    group = replace(FIRST, chat_id="-1001000000001", message_id=2002)
    assert log.add([LAST, group, FIRST]) == 3
    assert DeliveryLog(path).deliveries() == (group, FIRST, LAST)


def test_what_is_known_adds_nothing(path: Path) -> None:
    DeliveryLog(path).add([FIRST, LAST])
    before = path.read_bytes()
    assert DeliveryLog(path).add([LAST, FIRST, FIRST]) == 0
    assert path.read_bytes() == before


def test_the_last_record_of_a_message_holds(path: Path) -> None:
    """A streamed answer's only part is not final before it turns out to be."""
    log = DeliveryLog(path)
    log.add([FIRST])
    before = log.prefix()
    final = replace(FIRST, is_final=True)
    assert log.add([final]) == 1
    assert log.deliveries() == (final,)
    assert log.deliveries(upto_bytes=before.size_bytes) == (FIRST,)


def test_what_the_agent_forgets_stays(path: Path) -> None:
    log = DeliveryLog(path)
    log.add([FIRST])
    log.add([LAST])
    assert log.deliveries() == (FIRST, LAST)


def test_the_prefix_names_what_is_there(path: Path) -> None:
    log = DeliveryLog(path)
    assert (log.prefix().rows, log.prefix().size_bytes) == (0, 0)
    log.add([FIRST, LAST])
    prefix = log.prefix(name="feedback/deliveries.jsonl")
    assert (prefix.kind, prefix.rows) == ("deliveries", 2)
    assert prefix.name == "feedback/deliveries.jsonl"
    assert prefix.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_torn_tail_is_no_record(path: Path) -> None:
    log = DeliveryLog(path)
    log.add([FIRST])
    path.write_bytes(path.read_bytes() + b'{"chat_id":"500')
    assert (log.deliveries(), log.prefix().rows) == ((FIRST,), 1)
    assert log.add([LAST]) == 1
    assert log.deliveries() == (FIRST, LAST)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"part_index":1', b'"part_index":"1"'), (b'"chat_id"', b'"chat"'), (b"{", b"")],
)
def test_a_damaged_line_is_named(path: Path, old: bytes, new: bytes) -> None:
    DeliveryLog(path).add([FIRST, LAST])
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second.replace(old, new))
    with pytest.raises(LabelingError, match=r"deliveries\.jsonl line 2 is damaged"):
        DeliveryLog(path).deliveries()


def test_the_live_map_is_remembered_whole(path: Path) -> None:
    database = shared_path("data", "openclaw-live", "2026.9.6", "state-dir") / "state"
    chunks = read_deliveries(database / "openclaw.sqlite")
    assert DeliveryLog(path).add(chunks) == len(chunks) == 39
    assert set(DeliveryLog(path).deliveries()) == set(chunks)
    assert DeliveryLog(path).add(chunks) == 0
