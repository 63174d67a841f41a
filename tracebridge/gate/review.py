"""The review that ends phase 1: its exit criteria over the last days, each with its evidence.

The criteria are those of ``docs/PHASED_ADOPTION_PLAN.md``. Cycles go in as plain records, so the
same records always give the same report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import NoReturn

from tracebridge.domain.bundle import StepStatus
from tracebridge.domain.verdict import CheckResult, Reason

DEFAULT_DAYS = 3


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """What the review must know of one sealed cycle."""

    bundle_id: str
    day: date
    """The UTC day that the cycle covered."""
    status: str
    """``ok`` or ``failed``."""
    runtime_hook: str
    """``ok``, ``failed`` or ``skipped``."""
    uplifts: Mapping[str, float]
    """Policy id to its contrast with the baseline on the primary metric, where estimable."""
    winner: str | None
    inputs_digest: str
    """Over the data that went in: logs, ledger, deliveries, decisions. Not the configuration."""
    events: int
    """Events up to the end of the day: history only grows."""
    lines: int
    """Source lines read up to then."""
    quarantined: int
    """Of them, lines that could not be read."""
    labels: int
    labels_traced: int
    """Labels whose every update id is in the ledger."""
    harvested: bool
    """The reaction harvest ran on that day, whether or not anybody reacted."""
    chunk_rule_applied: bool
    """The join labeled whole delivery batches by the documented chunk rule."""
    verify_problems: int
    """What ``bundle verify`` finds now: altered, missing or surplus files."""
    integrity_problems: tuple[str, ...] = ()
    """Failed integrity checks that the cycle itself recorded."""
    steps: tuple[StepStatus, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """Every criterion and what came of all of them. Compare ``result``; it has no truth value."""

    criteria: tuple[Reason, ...]
    result: CheckResult
    """``pass`` if every criterion passes, else ``fail``."""
    days: tuple[date, ...]
    """The days that were reviewed, oldest first."""
    sentence: str

    def __bool__(self) -> NoReturn:
        raise TypeError("compare review.result with `is`; a report has no truth value")


def review(
    cycles: Sequence[CycleRecord],
    *,
    chunk_policy_documented: bool,
    days: int = DEFAULT_DAYS,
    damaged: Sequence[str] = (),
) -> ReviewReport:
    """Review the exit criteria of phase 1 since the ``days``-th last day with a successful cycle.

    Where several cycles cover one day, its newest successful one speaks for it. Failures of
    runtime hooks, of integrity and of the harvest count from every cycle since then. ``damaged``
    names bundles whose seal cannot be read: of which day they are nobody can say, so each counts.
    """
    ordered = sorted(cycles, key=lambda cycle: (cycle.day, cycle.bundle_id))
    successes = {cycle.day: cycle for cycle in ordered if cycle.status == "ok"}
    speaking = list(successes.values())[-days:]
    since = speaking[0].day if len(speaking) == days else date.min
    recent = [cycle for cycle in ordered if cycle.day >= since]
    criteria = (
        _successful_cycles(recent, days),
        _runtime_hooks(recent, speaking),
        _uplift(speaking, days),
        _distinct_inputs(speaking),
        _integrity(recent, speaking, damaged),
        _harvest(recent, days),
        _labels_traced(recent),
        _chunk_policy(speaking, documented=chunk_policy_documented),
    )
    failed = [reason.check for reason in criteria if reason.result is not CheckResult.PASS]
    sentence = (
        f"Phase 1 is not over: {', '.join(failed)} not met."
        if failed
        else f"Every exit criterion of phase 1 holds over {days} days."
    )
    result = CheckResult.FAIL if failed else CheckResult.PASS
    return ReviewReport(criteria, result, tuple(sorted({c.day for c in recent})), sentence)


def _criterion(check: str, measured: str, required: str, problems: Sequence[str]) -> Reason:
    result = CheckResult.FAIL if problems else CheckResult.PASS
    return Reason(check, result, measured, required, "; ".join(problems))


def _successful_cycles(recent: Sequence[CycleRecord], days: int) -> Reason:
    good = sorted({cycle.day for cycle in recent if cycle.status == "ok"})
    problems = []
    if len(good) < days:
        failed = ", ".join(cycle.bundle_id for cycle in recent if cycle.status != "ok")
        problems.append("too few days" + (f"; failed cycles: {failed}" if failed else ""))
    return _criterion(
        "successful_cycles",
        f"successful cycles on {len(good)} different days",
        f">= {days} different days",
        problems,
    )


def _runtime_hooks(recent: Sequence[CycleRecord], speaking: Sequence[CycleRecord]) -> Reason:
    problems = [f"failed in {c.bundle_id}" for c in recent if c.runtime_hook == "failed"]
    ran = [cycle for cycle in speaking if cycle.runtime_hook == "ok"]
    problems += [
        f"did not run in {cycle.bundle_id} ({cycle.runtime_hook})"
        for cycle in speaking
        if cycle.runtime_hook not in {"ok", "failed"} and not ran
    ]
    if not speaking:
        problems.append("no cycle succeeded")
    return _criterion(
        "runtime_hooks",
        f"ok on {len(ran)} of {len(speaking)} days",
        "no failure, and not skipped on every day",
        problems,
    )


def _uplift(speaking: Sequence[CycleRecord], days: int) -> Reason:
    """Some policy is estimated above the baseline on every day; the size does not matter."""
    policies = sorted({policy_id for cycle in speaking for policy_id in cycle.uplifts})
    steady = [
        policy_id
        for policy_id in policies
        if len(speaking) >= days
        and all(_is_positive(cycle.uplifts.get(policy_id)) for cycle in speaking)
    ]
    named = steady or policies
    measured = "; ".join(
        f"{policy_id} " + ", ".join(_uplift_text(c.uplifts.get(policy_id)) for c in speaking)
        for policy_id in named
    )
    return _criterion(
        "stable_uplift",
        measured or "no policy was estimable",
        f"one policy above the baseline on each of {days} days",
        [] if steady else ["no policy is above the baseline on every day"],
    )


def _is_positive(uplift: float | None) -> bool:
    return uplift is not None and math.isfinite(uplift) and uplift > 0


def _uplift_text(uplift: float | None) -> str:
    return "none" if uplift is None else f"{uplift:+.4f}"


def _distinct_inputs(speaking: Sequence[CycleRecord]) -> Reason:
    """The same data looked at three times is one day of evidence."""
    seen: dict[str, CycleRecord] = {}
    problems = []
    for cycle in speaking:
        first = seen.setdefault(cycle.inputs_digest, cycle)
        if first is not cycle:
            problems.append(f"{cycle.bundle_id} read the same data as {first.bundle_id}")
    return _criterion(
        "new_data_each_day",
        f"{len(seen)} different inputs on {len(speaking)} days",
        "new data on every day",
        problems if speaking else ["no cycle succeeded"],
    )


def _integrity(
    recent: Sequence[CycleRecord], speaking: Sequence[CycleRecord], damaged: Sequence[str]
) -> Reason:
    problems = [f"{name}: the seal cannot be read" for name in damaged]
    problems += [
        f"{cycle.bundle_id} has {cycle.verify_problems} altered or missing files"
        for cycle in recent
        if cycle.verify_problems
    ]
    problems += [
        f"{cycle.bundle_id}: {problem}" for cycle in recent for problem in cycle.integrity_problems
    ]
    for earlier, later in pairwise(speaking):
        if later.events < earlier.events:
            problems.append(
                f"{later.bundle_id} lost {earlier.events - later.events} events of "
                f"{earlier.bundle_id}"
            )
        if _is_rise(earlier, later):
            problems.append(
                f"{later.bundle_id} cannot read {later.quarantined} of {later.lines} lines, "
                f"{earlier.bundle_id} {earlier.quarantined} of {earlier.lines}"
            )
    return _criterion(
        "data_integrity",
        f"{len(problems)} regressions",
        "unaltered bundles, no lost events, no rise of unreadable lines",
        problems if speaking else ["no cycle succeeded"],
    )


def _is_rise(earlier: CycleRecord, later: CycleRecord) -> bool:
    """Whether the later cycle's new lines hold more unreadable ones than chance explains.

    Three standard deviations of a Poisson count at the earlier rate; after a clean history the
    first unreadable line is a rise.
    """
    new_lines = later.lines - earlier.lines
    new_bad = later.quarantined - earlier.quarantined
    rate = earlier.quarantined / earlier.lines if earlier.lines else 0.0
    expected = rate * max(new_lines, 0)
    return new_bad > expected + 3.0 * math.sqrt(expected)


def _harvest(recent: Sequence[CycleRecord], days: int) -> Reason:
    """Every calendar day of the stretch counts: an update not fetched in a day is gone."""
    harvested = {cycle.day for cycle in recent if cycle.harvested}
    wanted: list[date] = []
    if recent:
        first, last = recent[0].day, recent[-1].day
        stretch = max((last - first).days + 1, days)
        wanted = [last - timedelta(days=back) for back in reversed(range(stretch))]
    problems = [f"no harvest on {day.isoformat()}" for day in wanted if day not in harvested]
    return _criterion(
        "daily_harvest",
        f"harvested on {len(wanted) - len(problems)} of {len(wanted)} days",
        "a harvest on every day",
        problems if wanted else ["no cycle ran"],
    )


def _labels_traced(recent: Sequence[CycleRecord]) -> Reason:
    return _each(
        recent,
        "auditable_labels",
        "every label traces to an update of the ledger",
        lambda cycle: (
            f"{cycle.bundle_id}: {cycle.labels - cycle.labels_traced} of {cycle.labels} labels "
            "trace to no update"
            if cycle.labels_traced != cycle.labels
            else ""
        ),
    )


def _chunk_policy(speaking: Sequence[CycleRecord], *, documented: bool) -> Reason:
    applied = _each(
        speaking,
        "chunk_policy",
        "documented, and applied by every join",
        lambda cycle: "" if cycle.chunk_rule_applied else f"not applied in {cycle.bundle_id}",
    )
    if documented:
        return applied
    undocumented = "docs/PHASED_ADOPTION_PLAN.md has no section on it"
    problems = [undocumented, *([applied.detail] if applied.detail else [])]
    return _criterion(applied.check, applied.measured, applied.required, problems)


def _each(
    cycles: Sequence[CycleRecord],
    check: str,
    required: str,
    problem_of: Callable[[CycleRecord], str],
) -> Reason:
    problems = [problem for cycle in cycles if (problem := problem_of(cycle))]
    measured = f"{len(cycles) - len(problems)} of {len(cycles)} cycles"
    return _criterion(check, measured, required, problems if cycles else ["no cycle ran"])
