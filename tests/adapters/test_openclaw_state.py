"""The exact delivery map: read-only, two namespaces, no guess where a record is odd."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from tests.shared import shared_path
from tracebridge.adapters.sessions.openclaw_state import read_deliveries
from tracebridge.domain.errors import IngestError
from tracebridge.domain.feedback import DeliveredChunk

DIRECT = "telegram.message-cache"
GROUP = "@retained.telegram.message-cache"


def database(
    folder: Path,
    rows: list[tuple[str, str, object]],
    *,
    version: int = 18,
    plugin: str = "telegram",
) -> Path:
    path = folder / "openclaw.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(
            "CREATE TABLE plugin_state_entries (plugin_id TEXT, namespace TEXT, entry_key TEXT,"
            " value_json TEXT, created_at INTEGER, expires_at INTEGER)"
        )
        connection.executemany(
            "INSERT INTO plugin_state_entries VALUES (?, ?, ?, ?, 0, NULL)",
            [
                (plugin, namespace, key, value if isinstance(value, str) else json.dumps(value))
                for namespace, key, value in rows
            ],
        )
    return path


def projection(
    entry: object = "e1", part: object = 0, final: object = True, **more: object
) -> dict[str, object]:
    inner = {"transcriptMessageId": entry, "partIndex": part, "finalPart": final}
    return {"promptContextProjection": inner, **more}


def test_every_answer_chunk_of_a_real_gateway_agrees_with_what_was_sent() -> None:
    folder = shared_path("data", "openclaw-live", "2026.9.6")
    truth = json.loads((folder / "TRUTH.json").read_bytes())
    sent = {
        DeliveredChunk(
            chat_id=str(turn["chat_id"]),
            message_id=message["message_id"],
            thread_id=None if turn["thread_id"] is None else str(turn["thread_id"]),
            entry_id=message["transcript"]["entry_id"],
            part_index=message["chunk_index"],
            is_final=message["chunk_index"] == message["chunk_count"] - 1,
        )
        for turn in truth["turns"]
        for message in turn["outbound"]
        if message["role"] == "answer_chunk"
    }
    found = read_deliveries(folder / "state-dir" / "state" / "openclaw.sqlite")
    assert len(found) == 39
    assert set(found) == sent


def test_a_release_without_the_map_gives_nothing() -> None:
    folder = shared_path("data", "openclaw-live", "2026.7.1", "state-dir", "state")
    assert read_deliveries(folder / "openclaw.sqlite") == ()


def test_padded_group_ids_and_topics_are_read(tmp_path: Path) -> None:
    path = database(
        tmp_path,
        [
            (GROUP, "scope:default:-1001:0000000042", projection(threadId="7")),
            (DIRECT, "scope:default:500001:104", projection("e2", 1, final=False)),
        ],
    )
    assert read_deliveries(path) == (
        DeliveredChunk("-1001", 42, "7", "e1", 0, is_final=True),
        DeliveredChunk("500001", 104, None, "e2", 1, is_final=False),
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("s:a:500001:104", {"sourceMessage": {"text": "hi"}}),
        ("s:a:500001:104", "not json"),
        ("s:a:500001:104", [1]),
        ("s:a:500001:104", projection(entry=None)),
        ("s:a:500001:104", projection(entry="")),
        ("s:a:500001:104", projection(part=-1)),
        ("s:a:500001:104", projection(part=10**9)),
        ("s:a:500001:104", projection(part=True)),
        ("s:a:500001:104", projection(final="yes")),
        ("s:a:500001:x", projection()),
        ("s:a:chat:104", projection()),
        ("104", projection()),
    ],
)
def test_an_odd_record_is_no_delivery(tmp_path: Path, key: str, value: object) -> None:
    assert read_deliveries(database(tmp_path, [(DIRECT, key, value)])) == ()


def test_other_namespaces_and_plugins_are_not_read(tmp_path: Path) -> None:
    key = "s:a:500001:104"
    assert (
        read_deliveries(database(tmp_path, [("telegram.sent-messages", key, projection())])) == ()
    )
    other = tmp_path / "other"
    other.mkdir()
    assert read_deliveries(database(other, [(DIRECT, key, projection())], plugin="x")) == ()


def test_a_newer_schema_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        IngestError, match="schema version 19, and the newest that can be read is 18"
    ):
        read_deliveries(database(tmp_path, [], version=19))


@pytest.mark.parametrize("content", [b"", b"this is no database, but it is long enough" * 40])
def test_what_is_no_state_database_is_one_clear_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "openclaw.sqlite"
    path.write_bytes(content)
    with pytest.raises(IngestError, match="the OpenClaw state database cannot be read"):
        read_deliveries(path)


def test_a_missing_database_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(IngestError):
        read_deliveries(tmp_path / "openclaw.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_pages_that_wait_in_the_write_ahead_log_are_seen(tmp_path: Path) -> None:
    path = database(tmp_path, [])
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        with writer:
            writer.execute(
                "INSERT INTO plugin_state_entries VALUES ('telegram', ?, 's:a:5:1', ?, 0, NULL)",
                (DIRECT, json.dumps(projection())),
            )
        before = sha256(path.read_bytes()).hexdigest()
        assert len(read_deliveries(path)) == 1
        assert sha256(path.read_bytes()).hexdigest() == before
