"""What goes into the warehouse and what comes out: rows as Arrow tables, results as values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tracebridge.domain.errors import WarehouseError
from tracebridge.domain.events import JsonValue
from tracebridge.domain.replay import Metric, ReplayRow

MICROS = 1_000_000
"""Integers of the warehouse per unit of a metric."""

_LARGEST = 2**63 / MICROS
_ROWS = pa.schema(
    [
        ("row_id", pa.string()),
        ("unit", pa.string()),
        ("session_id", pa.string()),
        ("day", pa.string()),
        ("context_key", pa.string()),
        ("context", pa.string()),
        ("arm", pa.string()),
        ("propensity", pa.float64()),
        ("provenance", pa.string()),
        ("split", pa.string()),
        ("fold", pa.int32()),
    ]
)
_VALUES = pa.schema(
    [("row_id", pa.string()), ("metric", pa.string()), ("value_micros", pa.int64())]
)


@dataclass(frozen=True, slots=True)
class ArmTotals:
    """What the log shows under one arm, as it happened. No comparison of arms."""

    arm: str
    turns: int
    n: Mapping[Metric, int]
    total_micros: Mapping[Metric, int]

    def mean(self, metric: Metric) -> float | None:
        """Mean over the turns on which ``metric`` was observed; ``None`` over nothing."""
        n = self.n[metric]
        return self.total_micros[metric] / (n * MICROS) if n else None

    def to_document(self) -> dict[str, JsonValue]:
        """The row of the observed table."""
        return {
            "arm": self.arm,
            "turns": self.turns,
            "judged": self.n[Metric.OUTCOME],
            "mean_outcome": self.mean(Metric.OUTCOME),
            "labels": self.n[Metric.LABEL],
            "mean_label": self.mean(Metric.LABEL),
            "label_rate": self.n[Metric.LABEL] / self.turns,
            "mean_cost_usd": self.mean(Metric.COST),
            "mean_latency_s": self.mean(Metric.LATENCY),
        }


@dataclass(frozen=True, slots=True)
class ReplaySetSize:
    """How large the loaded set is, on either side of the split."""

    holdout_rows: int
    holdout_units: int
    train_rows: int
    rows_without_propensity: int
    first_day: str | None
    last_day: str | None


def row_table(rows: Sequence[ReplayRow]) -> pa.Table:
    """One line a row, its context as canonical JSON."""
    columns: dict[str, list[object]] = {
        name: [getattr(row, name) for row in rows] for name in _ROWS.names if name != "context"
    }
    written: dict[tuple[tuple[str, str], ...], str] = {}
    columns["context"] = [
        written.get(items) or written.setdefault(items, canonical(dict(items)))
        for items in (tuple(row.context.items()) for row in rows)
    ]
    return pa.table(columns, schema=_ROWS)


def value_table(rows: Sequence[ReplayRow]) -> pa.Table:
    """One line a row and observed metric, scaled to integers, halves to even.

    Raises:
        WarehouseError: a value is not finite, or too large to be scaled.
    """
    ids: list[str] = []
    metrics: list[str] = []
    micros: list[int] = []
    for row in rows:
        for metric, value in row.values.items():
            if not math.isfinite(value) or abs(value) >= _LARGEST:
                raise WarehouseError(
                    f"replay set: {metric.value} of row {row.row_id} is {value}; "
                    "leave out what was not observed"
                )
            ids.append(row.row_id)
            metrics.append(metric.value)
            micros.append(round(value * MICROS))
    return pa.table({"row_id": ids, "metric": metrics, "value_micros": micros}, schema=_VALUES)


def row_of(columns: Sequence[Any]) -> ReplayRow:
    """A row as ``50_rows_of_split.sql`` selects it."""
    *fields, metrics, micros = columns
    named = dict(zip(_ROWS.names, fields, strict=True))
    named["context"] = json.loads(named["context"])
    values = {
        Metric(metric): value / MICROS
        for metric, value in zip(metrics or [], micros or [], strict=True)
    }
    return ReplayRow(**named, values=values)


def arm_totals_of(columns: Sequence[Any]) -> ArmTotals:
    """The totals of one arm as ``30_arm_totals.sql`` selects them."""
    arm, turns, *pairs = columns
    order = (Metric.OUTCOME, Metric.LABEL, Metric.COST, Metric.LATENCY)
    return ArmTotals(
        arm,
        turns,
        n=dict(zip(order, pairs[0::2], strict=True)),
        total_micros={metric: total or 0 for metric, total in zip(order, pairs[1::2], strict=True)},
    )


def canonical(value: object) -> str:
    """Canonical JSON: one text for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
