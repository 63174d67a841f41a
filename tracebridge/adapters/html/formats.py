"""Numbers as a reader wants them: with their unit, signed where it matters, never falsely zero."""

from __future__ import annotations

from datetime import date

UNKNOWN = "unknown"
_GAP = "\N{NO-BREAK SPACE}"
"""Between a number and its unit."""

_SECOND_MS = 1_000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS


def count(value: float | None) -> str:
    """A whole number with thousands separated."""
    return UNKNOWN if value is None else _minus(f"{value:,.0f}")


def large(value: float | None) -> str:
    """A count that may be too long for its place: ``402,118``, ``2.84 M``."""
    millions = 1_000_000
    if value is None or value < millions:
        return count(value)
    return f"{value / millions:.2f}{_GAP}M"


def plural(value: float | None, noun: str, nouns: str | None = None) -> str:
    """``1 turn``, ``3 turns``, ``unknown turns``."""
    return f"{count(value)} {noun if value == 1 else nouns or noun + 's'}"


def decimal(value: float | None, digits: int = 3) -> str:
    """A fixed number of decimals."""
    return UNKNOWN if value is None else _minus(f"{value:.{digits}f}")


def signed(value: float | None, digits: int = 3) -> str:
    """The same with its sign, plus too."""
    return UNKNOWN if value is None else _minus(f"{value:+.{digits}f}")


def share(value: float | None, digits: int = 1) -> str:
    """A proportion in [0, 1] as percent; what is little but there does not round to nothing."""
    if value is None:
        return UNKNOWN
    least = 10.0**-digits
    if 0 < 100 * value < least / 2:
        return f"<{least:.{digits}f}%"
    return _minus(f"{100 * value:.{digits}f}%")


def ratio(part: float | None, whole: float | None) -> float | None:
    """The proportion, ``None`` where either is unknown or the whole is empty."""
    return None if part is None or not whole else part / whole


def usd(value: float | None) -> str:
    """US dollars: cents, or as many decimals as a small amount needs."""
    if value is None:
        return UNKNOWN
    digits = 2 if abs(value) >= 1 or value == 0 else 4
    return _minus(f"{'-' if value < 0 else ''}${abs(value):,.{digits}f}")


def duration(value_ms: float | None) -> str:
    """Milliseconds as ``850 ms``, ``14.2 s``, ``31 min 14 s`` or ``1 h 12 min``."""
    if value_ms is None:
        return UNKNOWN
    size = abs(value_ms)
    sign = "-" if value_ms < 0 else ""
    if size < _SECOND_MS:
        text = f"{size:.0f}{_GAP}ms"
    elif size < _MINUTE_MS:
        text = f"{size / _SECOND_MS:.1f}{_GAP}s"
    elif size < _HOUR_MS:
        minutes, rest = divmod(round(size / _SECOND_MS), 60)
        text = f"{minutes}{_GAP}min{_GAP}{rest}{_GAP}s"
    else:
        hours, minutes = divmod(round(size / _MINUTE_MS), 60)
        text = f"{hours}{_GAP}h{_GAP}{minutes}{_GAP}min"
    return _minus(sign + text)


def metric(name: str, value: float | None, *, contrast: bool = False) -> str:
    """A value of a metric with its unit; a contrast carries its sign."""
    if value is None:
        return UNKNOWN
    plus = "+" if contrast and value > 0 else ""
    if name == "cost":
        return plus + usd(value)
    if name == "latency":
        return plus + duration(value * _SECOND_MS)
    digits = 2 if name == "label" else 3
    return signed(value, digits) if contrast or name == "label" else decimal(value, digits)


def interval(name: str, lo: float | None, hi: float | None, *, contrast: bool = False) -> str:
    """``0.719 to 0.814``; unknown if either end is."""
    if lo is None or hi is None:
        return UNKNOWN
    return f"{metric(name, lo, contrast=contrast)} to {metric(name, hi, contrast=contrast)}"


def day(text: str | None) -> str:
    """``Monday, 2 March 2026`` for an ISO date; other text as it is."""
    try:
        moment = date.fromisoformat(text or "")
    except ValueError:
        return text or UNKNOWN
    return f"{_WEEKDAYS[moment.weekday()]}, {moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def words(identifier: str) -> str:
    """``off_branch`` as ``off branch``."""
    return identifier.replace("_", " ")


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


# Named here and not by strftime, whose words follow the machine's locale.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
