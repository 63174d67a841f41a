"""Evidence that may be looked at every day, and what the monitor makes of it."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared import shared_path
from tracebridge.canary.evidence import betting_wealth, sample_ratio_log_odds
from tracebridge.canary.monitor import SliceMetric, judge_canary
from tracebridge.domain.errors import CanaryError
from tracebridge.domain.verdict import CheckResult, Outcome

# --- the e-process ---------------------------------------------------------------------------


def test_crossings_bracket_the_reference_confidence_sequence() -> None:
    """A two-sided betting sequence at 5 % is two one-sided processes at 2.5 % each."""
    oracle = json.loads(shared_path("oracles/gate/confidence_sequences.json").read_text())
    sequence = oracle["sequences"]["bernoulli_0.7"]
    bounds = sequence["betting_cs_default(breaks=1000)"]
    threshold = math.log(1 / 0.025)

    def crossed(values: list[float], mean: float) -> bool:
        return betting_wealth(values, null_mean=mean, alpha=0.025).final >= threshold

    for at, lower, upper in zip(
        sequence["report_at_t"], bounds["lower"], bounds["upper"], strict=True
    ):
        values = sequence["data"][:at]
        mirrored = [1 - value for value in values]
        # The reference walks a grid of 1/1000 and reports the point outside.
        assert crossed(values, lower - 0.002)
        assert not crossed(values, lower + 0.002)
        if upper < 1:
            assert crossed(mirrored, 1 - (upper + 0.002))
            assert not crossed(mirrored, 1 - (upper - 0.002))


@given(
    st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=1, max_size=6),
    st.floats(0.05, 0.95),
)
def test_no_bet_can_be_expected_to_win_when_the_null_holds(
    past: list[float], null_mean: float
) -> None:
    """The conditional expectation of the next factor is 1 at the null mean, whatever came before:
    the defining property of the process."""
    before = betting_wealth(past, null_mean=null_mean, alpha=0.05).final
    win = betting_wealth([*past, 1.0], null_mean=null_mean, alpha=0.05).final
    lose = betting_wealth([*past, 0.0], null_mean=null_mean, alpha=0.05).final
    expected = null_mean * math.exp(win - before) + (1 - null_mean) * math.exp(lose - before)
    assert expected == pytest.approx(1.0)


@pytest.mark.parametrize(("values", "mean"), [([1.1], 0.5), ([float("nan")], 0.5), ([0.5], 1.0)])
def test_values_outside_the_unit_interval_are_refused(values: list[float], mean: float) -> None:
    with pytest.raises(CanaryError):
        betting_wealth(values, null_mean=mean, alpha=0.05)


def test_sample_ratio_agrees_with_the_reference() -> None:
    oracle = json.loads(shared_path("oracles/gate/gate_stats.json").read_text())
    for case in oracle["srm"]:
        log_odds = sample_ratio_log_odds(case["counts"], case["theta"])
        assert log_odds == pytest.approx(case["sequential_k100_log_odds"], abs=1e-6)
        assert min(1, math.exp(-log_odds)) == pytest.approx(case["sequential_p"], rel=1e-6)


# --- the verdict -----------------------------------------------------------------------------


def outcomes(seed: int, uplift: float, pairs: int) -> SliceMetric:
    """Unit means of a few binary turns each, around 0.6, with a unit's own luck."""
    draw = random.Random(seed)

    def unit(shift: float) -> float:
        chance = min(1.0, max(0.0, 0.6 + shift + draw.gauss(0, 0.1)))
        return sum(draw.random() < chance for _ in range(4)) / 4

    return SliceMetric(
        name="outcome",
        candidate=tuple(unit(uplift) for _ in range(pairs)),
        control=tuple(unit(0.0) for _ in range(pairs)),
        low=0.0,
        high=1.0,
        primary=True,
        tolerated_loss=0.02,
    )


def cost(seed: int, ratio: float, pairs: int) -> SliceMetric:
    draw = random.Random(seed)
    return SliceMetric(
        name="cost",
        candidate=tuple(ratio * draw.uniform(0.01, 0.03) for _ in range(pairs)),
        control=tuple(draw.uniform(0.01, 0.03) for _ in range(pairs)),
        low=0.0,
        high=0.1,
        higher_is_better=False,
        tolerated_ratio=1.05,
    )


def judged(*metrics: SliceMetric, assigned: tuple[int, int] = (500, 500)) -> Outcome:
    return judge_canary("route-strong", metrics, assigned=assigned).outcome


def test_a_clear_gain_within_tolerance_opens_the_next_stage() -> None:
    verdict = judge_canary(
        "route-strong", [outcomes(1, 0.2, 800), cost(2, 0.8, 800)], assigned=(800, 810)
    )
    assert verdict.outcome is Outcome.PROMOTE
    assert {reason.result for reason in verdict.reasons} == {CheckResult.PASS}


