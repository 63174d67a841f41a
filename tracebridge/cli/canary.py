"""``tracebridge canary``: the live slice, what it shows, the rehearsal, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from tracebridge.cli.arguments import day_of
from tracebridge.cli.gate import verdict_lines
from tracebridge.cli.output import Negative, emit, listed, settings, short, table

if TYPE_CHECKING:
    from tracebridge.canary.stages import RolloutStatus
    from tracebridge.domain.events import JsonValue

HISTORY_SHOWN = 10
"""Last changes that are shown to people; the document has all."""


@click.group("canary")
def canary_command() -> None:
    """The live slice: what serves, what it shows, the rehearsal, and the way back."""


@canary_command.command("status")
def status() -> None:
    """What is live, since when, and how it came to be."""
    from tracebridge.canary.stages import status as read_status

    found = read_status(settings().workspace)
    live = _live(found)
    history = [
        {"ts": entry.ts.isoformat(), "action": entry.action, "detail": dict(entry.detail)}
        for entry in found.history
    ]
    emit(
        {"schema": "tracebridge.canary_status.v1", **live, "history": history},
        [
            *table(["what", "value"], [[name, value] for name, value in live.items()]),
            *([] if found.state or found.defect else ["the baseline serves everyone"]),
            *table(
                ["when", "what happened", "detail"],
                [
                    [
                        entry.ts.isoformat(),
                        entry.action,
                        listed({k: short(v) for k, v in entry.detail.items()}),
                    ]
                    for entry in found.history[-HISTORY_SHOWN:]
                ],
            ),
        ],
    )


@canary_command.command("report")
@click.option("--day", help="UTC day, YYYY-MM-DD; everything up to its end. Default: today.")
def report(day: str | None) -> None:
    """Candidate slice against its control; exit 0 only where better is shown."""
    from tracebridge.cycle import end_of
    from tracebridge.domain.documents import verdict_document
    from tracebridge.operations.canary_report import report_canary

    verdict = report_canary(settings(), until=end_of(day_of(day)))
    emit(
        {"schema": "tracebridge.canary_report.v1", **verdict_document(verdict)},
        verdict_lines(verdict),
    )
    if verdict.outcome != "promote":
        raise Negative


@canary_command.command("drill")
def drill() -> None:
    """Rehearse every known failure on a copy of the rollout; exit 1 if one does not end at the
    baseline. What is live is only read."""
    from tracebridge.canary.drill import drill as rehearse

    with TemporaryDirectory(prefix="tracebridge-drill-") as scratch:
        checks = rehearse(settings().workspace, Path(scratch), now=datetime.now(UTC))
    emit(
        {
            "schema": "tracebridge.canary_drill.v1",
            "checks": [
                {
                    "check": it.check,
                    "result": it.result.value,
                    "measured": it.measured,
                    "required": it.required,
                }
                for it in checks
            ],
        },
        table(
            ["check", "result", "measured", "required"],
            [[it.check, it.result.value, it.measured, it.required] for it in checks],
        ),
    )
    if any(it.result.value == "fail" for it in checks):
        raise Negative


@canary_command.command("rollback")
@click.option("--reason", default="asked for by a person", help="Kept in the history.")
def rollback(reason: str) -> None:
    """Restore what served before the last change, byte for byte."""
    from tracebridge.canary.stages import rollback as roll_back

    state = roll_back(settings().workspace, reason=reason, now=datetime.now(UTC))
    emit(
        {"schema": "tracebridge.rollback.v1", "stage": state.stage.value, "reason": reason},
        [f"rolled back: stage {state.stage.value}, policy {state.baseline.policy_id} serves"],
    )


def _live(found: RolloutStatus) -> dict[str, JsonValue]:
    """What serves now; all unknown where nothing was rolled out, or the file is defective."""
    state = found.state
    return {
        "stage": state.stage.value if state else None,
        "share": state.share if state else None,
        "since": state.since.isoformat() if state else None,
        "candidate": state.candidate.policy_id if state and state.candidate else None,
        "baseline": state.baseline.policy_id if state else None,
        "kill_switch": state.kill_switch if state else None,
        "defect": found.defect or None,
        "settled": found.settled,
    }
