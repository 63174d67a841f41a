"""``tracebridge import``: session logs in, scrubbed events kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tracebridge.cli.arguments import PATH, existing
from tracebridge.cli.output import emit, interactive, listed, plain, settings
from tracebridge.settings import FORMATS

LISTED = 10
"""Files or lines that could not be read, named one by one; the document has more."""


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=PATH)
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

    chosen = settings(may_be_new=True)
    for path in paths:
        existing(path)
    with wiring.lock_of(chosen), _progress() as show:
        report = wiring.import_logs(
            wiring.open_workspace(chosen), paths, format_name=format_name, progress=show
        )
    document = report.to_json()
    emit(document, _lines(document))


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None] | None]:
    """A bar for whoever watches; nothing where nobody does."""
    if not interactive():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("import")
        yield lambda done, total, name: bar.update(
            task, completed=done, total=total, description=escape(plain(name, 40))
        )


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The account for people: every line in one class, unknown costs called unknown."""
    cost = document["cost_usd"]
    lines = {
        "imported": document["imported"],
        "quarantined": sum(document["quarantined"].values()),
        "skipped": sum(document["skipped"].values()),
        "duplicate": document["duplicates"],
    }
    rows = [
        ["files", f"{document['files']}, {document['unchanged']} of them unchanged"],
        ["lines", f"{document['lines']}: {listed(lines)}"],
        ["events", document["events"]],
        ["sessions", document["sessions"]],
        ["turns", document["turns"]],
        ["tool calls", f"{document['tool_calls']}, {document['tool_errors']} of them failed"],
        ["tokens", _tokens(document["tokens"])],
        ["cost", "unknown" if cost is None else f"{cost:.4f} USD"],
        ["deliveries", document["deliveries"]],
    ]
    yield from (f"{name:<11} {value}" for name, value in rows)
    if document["skipped"]:
        yield f"skipped on purpose: {listed(document['skipped'])}"
    for bad in document["quarantined_lines"][:LISTED]:
        yield f"quarantined: {bad['file']} line {bad['line']}: {bad['reason']}: {bad['detail']}"
    if document["unread"]:
        yield f"not read ({len(document['unread'])}):"
        yield from (f"  {it['why']}" for it in document["unread"][:LISTED])
    if not document["files"]:
        yield "no session log lies there; name a log, or a folder that holds some"


def _tokens(counts: Mapping[str, int | None]) -> str:
    known = {name: count for name, count in counts.items() if count is not None}
    return listed(known) or "unknown"
