from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from random import Random

import pytest

from tests.unit.replay.builders import START, a_reward, a_trajectory, a_turn
from tracebridge.domain.errors import ReplayError
from tracebridge.domain.replay import Metric, ReplayRow
from tracebridge.domain.trajectory import Reward, Trajectory, Trigger, TurnStatus
from tracebridge.replay.rows import contexts_of, replay_rows


def rows_of(*trajectories: Trajectory, rewards: Sequence[Reward] = ()) -> tuple[ReplayRow, ...]:
    by_turn = {reward.turn_id: reward for reward in rewards}
    return replay_rows(trajectories, by_turn, seed=7, train_fraction=0.4, folds=5)


@pytest.mark.parametrize("trigger", [Trigger.CRON, Trigger.HEARTBEAT, Trigger.SYSTEM])
def test_turns_that_nobody_asked_for_are_no_decisions(trigger: Trigger) -> None:
    assert rows_of(a_trajectory(a_turn(trigger=trigger))) == ()


def test_an_open_turn_waits_until_it_has_ended() -> None:
    assert rows_of(a_trajectory(a_turn(status=TurnStatus.OPEN))) == ()


@pytest.mark.parametrize(
    "status",
    [TurnStatus.COMPLETED, TurnStatus.FAILED, TurnStatus.ABORTED, TurnStatus.SILENT],
)
def test_every_way_to_end_is_a_decision(status: TurnStatus) -> None:
    """Leaving failures out would make every arm look good."""
    assert len(rows_of(a_trajectory(a_turn(status=status)))) == 1


def test_values_are_in_declared_units_and_only_where_observed() -> None:
    turn = a_turn(latency_ms=2_500, cost_usd_micros=1_200)
    reward = a_reward(turn.turn_id, outcome=0.75, label=-1.0)
    (row,) = rows_of(a_trajectory(turn), rewards=[reward])
    assert row.values == {
        Metric.OUTCOME: 0.75,
        Metric.LABEL: -1.0,
        Metric.COST: 0.0012,
        Metric.LATENCY: 2.5,
    }
    blank = a_turn(latency_ms=None, cost_usd_micros=None)
    abstained = a_reward(blank.turn_id, outcome=None)
    (row,) = rows_of(a_trajectory(blank), rewards=[abstained])
    assert row.values == {}


def test_a_decision_without_propensity_stays_to_be_counted() -> None:
    (row,) = rows_of(a_trajectory(a_turn(), propensity=None))
    assert (row.propensity, row.provenance) == (None, "unknown")


def test_rows_of_one_unit_share_split_and_fold_and_the_order_is_canonical() -> None:
    trajectories = [
        a_trajectory(
            a_turn(f"tn_{index}", started_at=START + timedelta(hours=index)),
            unit=f"chat-{index % 3}",
        )
        for index in range(12)
    ]
    rows = rows_of(*trajectories)
    shuffled = Random(1).sample(trajectories, len(trajectories))
    assert rows_of(*shuffled) == rows
    assert len({(row.unit, row.split, row.fold) for row in rows}) == 3


def test_the_day_is_the_utc_day() -> None:
    local = datetime(2026, 3, 2, 1, 30, tzinfo=timezone(timedelta(hours=9)))
    (row,) = rows_of(a_trajectory(a_turn(started_at=local)))
    assert row.day == "2026-03-01"


def test_context_keys_do_not_depend_on_the_order_of_features() -> None:
    one = a_trajectory(a_turn("tn_1"), context={"length": "long", "form": "code"})
    other = a_trajectory(a_turn("tn_2"), context={"form": "code", "length": "long"})
    rows = rows_of(one, other)
    assert {row.context_key for row in rows} == {"form=code|length=long"}
    assert contexts_of(rows) == {"form=code|length=long": {"form": "code", "length": "long"}}


def test_a_turn_twice_is_refused() -> None:
    twice = a_trajectory(a_turn())
    with pytest.raises(ReplayError, match="tn_1 appears twice"):
        rows_of(twice, twice)
