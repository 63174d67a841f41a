from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared import REPOSITORY
from tests.unit.replay.builders import a_call, a_trajectory, a_turn
from tracebridge.adapters.policy_files import load_policy
from tracebridge.domain.replay import Policy, ReplayedTurn
from tracebridge.domain.trajectory import Step
from tracebridge.planning.mechanical import MAX_CALLS, replay_tools
from tracebridge.planning.saving import saved_share
from tracebridge.replay.policies import BASELINE, POLICY_SCHEMA, parse_policy

SHIPPED = REPOSITORY / "tracebridge" / "defaults" / "policies"


def tool_policy(**config: str | bool | int) -> Policy:
    return parse_policy(
        {
            "schema": POLICY_SCHEMA,
            "policy_id": "tools",
            "family": "tool",
            "parent": "baseline",
            "factor": "tool.schedule",
            "description": "Another order of calls.",
            "arms": {"arm": config},
            "rules": [
                {"when": {"length": ["long"]}, "distribution": {"baseline": 1.0}},
                {"distribution": {"arm": 0.5, "baseline": 0.5}},
            ],
        },
        file="tools.toml",
    )


FULL = tool_policy(
    parallel=True,
    across_steps=True,
    dedupe_reads=True,
    safe_tools="read ls",
    path_tools="write",
    max_parallel=3,
)


def replay_one(policy: Policy, *steps: Step) -> ReplayedTurn | None:
    replayed = replay_tools([a_trajectory(a_turn(steps=steps))], policy)
    return replayed[0] if replayed else None


def test_reads_of_one_step_run_at_once() -> None:
    steps = [a_call(seq, arguments={"path": f"{seq}"}, ms=100 * seq) for seq in (1, 2, 3)]
    assert replay_one(FULL, *steps) == ReplayedTurn(
        turn_id="tn_1",
        policy_id="tools",
        calls_recorded=3,
        calls_replayed=3,
        serial_ms=600,
        level_ms=300,
        critical_path_ms=300,
        wall_ms=300,
        levels=1,
    )


def test_repeated_reads_are_not_made_again() -> None:
    steps = [a_call(seq, arguments={"path": "a"}, asker=f"m{seq}") for seq in (1, 2, 3)]
    turn = replay_one(FULL, *steps)
    assert turn is not None
    assert (turn.calls_recorded, turn.calls_replayed) == (3, 1)
    assert (turn.serial_ms, turn.wall_ms) == (300, 100)


def test_a_policy_that_permits_nothing_changes_nothing() -> None:
    steps = [a_call(seq, ms=100 * seq) for seq in (1, 2, 3)]
    turn = replay_one(tool_policy(parallel=False), *steps)
    assert turn is not None
    assert turn.serial_ms == turn.level_ms == turn.critical_path_ms == turn.wall_ms == 600
    assert turn.levels == 3


@pytest.mark.parametrize(("calls", "eligible"), [(2, False), (3, True)])
def test_the_shipped_plan_leaves_one_and_two_calls_as_they_are(calls: int, eligible: bool) -> None:
    steps = [a_call(seq, arguments={"path": f"{seq}"}) for seq in range(calls)]
    shipped = load_policy(SHIPPED / "tools-parallel.toml")
    assert (replay_one(shipped, *steps) is not None) is eligible


def test_the_shipped_batch_policy_never_looks_across_steps() -> None:
    shipped = load_policy(SHIPPED / "tools-batch.toml")
    apart = [a_call(seq, arguments={"path": f"{seq}"}, asker=f"m{seq}") for seq in range(3)]
    turn = replay_one(shipped, *apart)
    assert turn is not None
    assert turn.wall_ms == turn.serial_ms == 300
    together = [a_call(seq, arguments={"path": f"{seq}"}) for seq in range(3)]
    turn = replay_one(shipped, *together)
    assert turn is not None
    assert turn.wall_ms == 100


def test_turns_that_cannot_be_rescheduled_are_left_out() -> None:
    assert replay_one(FULL, a_call(1)) is None
    assert replay_one(FULL, a_call(1), a_call(2, ms=None)) is None
    hole = replay_one(FULL, a_call(1), a_call(2, "exec", ms=None), a_call(3, ms=50))
    assert hole is not None
    assert (hole.calls_recorded, hole.serial_ms, hole.wall_ms) == (3, 150, 150)
    assert replay_one(FULL, *(a_call(seq) for seq in range(MAX_CALLS + 1))) is None


def test_contexts_and_policies_without_a_tool_arm_are_left_out() -> None:
    turn = a_turn(steps=[a_call(1), a_call(2)])
    long = a_trajectory(turn, context={"length": "long"})
    short = a_trajectory(turn, context={"length": "short"})
    assert len(replay_tools([long, short], FULL)) == 1
    assert replay_tools([long, short], BASELINE) == ()


STEPS = st.lists(
    st.builds(
        lambda tool, path, asker, ms: (tool, path, asker, ms),
        st.sampled_from(["read", "ls", "write", "exec"]),
        st.sampled_from(["a", "a/b", "c", "/d"]),
        st.integers(0, 3),
        st.integers(0, 400),
    ),
    min_size=2,
    max_size=12,
)


@given(STEPS, st.booleans(), st.booleans(), st.booleans(), st.integers(1, 4))
def test_no_schedule_is_slower_than_serial_or_faster_than_its_critical_path(
    drawn: list[tuple[str, str, int, int]],
    parallel: bool,
    across_steps: bool,
    dedupe_reads: bool,
    max_parallel: int,
) -> None:
    steps = [
        a_call(seq, tool, {"path": path}, asker=f"m{asker}", ms=ms)
        for seq, (tool, path, asker, ms) in enumerate(sorted(drawn, key=lambda call: call[2]))
    ]
    policy = tool_policy(
        parallel=parallel,
        across_steps=across_steps,
        dedupe_reads=dedupe_reads,
        safe_tools="read ls",
        path_tools="write",
        max_parallel=max_parallel,
    )
    turn = replay_one(policy, *steps)
    assert turn is not None
    assert turn.critical_path_ms <= turn.wall_ms <= turn.serial_ms
    assert turn.critical_path_ms <= turn.level_ms <= turn.serial_ms
    assert turn.calls_replayed <= turn.calls_recorded
    assert turn == replay_one(policy, *steps)


def a_replayed(turn_id: str, serial_ms: int, wall_ms: int) -> ReplayedTurn:
    return ReplayedTurn(turn_id, "tools", 2, 2, serial_ms, wall_ms, wall_ms, wall_ms, 1)


def test_the_saved_share_is_clustered_by_unit() -> None:
    turns = [a_replayed("t1", 100, 50), a_replayed("t2", 300, 150), a_replayed("t3", 100, 100)]
    units = {"t1": "chat-1", "t2": "chat-1", "t3": "chat-2"}
    share = saved_share(turns, units, level=0.95)
    assert share is not None
    assert share["value"] == pytest.approx(0.4)
    assert (share["turns"], share["units"]) == (3, 2)
    assert share["lo"] < 0.4 < share["hi"]


def test_without_variation_between_units_there_is_no_interval() -> None:
    one = saved_share([a_replayed("t1", 100, 50)], {"t1": "chat-1"}, level=0.95)
    assert one is not None
    assert (one["value"], one["lo"], one["hi"]) == (0.5, None, None)
    assert saved_share([], {}, level=0.95) is None
    assert saved_share([a_replayed("t1", 0, 0)], {"t1": "chat-1"}, level=0.95) is None
