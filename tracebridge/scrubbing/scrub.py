"""The scrubber's door: text, JSON values and events in; placeholders and counts out.

The store accepts only what :func:`scrub_event` returns. Placeholders are fixed ([EMAIL],
[PHONE], [SSN], [CARD], [SECRET]), and a second pass changes nothing. Not covered: names, postal
addresses, IBANs, IP addresses, and secrets that have neither a known shape nor a telling name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from tracebridge.domain.errors import ScrubError
from tracebridge.domain.events import JsonValue, ScrubbedEvent, TraceEvent
from tracebridge.scrubbing.canaries import CANARIES, HARMLESS
from tracebridge.scrubbing.checksums import is_card_number
from tracebridge.scrubbing.credentials import is_credential
from tracebridge.scrubbing.rules import CARD, FAMILIES, GATE, SECRET, Rule, shadow

SCRUB_VERSION = "1"
"""Bump it with every change of the rules that can alter the output for any text: stored events
carry it, and a store scrubbed under another version is imported again."""

ID_ATTRS = frozenset(
    {
        "cache_read",
        "cache_write",
        "chat_id",
        "chat_type",
        "entry_id",
        "exit_code",
        "message_id",
        "parent_entry_id",
        "stop_reason",
        "thread_id",
        "trigger",
    }
)
"""Attributes that other rooms join on. A value that is shaped like an id passes as it is."""

_ID_SHAPE = re.compile(r"[A-Za-z0-9_.:\-]{1,200}\Z")
_MAX_PASSES = 16
_SHORTEST_FIND = 6
_SHORT_KEY = 64


def scrub_text(text: str) -> tuple[str, dict[str, int]]:
    """Replace every find in ``text``; the counts are by type, zeros absent.

    Text that is a JSON object or array stays one: its strings are decoded, scrubbed and put
    back, in the text's own layout where that says the same.
    """
    if len(text) < _SHORTEST_FIND:
        return text, {}
    data = text.encode("utf-8", "surrogatepass")
    if not _needs_rules(data):
        return text, {}
    document = _parse_document(text)
    if document is None:
        return _scrub_plain(data)
    return _scrub_document(text, data, document)


def scrub_value(value: JsonValue) -> tuple[JsonValue, dict[str, int]]:
    """Scrub a JSON value: strings, keys, and integers that are card numbers.

    A string under a key that names a credential (``{"password": ...}``) is judged together with
    its key. Keys that become equal get ``#2``, ``#3`` ... so that no entry is lost.
    """
    finds: Counter[str] = Counter()
    return _scrub_node(value, finds), dict(finds)


def scrub_event(event: TraceEvent) -> ScrubbedEvent:
    """Scrub ``text`` and ``attrs`` of an event; ids, names of tools and numbers stay.

    Raises nothing: text that cannot be settled becomes one placeholder.
    """
    finds: Counter[str] = Counter()
    text = event.text
    if text is not None:
        text, found = scrub_text(text)
        if found:
            finds.update(found)
    attrs = _scrub_attrs(event.attrs, finds)
    if finds:
        event = replace(event, text=text, attrs=attrs)
    return ScrubbedEvent(event, SCRUB_VERSION, dict(finds))


def self_test() -> None:
    """Prove the rules on planted canaries before anything is persisted.

    Raises :class:`ScrubError` when a canary survives or harmless text is altered.
    """
    for kind, canary in CANARIES:
        scrubbed, finds = scrub_text(f"before {canary} after")
        if scrubbed != f"before [{kind}] after" or finds != {kind: 1}:
            raise ScrubError(
                f"scrub self-test: a planted canary of type {kind} was not replaced; "
                "reinstall google-re2 and run the import again"
            )
    for text in HARMLESS:
        if scrub_text(text) != (text, {}):
            raise ScrubError(
                "scrub self-test: harmless text was altered; "
                "reinstall google-re2 and run the import again"
            )


def _scrub_plain(data: bytes) -> tuple[str, dict[str, int]]:
    """Apply the rules until nothing changes: a placeholder can bare what stood beside it."""
    finds: Counter[str] = Counter()
    for _ in range(_MAX_PASSES):
        before = finds.total()
        for family in FAMILIES:
            if family.gate.search(shadow(data)) is not None:
                for rule in family.rules:
                    data = _apply(rule, data, finds)
        if finds.total() == before or not _needs_rules(data):
            return data.decode("utf-8", "surrogatepass"), dict(finds)
    # Only text made to defeat the scrubber needs so many passes.
    finds[SECRET] += 1
    return f"[{SECRET}]", dict(finds)


def _needs_rules(data: bytes) -> bool:
    return GATE.search(shadow(data)) is not None


def _apply(rule: Rule, data: bytes, finds: Counter[str]) -> bytes:
    if rule.hint not in data:
        return data
    placeholder = f"[{rule.kind}]".encode()
    pieces: list[bytes] = []
    copied = position = 0
    seen = shadow(data)
    while (match := rule.pattern.search(seen, position)) is not None:
        position = match.start() + 1 if rule.bounded else match.end()
        for start, end in rule.find(match, seen):
            pieces += data[copied:start], placeholder
            copied = end
            position = max(position, end)
    if not pieces:
        return data
    finds[rule.kind] += len(pieces) // 2
    return b"".join((*pieces, data[copied:]))


def _scrub_document(text: str, data: bytes, document: JsonValue) -> tuple[str, dict[str, int]]:
    scrubbed, finds = scrub_value(document)
    if not finds:
        return text, {}
    in_place, found = _scrub_plain(data)
    if found == finds and _parse_document(in_place) == scrubbed:
        return in_place, finds
    return _encode(scrubbed), finds


def _parse_document(text: str) -> JsonValue:
    """The object or array that ``text`` is; ``None`` where plain text must be assumed."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        document: JsonValue = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        return None
    return document


