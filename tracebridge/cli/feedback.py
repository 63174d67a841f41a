"""``tracebridge feedback``: reactions into the ledger, and what they amount to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from tracebridge.cli.output import day_option, emit, settings, table


@click.group("feedback")
def feedback_command() -> None:
    """Reactions that people leave under answers."""


@feedback_command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Add Bot API updates (one JSON object a line) or another ledger; twice adds nothing."""
    from tracebridge.operations.feedback import import_feedback

    report = import_feedback(settings(), file, now=datetime.now(UTC))
    document = report.to_json()
    emit(
        {**document, "schema": "tracebridge.feedback_import.v1"},
        [
            (
                f"{report.new} new, {report.duplicates} known, "
                f"{sum(report.ignored.values())} of other kinds, "
                f"{len(report.quarantined)} unreadable of {report.lines} lines"
            )
        ],
    )


@feedback_command.command("report")
@click.option("--day", help="UTC day, YYYY-MM-DD; reactions up to its end. Default: today.")
def report(day: str | None) -> None:
    """Harvested, scored, unmapped, withdrawn: what the reactions amount to."""
    from tracebridge.cycle import end_of
    from tracebridge.operations.feedback import feedback_figures

    section = feedback_figures(settings(), end_of(day_option(day)))
    emit(
        {"schema": "tracebridge.feedback_report.v1", **section},
        table(["what", "value"], [[key, _flat(value)] for key, value in section.items()]),
    )


def _flat(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items()) or None
    return value
