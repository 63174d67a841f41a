"""What a session log says, one event at a time, before and after scrubbing.

Column names and meanings are those of the published event v1 schema. Unknown stays unknown:
``None`` never means zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

type JsonValue = str | int | float | bool | list["JsonValue"] | dict[str, "JsonValue"] | None


class EventKind(StrEnum):
    """What happened."""

    SESSION = "session"
    """The header of a log: one per session file."""
    MODEL_CHANGE = "model_change"
    USER_MESSAGE = "user_message"
    """A request or a trigger; ``attrs['trigger']`` says whose (see ``Trigger``)."""
    THINKING = "thinking"
    ASSISTANT_MESSAGE = "assistant_message"
    """One model response; its text may be empty when it only calls tools or failed."""
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    COMPACTION = "compaction"
    SYSTEM = "system"
    """Anything else that the format records: custom entries, labels, boundaries."""


class EventStatus(StrEnum):
    """How it ended, read from structure (exit code, status field, stop reason), never words."""

    OK = "ok"
    ERROR = "error"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One event of one session, not yet scrubbed; it must never be persisted."""

    event_id: str
    """``ev_`` + 24 hex digits of SHA-256 over what the log says; the same on any machine."""
    source: str
    """Format name: ``openclaw``."""
    source_ref: str
    """``<file name>:<line number>``, 1-based; never a folder."""
    session_id: str
    seq: int
    """Position on the session's active branch, from 0, dense."""
    parent_event_id: str | None
    ts: datetime
    """Source time, UTC, aware."""
    kind: EventKind
    role: str | None = None
    agent: str | None = None
    model: str | None = None
    """``provider/model`` as logged."""
    tool_name: str | None = None
    tool_call_id: str | None = None
    status: EventStatus | None = None
    duration_ms: int | None = None
    tokens_in: int | None = None
    """Excludes cached tokens. All-zero usage in a log is unknown, so ``None``."""
    tokens_out: int | None = None
    """Includes reasoning tokens."""
    cost_usd_micros: int | None = None
    text: str | None = None
    """Message text, tool arguments as canonical JSON, or tool output."""
    arm: str | None = None
    propensity: float | None = None
    attrs: Mapping[str, JsonValue] = field(default_factory=dict)
    """Known keys: ``entry_id, parent_entry_id, trigger, chat_id, chat_type, thread_id,
    message_id, stop_reason, error_message, exit_code, cache_read, cache_write, blocks``; the
    rest are unknown fields of the log, kept."""


@dataclass(frozen=True, slots=True)
class ScrubbedEvent:
    """A ``TraceEvent`` whose every free string went through the scrubber.

    Made by ``tracebridge.scrubbing`` and by the store when it reads back what it wrote.
    The only kind of event that a store accepts.
    """

    event: TraceEvent
    scrub_version: str
    finds: Mapping[str, int] = field(default_factory=dict)
    """Placeholder type (``EMAIL``, ``SECRET`` ...) to number of replacements, zeros absent."""


class QuarantineReason(StrEnum):
    """Why a line could not be read. The line stays in its file and is counted."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_LONG = "too_long"
    TOO_DEEP = "too_deep"
    LONE_SURROGATE = "lone_surrogate"
    DUPLICATE_KEY = "duplicate_key"
    NUMBER_RANGE = "number_range"
    MISSING_FIELD = "missing_field"
    BAD_TIMESTAMP = "bad_timestamp"
    BAD_FIELD_TYPE = "bad_field_type"


class SkipRule(StrEnum):
    """Why a readable line is left out on purpose."""

    OFF_BRANCH = "off_branch"
    """Not on the path from the session's leaf to its root."""
    SYNTHETIC = "synthetic"
    """Written by the gateway itself (delivery mirror, injected turn), not by model or user."""
    TORN_TAIL = "torn_tail"
    """The unterminated last line of a file that may still be written: read next time."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One unreadable line: where it is and what is wrong with it. No content."""

    file_name: str
    line: int
    """1-based."""
    offset: int
    """Byte offset of the line's first byte."""
    length: int
    """Bytes, newline excluded."""
    reason: QuarantineReason
    detail: str
    """What to mend, without any of the line's content."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """The account of one source file. Blank lines are not counted.

    ``lines == imported + len(quarantined) + sum(skipped.values()) + duplicates``.
    """

    file_name: str
    format: str
    sha256: str
    """Of the bytes that were read (all of the file at that moment)."""
    size_bytes: int
    lines: int
    imported: int
    duplicates: int
    quarantined: tuple[Quarantined, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    repaired_parents: int = 0
    """Entries whose parent was unreadable and that were tied to the entry before them."""
