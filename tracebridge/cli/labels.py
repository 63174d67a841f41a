"""``tracebridge labels``: what reactions say about answers, and why each says it."""

from __future__ import annotations

import click

from tracebridge.cli.output import day_option, emit, settings, table


@click.group("labels")
def labels_command() -> None:
    """Labels: a score, the rule that joined it, and how sure the join is."""


@labels_command.command("list")
@click.option("--session", help="Only labels of this session.")
@click.option("--day", help="UTC day, YYYY-MM-DD; everything up to its end. Default: today.")
def list_(session: str | None, day: str | None) -> None:
    """Every label as ledger and logs have it now; what labels nothing is listed with its reason."""
    from tracebridge.cycle import end_of
    from tracebridge.operations.labels import label_rows

    labels, unjoined = label_rows(settings(), end_of(day_option(day)))
    labels = [row for row in labels if session in {None, row["session_id"]}]
    emit(
        {"schema": "tracebridge.labels.v1", "labels": labels, "unjoined": unjoined},
        [
            *table(
                ["label", "chat", "message", "score", "scope", "rule", "confidence"],
                [
                    [
                        row[key]
                        for key in (
                            "label_id",
                            "chat_id",
                            "anchor_message_id",
                            "score",
                            "scope",
                            "rule",
                            "confidence",
                        )
                    ]
                    for row in labels
                ],
            ),
            f"{len(labels)} labels; {len(unjoined)} reactions label nothing",
        ],
    )


@labels_command.command("explain")
@click.argument("label_id")
def explain(label_id: str) -> None:
    """Walk one label back: to its ledger lines, its turn, and the line of the log."""
    from tracebridge.operations.labels import explain_label

    document = explain_label(settings(), label_id)
    emit(
        {"schema": "tracebridge.label_explanation.v1", **document},
        [f"{key}: {value}" for key, value in document.items()],
    )
