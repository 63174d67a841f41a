"""The canary's verdict: harm of one day is not hidden by the days around it, and luck is no harm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from random import Random

import pytest

from tests.operations.judged import CANDIDATE, NOON
from tests.unit.canary.rollouts import NOW, state
from tests.unit.replay.builders import a_row, a_trajectory, a_turn
from tracebridge.canary.stages import rollback
from tracebridge.domain.errors import RolloutRefusedError
from tracebridge.domain.replay import Decision, DecisionReason, Metric, ReplayRow
from tracebridge.domain.trajectory import Trajectory
from tracebridge.domain.verdict import Outcome, Verdict
from tracebridge.operations.canary_report import canary_verdict, report_canary
from tracebridge.operations.evidence import Evidence
from tracebridge.operations.promotion import judge_candidate, promote_candidate
from tracebridge.settings import Settings

LIVE = state()
_NUMBERS = count()


@dataclass(frozen=True)
class Day:
    """A day of the canary: units a side, how often each side does well, and how long it takes."""

    units: int = 60
    good: float = 0.7
    control_good: float = 0.7
    latency_s: float = 10.0
    control_latency_s: float = 10.0
    split: float = 1.0
    """Units of the candidate's side for each of the control's."""


type Served = tuple[Decision, Trajectory, ReplayRow]


def evidence(days: Iterable[Day], *, seed: int = 1) -> Evidence:
    """What the log would show of these days, after a day without a canary that sets the caps."""
    draw = Random(seed)
    served = [*_before(draw)]
    for number, day in enumerate(days):
        for position in range(int(day.units * max(day.split, 1.0))):
            at = number * 24 * 60 + position
            if position < day.units * day.split:
                served.append(_served(draw, at, "candidate", day.good, day.latency_s))
            if position < day.units:
                served.append(_served(draw, at, "control", day.control_good, day.control_latency_s))
    decisions, trajectories, rows = zip(*served, strict=True)
    return Evidence(decisions, trajectories, {}, rows, ())


def _before(draw: Random) -> Iterator[Served]:
    for minute in range(50):
        decision, trajectory, row = _served(draw, minute - 24 * 60, "candidate", 0.7, 10.0)
        yield replace(decision, stage="shadow"), trajectory, row


def _served(draw: Random, minute: int, side: str, good: float, latency_s: float) -> Served:
    name = f"{side}-{next(_NUMBERS)}"
    at = NOW + timedelta(minutes=minute)
    decision = Decision(
        decision_id=name,
        ts=at,
        unit=name,
        context_digest="",
        context={},
        policy_id=CANDIDATE if side == "candidate" else "baseline",
        arm="strong",
        propensity=0.1,
        stage="canary_10",
        reason=DecisionReason.ASSIGNED if side == "candidate" else DecisionReason.CONTROL,
    )
    turn = a_turn(f"tn_{name}", started_at=at)
    values = {
        Metric.OUTCOME: 1.0 if draw.random() < good else 0.2,
        Metric.COST: 0.002 * draw.uniform(0.9, 1.1),
        Metric.LATENCY: latency_s * draw.uniform(0.8, 1.2),
    }
    row = a_row(turn.turn_id, unit=name, day=at.date().isoformat(), values=values)
    return decision, replace(a_trajectory(turn), decision_id=name), row


def verdict(*days: Day, seed: int = 1) -> Verdict:
    return canary_verdict(evidence(days, seed=seed), LIVE)


def test_without_a_difference_the_canary_goes_on() -> None:
    found = verdict(Day(), Day(), Day())
    assert found.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert found.subject == CANDIDATE


def test_a_clear_and_lasting_gain_is_shown_better() -> None:
    found = verdict(*[Day(units=400, good=0.98, control_good=0.4)] * 4)
    assert found.outcome is Outcome.PROMOTE


def test_a_bad_first_day_is_rolled_back() -> None:
    found = verdict(Day(units=200, good=0.1))
    assert found.outcome is Outcome.ROLLBACK
    assert found.sentence.startswith("On 2026-02-09, route-strong does harm")


def test_harm_of_today_is_not_hidden_by_good_days_before() -> None:
    good = Day(units=300, good=0.9, control_good=0.6)
    found = verdict(good, good, good, Day(units=150, good=0.05))
    assert found.outcome is Outcome.ROLLBACK
    assert found.sentence.startswith("On 2026-02-12, ")


def test_a_slow_day_is_harm_even_where_answers_are_good() -> None:
    found = verdict(Day(), Day(units=150, good=0.9, latency_s=45.0))
    assert found.outcome is Outcome.ROLLBACK
    assert "latency" in found.sentence


def test_slow_harm_that_no_single_day_shows_is_found_over_all_days() -> None:
    daily = Day(units=30, good=0.42, control_good=0.7)
    alone = verdict(daily)
    assert alone.outcome is Outcome.INSUFFICIENT_EVIDENCE
    found = verdict(*[daily] * 25)
    assert found.outcome is Outcome.ROLLBACK
    assert found.sentence.startswith("route-strong does harm")


@pytest.mark.parametrize("seed", range(12))
def test_equal_sides_are_not_rolled_back_by_looking_daily(seed: int) -> None:
    """Two quiet weeks each; how often luck alarms at all is the monitor's own matter."""
    found = verdict(*[Day(units=40)] * 14, seed=seed)
    assert found.outcome is Outcome.INSUFFICIENT_EVIDENCE


