"""A day is what its name says at one moment, in UTC, and nothing else is taken for one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from tracebridge.days import parse_day
from tracebridge.domain.errors import ConfigurationError

LATE = datetime(2026, 3, 5, 23, 30, tzinfo=timezone(timedelta(hours=-3)))
"""Already the next day in UTC."""


@pytest.mark.parametrize(
    ("name", "day"),
    [
        (None, date(2026, 3, 6)),
        ("today", date(2026, 3, 6)),
        ("yesterday", date(2026, 3, 5)),
        ("2026-02-28", date(2026, 2, 28)),
    ],
)
def test_names_mean_days_of_utc(name: str | None, day: date) -> None:
    assert parse_day(name, now=LATE) == day


@pytest.mark.parametrize("name", ["", "2026-2-8", "20260228", "2026-02-30", "9999-12-31", "now"])
def test_anything_else_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match="--day"):
        parse_day(name, now=datetime(2026, 3, 5, tzinfo=UTC))
