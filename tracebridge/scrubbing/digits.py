"""Finds made of digits: payment cards, social security numbers, telephone numbers.

A bare run of digits is never a phone: timestamps and chat ids look the same. What follows and
what stands before decides whether a shape is a number of its own or a piece of an id, a version,
an address or a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tracebridge.scrubbing import checksums, numbering
from tracebridge.scrubbing.secret_finds import Span

_SPACE = r" \x{a0}\x{202f}"
_HYPHEN = r"\x{2010}-\x{2013}-"
_GAP = rf"[{_SPACE}{_HYPHEN}]"
_DOTTED_GAP = rf"[{_SPACE}.{_HYPHEN}]"

CARD = (
    r"\b(?:[2-6][0-9]{12,18}|1800[0-9]{11})\b"
    rf"|\b[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}(?:{_GAP}[0-9]{{3}})?\b"
    rf"|\b[0-9]{{4}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{4,5}}\b"
    rf"|\b[0-9]{{4}}{_GAP}[0-9]{{3}}{_GAP}[0-9]{{3}}{_GAP}[0-9]{{3}}\b"
)
SOCIAL_SECURITY = rf"\b([0-9]{{3}})[{_HYPHEN}]([0-9]{{2}})[{_HYPHEN}]([0-9]{{4}})\b"
INTERNATIONAL = rf"(\+|\b00)[1-9](?:[{_SPACE}.(){_HYPHEN}]{{0,3}}[0-9]){{6,18}}"
NORTH_AMERICAN = (
    rf"(?:\b(?:001|1){_DOTTED_GAP})?"
    rf"(?:\(([0-9]{{3}})\)[{_SPACE}]?|\b([0-9]{{3}})({_DOTTED_GAP}))"
    rf"[0-9]{{3}}({_DOTTED_GAP})[0-9]{{4}}\b"
    rf"(?:[{_SPACE}]?(?:x|ext\.?)[{_SPACE}]?[0-9]{{1,6}}\b)?"
)
TRUNK = "|".join(
    (
        rf"\b0[1-9](?:{_DOTTED_GAP}[0-9]{{2}}){{4}}\b",  # 01 23 45 67 89
        rf"\b0[1-9][0-9]{{0,2}}{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{3,4}}\b",  # 020 7946 0958
        rf"\b0[1-9][0-9]{{3}}[{_SPACE}][0-9]{{3}}[{_SPACE}]?[0-9]{{3}}\b",  # 01632 960123
        rf"\b0[1-9][0-9][{_SPACE}][0-9]{{3}}(?:[{_SPACE}][0-9]{{2}}){{2}}\b",  # 044 668 18 00
        rf"\(0[1-9][0-9]{{0,3}}\)[{_SPACE}]?[0-9]{{3,4}}{_GAP}?[0-9]{{3,4}}\b",  # (02) 9876 5432
        r"\b0(?:6-|[1-9][0-9]{1,3}/)[0-9]{6,8}\b",  # 06-12345678, 030/1234567
    )
)
"""National numbers with a leading 0, in the shapes in which they are written."""

_DIGITS = re.compile(rb"[0-9]+")
_DIGITS_OR_TRUNK_ZERO = re.compile(rb"\(0\)|[0-9]+")
_NUMBER_BEFORE = re.compile(rb"(?:^|[\s,;|])[0-9]{2,}(?:\.[0-9]+)?[ \t]\Z")
_NUMBER_AFTER = re.compile(rb"[ \t][0-9]{2,}(?:\.[0-9]+)?(?:[\s,;|]|\Z)")
_CONTEXT = 24


def card(match: Any, text: bytes) -> Iterable[Span]:
    """A card number, alone or in groups; a check code after it stays out."""
    start, end = match.span()
    if _is_inside_identifier(text, start, end):
        return ()
    groups = list(_DIGITS.finditer(match.group()))
    for count in (len(groups), len(groups) - 1):
        number = b"".join(group.group() for group in groups[:count]).decode()
        if checksums.is_card_number(number):
            return ((start, start + groups[count - 1].end()),)
    return ()


def social_security(match: Any, text: bytes) -> Iterable[Span]:
    """A dashed number in the ranges that are issued."""
    start, end = match.span()
    parts = (part.decode() for part in match.groups())
    if _is_inside_identifier(text, start, end) or not checksums.is_social_security_number(*parts):
        return ()
    return ((start, end),)


def international(match: Any, text: bytes) -> Iterable[Span]:
    """``+`` or ``00``, a country code, and as many groups as its national numbers have."""
    start, end = match.span()
    if text[start : start + 1] == b"+" and _is_word_or_closing(text[start - 1 : start]):
        return ()
    pieces = [
        piece for piece in _DIGITS_OR_TRUNK_ZERO.finditer(match.group()) if piece.group() != b"(0)"
    ]
    groups = [piece.group().decode() for piece in pieces]
    if match.group(1) == b"00":
        groups[0] = groups[0].removeprefix("00")
        if groups[0] != numbering.country_code(groups[0]):
            return ()
    count = numbering.international_groups(groups)
    if count == 0:
        return ()
    end = start + pieces[count - 1].end()
    return () if _is_tied_after(text, end) else ((start, end),)


def north_american(match: Any, text: bytes) -> Iterable[Span]:
    """(555) 123-4567 and its kin: the same separator twice, and an area code that exists.

    Parentheses and hyphens vouch for themselves; between spaces and dots the area must exist.
    """
    start, end = match.span()
    area, first, second = match.group(1) or match.group(2), match.group(3), match.group(4)
    plausible = numbering.is_north_american_area(area.decode())
    if first is not None and (first != second or not (plausible or first == b"-")):
        return ()
    if _is_inside_identifier(text, start, end):
        return ()
    if first == b" " and _is_in_number_table(text, start, end):
        return ()
    return ((start, end),)


def trunk(match: Any, text: bytes) -> Iterable[Span]:
    """A national number with its leading 0: nine to twelve digits, no date, no table row."""
    start, end = match.span()
    matched = match.group()
    groups = [group.group() for group in _DIGITS.finditer(matched)]
    if not 9 <= sum(map(len, groups)) <= 12:
        return ()
    if len({gap for gap in _DIGITS.split(matched)[1:-1] if gap not in {b")", b") "}}) > 1:
        return ()
    if b"-" in matched and groups[1][:2] in {b"19", b"20"}:
        return ()
    if _is_inside_identifier(text, start, end) or _is_in_number_table(text, start, end):
        return ()
    return ((start, end),)


def _is_inside_identifier(text: bytes, start: int, end: int) -> bool:
    """Whether a hyphen, dot or word character ties the span to more of the same token."""
    before = text[max(0, start - 2) : start]
    tied_before = before[-1:] in {b"-", b"."} and len(before) == 2 and _is_word(before[:1])
    return tied_before or _is_word(before[-1:]) or _is_tied_after(text, end)


def _is_tied_after(text: bytes, end: int) -> bool:
    after, beyond = text[end : end + 1], text[end + 1 : end + 2]
    return (
        _is_word(after)
        or (after == b"-" and _is_word(beyond))
        or (after == b"." and beyond.isdigit())
    )


def _is_in_number_table(text: bytes, start: int, end: int) -> bool:
    """Whether a bare number of two digits or more stands beside it: a row of figures."""
    before, after = text[max(0, start - _CONTEXT) : start], text[end : end + _CONTEXT]
    return _NUMBER_BEFORE.search(before) is not None or _NUMBER_AFTER.match(after) is not None


def _is_word(byte: bytes) -> bool:
    return byte.isalnum() or byte == b"_"


def _is_word_or_closing(byte: bytes) -> bool:
    return _is_word(byte) or byte in {b")", b"]", b"+"}
