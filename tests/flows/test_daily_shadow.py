"""The flow and the plain command walk the same steps and make the same bundle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.shared import REPOSITORY
from tests.workspaces import DAY_1, Cycled, artifacts, bundles, copy_of
from tracebridge.adapters.bundles import compare, read_manifest, verify

TIMEOUT_S = 400
"""Prefect's own server takes from 5 to 60 s to start, by what else the machine does."""


@pytest.mark.prefect
def test_the_flow_makes_the_bundle_that_the_plain_cycle_makes_and_leaves_no_server(
    cycled: Cycled, tmp_path: Path
) -> None:
    root = copy_of(cycled.world.root, tmp_path / "workspace")
    home = tmp_path / "prefect"
    with no_process_left_of(home):
        ran = subprocess.run(
            [sys.executable, "-m", "tests.flows.run_flows", str(root), str(DAY_1)],
            cwd=tmp_path,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-4000:]
        wait_until_gone(home)
    answer = json.loads(ran.stdout.splitlines()[-1])
    whole, failed = bundles(root)

    assert answer["done"]["bundle"] == str(whole)
    assert answer["done"]["outcome"] == cycled.first.verdict.outcome.value
    assert compare(whole, cycled.first.bundle.path) == ()
    assert artifacts(whole) == artifacts(cycled.first.bundle.path)
    assert verify(whole) == ()

    assert answer["refusal"].startswith(f"{failed}: runtime_hook failed: ")
    assert read_manifest(failed).status == "failed"
    assert verify(failed) == ()


def environment(home: Path) -> dict[str, str]:
    """This one without anybody's Prefect settings; all that Prefect keeps goes into ``home``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {
        **kept,
        "PYTHONPATH": str(REPOSITORY),
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }


@contextmanager
def no_process_left_of(home: Path) -> Iterator[None]:
    """Whatever happens, what was started here under this ``PREFECT_HOME`` ends here."""
    try:
        yield
    finally:
        for process_id in processes_of(home):
            os.kill(process_id, signal.SIGKILL)


def wait_until_gone(home: Path) -> None:
    """The server is told to stop when the flow's process ends; it may take a moment."""
    deadline = time.monotonic() + 60
    while left := processes_of(home):
        assert time.monotonic() < deadline, f"orphans: {left}"
        time.sleep(0.1)


def processes_of(home: Path) -> list[int]:
    """Ids of the living processes whose environment names ``home``: only ours can."""
    marker = f"PREFECT_HOME={home}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
        except OSError:  # it has ended meanwhile, or belongs to somebody else
            continue
        if marker in environ + b"\0":
            found.append(int(folder.name))
    return found
