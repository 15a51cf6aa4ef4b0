"""Split conformal prediction: how unlike its prediction each validation row was tells how unlike a new row will be.

Of n validation rows with the scores s_1 ≤ … ≤ s_n, a new row has at most the ⌈share (n + 1)⌉-th with at least the
probability `share`, if rows come as those did, whatever the model (Vovk et al. 2005; Lei et al. 2018). The score of a
number is |ŷ − y|, which gives an interval; that of a class is −p_y, which gives the set of all classes that are likely
enough (Sadinle, Lei, Wasserman 2019).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
MOST_SCORES = 1000
ROUNDING = 1e-9  # of a rank


def kept_scores(scores: Vector) -> Vector:
    """Return scores (n,) in order, the smallest first: each, or of many those at ranks that are evenly spread."""
    scores, n = np.sort(scores), len(scores)
    if n <= MOST_SCORES:
        return scores
    k = np.arange(1, MOST_SCORES + 1)  # the k-th of so many is the one of the same rank of all, or the next
    return scores[-(-k * (n + 1) // (MOST_SCORES + 1)) - 1]


def score_that_holds(scores: Sequence[float], share: float) -> float | None:
    """Return the score that a new row has at most with that probability, of sorted scores; None where they are too
    few."""
    k = math.ceil(share * (len(scores) + 1) - ROUNDING)
    return scores[k - 1] if k <= len(scores) else None


def rows_needed(share: float) -> int:
    """Return the least n for which `score_that_holds` knows an answer, if the scores of all n rows are kept."""
    return math.ceil((share - ROUNDING) / (1 - share))
