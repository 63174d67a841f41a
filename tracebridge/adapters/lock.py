"""One writer per workspace: a lock that the kernel frees when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracebridge.domain.errors import LockHeldError


@contextmanager
def workspace_lock(path: Path) -> Iterator[None]:
    """Hold the lock file at ``path`` (``.tracebridge/lock``), or raise `LockHeldError` at once.

    The file stays where it is: removing it would let two holders lock two files of one name.
    The descriptor is not inherited, so no child process keeps the lock alive.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockHeldError(_held_sentence(path, descriptor)) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(descriptor)


def _held_sentence(path: Path, descriptor: int) -> str:
    written = os.pread(descriptor, 32, 0).strip()
    holder = f"process {int(written)}" if written.isdigit() else "another process"
    return f"{path}: the workspace is in use by {holder}; wait until it ends, then try again."
