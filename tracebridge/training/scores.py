"""Doubly robust advantages: what each arm would have brought over the baseline, per unit.

For a row with context x, arm A, logged propensity p and outcome y, the score of arm a is
``m(x, a) + 1{A = a} / p * (y - m(x, a))`` with a cross-fitted mean m (Robins, Rotnitzky and Zhao
1994; Athey and Wager 2021 for learning from such scores). Its advantage is the score minus the
baseline arm's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tracebridge.domain.errors import TrainingError
from tracebridge.domain.replay import BASELINE_ARM, Metric, ReplayRow
from tracebridge.stats.cells import CellMeans, Tally, cross_fit_cell_means
from tracebridge.stats.clusters import Linearized, cluster_ratio

_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Logged:
    """Rows of one unit that share fold, context, arm and propensity."""

    unit: str
    fold: int
    context_key: str
    arm: str
    propensity: float
    n: int
    total_micros: int


@dataclass(frozen=True, slots=True)
class Advantage:
    """One arm's advantage, summed over the rows of one unit in one context."""

    unit: str
    fold: int
    context_key: str
    n: int
    total: float


def logged_cells(rows: Sequence[ReplayRow], metric: Metric) -> tuple[Logged, ...]:
    """The training rows that can teach, summed exactly; sorted, so row order does not matter.

    Rows without a propensity or without the metric are left out. Raises `TrainingError` for a
    row of the hold-out, or a propensity outside (0, 1].
    """
    sums: defaultdict[tuple[str, int, str, str, float], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        if row.split != "train":
            raise TrainingError(
                f"Row {row.row_id} has split '{row.split}'; learning may only see 'train' rows."
            )
        if row.propensity is None or metric not in row.values:
            continue
        if not 0 < row.propensity <= 1:
            raise TrainingError(
                f"Row {row.row_id} has propensity {row.propensity}; it must be in (0, 1]."
            )
        cell = sums[row.unit, row.fold, row.context_key, row.arm, row.propensity]
        cell[0] += 1
        cell[1] += round(row.values[metric] * _MICROS)
    return tuple(Logged(*key, n=n, total_micros=total) for key, (n, total) in sorted(sums.items()))


def fit_means(cells: Iterable[Logged]) -> Mapping[int, CellMeans]:
    """For every fold, means in 1e-6 fitted on all other folds."""
    sums: defaultdict[tuple[int, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for cell in cells:
        tally = sums[cell.fold, cell.context_key, cell.arm]
        tally[0] += cell.n
        tally[1] += cell.total_micros
    return cross_fit_cell_means({key: Tally(n, total) for key, (n, total) in sums.items()})


def advantages(
    cells: Sequence[Logged], means: Mapping[int, CellMeans], arm: str
) -> tuple[Advantage, ...]:
    """The advantage of ``arm`` over the baseline in every cell, in the metric's own unit."""
    return tuple(
        Advantage(
            unit=cell.unit,
            fold=cell.fold,
            context_key=cell.context_key,
            n=cell.n,
            total=(_score(cell, means, arm) - _score(cell, means, BASELINE_ARM)) / _MICROS,
        )
        for cell in cells
    )


def mean_advantage(gains: Sequence[Advantage], units: Sequence[str]) -> Linearized:
    """Mean advantage per row over ``units``, cluster-robust; units without a row count as empty."""
    place = {unit: at for at, unit in enumerate(units)}
    totals = np.zeros(len(units))
    rows = np.zeros(len(units))
    for gain in gains:
        totals[place[gain.unit]] += gain.total
        rows[place[gain.unit]] += gain.n
    return cluster_ratio(totals, rows)


def _score(cell: Logged, means: Mapping[int, CellMeans], arm: str) -> float:
    """Sum over the cell's rows of the doubly robust score, in 1e-6."""
    mean = means[cell.fold].mean(cell.context_key, arm)
    modeled = cell.n * mean
    if cell.arm != arm:
        return modeled
    return modeled + (cell.total_micros - modeled) / cell.propensity
