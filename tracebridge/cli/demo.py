"""``tracebridge demo``: the whole cycle on a world whose truth is known."""

from __future__ import annotations

from pathlib import Path

import click

from tracebridge.cli.arguments import PATH
from tracebridge.cli.output import emit, story, table


@click.command("demo")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=7,
    show_default=True,
    help="Another seed, another world.",
)
@click.option(
    "--days", type=click.IntRange(min=4, max=14), default=4, show_default=True, help="Shadow days."
)
@click.option(
    "--chats",
    type=click.IntRange(min=50),
    default=1200,
    show_default=True,
    help="How many chats; too few, and the log decides nothing.",
)
@click.option(
    "--out",
    type=PATH,
    default=Path("build/demo"),
    show_default=True,
    help="Folder of the demo's workspace; one of an earlier demo is replaced.",
)
def demo_command(seed: int, days: int, chats: int, out: Path) -> None:
    """Simulate agents and people, run the daily cycles, the review, the gate, a canary, a
    regression and its rollback, and say how close each estimate came to the truth."""
    from tracebridge.demo.story import tell

    told = tell(out, seed=seed, shadow_days=days, chats=chats, say=story)
    document = told.document()
    emit(
        document,
        [
            *table(
                ["policy", "family", "truth", "estimate", "lo", "hi", "tier", "holds", "gate"],
                told.rows(),
            ),
            *told.lines(),
        ],
    )
