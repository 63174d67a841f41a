from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from random import Random

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.replay.builders import a_row
from tracebridge.adapters.warehouse.duckdb_warehouse import DuckDBWarehouse
from tracebridge.adapters.warehouse.tables import value_table
from tracebridge.domain.errors import WarehouseError
from tracebridge.domain.replay import Cell, Metric, ReplayRow
from tracebridge.ports import Warehouse


def some_rows(count: int = 400, seed: int = 1) -> list[ReplayRow]:
    """Rows of 20 units whose splits and folds hold together, values awkward in binary."""
    draw = Random(seed)
    return [
        a_row(
            f"tn_{index:04}",
            unit=f"chat-{index % 20}",
            context={"length": draw.choice(["short", "long"])},
            arm=draw.choice(["baseline", "strong"]),
            propensity=draw.choice([0.1, 0.9, None]),
            split="train" if index % 20 < 6 else "holdout",
            fold=index % 5,
            values={Metric.OUTCOME: draw.random(), Metric.COST: draw.random() / 100},
        )
        for index in range(count)
    ]


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "cache" / "warehouse.duckdb")


def test_it_is_a_warehouse(warehouse: DuckDBWarehouse) -> None:
    port: Warehouse = warehouse
    port.load([a_row()])
    assert port.cells(Metric.OUTCOME) == [
        Cell("chat-1", 0, "length=short", "baseline", 0.5, 1, 500_000)
    ]


def test_cells_tie_to_the_rows(warehouse: DuckDBWarehouse) -> None:
    rows = some_rows()
    warehouse.load(rows)
    usable = [row for row in rows if row.split == "holdout" and row.propensity is not None]
    cells = warehouse.cells(Metric.OUTCOME)
    assert sum(cell.n for cell in cells) == len(usable)
    assert sum(cell.total_micros for cell in cells) == sum(
        round(row.values[Metric.OUTCOME] * 1e6) for row in usable
    )
    keys = [(c.unit, c.context_key, c.arm, c.propensity) for c in cells]
    assert keys == sorted(set(keys))


def test_nothing_depends_on_row_order_or_threads(tmp_path: Path) -> None:
    rows = some_rows(1_000)
    results = set()
    for run in range(4):
        warehouse = DuckDBWarehouse(tmp_path / f"{run}.duckdb", threads=1 + run % 3)
        warehouse.load(Random(run).sample(rows, len(rows)))
        results.add(
            (
                warehouse.replay_set_digest(),
                repr(warehouse.cells(Metric.OUTCOME)),
                repr(warehouse.rows("train")),
                repr(warehouse.arm_totals()),
            )
        )
    assert len(results) == 1


def test_the_digest_is_pinned_and_covers_each_part_of_a_hold_out_row(
    warehouse: DuckDBWarehouse,
) -> None:
    def digest(**changes: object) -> str:
        warehouse.load([a_row("tn_1", **changes), a_row("tn_2", unit="chat-2", split="train")])
        return warehouse.replay_set_digest()

    line = (
        '["tn_1","chat-1","length=short","baseline","0x1.0000000000000p-1",0,["outcome"],[500000]]'
    )
    assert digest() == sha256(f"tracebridge.replay_set.v1\n{line}\n".encode()).hexdigest()
    others = [
        digest(unit="chat-3"),
        digest(context={"length": "long"}),
        digest(arm="strong"),
        digest(propensity=0.5000000000000001),
        digest(propensity=None),
        digest(fold=1),
        digest(values={Metric.OUTCOME: 0.500001}),
        digest(values={Metric.LABEL: 0.5}),
        digest(values={}),
    ]
    assert len({digest(), *others}) == len(others) + 1


def test_train_rows_do_not_enter_the_digest(warehouse: DuckDBWarehouse) -> None:
    warehouse.load([a_row("tn_1")])
    alone = warehouse.replay_set_digest()
    warehouse.load([a_row("tn_1"), a_row("tn_2", unit="chat-2", split="train")])
    assert warehouse.replay_set_digest() == alone


@given(st.lists(st.floats(-2, 2), max_size=30))
def test_values_are_scaled_to_the_nearest_integer_halves_to_even(values: list[float]) -> None:
    rows = [
        a_row(f"tn_{index}", values={Metric.LABEL: value}) for index, value in enumerate(values)
    ]
    micros = value_table(rows).column("value_micros").to_pylist()
    assert micros == [round(value * 1e6) for value in values]
    halves = [a_row("tn_1", values={Metric.COST: half * 1e-6}) for half in (0.5, 1.5, 2.5)]
    assert value_table(halves).column("value_micros").to_pylist() == [0, 2, 2]


