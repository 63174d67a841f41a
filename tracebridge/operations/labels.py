"""Labels as they stand now, and one of them walked back to its update and its line."""

from __future__ import annotations

from datetime import datetime

from tracebridge.domain.errors import LabelingError
from tracebridge.domain.events import JsonValue
from tracebridge.settings import Settings
from tracebridge.wiring import labels_of, open_workspace


def label_rows(
    settings: Settings, until: datetime
) -> tuple[list[dict[str, JsonValue]], list[dict[str, JsonValue]]]:
    """Labels and unjoined reactions as they stand before ``until``, as documents."""
    joined, _ = labels_of(open_workspace(settings), until)
    labels: list[dict[str, JsonValue]] = [
        {
            "label_id": label.label_id,
            "turn_id": label.turn_id,
            "session_id": label.session_id,
            "chat_id": label.chat_id,
            "score": label.score,
            "scope": label.scope.value,
            "rule": label.rule.value,
            "confidence": label.confidence,
            "anchor_message_id": label.anchor_message_id,
            "chunk_ids": list(label.chunk_ids),
            "update_ids": list(label.update_ids),
            "weight": label.weight,
            "reacted_at": label.reacted_at.isoformat(),
        }
        for label in joined.labels
    ]
    unjoined: list[dict[str, JsonValue]] = [
        {
            "chat_id": left.state.chat_id,
            "message_id": left.state.message_id,
            "emoji": list(left.state.emoji),
            "update_ids": list(left.state.update_ids),
            "why": left.why.value,
        }
        for left in joined.unjoined
    ]
    return labels, unjoined


def explain_label(settings: Settings, label_id: str, until: datetime) -> dict[str, JsonValue]:
    """One label walked back: ledger lines, turn, and the line of the log that holds the answer.

    Raises:
        LabelingError: no label has this id before ``until``.
    """
    workspace = open_workspace(settings)
    joined, turns = labels_of(workspace, until)
    label = next((label for label in joined.labels if label.label_id == label_id), None)
    if label is None:
        raise LabelingError(f"{label_id}: no label has this id; see `tracebridge labels list`")
    turn = next(turn for turn in turns if turn.turn_id == label.turn_id)
    wanted = {turn.request_event_id, turn.answer_event_id}
    lines = {
        event.event.event_id: event.event.source_ref
        for events in workspace.store.sessions(until)
        for event in events
        if event.event.event_id in wanted
    }
    return {
        "label_id": label.label_id,
        "score": label.score,
        "scope": label.scope.value,
        "rule": label.rule.value,
        "confidence": label.confidence,
        "anchor": f"chat {label.chat_id}, message {label.anchor_message_id}",
        "ledger": [
            {
                "seq": entry.seq,
                "update_id": entry.reaction.update_id,
                "date": entry.reaction.date.isoformat(),
                "new": list(entry.reaction.new),
            }
            for entry in workspace.ledger.entries(until)
            if entry.reaction.update_id in label.update_ids
            and entry.reaction.chat_id == label.chat_id
        ],
        "turn_id": turn.turn_id,
        "session_id": turn.session_id,
        "request_at": lines.get(turn.request_event_id),
        "answer_at": lines.get(turn.answer_event_id or ""),
    }
