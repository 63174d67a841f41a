from __future__ import annotations

import asyncio
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.planning.graphs import a_graph, acyclic_graphs
from tracebridge.planning.executor import (
    Execution,
    Ran,
    TaskStatus,
    execute,
    observation,
    run_scaled,
    simulate,
    virtual_runner,
)
from tracebridge.planning.levels import critical_path_ms, level_ms, serial_ms
from tracebridge.planning.tasks import CycleError, Graph, Task


def on_virtual_clock(
    graph: Graph, *, barriers: bool = False, max_parallel: int | None = None
) -> Execution:
    with virtual_runner() as runner:
        return simulate(graph, runner, barriers=barriers, max_parallel=max_parallel)


@given(acyclic_graphs())
def test_unbounded_the_wall_time_is_the_critical_path(graph: Graph) -> None:
    assert on_virtual_clock(graph).wall_ms == critical_path_ms(graph)


@given(acyclic_graphs())
def test_with_barriers_the_wall_time_is_the_sum_of_levels(graph: Graph) -> None:
    assert on_virtual_clock(graph, barriers=True).wall_ms == level_ms(graph)


@given(acyclic_graphs(), st.integers(1, 4))
def test_bounded_it_lies_between_critical_path_and_serial(graph: Graph, limit: int) -> None:
    execution = on_virtual_clock(graph, max_parallel=limit)
    assert critical_path_ms(graph) <= execution.wall_ms <= serial_ms(graph)
    if limit == 1:
        assert execution.wall_ms == serial_ms(graph)


@given(acyclic_graphs(), st.integers(1, 4), st.booleans())
def test_no_task_starts_before_what_it_needs_and_never_too_many_run(
    graph: Graph, limit: int, barriers: bool
) -> None:
    execution = on_virtual_clock(graph, max_parallel=limit, barriers=barriers)
    for name, waited in graph.needs().items():
        for before in waited:
            assert execution.runs[before].ended_ms <= execution.runs[name].started_ms
    spans = [(run.started_ms, run.ended_ms) for run in execution.runs.values()]
    for start, _ in spans:
        assert sum(low <= start < high for low, high in spans) <= limit


@given(acyclic_graphs(), st.integers(1, 4))
def test_the_virtual_clock_gives_one_schedule(graph: Graph, limit: int) -> None:
    runs = {repr(on_virtual_clock(graph, max_parallel=limit)) for _ in range(3)}
    assert len(runs) == 1


def test_virtual_time_costs_no_time() -> None:
    week_ms = 7 * 24 * 3600 * 1000
    started = time.monotonic()
    graph = a_graph({"a": [], "b": ["a"]}, {"a": week_ms, "b": week_ms})
    assert on_virtual_clock(graph).wall_ms == 2 * week_ms
    assert time.monotonic() - started < 5


def test_a_failure_blocks_its_dependents_and_not_its_siblings() -> None:
    graph = a_graph({"a": [], "b": [], "a2": ["a"], "a3": ["a2"], "b2": ["b"], "c": ["a2", "b2"]})
    told: list[tuple[str, TaskStatus]] = []

    async def run(task: Task) -> Ran:
        return Ran(ok=task.task_id != "a", result=f"result of {task.task_id}")

    execution = asyncio.run(execute(graph, run, watch=lambda name, s: told.append((name, s))))
    assert {name: run.status.value for name, run in execution.runs.items()} == {
        "a": "failed",
        "b": "complete",
        "a2": "blocked",
        "a3": "blocked",
        "b2": "complete",
        "c": "blocked",
    }
    assert [status for name, status in told if name == "b"] == ["pending", "running", "complete"]
    assert [status for name, status in told if name == "c"] == ["pending", "blocked"]
    assert execution.runs["c"].started_ms is None


def test_a_task_may_read_what_ran_before_it() -> None:
    """Prior results reach dependents through what the runner closes over."""
    graph = a_graph({"one": [], "two": [], "sum": ["one", "two"]})
    results: dict[str, int] = {}

    async def run(task: Task) -> Ran:
        await asyncio.sleep(0)
        value = results["one"] + results["two"] if task.task_id == "sum" else len(task.task_id)
        results[task.task_id] = value
        return Ran(ok=True, result=value)

    assert asyncio.run(execute(graph, run)).runs["sum"].result == 6


def test_siblings_really_overlap_on_the_wall_clock() -> None:
    graph = a_graph({"a": [], "b": [], "c": ["a", "b"]}, {"a": 20_000, "b": 20_000, "c": 10_000})
    execution = run_scaled(graph, scale=0.002)
    assert execution.runs["b"].started_ms < execution.runs["a"].ended_ms
    assert execution.runs["c"].started_ms >= execution.runs["b"].ended_ms
    assert 30_000 * 0.9 <= execution.wall_ms < 50_000


def test_a_circle_is_refused_before_anything_starts() -> None:
    started: list[str] = []

    async def run(task: Task) -> Ran:
        started.append(task.task_id)
        return Ran(ok=True)

    with pytest.raises(CycleError):
        asyncio.run(execute(a_graph({"a": [], "b": ["c"], "c": ["b"]}), run))
    assert started == []


def test_an_error_of_the_runner_is_not_swallowed() -> None:
    async def run(task: Task) -> Ran:
        raise ZeroDivisionError(task.task_id)

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(execute(a_graph({"a": []}), run))
    assert raised.group_contains(ZeroDivisionError)


def test_observation_is_json_by_task() -> None:
    async def run(task: Task) -> Ran:
        return Ran(ok=True, result={"text": "<done> & \u00fc"})

    text = observation(asyncio.run(execute(a_graph({"Task 1": []}), run)))
    body = text.removeprefix("<observation>\n").removesuffix("\n</observation>")
    assert json.loads(body) == {
        "Task 1": {"status": "complete", "result": {"text": "<done> & \u00fc"}}
    }
