"""What could keep a cycle from running here, each with its mend. Reads only."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tracebridge.adapters.ledger import ReactionLedger
from tracebridge.domain.errors import TraceBridgeError
from tracebridge.domain.verdict import CheckResult
from tracebridge.operations.workspaces import find_logs
from tracebridge.settings import Settings, load_settings
from tracebridge.wiring import policies_of, profile_of, small_inputs

WANTED_DISK_BYTES = 1_000_000_000
_LIBRARIES = ("duckdb", "pyarrow", "agentlightning", "prefect", "fastapi")
_BROKEN_FASTAPI = (0, 151)


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that was looked at."""

    check: str
    result: CheckResult
    measured: str
    mend: str = ""


def examine(workspace: Path, home: Path) -> list[Examined]:
    """Look at everything a cycle needs; a defect never hides the ones behind it."""
    return [
        _python(),
        *_libraries(),
        _rights(workspace),
        _disk(workspace),
        *_files(workspace),
        _logs(home),
    ]


def _python() -> Examined:
    version = ".".join(str(part) for part in sys.version_info[:3])
    fits = sys.version_info >= (3, 12)
    return Examined("python", _result(fits), version, "" if fits else "use Python 3.12 or newer")


def _libraries() -> Iterator[Examined]:
    for name in _LIBRARIES:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Examined(name, CheckResult.UNKNOWN, "absent", f"install {name}")
            continue
        mend = ""
        if name == "fastapi" and _parts(version) >= _BROKEN_FASTAPI:
            mend = "install fastapi below 0.151: newer ones break Prefect's server"
        yield Examined(name, _result(not mend), version, mend)


def _rights(workspace: Path) -> Examined:
    nearest = workspace
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    allowed = os.access(nearest, os.W_OK)
    mend = "" if allowed else f"let this user write to {nearest}"
    return Examined("workspace is writable", _result(allowed), str(workspace), mend)


def _disk(workspace: Path) -> Examined:
    nearest = next(path for path in (workspace, *workspace.parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    enough = free >= WANTED_DISK_BYTES
    return Examined(
        "disk", _result(enough), f"{free / 1e9:.1f} GB free", "" if enough else "free at least 1 GB"
    )


def _files(workspace: Path) -> Iterator[Examined]:
    try:
        settings = load_settings(workspace)
    except TraceBridgeError as error:
        yield Examined("tracebridge.toml", CheckResult.FAIL, "malformed", str(error))
        return
    yield Examined("tracebridge.toml", CheckResult.PASS, f"{len(settings.sources)} sources")
    for source in settings.sources:
        there = source.path.exists()
        mend = "" if there else "mend the path in tracebridge.toml"
        yield Examined("source", _result(there), str(source.path), mend)
    yield _parsed(settings)
    yield _ledger(settings)


def _parsed(settings: Settings) -> Examined:
    try:
        copies = small_inputs(settings)
        profile = profile_of(settings, copies)
        policies = policies_of(copies)
    except TraceBridgeError as error:
        return Examined("policies and rewards", CheckResult.FAIL, "malformed", str(error))
    measured = f"{len(policies)} policies, profile {profile.name}"
    return Examined("policies and rewards", CheckResult.PASS, measured)


def _ledger(settings: Settings) -> Examined:
    try:
        seq, _ = ReactionLedger(settings.ledger_path).head()
    except TraceBridgeError as error:
        return Examined("reaction ledger", CheckResult.FAIL, "broken", str(error))
    return Examined("reaction ledger", CheckResult.PASS, f"{seq} lines, chain intact")


def _logs(home: Path) -> Examined:
    found = find_logs(home)
    measured = ", ".join(f"{logs.files} {logs.format}" for logs in found) or "none"
    result = CheckResult.PASS if found else CheckResult.UNKNOWN
    return Examined("agent logs here", result, measured, "" if found else "name a path to `import`")


def _result(good: bool) -> CheckResult:  # noqa: FBT001 - the one thing it maps
    return CheckResult.PASS if good else CheckResult.FAIL


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
