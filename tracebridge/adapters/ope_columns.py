"""Columns of Parquet tables, checked at the door: keys as integers or text, numbers as doubles.

Every refusal is an ``EstimationError`` of one sentence with the file, the column and the mend.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tracebridge.domain.errors import EstimationError


def column_names(path: Path) -> tuple[str, ...]:
    """The names of the table's columns, in file order."""
    try:
        return tuple(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as error:
        raise EstimationError(f"{path}: cannot be read as Parquet: give a Parquet file") from error


def read_columns(path: Path, wanted: Sequence[str]) -> pa.Table:
    """The wanted columns, all of which must exist and have no empty value."""
    names = column_names(path)
    for name in wanted:
        if name not in names:
            raise EstimationError(
                f"{path}: column {name} is missing: add it beside {', '.join(names) or 'nothing'}"
            )
    try:
        table = pq.read_table(path, columns=list(dict.fromkeys(wanted)))
    except (OSError, pa.ArrowException) as error:
        raise EstimationError(f"{path}: cannot be read as Parquet: write it again") from error
    for name in wanted:
        if table.column(name).null_count:
            raise EstimationError(
                f"{path}: column {name} has {table.column(name).null_count} empty values: fill"
                " them or drop those rows"
            )
    return table


def keys(table: pa.Table, name: str, path: Path) -> pa.ChunkedArray:
    """A key column as 64-bit integers or as text."""
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.cast(pa.string())
    raise EstimationError(f"{path}: column {name} is {column.type}: give integers or text")


def numbers(
    table: pa.Table,
    name: str,
    path: Path,
    *,
    above: float | None = None,
    within: tuple[float, float] | None = None,
) -> pa.ChunkedArray:
    """A number column as finite doubles, all greater than ``above`` and inside ``within``."""
    column = table.column(name)
    if not (
        pa.types.is_floating(column.type)
        or pa.types.is_integer(column.type)
        or pa.types.is_decimal(column.type)
        or pa.types.is_boolean(column.type)
    ):
        raise EstimationError(f"{path}: column {name} is {column.type}: give numbers")
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    column = column.cast(pa.float64(), safe=False)
    if not len(column):
        return column
    if not pc.all(pc.is_finite(column)).as_py():
        raise EstimationError(
            f"{path}: column {name} has values that are not finite: fill them or drop those rows"
        )
    low, high = pc.min(column).as_py(), pc.max(column).as_py()
    if above is not None and not low > above:
        raise EstimationError(
            f"{path}: column {name} goes down to {low:g}: keep it above {above:g}"
        )
    if within is not None and not within[0] <= low <= high <= within[1]:
        raise EstimationError(
            f"{path}: column {name} goes from {low:g} to {high:g}: keep it between"
            f" {within[0]:g} and {within[1]:g}"
        )
    return column


def dense_index(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The distinct values of a key column numbered from 0, as 64-bit integers."""
    encoded = column.combine_chunks().dictionary_encode()
    return pa.chunked_array([encoded.indices.cast(pa.int64())])


def zeros(length: int) -> pa.ChunkedArray:
    """A column of the integer 0."""
    return pa.chunked_array([np.zeros(length, dtype=np.int64)])
