"""Reads OpenClaw session logs: JSONL of format version 3 or 4, one session per file.

Every line ends in exactly one class of the file's report. What the log says twice (checkpoints,
renamed and backed-up copies) is a duplicate, what the gateway wrote in the model's name is
synthetic, what is not on the path from the leaf to the root is off the branch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tracebridge.adapters.sessions.lines import (
    DEFAULT_MAX_LINE_BYTES,
    BadLine,
    Line,
    LineReader,
)
from tracebridge.adapters.sessions.openclaw_branch import Branch, Node, active_branch
from tracebridge.adapters.sessions.openclaw_drafts import Draft
from tracebridge.adapters.sessions.openclaw_entries import Entry, parse_entry
from tracebridge.adapters.sessions.openclaw_envelope import trigger_of
from tracebridge.adapters.sessions.openclaw_header import (
    Header,
    headless_session_id,
    parse_header,
)
from tracebridge.adapters.sessions.session_log import (
    SessionLog,
    content_entry_id,
    entry_key,
    event_id,
)
from tracebridge.domain.errors import IngestError
from tracebridge.domain.events import (
    FileReport,
    Quarantined,
    QuarantineReason,
    SkipRule,
    TraceEvent,
)
from tracebridge.domain.trajectory import Trigger

SOURCE = "openclaw"
MAX_BAD_LINES = 100_000
"""A file with more unreadable lines is given up: its account would not fit into memory."""
_HEADER_ENTRY = ""
"""Stands for the header's entry id; no entry can have it."""


def read_openclaw(
    path: Path,
    *,
    max_line_bytes: int = DEFAULT_MAX_LINE_BYTES,
    known_entries: Callable[[str], bool] | None = None,
) -> SessionLog:
    """Read one session log. Holds the events of this one file in memory.

    Args:
        path: the log; opened read-only, it may be growing.
        max_line_bytes: longer lines are quarantined unread.
        known_entries: whether an `entry_key` is already told by another file.

    Raises:
        IngestError: the file cannot be read, its format version is not known, or none of its
            lines, or far too few, can be used.
    """
    reader = LineReader(path, max_line_bytes=max_line_bytes)
    found = _read_lines(reader, path.name)
    session_id = _session_id(found, path.name)
    branch = active_branch([_node(told.entry) for told in found.entries])
    _attach_deliveries(found.entries, branch)
    _set_triggers(found.entries)
    log = _Log(path.name, session_id, known_entries or _nothing_known)
    if found.header is not None:
        log.add_header(found.header)
    for position, told in enumerate(found.entries):
        log.add_entry(told, is_active=position in branch.active)
    log.duplicates += found.repeats
    return SessionLog(
        session_id=session_id,
        events=tuple(log.events),
        report=_report(path.name, reader, found, log, branch.repaired),
        entry_keys=tuple(log.keys),
    )


class _Told(NamedTuple):
    """An entry, its line, and the id that names it: its own or its line's digest."""

    line: int
    identity: str
    entry: Entry


@dataclass(slots=True)
class _Found:
    """The readable lines of one file, and what was wrong with the others."""

    header: Header | None = None
    entries: list[_Told] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    repeats: int = 0
    """Lines whose id an earlier line of this file had."""


def _read_lines(reader: LineReader, name: str) -> _Found:
    found = _Found()
    seen: set[str] = set()
    nameless: Counter[bytes] = Counter()
    for item in reader:
        if len(found.quarantined) > MAX_BAD_LINES:
            raise IngestError(
                f"{name}: more than {MAX_BAD_LINES} lines cannot be read; check that the file is "
                f"a session log."
            )
        if isinstance(item, Quarantined):
            found.quarantined.append(item)
            continue
        try:
            if item.value.get("type") == "session":
                _take_header(found, item, name)
                continue
            entry = parse_entry(item.value)
        except BadLine as bad:
            found.quarantined.append(reader.quarantined(item.number, item.offset, item.length, bad))
            continue
        identity = entry.entry_id
        if identity is None:
            identity = content_entry_id(item.raw, nameless[item.raw])
            nameless[item.raw] += 1
        if identity in seen:
            found.repeats += 1
            continue
        seen.add(identity)
        found.entries.append(_Told(item.number, identity, entry))
    if found.header is None and not found.entries:
        raise IngestError(
            f"{name}: no line is a readable OpenClaw entry; check that the file is a session log."
        )
    return found


def _take_header(found: _Found, line: Line, name: str) -> None:
    if found.header is not None or found.entries:
        detail = "a session header can only be the first entry of a log"
        raise BadLine(QuarantineReason.BAD_FIELD_TYPE, detail)
    found.header = parse_header(line.value, line.number, name)


def _session_id(found: _Found, name: str) -> str:
    if found.header is not None:
        return found.header.session_id
    first = found.entries[0]
    return headless_session_id(name, first.identity, first.entry.ts)


def _node(entry: Entry) -> Node:
    return Node(
        entry_id=entry.entry_id,
        parent_id=entry.parent_id,
        moves_leaf=not (entry.is_side or entry.is_synthetic),
        leaf_target=entry.leaf_target,
        is_leaf_control=entry.kind == "leaf",
        is_follower=not entry.has_parent_field,
    )


def _attach_deliveries(entries: Sequence[_Told], branch: Branch) -> None:
    """Give requests without ids the chat and message that a delivery mirror says they had.

    Releases around 2026.7 store a request without any id; the mirror of its answer names it.
    """
    request_of: list[Entry | None] = []
    for position, told in enumerate(entries):
        above = branch.parents[position]
        inherited = None if above is None else request_of[above]
        request_of.append(inherited if told.entry.envelope is None else told.entry)
        delivery, request = told.entry.delivery, request_of[position]
        if delivery is None or request is None or "message_id" in request.drafts[0]["attrs"]:
            continue
        attrs = request.drafts[0]["attrs"]
        attrs["chat_id"] = delivery.chat_id
        attrs["chat_type"] = "group" if delivery.chat_id.startswith("-") else "direct"
        attrs["message_id"] = delivery.message_id
        attrs["trigger"] = Trigger.PERSON.value
        if delivery.thread_id is not None:
            attrs["thread_id"] = delivery.thread_id


def _set_triggers(entries: Sequence[_Told]) -> None:
    requests = [told.entry for told in entries if told.entry.envelope is not None]
    has_metadata = any(entry.envelope.has_metadata for entry in requests if entry.envelope)
    for entry in requests:
        if entry.envelope is None or "trigger" in entry.drafts[0]["attrs"]:
            continue
        trigger = trigger_of(
            entry.envelope, session_has_metadata=has_metadata, provenance=entry.provenance
        )
        entry.drafts[0]["attrs"]["trigger"] = trigger.value


def _nothing_known(_: str) -> bool:
    return False


class _Log:
    """Sorts lines into classes and turns the active ones into events, in branch order."""

    def __init__(self, name: str, session_id: str, is_known: Callable[[str], bool]) -> None:
        self._name = name
        self._session_id = session_id
        self._is_known = is_known
        self._parent: str | None = None
        self._seq = 0
        self.events: list[TraceEvent] = []
        self.keys: list[str] = []
        self.imported = 0
        self.duplicates = 0
        self.skipped: Counter[str] = Counter()

    def add_header(self, header: Header) -> None:
        is_new = self._count(_HEADER_ENTRY, None)
        self._emit(header.line, _HEADER_ENTRY, header.ts, [header.draft], is_new=is_new)

    def add_entry(self, told: _Told, *, is_active: bool) -> None:
        rule = None if is_active else SkipRule.OFF_BRANCH
        rule = SkipRule.SYNTHETIC if told.entry.is_synthetic else rule
        is_new = self._count(told.identity, rule)
        if rule is None:
            self._emit(told.line, told.identity, told.entry.ts, told.entry.drafts, is_new=is_new)

    def _count(self, identity: str, rule: SkipRule | None) -> bool:
        """Put a line into its class; whether its events are wanted."""
        key = entry_key(self._session_id, identity)
        self.keys.append(key)
        if self._is_known(key):
            self.duplicates += 1
            return False
        if rule is not None:
            self.skipped[rule.value] += 1
            return False
        self.imported += 1
        return True

    def _emit(
        self, line: int, identity: str, ts: datetime, drafts: Sequence[Draft], *, is_new: bool
    ) -> None:
        # Ids and positions run on over duplicates: they speak of the branch, not of this file.
        source_ref, session_id = f"{self._name}:{line}", self._session_id
        for part, draft in enumerate(drafts):
            named = event_id(SOURCE, session_id, identity, part, draft["kind"])
            if is_new:
                self.events.append(
                    TraceEvent(
                        event_id=named,
                        source=SOURCE,
                        source_ref=source_ref,
                        session_id=session_id,
                        seq=self._seq,
                        parent_event_id=self._parent,
                        ts=ts,
                        **draft,
                    )
                )
            self._parent = named
            self._seq += 1


def _report(name: str, reader: LineReader, found: _Found, log: _Log, repaired: int) -> FileReport:
    skipped = log.skipped + Counter({SkipRule.TORN_TAIL.value: int(reader.torn_tail)})
    return FileReport(
        file_name=name,
        format=SOURCE,
        sha256=reader.sha256,
        size_bytes=reader.size_bytes,
        lines=reader.lines,
        imported=log.imported,
        duplicates=log.duplicates,
        quarantined=tuple(found.quarantined),
        skipped=dict(sorted(skipped.items())),
        repaired_parents=repaired,
    )
