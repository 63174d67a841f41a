"""Sums do not depend on order, length or platform."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebridge.stats.exact import exact_mean, exact_sum

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e150, max_value=1e150)


@given(st.lists(finite, max_size=50), st.randoms(use_true_random=False))
def test_a_sum_is_the_same_in_any_order(values: list[float], shuffler: random.Random) -> None:
    shuffled = list(values)
    shuffler.shuffle(shuffled)
    assert exact_sum(shuffled) == exact_sum(np.array(values)) == math.fsum(values)


@pytest.mark.parametrize("spread", [1, 15, 280])
def test_slicing_long_arrays_gives_the_correctly_rounded_sum(spread: int) -> None:
    rng = np.random.default_rng(7)
    for length in (2_000, 2_001, 5_000):
        values = rng.normal(size=length) * 10.0 ** rng.integers(-spread, spread + 1, size=length)
        assert exact_sum(values) == math.fsum(values.tolist())
        assert exact_sum(rng.permutation(values)) == exact_sum(values)


def test_slicing_survives_cancellation_and_the_smallest_numbers() -> None:
    canceling = np.array([1e16, 1.0, -1e16] * 1_000)
    assert exact_sum(canceling) == 1_000.0
    assert exact_sum(np.full(3_000, 5e-324)) == 3_000 * 5e-324
    assert exact_sum(np.zeros(3_000)) == 0.0


@pytest.mark.parametrize("length", [4, 4_000])
def test_what_is_not_finite_stays_not_finite_and_never_raises(length: int) -> None:
    assert math.isnan(exact_sum(np.full(length, math.nan)))
    assert exact_sum(np.full(length, math.inf)) == math.inf
    assert math.isnan(exact_sum(np.array([math.inf, -math.inf] * (length // 2))))
    assert not math.isfinite(exact_sum(np.full(length, 1.7e308)))


def test_the_input_is_left_as_it_was() -> None:
    values = np.arange(3_000, dtype=np.float64)
    exact_sum(values)
    assert values.tolist() == list(map(float, range(3_000)))


def test_a_mean_of_nothing_is_unknown() -> None:
    assert exact_mean(np.array([1.0, 2.0, 6.0])) == 3.0
    assert math.isnan(exact_mean(np.array([])))
