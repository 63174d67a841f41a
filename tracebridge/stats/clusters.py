"""Cluster-robust uncertainty of means and ratios, by influence functions.

Rows of one cluster may depend on one another in any way; clusters are taken as independent
draws. Everything therefore works on one numerator and one denominator per cluster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tracebridge.domain.errors import EstimationError
from tracebridge.stats.exact import FloatArray, IntArray, exact_sum
from tracebridge.stats.quantiles import two_sided_t


@dataclass(frozen=True, slots=True, eq=False)
class Linearized:
    """A statistic and what each cluster contributes to its error.

    To first order ``value - truth`` is the mean of ``influence`` (delta method). Statistics over
    the same clusters add and subtract, which keeps their covariance: a difference formed so is
    the paired one.
    """

    value: float
    """``nan`` where the statistic is not defined (a denominator that sums to zero)."""
    influence: FloatArray
    """Shape ``(entries,)``; sums to 0 over the clusters up to rounding."""
    copies: IntArray | None = None
    """How many clusters each entry stands for, shape ``(entries,)``; ``None``: one each."""

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return len(self.influence) if self.copies is None else int(self.copies.sum())

    def __add__(self, other: Linearized) -> Linearized:
        self._check_same_clusters(other)
        return Linearized(self.value + other.value, self.influence + other.influence, self.copies)

    def __sub__(self, other: Linearized) -> Linearized:
        self._check_same_clusters(other)
        return Linearized(self.value - other.value, self.influence - other.influence, self.copies)

    def _check_same_clusters(self, other: Linearized) -> None:
        if len(self.influence) != len(other.influence):
            raise EstimationError(
                f"statistics over {len(self.influence)} and {len(other.influence)} clusters cannot"
                " be combined: compute both on the same rows"
            )


def cluster_ratio(
    numerators: FloatArray, denominators: FloatArray, copies: IntArray | None = None
) -> Linearized:
    """The ratio of two sums over clusters, with both random.

    ``numerators`` and ``denominators`` have shape ``(clusters,)``. Value
    ``R = sum(a) / sum(b)``; influence of cluster g ``(a_g - R * b_g) / mean(b)`` (delta method;
    Cochran 1977, chapter 6). Assumes independent clusters and a denominator away from zero. A
    mean over rows is the ratio of row sums to row counts.
    """
    clusters = len(numerators) if copies is None else int(copies.sum())
    denominator = _total(denominators, copies)
    if not denominator > 0 or not math.isfinite(denominator):
        undefined = np.full(len(numerators), math.nan)
        return Linearized(math.nan, undefined, copies)
    value = _total(numerators, copies) / denominator
    influence = (numerators - value * denominators) * (clusters / denominator)
    return Linearized(value, influence, copies)


def cluster_mean(values: FloatArray, copies: IntArray | None = None) -> Linearized:
    """The plain mean of one value per cluster, shape ``(clusters,)``."""
    return cluster_ratio(values, np.ones(len(values)), copies)


def standard_error(statistic: Linearized) -> float:
    """Cluster-robust standard error, ``sqrt(G / (G - 1) * sum(influence^2)) / G``.

    The factor ``G / (G - 1)`` is the small-sample correction (CR1 without a regressor count;
    Cameron and Miller 2015); with one row per cluster it is the textbook ``s / sqrt(n)``.
    ``nan`` below two clusters.
    """
    clusters = statistic.clusters
    if clusters < 2:
        return math.nan
    squares = _total(np.square(statistic.influence), statistic.copies)
    return math.sqrt(squares / (clusters - 1) / clusters) if squares >= 0 else math.nan


def degrees_of_freedom(statistic: Linearized) -> float:
    """Effective degrees of freedom of the standard error, in (0, G - 1].

    ``2 G / (k - (G - 3) / (G - 1))`` with k the kurtosis of the influences, capped at G - 1: the
    chi-square that matches the mean and variance of the sample variance (Satterthwaite 1946;
    O'Neill 2014). It is G - 1 where influences look normal, and small where a few clusters carry
    the estimate, as they do under uneven weights; there G - 1 gives intervals that are too short.
    ``nan`` below two clusters or without variation.
    """
    clusters = statistic.clusters
    squares = _total(np.square(statistic.influence), statistic.copies)
    if clusters < 2 or not squares > 0:
        return math.nan
    scaled = np.square(statistic.influence) / (squares / clusters)
    kurtosis = _total(np.square(scaled), statistic.copies) / clusters
    effective = 2 * clusters / (kurtosis - (clusters - 3) / (clusters - 1))
    return min(effective, clusters - 1.0)


def interval(statistic: Linearized, level: float) -> tuple[float, float]:
    """Two-sided t interval at ``level`` in (0, 1); ``nan`` where there is no standard error."""
    se = standard_error(statistic)
    if not se > 0:
        return math.nan, math.nan
    half_width = two_sided_t(level, degrees_of_freedom(statistic)) * se
    return statistic.value - half_width, statistic.value + half_width


def _total(values: FloatArray, copies: IntArray | None) -> float:
    return exact_sum(values if copies is None else values * copies)
