"""Cluster-robust uncertainty against an oracle, a jackknife, and its own laws."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tests.shared import shared_path
from tracebridge.domain.errors import EstimationError
from tracebridge.stats.clusters import (
    cluster_mean,
    cluster_ratio,
    degrees_of_freedom,
    interval,
    standard_error,
)
from tracebridge.stats.quantiles import two_sided_t


def test_one_row_per_cluster_is_the_textbook_standard_error() -> None:
    values = np.array([0.3, 1.1, -0.4, 2.2, 0.9])
    mean = cluster_mean(values)
    assert mean.value == pytest.approx(values.mean(), rel=1e-15)
    assert standard_error(mean) == pytest.approx(values.std(ddof=1) / math.sqrt(5), rel=1e-14)


def test_the_paired_difference_of_two_groups_matches_the_regression_oracle() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(shared_path("oracles", "gate", "cluster_input.parquet")).to_pydict()
    stats = json.loads(shared_path("oracles", "gate", "gate_stats.json").read_text())
    oracle = stats["other"]["cluster_robust"]
    cluster, treat, y = (np.array(rows[name]) for name in ("cluster", "treat", "y"))

    def group(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.bincount(cluster, weights=y * chosen), np.bincount(cluster, weights=chosen)

    difference = cluster_ratio(*group(treat == 1)) - cluster_ratio(*group(treat == 0))
    assert difference.clusters == oracle["clusters"]
    assert difference.value == pytest.approx(oracle["diff"], rel=1e-12)
    # CR0 carries no small-sample factor, CR1 also one for the regressors.
    g, n = oracle["clusters"], oracle["n"]
    cr0, cr1 = oracle["se_cluster_CR0"], oracle["se_cluster_CR1"]
    assert standard_error(difference) == pytest.approx(cr0 * math.sqrt(g / (g - 1)), rel=1e-12)
    assert standard_error(difference) == pytest.approx(
        cr1 / math.sqrt((n - 1) / (n - 2)), rel=1e-12
    )


def test_the_delta_method_of_a_ratio_agrees_with_the_jackknife() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.gamma(2, size=2_000), rng.gamma(3, size=2_000)
    left_out = (a.sum() - a) / (b.sum() - b)
    jackknife = math.sqrt(1_999 / 2_000 * ((left_out - left_out.mean()) ** 2).sum())
    assert standard_error(cluster_ratio(a, b)) == pytest.approx(jackknife, rel=2e-3)


def test_copies_are_the_same_as_repeating() -> None:
    a, b = np.array([1.0, 0.0, 3.5]), np.array([2.0, 1.0, 1.0])
    copies = np.array([4, 1, 2])
    grouped = cluster_ratio(a, b, copies)
    repeated = cluster_ratio(np.repeat(a, copies), np.repeat(b, copies))
    assert grouped.clusters == repeated.clusters == 7
    assert grouped.value == pytest.approx(repeated.value, rel=1e-15)
    assert standard_error(grouped) == pytest.approx(standard_error(repeated), rel=1e-14)
    assert degrees_of_freedom(grouped) == pytest.approx(degrees_of_freedom(repeated), rel=1e-13)


def test_order_of_clusters_changes_no_bit() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=301), rng.random(301)
    order = rng.permutation(301)
    one, other = cluster_ratio(a, b), cluster_ratio(a[order], b[order])
    assert one.value == other.value
    assert standard_error(one) == standard_error(other)
    assert degrees_of_freedom(one) == degrees_of_freedom(other)


def test_influences_sum_to_zero() -> None:
    rng = np.random.default_rng(6)
    ratio = cluster_ratio(rng.normal(size=50), rng.random(50))
    assert abs(math.fsum(ratio.influence.tolist())) < 1e-12


def test_a_paired_difference_is_narrower_than_an_unpaired_one_where_clusters_agree() -> None:
    rng = np.random.default_rng(8)
    chat = rng.normal(size=100)
    one, other = cluster_mean(chat + 0.1 * rng.normal(size=100)), cluster_mean(chat)
    unpaired = math.hypot(standard_error(one), standard_error(other))
    assert standard_error(one - other) < 0.2 * unpaired
    assert standard_error(one + other) > unpaired


def test_even_influences_leave_all_degrees_of_freedom_and_a_dominant_one_leaves_few() -> None:
    even = cluster_mean(np.array([1.0, -1.0] * 50))
    assert degrees_of_freedom(even) == 99
    normal = cluster_mean(np.random.default_rng(1).normal(size=5_000))
    assert degrees_of_freedom(normal) == pytest.approx(4_999, rel=0.1)
    dominated = cluster_mean(np.array([30.0] + [0.1, -0.1] * 50))
    assert degrees_of_freedom(dominated) < 3
    assert interval(dominated, 0.95)[0] < dominated.value - two_sided_t(0.95, 3) * standard_error(
        dominated
    )


def test_what_is_undefined_is_nan_and_never_zero() -> None:
    nothing = cluster_ratio(np.array([0.0, 0.0]), np.array([0.0, 0.0]))
    assert math.isnan(nothing.value)
    assert math.isnan(standard_error(nothing))
    alone = cluster_mean(np.array([2.0]))
    assert alone.value == 2.0
    assert math.isnan(standard_error(alone))
    assert math.isnan(degrees_of_freedom(alone))
    assert all(map(math.isnan, interval(cluster_mean(np.ones(5)), 0.95)))


def test_statistics_over_different_clusters_do_not_combine() -> None:
    with pytest.raises(EstimationError, match="same rows"):
        cluster_mean(np.ones(3)) - cluster_mean(np.ones(4))
