from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from agentlightning.server import store
from agentlightning.server.routes import events as event_routes
from agentlightning.server.routes import rollouts as rollout_routes

from tests.adapters.agent_lightning_turns import (
    REWARDS,
    TRAJECTORIES,
    failed,
    reward,
    trajectory,
)
from tracebridge.adapters.agent_lightning.hook_smoke import HookReport, run_hook_smoke
from tracebridge.domain.errors import HookError

KEY = "a key for this test"


def smoke(**options: Any) -> HookReport:
    return run_hook_smoke(TRAJECTORIES, REWARDS, key=KEY, **options)


def test_real_turns_go_through_store_manager_and_hooks_and_come_back_whole() -> None:
    report = smoke()
    assert report.status == "ok"
    assert report.rollouts == 5
    assert report.events_written == report.events_read == 11
    assert report.rewards_written == report.rewards_matched == 3
    assert report.hook_effect
    assert report.versions["agentlightning"].startswith("1.")


def test_the_report_is_the_same_every_time() -> None:
    assert json.dumps(smoke().to_json()) == json.dumps(smoke().to_json())


def test_nothing_is_left_in_the_store_and_nothing_old_is_seen() -> None:
    store._terminal_order.append("left by somebody")
    assert smoke().status == "ok"
    for part in (store._rollouts, store._events, store._models, store._terminal_order):
        assert not part


def test_the_library_prints_nothing_on_our_streams(capfd: pytest.CaptureFixture[str]) -> None:
    smoke()
    assert capfd.readouterr() == ("", "")


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(HookError, match="key is empty"):
        run_hook_smoke(TRAJECTORIES, REWARDS, key="")


def test_a_gateway_that_answers_strangers_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    app = import_module("agentlightning.server.app")
    create = app.create_app
    monkeypatch.setattr(app, "create_app", lambda config: create({**config, "key": ""}))
    report = smoke()
    assert report.status == "failed"
    assert "without key" in report.detail


def test_a_package_that_is_absent_is_skipped_and_never_ok() -> None:
    def load(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])

    report = smoke(load=load)
    assert (report.status, report.detail) == ("skipped", "agentlightning is not installed")
    assert (report.rollouts, report.hook_effect) == (0, False)


def test_a_package_that_is_broken_fails() -> None:
    def load(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'numpy'", name="numpy")

    report = smoke(load=load)
    assert (report.status, "numpy" in report.detail) == ("failed", True)


def test_without_a_completed_turn_it_is_skipped() -> None:
    report = run_hook_smoke((failed(),), {}, key=KEY)
    assert (report.status, report.detail) == ("skipped", "no completed turn to play")


def test_the_limit_bounds_the_turns_and_one_failed_turn_is_among_them() -> None:
    report = smoke(limit=2)
    assert (report.status, report.rollouts) == ("ok", 2)
    assert smoke(limit=1).rollouts == 1


def test_a_turn_without_reward_comes_back_without_reward() -> None:
    report = run_hook_smoke((trajectory("tn_1"),), {"tn_1": reward("tn_1", None)}, key=KEY)
    assert (report.status, report.rewards_written, report.rewards_matched) == ("ok", 0, 0)


ENQUEUE = "on_enqueue = runtime_hooks.TraceBridgeHooks.on_enqueue"
SUCCEEDED = "on_succeeded = runtime_hooks.TraceBridgeHooks.on_succeeded"
FAILED = "on_failed = runtime_hooks.TraceBridgeHooks.on_failed"
RAISING = "def on_succeeded(self, rollout, events, store): raise RuntimeError('hook')"
LYING = (
    "def on_succeeded(self, rollout, events, store):"
    " store.add_event(rollout.rollout_id, '0', 'tracebridge_hook', {'reward': 1})"
)
BAD_HOOKS = {
    "idle": ["pass"],
    "enqueue only": [ENQUEUE],
    "no enqueue": [SUCCEEDED, FAILED],
    "raising": [ENQUEUE, FAILED, RAISING],
    "wrong content": [ENQUEUE, FAILED, LYING],
}


def hooks_file(folder: Path, *members: str) -> Path:
    path = folder / "hooks.py"
    lines = (
        "from agentlightning.hooks import RolloutHooks",
        "from tracebridge.adapters.agent_lightning import runtime_hooks",
        "class Hooks(RolloutHooks):",
        *(f"    {member}" for member in ("_started = True", *members)),
    )
    path.write_text("\n".join(lines))
    return path


def test_hooks_made_from_all_the_right_parts_pass(tmp_path: Path) -> None:
    assert smoke(hooks_file=hooks_file(tmp_path, ENQUEUE, SUCCEEDED, FAILED)).status == "ok"


@pytest.mark.parametrize("members", BAD_HOOKS.values(), ids=BAD_HOOKS)
def test_hooks_without_the_right_effect_fail(tmp_path: Path, members: list[str]) -> None:
    """The library swallows what a hook raises, so only the effect can tell."""
    report = smoke(hooks_file=hooks_file(tmp_path, *members))
    assert (report.status, report.hook_effect) == ("failed", False)
    assert "rollouts show what the hooks must do" in report.detail
    assert report.events_read == report.events_written


def test_a_hooks_file_that_does_not_load_fails(tmp_path: Path) -> None:
    report = smoke(hooks_file=hooks_file(tmp_path, "broken ="))
    assert (report.status, "SyntaxError" in report.detail) == ("failed", True)


def spoiling(change: Callable[[str, dict[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
    record = event_routes.record_event

    def spoiled(rollout_id: str, attempt_id: str, event_type: str, data: dict[str, Any]) -> Any:
        return record(rollout_id, attempt_id, event_type, change(event_type, data))

    return spoiled


def test_content_that_the_store_changes_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def shortened(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "output": "42"} if event_type == "tool" else data

    monkeypatch.setattr(event_routes, "record_event", spoiling(shortened))
    report = smoke()
    assert report.status == "failed"
    assert report.detail == "only 9 of 11 events came back as they were written"


def test_a_reward_that_the_store_drops_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_boolean(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "value": True} if event_type == "reward" else data

    monkeypatch.setattr(event_routes, "record_event", spoiling(as_boolean))
    report = smoke()
    assert report.status == "failed"
    assert report.rewards_matched == 0


def test_a_library_that_raises_fails_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_routes, "_rollouts", None)
    report = smoke()
    assert report.status == "failed"
    assert "TypeError" in report.detail
    assert "NoneType" not in report.detail
