"""Steps are walked in order, each is remembered, and no failure is hidden."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes import StoppedClock, TickingClock
from tracebridge.domain.bundle import StepOutcome, StepStatus
from tracebridge.domain.errors import HookError, IngestError
from tracebridge.walk import Skipped, Walk, WalkEnded

NAMES = ("first", "second", "third", "fourth")
START = datetime(2026, 3, 2, 0, 15, tzinfo=UTC)


def a_walk() -> Walk:
    return Walk(StoppedClock(START), NAMES)


def raising(error: BaseException) -> Callable[[], Any]:
    def work() -> None:
        raise error

    return work


def outcomes(walk: Walk) -> list[str]:
    return [status.outcome.value for status in walk.statuses()]


def test_a_step_that_succeeds_gives_back_what_it_made() -> None:
    walk = a_walk()
    assert walk.step("first", lambda: 42) == 42
    assert walk.check("second", lambda: "made") == "made"
    assert outcomes(walk)[:2] == ["ok", "ok"]
    assert not walk.failed()


@pytest.mark.parametrize(
    "error",
    [IngestError("a.jsonl: cannot be read; check its rights."), OSError(28, "No space left")],
)
def test_a_failed_step_ends_the_walk_and_later_steps_name_it(error: Exception) -> None:
    walk = a_walk()
    walk.step("first", lambda: None)
    with pytest.raises(WalkEnded) as ended:
        walk.step("second", raising(error))
    assert ended.value.__cause__ is error
    assert walk.statuses() == (
        StepStatus("first", StepOutcome.OK),
        StepStatus("second", StepOutcome.FAILED, str(error)),
        StepStatus("third", StepOutcome.SKIPPED, "not reached: second failed"),
        StepStatus("fourth", StepOutcome.SKIPPED, "not reached: second failed"),
    )
    assert walk.failed()


def test_a_failed_check_is_remembered_and_the_walk_goes_on() -> None:
    walk = a_walk()
    assert walk.check("first", raising(HookError("runtime hook: no effect"))) is None
    assert walk.step("second", lambda: "made") == "made"
    assert walk.statuses()[0] == StepStatus("first", StepOutcome.FAILED, "runtime hook: no effect")
    assert outcomes(walk)[:2] == ["failed", "ok"]
    assert walk.failed()


@pytest.mark.parametrize("way", ["step", "check"])
def test_skipped_is_neither_done_nor_failed_nor_ever_reported_as_done(way: str) -> None:
    walk = a_walk()
    getattr(walk, way)("first", lambda: Skipped("the package is not installed"))
    assert walk.statuses()[0] == StepStatus(
        "first", StepOutcome.SKIPPED, "the package is not installed"
    )
    assert not walk.failed()
    assert "step_ok" not in [event.event for event in walk.telemetry()]


def test_the_first_of_several_failures_is_the_one_that_is_named() -> None:
    walk = a_walk()
    walk.check("first", raising(HookError("one")))
    with pytest.raises(WalkEnded):
        walk.step("second", raising(IngestError("two")))
    assert walk.statuses()[3].detail == "not reached: first failed"


def test_what_was_not_reached_is_skipped_even_where_nothing_failed() -> None:
    walk = a_walk()
    walk.step("first", lambda: None)
    assert walk.statuses()[1:] == tuple(
        StepStatus(name, StepOutcome.SKIPPED, "not reached") for name in NAMES[1:]
    )


def test_the_step_that_asks_counts_as_done_unless_it_is_known_to_have_failed() -> None:
    walk = a_walk()
    assert walk.statuses(reached="third")[2].outcome is StepOutcome.OK
    walk.check("third", raising(IngestError("no")))
    assert walk.statuses(reached="third")[2].outcome is StepOutcome.FAILED


@pytest.mark.parametrize("way", ["step", "check"])
def test_a_name_that_nobody_declared_is_refused_and_its_work_not_done(way: str) -> None:
    walk, done = a_walk(), list[str]()
    with pytest.raises(KeyError, match="fifth"):
        getattr(walk, way)("fifth", lambda: done.append("fifth"))
    assert done == []
    assert [event.event for event in walk.telemetry()] == ["cycle_started"]


@pytest.mark.parametrize("way", ["step", "check"])
@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyError("x"), KeyboardInterrupt()])
def test_a_defect_of_the_program_is_not_swallowed(way: str, error: BaseException) -> None:
    walk = a_walk()
    with pytest.raises(type(error)):
        getattr(walk, way)("first", raising(error))
    assert walk.statuses()[0].outcome is not StepOutcome.OK


def test_telemetry_is_in_order_numbered_and_timed() -> None:
    walk = Walk(TickingClock(START), NAMES)
    walk.step("first", lambda: None)
    walk.check("second", raising(HookError("no effect")))
    walk.check("third", lambda: Skipped("absent"))
    events = walk.telemetry()
    assert [event.seq for event in events] == list(range(len(events)))
    assert [(event.event, event.step) for event in events] == [
        ("cycle_started", None),
        ("step_started", "first"),
        ("step_ok", "first"),
        ("step_started", "second"),
        ("step_failed", "second"),
        ("step_started", "third"),
        ("step_skipped", "third"),
    ]
    stamps = [str(event.attrs["ts"]) for event in events]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == len(stamps)
    assert events[2].attrs["elapsed_ms"] == 10
    assert events[4].attrs["detail"] == "no effect"


def test_an_orchestrator_runs_the_work_itself_and_is_told_its_name() -> None:
    seen = []

    def call(name: str, work: Callable[[], Any]) -> Any:
        seen.append(name)
        return work()

    walk = Walk(StoppedClock(START), NAMES, call)
    assert walk.step("first", lambda: 1) == 1
    walk.check("second", raising(HookError("no")))
    assert seen == ["first", "second"]
    assert outcomes(walk)[:2] == ["ok", "failed"]
