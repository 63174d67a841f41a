"""What a graph's shape says before anything runs: levels, the critical path, and their times.

Levels are Kahn's topological generations (Kahn, "Topological sorting of large networks", 1962):
tasks of one level wait for nothing in their level or above it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tracebridge.domain.events import JsonValue
from tracebridge.planning.tasks import CycleError, Graph

type Needs = Mapping[str, tuple[str, ...]]
"""Task id to the ids it waits for, both in task order."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A graph's levels and its critical path, with what each of them takes."""

    levels: tuple[tuple[str, ...], ...]
    critical_path: tuple[str, ...]
    level_ms: int
    critical_path_ms: int


def shape_of(graph: Graph) -> Shape:
    """All that the functions below say about a graph, found in one pass.

    Raises:
        PlanError: as `levels`.
    """
    needs = graph.needs()
    generations = _levels(graph, needs)
    path = _critical_path(graph, needs, generations)
    durations = {task.task_id: task.duration_ms for task in graph.tasks}
    return Shape(
        levels=generations,
        critical_path=path,
        level_ms=sum(max(durations[task_id] for task_id in level) for level in generations),
        critical_path_ms=sum(durations[task_id] for task_id in path),
    )


def levels(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """Task ids by level, each level in task order.

    A task's level is one more than the deepest level that it waits for.

    Raises:
        CycleError: tasks wait for one another in a circle; one such circle is named.
        UnknownDependencyError: an edge names a task that is not there.
        MalformedPlanError: two tasks share an id.
    """
    return _levels(graph, graph.needs())


def critical_path(graph: Graph) -> tuple[str, ...]:
    """The chain of tasks that nothing can shorten: longest in time, then in tasks.

    Where a plan names no durations that is the longest chain. Among equals, the one whose last
    differing task comes first in task order.

    Raises:
        PlanError: as `levels`.
    """
    return shape_of(graph).critical_path


def serial_ms(graph: Graph) -> int:
    """Time of all tasks one after the other."""
    return sum(task.duration_ms for task in graph.tasks)


def level_ms(graph: Graph) -> int:
    """Time of all levels one after the other, each as long as its longest task.

    Barriers between levels can waste what concurrency gains, so this may exceed
    `critical_path_ms`; it never exceeds `serial_ms`.

    Raises:
        PlanError: as `levels`.
    """
    return shape_of(graph).level_ms


def critical_path_ms(graph: Graph) -> int:
    """Time of the critical path: no schedule is faster.

    Raises:
        PlanError: as `levels`.
    """
    return shape_of(graph).critical_path_ms


def plan_document(graph: Graph) -> dict[str, JsonValue]:
    """``{"levels": {"0": [...]}, "critical_path": [...]}``, by task id.

    Raises:
        PlanError: as `levels`.
    """
    shape = shape_of(graph)
    return {
        "schema": "tracebridge.plan.v1",
        "levels": {str(index): list(level) for index, level in enumerate(shape.levels)},
        "critical_path": list(shape.critical_path),
    }


def _levels(graph: Graph, needs: Needs) -> tuple[tuple[str, ...], ...]:
    dependents: dict[str, list[str]] = {task_id: [] for task_id in needs}
    for task_id, before in needs.items():
        for needed in before:
            dependents[needed].append(task_id)
    missing = {task_id: len(before) for task_id, before in needs.items()}
    position = {task_id: index for index, task_id in enumerate(needs)}
    generations: list[tuple[str, ...]] = []
    ready = [task_id for task_id, count in missing.items() if not count]
    while ready:
        generations.append(tuple(sorted(ready, key=position.__getitem__)))
        freed = [after for task_id in ready for after in dependents[task_id]]
        for after in freed:
            missing[after] -= 1
        ready = [after for after in dict.fromkeys(freed) if not missing[after]]
    stuck = {task_id for task_id, count in missing.items() if count}
    if stuck:
        raise CycleError(
            f"{graph.source}: {_circle(needs, stuck)} wait for one another; "
            "remove one of these dependencies"
        )
    return tuple(generations)


def _critical_path(
    graph: Graph, needs: Needs, generations: tuple[tuple[str, ...], ...]
) -> tuple[str, ...]:
    tasks = {task.task_id: task for task in graph.tasks}
    best: dict[str, tuple[int, int]] = {}
    previous: dict[str, str | None] = {}
    for level in generations:
        for task_id in level:
            before = max(needs[task_id], key=best.__getitem__, default=None)
            spent, length = best[before] if before is not None else (0, 0)
            best[task_id] = (spent + tasks[task_id].duration_ms, length + 1)
            previous[task_id] = before
    end = max((task.task_id for task in graph.tasks), key=best.__getitem__, default=None)
    path: list[str] = []
    while end is not None:
        path.append(end)
        end = previous[end]
    return tuple(reversed(path))


def _circle(needs: Needs, stuck: Collection[str]) -> str:
    """One circle among ``stuck``, the tasks that never became ready, as text."""
    at = next(task_id for task_id in needs if task_id in stuck)
    walk: dict[str, None] = {}
    while at not in walk:
        walk[at] = None
        at = next(before for before in needs[at] if before in stuck)
    steps = list(walk)
    circle = [*steps[steps.index(at) :], at]
    return " -> ".join(f"'{task_id}'" for task_id in reversed(circle))
