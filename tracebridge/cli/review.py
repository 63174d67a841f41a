"""``tracebridge review``: may phase 1 end?"""

from __future__ import annotations

import click

from tracebridge.cli.output import Negative, emit, settings, table


@click.command("review")
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How many days with a successful cycle to look back on.",
)
def review_command(days: int) -> None:
    """Hold the last days against the exit criteria of phase 1; exit 0 only if all are met."""
    from tracebridge.operations.phase_review import review_workspace

    report = review_workspace(settings(), days=days)
    criteria = [
        {
            "check": reason.check,
            "result": reason.result.value,
            "measured": reason.measured,
            "required": reason.required,
            "detail": reason.detail,
        }
        for reason in report.criteria
    ]
    emit(
        {
            "schema": "tracebridge.review.v1",
            "result": report.result.value,
            "sentence": report.sentence,
            "days": [day.isoformat() for day in report.days],
            "criteria": criteria,
        },
        [
            report.sentence,
            *table(
                ["criterion", "result", "measured", "required", "detail"],
                [
                    [c["check"], c["result"], c["measured"], c["required"], c["detail"]]
                    for c in criteria
                ],
            ),
        ],
    )
    if report.result.value != "pass":
        raise Negative
