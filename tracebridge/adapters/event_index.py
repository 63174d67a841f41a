"""The index of the event store: which parts are stored, as one JSON document.

A document of another schema was written by other rules and counts as empty: the logs are the
truth, and reading them again costs nothing but time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from tracebridge.adapters.event_parts import Counts, SourceFile, StoredPart
from tracebridge.adapters.files import write_atomic
from tracebridge.adapters.sessions.discover import is_copy_name
from tracebridge.domain.errors import IngestError
from tracebridge.domain.events import FileReport, Quarantined, QuarantineReason

INDEX_SCHEMA = "tracebridge.event-store.v1"
"""Goes up when a reader changes what it makes of a log: everything is then read anew."""

type Rank = tuple[bool, bool, str, str]


def key_of(part: StoredPart) -> str:
    """Names the place that a part takes: its source's path, or the file name it was given."""
    return part.source.path if part.source else part.report.file_name


def rank_of(part: StoredPart) -> Rank:
    """Sorts parts: existing files before vanished ones, live logs before copies, then by name."""
    name = part.report.file_name
    return (is_vanished(part), is_copy_name(name), name, key_of(part))


def is_vanished(part: StoredPart) -> bool:
    """Whether the source was a file that is no longer there."""
    return part.source is not None and not Path(part.source.path).exists()


def read_index(path: Path) -> list[StoredPart]:
    """The stored parts; none where there is no index yet, or one of another schema.

    Raises:
        IngestError: the index cannot be read or is damaged.
    """
    try:
        document = orjson.loads(path.read_bytes())
        if document["schema"] != INDEX_SCHEMA:
            return []
        return [_from_record(record) for record in document["parts"]]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise IngestError(
            f"{path}: the index of the event store cannot be read ({error.strerror}); check this "
            "user's rights."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise IngestError(
            f"{path}: the index of the event store is damaged; delete the folder {path.parent} "
            f"and import the logs again."
        ) from error


def write_index(path: Path, parts: Iterable[StoredPart]) -> None:
    """Replace the index in one step; raises ``OSError``."""
    records = [asdict(part) for part in sorted(parts, key=key_of)]
    document = {"schema": INDEX_SCHEMA, "parts": records}
    write_atomic(path, orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def _from_record(record: dict[str, Any]) -> StoredPart:
    report = record["report"]
    quarantined = tuple(
        Quarantined(**bad | {"reason": QuarantineReason(bad["reason"])})
        for bad in report["quarantined"]
    )
    return StoredPart(
        file=record["file"],
        source=SourceFile(**record["source"]) if record["source"] else None,
        session_ids=tuple(record["session_ids"]),
        scrub_version=record["scrub_version"],
        report=FileReport(**report | {"quarantined": quarantined}),
        counts=Counts(**record["counts"]),
    )
