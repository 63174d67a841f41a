"""Real session logs, read and scrubbed, for tests that want more than invented ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tracebridge.adapters.sessions.discover import session_files
from tracebridge.adapters.sessions.registry import recognize
from tracebridge.domain.events import ScrubbedEvent
from tracebridge.scrubbing.scrub import scrub_event


def sessions_below(root: Path) -> list[Sequence[ScrubbedEvent]]:
    """The events of every session below ``root``; what another file tells too comes once."""
    known: set[str] = set()
    sessions: dict[str, list[ScrubbedEvent]] = {}
    for path in session_files(root):
        log = recognize(path).read(path, known_entries=known.__contains__)
        known.update(log.entry_keys)
        sessions.setdefault(log.session_id, []).extend(map(scrub_event, log.events))
    return [sorted(sessions[name], key=lambda it: it.event.seq) for name in sorted(sessions)]
