"""How far two samples differ: the population stability index, a chi-square test of two samples, values outside of a
range, and Holm's correction for several tests. Loads no SciPy, whose import takes longer than most predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_EXPECTED = 5.0  # cells in a bin of either sample, for which chi-square is known to hold

Counts = NDArray[np.float64]


def pooled(a: Counts, b: Counts) -> tuple[Counts, Counts]:
    """Put the bins of two samples together in which fewer than 5 are expected, in either of them."""
    total, n = a + b, max(float(a.sum() + b.sum()), 1.0)
    least = total * (min(a.sum(), b.sum()) / n)
    small = least < LEAST_EXPECTED
    if not small.any():
        return a, b
    if not small.all() and least[small].sum() < LEAST_EXPECTED:
        others = np.where(small, np.inf, least)
        small[int(others.argmin())] = True
    place = np.where(small, 0, np.cumsum(~small))
    bins = int(place.max(initial=0)) + 1
    together = [np.bincount(place, counts, bins).astype(np.float64) for counts in (a, b)]
    return together[0], together[1]


def stability_index(a: Counts, b: Counts) -> float:
    """Return the population stability index of two counts of the same bins: PSI = Σ (q − p) ln(q / p), with the shares
    p and q of a and b. Half a value is added to each bin, so that an empty one has a logarithm."""
    return float(parts_of_index(a, b).sum())


def parts_of_index(a: Counts, b: Counts) -> Counts:
    """Return what each bin adds to the population stability index of two counts."""
    p = (a + 0.5) / (a.sum() + 0.5 * len(a))
    q = (b + 0.5) / (b.sum() + 0.5 * len(b))
    return (q - p) * np.log(q / p)


def two_sample_chi_square(a: Counts, b: Counts) -> tuple[float, int]:
    """Return χ² and its degrees of freedom, for the hypothesis that two counts of the same bins come from one
    distribution: χ² = Σ (√(m/n) a − √(n/m) b)² / (a + b), with n = Σ a and m = Σ b. Empty bins count nothing."""
    used = a + b > 0
    a, b = a[used], b[used]
    n, m = a.sum(), b.sum()
    if len(a) < 2 or not n or not m:
        return 0.0, 0
    return float(((math.sqrt(m / n) * a - math.sqrt(n / m) * b) ** 2 / (a + b)).sum()), len(a) - 1


def chi_square_tail(x: float, df: int) -> float:
    """Return the probability that χ² with so many degrees of freedom is x or more, by its finite sum (Abramowitz and
    Stegun 26.4.4 and 26.4.5)."""
    if df < 1 or x <= 0:
        return 1.0
    half, odd = x / 2, df % 2
    first = 0.5 if odd else 0.0
    logs = [(k + first) * math.log(half) - math.lgamma(k + first + 1) - half for k in range(df // 2)]
    return min(1.0, (math.erfc(math.sqrt(half)) if odd else 0.0) + math.fsum(map(math.exp, logs)))


def chance_outside(found: int, n: int, rows: int) -> float:
    """Return the probability that of n new values `found` or more lie outside of the range of `rows` others, if all
    come from one distribution, whatever that is.

    All orders are then equally likely. The a largest and b smallest of all are new with the probability
    f(a + b) = n (n − 1) … / (N (N − 1) …), a + b factors each, with N = n + rows; and for c = a + b in any way it is
    (c + 1) f(c) − c f(c + 1). Ties make it smaller.
    """
    if found < 1:
        return 1.0
    return min(1.0, max(0.0, (found + 1) * _all_new(found, n, rows) - found * _all_new(found + 1, n, rows)))


def _all_new(c: int, n: int, rows: int) -> float:
    """Return the probability that c places in the order of all values have new ones."""
    if c > n:
        return 0.0
    return math.exp(
        math.lgamma(n + 1) - math.lgamma(n - c + 1) + math.lgamma(n + rows - c + 1) - math.lgamma(n + rows + 1)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for being several (Holm 1979): where those below α are believed, the probability of
    believing any wrongly is α at most."""
    adjusted, highest = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted
