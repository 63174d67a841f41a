"""Evidence that may be looked at every day: betting e-processes, and a test of the split itself.

By Ville's inequality an e-process exceeds 1/alpha at any time with probability at most alpha when
its null hypothesis holds, so looking often spends nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tracebridge.domain.errors import CanaryError

_TRUNCATION = 0.5
"""Largest share of the wealth that one bet may lose."""


@dataclass(frozen=True, slots=True)
class Wealth:
    """Log wealth of a bettor against a null hypothesis; 0 at the start."""

    final: float
    """After the last value."""
    best: float
    """Largest over time, at least 0: the evidence that counts."""
    values: int


def betting_wealth(values: Sequence[float], *, null_mean: float, alpha: float) -> Wealth:
    """Bet that the mean exceeds ``null_mean``: an e-process under ``E[x_t | past] <= null_mean``.

    ``values``: each in [0, 1], in the order they arose. Bets are predictable plug-in empirical
    Bernstein bets for level ``alpha``, truncated at half of what the null mean allows
    (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2024,
    section 4). ``null_mean`` is in (0, 1). To bet on a smaller mean, pass ``1 - x`` and
    ``1 - null_mean``. Raises `CanaryError` outside these ranges.
    """
    if not 0.0 < null_mean < 1.0:
        raise CanaryError(f"null_mean is {null_mean}; it must be in (0, 1).")
    wealth = best = 0.0
    for value, bet in zip(values, _bets(values, alpha), strict=True):
        stake = min(bet, _TRUNCATION / null_mean)
        wealth += math.log1p(stake * (value - null_mean))
        best = max(best, wealth)
    return Wealth(final=wealth, best=best, values=len(values))


def sample_ratio_log_odds(
    counts: Sequence[int], shares: Sequence[float], *, concentration: float = 100.0
) -> float:
    """Log Bayes factor that ``counts`` were not drawn with the planned ``shares``.

    Dirichlet-multinomial with prior ``concentration * shares`` against the multinomial at
    ``shares`` (Lindon and Malek, "Anytime-valid inference for multinomial count data", 2022).
    Its exponential is an e-process over the counts; ``min(1, exp(-result))`` an anytime p-value.
    ``shares`` are positive and sum to 1.
    """
    total = sum(counts)
    result = math.lgamma(concentration) - math.lgamma(concentration + total)
    for count, share in zip(counts, shares, strict=True):
        prior = concentration * share
        result += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
    return result


def _bets(values: Sequence[float], alpha: float) -> Iterator[float]:
    """The bet before each value, from the values before it only."""
    log_level = math.log(1.0 / alpha)
    mean_sum, variance_sum = 0.5, 0.25
    for at, value in enumerate(values, start=1):
        if not 0.0 <= value <= 1.0:
            raise CanaryError(f"Value {at} is {value}; scale every value to [0, 1].")
        # The variance estimate is variance_sum / at, and the bet divides by at times it.
        yield math.sqrt(2.0 * log_level / (math.log1p(at) * variance_sum))
        mean_sum += value
        variance_sum += (value - mean_sum / (at + 1)) ** 2
