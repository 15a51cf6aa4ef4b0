"""Tests of a difference between two models, judged on the same rows: could it be chance?

The seed is fixed, so that the same rows are drawn for every model, and the same figures have the same p-value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.intervals import RESAMPLES, SEED, middle, resampled, resampled_groups, strata
from nncli.metrics.metric import Metric
from nncli.metrics.rows import Floats, ScoredRows
from nncli.metrics.student import Z

FLIPS = 10_000
MANY_ROWS = 5000  # whose mean is normal
MANY_SIGNS = 1000  # whose sum is normal
MOST_EXACT = 10_000  # rows, or the sum of whole differences; beyond, the normal distribution is as good, and faster


@dataclass(frozen=True)
class Difference:
    """Holds the values of a metric for two models, and how sure their difference is."""

    values: tuple[float, float]
    difference: float  # of the second from the first
    interval: tuple[float, float] | None  # of 95 %; None where these rows do not tell
    p_value: float


def compared(metric: Metric, one: ScoredRows, other: ScoredRows) -> Difference:
    """Compare two models on the same rows by a metric that is defined for both.

    The difference of two means of rows is resampled (of many rows, it is normal), and tested by flipping signs; any
    other is resampled, and tested by how the resampled differences spread. Rows of a group are drawn, and change signs,
    together.
    """
    both = one.oriented, other.oriented
    values = metric.value(both[0]), metric.value(both[1])
    difference = values[0] - values[1]
    of_rows = [metric.evidence(rows) for rows in both]
    groups = one.groups
    if metric.is_mean:
        d = (of_rows[0] - of_rows[1])[:, 0].astype(np.float64)
        of_units = d if groups is None else sums_of_groups(d, groups)
        return Difference(values, difference, _told(mean_interval(d, groups)), sign_flip_p(of_units))
    y, repeats = both[0].y, np.ones(len(one), np.int64)
    unequal = (of_rows[0] != of_rows[1]).any(axis=1)
    differ = int(unequal.sum()) if groups is None else len(np.unique(groups[unequal]))
    if groups is None and metric.is_discrete:  # there are few kinds of rows
        codes, repeats = np.unique((y * one.K + of_rows[0][:, 0]) * one.K + of_rows[1][:, 0], return_counts=True)
        y, of_rows = codes // one.K**2, [(codes // one.K % one.K)[:, None], (codes % one.K)[:, None]]
    columns = of_rows[0].shape[1]
    draws = resampled(strata(metric, y), repeats, columns) if groups is None else resampled_groups(groups, columns)
    drawn = np.concatenate([np.subtract(*(metric.values(known, y, counts) for known in of_rows)) for counts in draws])
    p_value = max(bootstrap_p(difference, drawn), least_p(differ))
    return Difference(values, difference, _told(middle(drawn, difference)), p_value)


def _told(interval: tuple[float, float]) -> tuple[float, float] | None:
    """Return an interval; None for one without a width beside 0, as of a row alone."""
    return interval if interval[0] < interval[1] or interval == (0, 0) else None


def least_p(differ: int) -> float:
    """Return the least p-value that so many rows which differ can give: that all of them are on one side by chance."""
    return min(1.0, 2.0 ** (1 - differ))


def sums_of_groups(d: Floats, groups: NDArray[np.int64]) -> Floats:
    """Return the sum of the numbers d (n,) of each group (n,)."""
    _, code = np.unique(groups, return_inverse=True)
    return np.bincount(code, d).astype(np.float64)


def mean_interval(d: Floats, groups: NDArray[np.int64] | None = None) -> tuple[float, float]:
    """Return the 95 % interval of a mean of numbers d (n,): of resampled rows, or groups of them (Efron 1979); of many
    rows, the normal one."""
    n = len(d)
    if groups is not None:
        drawn = np.concatenate([counts @ d / counts.sum(axis=1) for counts in resampled_groups(groups, 1)])
        return middle(drawn, float(d.mean()))
    if n > MANY_ROWS:
        half = Z * float(d.std()) / math.sqrt(n)
        return float(d.mean()) - half, float(d.mean()) + half
    once = np.ones(n, np.int64)
    drawn = np.concatenate([counts @ d / n for counts in resampled(np.zeros(n, np.int64), once, 1)])
    return middle(drawn, float(d.mean()))


def sign_flip_p(differences: Floats) -> float:
    """Return P(|Σ ± d_i| ≥ |Σ d_i|), where d_i is the difference at row i and both signs are equally likely.

    It is the p-value of the difference of two means of rows, if the two models are equally good: exact for whole
    numbers (of 1 and −1 alone, it is McNemar's test), else of signs that are drawn, or by the normal distribution.
    """
    d = differences[differences != 0]
    if not len(d):
        return 1.0
    if (d == d.round()).all() and (np.ptp(np.abs(d)) == 0 or np.abs(d).sum() <= MOST_EXACT):
        sizes, counts = np.unique(np.abs(d).astype(np.int64), return_counts=True)
        return exact_sign_flip_p(dict(zip(sizes.tolist(), counts.tolist(), strict=True)), abs(int(d.sum())))
    d = d / np.abs(d).max()
    total = abs(float(d.sum()))
    if len(d) > MANY_SIGNS:
        return math.erfc(total / math.sqrt(2 * float(d @ d)))
    bits = np.random.default_rng(SEED).integers(256, size=(FLIPS, -(-len(d) // 8)), dtype=np.uint8)
    sums = np.unpackbits(bits, axis=1, count=len(d)).astype(np.float64) @ (2 * d) - d.sum()
    return (1 + int(np.count_nonzero(np.abs(sums) >= total * (1 - 1e-9)))) / (FLIPS + 1)


def exact_sign_flip_p(n_of: dict[int, int], total: int) -> float:
    """Return P(|Σ ± d_i| ≥ total) for whole numbers d_i > 0, of which `n_of` counts how many there are of each size.
    Of many, Σ ± d_i is taken as normal."""
    if sum(n_of.values()) > MOST_EXACT or (len(n_of) > 1 and sum(size * n for size, n in n_of.items()) > MOST_EXACT):
        variance = sum(size * size * n for size, n in n_of.items())
        step = math.gcd(*n_of)  # half the distance between two possible sums
        return min(1.0, math.erfc((total - step) / math.sqrt(2 * variance)))
    distribution = np.ones(1)  # of Σ (1 ± 1) d_i / 2, which runs from 0 to Σ d_i
    for size, count in n_of.items():
        spread = np.zeros(size * count + 1)
        spread[::size] = _binomial(count)
        distribution = np.convolve(distribution, spread)
    sums = 2 * np.arange(len(distribution)) - (len(distribution) - 1)
    return min(1.0, float(distribution[np.abs(sums) >= total].sum()))


def _binomial(n: int) -> Floats:
    """Return P(k heads of n coins) for k = 0 … n."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    return np.exp(logs[n] - logs - logs[::-1] - n * math.log(2))


def resampled_values(metric: Metric, evidence: NDArray[Any], y: NDArray[np.int64]) -> Floats:
    """Return the values of a metric for resampled rows: the same ones for every model, so that they can be compared."""
    once = np.ones(len(y), np.int64)
    return np.concatenate(
        [metric.values(evidence, y, counts) for counts in resampled(strata(metric, y), once, evidence.shape[1])]
    )


def bootstrap_p(difference: float, resampled_ones: Floats) -> float:
    """Return how likely so large a difference is by chance, if resampled differences spread about it as it does about
    the truth; of few resamples, by the normal distribution."""
    known = resampled_ones[~np.isnan(resampled_ones)]
    if len(known) < 2 or difference == 0:
        return 1.0
    if len(resampled_ones) < RESAMPLES:
        sd = float(known.std(ddof=1))
        return math.erfc(abs(difference) / sd / math.sqrt(2)) if sd > 0 else 1.0
    spread = np.abs(known - difference)
    return (1 + int(np.count_nonzero(spread >= abs(difference) * (1 - 1e-9)))) / (len(known) + 1)
