"""Scrubbed events on disk: one Parquet part per source file, and an index that names them.

The store is a cache that can be rebuilt from the logs. A part is made durable first; only then
does the index, replaced in one step, refer to it. A process killed at any point leaves the old
part or the new one, and at worst a file that nobody refers to. One process writes at a time;
who writes holds the workspace lock.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path

from tracebridge.adapters.event_index import (
    Rank,
    is_vanished,
    key_of,
    rank_of,
    read_index,
    write_index,
)
from tracebridge.adapters.event_parts import (
    SourceFile,
    StoredPart,
    read_entry_keys,
    read_events,
    stat_source,
    write_part,
)
from tracebridge.adapters.files import fsync_dir
from tracebridge.adapters.sessions.discover import is_copy_name
from tracebridge.adapters.sessions.session_log import session_of_key
from tracebridge.domain.errors import IngestError
from tracebridge.domain.events import FileReport, ScrubbedEvent


class ParquetEventStore:
    """Implements ``ports.EventStore`` in a folder, ``.tracebridge/store`` of a workspace.

    Where several files tell the same entry, the first in rank tells it: files that still exist
    before vanished ones, live logs before copies, then by name. So the order in which files
    were imported never matters.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._parts_folder = root / "parts"
        self._parts: dict[str, StoredPart] = {}
        self._of_session: dict[str, set[str]] = defaultdict(set)
        self._replaced: set[str] = set()
        for part in read_index(self._index):
            self._add(part)

    @property
    def root(self) -> Path:
        """The store's folder."""
        return self._root

    @property
    def _index(self) -> Path:
        return self._root / "index.json"

    def write(self, events: Iterable[ScrubbedEvent], report: FileReport) -> None:
        """Replace what is stored under the report's file name, durably and all at once.

        Raises:
            IngestError: something that is not a `ScrubbedEvent` was given, or the disk refused.
        """
        self.commit([self.stage(events, report)])

    def stage(
        self,
        events: Iterable[ScrubbedEvent],
        report: FileReport,
        *,
        source: SourceFile | None = None,
        entry_keys: Iterable[str] = (),
        scrub_version: str = "",
        turns: int = 0,
    ) -> StoredPart:
        """Write a part that nothing refers to until it is committed. Safe in several processes.

        Args:
            events: of one file.
            report: the file's account.
            source: the log as it was just before it was read; without it the file's name
                stands for it.
            entry_keys: of every entry that the file tells.
            scrub_version: of the rules that scrubbed the events.
            turns: how many the events group into, for the account of imports.

        Raises:
            IngestError: something that is not a `ScrubbedEvent` was given, or the disk refused.
        """
        return write_part(
            self._parts_folder,
            events,
            report,
            source=source,
            entry_keys=entry_keys,
            scrub_version=scrub_version,
            turns=turns,
        )

    def adopt(self, part: StoredPart) -> None:
        """Let this object, and nobody else yet, take a staged part for stored.

        Parts of files that have vanished and that tell nothing beyond this part are dropped:
        the file was renamed or moved.
        """
        rivals = [self._parts[key] for key in self._rivals(part) if is_vanished(self._parts[key])]
        if rivals:
            told = read_entry_keys(self._parts_folder / part.file)
            for rival in rivals:
                if read_entry_keys(self._parts_folder / rival.file) <= told:
                    self._remove(key_of(rival))
        self._add(part)

    def commit(self, parts: Iterable[StoredPart] = ()) -> None:
        """Make these parts and all adopted ones stored, in one step; remove what they replace."""
        for part in parts:
            self.adopt(part)
        self._save()

    def sweep(self) -> None:
        """Remove part files that nothing refers to: what a killed process had staged.

        Only before anything is staged, and only by the one process that writes.
        """
        wanted = {part.file for part in self._parts.values()}
        if self._parts_folder.is_dir():
            for path in self._parts_folder.iterdir():
                if path.name not in wanted:
                    path.unlink(missing_ok=True)

    def is_unchanged(self, path: Path, *, scrub_version: str | None = None) -> bool:
        """Whether the file is stored as it is now, by size, time of change and inode.

        With ``scrub_version``, also whether those rules scrubbed it.
        """
        part = self.stored(path)
        if part is None or (scrub_version is not None and part.scrub_version != scrub_version):
            return False
        try:
            return stat_source(path) == part.source
        except OSError:
            return False

    def stored(self, path: Path) -> StoredPart | None:
        """What is stored of the file at ``path``."""
        return self._parts.get(str(path.resolve()))

    def known_entries(self, path: Path) -> Callable[[str], bool]:
        """Tells of an `entry_key` whether a file that ranks before ``path`` tells it."""
        own = str(path.resolve())
        rank: Rank = (False, is_copy_name(path.name), path.name, own)
        told: dict[str, frozenset[str]] = {}

        def is_known(key: str) -> bool:
            session = session_of_key(key)
            if session not in told:
                told[session] = self._told_before(session, rank, own)
            return key in told[session]

        return is_known

    def outranked(self, part: StoredPart) -> tuple[Path, ...]:
        """Existing files that tell of the same sessions and rank after this part's file.

        Their stored account was made without it, so they must be read again.
        """
        rank = rank_of(part)
        rivals = (self._parts[key] for key in self._rivals(part))
        later = [it for it in rivals if rank_of(it) > rank and not is_vanished(it) and it.source]
        return tuple(sorted(Path(it.source.path) for it in later if it.source))

    def sessions(self, until: datetime) -> Iterator[Sequence[ScrubbedEvent]]:
        """Events before ``until``, session by session in id order, each by ``seq``.

        One session is in memory at a time. What several files tell of one session is merged by
        time, each event once, and numbered anew.
        """
        for session_id in self.session_ids():
            if before := self.session(session_id, until):
                yield before

    def session_ids(self) -> tuple[str, ...]:
        """Every session that some stored file tells of, in order."""
        return tuple(sorted(self._of_session))

    def session(self, session_id: str, until: datetime) -> tuple[ScrubbedEvent, ...]:
        """One session's events before ``until``, as `sessions` gives them; none if unknown."""
        events = self._merged(session_id) if session_id in self._of_session else ()
        return tuple(scrubbed for scrubbed in events if scrubbed.event.ts < until)

    def source_paths(self) -> tuple[Path, ...]:
        """Where the stored logs were imported from; some may have moved since."""
        return tuple(Path(part.source.path) for part in self._parts.values() if part.source)

    def reports(self) -> Sequence[FileReport]:
        """The account of every stored file, by name; namesakes by path, the order they tell in."""
        parts = sorted(self._parts.values(), key=lambda it: (it.report.file_name, key_of(it)))
        return [part.report for part in parts]

    def _merged(self, session_id: str) -> Sequence[ScrubbedEvent]:
        parts = sorted((self._parts[key] for key in self._of_session[session_id]), key=rank_of)
        seen: set[str] = set()
        streams = []
        for part in parts:
            if part.counts.events:
                events = self._events(part, session_id)
                fresh = [it for it in events if it.event.event_id not in seen]
                seen.update(it.event.event_id for it in fresh)
                streams.append(fresh)
        if len(streams) < 2:
            return streams[0] if streams else ()
        merged = heapq.merge(*streams, key=lambda scrubbed: scrubbed.event.ts)
        return [replace(it, event=replace(it.event, seq=seq)) for it, seq in zip(merged, count())]

    def _events(self, part: StoredPart, session_id: str) -> tuple[ScrubbedEvent, ...]:
        path = self._parts_folder / part.file
        return read_events(path, session_id, is_only_session=len(part.session_ids) == 1)

    def _told_before(self, session_id: str, rank: Rank, own: str) -> frozenset[str]:
        earlier = (
            self._parts[key]
            for key in self._of_session.get(session_id, ())
            if key != own and rank_of(self._parts[key]) < rank
        )
        files = (read_entry_keys(self._parts_folder / part.file) for part in earlier)
        return frozenset().union(*files)

    def _rivals(self, part: StoredPart) -> set[str]:
        """Keys of the other parts that tell of the same sessions."""
        keys = set().union(*(self._of_session.get(it, ()) for it in part.session_ids))
        return keys - {key_of(part)}

    def _add(self, part: StoredPart) -> None:
        self._remove(key_of(part))
        self._parts[key_of(part)] = part
        for session_id in part.session_ids:
            self._of_session[session_id].add(key_of(part))

    def _remove(self, key: str) -> None:
        if part := self._parts.pop(key, None):
            self._replaced.add(part.file)
            for session_id in part.session_ids:
                self._of_session[session_id].discard(key)
                if not self._of_session[session_id]:
                    del self._of_session[session_id]

    def _save(self) -> None:
        try:
            self._parts_folder.mkdir(parents=True, exist_ok=True)
            fsync_dir(self._parts_folder)
            write_index(self._index, self._parts.values())
        except OSError as error:
            raise IngestError(
                f"{self._index}: the index of the event store cannot be written "
                f"({error.strerror}); check the disk's free space and this user's rights."
            ) from error
        for name in self._replaced - {part.file for part in self._parts.values()}:
            with suppress(FileNotFoundError):
                (self._parts_folder / name).unlink()
        self._replaced.clear()
