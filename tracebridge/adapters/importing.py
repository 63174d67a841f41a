"""Brings session logs into the event store: find, recognize, read, scrub, store.

Logs that are stored as they are now are not read again. Copies of one session are read one
after the other, in canonical order; everything else may run in several processes.
"""

from __future__ import annotations

import heapq
import multiprocessing
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path

from tracebridge.adapters.event_parts import StoredPart, stat_source
from tracebridge.adapters.event_store import ParquetEventStore
from tracebridge.adapters.import_report import ImportReport, Unread, check_account, make_report
from tracebridge.adapters.sessions.discover import (
    canonical_key,
    is_state_database,
    session_files,
    state_databases,
    transcript_databases,
)
from tracebridge.adapters.sessions.openclaw_state import read_deliveries
from tracebridge.adapters.sessions.registry import reader_named, recognize, session_hint
from tracebridge.assembly.turns import count_turns
from tracebridge.domain.errors import IngestError
from tracebridge.domain.feedback import DeliveredChunk
from tracebridge.scrubbing.scrub import SCRUB_VERSION, scrub_event, self_test

AUTO = "auto"
_COMMIT_FILES = 256
_CHUNKS_PER_PROCESS = 4

type Progress = Callable[[int, int, str], None]
"""Called with files done, files in all, and the name of the file just done."""
_SQLITE_ERA = (
    "holds transcripts in SQLite, as OpenClaw writes them since 2026.8.1; this version reads only "
    "the JSONL logs and the delivery map of such an installation."
)

type _Outcome = tuple[Path, StoredPart | Unread]
type TakeDeliveries = Callable[[Sequence[DeliveredChunk]], None]


