"""Quantiles of the normal and of Student's t distribution."""

from __future__ import annotations

from statistics import NormalDist

from tracebridge.domain.errors import EstimationError


def normal_quantile(probability: float) -> float:
    """The standard normal quantile (Wichura 1988, AS 241, as in the standard library).

    ``probability`` lies in (0, 1), else ``EstimationError``.
    """
    _check_probability(probability)
    return NormalDist().inv_cdf(probability)


def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """Student's t quantile (the inverse in SciPy's ``stdtrit``).

    ``probability`` lies in (0, 1) and ``degrees_of_freedom`` is positive, else
    ``EstimationError``.
    """
    _check_probability(probability)
    if not degrees_of_freedom > 0:
        raise EstimationError(
            f"degrees of freedom are {degrees_of_freedom}: give at least two clusters"
        )
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import, needed only here

    return float(stdtrit(degrees_of_freedom, probability))


def two_sided_t(level: float, degrees_of_freedom: float) -> float:
    """Half-width, in standard errors, of a two-sided interval at ``level`` in (0, 1)."""
    return t_quantile(0.5 + level / 2, degrees_of_freedom)


def two_sided_t_level(half_width: float, degrees_of_freedom: float) -> float:
    """The level in [0, 1] of the interval that is ``half_width >= 0`` standard errors wide."""
    from scipy.special import stdtr  # noqa: PLC0415 - slow to import, needed only here

    return float(1 - 2 * stdtr(degrees_of_freedom, -half_width))


def _check_probability(probability: float) -> None:
    if not 0 < probability < 1:
        raise EstimationError(f"probability is {probability}: give a number between 0 and 1")
