"""``tracebridge labels``: what reactions say about answers, and why each says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from tracebridge.cli.arguments import day_of
from tracebridge.cli.output import counted, emit, settings, table

_COLUMNS = ("label_id", "chat_id", "anchor_message_id", "score", "scope", "rule", "confidence")


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

    labels, unjoined = label_rows(settings(), end_of(day_of(day)))
    labels = [row for row in labels if session in {None, row["session_id"]}]
    emit(
        {"schema": "tracebridge.labels.v1", "labels": labels, "unjoined": unjoined},
        [
            *table(
                ["label", "chat", "message", "score", "scope", "rule", "confidence"],
                [[row[name] for name in _COLUMNS] for row in labels],
            ),
            *table(
                ["label nothing", "chat", "message", "emoji"],
                [
                    [row["why"], row["chat_id"], row["message_id"], " ".join(_texts(row["emoji"]))]
                    for row in unjoined
                ],
            ),
            f"{counted(len(labels), 'label')}, {counted(len(unjoined), 'unjoined reaction')}",
        ],
    )


@labels_command.command("explain")
@click.argument("label_id")
@click.option("--day", help="UTC day, YYYY-MM-DD; everything up to its end. Default: today.")
def explain(label_id: str, day: str | None) -> None:
    """Walk one label back: to its ledger lines, its turn, and the line of the log."""
    from tracebridge.cycle import end_of
    from tracebridge.operations.labels import explain_label

    document = explain_label(settings(), label_id, end_of(day_of(day)))
    emit(
        {"schema": "tracebridge.label_explanation.v1", **document},
        _explanation_lines(document),
    )


def _explanation_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The walk as people read it: from the score back to the lines it came from."""
    yield (
        f"{document['label_id']}: score {document['score']:+g} for the "
        f"{'answer' if document['scope'] == 'batch' else 'part of an answer'}"
    )
    yield f"joined by {document['rule']} with confidence {document['confidence']:g}"
    yield f"reaction on {document['anchor']}:"
    for entry in document["ledger"]:
        emoji = " ".join(entry["new"]) or "withdrawn"
        yield (
            f"  ledger line {entry['seq']}, update {entry['update_id']}, {entry['date']}: {emoji}"
        )
    yield f"turn {document['turn_id']} of session {document['session_id']}:"
    yield f"  request at {document['request_at'] or 'an unknown line'}"
    yield f"  answer at {document['answer_at'] or 'an unknown line'}"


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
