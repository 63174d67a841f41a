"""``tracebridge scrub``: clean a file, or audit what lies somewhere."""

from __future__ import annotations

from pathlib import Path

import click

from tracebridge.cli.output import Negative, emit, table


class ScrubGroup(click.Group):
    """``scrub audit PATH`` is a command; anything else after ``scrub`` is a file to clean."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            return "file", self.commands["file"], args
        return super().resolve_command(ctx, args)


@click.group("scrub", cls=ScrubGroup)
def scrub_command() -> None:
    """Clean a file (`scrub FILE -o OUT`) or look for what is left (`scrub audit PATH`)."""


@scrub_command.command("file")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Where to write.")
def file_(file: Path, out: Path) -> None:
    """Write a cleaned copy of FILE; FILE itself is not touched."""
    from tracebridge.adapters.scrub_files import scrub_file

    counts = scrub_file(file, out)
    emit(
        {"schema": "tracebridge.scrub.v1", "file": str(file), "out": str(out), "counts": counts},
        [*table(["type", "replaced"], [[k, v] for k, v in sorted(counts.items())]), f"wrote {out}"],
    )


@scrub_command.command("audit")
@click.argument("path", type=click.Path(path_type=Path))
def audit(path: Path) -> None:
    """List what the rules would still replace, without its content; exit 1 on any find."""
    from tracebridge.adapters.scrub_files import audit_path

    finds = [
        {"file": find.file, "line": find.line, "type": find.type, "count": find.count}
        for find in audit_path(path)
    ]
    emit(
        {"schema": "tracebridge.scrub_audit.v1", "finds": finds},
        [*table(["file", "line", "type"], [[f["file"], f["line"], f["type"]] for f in finds])]
        or [f"{path}: nothing found"],
    )
    if finds:
        raise Negative
