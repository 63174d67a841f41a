"""The reaction ledger: every change of emoji that arrived, append-only and hash-chained.

The ledger and the session logs are the truth; everything else can be rebuilt from them. Format
of a line: canonical JSON whose ``hash`` is the SHA-256 of the same line without ``hash``, and
whose ``prev`` is the hash of the line before (64 zeros for the first). A flipped byte, a missing
or a moved line is therefore found on reading; a cut tail is found by a head recorded elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from tracebridge.adapters.jsonl import RawLine, appending, prefix_sha256, scan_lines
from tracebridge.domain.bundle import InputEntry
from tracebridge.domain.errors import LedgerError
from tracebridge.domain.feedback import LedgerEntry, LedgerKind, Reaction

GENESIS = "0" * 64
"""``prev`` of the first line."""
LINE_FIELDS = frozenset(
    {
        "seq",
        "prev",
        "hash",
        "bot",
        "update_id",
        "kind",
        "chat_id",
        "message_id",
        "thread_id",
        "actor",
        "actor_is_bot",
        "date",
        "old",
        "new",
        "source",
        "received_at",
    }
)


@dataclass(slots=True)
class _Known:
    """What has been read of the file so far, verified."""

    entries: list[LedgerEntry] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """Byte offset after each line."""
    seen: set[str] = field(default_factory=set)
    """Identities of the updates."""
    last: RawLine | None = None

    @property
    def head(self) -> tuple[int, str]:
        return (len(self.entries), self.entries[-1].hash if self.entries else GENESIS)


class ReactionLedger:
    """The ledger file at ``path``; it need not exist yet. Implements ``ports.Ledger``.

    Every method first verifies what it has not read yet, and raises `LedgerError` naming the
    line where the chain does not hold.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _Known()

    def append(self, reactions: Iterable[Reaction]) -> int:
        """Add what is new, durably; returns how many were.

        An update is known by bot, update id and content, so sending it again adds nothing,
        whatever its ``source`` and ``received_at``. Raises `LedgerError`, `LockHeldError`.
        """
        with appending(self._path) as appender:
            known = self._verified()
            seq, prev = known.head
            seen = set[str]()
            lines = []
            for reaction in reactions:
                identity = identity_of(reaction)
                if identity in known.seen or identity in seen:
                    continue
                seen.add(identity)
                seq += 1
                prev, line = _seal(seq, prev, reaction)
                lines.append(line)
            appender.append(lines)
        return len(lines)

    def entries(
        self, until: datetime | None = None, *, upto_seq: int | None = None
    ) -> tuple[LedgerEntry, ...]:
        """Entries dated before ``until``, in chain order; with ``upto_seq`` only the chain's
        beginning, so that a cycle can be made again after the ledger has grown."""
        known = self._verified().entries[:upto_seq]
        if until is None:
            return tuple(known)
        return tuple(entry for entry in known if entry.reaction.date < until)

    def head(self) -> tuple[int, str]:
        """Sequence number and hash of the last line; ``(0, 64 zeros)`` while there is none."""
        return self._verified().head

    def prefix(self, until_seq: int | None = None, *, name: str | None = None) -> InputEntry:
        """Name the lines up to and with ``until_seq`` (default: all) by length and SHA-256."""
        ends = self._verified().ends
        rows = len(ends) if until_seq is None else until_seq
        if not 0 <= rows <= len(ends):
            raise LedgerError(
                f"{self._path.name} has {len(ends)} lines, not the {rows} that were asked for; "
                "restore it from a backup."
            )
        size_bytes = ends[rows - 1] if rows else 0
        return InputEntry(
            kind="ledger",
            name=name or self._path.name,
            sha256=prefix_sha256(self._path, size_bytes) if rows else sha256().hexdigest(),
            size_bytes=size_bytes,
            rows=rows,
        )

    def _verified(self) -> _Known:
        """Read on from what is known, checking every line."""
        known = self._known
        if not self._path.exists():
            if known.entries:
                raise LedgerError(f"{self._path.name} is gone; restore it from a backup.")
            return known
        if known.last is not None and self._path.stat().st_size < known.last.end:
            raise LedgerError(
                f"{self._path.name} lost lines while it was in use; restore it from a backup."
            )
        for line in scan_lines(self._path, after=known.last):
            if not line.terminated:
                break
            entry = self._check(line, known.head)
            known.entries.append(entry)
            known.ends.append(line.end)
            known.seen.add(identity_of(entry.reaction))
            known.last = line
        return known

    def _check(self, line: RawLine, head: tuple[int, str]) -> LedgerEntry:
        try:
            entry = parse_entry(line.data)
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerError(
                f"{self._path.name} line {line.number} is damaged ({error}); restore the file "
                "from a backup."
            ) from error
        if (entry.seq, entry.prev) != (head[0] + 1, head[1]):
            raise LedgerError(
                f"{self._path.name} line {line.number} does not follow the line before it; "
                "restore the file from a backup."
            )
        return entry


