"""Tolerant reading of JSON documents: what is missing or of another type is simply not there.

A failed cycle leaves holes, and text in a document may come from a hostile log. Reading never
raises, and text comes out bounded and free of characters that could redraw the page's meaning.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator

from tracebridge.domain.events import JsonValue

MAX_TEXT = 400
"""Characters of any one text that the page shows."""
MAX_ITEMS = 8
"""Items of a list that one line names one by one."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NOT_SHOWN = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})


class Node:
    """One place in a document. ``node["a"]["b"]`` is a node too where ``a`` is missing."""

    __slots__ = ("_value",)

    def __init__(self, value: JsonValue = None) -> None:
        self._value = value

    def __getitem__(self, key: str) -> Node:
        return Node(self._value.get(key)) if isinstance(self._value, dict) else Node()

    def __iter__(self) -> Iterator[Node]:
        """The elements of a list; nothing for anything else."""
        return map(Node, self._value) if isinstance(self._value, list) else iter(())

    @property
    def exists(self) -> bool:
        """Whether there is anything but null."""
        return self._value is not None

    @property
    def is_told(self) -> bool:
        """Whether an object holds anything but nulls: an empty section is one never reached."""
        return any(value.exists for _, value in self.pairs())

    def pairs(self) -> list[tuple[str, Node]]:
        """Cleaned keys and values of an object, by key; nothing for anything else."""
        if not isinstance(self._value, dict):
            return []
        return [(cleaned(key), Node(value)) for key, value in sorted(self._value.items())]

    def number(self) -> float | None:
        """A finite number, else ``None``."""
        value = self._value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if abs(value) < 1e18 and math.isfinite(value) else None

    def flag(self) -> bool:
        """Whether the value is true, and not merely something."""
        return self._value is True

    def text(self) -> str | None:
        """Cleaned text, else ``None``; an empty text is none."""
        return cleaned(self._value) or None if isinstance(self._value, str) else None

    def words(self) -> str:
        """Any scalar as cleaned text; ``unknown`` for null, lists and objects."""
        value = self._value
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float):
            return f"{value:,}" if isinstance(value, int) and abs(value) < 10**18 else f"{value:g}"
        return self.text() or "unknown"

    def line(self) -> str:
        """A scalar, or the scalars of a list or object, in one line; long lists by their ends."""
        if isinstance(self._value, dict):
            return ", ".join(f"{key} {node.words()}" for key, node in self.pairs()) or "none"
        if not isinstance(self._value, list):
            return self.words()
        items = [node.words() for node in self]
        if len(items) > MAX_ITEMS:
            return f"{items[0]} … {items[-1]} ({len(items)})"
        return ", ".join(items) or "none"


def cleaned(text: str) -> str:
    """Text without control, bidirectional and unpaired characters, at most `MAX_TEXT` long."""
    bounded = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
    return "".join("\ufffd" if _is_unsafe(char) else char for char in bounded).strip()


def _is_unsafe(char: str) -> bool:
    return char in _BIDI or unicodedata.category(char) in _NOT_SHOWN
