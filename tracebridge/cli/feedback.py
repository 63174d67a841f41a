"""``tracebridge feedback``: reactions into the ledger, and what they amount to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from tracebridge.cli.arguments import PATH, day_of, existing_file
from tracebridge.cli.output import Negative, counted, emit, listed, settings, story, table

MAX_SHOWN = 5
"""Unreadable lines that are shown one by one; the document has more."""


@click.group("feedback")
def feedback_command() -> None:
    """Reactions that people leave under answers."""


@feedback_command.command("import")
@click.argument("file", type=PATH)
def import_(file: Path) -> None:
    """Add Bot API updates (one JSON object a line) or another ledger; twice adds nothing.

    Exit 1 if not one line can be read.
    """
    from tracebridge.operations.feedback import import_feedback

    chosen = settings(may_be_new=True)
    report = import_feedback(chosen, existing_file(file), now=datetime.now(UTC))
    bad = report.quarantined
    emit(
        report.to_json(),
        [
            (
                f"{counted(report.lines, 'line')}: {report.new} new, {report.duplicates} known, "
                f"{sum(report.ignored.values())} of other kinds, {len(bad)} unreadable"
            ),
            *[f"line {it.line}: {it.reason.value}: {it.detail}" for it in bad[:MAX_SHOWN]],
        ],
    )
    if bad and len(bad) == report.lines:
        story(f"{file}: no line is a reaction update; give Bot API updates, one JSON object a line")
        raise Negative


@feedback_command.command("report")
@click.option("--day", help="UTC day, YYYY-MM-DD; reactions up to its end. Default: today.")
def report(day: str | None) -> None:
    """Harvested, scored, unmapped, withdrawn: what the reactions amount to."""
    from tracebridge.cycle import end_of
    from tracebridge.operations.feedback import feedback_figures

    section = feedback_figures(settings(), end_of(day_of(day)))
    emit(
        {"schema": "tracebridge.feedback_report.v1", **section},
        table(["what", "value"], [_line(name, value) for name, value in section.items()]),
    )


def _line(name: str, value: object) -> list[object]:
    """One figure for people: words for names, one line for a table of counts."""
    if isinstance(value, dict):
        value = listed(value)
    if name == "label_rate" and isinstance(value, float):
        value = f"{value:.1%}"
    return [name.replace("_", " "), value]
