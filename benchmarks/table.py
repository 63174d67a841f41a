"""Ratios against marks, as a table: what was reached, what was missed, what was not measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    against: str
    ratio: float | None
    """``None``: not measured."""
    unit: str
    passes: float | None
    aims: float | None
    at_most: bool = True
    """Whether small is good."""
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        """As it is printed."""
        return (
            self.what,
            self.against,
            "not measured" if self.ratio is None else f"{self.ratio:.3g}{self.unit}",
            self._mark(self.passes),
            self._mark(self.aims),
            self.verdict(),
            self.note,
        )

    def verdict(self) -> str:
        """``aim``, ``pass``, ``MISS``, or nothing where nothing is asked or measured."""
        if self.ratio is None or self.passes is None:
            return ""
        if self.aims is not None and self._meets(self.aims):
            return "aim"
        return "pass" if self._meets(self.passes) else "MISS"

    def _meets(self, mark: float) -> bool:
        ratio = self.ratio or 0.0
        return ratio <= mark if self.at_most else ratio >= mark

    def _mark(self, mark: float | None) -> str:
        sign = "<=" if self.at_most else ">="
        return "" if mark is None else f"{sign} {mark:g}{self.unit}"


HEAD = ("what", "against", "ratio", "pass", "aim", "", "note")


def table_of(rows: Sequence[Row]) -> Iterator[str]:
    """The table, line by line, and below it what was missed and what was not measured."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(padded).rstrip()
    missed = [f"{row.what} / {row.against}" for row in rows if row.verdict() == "MISS"]
    yield f"\nmissed marks: {'; '.join(missed) or 'none'}"
    absent = [row.what for row in rows if row.ratio is None]
    yield f"not measured: {'; '.join(absent) or 'none'}"
