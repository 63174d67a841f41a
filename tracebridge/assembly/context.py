"""What a policy may know when it chooses an arm: a few coarse features of the request.

They hold no text and nothing that is only known after the answer. The same function serves the
router, which sees the request as it comes in, and the replay, which reads it from the log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from tracebridge.assembly.episodes import is_first_in_episode
from tracebridge.domain.replay import context_key
from tracebridge.domain.trajectory import Turn

__all__ = ["context_digest", "context_key", "context_of", "request_context"]

SHORT_CHARACTERS = 80
MEDIUM_CHARACTERS = 400

_CHAT_TYPES = frozenset({"direct", "group"})
_QUESTION_MARKS = ("?", "\uff1f", "\u061f")
"""Latin, full-width and Arabic."""
_CLOSERS = " \t\r\n\"')]*_!.\u00bb\u201d\u2019\u2026"
"""What may stand behind the mark: brackets, quotes, emphasis."""


def request_context(text: str, chat_type: str | None, *, first_in_episode: bool) -> dict[str, str]:
    """The context of a request, as online as offline.

    Scrubbing can move a request across a length limit, so online it should be given scrubbed
    text where that is at hand.

    Args:
        text: the request; several quick messages are joined by a blank line.
        chat_type: ``direct`` or ``group``; anything else counts as ``none``.
        first_in_episode: whether no request of this episode came before.

    Returns:
        ``length`` short (< 80 characters), medium (< 400) or long; ``form`` command (a slash
        command), code (a fenced block), question (it ends in a question mark) or statement;
        ``chat`` direct, group or none; ``turn`` first or later.
    """
    stripped = text.strip()
    return {
        "length": _length(stripped),
        "form": _form(stripped),
        "chat": chat_type if chat_type in _CHAT_TYPES else "none",
        "turn": "first" if first_in_episode else "later",
    }


def context_of(turn: Turn) -> dict[str, str]:
    """The context of a recorded turn, which must have its episode."""
    return request_context(
        turn.request_text, turn.chat_type, first_in_episode=is_first_in_episode(turn)
    )


def context_digest(context: Mapping[str, str]) -> str:
    """SHA-256, in hex, of the context's canonical JSON."""
    canonical = json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _length(text: str) -> str:
    if len(text) < SHORT_CHARACTERS:
        return "short"
    return "medium" if len(text) < MEDIUM_CHARACTERS else "long"


def _form(text: str) -> str:
    if text.startswith("/") and text[1:2].isalpha():
        return "command"
    if "```" in text:
        return "code"
    if text.rstrip(_CLOSERS).endswith(_QUESTION_MARKS):
        return "question"
    return "statement"
