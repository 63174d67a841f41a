"""What each estimator computes, on panels small enough to work out by hand."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ope import world
from tracebridge.domain.errors import EstimationError
from tracebridge.domain.replay import Cell, Policy, PolicyRule
from tracebridge.ope.dm import dm
from tracebridge.ope.dr import dr
from tracebridge.ope.ipw import ipw
from tracebridge.ope.panel import panel_of, target_of
from tracebridge.ope.reward_model import fit_reward_model
from tracebridge.ope.snipw import snipw
from tracebridge.stats.clusters import standard_error

HAND = [
    Cell("u1", 0, "k=a", "baseline", 0.5, 2, 1_000_000),
    Cell("u1", 0, "k=a", "other", 0.5, 1, 1_000_000),
    Cell("u2", 1, "k=a", "baseline", 0.8, 4, 2_000_000),
    Cell("u3", 0, "k=b", "other", 0.25, 1, 250_000),
]
CONTEXTS = {"k=a": {"k": "a"}, "k=b": {"k": "b"}}
HALF = world.policy("half", PolicyRule({}, {"baseline": 0.5, "other": 0.5}))


def test_ipw_weighs_by_probability_over_propensity_per_row() -> None:
    panel = panel_of(HAND)
    estimate = ipw(panel, target_of(panel, HALF, CONTEXTS))
    weighted = 1.0 * 1 + 1.0 * 1 + 0.625 * 2 + 2.0 * 0.25
    assert estimate.value == pytest.approx(weighted / 8, rel=1e-15)
    assert estimate.clusters == 3


def test_snipw_divides_by_the_weights() -> None:
    panel = panel_of(HAND)
    estimate = snipw(panel, target_of(panel, HALF, CONTEXTS))
    weighted = 1.0 * 1 + 1.0 * 1 + 0.625 * 2 + 2.0 * 0.25
    weights = 1.0 * 2 + 1.0 * 1 + 0.625 * 4 + 2.0 * 1
    assert estimate.value == pytest.approx(weighted / weights, rel=1e-15)


def test_dr_is_the_model_corrected_by_weighted_residuals_of_other_folds() -> None:
    panel = panel_of(HAND)
    target = target_of(panel, HALF, CONTEXTS)
    model = fit_reward_model(panel)
    q = {  # fold, context, arm: shrunk means of the other fold, strength 20
        (0, "k=a", "baseline"): 0.5,
        (0, "k=a", "other"): 0.5,
        (0, "k=b", "baseline"): 0.5,
        (0, "k=b", "other"): 0.5,
    }
    overall = 2.25 / 4
    baseline = (1.0 + 20 * overall) / 22
    other = (1.25 + 20 * overall) / 22
    q[1, "k=a", "baseline"] = (1.0 + 20 * baseline) / 22
    q[1, "k=a", "other"] = (1.0 + 20 * other) / 21
    for (fold, context, arm), expected in q.items():
        index = (fold, panel.context_keys.index(context), panel.arms.index(arm))
        assert model.value[index] == pytest.approx(expected, rel=1e-12)
    total = 0.0
    for cell in HAND:
        weight = 0.5 / cell.propensity
        expected = sum(0.5 * q[cell.fold, cell.context_key, arm] for arm in ("baseline", "other"))
        residual = cell.total_micros / 1e6 - cell.n * q[cell.fold, cell.context_key, cell.arm]
        total += cell.n * expected + weight * residual
    assert dr(panel, target, model).value == pytest.approx(total / 8, rel=1e-12)


def test_a_log_replayed_under_its_own_policy_gives_back_its_mean() -> None:
    cells = world.logged_cells(1, 60)
    panel = panel_of(cells)
    target = target_of(panel, world.LOGGED, world.CONTEXTS)
    mean = sum(cell.total_micros for cell in cells) / 1e6 / len(cells)
    assert ipw(panel, target).value == pytest.approx(mean, rel=1e-14)
    assert snipw(panel, target).value == pytest.approx(mean, rel=1e-14)
    assert np.all(target.weights == 1.0)


@given(st.integers(0, 5), st.randoms(use_true_random=False))
def test_order_and_grouping_of_cells_change_no_bit(seed: int, shuffler: random.Random) -> None:
    cells = world.logged_cells(seed, 12)
    shuffled = [replace(cell, total_micros=cell.total_micros - 7) for cell in cells]
    shuffled += [replace(cell, n=0, total_micros=7) for cell in cells]
    shuffler.shuffle(shuffled)
    one, other = panel_of(cells), panel_of(shuffled)
    for policy in (world.BASELINE, world.MIXED):
        left, right = (target_of(p, policy, world.CONTEXTS) for p in (one, other))
        models = fit_reward_model(one), fit_reward_model(other)
        pairs = [
            (ipw(one, left), ipw(other, right)),
            (snipw(one, left), snipw(other, right)),
            (dm(one, left, models[0]), dm(other, right, models[1])),
            (dr(one, left, models[0]), dr(other, right, models[1])),
        ]
        for a, b in pairs:
            assert a.value == b.value or (math.isnan(a.value) and math.isnan(b.value))
            assert a.influence.tobytes() == b.influence.tobytes()


def test_dr_survives_a_wrong_model_and_dm_does_not() -> None:
    """A model that swaps the arms: residuals repair it, the direct method believes it."""
    panel = panel_of(world.logged_cells(3, 4_000))
    target = target_of(panel, world.WINNER, world.CONTEXTS)
    model = fit_reward_model(panel)
    order = [panel.arms.index(arm) for arm in ("baseline", "winner", "null", "loser")]
    wrong = replace(model, value=model.value[:, :, order])
    truth = world.true_value(world.WINNER)
    corrected, believed = dr(panel, target, wrong), dm(panel, target, wrong)
    assert abs(corrected.value - truth) < 3 * standard_error(corrected)
    assert abs(believed.value - truth) > 10 * standard_error(believed)


def test_a_constant_shift_of_the_metric_shifts_dr_and_snipw_by_it() -> None:
    cells = world.logged_cells(4, 80)
    shifted = [replace(cell, total_micros=cell.total_micros + 5_000_000 * cell.n) for cell in cells]
    values = []
    for these in (cells, shifted):
        panel = panel_of(these)
        target = target_of(panel, world.MIXED, world.CONTEXTS)
        values.append(
            (snipw(panel, target).value, dr(panel, target, fit_reward_model(panel)).value)
        )
    assert values[1][0] - values[0][0] == pytest.approx(5, rel=1e-9)
    assert values[1][1] - values[0][1] == pytest.approx(5, rel=0.02)


def _silent_world(seed: int, chats: int) -> tuple[list[Cell], list[Cell]]:
    """Turns of which the bad arm's are labelled a fifth as often; labels are +1 or -1."""
    rng = np.random.default_rng(seed)
    decisions, labels = [], []
    for chat in range(chats):
        arm = "good" if rng.random() < 0.5 else "bad"
        context = "k=a" if rng.random() < 0.5 else "k=b"
        rate = (0.5 if arm == "good" else 0.1) * (1.0 if context == "k=a" else 0.6)
        happy = (0.8 if arm == "good" else 0.3) + (0.1 if context == "k=a" else 0.0)
        n = int(rng.integers(1, 6))
        labelled = int(rng.binomial(n, rate))
        total = 2 * int(rng.binomial(labelled, happy)) - labelled
        key = (f"chat-{chat}", chat % 5, context, arm, 0.5)
        decisions.append(Cell(*key, n=n, total_micros=0))
        labels.append(Cell(*key, n=labelled, total_micros=total * 1_000_000))
    return decisions, labels


