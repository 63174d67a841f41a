"""Scrubbed events as Arrow tables, and any table as Parquet bytes that are the same on every run.

Bytes are identical under one pyarrow version (Parquet names its writer); nothing else enters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from tracebridge.adapters.table_schemas import EVENT_SCHEMA
from tracebridge.domain.events import (
    EventKind,
    EventStatus,
    JsonValue,
    ScrubbedEvent,
    TraceEvent,
)

__all__ = [
    "EVENT_SCHEMA",
    "ROW_GROUP_ROWS",
    "canonical_json",
    "count_rows",
    "event_to_document",
    "event_to_row",
    "events_parquet",
    "events_to_table",
    "parquet_bytes",
    "read_table",
    "row_to_event",
    "table_of",
    "table_to_events",
]

ROW_GROUP_ROWS = 16_384
"""Fixed, so that row-group boundaries depend on nothing but the rows."""

_EVENT_FIELDS = [name for name in EVENT_SCHEMA.names if name not in {"scrub_version", "finds"}]
_KINDS = {kind.value: kind for kind in EventKind}
_STATUSES: dict[str | None, EventStatus | None] = {it.value: it for it in EventStatus} | {
    None: None
}
_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode
_decode = json.JSONDecoder().decode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def event_to_row(scrubbed: ScrubbedEvent) -> dict[str, object]:
    """Event v1 columns of one event, in the schema's order, ``finds`` last."""
    return {name: values[0] for name, values in _event_columns([scrubbed]).items()}


def event_to_document(scrubbed: ScrubbedEvent) -> dict[str, JsonValue]:
    """One event as the ``event`` schema has it: time as UTC text, ``attrs`` and ``finds`` whole."""
    row = event_to_row(scrubbed)
    row["ts"] = scrubbed.event.ts.astimezone(UTC).isoformat().replace("+00:00", "Z")
    row["attrs"], row["finds"] = dict(scrubbed.event.attrs), dict(scrubbed.finds)
    return cast("dict[str, JsonValue]", row)


def row_to_event(row: Mapping[str, object]) -> ScrubbedEvent:
    """The event that `event_to_row` was given."""
    (event,) = table_to_events(pa.Table.from_pylist([dict(row)], schema=EVENT_SCHEMA))
    return event


def events_to_table(events: Sequence[ScrubbedEvent]) -> pa.Table:
    """One row per event, in the order given."""
    columns = _event_columns(events)
    arrays = [pa.array(columns[field.name], field.type) for field in EVENT_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=EVENT_SCHEMA)


def table_to_events(table: pa.Table) -> tuple[ScrubbedEvent, ...]:
    """The events of a table with the columns of `EVENT_SCHEMA`, in row order."""
    values = {name: _values(table.column(name)) for name in EVENT_SCHEMA.names}
    values["kind"] = [_KINDS[kind] for kind in values["kind"]]
    values["status"] = [_STATUSES[status] for status in values["status"]]
    values["attrs"] = list(map(_object, values["attrs"]))
    # Event v1 names the fields of a TraceEvent in their own order.
    events = map(TraceEvent, *(values[name] for name in _EVENT_FIELDS))
    finds = map(_object, values["finds"])
    return tuple(map(ScrubbedEvent, events, values["scrub_version"], finds))


def events_parquet(sessions: Iterable[Sequence[ScrubbedEvent]]) -> tuple[bytes, int]:
    """Parquet bytes and row count of all sessions, in the order given.

    Holds one row group of events and the compressed bytes in memory, never all events.
    """
    sink = pa.BufferOutputStream()
    rows = 0
    with _writer(sink, EVENT_SCHEMA) as writer:
        for batch in _batches(event for session in sessions for event in session):
            writer.write_table(events_to_table(batch), row_group_size=ROW_GROUP_ROWS)
            rows += len(batch)
    return bytes(sink.getvalue()), rows


def _batches(events: Iterable[ScrubbedEvent]) -> Iterator[list[ScrubbedEvent]]:
    batch: list[ScrubbedEvent] = []
    for event in events:
        batch.append(event)
        if len(batch) == ROW_GROUP_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _event_columns(events: Sequence[ScrubbedEvent]) -> dict[str, list[object]]:
    """Values by column, in the schema's order."""
    inner = [scrubbed.event for scrubbed in events]
    columns: dict[str, list[object]] = {
        "kind": [event.kind.value for event in inner],
        "status": [None if event.status is None else event.status.value for event in inner],
        "scrub_version": [scrubbed.scrub_version for scrubbed in events],
        "attrs": [canonical_json(event.attrs) for event in inner],
        "finds": [canonical_json(scrubbed.finds) for scrubbed in events],
    }
    return {
        name: columns[name] if name in columns else list(map(attrgetter(name), inner))
        for name in EVENT_SCHEMA.names
    }


def _values(column: pa.ChunkedArray) -> list[Any]:
    return _moments(column) if pa.types.is_timestamp(column.type) else column.to_pylist()


def _object(text: str) -> dict[str, Any]:
    return {} if text == "{}" else dict(_decode(text))


def parquet_bytes(table: pa.Table) -> bytes:
    """The table as Parquet: zstd level 3, fixed row groups, nothing but the schema as metadata."""
    sink = pa.BufferOutputStream()
    with _writer(sink, table.schema) as writer:
        writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
    return bytes(sink.getvalue())


def read_table(source: Path | bytes) -> pa.Table:
    """All rows of a Parquet file or of its bytes. Raises ``pyarrow.ArrowInvalid`` on others."""
    return pq.read_table(pa.BufferReader(source) if isinstance(source, bytes) else source)


def count_rows(source: Path | bytes) -> int:
    """Rows that the Parquet footer declares. Raises ``pyarrow.ArrowInvalid`` without a footer."""
    opened = pa.BufferReader(source) if isinstance(source, bytes) else source
    return int(pq.read_metadata(opened).num_rows)


def _writer(sink: pa.NativeFile, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(sink, schema, compression="zstd", compression_level=3)


def table_of(rows: Iterable[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    """A table with ``schema`` from rows of values in column order."""
    columns: list[Sequence[object]] = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _moments(column: pa.ChunkedArray) -> list[datetime]:
    return [_EPOCH + micros * _MICROSECOND for micros in column.cast(pa.int64()).to_pylist()]


def canonical_json(value: Mapping[str, JsonValue] | Mapping[str, int] | Mapping[str, str]) -> str:
    """JSON with sorted keys and no spaces; raises ``ValueError`` on NaN and infinities."""
    return _encode(value) if value else "{}"
