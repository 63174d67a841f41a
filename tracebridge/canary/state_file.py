"""Reading ``rollout/live.json`` for the router: bounded in size and time, again when it changes."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tracebridge.canary.state import RolloutState, parse_state
from tracebridge.domain.errors import CanaryError

type Signature = tuple[int, int, int, int]
"""Inode, size, modification and change time: differs whenever the content may differ."""


class Fault(StrEnum):
    """Why the router could not decide; it is what follows ``fallback:`` in a decision."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    SLOW = "slow"
    CORRUPT = "corrupt"
    UNIT = "unit"
    CONTEXT = "context"
    LOG = "log"
    INTERNAL = "internal"


class StateFileError(CanaryError):
    """The live state cannot be used now, and why."""

    def __init__(self, why: Fault, message: str) -> None:
        """``message`` is the sentence for people; ``why`` is what a decision records."""
        super().__init__(message)
        self.why = why


@dataclass(slots=True)
class _Loading:
    """One read in flight, and later its outcome."""

    signature: Signature
    deadline: float
    done: threading.Event = field(default_factory=threading.Event)
    state: RolloutState | None = None
    fault: StateFileError | None = None

    def stands(self) -> bool:
        """In flight, or settled by the content itself: only a new content can change it."""
        if self.fault is not None:
            return self.fault.why in {Fault.CORRUPT, Fault.TOO_LARGE}
        return self.state is not None or not self.done.is_set()


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """All bytes of a regular file, at most ``max_bytes``; raises `OSError` or `StateFileError`."""
    # O_NONBLOCK: a pipe put in the file's place must not hang the caller.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise StateFileError(
                Fault.UNREADABLE, f"{path.name} is not a regular file; restore it."
            )
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise StateFileError(Fault.TOO_LARGE, f"{path.name} exceeds {max_bytes} bytes; roll back.")
    return data


class StateFile:
    """The live state, cached by the file's signature and loaded on a thread with a deadline."""

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int = 262_144,
        deadline_s: float = 1.0,
        read: Callable[[Path, int], bytes] = read_bounded,
    ) -> None:
        """``deadline_s`` bounds how long any caller waits for a changed file."""
        self._path = path
        self._max_bytes = max_bytes
        self._deadline_s = deadline_s
        self._read = read
        self._lock = threading.Lock()
        self._loading: _Loading | None = None

    def current(self) -> RolloutState:
        """The state as the file has it now; raises `StateFileError` where it cannot be had."""
        loading = self._load(self._signature())
        if not loading.done.wait(max(0.0, loading.deadline - time.monotonic())):
            raise StateFileError(
                Fault.SLOW, f"{self._path.name} took over {self._deadline_s} s to read."
            )
        if loading.fault is not None:
            raise loading.fault
        if loading.state is None:
            raise StateFileError(Fault.INTERNAL, f"{self._path.name} could not be loaded.")
        return loading.state

    def _signature(self) -> Signature:
        try:
            found = self._path.stat()
        except FileNotFoundError as error:
            raise StateFileError(Fault.MISSING, f"{self._path.name} is absent.") from error
        except (OSError, ValueError) as error:
            raise StateFileError(Fault.UNREADABLE, f"{self._path.name}: {error}.") from error
        if not stat.S_ISREG(found.st_mode):
            raise StateFileError(Fault.UNREADABLE, f"{self._path.name} is not a regular file.")
        if found.st_size > self._max_bytes:
            raise StateFileError(
                Fault.TOO_LARGE, f"{self._path.name} exceeds {self._max_bytes} bytes."
            )
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _load(self, signature: Signature) -> _Loading:
        """The load for this signature: the finished one, the one in flight, or a new one."""
        with self._lock:
            loading = self._loading
            if loading is not None and loading.signature == signature and loading.stands():
                return loading
            if loading is not None and not loading.done.is_set():
                # One hung read must not grow into many: no second thread beside it.
                return loading
            loading = _Loading(signature, time.monotonic() + self._deadline_s)
            try:
                threading.Thread(target=self._fill, args=(loading,), daemon=True).start()
            except RuntimeError as error:
                raise StateFileError(Fault.INTERNAL, f"no thread can be started: {error}.") from (
                    error
                )
            self._loading = loading
        return loading

    def _fill(self, loading: _Loading) -> None:
        try:
            loading.state = parse_state(self._read(self._path, self._max_bytes))
        except StateFileError as fault:
            loading.fault = fault
        except CanaryError as error:
            loading.fault = StateFileError(Fault.CORRUPT, str(error))
        except OSError as error:
            loading.fault = StateFileError(Fault.UNREADABLE, f"{self._path.name}: {error}.")
        except Exception as error:  # noqa: BLE001 - a thread has nobody above it to tell
            name = type(error).__name__
            loading.fault = StateFileError(Fault.INTERNAL, f"{self._path.name}: {name}.")
        finally:
            loading.done.set()