def test_the_mean_among_reactors_is_found_when_an_arm_changes_who_reacts() -> None:
    decisions, labels = _silent_world(5, 20_000)
    panel = panel_of(labels, decisions)
    mixed = world.policy("mix", PolicyRule({}, {"good": 0.5, "bad": 0.5}))
    bad = world.policy("bad", PolicyRule({}, {"bad": 1.0}))

    def truth(weights: dict[str, float]) -> float:
        cells = [
            (0.5 * p * rate * context_rate, 2 * (happy + bonus) - 1)
            for arm, p in weights.items()
            for rate, happy in [(0.5, 0.8) if arm == "good" else (0.1, 0.3)]
            for context_rate, bonus in ((1.0, 0.1), (0.6, 0.0))
        ]
        return sum(w * score for w, score in cells) / sum(w for w, _ in cells)

    for policy, weights in ((mixed, {"good": 0.5, "bad": 0.5}), (bad, {"bad": 1.0})):
        target = target_of(panel, policy, CONTEXTS)
        for statistic in (snipw(panel, target), dr(panel, target, fit_reward_model(panel))):
            assert abs(statistic.value - truth(weights)) < 3 * standard_error(statistic)
        wrong = ipw(panel, target)
        if policy is bad:  # labelled rows are not what the bad arm would have had
            assert abs(wrong.value - truth(weights)) > 5 * standard_error(wrong)


def test_dr_over_fully_observed_rows_does_not_change_when_decisions_are_passed() -> None:
    cells = world.logged_cells(6, 60)
    alone, with_decisions = panel_of(cells), panel_of(cells, cells)
    target = target_of(alone, world.WINNER, world.CONTEXTS)
    one = dr(alone, target, fit_reward_model(alone))
    other = dr(with_decisions, target, fit_reward_model(with_decisions))
    assert one.value == other.value
    assert one.influence.tobytes() == other.influence.tobytes()


def _cell(**changes: object) -> Cell:
    return replace(HAND[0], **changes)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([_cell(propensity=0.0)], "propensity"),
        ([_cell(propensity=1.2)], "propensity"),
        ([_cell(propensity=float("nan"))], "propensity"),
        ([_cell(n=-1)], "not negative"),
        ([_cell(), _cell(fold=1, arm="other")], "folds 0 and 1"),
    ],
)
def test_cells_that_break_their_contract_are_refused(cells: list[Cell], message: str) -> None:
    with pytest.raises(EstimationError, match=message):
        panel_of(cells)


def test_more_labels_than_decisions_are_refused() -> None:
    with pytest.raises(EstimationError, match="same replay set"):
        panel_of([_cell(n=3)], [_cell(n=2)])


def test_an_unknown_context_and_a_broken_distribution_are_refused() -> None:
    panel = panel_of(HAND)
    with pytest.raises(EstimationError, match="k=b"):
        target_of(panel, HALF, {"k=a": {"k": "a"}})
    broken: Policy = world.always("broken", baseline=0.7)
    with pytest.raises(EstimationError, match=r"sum to 0\.7"):
        target_of(panel, broken, CONTEXTS)
