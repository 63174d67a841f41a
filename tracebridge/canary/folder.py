"""The rollout folder on disk: its lock, its atomic writes, and the one way to change what is live.

Order of every change: the history says what is coming, the last good bytes are kept, then one
rename makes the new state live. A crash between two steps leaves the old state or the new one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from tracebridge.canary.history import append_entry
from tracebridge.canary.state import RolloutState, parse_state, state_bytes
from tracebridge.domain.errors import CanaryError, RolloutRefusedError

LIVE = "live.json"
LAST_GOOD = "last_good.json"
HISTORY = "history.jsonl"


@contextmanager
def locked(workspace: Path) -> Iterator[Path]:
    """The rollout folder, held against another stage change; refuses at once when it is taken.

    Raises `CanaryError`. The lock dies with the process.
    """
    rollout = workspace / "rollout"
    try:
        rollout.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(rollout / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CanaryError(f"rollout/ cannot be used ({error}); mend its rights.") from error
    try:
        _take(descriptor)
        yield rollout
    finally:
        os.close(descriptor)


def live_bytes(rollout: Path) -> bytes | None:
    """The bytes that are live, ``None`` where nothing was rolled out; raises `CanaryError`."""
    try:
        return (rollout / LIVE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CanaryError(f"rollout/{LIVE} cannot be read ({error}); mend it.") from error


def live_state(rollout: Path) -> RolloutState | None:
    """The state that is live; raises `CanaryError` where the file is defective."""
    data = live_bytes(rollout)
    return None if data is None else parse_state(data)


def digest_of_bytes(data: bytes | None) -> str:
    """SHA-256 (hex), empty for no file at all."""
    return "" if data is None else sha256(data).hexdigest()


def switch_to(
    rollout: Path,
    state: RolloutState,
    *,
    action: str,
    now: datetime,
    detail: Mapping[str, str],
    keep_prior: bool,
) -> None:
    """Make ``state`` live; with ``keep_prior`` the bytes before it become the last good ones.

    The caller holds the lock. Raises `CanaryError`.
    """
    prior = live_bytes(rollout)
    data = state_bytes(state)
    _announce(rollout, data, state, action=action, now=now, detail=detail)
    if keep_prior and prior is not None:
        write_atomically(rollout / LAST_GOOD, prior)
    write_atomically(rollout / LIVE, data)


def restore_last_good(rollout: Path, *, now: datetime, detail: Mapping[str, str]) -> RolloutState:
    """Make the last good bytes live, exactly as they are; the present ones may be anything.

    The caller holds the lock. Raises `CanaryError` when there is nothing to go back to.
    """
    try:
        data = (rollout / LAST_GOOD).read_bytes()
    except FileNotFoundError as error:
        raise RolloutRefusedError(
            f"rollout/{LAST_GOOD} is absent, so nothing was changed that could be undone; remove "
            f"rollout/{LIVE}, if it is there, to serve the baseline."
        ) from error
    except OSError as error:
        raise CanaryError(
            f"rollout/{LAST_GOOD} cannot be read ({error}); remove rollout/{LIVE} to serve the "
            "baseline."
        ) from error
    state = parse_state(data, where=f"rollout/{LAST_GOOD}")
    if live_bytes(rollout) == data:
        raise RolloutRefusedError(
            f"rollout/{LIVE} is the last good state already; there is nothing to undo."
        )
    _announce(rollout, data, state, action="rollback", now=now, detail=detail)
    write_atomically(rollout / LIVE, data)
    return state


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside, sync, rename, sync the folder; raises `CanaryError`."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise CanaryError(
            f"rollout/{path.name} cannot be written ({error}); free the disk and repeat."
        ) from error


def _take(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CanaryError("rollout/.lock is held by another stage change; wait for it.") from error


def _announce(
    rollout: Path,
    data: bytes,
    state: RolloutState,
    *,
    action: str,
    now: datetime,
    detail: Mapping[str, str],
) -> None:
    append_entry(
        rollout / HISTORY,
        ts=now,
        action=action,
        stage=state.stage.value,
        from_sha256=digest_of_bytes(live_bytes(rollout)),
        to_sha256=digest_of_bytes(data),
        detail=detail,
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
