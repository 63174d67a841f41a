"""A policy document as TOML text: the standard library reads that format and does not write it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tracebridge.domain.errors import TrainingError
from tracebridge.domain.events import JsonValue


def to_toml(document: Mapping[str, JsonValue]) -> str:
    """The policy document as TOML that `tomllib` reads back equal.

    Tables and lists of tables at the top level become sections, deeper ones are inline. Raises
    `TrainingError` for what TOML cannot say: null, NaN, infinity, a lone surrogate.
    """
    plain = {k: v for k, v in document.items() if not isinstance(v, dict) and not _is_tables(v)}
    blocks = ["\n".join(f"{_key(name)} = {_value(value)}" for name, value in plain.items())]
    for name, value in document.items():
        if isinstance(value, dict):
            for inner, table in value.items():
                if not isinstance(table, dict):
                    raise TrainingError(f"Field '{name}.{inner}' must be a table to be TOML.")
                blocks.append(_section(f"[{_key(name)}.{_key(inner)}]", table))
        elif _is_tables(value) and isinstance(value, list):
            blocks += [_section(f"[[{_key(name)}]]", t) for t in value if isinstance(t, dict)]
    return "\n\n".join(blocks) + "\n"


def _is_tables(value: JsonValue) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _section(header: str, table: Mapping[str, JsonValue]) -> str:
    lines = [f"{_key(name)} = {_value(value)}" for name, value in table.items()]
    return "\n".join([header, *lines])


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _value(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and value - value != 0:
        raise TrainingError("A policy document holds a number that is not finite.")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_key(name)} = {_value(inner)}" for name, inner in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    raise TrainingError("A policy document holds a null, which TOML cannot say; leave it out.")


def _text(text: str) -> str:
    """A basic string. JSON's escapes are TOML's, but for DEL, which TOML wants escaped too."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TrainingError("A policy document holds text that is not Unicode.") from error
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
