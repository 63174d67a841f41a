"""``tracebridge export``: datasets for training, and the strict reading of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tracebridge.cli.arguments import PATH, existing_folder, writable_file
from tracebridge.cli.output import Negative, counted, emit, settings, table

KINDS = ("messages", "triplets", "agent-lightning")


@click.group("export")
def export_command() -> None:
    """Datasets for training; a missing reward is left out, never filled with zero."""


def _make(kind: str) -> click.Command:
    @click.command(kind, help=f"Write the {kind} dataset as JSON Lines.")
    @click.option("-o", "--out", required=True, type=PATH, help="A file.")
    def command(out: Path) -> None:
        from tracebridge.operations.datasets import write_dataset

        rows = write_dataset(settings(), kind, writable_file(out), until=datetime.now(UTC))
        emit(
            {"schema": "tracebridge.export.v1", "kind": kind, "out": str(out), "rows": rows},
            [f"{counted(rows, 'row')} to {out}"],
        )

    return command


for _kind in KINDS:
    export_command.add_command(_make(_kind))


@export_command.command("check")
@click.argument("path", type=PATH)
def check(path: Path) -> None:
    """Read a bundle's exports folder back as its consumer does; exit 1 if a row is refused."""
    from tracebridge.operations.datasets import check_dataset

    document = check_dataset(existing_folder(path))
    problems: Any = document["problems"]
    emit(
        {**document, "schema": "tracebridge.export_check.v1"},
        table(
            ["problem"],
            [[problem] for problem in problems],
            empty=f"{path}: every row is read as its consumer reads it",
        ),
    )
    if problems:
        raise Negative
