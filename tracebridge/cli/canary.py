"""``tracebridge canary``: the live slice, what it shows, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from tracebridge.cli.gate import verdict_lines
from tracebridge.cli.output import Negative, emit, settings, table


@click.group("canary")
def canary_command() -> None:
    """The live slice: what serves, what it shows, and the way back."""


@canary_command.command("status")
def status() -> None:
    """What is live, since when, and how it came to be."""
    from tracebridge.canary.stages import status as read_status

    found = read_status(settings().workspace)
    state = found.state
    live = {
        "stage": state.stage.value if state else None,
        "share": state.share if state else None,
        "since": state.since.isoformat() if state else None,
        "candidate": state.candidate.policy_id if state and state.candidate else None,
        "baseline": state.baseline.policy_id if state else None,
        "kill_switch": state.kill_switch if state else None,
        "defect": found.defect or None,
        "settled": found.settled,
    }
    history = [
        {"ts": entry.ts.isoformat(), "action": entry.action, "detail": dict(entry.detail)}
        for entry in found.history
    ]
    emit(
        {"schema": "tracebridge.canary_status.v1", **live, "history": history},
        table(["what", "value"], [[key, value] for key, value in live.items()]),
    )


@canary_command.command("report")
def report() -> None:
    """Candidate slice against its control; exit 0 only where better is shown."""
    from tracebridge.domain.documents import verdict_document
    from tracebridge.operations.canary_report import report_canary

    verdict = report_canary(settings(), until=datetime.now(UTC))
    emit(
        {"schema": "tracebridge.canary_report.v1", **verdict_document(verdict)},
        verdict_lines(verdict),
    )
    if verdict.outcome != "promote":
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
