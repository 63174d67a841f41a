"""What commands share: the settings of this call, one JSON document or a story, an answer's sign.

stdout is data, stderr is story, the exit code is the verdict.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tracebridge.settings import Settings


class Negative(Exception):  # noqa: N818 - an answer, not an error
    """The command is done and its answer is no: exit code 1."""


def settings() -> Settings:
    """The settings of the workspace that this call names."""
    from tracebridge.settings import load_settings, workspace_from

    option = click.get_current_context().find_root().obj["workspace"]
    return load_settings(workspace_from(Path(option) if option else None))


def as_json() -> bool:
    """Whether stdout must hold exactly one JSON document."""
    return bool(click.get_current_context().find_root().obj["json"])


def emit(document: Mapping[str, Any], lines: Iterable[str]) -> None:
    """The answer: the document with ``--json``, else the lines, on stdout."""
    if as_json():
        click.echo(json.dumps(document, ensure_ascii=False, sort_keys=True, indent=2))
        return
    for line in lines:
        click.echo(line)


def story(line: str) -> None:
    """What is going on, for people, on stderr."""
    click.echo(line, err=True)


def interactive() -> bool:
    """Whether somebody is watching: progress is shown only then."""
    return sys.stderr.isatty()


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a plain table; numbers to the right, unknown as a dash."""
    if not rows:
        return []
    cells = [[_shown(value) for value in row] for row in rows]
    widths = [max(len(head[i]), *(len(row[i]) for row in cells)) for i in range(len(head))]
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(head))]
    lines = [head, *cells]
    return [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    ]


def day_option(value: str | None) -> date:
    """A UTC day from ``YYYY-MM-DD``; today where none is given."""
    if value is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"--day is '{value}'; give a UTC day as YYYY-MM-DD") from error


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
