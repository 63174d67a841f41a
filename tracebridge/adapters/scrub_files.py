"""Scrubs a file into another and audits files for what a scrub would still find.

Rows of ``messages``, JSON documents and plain text all go through the same scrubber; numbers,
layout and key order of a row stay as they are, and the source is only read.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tracebridge.adapters.files import fsync_dir, fsync_file, refuse
from tracebridge.domain.errors import ConfigurationError, ScrubError
from tracebridge.scrubbing.scrub import scrub_text, self_test

_LINE_SUFFIXES = frozenset({".jsonl", ".ndjson"})
_PROBE_BYTES = 8192


class _Cut(StrEnum):
    """How a file is cut before its strings are scrubbed."""

    LINES = "lines"
    """One JSON value per line."""
    WHOLE = "whole"
    """One document, JSON or plain text, so that a key block may span lines."""


@dataclass(frozen=True, slots=True)
class AuditFind:
    """Where something is left that a scrub would replace. Never what it is."""

    file: str
    """Relative to the audited folder, POSIX; the plain name for a single file."""
    line: int
    """1-based. What only shows when a document is read as a whole is given at its first line."""
    type: str
    """Placeholder type, e.g. ``EMAIL``."""
    count: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Every find below a path, and what was not looked into."""

    files: int
    skipped: tuple[str, ...]
    """Binary files and links: their content was not judged."""
    finds: tuple[AuditFind, ...]
    """By file name, line and type."""

    def __iter__(self) -> Iterator[AuditFind]:
        return iter(self.finds)

    def __len__(self) -> int:
        return len(self.finds)


def scrub_file(source: Path, out: Path) -> dict[str, int]:
    """Write a scrubbed copy of ``source`` to ``out``, whole or not at all.

    ``.jsonl`` and ``.ndjson`` are scrubbed row by row, everything else as one document.
    Returns the number of replacements by type, zeros absent, types ascending.

    Raises:
        ConfigurationError: ``out`` is the source itself.
        ScrubError: the self-test fails, or a file cannot be read or written.
    """
    self_test()
    if out.exists() and out.samefile(source):
        raise ConfigurationError(
            f"{source.name}: the output is the source itself; name another file with -o"
        )
    finds: Counter[str] = Counter()
    beside = out.with_name(f".{out.name}.{secrets.token_hex(8)}.tmp")
    try:
        with source.open("rb") as reading, beside.open("xb") as writing:
            for piece in _pieces(reading, _cut_of(source)):
                scrubbed, found = _scrub_bytes(piece)
                writing.write(scrubbed)
                finds.update(found)
        fsync_file(beside)
        beside.rename(out)
        fsync_dir(out.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise ScrubError(
            f"{source.name}: cannot be scrubbed into {out.name} ({error.strerror}); "
            "check that both folders exist and can be used"
        ) from error
    return dict(sorted(finds.items()))


def audit_path(path: Path) -> AuditReport:
    """Look through a file, or every file below a folder, for what is not scrubbed.

    Raises:
        ScrubError: the self-test fails, the path does not exist, or a file cannot be read.
    """
    self_test()
    finds: list[AuditFind] = []
    skipped: list[str] = []
    files = 0
    try:
        for name, file in _files(path):
            if file.is_symlink() or _is_binary(file):
                skipped.append(name)
                continue
            files += 1
            finds += _audit_file(name, file)
    except OSError as error:
        raise ScrubError(
            f"{path.name}: cannot be audited ({error.strerror}); check the path and its rights"
        ) from error
    return AuditReport(files, tuple(skipped), tuple(finds))


def _audit_file(name: str, path: Path) -> Iterator[AuditFind]:
    located: Counter[str] = Counter()
    by_line: dict[int, Counter[str]] = {}
    with path.open("rb") as reading:
        for number, line in enumerate(reading, start=1):
            _, found = _scrub_bytes(line)
            if found:
                by_line[number] = Counter(found)
                located.update(found)
    if _cut_of(path) is _Cut.WHOLE:
        _, total = _scrub_bytes(path.read_bytes())
        unlocated = Counter(total) - located
        if unlocated:
            by_line[1] = by_line.get(1, Counter()) + unlocated
    for number in sorted(by_line):
        for kind, count in sorted(by_line[number].items()):
            yield AuditFind(name, number, kind, count)


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if not path.is_dir():
        path.stat()
        yield path.name, path
        return
    for folder, folders, names in os.walk(path, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            yield file.relative_to(path).as_posix(), file


def _is_binary(path: Path) -> bool:
    with path.open("rb") as reading:
        return b"\0" in reading.read(_PROBE_BYTES)


def _cut_of(path: Path) -> _Cut:
    return _Cut.LINES if path.suffix.lower() in _LINE_SUFFIXES else _Cut.WHOLE


def _pieces(reading: Iterable[bytes], cut: _Cut) -> Iterator[bytes]:
    if cut is _Cut.LINES:
        yield from reading
    else:
        yield b"".join(reading)


def _scrub_bytes(piece: bytes) -> tuple[bytes, dict[str, int]]:
    """Scrub one piece; its line ending and bytes that are not UTF-8 come back as they were."""
    body = piece.rstrip(b"\r\n")
    text, finds = scrub_text(body.decode("utf-8", "surrogateescape"))
    return text.encode("utf-8", "surrogateescape") + piece[len(body) :], finds
