"""Off-policy evaluation of any logged-bandit tables in Parquet: the core of ``ope evaluate``.

Tables are checked and keyed here, joined and counted in DuckDB, and estimated by
``tracebridge.ope.bandit``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from tracebridge.adapters.ope_columns import (
    column_names,
    dense_index,
    keys,
    numbers,
    read_columns,
    zeros,
)
from tracebridge.domain.documents import estimate_document
from tracebridge.domain.errors import EstimationError
from tracebridge.domain.events import JsonValue
from tracebridge.ope.bandit import ScoredLog, evaluate_log, log_diagnostics

SCHEMA = "tracebridge.ope.v1"
_SQL = files("tracebridge.adapters") / "ope_sql"
_CLUSTER_COLUMNS = ("cluster", "trajectory_id")
"""Columns that name the cluster where nobody says which does, in this order."""


class _Scope(StrEnum):
    """The grain at which a table gives its values, from coarse to fine, by column of the log."""

    LOG = "whole"
    POSITION = "position"
    ROW = "row_id"

    @property
    def singular(self) -> str:
        """What one value of the scope is, for a sentence."""
        return "table" if self is _Scope.LOG else self.value


_FINENESS = tuple(_Scope)


@dataclass(frozen=True, slots=True)
class _Log:
    """``rows(row_id, action, position, whole, reward, pscore, cluster)``.

    ``whole`` is 0 on every row, ``position`` where the log has none, and ``cluster`` (a dense
    index) where rows stand alone.
    """

    path: Path
    rows: pa.Table
    has_position: bool
    clustered_by: str | None

    def at_scope(self, scope: _Scope) -> pa.Table:
        """The rows with their ``scope``, and with the ``support`` in which actions are shown."""
        support = _Scope.LOG if scope is _Scope.ROW else scope
        return self.rows.append_column("scope", self.rows.column(scope.value)).append_column(
            "support", self.rows.column(support.value)
        )


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A target or a reward model: ``entries(scope, action, value)``."""

    path: Path
    scope: _Scope
    entries: pa.Table


def evaluate_tables(
    log_path: Path,
    target_path: Path,
    qhat_path: Path | None = None,
    cluster: str | None = None,
    *,
    level: float = 0.95,
) -> dict[str, JsonValue]:
    """Off-policy estimates of a target policy from a log, as a ``tracebridge.ope.v1`` document.

    Log: ``row_id, action, reward, pscore`` and optionally ``position``, ``cluster``; ``pscore``
    in (0, 1] is the probability with which the action was logged. Target: ``action[, position],
    prob`` or per row ``row_id, action, prob``; an absent action has probability 0 and each
    position's (or row's) probabilities sum to 1. ``qhat`` likewise, with the predicted reward
    ``q`` of every action that was logged or that the target plays; without it the model-based
    estimators are refused.

    Intervals at ``level`` are cluster-robust by the column ``cluster``; if none is named, by the
    log's ``cluster`` or ``trajectory_id`` column, else every row stands alone. Rows are judged one
    by one: steps of a trajectory are not chained.

    Raises ``EstimationError``, in one sentence, for a file that cannot be read, a missing column,
    a value out of range, and keys that repeat or do not match.
    """
    log = _read_log(log_path, cluster)
    target = _read_keyed(target_path, "prob", log)
    qhat = _read_keyed(qhat_path, "q", log) if qhat_path is not None else None
    with duckdb.connect() as connection:
        scored = _score(connection, log, target, qhat)
    estimates = evaluate_log(scored, level=level)
    return {
        "schema": SCHEMA,
        "estimators": {name: estimate_document(estimate) for name, estimate in estimates.items()},
        "diagnostics": {
            **log_diagnostics(scored),
            "clustered_by": log.clustered_by,
            "target_scope": target.scope.value,
            "qhat_scope": qhat.scope.value if qhat is not None else None,
        },
    }


def _score(
    connection: duckdb.DuckDBPyConnection, log: _Log, target: _Keyed, qhat: _Keyed | None
) -> ScoredLog:
    unsupported_mass = _check_target(connection, log, target)
    scope = target.scope if qhat is None else max(target.scope, qhat.scope, key=_FINENESS.index)
    connection.register("log", log.at_scope(scope))
    connection.register("target", _spread(connection, log, target, scope))
    nothing = target.entries.slice(0, 0)
    connection.register("qhat", nothing if qhat is None else _spread(connection, log, qhat, scope))
    parameters = {"scale": 1.0 if qhat is None else _scale(qhat)}
    scored = connection.execute(_sql("scored_log"), parameters).fetchnumpy()
    # An empty value comes masked.
    columns = {name: np.ma.asarray(values) for name, values in scored.items()}
    # Counting is cheap on the scored rows; only a log that fails is searched for its offender.
    repeats = columns["copies"].sum() != len(log.rows) or np.any(abs(columns["played"] - 1) > 1e-6)
    lacks = np.any(columns["lacking"] > 0) or np.ma.is_masked(columns["logged_q"])
    if repeats or (lacks and qhat is not None):
        _refuse_repeated_keys(connection, target)
        if qhat is not None:
            _refuse_repeated_keys(connection, qhat)
            _refuse_missing_predictions(connection, qhat)
    return ScoredLog(
        copies=np.asarray(columns["copies"], dtype=np.int64),
        reward=np.asarray(columns["reward"], dtype=np.float64),
        weight=np.asarray(columns["weight"], dtype=np.float64),
        logged_q=np.asarray(columns["logged_q"], dtype=np.float64) if qhat else None,
        expected_q=np.asarray(columns["expected_q"], dtype=np.float64) if qhat else None,
        cluster=np.asarray(columns["cluster"], dtype=np.int64) if log.clustered_by else None,
        unsupported_mass=unsupported_mass,
    )


