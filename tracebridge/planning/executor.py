"""Running a graph for real: asyncio tasks that start when what they need has ended.

The same code runs on the wall clock and on a virtual one, whose sleeps take no time and whose
order never varies; a schedule replayed from recorded durations is therefore exact and instant.
"""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from tracebridge.domain.events import JsonValue
from tracebridge.planning.levels import levels
from tracebridge.planning.tasks import Graph, Task


class TaskStatus(StrEnum):
    """Where a task stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    BLOCKED = "blocked"
    """Never started: a task that it needs failed or was blocked itself."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What running one task gave."""

    ok: bool
    result: JsonValue = None


@dataclass(frozen=True, slots=True)
class TaskRun:
    """How one task went, on the run's own clock."""

    status: TaskStatus
    started_ms: int | None
    """``None``: never started."""
    ended_ms: int
    result: JsonValue = None


@dataclass(frozen=True, slots=True)
class Execution:
    """How a graph went: every task, in task order, and the time until the last had ended."""

    runs: Mapping[str, TaskRun]
    wall_ms: int


type RunTask = Callable[[Task], Awaitable[Ran]]
type Watch = Callable[[str, TaskStatus], None]


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock counts milliseconds and jumps to the next timer at once."""

    def __init__(self) -> None:
        self._now_ms = 0.0
        super().__init__(_Jump(self._advance))
        # asyncio adds its clock's resolution to the time to see which timers are due; the system
        # clock's nanosecond would be lost in the rounding of a large millisecond count.
        self._clock_resolution = 0.5

    def time(self) -> float:
        """Virtual milliseconds since the loop was made."""
        return self._now_ms

    def _advance(self, wait_ms: float) -> None:
        self._now_ms += wait_ms


class _Jump(selectors.DefaultSelector):
    """A selector that turns every wait for a timer into an advance of the clock."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        super().__init__()
        self._advance = advance

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        # Nothing arrives from outside while there is something to do, so nothing is polled for.
        if timeout > 0:
            self._advance(timeout)
        return []


def virtual_runner() -> asyncio.Runner:
    """A runner on the virtual clock; one runner serves any number of executions."""
    return asyncio.Runner(loop_factory=VirtualLoop)


def simulate(
    graph: Graph,
    runner: asyncio.Runner,
    *,
    barriers: bool = False,
    max_parallel: int | None = None,
) -> Execution:
    """Schedule recorded durations on the virtual clock of ``runner``.

    ``barriers`` starts a level only when the one before it has ended. ``max_parallel`` bounds
    how many tasks run at once.

    Raises:
        PlanError: the graph has a circle, an unknown dependency or a repeated id.
    """
    return runner.run(replay(graph, barriers=barriers, max_parallel=max_parallel))


async def replay(
    graph: Graph, *, barriers: bool = False, max_parallel: int | None = None
) -> Execution:
    """The same as `simulate`, for a caller that already runs on a `virtual_runner`.

    Raises:
        PlanError: as `simulate`.
    """
    return await execute(
        graph, _recorded(1.0), barriers=barriers, max_parallel=max_parallel, ms=1.0
    )


def run_scaled(
    graph: Graph, *, scale: float, barriers: bool = False, max_parallel: int | None = None
) -> Execution:
    """The same schedule with real sleeping: one recorded ms takes ``scale`` ms of real time.

    Times in the result are scaled back to recorded milliseconds; they carry this machine's
    overhead and differ from run to run.

    Raises:
        PlanError: as `simulate`.
    """
    ms = scale / 1000
    return asyncio.run(
        execute(graph, _recorded(ms), barriers=barriers, max_parallel=max_parallel, ms=ms)
    )


async def execute(
    graph: Graph,
    run: RunTask,
    *,
    barriers: bool = False,
    max_parallel: int | None = None,
    ms: float = 0.001,
    watch: Watch | None = None,
) -> Execution:
    """Run every task as soon as what it needs has ended; a failure blocks its dependents only.

    ``run`` does the work and says how it went; ``ms`` is the length of a millisecond on the
    loop's clock; ``watch`` is told of every change of status.

    Raises:
        PlanError: before anything starts, as `simulate`.
    """
    board = _Board(graph, barriers=barriers, ms=ms, watch=watch)
    gate = asyncio.Semaphore(max_parallel) if max_parallel else nullcontext()
    async with asyncio.TaskGroup() as group:
        for task in graph.tasks:
            group.create_task(_run_when_ready(task, run, board, gate))
    return board.execution()


async def _run_when_ready(
    task: Task,
    run: RunTask,
    board: _Board,
    gate: asyncio.Semaphore | nullcontext[None],
) -> None:
    if not await board.ready(task):
        board.blocked(task)
        return
    async with gate:
        board.started(task)
        ran = await run(task)
        board.ended(task, ran)


class _Board:
    """Who has started, who has ended, and who may start."""

    def __init__(self, graph: Graph, *, barriers: bool, ms: float, watch: Watch | None) -> None:
        by_level = levels(graph)
        self._needs = graph.needs()
        self._waits = dict(self._needs)
        if barriers:
            for before, level in pairwise(by_level):
                self._waits.update(dict.fromkeys(level, before))
        self._tasks = graph.tasks
        self._ms = ms
        self._watch = watch
        self._ended = {task.task_id: asyncio.Event() for task in graph.tasks}
        self._started_ms: dict[str, int] = {}
        self._runs: dict[str, TaskRun] = {}
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time()
        for task in graph.tasks:
            self._tell(task, TaskStatus.PENDING)

    async def ready(self, task: Task) -> bool:
        """Wait for all that ``task`` waits for; whether all that it needs is complete."""
        for before in self._waits[task.task_id]:
            await self._ended[before].wait()
        needed = self._needs[task.task_id]
        return all(self._runs[before].status is TaskStatus.COMPLETE for before in needed)

    def started(self, task: Task) -> None:
        self._started_ms[task.task_id] = self._now_ms()
        self._tell(task, TaskStatus.RUNNING)

    def ended(self, task: Task, ran: Ran) -> None:
        status = TaskStatus.COMPLETE if ran.ok else TaskStatus.FAILED
        self._close(task, status, ran.result)

    def blocked(self, task: Task) -> None:
        self._close(task, TaskStatus.BLOCKED, None)

    def execution(self) -> Execution:
        runs = {task.task_id: self._runs[task.task_id] for task in self._tasks}
        return Execution(runs, wall_ms=max((run.ended_ms for run in runs.values()), default=0))

    def _close(self, task: Task, status: TaskStatus, result: JsonValue) -> None:
        started_ms = self._started_ms.get(task.task_id)
        self._runs[task.task_id] = TaskRun(status, started_ms, self._now_ms(), result)
        self._tell(task, status)
        self._ended[task.task_id].set()

    def _tell(self, task: Task, status: TaskStatus) -> None:
        if self._watch is not None:
            self._watch(task.task_id, status)

    def _now_ms(self) -> int:
        return round((self._loop.time() - self._origin) / self._ms)


def _recorded(ms: float) -> RunTask:
    """Spend a task's recorded duration; that it once failed changes nothing about the time."""

    async def run(task: Task) -> Ran:
        await asyncio.sleep(task.duration_ms * ms)
        return Ran(ok=True)

    return run


def observation(execution: Execution) -> str:
    """``<observation>`` with each task's status and result as JSON, in task order."""
    document = {
        task_id: {"status": run.status.value, "result": run.result}
        for task_id, run in execution.runs.items()
    }
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return f"<observation>\n{body}\n</observation>"
