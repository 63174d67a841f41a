"""Proof that real turns pass Agent Lightning's store, rollout manager and hooks with content.

The gateway application runs in this process with a key; the package's own manager enqueues,
polls, runs the hooks that its ``load_hooks`` loads from a file, and reads everything back. What
comes back is compared with what was recorded. Nothing listens on a port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module, metadata
from itertools import islice
from pathlib import Path
from typing import Any

from tracebridge.adapters.agent_lightning.gateway import (
    BASE_URL,
    MODEL,
    PACKAGE,
    Package,
    empty_store,
    load_package,
    open_gateway,
    quiet,
    refuses_strangers,
)
from tracebridge.adapters.agent_lightning.hook_marks import ENQUEUED, MARK, signature
from tracebridge.adapters.agent_lightning.playback import PlaybackClient
from tracebridge.adapters.agent_lightning.rollouts import (
    FAILED,
    SUCCEEDED,
    Document,
    data_of,
    events_of,
    input_of,
    rollout_id_of,
    rollout_row,
    state_of,
)
from tracebridge.adapters.agent_lightning.row_checks import reward_of_events
from tracebridge.domain.errors import HookError
from tracebridge.domain.events import JsonValue
from tracebridge.domain.trajectory import Reward, Trajectory, TurnStatus

HOOKS_FILE = Path(__file__).with_name("runtime_hooks.py")
_LIBRARY_FAILURES = (
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What a changed library, or a hook file that does not load, can raise."""


@dataclass(frozen=True, slots=True)
class HookReport:
    """What the smoke saw. The same turns give the same report."""

    status: str
    """``ok``, ``failed`` or ``skipped``; only a seen effect is ``ok``."""
    detail: str
    versions: Mapping[str, str] = field(default_factory=dict)
    rollouts: int = 0
    """Turns played."""
    events_written: int = 0
    """Recorded events that the store accepted."""
    events_read: int = 0
    """Of these, those that came back with the same type and data, in order."""
    rewards_written: int = 0
    rewards_matched: int = 0
    """Of these, those that the manager took for the rollout's final reward."""
    hook_effect: bool = False
    """Every rollout carries the marks of its hooks, with the right content."""

    def to_json(self) -> dict[str, JsonValue]:
        """``tracebridge.runtime_hook.v1``."""
        return {
            "schema": "tracebridge.runtime_hook.v1",
            "status": self.status,
            "detail": self.detail,
            "versions": dict(self.versions),
            "rollouts": self.rollouts,
            "events_written": self.events_written,
            "events_read": self.events_read,
            "rewards_written": self.rewards_written,
            "rewards_matched": self.rewards_matched,
            "hook_effect": self.hook_effect,
        }


def run_hook_smoke(
    trajectories: Sequence[Trajectory],
    rewards: Mapping[str, Reward],
    *,
    key: str,
    limit: int = 8,
    hooks_file: Path = HOOKS_FILE,
    load: Callable[[str], Any] = import_module,
) -> HookReport:
    """Play up to ``limit`` turns, rewarded and completed ones first.

    Args:
        trajectories: recorded turns.
        rewards: by turn id.
        key: what the gateway asks for; without it every request must be refused.
        limit: most turns to play, at least 1.
        hooks_file: a file with one subclass of ``RolloutHooks``.
        load: imports a module by name.

    Raises:
        HookError: ``key`` is empty, which would switch the gateway's authorization off.
    """
    if not key:
        raise HookError("runtime hook: the gateway's key is empty; give it any secret text")
    try:
        package = load_package(load)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != PACKAGE:
            return HookReport("failed", f"{PACKAGE} is installed but needs {error.name}")
        return HookReport("skipped", f"{PACKAGE} is not installed")
    versions = {PACKAGE: metadata.version(PACKAGE)}
    rows = _choose(trajectories, rewards, limit)
    if not rows:
        return HookReport("skipped", "no completed turn to play", versions)
    try:
        with quiet(), empty_store(package):
            return _smoke(package, rows, key, hooks_file, versions)
    except (package.http.HTTPError, *_LIBRARY_FAILURES) as error:
        detail = f"{PACKAGE} raised {type(error).__name__} while {len(rows)} turns were played"
        return HookReport("failed", detail, versions, rollouts=len(rows))


def _smoke(
    package: Package,
    rows: Mapping[str, Document],
    key: str,
    hooks_file: Path,
    versions: Mapping[str, str],
) -> HookReport:
    with open_gateway(package, key) as gateway:
        if not refuses_strangers(gateway):
            return HookReport("failed", "the gateway answered a request without key", versions)
        gateway.headers["Authorization"] = f"Bearer {key}"
        hooks = package.hooks.load_hooks(str(hooks_file))
        hooks.on_startup()
        playback = PlaybackClient(gateway, rows)
        completed = _run_manager(package, playback, hooks, rows, key)
    return _report(rows, completed, playback.events_written, versions)


