"""Finds session logs and state databases below a folder, in an order that never varies.

Live logs come before copies (checkpoints, resets, deletions, backups), each by name, so that
everywhere the same file tells an entry first and the same one repeats it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tracebridge.domain.errors import IngestError

_LOG_NAME = re.compile(r".+\.jsonl(?:\.(?:reset|deleted|bak)[^/]*)?")
_COPY_NAME = re.compile(r"\.checkpoint\.[^/]*\.jsonl\Z|\.jsonl\.(?:reset|deleted|bak)")
_NOT_A_LOG = re.compile(r"(?:\.trajectory\.jsonl|\.lock|\.zst|\.tmp)\Z|\Atelegram-reactions\.jsonl")
_SKIPPED_FOLDERS = frozenset({".git", ".tracebridge", "node_modules"})
_STATE_DATABASE = "openclaw.sqlite"
_TRANSCRIPT_DATABASE = "openclaw-agent.sqlite"


def session_files(root: Path) -> tuple[Path, ...]:
    """The log files at ``root``: the file itself, or those below a folder, in canonical order.

    Of an OpenClaw state folder only ``agents/*/sessions`` is searched: its workspaces hold
    whatever the agent wrote. Links are not followed.

    Raises:
        IngestError: nothing is there, or it cannot be listed.
    """
    if root.is_file():
        return (root,)
    if not root.is_dir():
        raise IngestError(f"{root}: there is no such file or folder; check the path.")
    folders = sorted(root.glob("agents/*/sessions")) or [root]
    found = (path for folder in folders for path in _files(folder) if is_log_name(path.name))
    return tuple(sorted(found, key=canonical_key))


def state_databases(root: Path) -> tuple[Path, ...]:
    """Every ``state/openclaw.sqlite`` below a folder, by path; of a file, none.

    Raises:
        IngestError: a folder cannot be listed.
    """
    if (own := root / "state" / _STATE_DATABASE).is_file():
        return (own,)
    if not root.is_dir():
        return ()
    return tuple(
        sorted(
            path for path in _files(root) if is_state_database(path) and path.parent.name == "state"
        )
    )


def transcript_databases(root: Path) -> tuple[Path, ...]:
    """Every ``agent/openclaw-agent.sqlite`` below a folder, by path: transcripts since 2026.8.1.

    Raises:
        IngestError: a folder cannot be listed.
    """
    if not root.is_dir():
        return ()
    return tuple(sorted(path for path in _files(root) if path.name == _TRANSCRIPT_DATABASE))


def is_state_database(path: Path) -> bool:
    """Whether a file is named as OpenClaw names its state database."""
    return path.name == _STATE_DATABASE


def canonical_key(path: Path) -> tuple[bool, str, str]:
    """Sorts live logs before copies, then by name; the folder decides only between namesakes."""
    return (is_copy_name(path.name), path.name, str(path))


def is_copy_name(name: str) -> bool:
    """Whether OpenClaw gives such a name to a copy of a log, or to one it has put away."""
    return _COPY_NAME.search(name) is not None


def is_log_name(name: str) -> bool:
    """Whether a file of this name may be a session log; its content decides."""
    return _LOG_NAME.fullmatch(name) is not None and _NOT_A_LOG.search(name) is None


def _files(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise IngestError(
            f"{error.filename}: the folder cannot be listed ({error.strerror}); check that this "
            f"user may read it."
        ) from error

    for where, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(set(folders) - _SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(where, name)
            if not path.is_symlink():
                yield path
