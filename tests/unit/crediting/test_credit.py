"""How a reward is shared out over the steps."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given

from tests.unit.crediting.cases import (
    ERROR,
    LABELS,
    NO_RESULT,
    OK,
    TURNS,
    profiles,
    served,
    turn_of,
)
from tracebridge.crediting.credit import credit_of
from tracebridge.crediting.profiles import DEFAULT_PROFILE, RewardProfile
from tracebridge.crediting.rewards import reward_of
from tracebridge.domain.feedback import Label
from tracebridge.domain.trajectory import Credit, Turn, TurnStatus


def credits_of(turn: Turn, total: float | None = None) -> tuple[Credit, ...]:
    trajectory = served(turn)
    reward = reward_of(trajectory, (), DEFAULT_PROFILE)
    return credit_of(trajectory, reward if total is None else replace(reward, total=total))


def test_a_good_turn_is_shared_evenly_and_a_failure_made_good_earns_nothing() -> None:
    turn = turn_of([("exec", ERROR)], [("exec", OK)])
    credits_ = credits_of(turn, total=0.8)
    assert [it.share for it in credits_] == pytest.approx([0.2, 0.0, 0.2, 0.2, 0.2])
    assert {it.rule for it in credits_} == {"even_over_steps"}
    assert [it.step_id for it in credits_] == [step.step_id for step in turn.steps]


def test_the_last_failure_that_stands_bears_the_loss() -> None:
    turn = turn_of([("read", ERROR)], [("exec", ERROR), ("read", OK)])
    credits_ = credits_of(turn, total=0.1)
    shares = {it.step_id: it.share for it in credits_}
    failed = next(it for it in turn.steps if it.tool_name == "exec")
    assert min(shares, key=lambda it: shares[it]) == failed.step_id
    assert shares[failed.step_id] == pytest.approx(1 / 6 - 0.9)
    assert {it.rule for it in credits_} == {"last_failed_step_blamed"}


@pytest.mark.parametrize("status", [TurnStatus.FAILED, TurnStatus.ABORTED])
def test_a_turn_that_fails_openly_blames_the_step_that_failed_last(status: TurnStatus) -> None:
    turn = turn_of([("exec", ERROR)], [("exec", OK)], status=status)
    credits_ = credits_of(turn)
    worst = min(credits_, key=lambda it: it.share)
    assert worst.step_id == turn.steps[-1].step_id


def test_a_call_without_a_result_can_be_blamed() -> None:
    turn = turn_of([("exec", NO_RESULT)])
    worst = min(credits_of(turn), key=lambda it: it.share)
    assert worst.step_id == turn.steps[1].step_id


def test_where_no_step_ended_well_all_share() -> None:
    turn = turn_of()
    turn = replace(turn, steps=tuple(replace(step, status=ERROR) for step in turn.steps * 2))
    assert [it.share for it in credits_of(turn, total=0.5)] == [0.25, 0.25]


def test_an_abstention_and_a_turn_without_steps_give_no_credit() -> None:
    assert credits_of(turn_of()) == ()
    assert credits_of(replace(turn_of(), steps=()), total=0.5) == ()


@given(TURNS, LABELS, profiles())
def test_shares_sum_to_the_total(turn: Turn, labels: list[Label], profile: RewardProfile) -> None:
    trajectory = served(turn)
    reward = reward_of(trajectory, labels, profile)
    credits_ = credit_of(trajectory, reward)
    assert bool(credits_) == (reward.total is not None and bool(turn.steps))
    if reward.total is not None and credits_:
        assert math.fsum(it.share for it in credits_) == pytest.approx(reward.total, abs=1e-12)
        assert [it.step_id for it in credits_] == [step.step_id for step in turn.steps]
        assert all(it.share <= 1.0 for it in credits_)
        assert len({it.rule for it in credits_}) == 1
