"""Coarser clusters keep every row and every total."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tracebridge.domain.replay import Cell
from tracebridge.ope.recluster import recluster

CELLS = st.lists(
    st.builds(
        Cell,
        unit=st.sampled_from(["a", "b", "c", "d"]),
        fold=st.integers(0, 1),
        context_key=st.sampled_from(["x", "y"]),
        arm=st.sampled_from(["baseline", "strong"]),
        propensity=st.sampled_from([0.25, 0.75]),
        n=st.integers(1, 5),
        total_micros=st.integers(0, 10**12),
    ),
    max_size=30,
)
DAYS = {"a": "monday", "b": "monday", "c": "tuesday"}


def fold_of(cluster: str) -> int:
    return len(cluster) % 3


def sums(cells: list[Cell], *, by_day: bool) -> Counter[tuple[object, ...]]:
    counted: Counter[tuple[object, ...]] = Counter()
    for cell in cells:
        unit = DAYS.get(cell.unit, cell.unit) if by_day else cell.unit
        key = (unit, fold_of(unit), cell.context_key, cell.arm, cell.propensity)
        counted[(*key, "n")] += cell.n
        counted[(*key, "total")] += cell.total_micros
    return +counted


@given(CELLS)
def test_rows_and_totals_survive_cell_by_cell(cells: list[Cell]) -> None:
    merged = recluster(cells, DAYS, fold_of=fold_of)
    assert sums(merged, by_day=False) == sums(cells, by_day=True)
    keys = [(c.unit, c.fold, c.context_key, c.arm, c.propensity) for c in merged]
    assert keys == sorted(set(keys))


@given(CELLS)
def test_a_cluster_of_units_from_several_folds_has_one_fold(cells: list[Cell]) -> None:
    folds: dict[str, set[int]] = {}
    for cell in recluster(cells, DAYS, fold_of=fold_of):
        folds.setdefault(cell.unit, set()).add(cell.fold)
    assert all(found == {fold_of(unit)} for unit, found in folds.items())


@given(CELLS, st.randoms())
def test_order_never_matters(cells: list[Cell], random: object) -> None:
    shuffled = list(cells)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert recluster(shuffled, DAYS, fold_of=fold_of) == recluster(cells, DAYS, fold_of=fold_of)
