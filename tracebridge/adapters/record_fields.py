"""Fields of a JSON record, each exactly of the type it must have; else the line is bad."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from tracebridge.adapters.sessions.lines import BadLine
from tracebridge.domain.events import QuarantineReason

_INT_LIMIT = 2**63
"""What every reader of our files can hold."""
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""


def field_of[T](record: Mapping[str, object], name: str, kind: type[T]) -> T:
    """The field ``name``, exactly of type ``kind`` (``bool`` is no ``int``). Raises `BadLine`."""
    if name not in record:
        raise BadLine(QuarantineReason.MISSING_FIELD, f"the field {name} is missing")
    value = record[name]
    if type(value) is not kind:
        detail = f"the field {name} must be of type {kind.__name__}"
        raise BadLine(QuarantineReason.BAD_FIELD_TYPE, detail)
    if isinstance(value, int) and not -_INT_LIMIT <= value < _INT_LIMIT:
        detail = f"the field {name} does not fit into 64 bits"
        raise BadLine(QuarantineReason.NUMBER_RANGE, detail)
    return value


def unix_time_of(record: Mapping[str, object], name: str) -> datetime:
    """The field ``name`` in whole Unix seconds, as a UTC datetime. Raises `BadLine`."""
    seconds = field_of(record, name, int)
    if not 0 <= seconds <= _LAST_SECOND:
        detail = f"the field {name} is no time in Unix seconds"
        raise BadLine(QuarantineReason.BAD_TIMESTAMP, detail)
    return datetime.fromtimestamp(seconds, tz=UTC)
