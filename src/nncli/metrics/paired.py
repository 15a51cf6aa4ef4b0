"""Tests of a difference between two models, judged on the same rows: could it be chance?

The seed is fixed, so that the same rows are drawn for every model, and the same figures have the same p-value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.intervals import RESAMPLES, SEED, middle, resampled, resampled_groups, strata
from nncli.metrics.metric import Metric, OfARanking
from nncli.metrics.paired_interval import (
    drawn_differences,
    drawn_differences_of_shares,
    mean_difference_interval,
    ranking_difference_interval,
)
from nncli.metrics.rows import Floats, ScoredRows
from nncli.metrics.student import Z
from nncli.metrics.table_interval import around

FLIPS = 10_000
CHANCE = 0.05
MANY_SIGNS = 1000  # whose sum is normal
MOST_EXACT = 10_000  # rows, or the sum of whole differences; beyond, the normal distribution is as good, and faster


@dataclass(frozen=True)
class Difference:
    """Holds the values of a metric for two models, and how sure their difference is."""

    values: tuple[float, float]
    difference: float  # of the second from the first
    interval: tuple[float, float] | None  # of 95 %; None where these rows do not tell
    p_value: float


def may_be_chance(figure: Mapping[str, Any]) -> bool:
    """Whether two models may differ by chance alone, by a figure with "p_value" and "interval".

    Of a few rows with large losses, the p-value may be below 0.05 while the interval holds 0: that is too little.
    """
    low, high = figure["interval"] or (0.0, 0.0)
    return bool(figure["p_value"] >= CHANCE or low <= 0 <= high)


def compared(metric: Metric, one: ScoredRows, other: ScoredRows) -> Difference:
    """Compare two models on the same rows by a metric that is defined for both.

    The difference of two means of rows is tested by flipping signs. Any other is tested by how far its interval, or
    resampled ones, spread. Rows of a group are resampled, and change signs, together. An interval that leaves out 0
    goes with p < 0.05: where a test is more careful than its interval, that is as wide as the test says.
    """
    both = one.oriented, other.oriented
    values = metric.value(both[0]), metric.value(both[1])
    difference = values[0] - values[1]
    interval, p_value = _of_groups(metric, *both) if one.groups is not None else _of_rows(metric, *both)
    if p_value >= CHANCE:
        interval = min(interval[0], 0.0), max(interval[1], 0.0)
    return Difference(values, difference, _told(interval), p_value)


def compared_shares(counts: NDArray[np.int64]) -> Difference:
    """Compare two models by the share of rows that they have right, as `compared` does by accuracy: from how many rows
    neither has right, the second alone, the first alone, and both, (4,). So rows need not be kept."""
    n, (_, second, first, both) = int(counts.sum()), counts.tolist()
    values, difference = ((first + both) / n, (second + both) / n), (first - second) / n
    centre, drawn = drawn_differences_of_shares(counts)
    low, high = around(difference, centre, middle(drawn, centre))
    p_value = exact_sign_flip_p({1: first + second}, abs(first - second))
    if p_value >= CHANCE:
        low, high = min(low, 0.0), max(high, 0.0)
    return Difference(values, difference, (low, high), p_value)


def _of_rows(metric: Metric, one: ScoredRows, other: ScoredRows) -> tuple[tuple[float, float], float]:
    """Return the interval of a difference, and its p-value, where rows are independent."""
    difference = metric.value(one) - metric.value(other)
    of_rows = [metric.evidence(rows) for rows in (one, other)]
    unequal = int((of_rows[0] != of_rows[1]).any(axis=1).sum())
    # models that predict the same of some rows may yet differ on others, unless their scores are the same too
    are_one = one.logits.size > 0 and np.array_equal(one.logits, other.logits)
    if not unequal and (are_one or not metric.is_discrete):
        return (0.0, 0.0), 1.0
    d = (of_rows[0] - of_rows[1])[:, 0].astype(np.float64)
    if metric.is_discrete:
        centre, drawn = drawn_differences(metric, one, other)
        interval = around(difference, centre, middle(drawn, centre))
        return interval, sign_flip_p(d) if metric.is_mean else max(_two_sided(drawn), least_p(unequal))
    if metric.is_mean:
        return mean_difference_interval(d), sign_flip_p(d)
    if isinstance(metric, OfARanking):
        low, high = ranking_difference_interval(metric, one, other)
        half = difference - low if difference > 0 else high - difference  # up to the end that is nearer to 0
        return (low, high), max(normal_p(difference, half / Z), least_p(unequal))
    draws = resampled(strata(metric, one.y), np.ones(len(one), np.int64), of_rows[0].shape[1])
    drawn = np.concatenate([np.subtract(*(metric.values(its, one.y, counts) for its in of_rows)) for counts in draws])
    return middle(drawn, difference), max(bootstrap_p(difference, drawn), least_p(unequal))


def _of_groups(metric: Metric, one: ScoredRows, other: ScoredRows) -> tuple[tuple[float, float], float]:
    """Return the interval of a difference, and its p-value, where rows of a group have much in common."""
    groups, of_rows = one.groups, [metric.evidence(rows) for rows in (one, other)]
    assert groups is not None
    if metric.is_mean:
        d = (of_rows[0] - of_rows[1])[:, 0].astype(np.float64)
        return mean_interval(d, groups), sign_flip_p(sums_of_groups(d, groups))
    unequal = len(np.unique(groups[(of_rows[0] != of_rows[1]).any(axis=1)]))
    draws = resampled_groups(groups, of_rows[0].shape[1])
    drawn = np.concatenate([np.subtract(*(metric.values(its, one.y, counts) for its in of_rows)) for counts in draws])
    difference = metric.value(one) - metric.value(other)
    return middle(drawn, difference), max(bootstrap_p(difference, drawn), least_p(unequal))


def _two_sided(drawn: Floats) -> float:
    """Return twice the share of drawn differences on the smaller side of 0, and 0 itself."""
    known = drawn[~np.isnan(drawn)]
    return min(1.0, 2 * (1 + min(int((known <= 0).sum()), int((known >= 0).sum()))) / (len(known) + 1))


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
    """Return the 95 % interval of a mean of numbers d (n,), which may be differences; of groups (n,), where there are
    any, these are resampled (Efron 1979)."""
    if groups is None:
        return mean_difference_interval(d)
    drawn = np.concatenate([counts @ d / counts.sum(axis=1) for counts in resampled_groups(groups, 1)])
    return middle(drawn, float(d.mean()))


def sign_flip_p(differences: Floats) -> float:
    """Return P(|Σ ± d_i| > |Σ d_i|) + ½ P(|Σ ± d_i| = |Σ d_i|), where d_i is the difference at row i and both signs are
    equally likely.

    It is the p-value of the difference of two means of rows, if the two models are equally good: all signs count for
    whole numbers (of 1 and −1 alone, it is McNemar's test), else signs that are drawn, or the normal distribution. Sums
    that are just as large count half (mid-p): counted whole, of few rows that differ p < 0.05 comes far less often than
    in 5 % of equally good models (Fagerland, Lydersen, Laake 2013).
    """
    d = differences[differences != 0]
    if not len(d):
        return 1.0
    if np.ptp(np.abs(d)) == 0:
        d = np.sign(d)
    if (d == d.round()).all() and (np.ptp(np.abs(d)) == 0 or np.abs(d).sum() <= MOST_EXACT):
        sizes, counts = np.unique(np.abs(d).astype(np.int64), return_counts=True)
        return exact_sign_flip_p(dict(zip(sizes.tolist(), counts.tolist(), strict=True)), abs(int(d.sum())))
    d = d / np.abs(d).max()
    total = abs(float(d.sum()))
    if len(d) > MANY_SIGNS:
        return math.erfc(total / math.sqrt(2 * float(d @ d)))
    bits = np.random.default_rng(SEED).integers(256, size=(FLIPS, -(-len(d) // 8)), dtype=np.uint8)
    sums = np.abs(np.unpackbits(bits, axis=1, count=len(d)).astype(np.float64) @ (2 * d) - d.sum())
    above, at_least = (int(np.count_nonzero(sums > total * share)) for share in (1 + 1e-9, 1 - 1e-9))
    return (1 + (above + at_least) / 2) / (FLIPS + 1)


def exact_sign_flip_p(n_of: dict[int, int], total: int) -> float:
    """Return P(|Σ ± d_i| > total) + ½ P(|Σ ± d_i| = total) for whole numbers d_i > 0, of which `n_of` counts how many
    there are of each size; 1 for a total of 0. Of many, Σ ± d_i is taken as normal."""
    if total == 0:
        return 1.0
    if sum(n_of.values()) > MOST_EXACT or (len(n_of) > 1 and sum(size * n for size, n in n_of.items()) > MOST_EXACT):
        variance = sum(size * size * n for size, n in n_of.items())
        return math.erfc(total / math.sqrt(2 * variance))
    distribution = np.ones(1)  # of Σ (1 ± 1) d_i / 2, which runs from 0 to Σ d_i
    for size, count in n_of.items():
        spread = np.zeros(size * count + 1)
        spread[::size] = _binomial(count)
        distribution = np.convolve(distribution, spread)
    sums = np.abs(2 * np.arange(len(distribution)) - (len(distribution) - 1))
    return min(1.0, float(distribution[sums > total].sum() + distribution[sums == total].sum() / 2))


def _binomial(n: int) -> Floats:
    """Return P(k heads of n coins) for k = 0 … n."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    return np.exp(logs[n] - logs - logs[::-1] - n * math.log(2))


def normal_p(difference: float, sd: float) -> float:
    """Return how likely so large a difference is by chance, if it has a normal distribution with the standard deviation
    `sd` about 0."""
    return math.erfc(abs(difference) / sd / math.sqrt(2)) if sd > 0 else float(difference == 0)


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
