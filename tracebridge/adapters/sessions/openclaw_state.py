"""Reads OpenClaw's exact delivery map: which Telegram message carries which part of an answer.

From 2026.8.1 on the Telegram plugin keeps it in ``state/openclaw.sqlite``. The same database
holds tokens and credentials, so it is opened read-only, exactly two namespaces of one table are
read, and nothing of it is ever copied.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import orjson

from tracebridge.adapters.sessions.json_fields import object_of
from tracebridge.adapters.sessions.openclaw_envelope import decimal_id
from tracebridge.domain.errors import IngestError
from tracebridge.domain.feedback import DeliveredChunk

KNOWN_SCHEMA_VERSION = 18
"""The newest layout of the state database that has been read (2026.9.6)."""
NAMESPACES = ("telegram.message-cache", "@retained.telegram.message-cache")
"""Direct chats, and groups, whose records are kept for good."""
_MAX_PART = 10_000
_SELECT = """
    SELECT entry_key, value_json
    FROM plugin_state_entries
    WHERE plugin_id = 'telegram' AND namespace IN (?, ?)
    ORDER BY namespace, entry_key
"""


def read_deliveries(database: Path) -> tuple[DeliveredChunk, ...]:
    """Every exact delivery record, by chat, message id and entry.

    Cached messages without a record (people's own, drafts, notices) give nothing. Works while
    the gateway runs: pending write-ahead pages are seen.

    Raises:
        IngestError: the database cannot be read, or its layout is newer than the known one.
    """
    try:
        rows = _rows(database)
    except sqlite3.Error as error:
        raise IngestError(
            f"{database}: the OpenClaw state database cannot be read ({error}); check that it is "
            f"the file state/openclaw.sqlite and that this user may read it."
        ) from error
    chunks = {chunk for key, value in rows if (chunk := _chunk(key, value)) is not None}
    return tuple(
        sorted(chunks, key=lambda it: (it.chat_id, it.message_id, it.entry_id, it.part_index))
    )


def _rows(database: Path) -> list[tuple[object, object]]:
    uri = f"file:{quote(str(database.resolve()))}?mode=ro"
    if not (os.access(database.parent, os.W_OK) or _has_wal(database)):
        # SQLite wants to write beside a database in write-ahead mode even to read it; where it
        # may not and nothing is pending, the file alone is complete.
        uri += "&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        _check_version(connection, database)
        return connection.execute(_SELECT, NAMESPACES).fetchall()


def _has_wal(database: Path) -> bool:
    return database.with_name(f"{database.name}-wal").exists()


def _check_version(connection: sqlite3.Connection, database: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > KNOWN_SCHEMA_VERSION:
        raise IngestError(
            f"{database}: the state database has schema version {version}, and the newest that can "
            f"be read is {KNOWN_SCHEMA_VERSION}; use a release of TraceBridge that knows it."
        )


def _chunk(key: object, value: object) -> DeliveredChunk | None:
    """One record; ``None`` where the message carries no part of an answer.

    The key is ``<scope>:<account>:<chat>:<message id>``; the chat is taken from it because the
    cached message holds it as a number or as text, depending on how the message was sent.
    """
    record = _record(value)
    projection = object_of(record.get("promptContextProjection"))
    entry_id = projection.get("transcriptMessageId")
    part_index = decimal_id(projection.get("partIndex"))
    is_final = projection.get("finalPart")
    parts = str(key).rsplit(":", 2)
    message_id = decimal_id(parts[-1])
    if not (isinstance(entry_id, str) and entry_id and isinstance(is_final, bool)):
        return None
    if len(parts) != 3 or message_id is None or part_index is None or part_index > _MAX_PART:
        return None
    chat = parts[1]
    if decimal_id(chat.removeprefix("-")) is None:
        return None
    thread = decimal_id(record.get("threadId"))
    return DeliveredChunk(
        chat_id=str(int(chat)),
        message_id=message_id,
        thread_id=None if thread is None else str(thread),
        entry_id=entry_id,
        part_index=part_index,
        is_final=is_final,
    )


def _record(value: object) -> dict[str, object]:
    try:
        return object_of(orjson.loads(value)) if isinstance(value, str) else {}
    except orjson.JSONDecodeError:
        return {}
