"""Tests of a difference between two models, judged on the same rows: could it be chance?

The seed is fixed, so that the same rows are drawn for every model, and the same figures have the same p-value.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.intervals import RESAMPLES, SEED, resampled
from nncli.metrics.metric import Metric
from nncli.metrics.rows import Floats

FLIPS = 10_000
MANY_ROWS = 1000  # that differ: the sum of their signs is normal


def sign_flip_p(differences: Floats) -> float:
    """Return P(|Σ ± d_i| ≥ |Σ d_i|), where d_i is the difference at row i and both signs are equally likely.

    It is the p-value of the difference of two means of rows, if the two models are equally good.
    """
    d = differences[differences != 0]
    if not len(d):
        return 1.0
    d = d / np.abs(d).max()
    total = abs(float(d.sum()))
    if len(d) > MANY_ROWS:
        return math.erfc(total / math.sqrt(2 * float(d @ d)))
    bits = np.random.default_rng(SEED).integers(256, size=(FLIPS, -(-len(d) // 8)), dtype=np.uint8)
    sums = np.unpackbits(bits, axis=1, count=len(d)).astype(np.float64) @ (2 * d) - d.sum()
    return (1 + int(np.count_nonzero(np.abs(sums) >= total * (1 - 1e-9)))) / (FLIPS + 1)


def resampled_values(metric: Metric, evidence: NDArray[Any], y: NDArray[np.int64]) -> Floats:
    """Return the values of a metric for resampled rows: the same ones for every model, so that they can be compared."""
    once = np.ones(len(y), np.int64)
    return np.concatenate(
        [metric.values(evidence, y, counts) for counts in resampled(metric, y, once, evidence.shape[1])]
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
