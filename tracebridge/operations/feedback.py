"""Reactions into the ledger, and what they amount to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tracebridge.adapters.documents import read_document, table_of
from tracebridge.adapters.files import write_atomic
from tracebridge.adapters.pseudonyms import open_pseudonyms
from tracebridge.adapters.telegram import FeedbackImportReport, import_updates
from tracebridge.domain.documents import document_bytes
from tracebridge.domain.errors import LedgerError
from tracebridge.domain.events import JsonValue
from tracebridge.reporting.feedback import feedback_section
from tracebridge.settings import Settings
from tracebridge.wiring import labels_of, open_workspace


def import_feedback(settings: Settings, file: Path, *, now: datetime) -> FeedbackImportReport:
    """Read reactions into the ledger and note what was harvested, and when.

    Raises:
        IngestError: the file cannot be read.
        LedgerError: the ledger or the state of the harvester is damaged, or cannot be written.
    """
    read_harvests(settings)
    report = import_updates(
        file,
        open_workspace(settings).ledger,
        bot=settings.bot,
        pseudonyms=open_pseudonyms(settings.pseudonym_key_path),
        received_at=now,
    )
    note_harvest(settings, report, now=now)
    return report


def read_harvests(settings: Settings) -> dict[str, JsonValue]:
    """What was harvested, by UTC day, as `note_harvest` keeps it; empty before the first.

    Raises:
        LedgerError: the file is damaged.
    """
    return read_document(settings.harvester_state_path, LedgerError)


def note_harvest(settings: Settings, report: FeedbackImportReport, *, now: datetime) -> None:
    """Add one harvest to the state file: totals by UTC day, so that a missing day shows."""
    path = settings.harvester_state_path
    state = read_harvests(settings) or {"schema": "tracebridge.harvester_state.v1", "days": {}}
    days = table_of(state, "days")
    day = table_of(days, now.date().isoformat())
    counts = {"runs": 1, "new": report.new, "duplicates": report.duplicates}
    totals = {name: _count(day, name) + count for name, count in counts.items()}
    state = {
        **state,
        "last_harvest_at": now.isoformat(),
        "days": {**days, now.date().isoformat(): {**totals}},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, document_bytes(state))


def feedback_figures(settings: Settings, until: datetime) -> dict[str, JsonValue]:
    """What the reactions before ``until`` amount to."""
    joined, turns = labels_of(workspace := open_workspace(settings), until)
    entries = workspace.ledger.entries(until)
    return feedback_section(entries, joined.labels, joined.unjoined, turns)


def _count(document: Mapping[str, JsonValue], key: str) -> int:
    value = document.get(key, 0)
    return value if isinstance(value, int) else 0
