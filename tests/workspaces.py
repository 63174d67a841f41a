"""A small workspace with a simulated agent's logs, delivery map and reactions, and ways to run it.

Two days of eighty chats. On top of what the simulation leaves, four people act on answers of the
first day so that time matters: one withdraws at once, one changes sides the day after, one
withdraws the day after, and one reacts for the first time the day after.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.fakes import StoppedClock
from tracebridge.canary.documents import digest_of, policy_document
from tracebridge.canary.stages import explore
from tracebridge.cycle import CycleResult, end_of
from tracebridge.demo.days import Simulation
from tracebridge.domain.replay import Policy, PolicyRule
from tracebridge.operations.feedback import import_feedback
from tracebridge.operations.workspaces import make_workspace
from tracebridge.replay.policies import BASELINE
from tracebridge.settings import Settings, load_settings
from tracebridge.walk import Call, directly
from tracebridge.wiring import policies_of, run_cycle, small_inputs

DAY_1 = date(2026, 3, 2)
DAY_2 = date(2026, 3, 3)
CHATS = 80
BUNDLES = Path("artifacts", "phase1-shadow")
COMMAND = Path(sys.executable).with_name("tracebridge")
PARQUET_FILES = ("events", "turns", "labels", "trajectories", "rewards", "replay_rows")
CONFIG = """\
schema = "tracebridge.config.v1"
unit = "chat"
seed = 7
bot = "demo"

[[sources]]
path = "openclaw"
format = "openclaw"
"""
_ARMS = {"baseline": 0.4, "strong": 0.35, "plain": 0.15, "parallel": 0.1}

type Place = tuple[str, int]
"""Chat id and message id."""


@dataclass(frozen=True, slots=True)
class World:
    """A workspace in which no cycle has run, and where people changed their minds."""

    root: Path
    withdrawn: Place
    """Reacted and withdrawn on the first day."""
    changed: Place
    """Reacted on the first day, the other way round on the second."""
    withdrawn_later: Place
    """Reacted on the first day, withdrawn on the second."""
    late: Place
    """An answer of the first day, reacted to on the second only."""


@dataclass(frozen=True, slots=True)
class Cycled:
    """The world's workspace after the cycles of both days."""

    world: World
    root: Path
    first: CycleResult
    second: CycleResult
    before: Mapping[str, str]
    """Name to SHA-256 of every file, before the first cycle."""


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Read only; tests that change something take a `copy_of` it."""
    return simulate(tmp_path_factory.mktemp("world") / "workspace")


@pytest.fixture(scope="session")
def cycled(world: World, tmp_path_factory: pytest.TempPathFactory) -> Cycled:
    """Read only; tests that change something take a `copy_of` its folder."""
    root = copy_of(world.root, tmp_path_factory.mktemp("cycled") / "workspace")
    before = digests(root)
    first, second = (run_day(root, day) for day in (DAY_1, DAY_2))
    return Cycled(world, root, first, second, before)


def simulate(root: Path) -> World:
    """Write the world's two days into ``root``; its reactions are in the ledger, nothing else."""
    make_workspace(root, home=root / "nobody")
    (root / "tracebridge.toml").write_text(CONFIG)
    settings = load_settings(root)
    now = datetime.combine(DAY_1, datetime.min.time(), tzinfo=UTC)
    explore(root, _exploration(settings), BASELINE, reviewer="tests", now=now)
    simulation = Simulation(root, seed=7, chat_count=CHATS)
    first = simulation.play(DAY_1)
    delivered = _last_parts(root)
    second = simulation.play(DAY_2)
    simulation.close()
    reacted = [json.loads(line)["message_reaction"] for line in first.read_text().splitlines()]
    withdraws, changes, leaves = (_told_exactly(reacted, delivered)[i] for i in range(3))
    late = min(delivered - {_place(it) for it in reacted})
    noon = int(end_of(DAY_1).timestamp()) + 12 * 3600
    _append(first, [_update(1, withdraws, [], withdraws["date"] + 60)])
    emoji = changes["new_reaction"][0]["emoji"]
    other = "\N{THUMBS DOWN SIGN}" if emoji in "\N{THUMBS UP SIGN}\u2764" else "\N{THUMBS UP SIGN}"
    newcomer = {**changes, "chat": {"id": int(late[0])}, "message_id": late[1], "new_reaction": []}
    _append(
        second,
        [
            _update(2, changes, [other], noon),
            _update(3, leaves, [], noon + 1),
            _update(4, newcomer, ["\N{THUMBS UP SIGN}"], noon + 2),
        ],
    )
    for day, file in ((DAY_1, first), (DAY_2, second)):
        import_feedback(settings, file, now=end_of(day) - timedelta(seconds=1))
    return World(root, _place(withdraws), _place(changes), _place(leaves), late)


