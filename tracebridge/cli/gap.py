"""``tracebridge gap``: a tool plan as a graph, its levels and its critical path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tracebridge.cli.arguments import PATH, existing_file
from tracebridge.cli.output import emit, table
from tracebridge.domain.errors import ConfigurationError


@click.group("gap")
def gap_command() -> None:
    """Graph-based agent planning: what of a plan can run at once."""


@gap_command.command("plan")
@click.argument("file", type=PATH)
def plan(file: Path) -> None:
    """Parse a `<plan>` or `<graph>` and print its levels and critical path."""
    from tracebridge.planning.levels import plan_document
    from tracebridge.planning.parse import parse_plan

    try:
        text = existing_file(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: is not UTF-8 text; name the file of a plan") from error
    document: dict[str, Any] = plan_document(parse_plan(text, source=str(file)))
    emit(
        {**document, "schema": "tracebridge.gap_plan.v1"},
        [
            *table(
                ["level", "tasks"],
                [[depth, ", ".join(tasks)] for depth, tasks in document["levels"].items()],
            ),
            f"critical path: {' -> '.join(document['critical_path'])}",
        ],
    )
