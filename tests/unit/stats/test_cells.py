"""Shrunk cell means: between their coarser means, and never fitted on the fold they predict."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebridge.stats.cells import Tally, cross_fit_cell_means, fit_cell_means

tallies = st.dictionaries(
    st.tuples(st.sampled_from("xyz"), st.sampled_from("abc")),
    st.integers(1, 50).flatmap(lambda n: st.integers(0, n).map(lambda k: Tally(n, k))),
    min_size=1,
)


def test_a_cell_is_shrunk_toward_its_arm_and_the_arm_toward_all() -> None:
    fit = fit_cell_means(
        {("x", "a"): Tally(10, 10), ("y", "a"): Tally(10, 0), ("x", "b"): Tally(20, 0)},
        strength=20,
    )
    overall = Fraction(10, 40)
    arm = (10 + 20 * overall) / (20 + 20)
    cell = (10 + 20 * arm) / (10 + 20)
    assert fit.overall == pytest.approx(float(overall))
    assert fit.arms["a"] == pytest.approx(float(arm))
    assert fit.mean("x", "a") == pytest.approx(float(cell))


def test_the_finest_known_mean_answers() -> None:
    fit = fit_cell_means({("x", "a"): Tally(4, 8), ("x", "b"): Tally(4, 0)})
    assert fit.mean("unseen", "a") == fit.arms["a"]
    assert fit.mean("x", "unseen") == fit.overall == 1.0


@given(tallies, st.floats(0, 100))
def test_every_mean_lies_within_the_range_of_the_data(
    data: dict[tuple[str, str], Tally], strength: float
) -> None:
    fit = fit_cell_means(data, strength=strength)
    raw = [tally.total / tally.n for tally in data.values()]
    for context in "wxyz":
        for arm in "abcd":
            assert min(raw) - 1e-12 <= fit.mean(context, arm) <= max(raw) + 1e-12


@given(tallies)
def test_certainty_stays_exactly_certain(data: dict[tuple[str, str], Tally]) -> None:
    """Where every row counts as one, the fitted rate is 1 to the last bit."""
    fit = fit_cell_means({key: Tally(tally.n, tally.n) for key, tally in data.items()})
    assert {fit.mean(c, a) for c in "wxyz" for a in "abcd"} == {1.0}


def test_no_shrinkage_gives_the_raw_means() -> None:
    fit = fit_cell_means({("x", "a"): Tally(3, 2), ("y", "a"): Tally(5, 1)}, strength=0)
    assert fit.mean("x", "a") == 2 / 3
    assert fit.mean("y", "a") == 1 / 5


def test_no_rows_at_all_are_predicted_as_asked() -> None:
    assert fit_cell_means({}, empty=1.0).mean("x", "a") == 1.0


def test_a_fold_is_predicted_by_the_others_alone() -> None:
    data = {
        (0, "x", "a"): Tally(10, 10),
        (1, "x", "a"): Tally(10, 0),
        (2, "x", "b"): Tally(5, 5),
    }
    fits = cross_fit_cell_means(data, strength=1)
    assert sorted(fits) == [0, 1, 2]
    assert fits[0] == fit_cell_means(
        {("x", "a"): Tally(10, 0), ("x", "b"): Tally(5, 5)}, strength=1
    )
    changed = cross_fit_cell_means({**data, (0, "x", "a"): Tally(10, 3)}, strength=1)
    assert changed[0] == fits[0]
    assert changed[1] != fits[1]


def test_a_lone_fold_has_nothing_to_learn_from() -> None:
    fits = cross_fit_cell_means({(0, "x", "a"): Tally(10, 10)})
    assert fits[0].mean("x", "a") == 0.0
