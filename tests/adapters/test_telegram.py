"""Updates from strangers: every line counted, no name kept, nothing stops the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feedback import RECEIVED, reaction, update
from tests.shared import shared_path
from tracebridge.adapters.ledger import ReactionLedger
from tracebridge.adapters.pseudonyms import Pseudonyms, open_pseudonyms
from tracebridge.adapters.telegram import (
    FeedbackImportReport,
    UpdatesRead,
    import_updates,
    read_updates,
)
from tracebridge.domain.errors import IngestError, LedgerError
from tracebridge.domain.events import QuarantineReason
from tracebridge.domain.feedback import COUNT_ACTOR, LedgerKind, Reaction

KEY = Pseudonyms(bytes(range(32)))


def write(path: Path, lines: Iterable[object]) -> Path:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8", newline="")
    return path


def read(path: Path, *lines: object) -> UpdatesRead:
    return read_updates(
        write(path, lines), bot="bot", pseudonyms=KEY, received_at=RECEIVED, source="test"
    )


def read_one(path: Path, line: object) -> Reaction:
    (found,) = read(path, line).reactions
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "updates.jsonl"


def load(path: Path, ledger: ReactionLedger, **options: Any) -> FeedbackImportReport:
    given = {"bot": "bot", "pseudonyms": KEY, "received_at": RECEIVED} | options
    return import_updates(path, ledger, **given)


def test_an_update_becomes_a_reaction(path: Path) -> None:
    old = [{"type": "emoji", "emoji": "👎"}]
    found = read_one(path, update(7, "👍", "❤️", old_reaction=old))
    assert found == Reaction(
        bot="bot",
        update_id=7,
        kind=LedgerKind.REACTION,
        chat_id="500001",
        message_id=102,
        thread_id=None,
        actor=KEY.of_user(500001),
        actor_is_bot=False,
        date=datetime(2026, 11, 21, 5, 9, 52, tzinfo=UTC),
        old=("👎",),
        new=("👍", "❤️"),
        source="test",
        received_at=RECEIVED,
    )


def test_other_kinds_of_emoji_keep_their_kind(path: Path) -> None:
    kinds = [
        {"type": "custom_emoji", "custom_emoji_id": "5368324170671202286"},
        {"type": "paid"},
        {"type": "a_kind_of_tomorrow"},
    ]
    found = read_one(path, update(new_reaction=kinds))
    assert found.new == ("custom:5368324170671202286", "paid", "type:a_kind_of_tomorrow")


def test_an_anonymous_administrator_is_one_actor_by_chat(path: Path) -> None:
    chat = {"id": -1001000000001, "type": "supergroup", "title": "Demo Lab"}
    found = read_one(path, update(1, "🔥", user=None, actor_chat=chat))
    assert found.actor == KEY.of_chat(-1001000000001)
    assert found.actor.startswith("anon_")
    assert found.actor != COUNT_ACTOR


def test_counts_are_kept_with_their_totals(path: Path) -> None:
    content = {
        "chat": {"id": -1001000000001, "type": "supergroup"},
        "message_id": 2009,
        "date": 1_795_237_894,
        "reactions": [{"type": {"type": "emoji", "emoji": "👍"}, "total_count": 3}],
    }
    found = read_one(path, {"update_id": 1, "message_reaction_count": content})
    assert (found.kind, found.actor, found.new) == (
        LedgerKind.REACTION_COUNT,
        COUNT_ACTOR,
        ("👍x3",),
    )


def test_bots_are_marked(path: Path) -> None:
    user = {"id": 7000000099, "is_bot": True, "first_name": "Other Bot"}
    assert read_one(path, update(1, "👀", user=user)).actor_is_bot


def test_no_name_and_no_user_id_reaches_the_ledger(tmp_path: Path) -> None:
    source = shared_path("data", "openclaw-live", "2026.4.15", "updates.jsonl")
    ledger = tmp_path / "ledger.jsonl"
    load(source, ReactionLedger(ledger))
    text = ledger.read_text()
    for told in ("Alice", "alice_demo", "Bob", "Cara", "Demo", "7000000099", "500003"):
        assert told not in text
    actors = {json.loads(line)["actor"] for line in text.splitlines()}
    assert not [actor for actor in actors if "50000" in actor]


def test_other_updates_are_ignored_by_kind(path: Path) -> None:
    found = read(
        path,
        {"update_id": 1, "message": {"text": "hello"}},
        {"update_id": 2, "message": {"text": "hello"}},
        {"update_id": 3, "callback_query": {}},
        {"update_id": 4, "Alice <alice@demo.example>": {}},
        {"update_id": 5},
        update(6, "👍"),
    )
    assert found.ignored == {"message": 2, "callback_query": 1, "other": 2}
    assert len(found.reactions) == 1
    assert found.lines == 6


BAD = [
    ("not json", QuarantineReason.NOT_JSON),
    ("[1]", QuarantineReason.NOT_AN_OBJECT),
    ('{"a":1,"a":2}', QuarantineReason.DUPLICATE_KEY),
    ('{"update_id":NaN}', QuarantineReason.NUMBER_RANGE),
    (r'{"update_id":1,"a":"\ud800"}', QuarantineReason.LONE_SURROGATE),
    ('{"a":' * 5000 + "1" + "}" * 5000, QuarantineReason.TOO_DEEP),
    ("x" * 1_100_000, QuarantineReason.TOO_LONG),
    ({"message_reaction": {}}, QuarantineReason.MISSING_FIELD),
    ({"update_id": "1", "message_reaction": {}}, QuarantineReason.BAD_FIELD_TYPE),
    ({"update_id": True, "message_reaction": {}}, QuarantineReason.BAD_FIELD_TYPE),
    ({"update_id": 1, "message_reaction": []}, QuarantineReason.BAD_FIELD_TYPE),
    (update(chat=None), QuarantineReason.MISSING_FIELD),
    (update(user=None), QuarantineReason.MISSING_FIELD),
    (update(user={"id": "500001"}), QuarantineReason.BAD_FIELD_TYPE),
    (update(date=-1), QuarantineReason.BAD_TIMESTAMP),
    (update(date=10**15), QuarantineReason.BAD_TIMESTAMP),
    (update(date=2**63), QuarantineReason.NUMBER_RANGE),
    (update(new_reaction="👍"), QuarantineReason.BAD_FIELD_TYPE),
    (update(new_reaction=["👍"]), QuarantineReason.BAD_FIELD_TYPE),
    (update(new_reaction=[{"type": "emoji"}]), QuarantineReason.MISSING_FIELD),
    (update(1, "alice@demo.example"), QuarantineReason.BAD_FIELD_TYPE),
    (update(1, "👍" * 17), QuarantineReason.BAD_FIELD_TYPE),
    (update(new_reaction=[{"type": "Alice Demo"}]), QuarantineReason.BAD_FIELD_TYPE),
    (
        update(new_reaction=[{"type": "custom_emoji", "custom_emoji_id": "x"}]),
        QuarantineReason.BAD_FIELD_TYPE,
    ),
    (update(new_reaction=[{"type": "paid"}] * 101), QuarantineReason.BAD_FIELD_TYPE),
]


def test_bad_lines_are_quarantined_and_never_stop_the_rest(path: Path) -> None:
    good = [update(number, "👍") for number in range(len(BAD) + 1)]
    lines = [line for pair in zip(good, (bad for bad, _ in BAD), strict=False) for line in pair]
    found = read(path, *lines, good[-1])
    assert [(bad.line, bad.reason) for bad in found.quarantined] == [
        (2 * position + 2, reason) for position, (_, reason) in enumerate(BAD)
    ]
    assert [it.update_id for it in found.reactions] == list(range(len(BAD) + 1))
    assert found.lines == len(found.reactions) + len(found.quarantined)


@given(lines=st.lists(st.binary(max_size=60), max_size=12))
def test_every_line_is_in_exactly_one_class(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("updates") / "updates.jsonl"
    path.write_bytes(b"\n".join(lines))
    found = read_updates(path, bot="bot", pseudonyms=KEY, received_at=RECEIVED, source="test")
    classes = len(found.reactions) + sum(found.ignored.values()) + len(found.quarantined)
    assert classes == found.lines


def test_importing_again_adds_nothing(tmp_path: Path) -> None:
    source = write(
        tmp_path / "u.jsonl", [update(1, "👍"), update(2, "👎"), {"update_id": 3}, "bad"]
    )
    ledger = ReactionLedger(tmp_path / "ledger.jsonl")
    first = load(source, ledger)
    assert (first.new, first.duplicates) == (2, 0)
    before = (tmp_path / "ledger.jsonl").read_bytes()
    again = load(source, ledger, received_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert (again.new, again.duplicates) == (0, 2)
    assert (tmp_path / "ledger.jsonl").read_bytes() == before
    assert again.to_json() == {
        "schema": "tracebridge.feedback_import.v1",
        "file": "u.jsonl",
        "lines": 4,
        "new": 0,
        "duplicates": 2,
        "ignored": {"other": 1},
        "quarantined": {"not_json": 1},
        "quarantined_lines": [
            {"line": 4, "reason": "not_json", "detail": "the line is not JSON from character 0"}
        ],
        "by_kind": {"reaction": 2},
    }


def test_the_live_updates_are_all_read(tmp_path: Path) -> None:
    source = shared_path("data", "openclaw-live", "2026.4.15", "updates.jsonl")
    report = load(source, ReactionLedger(tmp_path / "ledger.jsonl"))
    assert (report.lines, report.new) == (29, 29)
    assert report.by_kind == {"reaction": 28, "reaction_count": 1}


def test_another_ledger_keeps_its_kinds_bots_and_pseudonyms(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.jsonl"
    known = [
        reaction(1, "👍", bot="theirs", actor="actor_ffffffffffffffff"),
        reaction(2, kind=LedgerKind.GAP, chat_id="", message_id=0, actor=""),
    ]
    ReactionLedger(theirs).append(known)
    ours = ReactionLedger(tmp_path / "ours.jsonl")
    report = load(theirs, ours)
    assert (report.new, report.by_kind) == (2, {"reaction": 1, "gap": 1})
    kept = [entry.reaction for entry in ours.entries()]
    source = kept[0].source
    assert source.startswith("import:")
    assert len(source) == len("import:") + 8
    assert kept == [replace(it, source=source) for it in known]
    assert load(theirs, ours).new == 0


def test_a_torn_tail_of_another_ledger_is_left_out(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.jsonl"
    ReactionLedger(theirs).append([reaction(1, "👍")])
    theirs.write_bytes(theirs.read_bytes() + b'{"actor":')
    report = load(theirs, ReactionLedger(tmp_path / "ours.jsonl"))
    assert (report.lines, report.new, report.ignored) == (2, 1, {"torn_tail": 1})


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_damaged_ledger_is_refused_whole(tmp_path: Path, position: int) -> None:
    theirs = tmp_path / "theirs.jsonl"
    ReactionLedger(theirs).append([reaction(number, "👍") for number in (1, 2, 3)])
    lines = theirs.read_bytes().splitlines(keepends=True)
    lines[position] = lines[position].replace("👍".encode(), "👎".encode())
    theirs.write_bytes(b"".join(lines))
    ours = tmp_path / "ours.jsonl"
    with pytest.raises(LedgerError, match=rf"theirs\.jsonl line {position + 1} is damaged"):
        load(theirs, ReactionLedger(ours))
    lines[position] = b"no json\n"
    theirs.write_bytes(b"".join(lines))
    with pytest.raises(LedgerError, match=rf"theirs\.jsonl line {position + 1} is damaged"):
        load(theirs, ReactionLedger(ours))
    assert not ours.exists()


def test_a_ledger_that_lacks_a_line_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.jsonl"
    ReactionLedger(theirs).append([reaction(number, "👍") for number in (1, 2, 3)])
    lines = theirs.read_bytes().splitlines(keepends=True)
    theirs.write_bytes(lines[0] + lines[2])
    with pytest.raises(LedgerError, match=r"line 2 is damaged.*follow"):
        load(theirs, ReactionLedger(tmp_path / "ours.jsonl"))


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"gone\.jsonl"):
        load(tmp_path / "gone.jsonl", ReactionLedger(tmp_path / "ours.jsonl"))


def test_pseudonyms_are_keyed_and_stable(tmp_path: Path) -> None:
    path = tmp_path / "memory" / "feedback" / "pseudonym.key"
    first = open_pseudonyms(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == 32
    assert [it.name for it in path.parent.iterdir()] == ["pseudonym.key"]
    assert open_pseudonyms(path).of_user(1) == first.of_user(1)
    assert open_pseudonyms(tmp_path / "other.key").of_user(1) != first.of_user(1)
    assert first.of_user(1) != first.of_user(2)
    assert first.of_user(1)[6:] != first.of_chat(1)[5:]
    assert path.read_bytes().hex() not in repr(first)


def test_pseudonyms_are_hmac_sha256_cut_to_16_digits() -> None:
    """Values from ``openssl dgst -sha256 -mac HMAC`` under the key 00 01 .. 1f."""
    assert KEY.of_user(500001) == "actor_061d7374dae64cc4"
    assert KEY.of_chat(-1001000000001) == "anon_32b906cd1a57ca8a"


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    open_pseudonyms(path)
    path.chmod(0o640)
    with pytest.raises(LedgerError, match="chmod 600"):
        open_pseudonyms(path)


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    path.touch(mode=0o600)
    path.write_bytes(b"short")
    with pytest.raises(LedgerError, match="does not hold 32 bytes"):
        open_pseudonyms(path)


def test_a_key_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LedgerError, match=r"pseudonym\.key cannot be used"):
        open_pseudonyms(tmp_path / "file" / "pseudonym.key")
