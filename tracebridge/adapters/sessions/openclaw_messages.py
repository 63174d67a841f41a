"""Messages of an OpenClaw log into drafts of events: requests, responses, tool calls, results."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import orjson

from tracebridge.adapters.sessions.json_fields import (
    Json,
    blocks_of,
    count_of,
    micros_of,
    object_of,
    optional_id,
    optional_text,
    required_text,
)
from tracebridge.adapters.sessions.openclaw_drafts import Draft, extra_attrs, model_name, text_of
from tracebridge.adapters.sessions.openclaw_envelope import Envelope, decimal_id, open_envelope
from tracebridge.domain.events import EventKind, EventStatus, JsonValue

type Blocks = list[dict[str, object]]

_COMMON_FIELDS = frozenset({"role", "content", "timestamp", "__openclaw", "provenance"})
_ASSISTANT_FIELDS = _COMMON_FIELDS | {"provider", "model", "usage", "stopReason", "errorMessage"}
_TOOL_RESULT_FIELDS = _COMMON_FIELDS | {"toolCallId", "toolName", "details", "isError"}
_OTHER_FIELDS = _COMMON_FIELDS | {"output"}
_GATEWAY_MODELS = frozenset({"gateway-injected", "delivery-mirror"})
_FAILED = frozenset({"error", "failed"})
_STATUS_OF_STOP = {
    "stop": EventStatus.OK,
    "length": EventStatus.OK,
    "toolUse": EventStatus.OK,
    "error": EventStatus.ERROR,
    "aborted": EventStatus.ABORTED,
}
_MAX_STATUS_CHARS = 1024 * 1024
_MAX_BLOCK_TYPES = 16
_FINAL_DELIVERY = re.compile(r"telegram-final:(.*):(-?\d{1,18}):(\d{1,18}):\d+")
_TOPIC = re.compile(r":topic:(\d{1,18})\Z")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a delivery mirror says of the request whose answer it repeats."""

    chat_id: str
    thread_id: str | None
    message_id: int


def is_gateway_message(message: Json) -> bool:
    """Whether the gateway wrote this in the model's name: a delivery mirror or an injection."""
    if "openclawDeliveryMirror" in message:
        return True
    return message.get("provider") == "openclaw" and message.get("model") in _GATEWAY_MODELS


def delivery_of(message: Json) -> Delivery | None:
    """The inbound message that a mirror names.

    ``sourceMessageId`` is ``telegram-final:<session key>:<chat>:<inbound message id>:<n>``.
    """
    source = object_of(message.get("openclawDeliveryMirror")).get("sourceMessageId")
    found = _FINAL_DELIVERY.fullmatch(source) if isinstance(source, str) else None
    if found is None:
        return None
    topic = _TOPIC.search(found[1])
    return Delivery(str(int(found[2])), topic[1] if topic else None, int(found[3]))


def user_draft(message: Json) -> tuple[Draft, Envelope]:
    """A request, or what the runtime asked in a person's place."""
    blocks = blocks_of(message.get("content"))
    envelope = open_envelope(text_of(blocks) or "", message.get("__openclaw"))
    attrs = _message_attrs(message, blocks, _COMMON_FIELDS)
    for name in ("chat_id", "chat_type", "thread_id", "message_id"):
        if (value := getattr(envelope, name)) is not None:
            attrs[name] = value
    if envelope.system_lines:
        attrs["system_lines"] = list(envelope.system_lines)
    draft = Draft(kind=EventKind.USER_MESSAGE, role="user", text=envelope.text, attrs=attrs)
    return draft, envelope


def assistant_drafts(message: Json) -> list[Draft]:
    """One model response: its thoughts, the message, the tool calls it asked for."""
    blocks = blocks_of(message.get("content"))
    model = model_name(message.get("provider"), message.get("model"))
    drafts = [
        Draft(kind=EventKind.THINKING, role="assistant", model=model, text=thought, attrs={})
        for block in blocks
        if block["type"] == "thinking" and (thought := optional_text(block, "thinking"))
    ]
    drafts.append(_response(message, blocks, model))
    drafts.extend(_tool_call(block, model) for block in blocks if block["type"] == "toolCall")
    return drafts


