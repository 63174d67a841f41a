"""The daily shadow cycle on Prefect: the same steps, each as a task of its own.

``tracebridge cycle run`` is plain Python and what cron runs; this flow is for those who run a
Prefect server. Both routes make bundles with equal artifact digests.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Read by Prefect when it is imported: no telemetry, no analytics.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from tracebridge.cycle import CycleResult
from tracebridge.days import parse_day
from tracebridge.domain.bundle import StepOutcome
from tracebridge.settings import load_settings, with_seed, workspace_from
from tracebridge.wiring import run_cycle

RETRIES = {"import": 3}
"""Only reading sources is tried again: it meets the file system; the others are pure."""
RETRY_DELAY_S = 10


def as_task(name: str, step: Callable[[], Any]) -> Any:
    """Run a step of the cycle as a task run of that name.

    Nothing is cached or persisted: what a step hands on are values in memory, and what must
    last is in the bundle.
    """
    run: Callable[[], Any] = task(
        name=name,
        retries=RETRIES.get(name, 0),
        retry_delay_seconds=RETRY_DELAY_S,
        cache_policy=NO_CACHE,
        persist_result=False,
    )(step)
    return run()


@flow(name="daily-shadow", persist_result=False, validate_parameters=False)
def daily_shadow(workspace: str, day: str | None = None, seed: int | None = None) -> dict[str, str]:
    """Walk one UTC day; returns bundle path, manifest digest and verdict.

    ``day`` is a date, ``today`` (also where none is given) or ``yesterday``.

    Raises:
        RuntimeError: a check failed; the sealed bundle says which.
    """
    settings = with_seed(load_settings(workspace_from(Path(workspace))), seed)
    chosen = parse_day(day, now=datetime.now(UTC))
    result = run_cycle(settings, chosen, call=as_task)
    _raise_if_failed(result)
    return {
        "bundle": str(result.bundle.path),
        "manifest_sha256": result.bundle.manifest_sha256,
        "outcome": result.verdict.outcome.value,
        "sentence": result.verdict.sentence,
    }


def _raise_if_failed(result: CycleResult) -> None:
    failed = [step for step in result.steps if step.outcome is StepOutcome.FAILED]
    if failed:
        raise RuntimeError(f"{result.bundle.path}: {failed[0].name} failed: {failed[0].detail}")


def serve() -> None:
    """Serve the flow at 00:15 UTC for the day before, in the ``TRACEBRIDGE_WORKSPACE``."""
    daily_shadow.serve(
        name="daily",
        cron="15 0 * * *",
        parameters={"workspace": str(workspace_from(None)), "day": "yesterday"},
    )


if __name__ == "__main__":
    serve()