def test_a_planted_regression_rolls_back_and_names_the_metric() -> None:
    verdict = judge_canary("route-strong", [outcomes(1, -0.35, 120)], assigned=(120, 118))
    assert verdict.outcome is Outcome.ROLLBACK
    assert "outcome" in verdict.sentence


def test_a_rollback_needs_no_minimum_of_units() -> None:
    awful = SliceMetric("outcome", (0.0,) * 40, (1.0,) * 40, 0.0, 1.0, primary=True)
    assert judged(awful) is Outcome.ROLLBACK


def test_a_better_but_too_costly_candidate_rolls_back() -> None:
    assert judged(outcomes(1, 0.2, 800), cost(2, 3.0, 800)) is Outcome.ROLLBACK


def test_a_gain_on_few_units_keeps_watching() -> None:
    great = SliceMetric("outcome", (1.0,) * 60, (0.0,) * 60, 0.0, 1.0, primary=True)
    verdict = judge_canary("route-strong", [great], assigned=(60, 60))
    assert verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert verdict.needs is not None
    assert "100 pairs" in verdict.needs


def test_no_effect_and_no_data_keep_watching_and_say_what_is_missing() -> None:
    for metric in (outcomes(3, 0.0, 200), outcomes(3, 0.0, 0)):
        verdict = judge_canary("route-strong", [metric], assigned=(200, 200))
        assert verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE
        assert verdict.needs


def test_a_gain_whose_cost_is_not_shown_within_budget_is_not_promoted() -> None:
    """Guardrails must be shown to hold; that nothing is shown against them is not enough."""
    assert judged(outcomes(1, 0.2, 800), cost(2, 1.04, 800)) is Outcome.INSUFFICIENT_EVIDENCE


def test_without_exactly_one_primary_metric_nothing_is_promoted() -> None:
    good = outcomes(1, 0.2, 800)
    assert judged(good) is Outcome.PROMOTE
    assert judged(replace(good, primary=False)) is Outcome.INSUFFICIENT_EVIDENCE
    assert judged(good, replace(good, name="other")) is Outcome.INSUFFICIENT_EVIDENCE
    assert judge_canary("x", [], assigned=(0, 0)).outcome is Outcome.INSUFFICIENT_EVIDENCE


def test_a_split_that_is_not_the_planned_one_makes_all_of_it_invalid() -> None:
    assert judged(outcomes(1, 0.2, 800), assigned=(800, 600)) is Outcome.INVALID


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_value_out_of_range_makes_all_of_it_invalid(value: float) -> None:
    good = outcomes(1, 0.2, 800)
    bad = replace(good, control=(value, *good.control[1:]))
    assert judged(bad) is Outcome.INVALID


def test_looking_every_day_seldom_rolls_back_or_promotes_without_an_effect() -> None:
    """Both false alarms are at most 5 % however often one looks; 300 worlds, 15 looks each."""
    rolled_back = promoted = 0
    for seed in range(300):
        whole = replace(outcomes(seed, 0.0, 300), tolerated_loss=0.0)
        for pairs in range(20, 301, 20):
            seen = replace(whole, candidate=whole.candidate[:pairs], control=whole.control[:pairs])
            outcome = judged(seen)
            if outcome is Outcome.ROLLBACK:
                rolled_back += 1
                break
            if outcome is Outcome.PROMOTE:
                promoted += 1
                break
    # 26 of 300 is the 99.9 % point of a true rate of 5 %.
    assert rolled_back <= 26
    assert promoted <= 26


def test_more_metrics_share_the_level_of_a_false_rollback() -> None:
    def harmful(pairs: int) -> SliceMetric:
        return SliceMetric("outcome", (0.4,) * pairs, (0.6,) * pairs, 0.0, 1.0, primary=True)

    pairs = next(n for n in range(1, 200) if judged(harmful(n)) is Outcome.ROLLBACK)
    same = SliceMetric("same", (0.5,) * pairs, (0.5,) * pairs, 0.0, 1.0)
    others = [replace(same, name=f"m{number}") for number in range(30)]
    assert judged(harmful(pairs), *others) is Outcome.INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize(
    "changes",
    [
        {"low": 1.0},
        {"low": float("nan")},
        {"tolerated_loss": 1.0},
        {"higher_is_better": False, "tolerated_ratio": 0.0},
        {"higher_is_better": False, "low": 0.5, "tolerated_ratio": 2.0},
    ],
)
def test_a_metric_that_could_show_nothing_is_refused(changes: dict[str, float]) -> None:
    whole = SliceMetric("outcome", (), (), 0.0, 1.0)
    with pytest.raises(CanaryError, match="outcome"):
        replace(whole, **changes)  # type: ignore[arg-type]
