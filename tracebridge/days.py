"""UTC days as people name them: ``2026-03-05``, ``today``, ``yesterday``."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from tracebridge.domain.errors import ConfigurationError


def parse_day(name: str | None, *, now: datetime) -> date:
    """The UTC day that ``name`` means at ``now``; ``None`` means today.

    Raises:
        ConfigurationError: it is no such day, or the last one that a calendar here knows.
    """
    today = now.astimezone(UTC).date()
    if name is None or name == "today":
        return today
    if name == "yesterday":
        return today - timedelta(days=1)
    try:
        day = date.fromisoformat(name)
    except ValueError:
        day = date.max
    if day == date.max or day.isoformat() != name:
        raise ConfigurationError(
            f"--day is '{name}'; give a UTC day as YYYY-MM-DD, or today or yesterday"
        )
    return day
