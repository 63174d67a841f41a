"""Loads the shipped JSON Schemas and holds documents against them."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import cast

from tracebridge.domain.errors import ConfigurationError
from tracebridge.domain.events import JsonValue

type Schema = dict[str, JsonValue]

_FOLDER = files("tracebridge.adapters.schemas")
_SUFFIX = ".json"


def kinds() -> tuple[str, ...]:
    """Every kind of file that has a schema, by name."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def load(kind: str) -> Schema:
    """The JSON Schema of a kind. Raises `ConfigurationError` for a kind that does not exist."""
    if kind not in kinds():
        raise ConfigurationError(f"schema: there is no kind {kind!r}; use {', '.join(kinds())}.")
    return cast("Schema", json.loads((_FOLDER / f"{kind}{_SUFFIX}").read_text(encoding="utf-8")))


def violations(kind: str, document: JsonValue) -> tuple[str, ...]:
    """Where a document breaks its schema, each as ``field: what``; empty if nowhere.

    Raises `ConfigurationError` for a kind that does not exist.
    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to load, seldom needed

    validator = Draft202012Validator(load(kind))
    found = sorted(validator.iter_errors(document), key=lambda error: error.json_path)
    return tuple(f"{error.json_path}: {error.message}" for error in found)
