"""Shrunk cell means: a small, transparent model of an outcome given context and arm.

Shared by off-policy evaluation (as the reward model) and by learning (as the scores to choose
by). Sums are whole numbers, so a fit is the same for any order of rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

DEFAULT_STRENGTH = 20.0
"""Rows' worth of belief in the coarser mean."""


class Tally(NamedTuple):
    """Rows and their exact total, in whole units of the caller's choice."""

    n: int
    total: int


@dataclass(frozen=True, slots=True)
class CellMeans:
    """Means by (context key, arm), in the unit of the totals they were fitted on."""

    cells: Mapping[tuple[str, str], float]
    arms: Mapping[str, float]
    overall: float

    def mean(self, context_key: str, arm: str) -> float:
        """The finest mean known: the cell's, else the arm's, else the overall one."""
        cell = self.cells.get((context_key, arm))
        return self.arms.get(arm, self.overall) if cell is None else cell


def fit_cell_means(
    tallies: Mapping[tuple[str, str], Tally],
    *,
    strength: float = DEFAULT_STRENGTH,
    empty: float = 0.0,
) -> CellMeans:
    """Fit means by (context key, arm), each shrunk toward the coarser one.

    ``arm = (total + strength * overall) / (n + strength)`` and
    ``cell = (total + strength * arm) / (n + strength)``: the posterior mean under a conjugate
    prior worth ``strength >= 0`` rows (Efron and Morris 1975). ``empty`` is the overall mean
    where there is no row at all.
    """
    by_arm: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (_, arm), tally in tallies.items():
        by_arm[arm][0] += tally.n
        by_arm[arm][1] += tally.total
    n = sum(counts[0] for counts in by_arm.values())
    overall = sum(counts[1] for counts in by_arm.values()) / n if n else empty
    arms = {
        arm: _shrunk(Tally(*counts), overall, strength) for arm, counts in sorted(by_arm.items())
    }
    cells = {key: _shrunk(tally, arms[key[1]], strength) for key, tally in sorted(tallies.items())}
    return CellMeans(cells, arms, overall)


def cross_fit_cell_means(
    tallies: Mapping[tuple[int, str, str], Tally],
    *,
    strength: float = DEFAULT_STRENGTH,
    empty: float = 0.0,
) -> Mapping[int, CellMeans]:
    """For every fold, means fitted on the rows of all *other* folds.

    ``tallies`` is keyed by (fold, context key, arm); no row ever predicts itself
    (Chernozhukov et al. 2018). A fold with nothing outside it is predicted as ``empty``.
    """
    together: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for (_, context_key, arm), tally in tallies.items():
        together[context_key, arm][0] += tally.n
        together[context_key, arm][1] += tally.total
    fits = {}
    for fold in sorted({fold for fold, _, _ in tallies}):
        others = {}
        for (context_key, arm), (n, total) in together.items():
            own = tallies.get((fold, context_key, arm), Tally(0, 0))
            if n > own.n:
                others[context_key, arm] = Tally(n - own.n, total - own.total)
        fits[fold] = fit_cell_means(others, strength=strength, empty=empty)
    return fits


def _shrunk(tally: Tally, toward: float, strength: float) -> float:
    weight = tally.n + strength
    return (tally.total + strength * toward) / weight if weight else toward
