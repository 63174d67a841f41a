"""Which reader reads which log: decided by what a file's first lines say, never by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson

from tracebridge.adapters.sessions.lines import DEFAULT_MAX_LINE_BYTES
from tracebridge.adapters.sessions.openclaw import SOURCE, read_openclaw
from tracebridge.adapters.sessions.session_log import SessionLog
from tracebridge.domain.errors import IngestError

HEAD_BYTES = 64 * 1024
"""How much of a file is looked at to recognize it."""
_HINT_BYTES = 4096

type Head = tuple[dict[str, object], ...]
"""The JSON objects among a file's first lines, in order."""


class ReadLog(Protocol):
    """Reads one log file, as `read_openclaw` does."""

    def __call__(
        self,
        path: Path,
        *,
        max_line_bytes: int = DEFAULT_MAX_LINE_BYTES,
        known_entries: Callable[[str], bool] | None = None,
    ) -> SessionLog: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """One format: its name, how it is recognized, and what reads it."""

    name: str
    recognizes: Callable[[bytes], bool]
    """Whether the first `HEAD_BYTES` bytes of a file are of this format."""
    read: ReadLog


def recognize(path: Path) -> Reader:
    """The reader of a file's format.

    Raises:
        IngestError: the file cannot be read, is empty, or is in no format that has a reader.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise IngestError(
            f"{path}: cannot be read ({error.strerror}); check that it exists and that this user "
            f"may read it."
        ) from error
    for reader in READERS:
        if reader.recognizes(head):
            return reader
    raise IngestError(f"{path.name}: {_unrecognized(head)}")


def session_hint(path: Path) -> str:
    """The same text for files whose first lines name the same session; else the path itself."""
    try:
        with path.open("rb") as file:
            first = orjson.loads(file.readline(_HINT_BYTES))
    except (OSError, orjson.JSONDecodeError):
        return str(path)
    if isinstance(first, dict) and isinstance(first.get("id"), str):
        return f"{first['id']} {first.get('timestamp')}"
    return str(path)


def reader_named(name: str) -> Reader:
    """The reader of a named format.

    Raises:
        IngestError: no reader has that name.
    """
    for reader in READERS:
        if reader.name == name:
            return reader
    known = ", ".join(reader.name for reader in READERS)
    raise IngestError(f"there is no reader for the format {name}; choose one of: auto, {known}.")


def _is_openclaw(head: bytes) -> bool:
    """A session header with a version; or, where that line is damaged, linked entries."""
    for record in _objects(head):
        if record.get("type") == "session":
            return "version" in record
        return "parentId" in record and isinstance(record.get("type"), str)
    return False


READERS: tuple[Reader, ...] = (Reader(SOURCE, _is_openclaw, read_openclaw),)

_FAMILIES: tuple[tuple[str, Callable[[dict[str, object]], bool]], ...] = (
    ("an OpenClaw trajectory export", lambda it: "traceSchema" in it),
    ("a pi log of format version 1", lambda it: it.get("type") == "session"),
    ("a Claude Code log", lambda it: "sessionId" in it or it.get("type") == "summary"),
    ("a Codex rollout", lambda it: "payload" in it and "timestamp" in it),
    ("an OTLP export", lambda it: "resourceSpans" in it),
)
"""Logs that are known by sight and have no reader."""


def _unrecognized(head: bytes) -> str:
    if not head.strip():
        return "the file is empty; there is nothing to import."
    for record in _objects(head):
        for family, matches in _FAMILIES:
            if matches(record):
                return f"this looks like {family}, and only OpenClaw session logs can be read."
    return "this is no log format that can be read; only OpenClaw session logs can be."


def _objects(head: bytes) -> Head:
    """Objects on the complete lines of ``head``; unreadable lines are passed over."""
    lines = head.split(b"\n")
    if len(lines) > 1 and len(head) >= HEAD_BYTES:
        lines.pop()
    found = []
    for line in lines:
        try:
            value = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return tuple(found)
