"""One entry of an OpenClaw session log into the events it tells of.

Entries (formats 3 and 4): ``message`` with role user, assistant, toolResult, bashExecution or
custom; ``model_change``, ``thinking_level_change``, ``compaction``; and what only the runtime
reads (``custom``, ``label``, ``reset`` and others), kept as SYSTEM events. Structure is checked
here: an entry that lacks what its events need is a `BadLine`, as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tracebridge.adapters.sessions.json_fields import (
    Json,
    blocks_of,
    extra_fields,
    optional_id,
    optional_text,
    required_object,
    required_text,
    required_time,
)
from tracebridge.adapters.sessions.openclaw_drafts import Draft, extra_attrs, model_name, text_of
from tracebridge.adapters.sessions.openclaw_envelope import Envelope
from tracebridge.adapters.sessions.openclaw_messages import (
    Delivery,
    assistant_drafts,
    delivery_of,
    is_gateway_message,
    other_draft,
    tool_result_draft,
    user_draft,
)
from tracebridge.adapters.sessions.openclaw_notices import is_stamped, notice_value, split_notices
from tracebridge.domain.events import EventKind

_ENTRY_FIELDS = frozenset({"type", "id", "parentId", "timestamp"})
_MESSAGE_ENTRY_FIELDS = _ENTRY_FIELDS | {"message"}
_MODEL_FIELDS = _ENTRY_FIELDS | {"provider", "modelId"}
_THINKING_FIELDS = _ENTRY_FIELDS | {"thinkingLevel"}
_COMPACTION_FIELDS = _ENTRY_FIELDS | {"summary"}
_SYSTEM_FIELDS = _ENTRY_FIELDS | {"customType", "content", "summary"}


@dataclass(slots=True)
class Entry:
    """One entry of a log; what the whole log decides is filled into the drafts later."""

    kind: str
    """The log's ``type``."""
    entry_id: str | None
    parent_id: str | None
    has_parent_field: bool
    ts: datetime
    leaf_target: str | None = None
    is_side: bool = False
    """Written beside the conversation: it does not move the leaf."""
    is_synthetic: bool = False
    """Written by the gateway in the model's name."""
    delivery: Delivery | None = None
    envelope: Envelope | None = None
    """Of a request."""
    provenance: object = None
    drafts: list[Draft] = field(default_factory=list)


def parse_entry(record: Json) -> Entry:
    """Read one entry.

    Raises:
        BadLine: a field that the entry needs is missing or has the wrong type.
    """
    entry = Entry(
        kind=required_text(record, "type"),
        entry_id=optional_id(record, "id"),
        parent_id=optional_id(record, "parentId"),
        has_parent_field="parentId" in record,
        ts=required_time(record, "timestamp"),
        is_side=record.get("appendMode") == "side",
    )
    if entry.kind == "message":
        _read_message(entry, record, required_object(record, "message"))
    else:
        if entry.kind == "leaf":
            entry.leaf_target = optional_id(record, "targetId")
        entry.drafts.append(_READERS.get(entry.kind, _system)(record))
    for draft in entry.drafts:
        attrs = draft["attrs"]
        if entry.entry_id is not None:
            attrs["entry_id"] = entry.entry_id
        if entry.parent_id is not None:
            attrs["parent_entry_id"] = entry.parent_id
    return entry


def _read_message(entry: Entry, record: Json, message: Json) -> None:
    role = required_text(message, "role")
    if role == "user":
        draft, entry.envelope = user_draft(message)
        entry.provenance = message.get("provenance")
        entry.drafts.append(draft)
    elif role == "toolResult":
        entry.drafts.append(tool_result_draft(message))
    elif role != "assistant":
        entry.drafts.append(other_draft(message, role))
    elif is_gateway_message(message):
        entry.is_synthetic = True
        entry.delivery = delivery_of(message)
        return
    else:
        entry.drafts.extend(assistant_drafts(message))
    if more := extra_fields(record, _MESSAGE_ENTRY_FIELDS):
        attrs = entry.drafts[0]["attrs"]
        extra = attrs.get("extra")
        attrs["extra"] = more | extra if isinstance(extra, dict) else more


def _model_change(record: Json) -> Draft:
    return Draft(
        kind=EventKind.MODEL_CHANGE,
        model=model_name(record.get("provider"), record.get("modelId")),
        attrs=extra_attrs(record, _MODEL_FIELDS),
    )


def _thinking_level_change(record: Json) -> Draft:
    attrs = extra_attrs(record, _THINKING_FIELDS)
    attrs["thinking_level"] = required_text(record, "thinkingLevel")
    return Draft(kind=EventKind.MODEL_CHANGE, attrs=attrs)


def _compaction(record: Json) -> Draft:
    attrs = extra_attrs(record, _COMPACTION_FIELDS)
    return Draft(kind=EventKind.COMPACTION, text=optional_text(record, "summary"), attrs=attrs)


def _system(record: Json) -> Draft:
    """Whatever else the log records. Notices in front of its text lose the names they hold."""
    attrs = extra_attrs(record, _SYSTEM_FIELDS)
    attrs["entry_type"] = required_text(record, "type")
    if (custom_type := optional_text(record, "customType")) is not None:
        attrs["custom_type"] = custom_type
    text = text_of(blocks_of(record.get("content")))
    if text is None:
        text = optional_text(record, "summary")
    lines, body = split_notices(text or "")
    if any(map(is_stamped, lines)):
        attrs["system_lines"] = list(map(notice_value, lines))
        text = body
    return Draft(kind=EventKind.SYSTEM, text=text, attrs=attrs)


_READERS: Mapping[str, Callable[[Json], Draft]] = {
    "model_change": _model_change,
    "thinking_level_change": _thinking_level_change,
    "compaction": _compaction,
}