def _scale(qhat: _Keyed) -> float:
    """The power of two that brings every prediction just below 2^52 in size."""
    values = qhat.entries.column("value").to_numpy()
    exponent = math.frexp(float(np.max(np.abs(values), initial=0.0)))[1]
    return math.ldexp(1.0, min(52 - exponent, 1000))


def _check_target(connection: duckdb.DuckDBPyConnection, log: _Log, target: _Keyed) -> float:
    """Refuse a log or a target that cannot be joined; returns the target's unsupported mass."""
    connection.register("log", log.at_scope(target.scope))
    connection.register("target", target.entries)
    _refuse_offenders(
        connection, "repeated_rows", log.path, "column row_id repeats", "give each row its own id"
    )
    _refuse_offenders(
        connection,
        "not_a_distribution",
        target.path,
        f"column prob does not sum to 1 over the actions of one {target.scope.singular}",
        "give a full distribution for all that was logged",
    )
    rows = connection.execute(_sql("unsupported_mass")).fetchall()
    return float(rows[0][0])


def _spread(
    connection: duckdb.DuckDBPyConnection, log: _Log, keyed: _Keyed, scope: _Scope
) -> pa.Table:
    """The table's entries, repeated for each scope of the log where ``scope`` is finer."""
    if keyed.scope is scope:
        return keyed.entries
    scopes = pa.table(
        {"coarse": log.rows.column(keyed.scope.value), "scope": log.rows.column(scope.value)}
    )
    connection.register("scopes", scopes.group_by(["coarse", "scope"]).aggregate([]))
    connection.register("coarse_table", keyed.entries)
    return connection.sql(_sql("spread")).to_arrow_table()


def _read_log(path: Path, cluster: str | None) -> _Log:
    names = column_names(path)
    if cluster is None:
        cluster = next((name for name in _CLUSTER_COLUMNS if name in names), None)
    has_position = "position" in names
    wanted = ["row_id", "action", "reward", "pscore"]
    wanted += ["position"] if has_position else []
    wanted += [cluster] if cluster is not None else []
    table = read_columns(path, wanted)
    nothing = zeros(len(table))
    rows = pa.table(
        {
            "row_id": keys(table, "row_id", path),
            "action": keys(table, "action", path),
            "position": keys(table, "position", path) if has_position else nothing,
            "whole": nothing,
            "reward": numbers(table, "reward", path),
            "pscore": numbers(table, "pscore", path, above=0, within=(0, 1)),
            "cluster": dense_index(keys(table, cluster, path)) if cluster is not None else nothing,
        }
    )
    return _Log(path, rows, has_position, cluster)


def _read_keyed(path: Path, value: str, log: _Log) -> _Keyed:
    """A table of ``value`` by action and, as its columns say, by row or by position."""
    names = column_names(path)
    scope = next((s for s in (_Scope.ROW, _Scope.POSITION) if s.value in names), _Scope.LOG)
    if scope is _Scope.POSITION and not log.has_position:
        raise EstimationError(f"{path}: column position has no match in the log: add it to the log")
    key_columns = ["action"] if scope is _Scope.LOG else [scope.value, "action"]
    table = read_columns(path, [*key_columns, value])
    for name in key_columns:
        own, logged = keys(table, name, path).type, log.rows.column(name).type
        if own != logged:
            raise EstimationError(
                f"{path}: column {name} is {own} but {logged} in the log: give both the same type"
            )
    in_scope = zeros(len(table)) if scope is _Scope.LOG else keys(table, scope.value, path)
    values = numbers(table, value, path, within=(0, 1) if value == "prob" else None)
    entries = {"scope": in_scope, "action": keys(table, "action", path), "value": values}
    return _Keyed(path, scope, pa.table(entries))


def _refuse_repeated_keys(connection: duckdb.DuckDBPyConnection, keyed: _Keyed) -> None:
    connection.register("entries", keyed.entries)
    _refuse_offenders(
        connection,
        "repeated_keys",
        keyed.path,
        f"column action repeats within one {keyed.scope.singular}",
        "give every action once",
    )


def _refuse_missing_predictions(connection: duckdb.DuckDBPyConnection, qhat: _Keyed) -> None:
    _refuse_offenders(
        connection,
        "missing_prediction",
        qhat.path,
        "column q lacks an action",
        "predict every action that was logged or that the target plays",
    )


def _refuse_offenders(
    connection: duckdb.DuckDBPyConnection, check: str, path: Path, fault: str, mend: str
) -> None:
    """Run a check, a query that selects an offender; raise in words if there is one."""
    offenders = connection.execute(_sql(f"checks/{check}")).fetchall()
    if offenders:
        raise EstimationError(f"{path}: {fault} (first at {offenders[0][0]}): {mend}")


def _sql(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")