def import_paths(
    paths: Iterable[Path],
    store: ParquetEventStore,
    *,
    format: str = AUTO,  # noqa: A002 - the name of the command's option
    progress: Progress | None = None,
    on_delivery_map: TakeDeliveries | None = None,
    processes: int = 1,
) -> ImportReport:
    """Import every log at ``paths``, files or folders, and account for every line.

    A file that is named must be readable; files found below a folder that are not logs are
    listed in the report. Parts are committed as the import goes: what was done when it stops
    is kept.

    Args:
        paths: logs, folders of logs, OpenClaw state folders, or ``openclaw.sqlite`` files.
        store: where scrubbed events go. The caller holds the workspace lock.
        format: a reader's name, or ``auto`` to recognize each file by its content.
        progress: told of every file.
        on_delivery_map: given the exact delivery records of each state database found.
        processes: how many read at once; starting more than one costs about a second of CPU each.

    Raises:
        IngestError: a path is not there, or a named file cannot be read as a log.
        ScrubError: the scrubber cannot vouch for itself; nothing is stored.
    """
    self_test()
    if format != AUTO:
        reader_named(format)
    plan = _plan(paths, format)
    stale = [it for it in plan.files if not store.is_unchanged(it, scrub_version=SCRUB_VERSION)]
    if stale:
        store.sweep()
    tell = progress or _tell_nobody
    unchanged = len(plan.files) - len(stale)
    unread = [Unread(it.name, f"{it}: {_SQLITE_ERA}") for it in plan.transcripts]
    failed: set[Path] = set()
    with closing(_import_all(stale, store, format, processes)) as outcomes:
        for done, (path, outcome) in enumerate(outcomes, unchanged + 1):
            if isinstance(outcome, Unread):
                if path in plan.named:
                    raise IngestError(outcome.why)
                unread.append(outcome)
                failed.add(path)
            tell(min(done, len(plan.files)), len(plan.files), path.name)
    chunks = _read_deliveries(plan, unread)
    if on_delivery_map is not None:
        on_delivery_map(chunks)
    parts = (store.stored(path) for path in plan.files if path not in failed)
    return make_report(
        (part for part in parts if part is not None),
        unread=sorted(unread, key=attrgetter("file_name", "why")),
        unchanged=unchanged,
        deliveries=len(chunks),
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    files: tuple[Path, ...]
    """In canonical order, each once."""
    databases: tuple[Path, ...]
    transcripts: tuple[Path, ...]
    """Databases that hold transcripts in a form that is not read yet."""
    named: frozenset[Path]
    """Files and databases that were named themselves, not found below a folder."""


def _plan(paths: Iterable[Path], format_name: str) -> _Plan:
    files: set[Path] = set()
    databases: set[Path] = set()
    transcripts: set[Path] = set()
    named: set[Path] = set()
    for path in map(Path.resolve, paths):
        if path.is_file():
            named.add(path)
        if path in named and is_state_database(path):
            databases.add(path)
            continue
        if path in named and format_name == AUTO:
            recognize(path)
        files.update(session_files(path))
        databases.update(state_databases(path))
        transcripts.update(transcript_databases(path))
    return _Plan(
        files=tuple(sorted(files, key=canonical_key)),
        databases=tuple(sorted(databases)),
        transcripts=tuple(sorted(transcripts)),
        named=frozenset(named),
    )


def _import_all(
    files: Sequence[Path], store: ParquetEventStore, format_name: str, processes: int
) -> Generator[_Outcome]:
    """Import files and then those copies whose account depends on them; commit on the way."""
    done: set[Path] = set()
    staged = 0
    try:
        while files:
            outranked: set[Path] = set()
            for path, outcome in _outcomes(files, store, format_name, processes):
                done.add(path)
                if isinstance(outcome, StoredPart):
                    store.adopt(outcome)
                    outranked.update(store.outranked(outcome))
                    staged += 1
                    if staged % _COMMIT_FILES == 0:
                        store.commit()
                yield path, outcome
            files = sorted(outranked - done, key=canonical_key)
    finally:
        if staged:
            store.commit()


def _outcomes(
    files: Sequence[Path], store: ParquetEventStore, format_name: str, processes: int
) -> Iterator[_Outcome]:
    if processes == 1 or len(files) == 1:
        for path in files:
            yield path, _import_file(path, store, format_name)
        return
    chunks = _chunks(files, processes * _CHUNKS_PER_PROCESS)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        for outcomes in pool.map(partial(_import_chunk, store.root, format_name), chunks):
            yield from outcomes


def _chunks(files: Sequence[Path], wanted: int) -> list[list[Path]]:
    """Files in at most ``wanted`` lists of similar size; files of one session stay together."""
    groups: dict[str, list[Path]] = {}
    for path in files:
        groups.setdefault(session_hint(path), []).append(path)
    weights = {hint: sum(map(_size, group)) for hint, group in groups.items()}
    bins: list[tuple[int, int, list[Path]]] = [(0, number, []) for number in range(wanted)]
    for hint in sorted(groups, key=lambda it: (-weights[it], it)):
        weight, number, members = heapq.heappop(bins)
        heapq.heappush(bins, (weight + weights[hint], number, members + groups[hint]))
    return [members for _, _, members in sorted(bins, reverse=True) if members]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _import_chunk(root: Path, format_name: str, files: Sequence[Path]) -> list[_Outcome]:
    """What one process does: stage parts, and tell them to the one process that commits."""
    store = ParquetEventStore(root)
    outcomes: list[_Outcome] = []
    for path in files:
        outcome = _import_file(path, store, format_name)
        if isinstance(outcome, StoredPart):
            store.adopt(outcome)
        outcomes.append((path, outcome))
    return outcomes


def _import_file(path: Path, store: ParquetEventStore, format_name: str) -> StoredPart | Unread:
    if not _is_text(str(path)):
        shown = str(path).encode(errors="backslashreplace").decode()
        return Unread(Path(shown).name, f"{shown}: the path is not valid UTF-8; rename it.")
    try:
        reader = recognize(path) if format_name == AUTO else reader_named(format_name)
        source = stat_source(path)
        log = reader.read(path, known_entries=store.known_entries(path))
    except IngestError as error:
        return Unread(path.name, str(error))
    except OSError as error:
        return Unread(path.name, f"{path}: cannot be read ({error.strerror}); check its rights.")
    check_account(log.report)
    events = tuple(map(scrub_event, log.events))
    return store.stage(
        events,
        log.report,
        source=source,
        entry_keys=log.entry_keys,
        scrub_version=SCRUB_VERSION,
        turns=count_turns(events),
    )


def _is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8; on Linux a file may be called anything."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_deliveries(plan: _Plan, unread: list[Unread]) -> tuple[DeliveredChunk, ...]:
    chunks: list[DeliveredChunk] = []
    for database in plan.databases:
        try:
            chunks.extend(read_deliveries(database))
        except IngestError as error:
            if database in plan.named:
                raise
            unread.append(Unread(database.name, str(error)))
    return tuple(chunks)


def _tell_nobody(done: int, total: int, name: str) -> None:
    """No progress is wanted."""
