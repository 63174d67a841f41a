"""``tracebridge scrub``: clean a file, or audit what lies somewhere."""

from __future__ import annotations

from pathlib import Path

import click

from tracebridge.cli.arguments import PATH, existing, existing_file, writable_file
from tracebridge.cli.output import Negative, counted, emit, table


class ScrubGroup(click.Group):
    """``scrub audit PATH`` is a command; anything else after ``scrub`` is a file to clean."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] in {"-o", "--out"}:
            args = ["file", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            return "file", self.commands["file"], args
        return super().resolve_command(ctx, args)


@click.group("scrub", cls=ScrubGroup, subcommand_metavar="FILE -o OUT | audit PATH")
def scrub_command() -> None:
    """Clean a file (`scrub FILE -o OUT`) or look for what is left (`scrub audit PATH`)."""


@scrub_command.command("file")
@click.argument("file", type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="Where to write.")
def file_(file: Path, out: Path) -> None:
    """Write a cleaned copy of FILE; FILE itself is not touched."""
    from tracebridge.adapters.scrub_files import scrub_file

    counts = scrub_file(existing_file(file), writable_file(out))
    emit(
        {"schema": "tracebridge.scrub.v1", "file": str(file), "out": str(out), "counts": counts},
        [*table(["type", "replaced"], [[k, v] for k, v in sorted(counts.items())]), f"wrote {out}"],
    )


@scrub_command.command("audit")
@click.argument("path", type=PATH)
def audit(path: Path) -> None:
    """List what the rules would still replace, without its content; exit 1 on any find."""
    from tracebridge.adapters.scrub_files import audit_path

    report = audit_path(existing(path))
    emit(
        {
            "schema": "tracebridge.scrub_audit.v1",
            "files": report.files,
            "skipped": list(report.skipped),
            "finds": [
                {"file": it.file, "line": it.line, "type": it.type, "count": it.count}
                for it in report
            ],
        },
        [
            *table(
                ["file", "line", "type", "count"],
                [[it.file, it.line, it.type, it.count] for it in report],
            ),
            *[f"not looked into (binary or a link): {name}" for name in report.skipped],
            f"{path}: {counted(len(report), 'find')} in {counted(report.files, 'file')}",
        ],
    )
    if report.finds:
        raise Negative
