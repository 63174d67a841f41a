"""``tracebridge rewards``: how turns are judged."""

from __future__ import annotations

import click

from tracebridge.cli.output import emit, settings, table


@click.group("rewards")
def rewards_command() -> None:
    """Reward profiles: components that read outcomes, never vocabulary."""


@rewards_command.command("list")
def list_() -> None:
    """Every profile with its components and weights."""
    from tracebridge import wiring

    profiles = wiring.all_profiles(settings())
    rows = [
        {"profile": profile.name, "component": component, "weight": weight}
        for profile in profiles
        for component, weight in profile.weights.items()
    ]
    emit(
        {"schema": "tracebridge.rewards.v1", "rewards": rows},
        table(
            ["profile", "component", "weight"],
            [[row["profile"], row["component"], row["weight"]] for row in rows],
        ),
    )
