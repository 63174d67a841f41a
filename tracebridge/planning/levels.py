"""What a graph's shape says before anything runs: levels, the critical path, and their times.

Levels are Kahn's topological generations (Kahn, "Topological sorting of large networks", 1962):
tasks of one level wait for nothing in their level or above it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tracebridge.domain.events import JsonValue
from tracebridge.planning.tasks import CycleError, Graph


def levels(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """Task ids by level, each level in task order.

    A task's level is one more than the deepest level that it waits for.

    Raises:
        CycleError: tasks wait for one another in a circle; one such circle is named.
        UnknownDependencyError: an edge names a task that is not there.
        MalformedPlanError: two tasks share an id.
    """
    needs = graph.needs()
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


def critical_path(graph: Graph) -> tuple[str, ...]:
    """The chain of tasks that nothing can shorten: longest in time, then in tasks.

    Where a plan names no durations that is the longest chain. Among equals, the one whose last
    differing task comes first in task order.

    Raises:
        PlanError: as `levels`.
    """
    needs = graph.needs()
    tasks = {task.task_id: task for task in graph.tasks}
    best: dict[str, tuple[int, int]] = {}
    previous: dict[str, str | None] = {}
    for level in levels(graph):
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
    durations = {task.task_id: task.duration_ms for task in graph.tasks}
    return sum(max(durations[task_id] for task_id in level) for level in levels(graph))


def critical_path_ms(graph: Graph) -> int:
    """Time of the critical path: no schedule is faster.

    Raises:
        PlanError: as `levels`.
    """
    durations = {task.task_id: task.duration_ms for task in graph.tasks}
    return sum(durations[task_id] for task_id in critical_path(graph))


def plan_document(graph: Graph) -> dict[str, JsonValue]:
    """``{"levels": {"0": [...]}, "critical_path": [...]}``, by task id.

    Raises:
        PlanError: as `levels`.
    """
    return {
        "schema": "tracebridge.plan.v1",
        "levels": {str(index): list(level) for index, level in enumerate(levels(graph))},
        "critical_path": list(critical_path(graph)),
    }


def _circle(needs: Mapping[str, tuple[str, ...]], stuck: Collection[str]) -> str:
    """One circle among ``stuck``, the tasks that never became ready, as text."""
    at = next(task_id for task_id in needs if task_id in stuck)
    walk: dict[str, None] = {}
    while at not in walk:
        walk[at] = None
        at = next(before for before in needs[at] if before in stuck)
    steps = list(walk)
    circle = [*steps[steps.index(at) :], at]
    return " -> ".join(f"'{task_id}'" for task_id in reversed(circle))
