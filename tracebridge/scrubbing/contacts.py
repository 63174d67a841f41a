"""Email addresses, told apart from ssh remotes, decorators, matrix products and file names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tracebridge.scrubbing.secret_finds import Span

_LETTERS = r"A-Za-z\p{Latin}\p{Greek}\p{Cyrillic}"
_LABEL = rf"[0-9{_LETTERS}](?:[0-9{_LETTERS}-]*[0-9{_LETTERS}])?"

EMAIL = (
    rf"([0-9_{_LETTERS}](?:[0-9_.%+{_LETTERS}-]|'[A-Za-z])*)(?:@|%40)"
    rf"((?:{_LABEL}\.)+(?:[A-Za-z]{{2,24}}|xn--[a-z0-9-]{{2,24}}|[\p{{Cyrillic}}\p{{Greek}}]{{2,24}}))"
)
"""Local part and domain with a top level of two letters or more (RFC 5322 dot-atom, no quotes)."""

_SERVICE_LOCALS = frozenset({b"git", b"hg", b"svn"})
"""Accounts that everybody shares: ``git@host:path`` names a repository, not a person."""
_FILE_ENDINGS = frozenset(
    b"png jpg jpeg gif svg webp ico css html json jsonl yaml yml toml txt tsx jsx exe dll lock"
    b" service socket timer target mount slice scope".split()
)
_CODE_OBJECTS = frozenset({b"self", b"cls", b"this", b"torch", b"np", b"pytest"})


def email(match: Any, text: bytes) -> Iterable[Span]:
    """An address of a person or role."""
    end = match.end()
    local, domain = match.group(1), match.group(2)
    if local in _SERVICE_LOCALS or text[end : end + 1] == b"(":
        return ()
    host, top = domain.partition(b".")[0], domain.rpartition(b".")[2]
    if host in _CODE_OBJECTS or top.lower() in _FILE_ENDINGS:
        return ()
    if top.isascii() and not (top.islower() or top.isupper() or top.istitle()):
        return ()
    return (match.span(),)
