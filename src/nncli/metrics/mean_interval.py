"""How sure a mean of skewed numbers is, and a median."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from nncli.metrics.rows import Floats
from nncli.metrics.student import Z

EXACT_ROWS = 1000  # up to which the binomial distribution is added up


def skewed_interval(x: Floats, z: float = Z) -> tuple[float, float]:
    """Return the interval of the mean of numbers x (n,) that may be skewed: the one with which the studentised mean T
    gives a normal T + a T² / 3 + a² T³ / 27 + a / 6, where a = γ / √n, of skewness γ (Hall 1992)."""
    unit = unit_of(x)
    low, high = _skewed_interval(x / unit, z)
    return low * unit, high * unit


def unit_of(x: Floats) -> float:
    """Return the power of two above the largest of numbers x (n,): in that unit, the squares of squared errors of any
    size are finite, and no digit changes."""
    return 2.0 ** min(math.frexp(float(np.abs(x).max()))[1], 1023)


def _skewed_interval(x: Floats, z: float) -> tuple[float, float]:
    n, mean, sd = len(x), float(x.mean()), float(x.std())
    if not sd > 0:
        return mean, mean
    error, a = sd / math.sqrt(n), float((((x - mean) / sd) ** 3).mean()) / math.sqrt(n)

    def back(normal: float) -> float:
        return 3 * (math.cbrt(1 + a * (normal - a / 6)) - 1) / a if abs(a) > 1e-6 else normal

    return max(mean - error * back(z), float(x.min())), min(mean - error * back(-z), float(x.max()))


def median_interval(x: Floats, z: float = Z) -> tuple[float, float]:
    """Return the interval of the median of numbers x (n,), whatever their distribution: between the k-th least and the
    k-th largest, where fewer than k of n fair coins fall on one side with at most 2.5 %, or what `z` says of a normal
    distribution (Thompson 1936)."""
    x, n, tail = np.sort(x), len(x), NormalDist().cdf(-z)
    if n <= EXACT_ROWS:
        k, below = 0, 1.0
        while below <= tail * 2.0**n:  # P(B < k + 1) · 2ⁿ
            k += 1
            below += math.comb(n, k)
    else:
        k = max(0, math.floor((n - z * math.sqrt(n)) / 2))
    k = max(k - 1, 0)
    return float(x[k]), float(x[n - 1 - k])
