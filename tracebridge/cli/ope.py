"""``tracebridge ope``: off-policy evaluation of any logged-bandit table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tracebridge.cli.arguments import PATH, existing_file
from tracebridge.cli.output import emit, table


@click.group("ope")
def ope_command() -> None:
    """Off-policy evaluation: what another policy would have been worth."""


@ope_command.command("evaluate")
@click.option(
    "--log",
    "log_path",
    required=True,
    type=PATH,
    help="Parquet: row_id, action, reward, pscore[, position, cluster].",
)
@click.option(
    "--target",
    required=True,
    type=PATH,
    help="Parquet: action[, position], prob; or row_id, action, prob.",
)
@click.option("--qhat", type=PATH, help="Parquet: likewise, with q.")
@click.option("--cluster", help="Column of the log whose values are the units of inference.")
def evaluate(log_path: Path, target: Path, qhat: Path | None, cluster: str | None) -> None:
    """Estimate the target policy's value from the log, with intervals and diagnostics."""
    from tracebridge.adapters.ope_tables import evaluate_tables

    document: dict[str, Any] = evaluate_tables(
        existing_file(log_path),
        existing_file(target),
        qhat_path=existing_file(qhat) if qhat else None,
        cluster=cluster,
    )
    estimators = document["estimators"]
    emit(
        document,
        table(
            ["estimator", "value", "lo", "hi", "ess", "tier", "why not"],
            [
                [name, *(e.get(key) for key in ("value", "lo", "hi", "ess", "tier", "detail"))]
                for name, e in estimators.items()
            ],
        ),
    )
