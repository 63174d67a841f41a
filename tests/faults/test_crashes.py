"""A killed cycle leaves nothing that counts, the next one finishes the day; two never meet."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shared import REPOSITORY
from tests.workspaces import (
    BUNDLES,
    DAY_2,
    Cycled,
    artifacts,
    bundles,
    command,
    command_line,
    copy_of,
    is_one_sentence,
    run_day,
)
from tracebridge.adapters.bundles import verify
from tracebridge.adapters.lock import workspace_lock

SIGKILLED = -signal.SIGKILL


@pytest.fixture
def root(cycled: Cycled, tmp_path: Path) -> Path:
    return copy_of(cycled.world.root, tmp_path / "workspace")


@pytest.mark.parametrize(
    ("side", "step"),
    [
        ("before", "import"),
        ("behind", "import"),
        ("behind", "replay_set"),
        ("behind", "export"),
        ("behind", "report"),
    ],
)
def test_a_cycle_killed_at_a_step_leaves_nothing_that_counts_and_the_next_one_is_whole(
    cycled: Cycled, root: Path, side: str, step: str
) -> None:
    killed = subprocess.run(
        [sys.executable, "-m", "tests.faults.killed_at", str(root), str(DAY_2), side, step],
        cwd=REPOSITORY,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (killed.returncode, killed.stderr) == (SIGKILLED, b"")
    assert bundles(root) == []
    assert len(left_behind(root)) == 1, "the draft is there, under a name that nobody lists"
    assert (left_behind(root)[0] / "events.parquet").exists() == (step != "import")
    assert_the_next_run_is_whole(root, cycled)


def test_the_real_command_killed_while_it_writes_leaves_nothing_that_counts(
    cycled: Cycled, root: Path
) -> None:
    def has_written_events() -> bool:
        return any((root / BUNDLES).glob(".staging-*/events.parquet"))

    assert killed_when(root, has_written_events) == SIGKILLED
    assert bundles(root) == []
    assert left_behind(root) != []
    assert_the_next_run_is_whole(root, cycled)


def test_whenever_the_command_is_killed_what_counts_is_whole(cycled: Cycled, root: Path) -> None:
    """Three times in a row, at moments that the machine's speed decides."""
    for delay_s in (0.3, 0.7, 1.1):
        deadline = time.monotonic() + delay_s
        killed_when(root, lambda at=deadline: time.monotonic() >= at)
        for bundle in bundles(root):
            assert verify(bundle) == ()
            assert artifacts(bundle) == artifacts(cycled.second.bundle.path)
    assert_the_next_run_is_whole(root, cycled)


def test_a_second_cycle_is_refused_at_once_and_changes_nothing(root: Path) -> None:
    with workspace_lock(root / ".tracebridge" / "lock"):
        for words in (("cycle", "run", "--day", str(DAY_2)), ("import", str(root / "openclaw"))):
            refused = command(root, *words)
            assert refused.returncode == 3
            assert is_one_sentence(refused.stderr)
            assert "in use by process" in refused.stderr
            assert refused.stdout == ""
        assert not (root / "artifacts").exists()
        assert sorted(path.name for path in (root / ".tracebridge").iterdir()) == ["lock"]
    assert run_day(root, DAY_2).bundle.manifest.status == "ok"


def test_a_living_writers_draft_is_not_swept_away_by_the_next(root: Path, cycled: Cycled) -> None:
    """As when two workspaces publish into one folder of bundles."""
    writer = subprocess.Popen(
        command_line(root, "cycle", "run", "--day", str(DAY_2)), stdout=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: left_behind(root) != [], writer)
        other = copy_of(cycled.world.root, root.with_name("other"))
        (other / "artifacts").symlink_to(root / "artifacts")
        run_day(other, DAY_2)
        assert writer.wait(timeout=120) == 0
    finally:
        writer.kill()
        writer.wait()
    assert [verify(bundle) for bundle in bundles(root)] == [(), ()]


def killed_when(root: Path, is_time: Callable[[], bool]) -> int:
    """Start the command and kill it at a moment; its exit code, 0 if it was too quick for that."""
    process = subprocess.Popen(
        command_line(root, "cycle", "run", "--day", str(DAY_2)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(is_time, process)
    finally:
        process.kill()
    return process.wait()


def wait_for(is_time: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Until the moment has come or the process has ended; fails after two minutes."""
    deadline = time.monotonic() + 120
    while not is_time() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def left_behind(root: Path) -> list[Path]:
    return sorted((root / BUNDLES).glob(".staging-*"))


def assert_the_next_run_is_whole(root: Path, cycled: Cycled) -> None:
    made = run_day(root, DAY_2).bundle
    assert left_behind(root) == []
    assert made.path in bundles(root)
    assert verify(made.path) == ()
    assert artifacts(made.path) == artifacts(cycled.second.bundle.path)
