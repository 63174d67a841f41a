"""Durable files: what these functions return from has reached the disk, or never happened.

They raise plain ``OSError``; callers add the sentence that says what it means for the owner.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

_RENAME_NOREPLACE = 1
_AT_FDCWD = -100
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, lower-case hex, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync_file(path: Path) -> None:
    """Make a file's bytes durable. After an error its content must be held suspect."""
    _fsync_path(path, os.O_RDONLY)


def fsync_dir(path: Path) -> None:
    """Make a folder's entries durable: names made, renamed or removed in it."""
    _fsync_path(path, os.O_RDONLY | os.O_DIRECTORY)


def write_new(path: Path, data: bytes) -> None:
    """Create a file with these bytes and make them durable; its folder is not synced.

    Raises ``FileExistsError`` where the name is taken.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        _write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace a file by these bytes: readers and crashes see the old ones or the new, whole."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        write_new(beside, data)
        beside.rename(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
    fsync_dir(path.parent)


def refuse(error: OSError) -> None:
    """The ``onerror`` of ``os.walk``, which would pass over a folder that it cannot list."""
    raise error


def publish_dir(source: Path, destination: Path) -> None:
    """Rename a folder to a name that nobody has yet; never replaces, not even an empty folder.

    Raises ``FileExistsError`` where the name is taken. Neither parent folder is synced.
    """
    rename = _renameat2()
    if rename is not None:
        code = rename(source, destination)
        if code == 0:
            return
        if code not in _UNSUPPORTED:
            raise OSError(code, os.strerror(code), str(source), None, str(destination))
    # Making the folder claims the name: a second claimant fails here, and a plain rename
    # replaces nothing but a folder that is still empty.
    destination.mkdir()
    source.rename(destination)


def _fsync_path(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


@cache
def _renameat2() -> Callable[[Path, Path], int] | None:
    """Linux ``renameat2`` with RENAME_NOREPLACE, giving 0 or an errno; ``None`` without one."""
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return None

    def rename(source: Path, destination: Path) -> int:
        ctypes.set_errno(0)
        failed = function(
            ctypes.c_int(_AT_FDCWD),
            ctypes.c_char_p(os.fsencode(source)),
            ctypes.c_int(_AT_FDCWD),
            ctypes.c_char_p(os.fsencode(destination)),
            ctypes.c_uint(_RENAME_NOREPLACE),
        )
        return ctypes.get_errno() if failed else 0

    return rename
