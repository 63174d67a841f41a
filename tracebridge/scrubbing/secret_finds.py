"""Secrets: private keys, vendors' API keys, bot tokens, headers, URLs and assignments.

Each pattern is RE2 syntax over UTF-8; each function takes a match and the text and gives the
spans to replace. Prefixes and lengths are those that the vendors publish for secret scanning.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from tracebridge.scrubbing.credentials import (
    BARE_KEY_PATTERN,
    LONG_VALUE_PATTERN,
    NAME_PATTERN,
    VALUE_PATTERN,
    is_credential,
    looks_random,
    mixes_letters_and_digits,
)

type Span = tuple[int, int]

PRIVATE_KEY = (
    r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[^-]|-[^-])*-----END[A-Z0-9 ]{0,60}-----|[A-Za-z0-9+/=\s\\]*)"
)
"""A PEM or PGP block; where its end was cut off, as far as its base64 goes."""

_PREFIXED_KEYS = (
    r"sk-(?:ant|proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{16,}",  # Anthropic, OpenAI, OpenRouter
    r"gh[opusr]_[A-Za-z0-9_]{30,}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,}",
    # GitLab
    r"gl(?:pat|ptt|dt|rt|cbt|soat|agent|ft|oas)-[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]{2,})*",
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",  # AWS
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"GOCSPX-[A-Za-z0-9_-]{28}",
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{24,}",
    r"xapp-[0-9]-[A-Z0-9]{6,}-[0-9]+-[a-z0-9]{20,}",  # Slack
    r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/_-]{30,}",
    r"hf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-AgE[A-Za-z0-9_-]{40,}",
    r"SG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{40,}",  # SendGrid
    r"do[opr]_v1_[a-f0-9]{64}",  # DigitalOcean
    r"gsk_[A-Za-z0-9]{40,}",  # Groq
    r"xai-[A-Za-z0-9]{40,}",
    r"pplx-[A-Za-z0-9]{40,}",  # Perplexity
    r"r8_[A-Za-z0-9]{37,}",  # Replicate
    r"tvly-[A-Za-z0-9_-]{24,}",  # Tavily
    r"lin_api_[A-Za-z0-9]{32,}",  # Linear
    r"dapi[a-f0-9]{32}\b",  # Databricks
    r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",  # Shopify
    r"AGE-SECRET-KEY-1[A-Z0-9]{50,}",
    r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]+)*",  # JSON Web Token
    r"[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",  # Discord
)
_LOOSE_KEYS = (
    r"sk-[A-Za-z0-9_-]{20,}",  # also a prefix of style names: the tail must look random
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
)
VENDOR_KEY = rf"\b(?:{'|'.join(_PREFIXED_KEYS)}|({'|'.join(_LOOSE_KEYS)}))"

BOT_TOKEN = r"(?:\b|\bbot)([0-9]{8,10}:[A-Za-z0-9_-]{35,})"  # noqa: S105 - a pattern
"""Telegram: bot id, colon, 35 characters; in request paths it follows ``bot`` directly."""

URL_USERINFO = r"://(?:([^\s/?#:\"'<>()\[\]{}`\\]*:[^\s/?#\"'<>()\[\],`\\]+)|([A-Za-z0-9_-]{20,}))@"
"""``user:password@`` or ``token@`` of a URL."""

AUTHORIZATION = (
    r"\b(?i:authorization[\"'\\]{0,8}\s{0,3}[:=]\s{0,3}\\{0,7}[\"']?"
    rf"(bearer|basic|token|bot)\s{{1,3}})[\"']?({VALUE_PATTERN})"
    rf"|\b(?i:bearer)\s{{1,3}}[\"']?({LONG_VALUE_PATTERN})"
)
"""``Authorization: <scheme> <value>``, and ``Bearer <value>`` anywhere."""

_SEPARATOR = (
    r"[\"'\\\]]{0,8}\s{0,4}(?::\s?(?:str|string|String|bytes)\s?=|:=|=>|={1,3}|:)"
    r"\s{0,4}\\{0,7}[\"'`]?"
)
ASSIGNMENT = (
    rf"((?i:{NAME_PATTERN})){_SEPARATOR}({VALUE_PATTERN})"
    rf"|((?i:{BARE_KEY_PATTERN})){_SEPARATOR}({LONG_VALUE_PATTERN})"
    rf"|--([A-Za-z-]{{0,40}}(?i:{NAME_PATTERN}))\s{{1,3}}[\"']?({VALUE_PATTERN})"
)
"""``name = value``, ``"name": "value"``, ``--name value``."""


def whole(match: Any, _text: bytes) -> Iterable[Span]:
    """The whole match."""
    return (match.span(),)


def vendor_key(match: Any, _text: bytes) -> Iterable[Span]:
    """A key with a vendor's prefix; where the prefix is also a word, the rest must be random."""
    loose = match.group(1)
    if loose is not None and not looks_random(loose.decode()):
        return ()
    return (match.span(),)


def bot_token(match: Any, _text: bytes) -> Iterable[Span]:
    """Exactly 35 characters after the colon, in both cases."""
    secret = match.group(1).partition(b":")[2].decode()
    if len(secret) != 35 or secret in {secret.lower(), secret.upper()}:
        return ()
    return (match.span(1),)


def url_userinfo(match: Any, _text: bytes) -> Iterable[Span]:
    """User and password of a URL, unless the password is the name of a variable."""
    pair, token = match.group(1), match.group(2)
    if token is not None:
        return (match.span(2),) if looks_random(token.decode()) else ()
    password = pair.partition(b":")[2]
    if password[:1] in {b"$", b"{", b"%"} and password[-1:] in {b"}", b"%"}:
        return ()
    return (match.span(1),)


def authorization(match: Any, _text: bytes) -> Iterable[Span]:
    """The value of an Authorization header, or what follows the word Bearer and looks random."""
    scheme, value, bearer_value = match.groups()
    if scheme is None:
        return (match.span(3),) if looks_random(bearer_value.decode()) else ()
    in_use = _is_basic_pair if scheme.lower() == b"basic" else mixes_letters_and_digits
    return (match.span(2),) if in_use(value.decode()) else ()


def assignment(match: Any, text: bytes) -> Iterable[Span]:
    """The value of ``name = value`` where name and value together give a credential away."""
    name_group = next(group for group in (1, 3, 5) if match.group(group) is not None)
    start, end = match.span(name_group + 1)
    if text[end : end + 1] in {b"(", b"[", b"{"}:
        return ()
    while text[end - 1 : end] in {b".", b":"}:
        end -= 1
    if not is_credential(match.group(name_group).decode(), text[start:end].decode()):
        return ()
    return ((start, end),)


def _is_basic_pair(value: str) -> bool:
    try:
        return b":" in base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
