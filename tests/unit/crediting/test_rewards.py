"""Laws of rewards: what moves them, what must not, and when they abstain."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.crediting.cases import (
    BATCHES,
    ERROR,
    LABELS,
    NO_RESULT,
    OK,
    TURNS,
    Batch,
    label,
    profiles,
    served,
    turn_of,
)
from tracebridge.crediting.profiles import DEFAULT_PROFILE, LABEL, TASK_OUTCOME, RewardProfile
from tracebridge.crediting.rewards import reward_of
from tracebridge.domain.feedback import Label
from tracebridge.domain.trajectory import Reward, Turn, TurnStatus

OPENLY = (TurnStatus.FAILED, TurnStatus.ABORTED)


def reward(turn: Turn, *labels: Label, profile: RewardProfile = DEFAULT_PROFILE) -> Reward:
    return reward_of(served(turn), labels, profile)


def value(turn: Turn, component: str, *labels: Label) -> float | None:
    (score,) = [it for it in reward(turn, *labels).components if it.name == component]
    return score.value


def outcome(turn: Turn, profile: RewardProfile = DEFAULT_PROFILE) -> float:
    total = reward(turn, profile=profile).outcome_total
    assert total is not None
    return total


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([], None),
        ([[("exec", OK)]], 1.0),
        ([[("exec", ERROR)]], 0.0),
        ([[("exec", NO_RESULT)]], 0.0),
        ([[("exec", ERROR)], [("exec", OK)]], 1.0),
        ([[("exec", OK)], [("exec", ERROR)]], 0.0),
        ([[("exec", ERROR)], [("read", OK)]], 0.0),
        ([[("exec", ERROR), ("exec", OK)]], 0.0),
        ([[("exec", OK), ("exec", ERROR)]], 0.0),
        ([[("exec", ERROR), ("read", ERROR)], [("read", OK), ("exec", OK)]], 1.0),
        ([[("exec", ERROR)], [("exec", OK)], [("exec", ERROR)]], 0.0),
    ],
)
def test_task_outcome_is_the_last_state_of_the_tools(
    batches: list[Batch], expected: float | None
) -> None:
    assert value(turn_of(*batches), TASK_OUTCOME) == expected


@pytest.mark.parametrize("status", OPENLY)
def test_a_turn_that_fails_openly_has_not_met_its_request(status: TurnStatus) -> None:
    assert value(turn_of([("exec", OK)], status=status), TASK_OUTCOME) == 0.0
    assert value(turn_of(status=status), TASK_OUTCOME) is None, "no tool: no evidence either way"


def test_worked_examples_of_the_default_profile() -> None:
    clean = turn_of([("exec", OK)])
    assert reward(clean).total == pytest.approx(1.0)
    hidden = turn_of([("exec", ERROR)])
    assert reward(hidden).total == pytest.approx(0.10 / 0.80)
    failed = turn_of([("exec", ERROR)], status=TurnStatus.FAILED)
    assert reward(failed).total == pytest.approx((0.20 * 0.5 + 0.10) / 0.80)
    slow = turn_of([("exec", OK)], latency_ms=120_000)
    assert reward(slow).total == pytest.approx((0.40 + 0.20 + 0.10 * 0.75 + 0.10) / 0.80)
    assert reward(clean, label(-1.0)).total == pytest.approx(0.80 + 0.20 * 0.25)
    assert reward(clean, label(-1.0)).outcome_total == pytest.approx(1.0)


def test_an_open_turn_is_not_judged() -> None:
    open_turn = turn_of([("exec", ERROR)], status=TurnStatus.OPEN)
    judged = reward(open_turn)
    assert (judged.total, judged.outcome_total, judged.evidence_weight) == (None, None, 0.0)
    assert all(it.value is None for it in judged.components)


def test_without_tools_only_a_person_can_say_whether_it_was_right() -> None:
    assert reward(turn_of()).total is None
    judged = reward(turn_of(), label(2.0))
    assert judged.total == pytest.approx(1.0)
    assert judged.outcome_total is None
    assert judged.evidence_weight == pytest.approx(0.6)


def test_labels_are_averaged_by_weight_and_those_not_in_use_are_ignored() -> None:
    labels = [
        label(2.0, weight=0.75, number=1),
        label(-2.0, weight=0.25, number=2),
        label(-2.0, weight=0.0, number=3),
        label(-2.0, turn_id="tn_other", number=4),
    ]
    judged = reward(turn_of(), *labels)
    assert judged.label == pytest.approx(1.0)
    assert value(turn_of(), LABEL, *labels) == pytest.approx(0.75)


def test_silence_of_the_agent_needs_no_format_but_hides_no_failure() -> None:
    assert value(turn_of([("exec", OK)], status=TurnStatus.SILENT), "format") is None
    assert value(turn_of([("exec", ERROR)], status=TurnStatus.SILENT), "format") == 0.0


def test_a_cut_answer_has_half_its_format() -> None:
    assert value(turn_of(stop_reason="length"), "format") == 0.5
    assert value(turn_of(), "format") == 1.0


@pytest.mark.parametrize(
    ("finds", "expected"),
    [({}, 1.0), ({"EMAIL": 3}, 1.0), ({"SECRET": 1}, 0.0), ({"SSN": 1}, 0.0), ({"CARD": 1}, 0.0)],
)
def test_what_no_answer_may_hold_takes_all_safety(finds: dict[str, int], expected: float) -> None:
    assert value(turn_of(answer_finds=finds), "safety") == expected


def test_a_forbidden_tool_takes_all_safety_even_if_it_failed() -> None:
    profile = replace(DEFAULT_PROFILE, forbidden_tools=("browser",))
    for ended in (OK, ERROR):
        judged = reward(turn_of([("browser", ended)]), profile=profile)
        assert [it.value for it in judged.components if it.name == "safety"] == [0.0]


@pytest.mark.parametrize(
    ("latency_ms", "calls", "expected"),
    [
        (60_000, 12, 1.0),
        (120_000, 12, 0.75),
        (60_000, 24, 0.75),
        (None, 24, 0.5),
        (None, 1, 1.0),
        (None, 0, None),
        (1, 0, 1.0),
    ],
)
def test_efficiency_is_budget_over_use(
    latency_ms: int | None, calls: int, expected: float | None
) -> None:
    turn = turn_of(*[[("exec", OK)]] * calls, latency_ms=latency_ms)
    assert value(turn, "efficiency") == expected


@given(BATCHES, profiles(), st.sampled_from(OPENLY), LABELS)
def test_hiding_a_failure_scores_worse_than_failing_openly(
    batches: list[Batch], profile: RewardProfile, openly: TurnStatus, labels: list[Label]
) -> None:
    """A reply over a failed last call, against the same turn that ends in an explicit failure."""
    batches = [*batches, [("exec", ERROR)]]
    for ending in (TurnStatus.COMPLETED, TurnStatus.SILENT):
        hidden = reward(turn_of(*batches, status=ending), *labels, profile=profile)
        admitted = reward(turn_of(*batches, status=openly), *labels, profile=profile)
        assert hidden.outcome_total is not None
        assert admitted.outcome_total is not None
        assert hidden.outcome_total < admitted.outcome_total
        assert hidden.total is not None
        assert admitted.total is not None
        assert hidden.total < admitted.total


@given(BATCHES, profiles(), st.sampled_from(OPENLY))
def test_calls_to_other_tools_cannot_buy_a_failure_off(
    batches: list[Batch], profile: RewardProfile, openly: TurnStatus
) -> None:
    others = [[(f"other {tool}", OK) for tool, _ in batch] for batch in batches]
    padded = [[("exec", ERROR)], *others]
    assert outcome(turn_of(*padded), profile) < outcome(turn_of(*padded, status=openly), profile)


@given(BATCHES, profiles(), st.sampled_from(OPENLY))
def test_failing_openly_never_beats_getting_it_done(
    batches: list[Batch], profile: RewardProfile, openly: TurnStatus
) -> None:
    done = [*batches, [(tool, OK) for tool in ("exec", "read", "browser")]]
    failed = turn_of(*done, status=openly)
    assert outcome(failed, profile) < outcome(turn_of(*done), profile)


def reworded(turn: Turn) -> Turn:
    def new(text: str | None) -> str | None:
        return None if text is None else text.replace("error", "issue").replace("Error", "Issue")

    steps = tuple(
        replace(step, output=new(step.output), arguments=new(step.arguments)) for step in turn.steps
    )
    return replace(
        turn,
        steps=steps,
        answer_text=new(turn.answer_text) or "",
        request_text=new(turn.request_text) or "",
    )


@given(TURNS, LABELS, profiles())
def test_renaming_every_error_moves_no_reward(
    turn: Turn, labels: list[Label], profile: RewardProfile
) -> None:
    assert reward(reworded(turn), *labels, profile=profile) == reward(
        turn, *labels, profile=profile
    )


@given(TURNS, st.text(min_size=1), st.text(), profiles())
def test_no_text_at_all_moves_a_reward(
    turn: Turn, answer: str, output: str, profile: RewardProfile
) -> None:
    steps = tuple(replace(step, output=output, arguments=output) for step in turn.steps)
    said = replace(turn, steps=steps, request_text=output)
    said = replace(said, answer_text=answer) if turn.answer_text else said
    assert reward(said, profile=profile) == reward(turn, profile=profile)


@given(TURNS, LABELS, profiles())
def test_totals_and_values_stay_in_their_range(
    turn: Turn, labels: list[Label], profile: RewardProfile
) -> None:
    judged = reward(turn, *labels, profile=profile)
    for number in (judged.total, judged.outcome_total, *(it.value for it in judged.components)):
        assert number is None or 0.0 <= number <= 1.0
    assert judged.label is None or -2.0 <= judged.label <= 2.0
    assert 0.0 <= judged.evidence_weight <= 1.0
    assert [it.name for it in judged.components] == list(profile.weights)


@given(TURNS, LABELS, profiles())
def test_a_total_is_the_weighted_mean_of_what_there_is_evidence_for(
    turn: Turn, labels: list[Label], profile: RewardProfile
) -> None:
    judged = reward(turn, *labels, profile=profile)
    found = [it for it in judged.components if it.value is not None]
    correct = [it for it in found if it.name.startswith("correctness.")]
    assert (judged.total is None) == (not correct)
    assert (judged.outcome_total is None) == (TASK_OUTCOME not in {it.name for it in found})
    if judged.total is not None:
        weight = sum(it.weight for it in found)
        assert judged.total == pytest.approx(sum(it.weight * it.value for it in found) / weight)
    assert judged.evidence_weight == pytest.approx(sum(it.weight for it in found))


@given(TURNS, LABELS, profiles())
def test_silence_changes_nothing(turn: Turn, labels: list[Label], profile: RewardProfile) -> None:
    """Nobody reacting, or a label that is not in use, is neither praise nor blame."""
    quiet = [label(-2.0, weight=0.0, number=200), label(2.0, turn_id="tn_2", number=201)]
    assert reward(turn, *labels, *quiet, profile=profile) == reward(turn, *labels, profile=profile)
    unlabeled = reward(turn, profile=profile)
    assert unlabeled.label is None
    assert unlabeled.total == unlabeled.outcome_total


@given(TURNS, LABELS, profiles(), st.randoms(use_true_random=False))
def test_the_order_of_labels_does_not_matter(
    turn: Turn, labels: list[Label], profile: RewardProfile, random: Random
) -> None:
    shuffled = list(labels)
    random.shuffle(shuffled)
    assert reward(turn, *shuffled, profile=profile) == reward(turn, *labels, profile=profile)


@given(TURNS, LABELS, LABELS, profiles())
def test_a_label_never_moves_the_outcome(
    turn: Turn, labels: list[Label], others: list[Label], profile: RewardProfile
) -> None:
    one, other = reward(turn, *labels, profile=profile), reward(turn, *others, profile=profile)
    assert one.outcome_total == other.outcome_total


@given(TURNS, profiles(), st.sampled_from([-2.0, -1.0, 0.0, 1.0]), st.sampled_from([0.5, 1.0]))
def test_a_better_label_never_lowers_a_total(
    turn: Turn, profile: RewardProfile, score: float, more: float
) -> None:
    low = reward(turn, label(score), profile=profile).total
    high = reward(turn, label(score + more), profile=profile).total
    if LABEL in profile.weights:
        assert low is not None
        assert high is not None
        assert low < high or math.isclose(low, high)
    else:
        assert low == high
