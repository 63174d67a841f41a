"""The ledger: nothing twice, nothing lost, and no byte changed unseen."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.feedback import RECEIVED, START, reaction
from tests.shared import REPOSITORY
from tracebridge.adapters.ledger import GENESIS, ReactionLedger
from tracebridge.domain.errors import LedgerError
from tracebridge.domain.feedback import LedgerKind, Reaction

CONTRACT_FIELDS = {
    *("seq", "prev", "hash", "bot", "update_id", "kind", "chat_id", "message_id", "thread_id"),
    *("actor", "actor_is_bot", "date", "old", "new", "source", "received_at"),
}

reactions = st.builds(
    reaction,
    st.integers(1, 5),
    st.sampled_from(["👍", "👎", "❤️"]),
    message_id=st.integers(101, 103),
    bot=st.sampled_from(["one", "two"]),
    after_s=st.integers(0, 2),
    kind=st.sampled_from([LedgerKind.REACTION, LedgerKind.REACTION_COUNT]),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory" / "feedback" / "telegram-reactions.jsonl"


def test_a_line_holds_what_the_contract_names(path: Path) -> None:
    first = replace(reaction(7, "👍", "❤️", old=("👎",)), thread_id="9")
    assert ReactionLedger(path).append([first]) == 1
    (line,) = path.read_text().splitlines()
    record = json.loads(line)
    assert record.keys() == CONTRACT_FIELDS
    assert record["date"] == "2026-03-01T09:00:00Z"
    assert (record["seq"], record["prev"], record["new"]) == (1, GENESIS, ["👍", "❤️"])
    content = {name: value for name, value in record.items() if name != "hash"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert record["hash"] == hashlib.sha256(canonical.encode()).hexdigest()


def test_an_empty_ledger_has_a_head_and_a_prefix(path: Path) -> None:
    ledger = ReactionLedger(path)
    assert ledger.entries() == ()
    assert ledger.head() == (0, GENESIS)
    assert ledger.prefix().sha256 == hashlib.sha256(b"").hexdigest()
    assert not path.exists(), "reading makes nothing"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(batches=st.lists(st.lists(reactions, max_size=6), max_size=5))
def test_every_update_is_kept_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Reaction]]
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    writer = ReactionLedger(path)
    added = sum(writer.append(batch) for batch in batches)
    distinct = list(dict.fromkeys(it for batch in batches for it in batch))
    kept = ReactionLedger(path).entries()
    assert [entry.reaction for entry in kept] == distinct
    assert added == len(distinct)
    assert [entry.seq for entry in kept] == list(range(1, len(distinct) + 1))
    assert [entry.prev for entry in kept] == [GENESIS, *(entry.hash for entry in kept)][:-1]
    assert writer.entries() == kept, "what the writer knows is what the file says"


def test_the_same_update_by_another_way_adds_nothing(path: Path) -> None:
    ledger = ReactionLedger(path)
    ledger.append([reaction(1, "👍", source="harvest")])
    again = reaction(1, "👍", source="import", received_at=RECEIVED + timedelta(days=1))
    assert ledger.append([again, again]) == 0
    assert ReactionLedger(path).append([again]) == 0


def test_an_update_id_that_telegram_gave_twice_is_kept_twice(path: Path) -> None:
    """After a week of silence the numbering starts anywhere."""
    assert ReactionLedger(path).append([reaction(1, "👍"), reaction(1, "👎")]) == 2


def test_two_writers_in_turn_share_one_chain(path: Path) -> None:
    one, two = ReactionLedger(path), ReactionLedger(path)
    one.append([reaction(1, "👍")])
    two.append([reaction(2, "👍")])
    assert one.append([reaction(2, "👍"), reaction(3, "👍")]) == 1
    assert [entry.reaction.update_id for entry in two.entries()] == [1, 2, 3]


def test_entries_stop_before_until_and_at_a_sequence_number(path: Path) -> None:
    ledger = ReactionLedger(path)
    ledger.append([reaction(1, "👍", after_s=5), reaction(2, "👍", after_s=0), reaction(3, "👍")])
    moment = START + timedelta(seconds=5)
    assert [entry.reaction.update_id for entry in ledger.entries(moment)] == [2, 3]
    assert [entry.reaction.update_id for entry in ledger.entries(moment, upto_seq=2)] == [2]


def test_a_prefix_is_the_same_after_the_ledger_has_grown(path: Path) -> None:
    ledger = ReactionLedger(path)
    ledger.append([reaction(1, "👍"), reaction(2, "👍")])
    before = ledger.prefix()
    assert before.size_bytes == path.stat().st_size
    assert before.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    ledger.append([reaction(3, "👍")])
    assert ledger.prefix(2) == before
    assert (ledger.prefix().rows, ledger.prefix(0).size_bytes) == (3, 0)
    with pytest.raises(LedgerError, match="3 lines, not the 4"):
        ledger.prefix(4)


def test_any_changed_byte_is_found_and_its_line_named(path: Path) -> None:
    ledger = ReactionLedger(path)
    ledger.append([reaction(1, "👍"), reaction(2, "👎"), reaction(3, "❤️")])
    good = path.read_bytes()
    lines = good.splitlines(keepends=True)
    start = len(lines[0])
    for offset in range(start, start + len(lines[1])):
        for flip in (0x01, 0x20):
            path.write_bytes(_flipped(good, offset, flip))
            with pytest.raises(LedgerError, match=r"telegram-reactions\.jsonl line [23] "):
                ReactionLedger(path).entries()
    path.write_bytes(good)
    assert len(ReactionLedger(path).entries()) == 3


def _flipped(data: bytes, offset: int, bits: int) -> bytes:
    return data[:offset] + bytes([data[offset] ^ bits]) + data[offset + 1 :]


@pytest.mark.parametrize(
    ("order", "bad_line"), [((0, 2), 2), ((1, 2), 1), ((0, 2, 1), 2), ((0, 0, 1, 2), 2)]
)
def test_a_missing_moved_or_repeated_line_breaks_the_chain(
    path: Path, order: Sequence[int], bad_line: int
) -> None:
    ReactionLedger(path).append([reaction(number, "👍") for number in (1, 2, 3)])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[position] for position in order))
    with pytest.raises(LedgerError, match=f"line {bad_line} does not follow"):
        ReactionLedger(path).entries()
    with pytest.raises(LedgerError, match=f"line {bad_line} does not follow"):
        ReactionLedger(path).append([reaction(4, "👍")])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"not json", "line 2 is damaged"),
        (b"", "line 2 is damaged"),
        (b"[]", "fields are not those"),
        (b'{"seq":2}', "fields are not those"),
    ],
)
def test_a_line_of_another_kind_is_damage(path: Path, line: bytes, why: str) -> None:
    ReactionLedger(path).append([reaction(1, "👍")])
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(LedgerError, match=why):
        ReactionLedger(path).head()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("update_id", True),
        ("update_id", "1"),
        ("kind", "praise"),
        ("new", ["👍", 1]),
        ("date", "2026-03-01T09:00:00"),
        ("thread_id", 9),
    ],
)
def test_a_well_hashed_line_of_wrong_types_is_damage(path: Path, name: str, value: object) -> None:
    ReactionLedger(path).append([reaction(1, "👍")])
    record = json.loads(path.read_bytes()) | {name: value}
    del record["hash"]
    record["hash"] = hashlib.sha256(_canonical(record)).hexdigest()
    path.write_bytes(_canonical(record) + b"\n")
    with pytest.raises(LedgerError, match=r"line 1 is damaged"):
        ReactionLedger(path).entries()


def _canonical(record: object) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_torn_tail_is_no_damage(path: Path) -> None:
    ledger = ReactionLedger(path)
    ledger.append([reaction(1, "👍")])
    path.write_bytes(path.read_bytes() + b'{"actor":"act')
    assert len(ReactionLedger(path).entries()) == 1
    assert ledger.append([reaction(2, "👍")]) == 1
    assert [entry.reaction.update_id for entry in ReactionLedger(path).entries()] == [1, 2]


def test_a_ledger_that_shrinks_in_use_is_damage(path: Path) -> None:
    ledger = ReactionLedger(path)
    ledger.append([reaction(1, "👍"), reaction(2, "👍")])
    assert ledger.head()[0] == 2
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(LedgerError, match="lost lines"):
        ledger.entries()
    path.unlink()
    with pytest.raises(LedgerError, match="is gone"):
        ledger.entries()


def test_a_time_without_a_zone_is_refused(path: Path) -> None:
    naive = replace(reaction(1, "👍"), date=START.replace(tzinfo=None))
    with pytest.raises(LedgerError, match="without a zone"):
        ReactionLedger(path).append([naive])


def test_kills_lose_no_acknowledged_update_and_double_none(path: Path) -> None:
    """Each round sends everything again from the start, as a harvester does."""
    acknowledged = 0
    for acks in (1, 4, 9, 14, 20):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.adapters.ledger_forever", str(path)],
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        ) as writer:
            assert writer.stdout is not None
            said = [int(writer.stdout.readline()) for _ in range(acks)]
            writer.send_signal(signal.SIGKILL)
            said += [int(it) for it in writer.stdout.read().split()]
        acknowledged = max(acknowledged, said[-1])
    kept = [(it.reaction.update_id, it.reaction.new) for it in ReactionLedger(path).entries()]
    assert len(kept) == len(set(kept))
    sent = {(number, ("👍",)) for number in range(1, acknowledged + 1)}
    assert sent <= set(kept)
