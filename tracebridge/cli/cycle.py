"""``tracebridge cycle``: the daily shadow cycle, and the list of those that are sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tracebridge.cli.arguments import day_of
from tracebridge.cli.output import Negative, emit, interactive, settings, story, table


@click.group("cycle")
def cycle_command() -> None:
    """The daily shadow cycle: logs and reactions in, a sealed bundle and a verdict out."""


@cycle_command.command("run")
@click.option(
    "--day",
    help="UTC day: YYYY-MM-DD, today or yesterday; all before its end is in. Default: today.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Replaces the configured seed.")
def run(day: str | None, seed: int | None) -> None:
    """Walk one day; exit 0 when every step completed, whatever the verdict."""
    from tracebridge import wiring
    from tracebridge.adapters.documents import table_of
    from tracebridge.domain.documents import verdict_document
    from tracebridge.settings import with_seed
    from tracebridge.walk import directly

    chosen = with_seed(settings(), seed)
    call = _telling if interactive() else directly
    result = wiring.run_cycle(chosen, day_of(day), call=call)
    failed = [step for step in result.steps if step.outcome == "failed"]
    emit(
        {
            "schema": "tracebridge.cycle.v1",
            "bundle": str(result.bundle.path),
            "bundle_id": result.bundle.manifest.bundle_id,
            "day": result.bundle.manifest.day,
            "status": result.bundle.manifest.status,
            "verdict": verdict_document(result.verdict),
            "steps": [
                {"name": step.name, "outcome": step.outcome.value, "detail": step.detail}
                for step in result.steps
            ],
            "counts": table_of(result.summary, "counts"),
            "report": str(result.bundle.path / "report.html"),
        },
        [
            result.verdict.sentence,
            *([f"What would decide: {result.verdict.needs}"] if result.verdict.needs else []),
            f"Report: {result.bundle.path / 'report.html'}",
        ],
    )
    for step in failed:
        story(f"{step.name} failed: {step.detail}")
    if failed:
        raise Negative
    if not table_of(result.summary, "counts").get("files"):
        story(
            "no log is read yet: name a source in tracebridge.toml, or bring logs in with "
            "`tracebridge import PATH`"
        )


@cycle_command.command("list")
def list_() -> None:
    """Every sealed cycle, oldest first."""
    from tracebridge.operations.cycles import cycle_rows

    rows = cycle_rows(settings())
    emit(
        {"schema": "tracebridge.cycles.v1", "cycles": rows},
        table(
            ["bundle", "day", "status", "verdict"],
            [[row["bundle_id"], row["day"], row["status"], row["verdict"]] for row in rows],
            empty="no cycle is sealed here yet; `tracebridge cycle run` walks one",
        ),
    )


def _telling(name: str, step: Callable[[], Any]) -> Any:
    """Say which step runs, for somebody who watches."""
    story(f"{name} ...")
    return step()
