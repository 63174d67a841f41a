"""Cells as arrays in one fixed order, and a policy's probabilities and weights over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tracebridge.domain.errors import EstimationError
from tracebridge.domain.replay import Cell, Policy
from tracebridge.stats.exact import FloatArray, IntArray

MICROS = 1e6

type CellKey = tuple[str, str, str, float]
"""Unit, context key, arm, propensity."""


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """The log of one metric. Cell arrays have shape ``(cells,)``, sorted by ``CellKey``."""

    units: tuple[str, ...]
    folds: tuple[int, ...]
    context_keys: tuple[str, ...]
    arms: tuple[str, ...]
    unit: IntArray
    """Index into ``units``; ``fold``, ``context`` and ``arm`` likewise."""
    fold: IntArray
    context: IntArray
    arm: IntArray
    propensity: FloatArray
    """In (0, 1]."""
    rows: FloatArray
    """Whole numbers: decisions made."""
    observed: FloatArray
    """Whole numbers: those on which the metric was observed, at most ``rows``."""
    totals: FloatArray
    """Sum of the metric over the observed rows, in the metric's own unit."""
    totals_micros: tuple[int, ...]
    """The same, exactly."""

    def by_unit(self, values: FloatArray) -> FloatArray:
        """Sums over each unit's cells in their fixed order: ``(cells,)`` to ``(units,)``."""
        return np.bincount(self.unit, weights=values, minlength=len(self.units))


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A policy laid over a panel."""

    policy_id: str
    probabilities: FloatArray
    """Shape ``(contexts, arms)``, over the arms that the log shows."""
    weights: FloatArray
    """Shape ``(cells,)``: probability under the policy over logged propensity."""
    unlogged: FloatArray
    """Shape ``(contexts,)``: probability of arms that the log never shows."""


def panel_of(cells: Sequence[Cell], decisions: Sequence[Cell] | None = None) -> Panel:
    """The panel of one metric's ``cells``, whatever their order; equal keys are added up.

    ``decisions`` are the cells of all rows, observed on the metric or not (their totals are not
    read); without them every row counts as observed. Raises ``EstimationError`` for a propensity
    outside (0, 1], a negative count, a unit in two folds, or more observed rows than decisions.
    """
    folds: dict[str, int] = {}
    observed = _add_up(cells, folds)
    rows = {key: n for key, (n, _) in observed.items()}
    if decisions is not None:
        rows = {key: n for key, (n, _) in _add_up(decisions, folds).items()}
        for key, (n, _) in observed.items():
            if n > rows.get(key, 0):
                raise EstimationError(
                    f"unit {key[0]} has {n} observed rows of arm {key[2]} but"
                    f" {rows.get(key, 0)} decisions: take both from the same replay set"
                )
    keys = sorted(rows)
    tallies = [observed.get(key, (0, 0)) for key in keys]
    units, unit = _indexed([key[0] for key in keys])
    context_keys, context = _indexed([key[1] for key in keys])
    arms, arm = _indexed([key[2] for key in keys])
    fold_names, fold = _indexed([folds[key[0]] for key in keys])
    return Panel(
        units=units,
        folds=fold_names,
        context_keys=context_keys,
        arms=arms,
        unit=unit,
        fold=fold,
        context=context,
        arm=arm,
        propensity=np.array([key[3] for key in keys], dtype=np.float64),
        rows=np.array([rows[key] for key in keys], dtype=np.float64),
        observed=np.array([n for n, _ in tallies], dtype=np.float64),
        totals=np.array([total for _, total in tallies], dtype=np.float64) / MICROS,
        totals_micros=tuple(total for _, total in tallies),
    )


def target_of(panel: Panel, policy: Policy, contexts: Mapping[str, Mapping[str, str]]) -> Target:
    """The policy's probabilities and weights over the panel.

    ``contexts`` maps each context key of the panel to its features; a missing key, or a
    distribution that is not one, raises ``EstimationError``.
    """
    probabilities = np.zeros((len(panel.context_keys), len(panel.arms)))
    unlogged = np.zeros(len(panel.context_keys))
    column = {arm: index for index, arm in enumerate(panel.arms)}
    for row, context_key in enumerate(panel.context_keys):
        if context_key not in contexts:
            raise EstimationError(
                f"context {context_key!r} of the replay set is unknown: pass its features"
            )
        distribution = policy.distribution(contexts[context_key])
        _check_distribution(policy, context_key, distribution)
        for arm, probability in sorted(distribution.items()):
            if arm in column:
                probabilities[row, column[arm]] = probability
            else:
                unlogged[row] += probability
    weights = probabilities[panel.context, panel.arm] / panel.propensity
    return Target(policy.policy_id, probabilities, weights, unlogged)


def over_arms(table: FloatArray) -> FloatArray:
    """Sums over the last axis, arm by arm, so that no machine adds in another order."""
    total = np.zeros(table.shape[:-1])
    for arm in range(table.shape[-1]):
        total += table[..., arm]
    return total


def _add_up(cells: Sequence[Cell], folds: dict[str, int]) -> dict[CellKey, tuple[int, int]]:
    """Exact counts and totals by key; records each unit's fold in ``folds``."""
    sums: dict[CellKey, tuple[int, int]] = {}
    for cell in cells:
        if not 0 < cell.propensity <= 1 or cell.n < 0:
            raise EstimationError(
                f"unit {cell.unit} has propensity {cell.propensity} and {cell.n} rows: a"
                " propensity lies in (0, 1] and a count is not negative"
            )
        if folds.setdefault(cell.unit, cell.fold) != cell.fold:
            raise EstimationError(
                f"unit {cell.unit} is in folds {folds[cell.unit]} and {cell.fold}: fold by unit"
            )
        key = (cell.unit, cell.context_key, cell.arm, cell.propensity)
        n, total = sums.get(key, (0, 0))
        sums[key] = (n + cell.n, total + cell.total_micros)
    return sums


def _check_distribution(
    policy: Policy, context_key: str, distribution: Mapping[str, float]
) -> None:
    total = sum(distribution.values())
    if any(not 0 <= p <= 1 for p in distribution.values()) or abs(total - 1) > 1e-9:
        raise EstimationError(
            f"policy {policy.policy_id} gives probabilities that sum to {total:g} in context"
            f" {context_key!r}: make them sum to 1"
        )


def _indexed[T: (str, int)](values: Sequence[T]) -> tuple[tuple[T, ...], IntArray]:
    names = tuple(sorted(set(values)))
    position = {name: index for index, name in enumerate(names)}
    return names, np.array([position[value] for value in values], dtype=np.int64)
