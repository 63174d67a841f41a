"""``tracebridge bundle``: proof that a sealed cycle is what it was, and can be made again."""

from __future__ import annotations

from pathlib import Path

import click

from tracebridge.cli.output import Negative, emit, settings, table
from tracebridge.domain.bundle import Mismatch


@click.group("bundle")
def bundle_command() -> None:
    """Sealed cycles: list them, verify them, make them again."""


@bundle_command.command("list")
@click.option("--day", help="Only those of this UTC day.")
@click.option("--status", type=click.Choice(["ok", "failed"]), help="Only those that ended so.")
def list_(day: str | None, status: str | None) -> None:
    """Every sealed bundle, oldest first."""
    from tracebridge.operations.cycles import cycle_rows

    rows = [
        row
        for row in cycle_rows(settings())
        if day in {None, row["day"]} and status in {None, row["status"]}
    ]
    emit(
        {"schema": "tracebridge.bundles.v1", "bundles": rows},
        table(
            ["bundle", "day", "status", "files", "path"],
            [[row[key] for key in ("bundle_id", "day", "status", "files", "path")] for row in rows],
        ),
    )


@bundle_command.command("verify")
@click.argument("path", type=click.Path(path_type=Path))
def verify(path: Path) -> None:
    """Hold every byte of a bundle against its seal; exit 1 if anything differs."""
    from tracebridge.adapters.bundle_checks import verify as verify_bundle

    _answer("verify", path, verify_bundle(path))


@bundle_command.command("reproduce")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Where else to look for the logs, by digest; may be given again.",
)
def reproduce(path: Path, sources: tuple[Path, ...]) -> None:
    """Make a bundle again from its inputs and compare the bytes; exit 1 if they differ."""
    from tracebridge.operations.reproduction import reproduce as make_again

    _answer("reproduce", path, make_again(settings(), path, extra_sources=sources))


def _answer(act: str, path: Path, mismatches: tuple[Mismatch, ...]) -> None:
    word = {"verify": "intact", "reproduce": "identical"}[act]
    emit(
        {
            "schema": f"tracebridge.bundle_{act}.v1",
            "bundle": str(path),
            word: not mismatches,
            "mismatches": [
                {"path": m.path, "what": m.what, "expected": m.expected, "found": m.found}
                for m in mismatches
            ],
        },
        [f"{m.path}: {m.what}" for m in mismatches] or [f"{path}: {word}"],
    )
    if mismatches:
        raise Negative
