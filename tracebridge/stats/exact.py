"""Sums that do not depend on the order of their terms."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

type FloatArray = NDArray[np.float64]
type IntArray = NDArray[np.int64]

_WORTH_SLICING = 2_000
"""Terms from which slicing whole arrays is faster than adding one by one."""


def exact_sum(values: FloatArray | Iterable[float]) -> float:
    """The correctly rounded sum: the same in any order, on any machine.

    Equal to ``math.fsum`` (Shewchuk 1997), several times faster on long arrays. A term that
    is not finite, or a sum beyond the range of a float, gives a result that is not finite; it
    never raises.
    """
    if not isinstance(values, np.ndarray):
        return _sum_one_by_one(list(values))
    if len(values) < _WORTH_SLICING:
        return _sum_one_by_one(values.tolist())
    return _sum_by_slices(values)


def exact_mean(values: FloatArray) -> float:
    """The correctly rounded sum over the length; ``nan`` for no values."""
    return exact_sum(values) / len(values) if len(values) else math.nan


def _sum_by_slices(values: FloatArray) -> float:
    """Cut all terms at a common bit, add the upper parts without error, go on with the rest.

    The error-free vector transformation of Rump, Ogita and Oishi 2008 (ExtractVector): the upper
    parts are multiples of one power of two, few enough to be added exactly in any order.
    """
    parts: list[float] = []
    rest = values.astype(np.float64, copy=True)
    upper = np.empty_like(rest)
    headroom = len(values).bit_length() + 1
    while largest := max(float(rest.max()), -float(rest.min())):
        exponent = math.frexp(largest)[1] + headroom
        if not math.isfinite(largest) or exponent > 1020:
            return _sum_one_by_one(values.tolist())
        cut = math.ldexp(1.0, exponent)
        np.add(rest, cut, out=upper)
        upper -= cut
        parts.append(float(upper.sum()))
        rest -= upper
    return math.fsum(parts)


def _sum_one_by_one(terms: list[float]) -> float:
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):  # beyond the range, or opposite infinities
        return math.nan