def tool_result_draft(message: Json) -> Draft:
    """What a tool gave back. It failed if any of the places where releases say so says so.

    ``details.status``, ``details.exitCode``, ``isError``, or a ``status`` of ``error`` in output
    that is a JSON object: no release sets all of them, and ``isError`` is often false.
    """
    blocks = blocks_of(message.get("content"))
    attrs = _message_attrs(message, blocks, _TOOL_RESULT_FIELDS)
    details = object_of(message.get("details"))
    text = text_of(blocks)
    exit_code = details.get("exitCode")
    if isinstance(exit_code, int) and not isinstance(exit_code, bool) and abs(exit_code) < 2**32:
        attrs["exit_code"] = exit_code
    if (sent := _sent_message_id(details)) is not None:
        attrs["sent_message_id"] = sent
    has_failed = (
        details.get("status") in _FAILED
        or attrs.get("exit_code", 0) != 0
        or message.get("isError") is True
        or _says_error(text)
    )
    return Draft(
        kind=EventKind.TOOL_RESULT,
        role="toolResult",
        tool_name=optional_text(message, "toolName"),
        tool_call_id=optional_id(message, "toolCallId"),
        status=EventStatus.ERROR if has_failed else EventStatus.OK,
        duration_ms=count_of(details.get("durationMs")),
        text=text,
        attrs=attrs,
    )


def other_draft(message: Json, role: str) -> Draft:
    """A message of a role that takes no part in the conversation, such as ``bashExecution``."""
    blocks = blocks_of(message.get("content"))
    attrs = _message_attrs(message, blocks, _OTHER_FIELDS)
    attrs["entry_type"] = "message"
    text = text_of(blocks)
    if text is None:
        text = optional_text(message, "output")
    return Draft(kind=EventKind.SYSTEM, role=role, text=text, attrs=attrs)


def _response(message: Json, blocks: Blocks, model: str | None) -> Draft:
    attrs = _message_attrs(message, blocks, _ASSISTANT_FIELDS)
    stop = optional_text(message, "stopReason")
    if stop is not None:
        attrs["stop_reason"] = stop
    if (error := optional_text(message, "errorMessage")) is not None:
        attrs["error_message"] = error
    draft = Draft(
        kind=EventKind.ASSISTANT_MESSAGE,
        role="assistant",
        model=model,
        status=_STATUS_OF_STOP.get(stop or ""),
        text=text_of(blocks) or "",
        attrs=attrs,
    )
    _add_usage(draft, object_of(message.get("usage")))
    return draft


def _add_usage(draft: Draft, usage: Json) -> None:
    """Tokens and cost as logged. All zero tokens: nobody counted, so nothing is known.

    ``input`` excludes cached tokens in this format. A cost of zero is unknown too: a model that
    is free cannot be told from one whose price nobody entered.
    """
    names = ("input", "output", "cacheRead", "cacheWrite")
    tokens = [count_of(usage.get(name)) for name in names]
    if not any(tokens):
        return
    draft["tokens_in"], draft["tokens_out"], cache_read, cache_write = tokens
    if cache_read is not None:
        draft["attrs"]["cache_read"] = cache_read
    if cache_write is not None:
        draft["attrs"]["cache_write"] = cache_write
    total = object_of(usage.get("cost")).get("total")
    draft["cost_usd_micros"] = micros_of(total) if total else None


def _tool_call(block: Json, model: str | None) -> Draft:
    arguments = orjson.dumps(block.get("arguments"), option=orjson.OPT_SORT_KEYS)
    return Draft(
        kind=EventKind.TOOL_CALL,
        role="assistant",
        model=model,
        tool_name=required_text(block, "name"),
        tool_call_id=optional_id(block, "id"),
        text=arguments.decode(),
        attrs={},
    )


def _says_error(text: str | None) -> bool:
    """Whether the output is a JSON object with the status ``error``; never a matter of words."""
    if not text or '"status"' not in text or len(text) > _MAX_STATUS_CHARS:
        return False
    if not text.lstrip().startswith("{"):
        return False
    try:
        return object_of(orjson.loads(text)).get("status") == "error"
    except orjson.JSONDecodeError:
        return False


def _sent_message_id(details: Json) -> int | None:
    """The Telegram message that the message tool sent, called directly or through a wrapper."""
    if "messageId" in details:
        return decimal_id(details["messageId"])
    return decimal_id(object_of(object_of(details.get("result")).get("details")).get("messageId"))


def _message_attrs(message: Json, blocks: Blocks, known: frozenset[str]) -> dict[str, JsonValue]:
    """Unknown fields, the message's own time, and its blocks by type where not all are text."""
    attrs = extra_attrs(message, known)
    if (at := count_of(message.get("timestamp"))) is not None:
        attrs["message_ts_ms"] = at
    types = [block["type"] for block in blocks]
    if types.count("text") != len(types):
        counts = Counter(str(name)[:40] for name in types)
        attrs["blocks"] = dict(sorted(counts.items())[:_MAX_BLOCK_TYPES])
    return attrs
