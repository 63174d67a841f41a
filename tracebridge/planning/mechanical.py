"""Mechanical replay: recorded tool calls scheduled again under a tool policy.

It says how long the same calls would have taken in another order, and how many would have been
made; it never says how good the answer would have been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracebridge.domain.replay import Arm, Family, Policy, ReplayedTurn
from tracebridge.domain.trajectory import Trajectory, Turn
from tracebridge.planning.executor import replay, virtual_runner
from tracebridge.planning.graph import (
    ScheduleRules,
    call_graph,
    calls_of,
    without_repeated_reads,
)
from tracebridge.planning.levels import shape_of

MAX_CALLS = 1000
"""Turns with more calls are not replayed: pairs of calls are compared, so cost would explode."""


def replay_tools(trajectories: Sequence[Trajectory], policy: Policy) -> tuple[ReplayedTurn, ...]:
    """Every eligible turn under the tool arm that ``policy`` most likely plays in its context.

    A turn is eligible if such an arm is played there at all and at least the arm's
    ``min_calls`` (never fewer than two) of its tool calls have a known duration. Other calls
    keep their place and take no time, on either side of the comparison. ``serial_ms`` is the
    time of all recorded calls; all other times are of the calls left.
    """
    rules = {arm.name: rules_of(arm) for arm in policy.arms}
    chosen = ((trajectory.turn, _tool_arm(trajectory, policy)) for trajectory in trajectories)
    with virtual_runner() as runner:
        return runner.run(
            _replay_all([(turn, rules[arm.name]) for turn, arm in chosen if arm], policy.policy_id)
        )


def rules_of(arm: Arm) -> ScheduleRules:
    """What the configuration of a ``tool.schedule`` arm permits; unset: the serial default."""
    config = arm.config
    limit = config.get("max_parallel")
    return ScheduleRules(
        parallel=bool(config.get("parallel", False)),
        across_steps=bool(config.get("across_steps", False)),
        dedupe_reads=bool(config.get("dedupe_reads", False)),
        safe_tools=frozenset(str(config.get("safe_tools", "")).split()),
        path_tools=frozenset(str(config.get("path_tools", "")).split()),
        min_calls=max(2, int(config.get("min_calls", 2))),
        max_parallel=None if limit is None else int(limit),
    )


def _tool_arm(trajectory: Trajectory, policy: Policy) -> Arm | None:
    chances: Mapping[str, float] = policy.distribution(trajectory.context)
    arms = [arm for arm in policy.arms if arm.family is Family.TOOL and arm.name in chances]
    return min(arms, key=lambda arm: (-chances[arm.name], arm.name), default=None)


async def _replay_all(
    turns: Sequence[tuple[Turn, ScheduleRules]], policy_id: str
) -> tuple[ReplayedTurn, ...]:
    """One turn after the other, so that each graph has the loop for itself."""
    replayed = [await _replay(turn, policy_id, rules) for turn, rules in turns]
    return tuple(turn for turn in replayed if turn is not None)


async def _replay(turn: Turn, policy_id: str, rules: ScheduleRules) -> ReplayedTurn | None:
    calls = calls_of(turn)
    durations = [call.duration_ms for call in calls if call.duration_ms is not None]
    if len(durations) < rules.min_calls or len(calls) > MAX_CALLS:
        return None
    left = without_repeated_reads(calls, rules) if rules.dedupe_reads else calls
    graph = call_graph(turn.turn_id, turn.request_text, left, rules)
    shape = shape_of(graph)
    execution = await replay(graph, max_parallel=rules.max_parallel)
    return ReplayedTurn(
        turn_id=turn.turn_id,
        policy_id=policy_id,
        calls_recorded=len(calls),
        calls_replayed=len(left),
        serial_ms=sum(durations),
        level_ms=shape.level_ms,
        critical_path_ms=shape.critical_path_ms,
        wall_ms=execution.wall_ms,
        levels=len(shape.levels),
    )
