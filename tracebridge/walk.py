"""How the steps of a cycle are walked: in order, each remembered, no failure hidden.

A *step* must succeed for the cycle to go on; a *check* may fail, and then the cycle goes on and
ends as failed. Either may return `Skipped`. What a step raises on purpose (``TraceBridgeError``)
or meets in the file system (``OSError``) is recorded; anything else is a defect of the program and
is not caught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tracebridge.domain.bundle import StepOutcome, StepStatus, Telemetry
from tracebridge.domain.errors import TraceBridgeError
from tracebridge.ports import Clock

_MILLISECOND = timedelta(milliseconds=1)

type Call = Callable[[str, Callable[[], Any]], Any]
"""Runs a named step: directly, or as a task of an orchestrator."""


def directly(name: str, step: Callable[[], Any]) -> Any:  # noqa: ARG001 - the plain Call
    """Run the step here and now."""
    return step()


@dataclass(frozen=True, slots=True)
class Skipped:
    """What a step returns that did not do its work, and why. It never counts as done."""

    why: str


class WalkEnded(TraceBridgeError):  # noqa: N818 - the end of a walk, not an error of its own
    """A step failed, so the steps behind it cannot run."""


class Walk:
    """The record of one cycle's steps and its telemetry."""

    def __init__(self, clock: Clock, names: tuple[str, ...], call: Call = directly) -> None:
        self._clock = clock
        self._names = names
        self._call = call
        self._statuses: dict[str, StepStatus] = {}
        self._telemetry: list[Telemetry] = []
        self._emit("cycle_started")

    def step[T](self, name: str, work: Callable[[], T]) -> T:
        """Run a step that later ones stand on.

        Raises:
            WalkEnded: the step failed; its sentence is kept in the statuses.
        """
        try:
            return self._run(name, work)
        except (TraceBridgeError, OSError) as error:
            self._fail(name, error)
            raise WalkEnded(f"{name}: {error}") from error

    def check[T](self, name: str, work: Callable[[], T]) -> T | None:
        """Run a step that nothing stands on; ``None`` if it failed."""
        try:
            return self._run(name, work)
        except (TraceBridgeError, OSError) as error:
            self._fail(name, error)
            return None

    def statuses(self, *, reached: str | None = None) -> tuple[StepStatus, ...]:
        """Every step in order; those never reached are skipped, naming the one that failed.

        ``reached`` names the step that is asking: it counts as done while it runs.
        """
        failed = next((s.name for s in self._statuses.values() if s.outcome == "failed"), None)
        missing = f"not reached: {failed} failed" if failed else "not reached"
        return tuple(
            self._statuses.get(name)
            or (
                StepStatus(name, StepOutcome.OK)
                if name == reached
                else StepStatus(name, StepOutcome.SKIPPED, missing)
            )
            for name in self._names
        )

    def telemetry(self) -> tuple[Telemetry, ...]:
        """Every event of the walk so far, in order."""
        return tuple(self._telemetry)

    def failed(self) -> bool:
        """Whether any step or check failed."""
        return any(status.outcome is StepOutcome.FAILED for status in self._statuses.values())

    def _run[T](self, name: str, work: Callable[[], T]) -> T:
        if name not in self._names:
            raise KeyError(name)
        started = self._clock.now()
        self._emit("step_started", name)
        result: T = self._call(name, work)
        elapsed = self._clock.now() - started
        status = StepStatus(name, StepOutcome.OK)
        if isinstance(result, Skipped):
            status = StepStatus(name, StepOutcome.SKIPPED, result.why)
        self._record(status, elapsed_ms=round(elapsed / _MILLISECOND))
        return result

    def _fail(self, name: str, error: Exception) -> None:
        self._record(StepStatus(name, StepOutcome.FAILED, str(error)))

    def _record(self, status: StepStatus, **attrs: int) -> None:
        self._statuses[status.name] = status
        self._emit(f"step_{status.outcome.value}", status.name, detail=status.detail, **attrs)

    def _emit(self, event: str, step: str | None = None, **attrs: str | int) -> None:
        stamp = self._clock.now().isoformat()
        self._telemetry.append(Telemetry(len(self._telemetry), event, step, {"ts": stamp, **attrs}))