def test_a_split_that_is_not_the_planned_one_is_invalid() -> None:
    found = verdict(Day(units=200, split=0.5))
    assert found.outcome is Outcome.INVALID


def test_only_what_this_stage_served_counts() -> None:
    whole = evidence([Day(units=200, good=0.1)])
    for change in (
        {"stage": "explore"},
        {"reason": "fallback:missing"},
        {"ts": NOW - timedelta(seconds=1)},
        {"policy_id": "another", "reason": "assigned"},
    ):
        decisions = tuple(replace(it, **change) for it in whole.decisions)  # type: ignore[arg-type]
        found = canary_verdict(replace(whole, decisions=decisions), LIVE)
        assert found.outcome is Outcome.INSUFFICIENT_EVIDENCE, change
        assert "0 and 0 units" in found.reasons[0].measured


def test_turns_that_the_log_does_not_show_yet_count_for_the_split_alone() -> None:
    whole = evidence([Day(units=50)])
    found = canary_verdict(replace(whole, rows=()), LIVE)
    assert found.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert "50 and 50 units" in found.reasons[0].measured


def test_one_wild_value_is_capped_and_no_harm() -> None:
    whole = evidence([Day(units=100)])
    wild = next(
        row
        for row in whole.rows
        if row.row_id.startswith("tn_candidate") and row.day >= "2026-02-09"
    )
    rows = tuple(
        replace(row, values={**row.values, Metric.LATENCY: 86_400.0, Metric.COST: 900.0})
        if row is wild
        else row
        for row in whole.rows
    )
    found = canary_verdict(replace(whole, rows=rows), LIVE)
    assert found.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert all(reason.result != "fail" for reason in found.reasons)


def test_without_a_live_candidate_there_is_no_report(settings: Settings) -> None:
    with pytest.raises(RolloutRefusedError, match="no candidate is live"):
        report_canary(settings, until=NOON)
    judged = judge_candidate(settings, CANDIDATE, now=NOON)
    promote_candidate(
        settings,
        CANDIDATE,
        reviewer="Dana",
        report_sha256=judged.binding.report_sha256,
        now=NOON,
    )
    found = report_canary(settings, until=NOON + timedelta(hours=1))
    assert found.outcome is Outcome.INSUFFICIENT_EVIDENCE
    (settings.rollout_folder / "live.json").write_text("{")
    with pytest.raises(RolloutRefusedError, match="not strict JSON"):
        report_canary(settings, until=NOON)
    rollback(settings.workspace, reason="test", now=NOON + timedelta(hours=2))
    with pytest.raises(RolloutRefusedError, match="no candidate is live"):
        report_canary(settings, until=NOON)
