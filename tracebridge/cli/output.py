"""What commands share: the settings of this call, one JSON document or a story, an answer's sign.

stdout is data, stderr is story, the exit code is the verdict.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracebridge.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from tracebridge.settings import Settings


_DIGEST = re.compile("[0-9a-f]{64}")
_JOINERS = frozenset("\u200d")
"""Unprintable by themselves, but what holds an emoji of several signs together."""


class Negative(Exception):  # noqa: N818 - an answer, not an error
    """The command is done and its answer is no: exit code 1."""


def settings(*, may_be_new: bool = False) -> Settings:
    """The settings of the workspace that this call names.

    Raises:
        ConfigurationError: the workspace is not there, unless it ``may_be_new``, because the
            command brings the data; or its configuration is wrong.
    """
    from tracebridge.settings import load_settings

    workspace = chosen_workspace()
    if workspace.exists() and not workspace.is_dir():
        raise ConfigurationError(f"{workspace}: the workspace is a file; name a folder")
    if not may_be_new and not workspace.exists():
        raise ConfigurationError(
            f"{workspace}: there is no such workspace; `tracebridge init {workspace}` makes it"
        )
    return load_settings(workspace)


def chosen_workspace() -> Path:
    """The path of the workspace that this call names, whatever is there."""
    from tracebridge.settings import workspace_from

    option = _call()["workspace"]
    return workspace_from(Path(option) if option else None)


def emit(document: Mapping[str, Any], lines: Iterable[str]) -> None:
    """The answer: the document with ``--json``, else the lines, on stdout."""
    if _call()["json"]:
        emit_json(document)
        _call()["answered"] = True
        return
    for line in lines:
        click.echo(_harmless(line))


def emit_json(document: Mapping[str, Any]) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, ensure_ascii=False, sort_keys=True, indent=2))


def story(line: str) -> None:
    """What is going on, for people, on stderr."""
    click.echo(_harmless(line), err=True)


def interactive() -> bool:
    """Whether somebody is watching: progress is shown only then."""
    return sys.stderr.isatty()


def table(
    head: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str | None = None
) -> list[str]:
    """Lines of a plain table; numbers to the right, unknown as a dash.

    Without rows: the sentence ``empty``, or nothing at all.
    """
    if not rows:
        return [empty] if empty else []
    cells = [[_shown(value) for value in row] for row in rows]
    widths = [max(len(head[i]), *(len(row[i]) for row in cells)) for i in range(len(head))]
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(head))]
    lines = [head, *cells]
    return [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    ]


def counted(number: int, noun: str) -> str:
    """``1 label``, ``2 labels``: a number with its noun, which ends in -s in the plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(counts: Mapping[str, object]) -> str | None:
    """``name 3, other 1``; ``None`` where nothing was counted."""
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or None


def short(value: str) -> str:
    """Enough of a digest to tell it from another; what is no digest stays as it is."""
    return f"{value[:12]}\u2026" if _DIGEST.fullmatch(value) else value


def plain(text: str, width: int | None = None) -> str:
    """Text of a log on one line, without what could steer a terminal, cut to ``width``."""
    shown = " ".join(_harmless(text).split())
    return shown if width is None or len(shown) <= width else f"{shown[: width - 1]}\u2026"


def _harmless(text: str) -> str:
    """The text with a blank for each character that is not for reading: names can be hostile."""
    return "".join(it if it.isprintable() or it in _JOINERS else " " for it in text)


def _call() -> dict[str, Any]:
    """What the common options of this call say, and whether it has answered yet."""
    call: dict[str, Any] = click.get_current_context().find_root().obj
    return call


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return plain(str(value))


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