def _encode(document: JsonValue) -> str:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        # A lone surrogate can only be written as the escape that it came from.
        return json.dumps(document, separators=(",", ":"))
    return text


def _without_repeats(pairs: Iterable[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    pairs = list(pairs)
    result = dict(pairs)
    if len(result) != len(pairs):
        # Decoding would hide the first value from the rules, and it would leak.
        raise ValueError("repeated key")
    return result


def _scrub_node(value: JsonValue, finds: Counter[str]) -> JsonValue:
    match value:
        case str():
            text, found = scrub_text(value)
            if found:
                finds.update(found)
            return text
        case dict():
            return _scrub_entries(value, finds)
        case list():
            return [_scrub_node(item, finds) for item in value]
        case bool() | float() | None:
            return value
        case int():
            return _scrub_integer(value, finds)


def _scrub_entries(entries: Mapping[str, JsonValue], finds: Counter[str]) -> dict[str, JsonValue]:
    result: dict[str, JsonValue] = {}
    for key, value in entries.items():
        scrubbed_key, found = (_scrub_key if len(key) <= _SHORT_KEY else scrub_text)(key)
        if found:
            finds.update(found)
        if isinstance(value, str) and is_credential(key, value):
            finds[SECRET] += 1
            scrubbed: JsonValue = f"[{SECRET}]"
        else:
            scrubbed = _scrub_node(value, finds)
        result[_unused(scrubbed_key, result)] = scrubbed
    return result


@lru_cache(maxsize=4096)
def _scrub_key(key: str) -> tuple[str, Mapping[str, int]]:
    """As `scrub_text`, for short keys: documents repeat few of them, hence the cache."""
    return scrub_text(key)


def _unused(key: str, taken: Mapping[str, JsonValue]) -> str:
    candidate, number = key, 1
    while candidate in taken:
        number += 1
        candidate = f"{key}#{number}"
    return candidate


def _scrub_integer(value: int, finds: Counter[str]) -> JsonValue:
    if 10**12 <= value < 10**19 and is_card_number(str(value)):
        finds[CARD] += 1
        return f"[{CARD}]"
    return value


def _scrub_attrs(attrs: Mapping[str, JsonValue], finds: Counter[str]) -> Mapping[str, JsonValue]:
    # One search over all leaves: attributes are many, short, and nearly always clean.
    leaves: list[str] = []
    for name, value in attrs.items():
        if not _is_id(name, value):
            _collect(name, value, leaves)
    if not leaves or not _needs_rules("\n".join(leaves).encode("utf-8", "surrogatepass")):
        return attrs
    kept = {name: value for name, value in attrs.items() if _is_id(name, value)}
    rest = {name: value for name, value in attrs.items() if name not in kept}
    scrubbed = _scrub_entries(rest, finds)
    return attrs if scrubbed == rest else {**kept, **scrubbed}


def _collect(key: str, value: JsonValue, leaves: list[str]) -> None:
    """Add every leaf as ``key=value``: text that opens the gate wherever a part of it would."""
    if isinstance(value, dict):
        leaves.append(key)
        for name, item in value.items():
            _collect(name, item, leaves)
    elif isinstance(value, list):
        leaves.append(key)
        for item in value:
            _collect("", item, leaves)
    else:
        leaves.append(f"{key}={value}")


def _is_id(name: str, value: JsonValue) -> bool:
    if name not in ID_ATTRS:
        return False
    return not isinstance(value, str) or _ID_SHAPE.match(value) is not None
