"""``tracebridge bundle``: proof that a sealed cycle is what it was, and can be made again."""

from __future__ import annotations

from pathlib import Path

import click

from tracebridge.cli.arguments import PATH, day_of, existing, existing_folder
from tracebridge.cli.output import Negative, counted, emit, settings, short, story, table
from tracebridge.domain.bundle import Mismatch


@click.group("bundle")
def bundle_command() -> None:
    """Sealed cycles: list them, verify them, make them again."""


@bundle_command.command("list")
@click.option("--day", help="Only those of this UTC day.")
@click.option("--status", type=click.Choice(["ok", "failed"]), help="Only those that ended so.")
def list_(day: str | None, status: str | None) -> None:
    """Every sealed bundle, oldest first, and folders whose seal is damaged."""
    from tracebridge.operations.cycles import cycle_rows, damaged_rows

    wanted = day_of(day).isoformat() if day else None
    chosen = settings()
    damaged = damaged_rows(chosen)
    rows = [
        row
        for row in cycle_rows(chosen)
        if wanted in {None, row["day"]} and status in {None, row["status"]}
    ]
    emit(
        {"schema": "tracebridge.bundles.v1", "bundles": rows, "damaged": damaged},
        table(
            ["bundle", "day", "status", "files", "path"],
            [[row[key] for key in ("bundle_id", "day", "status", "files", "path")] for row in rows],
            empty="no such bundle is sealed here; `tracebridge cycle run` makes one",
        ),
    )
    for row in damaged:
        story(f"damaged, not counted: {row['detail']}")


@bundle_command.command("verify")
@click.argument("path", type=PATH)
def verify(path: Path) -> None:
    """Hold every byte of a bundle against its seal; exit 1 if anything differs."""
    from tracebridge.adapters.bundle_checks import verify as verify_bundle

    folder = _folder(path)
    _answer("verify", folder, verify_bundle(folder))


@bundle_command.command("reproduce")
@click.argument("path", type=PATH)
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=PATH,
    help="Where else to look for the logs, by digest; may be given again.",
)
def reproduce(path: Path, sources: tuple[Path, ...]) -> None:
    """Make a bundle again from its inputs and compare the bytes; exit 1 if they differ."""
    from tracebridge.operations.reproduction import reproduce as make_again

    for source in sources:
        existing(source)
    folder = _folder(path)
    _answer("reproduce", folder, make_again(settings(), folder, extra_sources=sources))


def _folder(path: Path) -> Path:
    """The bundle's folder: a path, or the id of a bundle of this workspace."""
    if path.exists() or len(path.parts) > 1:
        return existing_folder(path)
    named = settings().bundles_folder / path.name
    return named if named.is_dir() else existing_folder(path)


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
        [
            *[f"{m.path}: {m.what}{_difference(m)}" for m in mismatches],
            f"{path}: not {word}, {counted(len(mismatches), 'difference')}"
            if mismatches
            else f"{path}: {word}",
        ],
    )
    if mismatches:
        raise Negative


def _difference(mismatch: Mismatch) -> str:
    expected, found = short(mismatch.expected), short(mismatch.found)
    if expected and found:
        return f" (expected {expected}, found {found})"
    return f" ({found})" if found else ""
