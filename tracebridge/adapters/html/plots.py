"""Geometry of the page's figures; templates draw them as inline SVG.

Horizontal places are percentages of the figure's width and text keeps its size, so one drawing
serves a phone and a wide screen, light and dark, and is the same bytes on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tracebridge.adapters.html import formats

_TREND_SLOTS = 30


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a stacked bar; ``grow`` is its share of the width, in percent, without a unit."""

    label: str
    value: str
    share: str
    grow: str
    tone: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a histogram, its height in percent of the drawing."""

    x: str
    width: str
    y: str
    height: str
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar that starts at zero."""

    label: str
    value: str
    note: str
    width: str
    tone: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A labeled place on an axis."""

    x: str
    text: str


@dataclass(frozen=True, slots=True)
class Whisker:
    """A contrast with its own interval and, thinner, the one that holds for all at once."""

    x: str
    lo: str
    hi: str
    outer_lo: str | None
    outer_hi: str | None


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from data to percent of the width."""

    lo: float
    hi: float

    def at(self, value: float) -> str:
        """Where a value lies, clipped to the drawing."""
        return percent((min(max(value, self.lo), self.hi) - self.lo) / (self.hi - self.lo))

    def ticks(self, wanted: int = 5) -> tuple[Tick, ...]:
        """Round places on the axis, signed."""
        step = _round_step((self.hi - self.lo) / wanted)
        digits = max(0, -math.floor(math.log10(step)))
        first, last = math.ceil(self.lo / step), math.floor(self.hi / step)
        return tuple(
            Tick(self.at(index * step), formats.signed(index * step, digits) if index else "0")
            for index in range(first, last + 1)
        )


def percent(proportion: float) -> str:
    """A proportion as an SVG length; two decimals are below a pixel on any screen."""
    return f"{100 * proportion:.2f}%"


def stacked(parts: Sequence[tuple[str, float | None, str]]) -> tuple[Segment, ...]:
    """A bar of ``(label, count, tone)``, empty parts left out; nothing without any count."""
    known = [(label, number, tone) for label, number, tone in parts if number and number > 0]
    total = math.fsum(number for _, number, _ in known)
    return tuple(
        Segment(
            label=label,
            value=formats.count(number),
            share=formats.share(number / total),
            grow=f"{100 * number / total:.3f}",
            tone=tone,
        )
        for label, number, tone in known
    )


def histogram(counts: Sequence[float | None], *, unit: str) -> tuple[Column, ...]:
    """Columns over [0, 1] in equal bins; nothing where no count is positive."""
    numbers = [number or 0.0 for number in counts]
    tallest = max(numbers, default=0.0)
    if tallest <= 0:
        return ()
    wide = 1 / len(numbers)
    return tuple(
        Column(
            x=percent((index + 0.06) * wide),
            width=percent(0.88 * wide),
            y=percent(1 - number / tallest),
            height=percent(number / tallest),
            title=f"{index * wide:.1f} to {(index + 1) * wide:.1f}: {formats.plural(number, unit)}",
        )
        for index, number in enumerate(numbers)
    )


def bars(parts: Sequence[tuple[str, float | None, str, str, str]]) -> tuple[Bar, ...]:
    """Bars of ``(label, size, value, note, tone)`` on one scale from zero; unknown sizes empty."""
    longest = max((size for _, size, *_ in parts if size is not None), default=0.0)
    return tuple(
        Bar(label, value, note, percent((size or 0.0) / longest if longest > 0 else 0.0), tone)
        for label, size, value, note, tone in parts
    )


def contrast_axis(ends: Sequence[float]) -> Axis | None:
    """An axis that shows zero and every end, with some air; ``None`` without any end."""
    if not ends:
        return None
    lo, hi = min(0.0, *ends), max(0.0, *ends)
    air = 0.08 * (hi - lo) or 1.0
    return Axis(lo - air, hi + air)


def trend(values: Sequence[float | None]) -> tuple[Column, ...]:
    """One column per value on a scale from zero; an unknown one has no height.

    Few values leave room to the right: a column is at most a thirtieth of the drawing wide.
    """
    room = [*values, *[None] * (_TREND_SLOTS - len(values))]
    return tuple(
        replace(column, title=formats.count(value))
        for column, value in zip(histogram(room, unit="turn"), values, strict=False)
    )


def _round_step(rough: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below ``rough``."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999999)
