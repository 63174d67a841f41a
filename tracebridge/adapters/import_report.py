"""What an import found, as counts: every non-blank line is in exactly one class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tracebridge.adapters.event_parts import StoredPart
from tracebridge.domain.errors import IngestError
from tracebridge.domain.events import FileReport, JsonValue

_LISTED_LINES = 50


@dataclass(frozen=True, slots=True)
class Unread:
    """A file below a folder that was left out, and why in one sentence."""

    file_name: str
    why: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """Sums over responses whose usage is known; ``None``: no usage is known at all."""

    input: int | None
    """Excludes cached tokens."""
    output: int | None
    """Includes reasoning tokens."""
    cache_read: int | None
    cache_write: int | None

    @property
    def total(self) -> int | None:
        return _known_sum([self.input, self.output, self.cache_read, self.cache_write])


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The account of all logs at the paths that were asked for, read now or unchanged since."""

    per_file: tuple[FileReport, ...]
    """In canonical order."""
    unread: tuple[Unread, ...]
    unchanged: int
    """Files that were stored already and were not read again."""
    events: int
    """Kept events; entries told by another file are not counted again."""
    sessions: int
    tool_calls: int
    tool_errors: int
    tokens: Tokens
    cost_usd_micros: int | None
    """Sum of the known costs; ``None``: not one is known."""
    deliveries: int = 0
    """Exact delivery records that were found."""
    turns: int = 0
    """Requests with all that answered them."""

    @property
    def lines(self) -> int:
        """Non-blank lines of all files."""
        return sum(report.lines for report in self.per_file)

    @property
    def imported(self) -> int:
        return sum(report.imported for report in self.per_file)

    @property
    def duplicates(self) -> int:
        return sum(report.duplicates for report in self.per_file)

    @property
    def quarantined(self) -> Mapping[str, int]:
        """Lines by reason, sorted by it."""
        bad = (line.reason.value for report in self.per_file for line in report.quarantined)
        return dict(sorted(Counter(bad).items()))

    @property
    def skipped(self) -> Mapping[str, int]:
        """Lines by rule, sorted by it."""
        total: Counter[str] = Counter()
        for report in self.per_file:
            total.update(report.skipped)
        return dict(sorted(total.items()))

    def to_json(self) -> dict[str, JsonValue]:
        """The document ``tracebridge.import.v1``."""
        cost = self.cost_usd_micros
        return {
            "schema": "tracebridge.import.v1",
            "files": len(self.per_file),
            "unchanged": self.unchanged,
            "lines": self.lines,
            "bytes": sum(report.size_bytes for report in self.per_file),
            "imported": self.imported,
            "duplicates": self.duplicates,
            "quarantined": dict(self.quarantined),
            "skipped": dict(self.skipped),
            "repaired_parents": sum(report.repaired_parents for report in self.per_file),
            "events": self.events,
            "sessions": self.sessions,
            "turns": self.turns,
            "tool_calls": self.tool_calls,
            "tool_errors": self.tool_errors,
            "tokens": {
                "input": self.tokens.input,
                "output": self.tokens.output,
                "cache_read": self.tokens.cache_read,
                "cache_write": self.tokens.cache_write,
                "total": self.tokens.total,
            },
            "cost_usd": None if cost is None else cost / 1_000_000,
            "deliveries": self.deliveries,
            "per_format": self._per_format(),
            "per_file": [_file_json(report) for report in self.per_file],
            "quarantined_lines": self._quarantined_lines(),
            "unread": [{"file": it.file_name, "why": it.why} for it in self.unread],
        }

    def _per_format(self) -> dict[str, JsonValue]:
        per_format: dict[str, Counter[str]] = {}
        for report in self.per_file:
            counts = per_format.setdefault(report.format, Counter())
            counts.update(files=1, lines=report.lines, imported=report.imported)
        return {name: dict(per_format[name]) for name in sorted(per_format)}

    def _quarantined_lines(self) -> list[JsonValue]:
        """The first of them; all are in ``per_file`` as counts."""
        bad = [line for report in self.per_file for line in report.quarantined]
        return [
            {
                "file": line.file_name,
                "line": line.line,
                "offset": line.offset,
                "reason": line.reason.value,
                "detail": line.detail,
            }
            for line in bad[:_LISTED_LINES]
        ]


def make_report(
    parts: Iterable[StoredPart], *, unread: Iterable[Unread], unchanged: int, deliveries: int
) -> ImportReport:
    """Sum up what is stored of every file."""
    stored = tuple(parts)
    counts = [part.counts for part in stored]
    return ImportReport(
        per_file=tuple(part.report for part in stored),
        unread=tuple(unread),
        unchanged=unchanged,
        events=sum(it.events for it in counts),
        turns=sum(it.turns for it in counts),
        sessions=len({session for part in stored for session in part.session_ids}),
        tool_calls=sum(it.tool_calls for it in counts),
        tool_errors=sum(it.tool_errors for it in counts),
        tokens=Tokens(
            input=_known_sum(it.tokens_in for it in counts),
            output=_known_sum(it.tokens_out for it in counts),
            cache_read=_known_sum(it.cache_read for it in counts),
            cache_write=_known_sum(it.cache_write for it in counts),
        ),
        cost_usd_micros=_known_sum(it.cost_usd_micros for it in counts),
        deliveries=deliveries,
    )


def check_account(report: FileReport) -> None:
    """Every line in exactly one class, or no import.

    Raises:
        IngestError: the classes do not add up to the lines.
    """
    told = report.imported + report.duplicates + len(report.quarantined)
    told += sum(report.skipped.values())
    if told != report.lines:
        raise IngestError(
            f"{report.file_name}: {report.lines} lines were read and {told} accounted for; please "
            f"report this as a defect of the reader {report.format}."
        )


def _known_sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _file_json(report: FileReport) -> dict[str, JsonValue]:
    return {
        "file": report.file_name,
        "format": report.format,
        "sha256": report.sha256,
        "bytes": report.size_bytes,
        "lines": report.lines,
        "imported": report.imported,
        "quarantined": len(report.quarantined),
        "skipped": sum(report.skipped.values()),
        "duplicates": report.duplicates,
    }
