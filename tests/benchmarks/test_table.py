"""What the table of ratios says about a mark."""

from __future__ import annotations

import pytest

from benchmarks.table import Row, table_of


@pytest.mark.parametrize(
    ("ratio", "at_most", "said"),
    [
        (1.3, True, "aim"),
        (2.0, True, "pass"),
        (2.01, True, "MISS"),
        (2.0, False, "aim"),
        (1.5, False, "pass"),
        (1.29, False, "MISS"),
        (None, True, ""),
    ],
)
def test_a_mark_is_met_at_its_very_value(ratio: float | None, at_most: bool, said: str) -> None:
    passes, aims = (2.0, 1.3) if at_most else (1.3, 2.0)
    row = Row("import", "floor", ratio, "", passes, aims, at_most=at_most)
    assert row.verdict() == said


def test_missed_and_unmeasured_rows_are_named_below_the_table() -> None:
    rows = [
        Row("cycle", "import", 4.0, "", 2.0, 1.4),
        Row("join", "polars", None, "", 4.0, 1.5),
        Row("memory", "small", 1.0, "", 1.2, None),
    ]
    *_, missed, absent = table_of(rows)
    assert missed == "\nmissed marks: cycle / import"
    assert absent == "not measured: join"
