"""Append-only JSON Lines: the one primitive under the ledger, the delivery log and readers.

Exactly one writer at a time (``flock``), every acknowledged line is on disk (short writes are
looped, file and folder are fsynced), and only a tail that was never acknowledged is ever
removed, its bytes kept beside the file.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import BinaryIO

from tracebridge.adapters.files import fsync_dir, write_new
from tracebridge.domain.errors import LedgerError, LockHeldError

DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024
"""No line of ours comes near; a longer one is read in part and left to the caller to refuse."""
_COPY_BYTES = 1024 * 1024
_LOCK_RETRY_S = 0.02


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line of a file, its newline removed."""

    number: int
    """1-based."""
    offset: int
    """Byte offset of its first byte."""
    length: int
    """Bytes in the file, newline excluded; more than ``len(data)`` where it was cut."""
    data: bytes
    terminated: bool
    """False for the last line of a file that does not end in a newline."""

    @property
    def end(self) -> int:
        """Byte offset just after the line and its newline."""
        return self.offset + self.length + self.terminated


def scan_lines(
    path: Path,
    *,
    after: RawLine | None = None,
    upto_bytes: int | None = None,
    max_line_bytes: int = DEFAULT_MAX_LINE_BYTES,
) -> Iterator[RawLine]:
    """Yield every line of the first ``upto_bytes`` bytes, blank and unterminated ones too.

    With ``after``, only the lines that follow it. A line longer than ``max_line_bytes`` is read
    in pieces; ``data`` keeps its first ``max_line_bytes`` bytes while ``length`` tells the
    truth. Raises `OSError`.
    """
    offset = 0 if after is None else after.end
    number = 0 if after is None else after.number
    left = (path.stat().st_size if upto_bytes is None else upto_bytes) - offset
    with path.open("rb") as file:
        file.seek(offset)
        while left > 0:
            line = _read_line(file, number + 1, offset, left, max_line_bytes)
            if line is None:
                return
            yield line
            left -= line.end - offset
            number, offset = line.number, line.end


def read_lines(path: Path, upto_bytes: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield ``(line number, bytes)`` of every terminated line; numbers start at 1.

    An unterminated tail was never acknowledged, so it is not a line yet. Raises `OSError`.
    """
    for line in scan_lines(path, upto_bytes=upto_bytes):
        if line.terminated:
            yield line.number, line.data


def prefix_sha256(path: Path, size_bytes: int) -> str:
    """SHA-256 (hex) of the first ``size_bytes`` bytes; `LedgerError` if the file is shorter."""
    digest = sha256()
    left = size_bytes
    with path.open("rb") as file:
        while left > 0:
            piece = file.read(min(left, _COPY_BYTES))
            if not piece:
                raise LedgerError(
                    f"{path.name} is {left} bytes shorter than the prefix of {size_bytes} bytes "
                    "that was recorded; restore it from a backup."
                )
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


@contextmanager
def appending(path: Path, *, lock_wait_s: float = 10.0) -> Iterator[Appender]:
    """Open ``path`` as its only writer, making file and folder durable where they are new.

    An unterminated tail is trimmed first and kept as ``<name>.torn-<n>``. Raises
    `LockHeldError` if another writer keeps the file for longer than ``lock_wait_s`` seconds,
    `LedgerError` if something could not be made durable.
    """
    descriptor = _open(path)
    try:
        _lock(descriptor, path, lock_wait_s)
        appender = Appender(path, descriptor)
        appender.make_ready()
        yield appender
    finally:
        # Closing gives the lock back: no child inherits the descriptor.
        os.close(descriptor)


class Appender:
    """The one writer of a file, while it holds the lock. Made by `appending`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._suspect = False

    @property
    def size_bytes(self) -> int:
        """Length of the file at this moment."""
        return os.fstat(self._descriptor).st_size

    def append(self, lines: Sequence[bytes]) -> None:
        """Write the lines, each closed by a newline; once this returns they are on disk.

        Raises `LedgerError` if a write or the fsync failed. What reached the disk is then
        unknown, so this writer refuses from there on: open the file again, which trims.
        """
        if self._suspect:
            raise LedgerError(
                f"{self._path.name} could not be written durably before; open it again and "
                "check it before adding to it."
            )
        if not lines:
            return
        self._suspect = True
        try:
            self._write(b"".join(line + b"\n" for line in lines))
            os.fsync(self._descriptor)
        except OSError as error:
            raise LedgerError(
                f"{self._path.name} could not be written durably ({error.strerror}); free space "
                "or mend the disk, then run the command again."
            ) from error
        self._suspect = False

    def make_ready(self) -> None:
        """Make the file's name durable and cut an unfinished last line, after keeping it.

        Raises `LedgerError`.
        """
        try:
            fsync_dir(self._path.parent)
            whole, tail = self._split_tail()
            if tail:
                _keep_beside(self._path, tail)
                os.ftruncate(self._descriptor, whole)
                os.fsync(self._descriptor)
        except OSError as error:
            raise LedgerError(
                f"{self._path.name} could not be made ready for writing ({error.strerror}); "
                "free space or mend the disk, then run the command again."
            ) from error

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _split_tail(self) -> tuple[int, bytes]:
        """Length up to and with the last newline, and the bytes after it."""
        end = self.size_bytes
        tail = b""
        while end > 0:
            start = max(0, end - _COPY_BYTES)
            piece = os.pread(self._descriptor, end - start, start)
            newline = piece.rfind(b"\n")
            if newline >= 0:
                return start + newline + 1, piece[newline + 1 :] + tail
            tail = piece + tail
            end = start
        return 0, tail


def _read_line(
    file: BinaryIO, number: int, offset: int, left: int, max_line_bytes: int
) -> RawLine | None:
    data = file.readline(min(left, max_line_bytes + 1))
    if not data:
        return None
    length = len(data)
    piece = data
    while not piece.endswith(b"\n") and length < left:
        piece = file.readline(min(left - length, _COPY_BYTES))
        if not piece:
            break
        length += len(piece)
    terminated = piece.endswith(b"\n")
    return RawLine(
        number=number,
        offset=offset,
        length=length - terminated,
        data=data.removesuffix(b"\n")[:max_line_bytes],
        terminated=terminated,
    )


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        _make_folder(path.parent)
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise LedgerError(
            f"{path.name} could not be opened for writing ({error.strerror}); check the rights "
            "of its folder."
        ) from error


def _make_folder(folder: Path) -> None:
    if folder.exists():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    fsync_dir(folder.parent)


def _lock(descriptor: int, path: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise LockHeldError(
                    f"another process is writing {path.name}; wait for it to end and run the "
                    "command again."
                ) from error
            time.sleep(_LOCK_RETRY_S)
        else:
            return


def _keep_beside(path: Path, tail: bytes) -> None:
    """Write the bytes to the first free ``<name>.torn-<n>``, durably."""
    for number in count(1):
        kept = path.with_name(f"{path.name}.torn-{number}")
        try:
            write_new(kept, tail)
        except FileExistsError:
            # A crash between keeping and cutting leaves the same bytes: once is enough.
            if kept.read_bytes() == tail:
                return
        else:
            fsync_dir(path.parent)
            return
