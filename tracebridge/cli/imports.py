"""``tracebridge import``: session logs in, scrubbed events kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracebridge.cli.output import emit, interactive, settings, table

if TYPE_CHECKING:
    from tracebridge.domain.events import JsonValue

FORMATS = ("auto", "openclaw")
LISTED = 10
"""Files that could not be read, named one by one."""


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    default="auto",
    help="Recognized by content where `auto`.",
)
def import_command(paths: tuple[Path, ...], format_name: str) -> None:
    """Read session logs, or folders of them; scrub them; keep the events.

    The same log again changes nothing. A line that cannot be read is quarantined with its file,
    line number and reason, and never stops the rest.
    """
    from tracebridge import wiring

    chosen = settings()
    with wiring.lock_of(chosen), _progress() as show:
        report = wiring.import_logs(
            wiring.open_workspace(chosen), paths, format_name=format_name, progress=show
        )
    document = {**report.to_json(), "schema": "tracebridge.import.v1"}
    emit(document, _lines(document))


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None] | None]:
    """A bar for whoever watches; nothing where nobody does."""
    if not interactive():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("import")
        yield lambda done, total, name: bar.update(
            task, completed=done, total=total, description=name[:40]
        )


def _lines(document: Mapping[str, JsonValue]) -> list[str]:
    counts = [[key, value] for key, value in document.items() if isinstance(value, int | float)]
    reasons = document.get("quarantined")
    lines = table(["what", "count"], counts)
    if isinstance(reasons, dict):
        lines += [f"quarantined, {reason}: {count}" for reason, count in reasons.items()]
    unread = document.get("unread")
    if isinstance(unread, list) and unread:
        lines.append(f"not read ({len(unread)}):")
        lines += [f"  {it['why']}" for it in unread[:LISTED] if isinstance(it, dict)]
    return lines
