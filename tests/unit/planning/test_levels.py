from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from tests.unit.planning.graphs import a_graph, acyclic_graphs
from tracebridge.domain.errors import PlanError
from tracebridge.planning.levels import (
    critical_path,
    critical_path_ms,
    level_ms,
    levels,
    plan_document,
    serial_ms,
)
from tracebridge.planning.tasks import (
    CycleError,
    Graph,
    MalformedPlanError,
    UnknownDependencyError,
)


@given(acyclic_graphs())
def test_levels_are_a_topological_order_as_early_as_possible(graph: Graph) -> None:
    level_of = {name: index for index, level in enumerate(levels(graph)) for name in level}
    assert sorted(level_of) == sorted(task.task_id for task in graph.tasks)
    for name, waited in graph.needs().items():
        assert level_of[name] == max((level_of[before] + 1 for before in waited), default=0)


@given(acyclic_graphs())
def test_the_critical_path_is_a_chain_and_no_chain_is_longer(graph: Graph) -> None:
    needs = graph.needs()
    path = critical_path(graph)
    assert all(before in needs[after] for before, after in pairwise(path))
    durations = {task.task_id: task.duration_ms for task in graph.tasks}
    longest: dict[str, int] = {}
    for level in levels(graph):
        for name in level:
            waited = max((longest[before] for before in needs[name]), default=0)
            longest[name] = waited + durations[name]
    assert critical_path_ms(graph) == max(longest.values(), default=0)


@given(acyclic_graphs())
def test_critical_path_then_levels_then_serial(graph: Graph) -> None:
    assert critical_path_ms(graph) <= level_ms(graph) <= serial_ms(graph)


def test_level_barriers_can_waste_the_gain() -> None:
    """Two chains, long beside short: each level waits for its longest task."""
    graph = a_graph(
        {"a": [], "b": [], "a2": ["a"], "b2": ["b"]},
        {"a": 1000, "b": 100, "a2": 100, "b2": 1000},
    )
    assert (serial_ms(graph), level_ms(graph), critical_path_ms(graph)) == (2200, 2000, 1100)


def test_plan_document_names_levels_and_the_critical_path() -> None:
    graph = a_graph({"Task 1": [], "Task 2": [], "Task 3": ["Task 1", "Task 2"]})
    assert plan_document(graph) == {
        "schema": "tracebridge.plan.v1",
        "levels": {"0": ["Task 1", "Task 2"], "1": ["Task 3"]},
        "critical_path": ["Task 1", "Task 3"],
    }


def test_more_than_a_hundred_levels_are_all_kept() -> None:
    chain = {f"t{index}": [f"t{index - 1}"] if index else [] for index in range(2_000)}
    graph = a_graph(chain)
    assert len(levels(graph)) == 2_000
    assert len(critical_path(graph)) == 2_000


def test_circle_unknown_dependency_and_repeated_id_are_different_errors() -> None:
    with pytest.raises(CycleError, match="'b' -> 'c' -> 'b' wait for one another"):
        levels(a_graph({"a": [], "b": ["c"], "c": ["b"], "d": ["c"]}))
    with pytest.raises(CycleError, match="'a' -> 'a'"):
        levels(a_graph({"a": ["a"]}))
    with pytest.raises(UnknownDependencyError, match="'b' depends on 'z', but there is no 'z'"):
        levels(a_graph({"a": [], "b": ["z"]}))
    one = a_graph({"a": []})
    with pytest.raises(MalformedPlanError, match="'a' appears twice"):
        levels(Graph("plan.txt", one.tasks * 2, ()))
    kinds = (CycleError, UnknownDependencyError, MalformedPlanError)
    assert all(issubclass(kind, PlanError) for kind in kinds)
    assert not any(issubclass(one, other) for one in kinds for other in kinds if one != other)


def test_a_large_circle_is_found_without_recursion() -> None:
    size = 5_000
    circle = {f"t{index}": [f"t{(index + 1) % size}"] for index in range(size)}
    with pytest.raises(CycleError):
        levels(a_graph(circle))
