"""One part of the event store: the scrubbed events of one source file, as a Parquet file.

A part is named by its content and never changes. Besides its rows it carries the keys of all
entries that its source file tells, so that a copy of that file can be known for one.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import batched
from operator import attrgetter
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tracebridge.adapters.files import fsync_file, sha256_file
from tracebridge.adapters.sessions.session_log import session_of_key
from tracebridge.adapters.tables import EVENT_SCHEMA, table_to_events
from tracebridge.domain.errors import IngestError
from tracebridge.domain.events import EventKind, EventStatus, FileReport, ScrubbedEvent

_ROWS = 8192
_ENTRIES = b"tracebridge.entries"
_REPEATING = ["source", "session_id", "kind", "role", "model", "tool_name", "status", "finds"]
"""Columns worth a dictionary; on the others it only costs."""
_JSON = orjson.OPT_SORT_KEYS


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A log as the file system knew it just before it was read."""

    path: str
    size_bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What a part holds. Sums run over known values; ``None``: not one was known."""

    events: int = 0
    turns: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    tokens_in: int | None = None
    tokens_out: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cost_usd_micros: int | None = None


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part and where it came from."""

    file: str
    """Its name in the store."""
    source: SourceFile | None
    session_ids: tuple[str, ...]
    """Sessions that its source tells of, whether or not an event of them is in the part."""
    scrub_version: str
    report: FileReport
    counts: Counts


def stat_source(path: Path) -> SourceFile:
    """The log's present state; raises ``OSError``."""
    state = path.stat()
    return SourceFile(str(path.resolve()), state.st_size, state.st_mtime_ns, state.st_ino)


def write_part(
    folder: Path,
    events: Iterable[ScrubbedEvent],
    report: FileReport,
    *,
    source: SourceFile | None,
    entry_keys: Iterable[str],
    scrub_version: str,
    turns: int = 0,
) -> StoredPart:
    """Write a part, durable before this returns; nothing refers to it yet.

    Raises:
        IngestError: something that is not a `ScrubbedEvent` was given, or the disk refused.
    """
    tally = _Tally()
    keys = tuple(entry_keys)
    beside = folder / f".{os.getpid()}-{secrets.token_hex(8)}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_rows(beside, _checked(events, tally, report.file_name), keys)
        fsync_file(beside)
        name = f"{sha256_file(beside)[:32]}.parquet"
        beside.rename(folder / name)
    except OSError as error:
        raise IngestError(
            f"{folder}: a part of the event store cannot be written ({error.strerror}); check the "
            f"disk's free space and this user's rights."
        ) from error
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
    sessions = {session_of_key(key) for key in keys} | tally.session_ids
    return StoredPart(
        file=name,
        source=source,
        session_ids=tuple(sorted(sessions)),
        scrub_version=scrub_version,
        report=report,
        counts=replace(tally.counts(), turns=turns),
    )


def read_events(path: Path, session_id: str, *, is_only_session: bool) -> tuple[ScrubbedEvent, ...]:
    """The events of one session in a part, in the order they were written.

    Raises:
        IngestError: the part is missing or damaged.
    """
    try:
        if is_only_session:
            return table_to_events(pq.ParquetFile(path).read())
        return table_to_events(pq.read_table(path, filters=[("session_id", "=", session_id)]))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path) from error


def read_entry_keys(path: Path) -> frozenset[str]:
    """The keys of all entries that the part's source file tells.

    Raises:
        IngestError: the part is missing or damaged.
    """
    try:
        metadata: Mapping[bytes, bytes] = pq.read_metadata(path).metadata or {}
        return frozenset(orjson.loads(metadata.get(_ENTRIES, b"[]")))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> IngestError:
    return IngestError(
        f"{path}: a part of the event store is missing or damaged; delete the folder "
        f"{path.parent.parent} and import the logs again."
    )


def _write_rows(path: Path, events: Iterable[ScrubbedEvent], keys: tuple[str, ...]) -> None:
    with pq.ParquetWriter(
        path,
        EVENT_SCHEMA,
        compression="zstd",
        compression_level=3,
        use_dictionary=_REPEATING,
        write_statistics=["session_id"],
        store_schema=False,
    ) as writer:
        for batch in batched(events, _ROWS):
            writer.write_table(_table(batch))
        writer.add_key_value_metadata({_ENTRIES: orjson.dumps(keys)})


def _table(batch: tuple[ScrubbedEvent, ...]) -> pa.Table:
    """Column by column: several times faster than row by row, and this is the hot path."""
    events = [scrubbed.event for scrubbed in batch]
    columns: dict[str, list[object]] = {
        "status": [None if event.status is None else event.status.value for event in events],
        "scrub_version": [scrubbed.scrub_version for scrubbed in batch],
        "attrs": [orjson.dumps(dict(event.attrs), option=_JSON).decode() for event in events],
        "finds": [_finds(scrubbed.finds) for scrubbed in batch],
    }
    arrays = [
        pa.array(
            columns[field.name]
            if field.name in columns
            else list(map(attrgetter(field.name), events)),
            field.type,
        )
        for field in EVENT_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=EVENT_SCHEMA)


def _finds(finds: Mapping[str, int]) -> str:
    return orjson.dumps(dict(finds), option=_JSON).decode() if finds else "{}"


def _checked(
    events: Iterable[ScrubbedEvent], tally: _Tally, file_name: str
) -> Iterator[ScrubbedEvent]:
    for scrubbed in events:
        if type(scrubbed) is not ScrubbedEvent:
            raise IngestError(
                f"{file_name}: only scrubbed events can be stored, not {type(scrubbed).__name__}; "
                f"pass each event through the scrubber first."
            )
        tally.add(scrubbed)
        yield scrubbed


class _Tally:
    """Counts events on their way to the disk."""

    def __init__(self) -> None:
        self.session_ids: set[str] = set()
        self._events = self._tool_calls = self._tool_errors = 0
        self._sums: dict[str, int] = {}

    def add(self, scrubbed: ScrubbedEvent) -> None:
        event = scrubbed.event
        self._events += 1
        self.session_ids.add(event.session_id)
        if event.kind is EventKind.TOOL_CALL:
            self._tool_calls += 1
        elif event.kind is EventKind.TOOL_RESULT:
            self._tool_errors += event.status is EventStatus.ERROR
        elif event.kind is EventKind.ASSISTANT_MESSAGE:
            self._add_known("tokens_in", event.tokens_in)
            self._add_known("tokens_out", event.tokens_out)
            self._add_known("cache_read", event.attrs.get("cache_read"))
            self._add_known("cache_write", event.attrs.get("cache_write"))
            self._add_known("cost_usd_micros", event.cost_usd_micros)

    def _add_known(self, name: str, value: object) -> None:
        if isinstance(value, int):
            self._sums[name] = self._sums.get(name, 0) + value

    def counts(self) -> Counts:
        return Counts(
            events=self._events,
            tool_calls=self._tool_calls,
            tool_errors=self._tool_errors,
            **self._sums,
        )
