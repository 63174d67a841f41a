"""JSON documents of a workspace, read back; what is not there is empty."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tracebridge.domain.events import JsonValue


def read_document(path: Path) -> dict[str, JsonValue]:
    """A JSON document of a bundle; empty where a failed cycle left none."""
    if not path.exists():
        return {}
    document: dict[str, JsonValue] = json.loads(path.read_text(encoding="utf-8"))
    return document


def table_of(document: Mapping[str, JsonValue], key: str) -> dict[str, JsonValue]:
    """A table of a document; empty where it is absent."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}
