"""What the scrubber looks for, in the order in which it looks.

Every pattern runs on RE2, whose time is linear in the text whatever the text is. RE2 has no
look-around, so a rule is a pattern that proposes and a ``find`` function that decides, looking at
the neighboring bytes and at what the digits can be. Secrets come first, because tokens contain
digits and at signs; cards come before phones, because a phone pattern would eat half a card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import re2

from tracebridge.scrubbing import contacts, digits, secret_finds
from tracebridge.scrubbing.secret_finds import Span

SECRET, CARD, SSN, PHONE, EMAIL = "SECRET", "CARD", "SSN", "PHONE", "EMAIL"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of find: a pattern that proposes, a function that decides."""

    kind: str
    """Placeholder type, e.g. ``EMAIL``."""
    pattern: Any
    """Compiled RE2 over UTF-8 bytes."""
    find: Callable[[Any, bytes], Iterable[Span]]
    """From a match and the whole text to the spans to replace, ascending; none: no find."""
    hint: bytes = b""
    """Bytes that every match contains; a text without them is not searched."""
    bounded: bool = False
    """Matches have a small greatest length, so a refused one is retried one byte later."""


def _rule(
    kind: str,
    pattern: str,
    find: Callable[[Any, bytes], Iterable[Span]],
    *,
    hint: bytes = b"",
    bounded: bool = False,
) -> Rule:
    return Rule(kind, re2.compile(pattern), find, hint, bounded)


def _union(patterns: Iterable[str]) -> Any:
    options = re2.Options()
    options.never_capture = True
    options.max_mem = 64 << 20
    return re2.compile("|".join(f"(?:{pattern})" for pattern in patterns), options)


@dataclass(frozen=True, slots=True)
class Family:
    """Rules that are worth trying only where ``gate``, all their patterns as one, matches."""

    gate: Any
    rules: tuple[Rule, ...]


def _family(*rules: Rule) -> Family:
    return Family(_union(rule.pattern.pattern for rule in rules), rules)


FAMILIES: tuple[Family, ...] = (
    _family(
        _rule(SECRET, secret_finds.PRIVATE_KEY, secret_finds.whole, hint=b"-----BEGIN"),
        _rule(SECRET, secret_finds.VENDOR_KEY, secret_finds.vendor_key),
        _rule(SECRET, secret_finds.BOT_TOKEN, secret_finds.bot_token, hint=b":"),
        _rule(SECRET, secret_finds.URL_USERINFO, secret_finds.url_userinfo, hint=b"://"),
        _rule(SECRET, secret_finds.AUTHORIZATION, secret_finds.authorization, hint=b" "),
        _rule(SECRET, secret_finds.ASSIGNMENT, secret_finds.assignment),
    ),
    _family(
        _rule(CARD, digits.CARD, digits.card, bounded=True),
        _rule(SSN, digits.SOCIAL_SECURITY, digits.social_security, bounded=True),
        _rule(PHONE, digits.INTERNATIONAL, digits.international, bounded=True),
        _rule(PHONE, digits.NORTH_AMERICAN, digits.north_american, bounded=True),
        _rule(PHONE, digits.TRUNK, digits.trunk, hint=b"0", bounded=True),
    ),
    _family(_rule(EMAIL, contacts.EMAIL, contacts.email)),
)
"""In order of application; each rule sees the text as the rules before it left it."""

_JSON_ESCAPES = r"\\(?:u[0-9A-Fa-f]{4}|/)"
"""Escapes that can hide a character, or the edge of a word, from the rules in JSON text."""

GATE: Any = _union((*(family.gate.pattern for family in FAMILIES), _JSON_ESCAPES))
"""All patterns as one: a text that it does not match needs no rule and no parsing."""


def shadow(data: bytes) -> bytes:
    """``data`` with escapes such as ``\\n`` blanked and every other byte in its place.

    Logs are full of quoted source and JSON, where the letter of an escape would otherwise be
    taken for the beginning of the word after it. Rules match the shadow and cut the original.
    """
    if b"\\" in data:
        for escape in _BLANKED_ESCAPES:
            data = data.replace(escape, b"  ")
    return data


_BLANKED_ESCAPES = (rb"\n", rb"\r", rb"\t", rb"\b", rb"\f")