def _run_manager(
    package: Package, playback: PlaybackClient, hooks: Any, rows: Mapping[str, Document], key: str
) -> list[Any]:
    manager = package.manager.AglRolloutManager(
        agl_base_url=BASE_URL,
        agl_key=key,
        model=MODEL,
        step=0,
        poll_interval_seconds=0.0,
        hooks=hooks,
    )
    manager.client.close()
    manager.client = playback
    inputs = [input_of(row) for row in rows.values()]
    columns = {name: [part[name] for part in inputs] for name in ("data_id", "messages")}
    completed: list[Any] = manager.enqueue_and_wait_until_completed(columns, is_train=True)
    return completed


def _report(
    rows: Mapping[str, Document],
    completed: Sequence[Any],
    written: int,
    versions: Mapping[str, str],
) -> HookReport:
    by_turn = {result.input["data_id"]: result for result in completed}
    read = matched = rewarded = effects = 0
    for turn_id, row in rows.items():
        result = by_turn[turn_id]
        read += _count_same(events_of(row), result.events)
        expected = reward_of_events(row["events"])
        rewarded += expected is not None
        matched += expected is not None and result.final_reward == expected
        effects += _hooks_left_their_marks(row, result)
    faults = [
        f"{found} of {wanted} {what}"
        for found, wanted, what in (
            (read, written, "events came back as they were written"),
            (matched, rewarded, "rewards came back as the final reward"),
            (effects, len(rows), "rollouts show what the hooks must do"),
        )
        if found != wanted
    ]
    played = f"{len(rows)} turns went through store, manager and hooks and came back whole"
    return HookReport(
        status="failed" if faults else "ok",
        detail="only " + "; only ".join(faults) if faults else played,
        versions=versions,
        rollouts=len(rows),
        events_written=written,
        events_read=read,
        rewards_written=rewarded,
        rewards_matched=matched,
        hook_effect=effects == len(rows),
    )


def _count_same(recorded: Sequence[Document], returned: Sequence[Mapping[str, Any]]) -> int:
    """How many recorded events came back in their place with the same type and data."""
    return sum(
        event["event_type"] == back["event_type"] and event["data"] == back["data"]
        for event, back in zip(recorded, returned, strict=False)
    )


def _hooks_left_their_marks(row: Document, result: Any) -> bool:
    """Whether the enqueue mark and, after the recorded events, one right signature are there."""
    recorded = events_of(row)
    if row["state"] == SUCCEEDED:
        wanted = signature((str(event["event_type"]), data_of(event)) for event in recorded)
    else:
        wanted = {"state": row["state"]}
    added = [
        event["data"] for event in result.events[len(recorded) :] if event["event_type"] == MARK
    ]
    return result.metadata.get(MARK) == ENQUEUED and added == [wanted]


def _choose(
    trajectories: Sequence[Trajectory], rewards: Mapping[str, Reward], limit: int
) -> dict[str, Document]:
    """Rows to play by turn id: completed turns, rewarded ones first, and one failed turn.

    The order among equals is that of a hash, so a long log is sampled all over.
    """
    ordered = sorted(trajectories, key=lambda each: _preference(each, rewards))
    failed = _first_rows(ordered, rewards, FAILED, 1 if limit > 1 else 0)
    succeeded = _first_rows(ordered, rewards, SUCCEEDED, limit - len(failed))
    return {**succeeded, **failed} if succeeded else {}


def _first_rows(
    trajectories: Sequence[Trajectory], rewards: Mapping[str, Reward], state: str, count: int
) -> dict[str, Document]:
    """The rows of the first ``count`` turns that ended in ``state``; no others are made."""
    ended = (each for each in trajectories if state_of(each.turn) == state)
    rows: dict[str, Document] = {}
    for trajectory in islice(ended, count):
        turn_id = trajectory.turn.turn_id
        row = rollout_row(trajectory, rewards.get(turn_id), "train")
        if row is not None:
            rows[turn_id] = row
    return rows


def _preference(trajectory: Trajectory, rewards: Mapping[str, Reward]) -> tuple[bool, bool, str]:
    turn = trajectory.turn
    reward = rewards.get(turn.turn_id)
    return (
        turn.status is not TurnStatus.COMPLETED,
        reward is None or reward.total is None,
        rollout_id_of(turn.turn_id),
    )
