"""``tracebridge gate`` and ``tracebridge promote``: judged by rules, signed by a person."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from tracebridge.cli.output import Negative, emit, settings, table
from tracebridge.domain.errors import GateError
from tracebridge.domain.verdict import Outcome, Verdict


@click.group("gate")
def gate_command() -> None:
    """Offline evidence rejects or admits to the canary; it never promotes."""


@gate_command.command("judge")
@click.argument("candidate")
def judge(candidate: str) -> None:
    """Judge the policy CANDIDATE on the newest sealed bundle; exit 0 only if it is admitted."""
    from tracebridge.domain.documents import verdict_document
    from tracebridge.operations.promotion import judge_candidate

    try:
        judged = judge_candidate(settings(), candidate, now=datetime.now(UTC))
    except GateError as error:
        # No evidence that can be trusted is the plainest case of too little of it.
        verdict = Verdict(Outcome.INSUFFICIENT_EVIDENCE, candidate, str(error), ())
        emit(
            {"schema": "tracebridge.verdict.v1", **verdict_document(verdict)},
            verdict_lines(verdict),
        )
        raise Negative from error
    emit(
        {
            "schema": "tracebridge.verdict.v1",
            **verdict_document(judged.verdict),
            "bundle": judged.bundle.manifest.bundle_id,
            "report": str(judged.bundle.path / "report.html"),
            "report_sha256": judged.binding.report_sha256,
            "pass": judged.gate_pass.digest if judged.gate_pass else None,
        },
        [
            *verdict_lines(judged.verdict),
            f"Report to read and sign: {judged.bundle.path / 'report.html'}",
            f"Its SHA-256: {judged.binding.report_sha256}",
        ],
    )
    if judged.gate_pass is None:
        raise Negative


@click.command("promote")
@click.argument("candidate")
@click.option("--reviewer", required=True, help="Who read the report and signs.")
@click.option(
    "--report", "report_sha256", required=True, help="SHA-256 of the report that was read."
)
def promote_command(candidate: str, reviewer: str, report_sha256: str) -> None:
    """Let CANDIDATE into the canary: 10 % of units, an equal control beside them.

    Refuses without a fresh gate pass bound to the same candidate, baseline, bundle, report and
    rules. `tracebridge canary rollback` restores what served before, byte for byte.
    """
    from tracebridge.operations.promotion import promote_candidate

    state = promote_candidate(
        settings(),
        candidate,
        reviewer=reviewer,
        report_sha256=report_sha256,
        now=datetime.now(UTC),
    )
    emit(
        {
            "schema": "tracebridge.promotion.v1",
            "candidate": candidate,
            "stage": state.stage.value,
            "share": state.share,
            "reviewer": reviewer,
        },
        [f"{candidate} serves {state.share:.0%} of units, signed by {reviewer}"],
    )


def verdict_lines(verdict: Verdict) -> list[str]:
    """A verdict for people: the sentence, what would decide, and every reason."""
    return [
        f"{verdict.outcome.value}: {verdict.sentence}",
        *([f"What would decide: {verdict.needs}"] if verdict.needs else []),
        *table(
            ["check", "result", "measured", "required"],
            [[r.check, r.result.value, r.measured, r.required] for r in verdict.reasons],
        ),
    ]
