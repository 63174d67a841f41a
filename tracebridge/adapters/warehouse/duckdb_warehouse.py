"""The fixed replay set as a DuckDB file: built beside, checked, verified, then swapped in.

Nothing here is the truth: the file can always be built again from its rows. Results never
depend on row order or on the number of threads, because every sum is one of integers and every
result is sorted by a key that is unique in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tracebridge.adapters.files import fsync_dir, fsync_file
from tracebridge.adapters.warehouse.statements import Check, Severity, checks, statement
from tracebridge.adapters.warehouse.tables import (
    ArmTotals,
    ReplaySetSize,
    arm_totals_of,
    canonical,
    row_of,
    row_table,
    value_table,
)
from tracebridge.domain.errors import WarehouseError
from tracebridge.domain.replay import Cell, Metric, ReplayRow

_LISTED = 5
"""Offenders that a message names."""
_BATCH = 10_000
_CONFIG: Mapping[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class DuckDBWarehouse:
    """Implements `tracebridge.ports.Warehouse` on one DuckDB file, opened only while in use."""

    def __init__(self, path: Path, *, threads: int = 2) -> None:
        self._path = path
        self._threads = threads

    def load(self, rows: Sequence[ReplayRow]) -> None:
        """Build the tables from ``rows`` in a file beside, check them, and swap it in.

        Raises:
            WarehouseError: a value is no finite number, a check finds offenders, or the file
                cannot be written; the warehouse that was there stays as it was.
        """
        incoming = (row_table(rows), value_table(rows))
        building = self._path.with_name(f"{self._path.name}.building")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _remove(building)
            self._build(building, *incoming)
            self._verify(building, *incoming)
            fsync_file(building)
            building.replace(self._path)
            fsync_dir(self._path.parent)
        except OSError as error:
            raise WarehouseError(
                f"{self._path}: cannot be written ({error.strerror}); check space and rights"
            ) from error
        finally:
            with suppress(OSError):
                _remove(building)

    def cells(self, metric: Metric) -> Sequence[Cell]:
        """Hold-out rows on which ``metric`` was observed, as exact integer totals.

        Sorted by unit, context key, arm, propensity; rows without a propensity are left out.

        Raises:
            WarehouseError: nothing is loaded, or DuckDB refuses the file.
        """
        return [Cell(*row) for row in self._all("40_unit_cells", {"metric": metric.value})]

    def decision_cells(self) -> Sequence[Cell]:
        """All hold-out decisions with a propensity, observed or not; totals are zero.

        Raises:
            WarehouseError: as `cells`.
        """
        return [Cell(*row) for row in self._all("45_decision_cells")]

    def rows(self, split: str) -> tuple[ReplayRow, ...]:
        """The rows of one side of the split by row id, values to the micro-unit.

        Raises:
            WarehouseError: as `cells`.
        """
        return tuple(row_of(row) for row in self._all("50_rows_of_split", {"split": split}))

    def replay_set_digest(self) -> str:
        """SHA-256 over the hold-out rows in the order of their ids, one JSON line each.

        Raises:
            WarehouseError: as `cells`.
        """
        digest = hashlib.sha256(b"tracebridge.replay_set.v1\n")
        with self._open() as connection:
            lines = connection.execute(statement("60_replay_set_lines"))
            while batch := lines.fetchmany(_BATCH):
                digest.update("".join(map(_digest_line, batch)).encode())
        return digest.hexdigest()

    def arm_totals(self) -> tuple[ArmTotals, ...]:
        """What the log shows under each arm, by name, over both sides of the split.

        Raises:
            WarehouseError: as `cells`.
        """
        return tuple(arm_totals_of(row) for row in self._all("30_arm_totals"))

    def size(self) -> ReplaySetSize:
        """How large the loaded set is.

        Raises:
            WarehouseError: as `cells`.
        """
        (row,) = self._all("70_replay_set_size")
        return ReplaySetSize(*row)

    def warnings(self) -> dict[str, int]:
        """Offenders of the checks that only warn, by check; those that find none are absent.

        Raises:
            WarehouseError: as `cells`.
        """
        with self._open() as connection:
            found = {
                check.name: len(connection.execute(check.sql).fetchall())
                for check in checks()
                if check.severity is Severity.WARN
            }
        return {name: count for name, count in found.items() if count}

    def _build(self, building: Path, rows: pa.Table, values: pa.Table) -> None:
        with self._connected(building, read_only=False) as connection:
            connection.register("incoming_rows", rows)
            connection.register("incoming_values", values)
            for table, source in (
                ("replay_rows", "10_replay_rows"),
                ("replay_values", "20_replay_values"),
            ):
                connection.execute(f"CREATE TABLE {table} AS {statement(source)}")
            for check in checks():
                if check.severity is Severity.FAIL:
                    _refuse_offenders(check, connection.execute(check.sql).fetchall())
            connection.execute("CHECKPOINT")

    def _verify(self, building: Path, rows: pa.Table, values: pa.Table) -> None:
        """Count again what is on disk: a damaged file can open without a word."""
        with self._connected(building, read_only=True) as connection:
            for table, expected in (("replay_rows", rows), ("replay_values", values)):
                ((found,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608 - our own names
                if found != expected.num_rows:
                    raise WarehouseError(
                        f"{self._path}: {table} holds {found} of {expected.num_rows} rows after "
                        "writing; check the disk and run again"
                    )

    def _all(self, name: str, parameters: Mapping[str, str] | None = None) -> list[Any]:
        with self._open() as connection:
            return list(connection.execute(statement(name), dict(parameters or {})).fetchall())

    @contextmanager
    def _open(self) -> Iterator[Any]:
        if not self._path.exists():
            raise WarehouseError(f"{self._path}: nothing is loaded yet; run a cycle first")
        with self._connected(self._path, read_only=True) as connection:
            yield connection

    @contextmanager
    def _connected(self, path: Path, *, read_only: bool) -> Iterator[Any]:
        try:
            with duckdb.connect(path, read_only=read_only, config=dict(_CONFIG)) as connection:
                connection.execute("SET threads = $threads", {"threads": self._threads})
                yield connection
        except duckdb.Error as error:
            raise WarehouseError(
                f"{path}: DuckDB refused it ({_first_line(error)}); remove it and run a cycle"
            ) from error


def _refuse_offenders(check: Check, offenders: Sequence[Sequence[object]]) -> None:
    if not offenders:
        return
    named = ", ".join(str(offender[0]) for offender in offenders[:_LISTED])
    more = f" and {len(offenders) - _LISTED} more" if len(offenders) > _LISTED else ""
    raise WarehouseError(
        f"replay set: check {check.name} finds {len(offenders)} offender(s): {named}{more}; "
        "mend the step that made these rows"
    )


def _digest_line(columns: Sequence[Any]) -> str:
    """One hold-out row, its propensity in hexadecimal: exact, and the same everywhere."""
    *decision, propensity, fold, metrics, micros = columns
    exact = None if propensity is None else propensity.hex()
    return f"{canonical([*decision, exact, fold, metrics, micros])}\n"


def _first_line(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]


def _remove(building: Path) -> None:
    for path in (building, building.with_name(f"{building.name}.wal")):
        path.unlink(missing_ok=True)