def test_rows_come_back_as_they_went_in(warehouse: DuckDBWarehouse) -> None:
    rows = [
        a_row("tn_1", context={"length": "long", "form": "code"}, values={Metric.LABEL: -1.5}),
        a_row("tn_2", propensity=None, values={}),
        a_row("tn_3", values={Metric.COST: 0.25, Metric.LATENCY: 12.5, Metric.OUTCOME: 1.0}),
    ]
    warehouse.load(rows)
    assert list(warehouse.rows("holdout")) == rows
    assert warehouse.rows("train") == ()


def test_offenders_stop_the_load_and_the_old_warehouse_stays(warehouse: DuckDBWarehouse) -> None:
    warehouse.load([a_row("tn_1")])
    before = warehouse.replay_set_digest()
    bad = [a_row(f"tn_{index}", propensity=1.5) for index in range(7)]
    with pytest.raises(WarehouseError) as refused:
        warehouse.load(bad)
    assert str(refused.value) == (
        "replay set: check 20_propensities finds 7 offender(s): tn_0, tn_1, tn_2, tn_3, tn_4 "
        "and 2 more; mend the step that made these rows"
    )
    assert warehouse.replay_set_digest() == before


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_what_is_no_finite_number_never_gets_in(warehouse: DuckDBWarehouse, value: float) -> None:
    with pytest.raises(WarehouseError, match="cost of row tn_1 is"):
        warehouse.load([a_row("tn_1", values={Metric.COST: value})])


def test_a_load_leaves_one_file_that_plain_duckdb_opens(
    warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    warehouse.load(some_rows())
    folder = tmp_path / "cache"
    assert [path.name for path in folder.iterdir()] == ["warehouse.duckdb"]
    with duckdb.connect(folder / "warehouse.duckdb", read_only=True) as plain:
        assert plain.execute("SELECT count(*) FROM replay_rows").fetchall() == [(400,)]
        assert plain.execute("SELECT count(*) FROM replay_values").fetchall() == [(800,)]


def test_a_half_built_file_of_a_killed_cycle_is_replaced(
    warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "warehouse.duckdb.building").write_bytes(b"half a file")
    (tmp_path / "cache" / "warehouse.duckdb.building.wal").write_bytes(b"and its log")
    warehouse.load([a_row()])
    assert warehouse.size().holdout_rows == 1


def test_an_absent_or_damaged_file_is_an_error_with_a_mend(
    warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    with pytest.raises(WarehouseError, match="nothing is loaded yet; run a cycle first"):
        warehouse.cells(Metric.OUTCOME)
    warehouse.load([a_row()])
    (tmp_path / "cache" / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(WarehouseError, match="remove it and run a cycle"):
        warehouse.cells(Metric.OUTCOME)
    warehouse.load([a_row()])
    assert warehouse.size().holdout_rows == 1


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WarehouseError, match="cannot be written"):
        DuckDBWarehouse(tmp_path / "file" / "warehouse.duckdb").load([a_row()])


def test_text_of_the_log_is_bound_and_never_run(warehouse: DuckDBWarehouse) -> None:
    hostile = "x'; DROP TABLE replay_rows; --"
    warehouse.load([a_row("tn_1", unit=hostile, arm=hostile, context={"a": hostile})])
    (cell,) = warehouse.cells(Metric.OUTCOME)
    assert (cell.unit, cell.arm) == (hostile, hostile)


def test_an_empty_replay_set_is_a_replay_set(warehouse: DuckDBWarehouse) -> None:
    warehouse.load([])
    assert warehouse.cells(Metric.OUTCOME) == []
    assert warehouse.arm_totals() == ()
    assert warehouse.size().first_day is None
    assert len(warehouse.replay_set_digest()) == 64


def test_arm_totals_divide_exact_sums_and_leave_unknown_unknown(
    warehouse: DuckDBWarehouse,
) -> None:
    warehouse.load(
        [
            a_row("tn_1", values={Metric.OUTCOME: 0.1, Metric.LABEL: -2.0}),
            a_row("tn_2", values={Metric.OUTCOME: 0.2}),
            a_row("tn_3", unit="chat-2", split="train", arm="strong", values={}),
        ]
    )
    baseline, strong = (totals.to_document() for totals in warehouse.arm_totals())
    assert baseline == {
        "arm": "baseline",
        "turns": 2,
        "judged": 2,
        "mean_outcome": 0.15,
        "labels": 1,
        "mean_label": -2.0,
        "label_rate": 0.5,
        "mean_cost_usd": None,
        "mean_latency_s": None,
    }
    assert (strong["turns"], strong["judged"], strong["mean_outcome"]) == (1, 0, None)


def test_rows_that_nobody_can_weigh_are_a_warning(warehouse: DuckDBWarehouse) -> None:
    warehouse.load([a_row("tn_1"), a_row("tn_2", propensity=None)])
    assert warehouse.warnings() == {"60_known_propensities": 1}
    warehouse.load([a_row("tn_1")])
    assert warehouse.warnings() == {}
