"""The router's decision files, read back: what was served, and with what probability.

A line that is not exactly a decision is quarantined and counted, never guessed at: a wrong
propensity would bend every estimate that uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from hashlib import sha256
from pathlib import Path

from tracebridge.adapters.jsonl import RawLine, prefix_sha256, scan_lines
from tracebridge.adapters.sessions.lines import BadLine, parse_object
from tracebridge.canary.decision_log import parse_decision_line
from tracebridge.canary.documents import canonical_json
from tracebridge.domain.bundle import InputEntry
from tracebridge.domain.errors import CanaryError, IngestError
from tracebridge.domain.events import Quarantined, QuarantineReason
from tracebridge.domain.replay import Decision

MAX_LINE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DecisionsRead:
    """All decision files together. Blank lines and an unfinished last line are not counted.

    ``lines == (decisions read) + duplicates + len(quarantined)``; ``decisions`` keeps those
    before the moment that was asked for.
    """

    decisions: tuple[Decision, ...]
    lines: int
    duplicates: int
    """Lines that repeat a decision word for word."""
    quarantined: tuple[Quarantined, ...]
    inputs: tuple[InputEntry, ...]
    """What was read of each file: length, SHA-256, lines."""


@dataclass(slots=True)
class _Tally:
    decisions: dict[str, Decision] = field(default_factory=dict)
    lines: int = 0
    duplicates: int = 0
    quarantined: list[Quarantined] = field(default_factory=list)
    inputs: list[InputEntry] = field(default_factory=list)


class DecisionFiles:
    """The files ``*.jsonl`` of ``folder``, one per UTC day. Implements ``ports.DecisionSource``.

    ``upto_bytes`` (file name to length) reads only files named there, and only their beginning:
    that is how a cycle is made again after the files have grown. What lies there never changes,
    so it is read once for each moment.
    """

    def __init__(self, folder: Path, *, upto_bytes: Mapping[str, int] | None = None) -> None:
        self._folder = folder
        self._upto_bytes = upto_bytes
        self._read_before: dict[datetime, DecisionsRead] = {}

    def pinned(self) -> DecisionFiles:
        """The same files as they are now: what the router adds from here on is not seen."""
        sizes = {path.name: path.stat().st_size for path in self._folder.glob("*.jsonl")}
        return DecisionFiles(self._folder, upto_bytes=sizes)

    def decisions(self, until: datetime) -> tuple[Decision, ...]:
        """Decisions made before ``until``, in the order they were made."""
        return self.read(until).decisions

    def read(self, until: datetime) -> DecisionsRead:
        """The same with the account of every line. Raises `IngestError`."""
        if self._upto_bytes is None:
            return self._read(until)
        if until not in self._read_before:
            self._read_before[until] = self._read(until)
        return self._read_before[until]

    def _read(self, until: datetime) -> DecisionsRead:
        tally = _Tally()
        for path in self._paths(until):
            try:
                self._read_file(path, tally)
            except OSError as error:
                raise IngestError(
                    f"{path.name} cannot be read ({error.strerror}); check its rights."
                ) from error
        before = (it for it in tally.decisions.values() if it.ts < until)
        return DecisionsRead(
            decisions=tuple(sorted(before, key=lambda it: it.ts)),
            lines=tally.lines,
            duplicates=tally.duplicates,
            quarantined=tuple(tally.quarantined),
            inputs=tuple(tally.inputs),
        )

    def _paths(self, until: datetime) -> list[Path]:
        paths = sorted(self._folder.glob("*.jsonl"))
        if self._upto_bytes is not None:
            paths = [path for path in paths if path.name in self._upto_bytes]
        return [path for path in paths if _starts_before(path, until)]

    def _read_file(self, path: Path, tally: _Tally) -> None:
        upto = None if self._upto_bytes is None else self._upto_bytes[path.name]
        rows = size_bytes = 0
        for line in scan_lines(path, upto_bytes=upto, max_line_bytes=MAX_LINE_BYTES):
            if not line.terminated:
                break
            rows, size_bytes = line.number, line.end
            if line.data.strip():
                _take(path.name, line, tally)
        tally.inputs.append(
            InputEntry(
                kind="decisions",
                name=path.name,
                sha256=prefix_sha256(path, size_bytes),
                size_bytes=size_bytes,
                rows=rows,
            )
        )


def _take(file_name: str, line: RawLine, tally: _Tally) -> None:
    tally.lines += 1
    try:
        decision = _decision_of(file_name, line)
        is_known = _is_known(decision, tally.decisions)
    except BadLine as error:
        tally.quarantined.append(
            Quarantined(
                file_name, line.number, line.offset, line.length, error.reason, error.detail
            )
        )
    else:
        tally.duplicates += is_known
        tally.decisions[decision.decision_id] = decision


def _is_known(decision: Decision, known: Mapping[str, Decision]) -> bool:
    before = known.get(decision.decision_id, decision)
    if before != decision:
        raise BadLine(QuarantineReason.DUPLICATE_KEY, "its decision_id belongs to another decision")
    return decision.decision_id in known


def _decision_of(file_name: str, line: RawLine) -> Decision:
    if line.length > MAX_LINE_BYTES:
        detail = f"the line is longer than {MAX_LINE_BYTES} bytes"
        raise BadLine(QuarantineReason.TOO_LONG, detail)
    parse_object(line.data)
    try:
        decision = parse_decision_line(line.data, where=f"{file_name} line {line.number}")
    except CanaryError as error:
        raise BadLine(QuarantineReason.BAD_FIELD_TYPE, str(error)) from error
    digest = sha256(canonical_json(dict(decision.context)).encode()).hexdigest()
    if digest != decision.context_digest:
        raise BadLine(QuarantineReason.BAD_FIELD_TYPE, "context_digest does not fit the context")
    return decision


def _starts_before(path: Path, until: datetime) -> bool:
    """Whether the day that names the file begins before ``until``; other names always do."""
    try:
        day = date.fromisoformat(path.stem)
    except ValueError:
        return True
    return datetime.combine(day, time(), tzinfo=UTC) < until
