"""Making a workspace, and finding the logs that agents left on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracebridge.adapters.files import write_atomic
from tracebridge.adapters.inputs import shipped_files
from tracebridge.labeling.mapping import DEFAULT_MAPPING, mapping_document
from tracebridge.settings import CONFIG_NAME

HOMES = (
    (".openclaw/agents", "openclaw", "**/sessions/*.jsonl*"),
    (".claude/projects", "claude-code", "**/*.jsonl"),
    (".codex/sessions", "codex", "**/*.jsonl"),
    (".pi/agent/sessions", "pi", "**/*.jsonl"),
)
"""Where agents keep their logs below a home folder: folder, format, which files."""

STARTING_CONFIG = """\
# What TraceBridge reads and how it compares. Unknown keys are refused.
schema = "tracebridge.config.v1"

# "chat" where many people talk to the agent, "episode" where it has one owner.
unit = "episode"

# One block a source; every cycle reads what it has gained.
{sources}"""

_SOURCE = """\
[[sources]]
path = "{path}"
format = "{format}"
"""
_NO_SOURCE = """\
# [[sources]]
# path = "~/.openclaw"
# format = "openclaw"
"""
READABLE = frozenset({"openclaw"})
"""Formats that this version imports."""


@dataclass(frozen=True, slots=True)
class FoundLogs:
    """Logs of one agent on this machine."""

    path: Path
    format: str
    files: int


def find_logs(home: Path) -> list[FoundLogs]:
    """What agents left below ``home``, by agent; folders without a log are left out."""
    found = []
    for folder, format_name, pattern in HOMES:
        files = sum(1 for path in (home / folder).glob(pattern) if path.is_file())
        if files:
            found.append(FoundLogs(home / folder, format_name, files))
    return found


def make_workspace(root: Path, *, home: Path | None = None) -> list[str]:
    """Write what a workspace starts with; returns the names that were made, in order.

    Nothing that exists is overwritten, so it is safe to run again.
    """
    made = []
    for name, data in _starting_files(home or Path.home()):
        path = root / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)
            made.append(name)
    return made


def _starting_files(home: Path) -> Iterator[tuple[str, bytes]]:
    yield CONFIG_NAME, STARTING_CONFIG.format(sources=_sources(home)).encode()
    mapping = json.dumps(mapping_document(DEFAULT_MAPPING), ensure_ascii=False, indent=2)
    yield "memory/feedback/reaction-mapping.json", mapping.encode() + b"\n"
    for folder in ("policies", "rewards"):
        for name, data in shipped_files(folder).items():
            yield f"{folder}/{name}", data


def _sources(home: Path) -> str:
    readable = [found for found in find_logs(home) if found.format in READABLE]
    if not readable:
        return _NO_SOURCE
    return "\n".join(
        _SOURCE.format(path=found.path.parent.as_posix(), format=found.format) for found in readable
    )
