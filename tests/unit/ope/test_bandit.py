"""Estimators over scored rows: grouping, clustering, refusals, and the panel's own answers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.unit.ope import world
from tracebridge.domain.replay import NotEstimable, NotEstimableReason, PolicyEstimate, Tier
from tracebridge.ope.bandit import SWITCH_AT, ScoredLog, evaluate_log, log_diagnostics
from tracebridge.ope.ipw import ipw
from tracebridge.ope.panel import panel_of, target_of
from tracebridge.ope.snipw import snipw
from tracebridge.stats.clusters import standard_error

ALL = ["ipw", "snipw", "dm", "dr", "sndr", "switch_dr"]


def _log(rows: int = 400, seed: int = 0) -> ScoredLog:
    rng = np.random.default_rng(seed)
    q = rng.random(rows)
    return ScoredLog(
        copies=np.ones(rows, dtype=np.int64),
        reward=(rng.random(rows) < q).astype(np.float64),
        weight=rng.gamma(1.0, size=rows) * 2,
        logged_q=q,
        expected_q=rng.random(rows),
        cluster=None,
        unsupported_mass=0.0,
    )


def _known(log: ScoredLog) -> dict[str, PolicyEstimate]:
    estimates = evaluate_log(log)
    assert list(estimates) == ALL
    known = {}
    for name, estimate in estimates.items():
        assert isinstance(estimate, PolicyEstimate)
        known[name] = estimate
    return known


def test_each_estimator_is_its_formula() -> None:
    log = _log()
    w, r, q, e = log.weight, log.reward, log.logged_q, log.expected_q
    assert q is not None
    assert e is not None
    residual = w * (r - q)
    expected = {
        "ipw": (w * r).mean(),
        "snipw": (w * r).sum() / w.sum(),
        "dm": e.mean(),
        "dr": (e + residual).mean(),
        "sndr": e.mean() + residual.sum() / w.sum(),
        "switch_dr": (e + np.where(w <= SWITCH_AT, residual, 0)).mean(),
    }
    known = _known(log)
    for name, value in expected.items():
        assert known[name].value == pytest.approx(value, rel=1e-12)
    assert known["dr"].se == pytest.approx((e + residual).std(ddof=1) / math.sqrt(400), rel=1e-12)
    assert {name: estimate.tier for name, estimate in known.items()} == {
        **dict.fromkeys(ALL, Tier.A),
        "dm": Tier.D,
    }


def test_identical_rows_may_come_grouped() -> None:
    log = _log(50)
    copies = np.arange(1, 51)
    grouped = replace(log, copies=copies)
    repeated = ScoredLog(
        copies=np.ones(copies.sum(), dtype=np.int64),
        reward=np.repeat(log.reward, copies),
        weight=np.repeat(log.weight, copies),
        logged_q=np.repeat(log.logged_q, copies),
        expected_q=np.repeat(log.expected_q, copies),
        cluster=None,
        unsupported_mass=0.0,
    )
    one, other = _known(grouped), _known(repeated)
    for name in ALL:
        for field in ("value", "se", "lo", "hi", "ess", "max_weight_share", "mean_weight"):
            assert getattr(one[name], field) == pytest.approx(
                getattr(other[name], field), rel=1e-12
            )
        assert (one[name].n, one[name].clusters) == (other[name].n, other[name].clusters)
    left, right = log_diagnostics(grouped), log_diagnostics(repeated)
    assert left == pytest.approx(right, rel=1e-12)


def test_clusters_of_one_row_are_rows() -> None:
    log = _log()
    alone = replace(log, cluster=np.arange(400)[::-1].copy())
    one, other = _known(log), _known(alone)
    assert all(one[name].se == pytest.approx(other[name].se, rel=1e-12) for name in ALL)


def test_rows_that_move_together_widen_the_interval_only_where_clustered() -> None:
    log = _log(200)
    five_times = {
        name: np.repeat(getattr(log, name), 5)
        for name in ("copies", "reward", "weight", "logged_q", "expected_q")
    }
    rows = ScoredLog(**five_times, cluster=None, unsupported_mass=0.0)
    chats = replace(rows, cluster=np.repeat(np.arange(200), 5))
    for name in ALL:
        single, naive, clustered = (_known(each)[name] for each in (log, rows, chats))
        assert clustered.se == pytest.approx(single.se, rel=1e-12)
        assert naive.se == pytest.approx(single.se / math.sqrt(5), rel=0.01)


def test_a_panel_and_its_rows_agree() -> None:
    cells = world.logged_cells(2, 80)
    panel = panel_of(cells)
    target = target_of(panel, world.MIXED, world.CONTEXTS)
    units = {unit: index for index, unit in enumerate(panel.units)}
    probability = [
        world.MIXED.distribution(world.CONTEXTS[cell.context_key]).get(cell.arm, 0.0)
        for cell in cells
    ]
    rows = ScoredLog(
        copies=np.ones(len(cells), dtype=np.int64),
        reward=np.array([cell.total_micros / 1e6 for cell in cells]),
        weight=np.array(probability) / [cell.propensity for cell in cells],
        logged_q=None,
        expected_q=None,
        cluster=np.array([units[cell.unit] for cell in cells]),
        unsupported_mass=0.0,
    )
    estimates = evaluate_log(rows)
    for name, statistic in (("ipw", ipw(panel, target)), ("snipw", snipw(panel, target))):
        estimate = estimates[name]
        assert isinstance(estimate, PolicyEstimate)
        assert estimate.value == pytest.approx(statistic.value, rel=1e-12)
        assert estimate.se == pytest.approx(standard_error(statistic), rel=1e-12)


def test_without_predictions_only_the_model_based_estimators_are_refused() -> None:
    estimates = evaluate_log(replace(_log(), logged_q=None, expected_q=None))
    refused = {
        name: estimate.reason
        for name, estimate in estimates.items()
        if isinstance(estimate, NotEstimable)
    }
    assert refused == dict.fromkeys(
        ("dm", "dr", "sndr", "switch_dr"), NotEstimableReason.NO_REWARD_MODEL
    )


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (_log(0), NotEstimableReason.NO_ROWS),
        (replace(_log(), unsupported_mass=0.02), NotEstimableReason.NO_SUPPORT),
        (_log(19), NotEstimableReason.TOO_FEW_UNITS),
        (replace(_log(), weight=np.zeros(400)), NotEstimableReason.TOO_FEW_UNITS),
    ],
)
def test_a_log_that_cannot_speak_is_refused_by_all(
    log: ScoredLog, reason: NotEstimableReason
) -> None:
    for estimate in evaluate_log(log).values():
        assert isinstance(estimate, NotEstimable)
        assert estimate.reason is reason
    assert log_diagnostics(log)["rows"] == len(log.reward)


def test_constant_rewards_of_a_replayed_log_have_no_interval() -> None:
    log = replace(_log(), reward=np.ones(400), weight=np.ones(400))
    estimate = evaluate_log(log)["snipw"]
    assert isinstance(estimate, NotEstimable)
    assert estimate.reason is NotEstimableReason.NO_VARIATION


def test_the_top_percent_is_counted_in_rows() -> None:
    log = replace(_log(2), copies=np.array([5, 195]), weight=np.array([10.0, 1.0]), cluster=None)
    share = log_diagnostics(log)["row_top_1_percent_share"]
    assert share == pytest.approx(2 * 10 / (50 + 195))
