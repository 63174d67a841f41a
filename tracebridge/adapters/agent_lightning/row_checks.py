"""What a trainer demands of one exported row, field by field. Checks are stricter than schemas:

a schema that coerces takes ``true`` for 1.0 and ``"1"`` for 1, and the store then drops the
reward in silence. Each function returns complaints as (field, what is wrong); none means sound.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from tracebridge.adapters.agent_lightning.rollouts import (
    ATTEMPT_ID,
    FAILED,
    MODEL_REQUEST,
    REWARD,
    SUCCEEDED,
)
from tracebridge.domain.events import JsonValue

type Row = Mapping[str, JsonValue]
type Complaint = tuple[str, str]

_SPLITS = frozenset({"train", "holdout"})


def check_messages_row(row: Row) -> Iterator[Complaint]:
    """A line of ``messages.jsonl``."""
    yield from _texts(row, "turn_id", "session_id", "unit", "arm")
    yield from _split(row, "split", "split")
    yield from _number(row, "reward", 0.0, 1.0, optional=True)
    yield from _number(row, "label", -2.0, 2.0, optional=True)
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "messages", "is not a list with messages"
        return
    yield from _conversation(messages)


def check_triplet_row(row: Row) -> Iterator[Complaint]:
    """A line of ``triplets.jsonl``: here a reward is required."""
    yield from _texts(row, "turn_id", "prompt", "response")
    yield from _number(row, "reward", 0.0, 1.0)
    metadata = row.get("metadata")
    if not isinstance(metadata, dict):
        yield "metadata", "is not an object"
        return
    yield from _split(metadata, "split", "metadata.split")


def check_rollout_row(row: Row) -> Iterator[Complaint]:
    """A line of ``rollout_events.jsonl``."""
    rollout, events = row.get("rollout"), row.get("events")
    if not isinstance(rollout, dict):
        yield "rollout", "is not an object"
        return
    yield from _texts(rollout, "rollout_id", prefix="rollout.")
    if rollout.get("input") is None:
        yield "rollout.input", "is missing"
    metadata = rollout.get("metadata")
    if not isinstance(metadata, dict):
        yield "rollout.metadata", "is not an object"
    else:
        yield from _texts(metadata, "turn_id", prefix="rollout.metadata.")
        yield from _split(metadata, "split", "rollout.metadata.split")
        if rollout.get("is_train") is not (metadata.get("split") == "train"):
            yield "rollout.is_train", "contradicts the split"
    if row.get("state") not in {SUCCEEDED, FAILED}:
        yield "state", "is not a terminal state"
    if row.get("attempt_id") != ATTEMPT_ID:
        yield "attempt_id", "is not the attempt that the store reads"
    if not isinstance(events, list) or not events:
        yield "events", "is not a list with events"
        return
    yield from _events(events)


def reward_of_events(events: JsonValue) -> JsonValue:
    """The value of the last reward event, which is the one that the store takes, or ``None``."""
    value: JsonValue = None
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict) and event.get("event_type") == REWARD:
            data = event.get("data")
            value = data.get("value") if isinstance(data, dict) else None
    return value


def _events(events: Sequence[JsonValue]) -> Iterator[Complaint]:
    types: list[JsonValue] = []
    for position, event in enumerate(events):
        field = f"events[{position}]"
        data = event.get("data") if isinstance(event, dict) else None
        if not isinstance(event, dict) or not isinstance(data, dict):
            yield field, "is not an event with data"
            continue
        types.append(event.get("event_type"))
        yield from _texts(event, "event_type", prefix=f"{field}.")
        if not _is_utc(data.get("recorded_at")):
            yield f"{field}.data.recorded_at", "is not a UTC time"
        if event.get("event_type") == REWARD:
            yield from _number(data, "value", 0.0, 1.0, prefix=f"{field}.data.")
    if MODEL_REQUEST not in types:
        yield "events", "hold no model request"
    if REWARD in types[:-1]:
        yield "events", "hold a reward that is not the last event"


def _conversation(messages: Sequence[JsonValue]) -> Iterator[Complaint]:
    """User first, assistant last, every tool call answered before the assistant speaks again."""
    waiting: set[JsonValue] = set()
    before = None
    for position, message in enumerate(messages):
        field = f"messages[{position}]"
        if not isinstance(message, dict):
            yield field, "is not an object"
            return
        role = message.get("role")
        if role not in _FOLLOWERS[before] or (waiting and role != "tool"):
            yield f"{field}.role", f"{role!r} cannot follow {before or 'the start'}"
            return
        yield from _content(message, field)
        if role == "tool":
            if message.get("tool_call_id") not in waiting:
                yield f"{field}.tool_call_id", "answers no open call"
            waiting.discard(message.get("tool_call_id"))
        calls = message.get("tool_calls", [])
        for complaint in _tool_calls(calls, field):
            yield complaint
            return
        waiting.update(_call_ids(calls))
        before = role if isinstance(role, str) else None
    if before != "assistant" or waiting:
        yield f"messages[{len(messages) - 1}].role", "is not the assistant's answer"


_FOLLOWERS: Mapping[str | None, frozenset[str]] = {
    None: frozenset({"user"}),
    "user": frozenset({"assistant"}),
    "assistant": frozenset({"tool"}),
    "tool": frozenset({"tool", "assistant"}),
}


def _content(message: Row, field: str) -> Iterator[Complaint]:
    content, role = message.get("content"), message.get("role")
    if role == "assistant" and message.get("tool_calls"):
        if content is not None and not isinstance(content, str):
            yield f"{field}.content", "is neither text nor null"
    elif not isinstance(content, str):
        yield f"{field}.content", "is not text"
    elif role != "tool" and not content.strip():
        yield f"{field}.content", "is empty"


def _tool_calls(calls: JsonValue, field: str) -> Iterator[Complaint]:
    if not isinstance(calls, list):
        yield f"{field}.tool_calls", "is not a list"
        return
    ids = _call_ids(calls)
    if len(set(ids)) != len(calls):
        yield f"{field}.tool_calls", "have no ids of their own"
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not function.get("name"):
            yield f"{field}.tool_calls", "name no function"
        elif not _is_json(function.get("arguments")):
            yield f"{field}.tool_calls", "have arguments that are not JSON text"


def _call_ids(calls: JsonValue) -> list[str]:
    found = (
        (call.get("id") for call in calls if isinstance(call, dict))
        if isinstance(calls, list)
        else ()
    )
    return [identifier for identifier in found if isinstance(identifier, str)]


def _texts(row: Row, *names: str, prefix: str = "") -> Iterator[Complaint]:
    for name in names:
        value = row.get(name)
        if not isinstance(value, str) or not value.strip():
            yield f"{prefix}{name}", "is not a text with content"


def _split(row: Row, name: str, field: str) -> Iterator[Complaint]:
    if row.get(name) not in _SPLITS:
        yield field, "is neither train nor holdout"


def _number(
    row: Row, name: str, low: float, high: float, *, optional: bool = False, prefix: str = ""
) -> Iterator[Complaint]:
    value = row.get(name)
    if value is None and optional and name in row:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        what = "" if value is None else f" ({type(value).__name__})"
        yield f"{prefix}{name}", f"is not a finite number{what}"
    elif not low <= value <= high:
        yield f"{prefix}{name}", f"is outside [{low:g}, {high:g}]"


def _is_json(text: JsonValue) -> bool:
    if not isinstance(text, str):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_utc(value: JsonValue) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value).utcoffset() == timedelta(0)
    except ValueError:
        return False