def copy_of(source: Path, target: Path) -> Path:
    """A copy of a workspace without its cache, which names logs by where they lie."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".tracebridge"))
    return target


def run_day(root: Path, day: date, *, call: Call = directly) -> CycleResult:
    """The cycle of a day in this process, a quarter past midnight, as by cron."""
    clock = StoppedClock(end_of(day) + timedelta(minutes=15))
    return run_cycle(load_settings(root), day, clock=clock, call=call)


def bundles(root: Path) -> list[Path]:
    """The sealed bundles of a workspace, oldest first."""
    return sorted(path.parent for path in (root / BUNDLES).glob("2*/manifest.json"))


def rows(bundle: Path, name: str) -> list[dict[str, Any]]:
    """All rows of a bundle's Parquet file."""
    return pq.read_table(bundle / f"{name}.parquet").to_pylist()


def document(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def digests(folder: Path) -> dict[str, str]:
    """Relative name to SHA-256 of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def artifacts(bundle: Path) -> dict[str, str]:
    """Name to SHA-256 of what must be the same whenever the day is the same."""
    found = digests(bundle)
    del found["manifest.json"], found["events.jsonl"]
    return found


def command_line(root: Path, *words: str) -> list[str]:
    return [str(COMMAND), "--workspace", str(root), *words]


def command(
    root: Path,
    *words: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own, without a terminal; ``env`` replaces all of it."""
    return subprocess.run(
        command_line(root, *words),
        cwd=cwd or root,
        env=dict(os.environ if env is None else env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=before,
    )


def is_one_sentence(stderr: str) -> bool:
    """Whether somebody was told what is wrong, in one line and without a traceback."""
    return (
        stderr.startswith("tracebridge: ") and stderr.count("\n") == 1 and "Traceback" not in stderr
    )


def without_root_powers() -> None:
    """In a child before it runs: rights of files hold for root too. Needs Linux."""
    drop_from_bounding_set, overrides = 24, (1, 2)
    libc = ctypes.CDLL(None)
    for capability in overrides:
        libc.prctl(drop_from_bounding_set, capability, 0, 0, 0)


def small_files_only(limit_bytes: int) -> Callable[[], None]:
    """In a child before it runs: the disk is full as soon as a file reaches the limit."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return limit


def _exploration(settings: Settings) -> Policy:
    declared = {arm.name: arm for p in policies_of(small_inputs(settings)) for arm in p.arms}
    draft = Policy(
        policy_id="explore",
        family=None,
        parent=None,
        factor=None,
        description="Draws among arms.",
        arms=tuple(declared[name] for name in sorted(_ARMS) if name != "baseline"),
        rules=(PolicyRule({}, _ARMS),),
        digest="",
    )
    return replace(draft, digest=digest_of(policy_document(draft)))


def _last_parts(root: Path) -> set[Place]:
    """Where the agent's own map knows the last message of an answer."""
    with sqlite3.connect(root / "openclaw" / "state" / "openclaw.sqlite") as database:
        values = database.execute("SELECT value_json FROM plugin_state_entries").fetchall()
    records = [json.loads(value) for (value,) in values]
    return {
        (str(it["sourceMessage"]["chat"]["id"]), it["sourceMessage"]["message_id"])
        for it in records
        if it["promptContextProjection"]["finalPart"]
    }


def _told_exactly(reacted: Sequence[dict[str, Any]], delivered: set[Place]) -> list[dict[str, Any]]:
    return [it for it in reacted if _place(it) in delivered]


def _place(reaction: Mapping[str, Any]) -> Place:
    return (str(reaction["chat"]["id"]), reaction["message_id"])


def _update(
    number: int, before: Mapping[str, Any], emoji: Sequence[str], at: int
) -> dict[str, Any]:
    """The same person on the same message, from what was there to these emoji."""
    change = {
        "date": at,
        "old_reaction": before["new_reaction"],
        "new_reaction": [{"type": "emoji", "emoji": it} for it in emoji],
    }
    return {"update_id": 820_000_000 + number, "message_reaction": {**before, **change}}


def _append(path: Path, updates: Sequence[Mapping[str, Any]]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(update) + "\n" for update in updates)


def lines_of(path: Path) -> Iterator[bytes]:
    """Lines of a log that are not blank."""
    yield from (line for line in path.read_bytes().splitlines() if line.strip())
