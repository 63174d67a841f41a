"""Quantiles against published tables."""

from __future__ import annotations

import pytest

from tracebridge.domain.errors import EstimationError
from tracebridge.stats.quantiles import (
    normal_quantile,
    t_quantile,
    two_sided_t,
    two_sided_t_level,
)


def test_normal_quantiles_are_those_of_the_tables() -> None:
    assert normal_quantile(0.975) == pytest.approx(1.959963985, abs=1e-9)
    assert normal_quantile(0.05) == pytest.approx(-1.644853627, abs=1e-9)


@pytest.mark.parametrize(
    ("df", "expected"), [(1, 12.7062), (5, 2.57058), (19, 2.09302), (120, 1.97993)]
)
def test_t_quantiles_are_those_of_the_tables(df: int, expected: float) -> None:
    assert t_quantile(0.975, df) == pytest.approx(expected, abs=6e-5)
    assert two_sided_t(0.95, df) == t_quantile(0.975, df)


def test_many_degrees_of_freedom_are_normal() -> None:
    assert t_quantile(0.9, 1e9) == pytest.approx(normal_quantile(0.9), abs=1e-8)


@pytest.mark.parametrize("df", [0.7, 3.5, 40])
def test_the_level_of_a_half_width_undoes_the_quantile(df: float) -> None:
    assert two_sided_t_level(two_sided_t(0.9, df), df) == pytest.approx(0.9, abs=1e-9)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, float("nan")])
def test_a_probability_outside_the_open_interval_is_refused(probability: float) -> None:
    with pytest.raises(EstimationError, match="probability"):
        normal_quantile(probability)
    with pytest.raises(EstimationError, match="probability"):
        t_quantile(probability, 5)


@pytest.mark.parametrize("df", [0, -1, float("nan")])
def test_no_degrees_of_freedom_are_refused(df: float) -> None:
    with pytest.raises(EstimationError, match="two clusters"):
        t_quantile(0.975, df)
