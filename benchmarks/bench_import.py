"""Import against its practical floor, as ratios of CPU time in one run.

Floor: read + SHA-256 + ``orjson.loads`` of every line + Parquet zstd-3 of the very rows that the
import stores, already in Arrow. Run: ``python -m benchmarks.bench_import [--mb N]``; the best of
``--rounds`` is taken for each figure. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.make_logs import SESSION_BYTES, LogWriter
from tracebridge.adapters.event_store import ParquetEventStore
from tracebridge.adapters.importing import import_paths
from tracebridge.adapters.sessions.discover import session_files
from tracebridge.adapters.sessions.openclaw import read_openclaw
from tracebridge.domain.events import ScrubbedEvent


def measure(work: Callable[[], object], rounds: int) -> float:
    """Best CPU seconds of this process."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def parse(files: tuple[Path, ...]) -> None:
    for path in files:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for line in file:
                digest.update(line)
                try:
                    orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
        digest.hexdigest()


def write(tables: list[pa.Table], folder: Path) -> None:
    for number, table in enumerate(tables):
        target = folder / f"{number}.parquet"
        pq.write_table(table, target, compression="zstd", compression_level=3, use_dictionary=False)


def read_only(files: tuple[Path, ...]) -> None:
    for path in files:
        read_openclaw(path)


def import_unscrubbed(files: tuple[Path, ...], folder: Path) -> None:
    store = ParquetEventStore(fresh(folder))
    parts = []
    for path in files:
        log = read_openclaw(path, known_entries=store.known_entries(path))
        events = (ScrubbedEvent(event, "none") for event in log.events)
        parts.append(store.stage(events, log.report, entry_keys=log.entry_keys))
    store.commit(parts)


def read_back(folder: Path) -> Iterator[int]:
    from datetime import UTC, datetime

    for session in ParquetEventStore(folder).sessions(datetime(2100, 1, 1, tzinfo=UTC)):
        yield len(session)


def fresh(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=float, default=100.0)
    parser.add_argument("--session-mb", type=float, default=SESSION_BYTES / 1e6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        logs = folder / "logs"
        LogWriter(chosen.seed).write(logs, int(chosen.mb * 1e6), int(chosen.session_mb * 1e6))
        files = session_files(logs)
        peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        kept = fresh(folder)
        report = import_paths([logs], ParquetEventStore(kept))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        parts = sorted((kept / "parts").glob("*.parquet"))
        stored = sum(part.stat().st_size for part in parts)
        rounds = chosen.rounds
        figures = {
            "scrubbed": measure(
                lambda: import_paths([logs], ParquetEventStore(fresh(folder))), rounds
            ),
            "second": measure(lambda: import_paths([logs], ParquetEventStore(kept)), rounds),
            "unscrubbed": measure(lambda: import_unscrubbed(files, folder), rounds),
            "reading": measure(lambda: read_only(files), rounds),
            "back": measure(lambda: sum(read_back(kept)), 1),
            "parse": measure(lambda: parse(files), rounds),
        }
        tables = [pq.read_table(part) for part in parts]
        figures["write"] = measure(lambda: write(tables, folder), rounds)
    floor = figures["parse"] + figures["write"]
    megabytes = sum(it.size_bytes for it in report.per_file) / 1e6
    print(
        f"{megabytes:.0f} MB, {len(files)} files, {report.lines} lines, {report.events} events, "
        f"{sum(report.quarantined.values())} quarantined, stored {stored / 1e6:.1f} MB, "
        f"peak memory {peak / 1024:.0f} MiB ({peak_before / 1024:.0f} before the import)"
    )
    rows = (
        ("floor: read, sha256, orjson, parquet zstd-3", floor, None),
        ("  of it: read, sha256, orjson", figures["parse"], None),
        ("read to events", figures["reading"], figures["reading"] / floor),
        ("import without scrubbing / floor", figures["unscrubbed"], figures["unscrubbed"] / floor),
        ("import with scrubbing / floor", figures["scrubbed"], figures["scrubbed"] / floor),
        (
            "import with / without scrubbing",
            figures["scrubbed"],
            figures["scrubbed"] / figures["unscrubbed"],
        ),
        (
            "second import, unchanged / first",
            figures["second"],
            figures["second"] / figures["scrubbed"],
        ),
        ("read all sessions back", figures["back"], figures["back"] / floor),
    )
    print(f"{'what':<46}{'CPU s':>8}{'MB/s':>8}{'ratio':>8}")
    for what, seconds, ratio in rows:
        shown = "" if ratio is None else f"{ratio:.3f}"
        print(f"{what:<46}{seconds:>8.3f}{megabytes / seconds:>8.0f}{shown:>8}")


if __name__ == "__main__":
    main()
