"""JSON documents of a workspace, read back; what is not there is empty."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tracebridge.domain.errors import BundleError, TraceBridgeError
from tracebridge.domain.events import JsonValue


def read_document(path: Path, error: type[TraceBridgeError] = BundleError) -> dict[str, JsonValue]:
    """A JSON document; empty where there is none, as after a failed cycle.

    Raises ``error`` where the file cannot be read or holds no JSON object.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as why:
        raise error(f"{path}: cannot be read as JSON ({why}); restore or remove it") from why
    if not isinstance(document, dict):
        raise error(f"{path}: holds no JSON object; restore or remove it")
    return document


def read_if_sound(path: Path) -> dict[str, JsonValue]:
    """The same, empty where it is damaged: a list must not end at one bad bundle."""
    with suppress(BundleError):
        return read_document(path)
    return {}


def table_of(document: Mapping[str, JsonValue], key: str) -> dict[str, JsonValue]:
    """A table of a document; empty where it is absent."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}
