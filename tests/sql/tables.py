"""The warehouse's two tables in memory, filled from the short rows of a case file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from tests.unit.replay.builders import a_row
from tracebridge.adapters.warehouse.statements import statement
from tracebridge.adapters.warehouse.tables import row_table, value_table
from tracebridge.domain.replay import Metric, ReplayRow


def load_case(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def filled(rows: list[dict[str, Any]], *, threads: int = 2) -> duckdb.DuckDBPyConnection:
    """A connection on the rows of a case; what a row leaves out is a default of the builder."""
    built = [_row(row) for row in rows]
    connection = duckdb.connect()
    connection.execute("SET threads = $threads", {"threads": threads})
    connection.register("incoming_rows", row_table(built))
    connection.register("incoming_values", value_table(built))
    connection.execute(f"CREATE TABLE replay_rows AS {statement('10_replay_rows')}")
    connection.execute(f"CREATE TABLE replay_values AS {statement('20_replay_values')}")
    return connection


def _row(short: dict[str, Any]) -> ReplayRow:
    fields = dict(short)
    forced = {name: fields.pop(name) for name in ("provenance", "context_key") if name in fields}
    if "values" in fields:
        fields["values"] = {Metric(name): value for name, value in fields["values"].items()}
    return replace(a_row(**fields), **forced)
