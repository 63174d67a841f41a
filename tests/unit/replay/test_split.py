from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracebridge.replay.split import fold_of, in_sample, split_of

UNITS = [f"chat-{index}" for index in range(5_000)]


def test_the_hash_is_the_same_on_any_machine() -> None:
    """Pinned: a change here would move every unit of every workspace."""
    assert [split_of(unit, seed=7, train_fraction=0.4) for unit in UNITS[:6]] == [
        "holdout",
        "holdout",
        "holdout",
        "train",
        "holdout",
        "train",
    ]
    assert [fold_of(unit, seed=7, folds=5) for unit in UNITS[:6]] == [1, 2, 3, 3, 4, 0]


@given(st.text(), st.integers(0, 2**31), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_train_fraction_moves_no_unit_back(
    unit: str, seed: int, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    if split_of(unit, seed=seed, train_fraction=small) == "train":
        assert split_of(unit, seed=seed, train_fraction=large) == "train"


@given(st.lists(st.text(), unique=True), st.text(), st.integers(0, 99))
def test_new_units_move_no_old_one(units: list[str], new: str, seed: int) -> None:
    before = {unit: split_of(unit, seed=seed, train_fraction=0.4) for unit in units}
    after = {unit: split_of(unit, seed=seed, train_fraction=0.4) for unit in [new, *units]}
    assert before.items() <= after.items()


def test_the_extremes_leave_one_side_empty() -> None:
    assert {split_of(unit, seed=1, train_fraction=0.0) for unit in UNITS} == {"holdout"}
    assert {split_of(unit, seed=1, train_fraction=1.0) for unit in UNITS} == {"train"}


def test_shares_are_as_declared_within_four_standard_errors() -> None:
    train = sum(split_of(unit, seed=3, train_fraction=0.4) == "train" for unit in UNITS)
    assert abs(train - 2_000) < 4 * (5_000 * 0.4 * 0.6) ** 0.5
    in_fold = [sum(fold_of(unit, seed=3, folds=5) == fold for unit in UNITS) for fold in range(5)]
    assert all(abs(count - 1_000) < 4 * (5_000 * 0.2 * 0.8) ** 0.5 for count in in_fold)


def test_folds_do_not_follow_the_split() -> None:
    train = [unit for unit in UNITS if split_of(unit, seed=3, train_fraction=0.4) == "train"]
    in_fold = sum(fold_of(unit, seed=3, folds=5) == 0 for unit in train)
    assert abs(in_fold - len(train) / 5) < 4 * (len(train) * 0.2 * 0.8) ** 0.5


def test_another_seed_makes_another_split() -> None:
    one = [split_of(unit, seed=1, train_fraction=0.5) for unit in UNITS[:64]]
    assert one != [split_of(unit, seed=2, train_fraction=0.5) for unit in UNITS[:64]]


def test_samples_of_one_seed_nest() -> None:
    small = {unit for unit in UNITS if in_sample(unit, seed=5, fraction=0.1)}
    large = {unit for unit in UNITS if in_sample(unit, seed=5, fraction=0.2)}
    assert small < large
