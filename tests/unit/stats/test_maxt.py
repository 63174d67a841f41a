"""Simultaneous intervals: wide enough, not wider, and blind to the order of clusters."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from tracebridge.domain.errors import EstimationError
from tracebridge.stats.clusters import cluster_mean, interval, standard_error
from tracebridge.stats.maxt import rademacher_signs, simultaneous_critical_value
from tracebridge.stats.quantiles import two_sided_t


def _influences(clusters: int, contrasts: int, seed: int, shared: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(clusters, 1))
    values = shared * common + rng.normal(size=(clusters, contrasts))
    return values - values.mean(axis=0)


def _ids(clusters: int) -> list[str]:
    return [f"chat-{g}" for g in range(clusters)]


def test_one_contrast_needs_about_the_t_quantile_and_never_less() -> None:
    value = simultaneous_critical_value(_influences(60, 1, seed=1), _ids(60), level=0.95, seed=9)
    assert two_sided_t(0.95, 59) <= value < two_sided_t(0.95, 59) + 0.15


def test_more_contrasts_need_more_and_about_bonferroni_at_most() -> None:
    influences = _influences(80, 12, seed=2)
    widths = [
        simultaneous_critical_value(influences[:, :k], _ids(80), level=0.95, seed=4)
        for k in (1, 4, 12)
    ]
    assert widths == sorted(widths)
    assert widths[0] < widths[1] < widths[2] < two_sided_t(1 - 0.05 / 12, 79) + 0.1


def test_copies_of_one_contrast_cost_nothing() -> None:
    single = _influences(50, 1, seed=3)
    assert simultaneous_critical_value(
        np.repeat(single, 9, axis=1), _ids(50), level=0.95, seed=1
    ) == simultaneous_critical_value(single, _ids(50), level=0.95, seed=1)


def test_order_of_clusters_and_of_contrasts_changes_no_bit() -> None:
    influences, ids = _influences(70, 5, seed=4), _ids(70)
    order = np.random.default_rng(0).permutation(70)
    assert simultaneous_critical_value(
        influences, ids, level=0.9, seed=2
    ) == simultaneous_critical_value(
        influences[order][:, ::-1], [ids[g] for g in order], level=0.9, seed=2
    )


def test_signs_are_the_bits_of_a_hash_over_seed_block_and_cluster() -> None:
    signs = rademacher_signs(7, "chat-1", 300)
    digest = hashlib.sha256(b"signs:7:0:chat-1").digest()
    assert signs[0] == (1.0 if digest[0] & 0x80 else -1.0)
    assert signs[255] == (1.0 if digest[31] & 0x01 else -1.0)
    assert signs.shape == (300,)
    assert set(signs) == {-1.0, 1.0}
    assert np.array_equal(signs[:100], rademacher_signs(7, "chat-1", 100))
    assert not np.array_equal(signs, rademacher_signs(8, "chat-1", 300))
    assert not np.array_equal(signs, rademacher_signs(7, "chat-2", 300))


def test_signs_are_fair_and_clusters_do_not_move_together() -> None:
    signs = np.array([rademacher_signs(1, f"u{g}", 2_000) for g in range(20)])
    assert abs(signs.mean()) < 0.02
    correlation = np.corrcoef(signs) - np.eye(20)
    assert np.abs(correlation).max() < 0.1


def test_all_intervals_hold_together_as_often_as_promised() -> None:
    """300 draws of 8 correlated contrasts of 60 clusters, truth 0 for all."""
    together = alone = 0
    for draw in range(300):
        rng = np.random.default_rng([11, draw])
        values = 0.7 * rng.normal(size=(60, 1)) + rng.normal(size=(60, 8))
        means = [cluster_mean(values[:, k]) for k in range(8)]
        critical = simultaneous_critical_value(
            np.column_stack([mean.influence for mean in means]),
            _ids(60),
            level=0.95,
            seed=draw,
            replicates=399,
        )
        together += all(abs(mean.value) <= critical * standard_error(mean) for mean in means)
        singles = [interval(mean, 0.95) for mean in means]
        alone += all(lo <= 0 <= hi for lo, hi in singles)
    assert together / 300 >= 0.92
    assert alone / 300 < 0.85


@pytest.mark.parametrize(
    ("influences", "ids", "message"),
    [
        (np.ones((3, 2)), ["a", "b"], "shape"),
        (np.ones((2, 1)), ["a", "a"], "repeat"),
        (np.ones((1, 1)), ["a"], "two clusters"),
        (np.array([[1.0, 0.0], [-1.0, 0.0]]), ["a", "b"], "does not vary"),
        (np.array([[1.0], [float("nan")]]), ["a", "b"], "does not vary"),
    ],
)
def test_input_that_cannot_be_compared_is_refused(
    influences: np.ndarray, ids: list[str], message: str
) -> None:
    with pytest.raises(EstimationError, match=message):
        simultaneous_critical_value(influences, ids, level=0.95, seed=0)
