"""An event before its place on the branch is known: the columns that its entry alone decides."""

from __future__ import annotations

from typing import Required, TypedDict

from tracebridge.adapters.sessions.json_fields import Json, extra_fields, required_text
from tracebridge.domain.events import EventKind, EventStatus, JsonValue


class Draft(TypedDict, total=False):
    """Columns of one `TraceEvent`; those that are absent keep their defaults."""

    kind: Required[EventKind]
    attrs: Required[dict[str, JsonValue]]
    role: str
    model: str | None
    tool_name: str | None
    tool_call_id: str | None
    status: EventStatus | None
    duration_ms: int | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd_micros: int | None
    text: str | None


def extra_attrs(record: Json, known: frozenset[str]) -> dict[str, JsonValue]:
    """Attributes that hold the fields nobody asked for, under ``extra``, if there are any."""
    extra = extra_fields(record, known)
    return {"extra": extra} if extra else {}


def model_name(provider: object, model: object) -> str | None:
    """``provider/model`` as logged; the model alone where no provider is."""
    if not isinstance(model, str) or not model:
        return None
    return f"{provider}/{model}" if isinstance(provider, str) and provider else model


def text_of(blocks: list[dict[str, object]]) -> str | None:
    """The text blocks, one under the other; ``None`` where there is none."""
    texts = [required_text(block, "text") for block in blocks if block["type"] == "text"]
    if len(texts) == 1:
        return texts[0]
    return "\n".join(texts) if texts else None
