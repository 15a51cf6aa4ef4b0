"""How sure a calibration error is. Resampled rows do not tell: absolute values of noise are too high, those of noise
upon noise still higher. Instead, true errors are tried: which of them would give the one that was found?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.rows import Floats
from nncli.metrics.student import Z

DRAWS, SEED = 2000, 0
CELLS = 1 << 22  # draws × bins; with many bins, fewer draws
TAIL = 0.025
HALVINGS = 20


def last(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return the last number for which something holds that holds for `low`, and not for `high` and beyond."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def calibration_interval(
    confidence: Floats, right: Floats, bin_of: NDArray[np.int64], groups: NDArray[np.int64] | None, z: float = Z
) -> tuple[float, float]:
    """Return the interval of Σ_b |g_b|, where g_b = Σ_{i in b} (right_i − confidence_i) / n is the gap of a bin: of
    95 %, unless `z`, a point of the normal distribution, says otherwise.

    A gap is normal about its true value. Its variance is that of the rows in the bin, or of the sums of their groups
    (n,), but at least that of a calibrated model, Σ p (1 − p) / n²: in a bin of few rows, all of them right, nothing
    varies. True gaps of the sum t are tried that have the signs of the found ones, and are to one half as large as
    these and to the other as their standard deviations. The interval has each t with which neither at least nor at most
    the sum that was found comes up in less than 2.5 % of draws. For another `z`, both ends are so
    much further from the t that gives more in half of the draws: there are too few draws beyond.
    """
    n = len(right)
    _, bins = np.unique(bin_of, return_inverse=True)
    e = (right - confidence) / n
    g = np.bincount(bins, e)
    units = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    pairs, of_pair = np.unique(bins * n + units, return_inverse=True)
    observed = np.bincount(pairs // n, np.bincount(of_pair, e) ** 2) - g**2 / (units.max() + 1)
    expected = np.bincount(bins, confidence * (1 - confidence)) / n**2
    sd, found = np.sqrt(np.maximum(observed, expected)), float(np.abs(g).sum())
    if not sd.any():
        return found, found
    shape = np.abs(g) / (found or 1) + sd / sd.sum()
    shape *= np.where(g < 0, -1, 1) / shape.sum()
    noise = np.random.default_rng(SEED).normal(size=(max(100, min(DRAWS, CELLS // len(g))), len(g))) * sd

    def low_enough(t: float, share: float = TAIL) -> bool:
        return float((np.abs(t * shape + noise).sum(axis=1) <= found).mean()) >= share

    def too_low(t: float) -> bool:
        return float((np.abs(t * shape + noise).sum(axis=1) >= found).mean()) < TAIL

    most = found + 5 * float(np.sqrt((sd**2).sum()))
    low = last(too_low, 0.0, found) if too_low(0.0) else 0.0
    high = last(low_enough, 0.0, most) if low_enough(0.0) else found
    if z != Z:
        middle = last(lambda t: low_enough(t, 0.5), 0.0, most) if low_enough(0.0, 0.5) else 0.0
        low, high = max(0.0, middle - z / Z * (middle - low)), middle + z / Z * (high - middle)
    return low, min(1.0, max(high, found))
