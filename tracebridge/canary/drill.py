"""Rehearsing the failures on a copy: every fault must end at the baseline, rollback exactly back.

Nothing of the workspace is touched; only what is live there is copied into a scratch folder.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tracebridge.canary.folder import LAST_GOOD, LIVE, live_bytes, write_atomically
from tracebridge.canary.router import Router
from tracebridge.canary.stages import rollback, set_kill_switch
from tracebridge.domain.errors import CanaryError, RolloutRefusedError
from tracebridge.domain.replay import BASELINE_ARM
from tracebridge.domain.verdict import CheckResult, Reason

_UNIT = "drill:unit"


def drill(workspace: Path, scratch: Path, *, now: datetime) -> tuple[Reason, ...]:
    """Break a copy of the rollout in every known way and watch what the router serves.

    ``scratch`` is an empty folder that the caller removes. Raises `CanaryError` where nothing is
    rolled out, or where the scratch folder cannot be used.
    """
    live = live_bytes(workspace / "rollout")
    if live is None:
        raise RolloutRefusedError(
            "rollout/live.json is absent, so there is nothing to rehearse; `tracebridge promote` "
            "starts a canary."
        )
    faults: tuple[tuple[str, str, Callable[[Path], object]], ...] = (
        ("absent", "fallback:missing", lambda path: path.unlink()),
        ("altered_byte", "fallback:corrupt", lambda path: _alter(path, live)),
        ("cut_short", "fallback:corrupt", lambda path: path.write_bytes(live[: len(live) // 2])),
        ("not_a_file", "fallback:unreadable", _replace_by_folder),
        ("too_large", "fallback:too_large", lambda path: path.write_bytes(b" " * 1_000_000)),
    )
    reasons = []
    for name, expected, damage in faults:
        copy = _copy(live, scratch / name)
        damage(copy / "rollout" / LIVE)
        reasons.append(_served(name, copy, expected))
    copy = _copy(live, scratch / "kill_switch")
    set_kill_switch(copy, on=True, reason="drill", now=now)
    reasons.append(_served("kill_switch", copy, "kill_switch"))
    reasons.append(_rolled_back(workspace, _copy(live, scratch / "rollback"), now))
    return tuple(reasons)


def _copy(live: bytes, folder: Path) -> Path:
    try:
        (folder / "rollout").mkdir(parents=True)
    except OSError as error:
        raise CanaryError(f"The scratch folder cannot be used ({error}); empty it.") from error
    write_atomically(folder / "rollout" / LIVE, live)
    return folder


def _alter(path: Path, live: bytes) -> None:
    middle = len(live) // 2
    path.write_bytes(live[:middle] + bytes([live[middle] ^ 1]) + live[middle + 1 :])


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _served(name: str, workspace: Path, expected: str) -> Reason:
    decision = Router(workspace).decide(_UNIT, {})
    good = decision.arm == BASELINE_ARM and decision.reason == expected
    return Reason(
        check=f"drill.{name}",
        result=CheckResult.PASS if good else CheckResult.FAIL,
        measured=f"arm {decision.arm}, reason {decision.reason}",
        required=f"arm {BASELINE_ARM}, reason {expected}",
    )


def _rolled_back(workspace: Path, copy: Path, now: datetime) -> Reason:
    required = "the bytes of last_good.json live again"
    try:
        good = (workspace / "rollout" / LAST_GOOD).read_bytes()
    except OSError:
        return Reason("drill.rollback", CheckResult.UNKNOWN, "no last good state yet", required)
    if good == live_bytes(copy / "rollout"):
        return Reason("drill.rollback", CheckResult.PASS, "live is the last good state", required)
    write_atomically(copy / "rollout" / LAST_GOOD, good)
    rollback(copy, reason="drill", now=now)
    same = live_bytes(copy / "rollout") == good
    return Reason(
        check="drill.rollback",
        result=CheckResult.PASS if same else CheckResult.FAIL,
        measured="restored exactly" if same else "other bytes",
        required=required,
    )
