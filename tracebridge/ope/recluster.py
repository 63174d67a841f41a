"""The same rows under coarser clusters: does a finding survive when whole days count once?

Episodes of one owner share whatever that day was like. Clustering by day beside by episode shows
whether the interval leaned on days being exchangeable (Cameron and Miller 2015, section IV).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tracebridge.domain.replay import Cell


def recluster(
    cells: Iterable[Cell], cluster_of: Mapping[str, str], *, fold_of: Callable[[str], int]
) -> list[Cell]:
    """Cells with ``cluster_of[unit]`` as their unit, merged where they then agree, sorted.

    A unit that is not named keeps its own name. ``fold_of`` gives the one cross-fitting fold of
    a cluster, whose units may have been in several. Totals stay exact integers.
    """
    merged: dict[tuple[str, int, str, str, float], tuple[int, int]] = {}
    for cell in cells:
        unit = cluster_of.get(cell.unit, cell.unit)
        key = (unit, fold_of(unit), cell.context_key, cell.arm, cell.propensity)
        n, total = merged.get(key, (0, 0))
        merged[key] = (n + cell.n, total + cell.total_micros)
    return [Cell(*key, *merged[key]) for key in sorted(merged)]
