"""Named text transforms of response policies: they change the shape of prose, never its words.

All are pure, idempotent, blind to vocabulary, and leave code blocks as they are.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

MAX_HEADING_DEPTH = 3
PARAGRAPH_LIMIT = 600
"""Characters beyond which a paragraph of one line is split between sentences."""

INLINE_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_INDENTED = re.compile(r"(?: {4}|\t)")
_HEADING = re.compile(r"( {0,3})(#{1,6})[ \t]+(\S.*)")
_PROSE = re.compile(r"[^\W\d_]|[\"'(\u201c\u2018]")
"""How a line starts that is a paragraph and no list, quote, table or heading."""
_SENTENCE_END = re.compile(r"(?<=[.!?\u2026])[ \t]+(?=[A-Z\u00c0-\u00dd\"(])")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an answer, with its line end."""

    text: str
    is_code: bool


def lines_of(text: str) -> list[Line]:
    """The lines of ``text``, told apart by whether they belong to a code block.

    Fenced blocks reach from fence to fence (or to the end). Indented lines count as code too,
    and so do the blank lines between two lines of code.
    """
    lines = _LINE.findall(text)
    code = [False] * len(lines)
    fence: str | None = None
    for index, line in enumerate(lines):
        marker = _FENCE.match(line)
        code[index] = fence is not None or marker is not None or bool(_INDENTED.match(line))
        if fence is None:
            fence = marker.group(1) if marker else None
        elif marker and _closes(line, fence):
            fence = None
    _take_in_blanks(lines, code)
    return [Line(line, is_code) for line, is_code in zip(lines, code, strict=True)]


def trim_trailing_space(text: str) -> str:
    """No line of prose ends in spaces or tabs."""
    return _map_prose(text, lambda body: body.rstrip(" \t"))


def collapse_blank_lines(text: str) -> str:
    """At most one blank line between paragraphs, none before the first or after the last."""
    kept: list[str] = []
    lines = lines_of(text)
    for blank, group in groupby(lines, key=lambda line: not line.is_code and not line.text.strip()):
        members = list(group)
        at_the_edge = members[0] is lines[0] or members[-1] is lines[-1]
        if not blank:
            kept.extend(line.text for line in members)
        elif not at_the_edge:
            kept.append(members[0].text)
    return "".join(kept)


def limit_heading_depth(text: str) -> str:
    """Headings deeper than level 3 become level 3."""

    def change(body: str) -> str:
        heading = _HEADING.fullmatch(body)
        if heading is None or len(heading.group(2)) <= MAX_HEADING_DEPTH:
            return body
        return f"{heading.group(1)}{'#' * MAX_HEADING_DEPTH} {heading.group(3)}"

    return _map_prose(text, change)


def unwrap_headings(text: str) -> str:
    """Headings become bold lines, for chats that show number signs as they are.

    A heading that holds a link stays: stars beside a link would become part of it.
    """

    def change(body: str) -> str:
        heading = _HEADING.fullmatch(body)
        if heading is None or "://" in body:
            return body
        title = heading.group(3).rstrip(" \t")
        return title if title.startswith("**") else f"**{title}**"

    return _map_prose(text, change)


def split_long_paragraphs(text: str) -> str:
    """Paragraphs of one long line are split between sentences, as late as the limit allows."""

    def change(body: str) -> str:
        if len(body) <= PARAGRAPH_LIMIT or not _PROSE.match(body):
            return body
        return "\n\n".join(_packed(_sentences(body)))

    return _map_prose(text, change)


TRANSFORMS: Mapping[str, Callable[[str], str]] = {
    "trim_trailing_space": trim_trailing_space,
    "collapse_blank_lines": collapse_blank_lines,
    "limit_heading_depth": limit_heading_depth,
    "unwrap_headings": unwrap_headings,
    "split_long_paragraphs": split_long_paragraphs,
}
"""Name in a policy file to transform."""


def apply_transforms(text: str, names: Sequence[str]) -> str:
    """``text`` after the named transforms, in the order given.

    ``names`` must be keys of `TRANSFORMS`; policies are checked for that when they are read.
    """
    for name in names:
        text = TRANSFORMS[name](text)
    return text


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return set(mark) == {fence[0]} and len(mark) >= len(fence)


def _take_in_blanks(lines: Sequence[str], code: list[bool]) -> None:
    last_code: int | None = None
    for index, line in enumerate(lines):
        if code[index]:
            if last_code is not None:
                code[last_code:index] = [True] * (index - last_code)
            last_code = index
        elif line.strip():
            last_code = None


def _map_prose(text: str, change: Callable[[str], str]) -> str:
    """``text`` with ``change`` applied to each line that is not code, line ends kept."""
    parts = []
    for line in lines_of(text):
        body = line.text.rstrip("\r\n")
        parts.append(line.text if line.is_code else change(body) + line.text[len(body) :])
    return "".join(parts)


def _sentences(body: str) -> list[str]:
    """``body`` cut at sentence ends outside inline code; the spaces of the cuts are dropped."""
    spans = [match.span() for match in INLINE_CODE.finditer(body)]
    sentences = []
    start = 0
    for match in _SENTENCE_END.finditer(body):
        before = bisect(spans, (match.start(),)) - 1
        if before < 0 or spans[before][1] <= match.start():
            sentences.append(body[start : match.start()])
            start = match.end()
    sentences.append(body[start:])
    return sentences


def _packed(sentences: Sequence[str]) -> list[str]:
    paragraphs = [sentences[0]]
    for sentence in sentences[1:]:
        if len(paragraphs[-1]) + 1 + len(sentence) <= PARAGRAPH_LIMIT:
            paragraphs[-1] += f" {sentence}"
        else:
            paragraphs.append(sentence)
    return paragraphs
