"""What one turn put into its chat: chunks of the answer, and messages that are not the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tracebridge.domain.trajectory import Step, StepKind, Turn, TurnStatus

CHUNK_LIMIT = 4000
"""OpenClaw's ``textChunkLimit`` for Telegram, in UTF-16 code units."""
MARKUP_CHUNK_LIMIT = 2000
"""Markup grows when it is rendered, so chunks of it are split again: 8,667 characters with code
blocks were seen to make five messages in three versions, where 10,055 plain ones made three."""
_MARKUP = re.compile(r"```|^#{1,6} |^[ \t]*\||\*\*|^> ", re.MULTILINE)
_MARKUP_SIGNS = ("```", "#", "|", "**", ">")
"""One of these is in every text with markup; looking for them is ten times as fast."""
_MESSAGE_TOOLS = frozenset({"message", "tool_call"})
"""The tool that sends, and the wrapper through which newer versions call it."""
_SILENT_ACTIONS = frozenset(
    {"react", "reactions", "read", "search", "edit", "delete", "pin", "unpin", "list-pins"}
)


@dataclass(frozen=True, slots=True)
class Sending:
    """How many Telegram messages a turn may have sent, and which are known not to answer."""

    least: int
    """Chunks of the answer, at least; 0 without a delivered answer."""
    most: int
    """Chunks of the answer, at most."""
    commentary: int
    """Texts that the model wrote before it called a tool; some versions send each of them."""
    drafts: int
    """Previews and status messages that may stand before the answer, at most."""
    tool_sends: tuple[int, ...]
    """Ids of messages that the message tool sent, ascending."""
    has_unknown_sends: bool
    """The message tool sent something whose id the log does not tell."""


def is_answered(turn: Turn) -> bool:
    """Whether the turn ended in an answer with text, the only thing that a label judges."""
    return turn.status is TurnStatus.COMPLETED and bool(turn.answer_text.strip())


def sending_of(turn: Turn) -> Sending:
    """Read off a turn what it sent, as far as its log tells."""
    least, most = _chunk_range(turn.answer_text) if is_answered(turn) else (0, 0)
    calls = [step for step in turn.steps if step.kind is StepKind.TOOL]
    sends = [_sent_ids(step) for step in calls if _may_send(step)]
    return Sending(
        least=least,
        most=most,
        commentary=sum(_is_commentary(step, turn) for step in turn.steps),
        drafts=1 if calls or most > 1 else 0,
        tool_sends=tuple(sorted({it for ids in sends for it in ids})),
        has_unknown_sends=not all(sends),
    )


def _chunk_range(text: str) -> tuple[int, int]:
    units = len(text.encode("utf-16-le", errors="surrogatepass")) // 2
    least = -(-units // CHUNK_LIMIT)
    most = -(-units // MARKUP_CHUNK_LIMIT) if _has_markup(text) else least
    return least, most


def _has_markup(text: str) -> bool:
    return any(sign in text for sign in _MARKUP_SIGNS) and _MARKUP.search(text) is not None


def _is_commentary(step: Step, turn: Turn) -> bool:
    return (
        step.kind is StepKind.MODEL
        and bool(step.output and step.output.strip())
        and turn.answer_event_id not in step.event_ids
    )


def _may_send(step: Step) -> bool:
    """Whether the call may have put a message of its own into a chat."""
    if step.tool_name not in _MESSAGE_TOOLS:
        return False
    arguments = _parsed(step.arguments)
    if step.tool_name == "tool_call" and "message" not in _values(arguments):
        return False
    actions = [it["action"] for it in _objects(arguments) if isinstance(it.get("action"), str)]
    return not actions or actions[0] not in _SILENT_ACTIONS


def _sent_ids(step: Step) -> set[int]:
    """Message ids in the result of a sending call; empty where it does not name one."""
    named = {it.get("messageId") for it in _objects(_parsed(step.output))}
    texts = {str(it) for it in named if isinstance(it, str | int) and not isinstance(it, bool)}
    return {int(it) for it in texts if it.isascii() and it.isdecimal()}


def _parsed(text: str | None) -> object:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _objects(value: object) -> Iterator[dict[str, object]]:
    """The JSON objects in ``value``, outer ones first, to a depth that real results have."""
    level = [value]
    for _ in range(6):
        inner: list[object] = []
        for it in level:
            if isinstance(it, dict):
                yield it
                inner.extend(it.values())
            elif isinstance(it, list):
                inner.extend(it)
        level = inner


def _values(value: object) -> set[str]:
    return {it for obj in _objects(value) for it in obj.values() if isinstance(it, str)}
