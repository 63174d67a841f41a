"""What every log reader gives back, and how it names events and entries.

Ids are made of what a log says (format, session, entry), never of where the log lies, so a
file that was copied, renamed or moved to another machine gives the same ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from tracebridge.domain.events import EventKind, FileReport, TraceEvent


@dataclass(frozen=True, slots=True)
class SessionLog:
    """One log file, read."""

    session_id: str
    events: tuple[TraceEvent, ...]
    """New events of the active branch, by ``seq``. Not scrubbed."""
    report: FileReport
    entry_keys: tuple[str, ...]
    """`entry_key` of every readable entry of the file, in file order, whatever became of it."""


def entry_key(session_id: str, entry_id: str) -> str:
    """Names one entry of one session: copies of a log share the keys of its entries."""
    return f"{session_id}/{entry_id}"


def session_of_key(key: str) -> str:
    """The session of an `entry_key`; session ids hold no slash."""
    return key.partition("/")[0]


def event_id(source: str, session_id: str, entry_id: str, part: int, kind: EventKind) -> str:
    """``ev_`` and 24 hex digits; ``part`` is the event's position within its entry, from 0."""
    named = "\x1f".join((source, session_id, entry_id, str(part), kind.value))
    return f"ev_{sha256(named.encode()).hexdigest()[:24]}"


def content_entry_id(line: bytes, repeat: int) -> str:
    """An id for an entry that the log gave none: the digest of its line.

    ``repeat`` counts equal lines before it in the same file, from 0.
    """
    return f"~{sha256(line).hexdigest()[:24]}.{repeat}"
