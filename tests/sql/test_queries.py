"""Every query of the warehouse on small cases: ``<query>/<case>.json`` holds rows and result."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.sql.tables import filled, load_case
from tracebridge.adapters.warehouse.statements import checks, statement

HERE = Path(__file__).parent
CASES = sorted(path for path in HERE.glob("*/*.json") if path.parent.name != "checks")
QUERIES = sorted(path.parent.name for path in CASES)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_query_gives_exactly_the_expected_rows(path: Path) -> None:
    case = load_case(path)
    sql = statement(path.parent.name)
    for seed in range(3):
        rows = Random(seed).sample(case["rows"], len(case["rows"]))
        with filled(rows, threads=1 + seed) as connection:
            result = connection.execute(sql, case.get("parameters", {}))
            names = [column[0] for column in result.description]
            found = [list(row) for row in result.fetchall()]
        assert names == case["columns"]
        assert found == case["expect"]


def test_every_query_has_a_case_and_a_header() -> None:
    folder = Path(str(HERE)).parents[1] / "tracebridge" / "adapters" / "warehouse" / "sql"
    loaded_by_all = {"10_replay_rows", "20_replay_values"}
    assert {path.stem for path in folder.glob("*.sql")} - loaded_by_all == set(QUERIES)
    for path in folder.rglob("*.sql"):
        header = path.read_text(encoding="utf-8").partition("SELECT")[0]
        assert all(f"-- {word}:" in header for word in ("Grain", "Inputs", "Parameters")), path


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.name)
def test_a_check_finds_its_offenders_and_nothing_else(check: object) -> None:
    case = load_case(HERE / "checks" / f"{check.name}.json")
    with filled(case["sound"]) as connection:
        assert connection.execute(check.sql).fetchall() == []
    with filled(case["rows"]) as connection:
        found = [row[0] for row in connection.execute(check.sql).fetchall()]
    assert check.severity.value == case["severity"]
    assert found == case["offenders"]
