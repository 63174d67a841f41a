"""Tasks and the order between them: the one graph model behind plans and recorded calls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tracebridge.domain.errors import PlanError


class MalformedPlanError(PlanError):
    """A line or tag of a plan does not say what it must."""


class UnknownDependencyError(PlanError):
    """A task depends on one that the plan does not have."""


class CycleError(PlanError):
    """Tasks depend on one another in a circle."""


class EdgeReason(StrEnum):
    """Why one task waits for another."""

    DECLARED = "declared"
    """The plan says so."""
    DATA = "data"
    """An argument repeats something that was first seen in the other's output."""
    TARGET = "target"
    """Both touch one path, and at least one of them writes."""
    SIDE_EFFECT = "side_effect"
    """One of the two may change anything, so neither may overtake the other."""
    MODEL_STEP = "model_step"
    """The model asked for it only after it had seen the other's result."""
    SERIAL = "serial"
    """The policy runs one call after the other."""


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of work."""

    task_id: str
    description: str
    duration_ms: int = 0
    """As recorded; 0 where a plan names none."""


@dataclass(frozen=True, slots=True)
class Edge:
    """``after`` waits for ``before``, and why."""

    before: str
    after: str
    reason: EdgeReason


@dataclass(frozen=True, slots=True)
class Graph:
    """Tasks in the order they were written or recorded, and the edges between them."""

    source: str
    """Where it comes from, for messages: a file, or a turn id."""
    tasks: tuple[Task, ...]
    edges: tuple[Edge, ...]

    def needs(self) -> dict[str, tuple[str, ...]]:
        """Task id to the ids it waits for, both in task order.

        Raises:
            MalformedPlanError: two tasks share an id.
            UnknownDependencyError: an edge names a task that is not there.
        """
        position = {task.task_id: index for index, task in enumerate(self.tasks)}
        if len(position) < len(self.tasks):
            raise MalformedPlanError(
                f"{self.source}: task '{self._repeated()}' appears twice; number tasks once"
            )
        needs: dict[str, set[str]] = {task.task_id: set() for task in self.tasks}
        for edge in self.edges:
            for named in (edge.before, edge.after):
                if named not in position:
                    raise UnknownDependencyError(
                        f"{self.source}: '{edge.after}' depends on '{edge.before}', but there is "
                        f"no '{named}'; add it or mend the dependency"
                    )
            needs[edge.after].add(edge.before)
        return {
            task_id: tuple(sorted(before, key=position.__getitem__))
            for task_id, before in needs.items()
        }

    def _repeated(self) -> str:
        ids = [task.task_id for task in self.tasks]
        return next(task_id for index, task_id in enumerate(ids) if task_id in ids[:index])
