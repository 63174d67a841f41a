"""The audit trail of a rollout: ``rollout/history.jsonl``, hash-chained and written ahead.

An entry names the digest of the bytes that ``live.json`` is about to get, so after a crash the
last entry and the file tell by themselves whether the change was made.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tracebridge.canary.documents import Fields, canonical_json, digest_of, parse_json, time_text
from tracebridge.domain.errors import CanaryError

GENESIS = "0" * 64
"""Predecessor of the first entry."""

_KEYS = frozenset(
    {"seq", "prev", "hash", "ts", "action", "stage", "from_sha256", "to_sha256", "detail"}
)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of what is live."""

    seq: int
    """From 0, dense."""
    prev: str
    hash: str
    """SHA-256 of the entry's canonical JSON without this field."""
    ts: datetime
    action: str
    """``explore``, ``promote``, ``advance``, ``rollback`` or ``kill_switch``."""
    stage: str
    from_sha256: str
    """Of the bytes of ``live.json`` before; empty where there was no file."""
    to_sha256: str
    detail: Mapping[str, str]
    """Who and why: reviewer, reason, gate pass."""


def read_history(path: Path) -> tuple[HistoryEntry, ...]:
    """Every entry, the chain checked; an unterminated last line is not an entry yet.

    Raises `CanaryError` for a broken chain or an unreadable line.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise CanaryError(f"rollout/{path.name} cannot be read ({error}); mend it.") from error
    entries: list[HistoryEntry] = []
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        entry = _parse(line, where=f"rollout/{path.name}:{len(entries) + 1}")
        prev = entries[-1].hash if entries else GENESIS
        if entry.seq != len(entries) or entry.prev != prev:
            raise CanaryError(
                f"rollout/{path.name}:{len(entries) + 1} does not follow the line before it; "
                "restore the file from a backup."
            )
        entries.append(entry)
    return tuple(entries)


def append_entry(
    path: Path,
    *,
    ts: datetime,
    action: str,
    stage: str,
    from_sha256: str,
    to_sha256: str,
    detail: Mapping[str, str],
) -> HistoryEntry:
    """Append one entry durably; the caller holds the rollout lock. Raises `CanaryError`."""
    entries = read_history(path)
    content: dict[str, object] = {
        "seq": len(entries),
        "prev": entries[-1].hash if entries else GENESIS,
        "ts": time_text(ts),
        "action": action,
        "stage": stage,
        "from_sha256": from_sha256,
        "to_sha256": to_sha256,
        "detail": dict(detail),
    }
    line = canonical_json(content | {"hash": digest_of(content)}).encode() + b"\n"
    try:
        _append(path, line)
    except OSError as error:
        raise CanaryError(
            f"rollout/{path.name} cannot be written ({error}); nothing was changed."
        ) from error
    return _parse(line, where=f"rollout/{path.name}:{len(entries) + 1}")


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        data = file.read()
        whole = data.rfind(b"\n") + 1
        if torn := data[whole:]:
            # Kept for whoever wants to know what a dying writer meant to say.
            with path.with_suffix(".torn").open("ab") as kept:
                kept.write(torn + b"\n")
            file.truncate(whole)
        file.seek(whole)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _parse(line: bytes, *, where: str) -> HistoryEntry:
    document = parse_json(line, where=where)
    fields = Fields(document, _KEYS, where=where)
    content = {key: fields.raw(key) for key in _KEYS - {"hash"}}
    if fields.text("hash") != digest_of(content):
        fields.refuse("hash", "the digest of the line's own content")
    before = fields.raw("from_sha256")
    return HistoryEntry(
        seq=int(fields.number("seq")),
        prev=fields.text("prev"),
        hash=fields.text("hash"),
        ts=fields.moment("ts"),
        action=fields.text("action"),
        stage=fields.text("stage"),
        from_sha256=before if isinstance(before, str) else "",
        to_sha256=fields.text("to_sha256"),
        detail=fields.text_mapping("detail"),
    )