def identity_of(reaction: Reaction) -> str:
    """SHA-256 (hex) of what makes an update itself: bot, update id and content.

    Update ids alone do not: after a week of silence Telegram starts them anywhere.
    """
    record = _record_of(reaction)
    for name in ("source", "received_at"):
        del record[name]
    return sha256(_canonical(record)).hexdigest()


def parse_entry(data: bytes) -> LedgerEntry:
    """Read one ledger line and check it against its own hash.

    Raises `ValueError`, `KeyError` or `TypeError`, saying what is wrong.
    """
    record = orjson.loads(data)
    if not isinstance(record, dict) or set(record) != LINE_FIELDS:
        raise ValueError("its fields are not those of a ledger line")
    if _canonical(record) != data:
        raise ValueError("it is not in canonical form")
    content = {name: value for name, value in record.items() if name != "hash"}
    if sha256(_canonical(content)).hexdigest() != record["hash"]:
        raise ValueError("its hash does not fit its content")
    return LedgerEntry(
        seq=_typed(record, "seq", int),
        prev=_typed(record, "prev", str),
        hash=_typed(record, "hash", str),
        reaction=_reaction_of(record),
    )


def _seal(seq: int, prev: str, reaction: Reaction) -> tuple[str, bytes]:
    """Hash and bytes of the line that puts ``reaction`` at the end of the chain."""
    record = {"seq": seq, "prev": prev, **_record_of(reaction)}
    digest = sha256(_canonical(record)).hexdigest()
    return digest, _canonical(record | {"hash": digest})


def _record_of(reaction: Reaction) -> dict[str, Any]:
    return {
        "bot": reaction.bot,
        "update_id": reaction.update_id,
        "kind": reaction.kind.value,
        "chat_id": reaction.chat_id,
        "message_id": reaction.message_id,
        "thread_id": reaction.thread_id,
        "actor": reaction.actor,
        "actor_is_bot": reaction.actor_is_bot,
        "date": _timestamp(reaction.date),
        "old": list(reaction.old),
        "new": list(reaction.new),
        "source": reaction.source,
        "received_at": _timestamp(reaction.received_at),
    }


def _reaction_of(record: Mapping[str, Any]) -> Reaction:
    thread_id = record["thread_id"]
    return Reaction(
        bot=_typed(record, "bot", str),
        update_id=_typed(record, "update_id", int),
        kind=LedgerKind(record["kind"]),
        chat_id=_typed(record, "chat_id", str),
        message_id=_typed(record, "message_id", int),
        thread_id=None if thread_id is None else _typed(record, "thread_id", str),
        actor=_typed(record, "actor", str),
        actor_is_bot=_typed(record, "actor_is_bot", bool),
        date=_moment(record, "date"),
        old=_emoji(record, "old"),
        new=_emoji(record, "new"),
        source=_typed(record, "source", str),
        received_at=_moment(record, "received_at"),
    )


def _typed[T](record: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = record[name]
    if type(value) is not kind:
        raise TypeError(f"its {name} is not of type {kind.__name__}")
    return value


def _emoji(record: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = _typed(record, name, list)
    if not all(isinstance(value, str) for value in values):
        raise TypeError(f"its {name} holds something that is not text")
    return tuple(values)


def _moment(record: Mapping[str, Any], name: str) -> datetime:
    moment = datetime.fromisoformat(_typed(record, name, str))
    if moment.tzinfo is None:
        raise ValueError(f"its {name} has no time zone")
    return moment.astimezone(UTC)


def _timestamp(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise LedgerError("a reaction carries a time without a zone; give times in UTC.")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _canonical(record: Mapping[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
