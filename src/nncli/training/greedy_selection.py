"""Choose models that are better together: greedy ensemble selection (Caruana, Niculescu-Mizil, Crew, Ksikes 2004)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDS = 30  # so that the least share is about 3 %
LESS = 1e-9  # share of its badness by which a mean must be better, to be better


def greedy_selection(of_models: Sequence[NDArray[Any]], badness: Callable[[NDArray[Any]], float]) -> list[int]:
    """Return how often each model counts in the mean that is best, at least one of them once.

    `of_models` has what each model says of the same rows, in arrays of one shape, such as probabilities; `badness`
    says how bad a mean of them is on these rows. Starting from the best one, in each round that model is added, perhaps
    again, with which the mean is best, as long as it gets better. Of models that are as good, the first is taken.
    """
    times, total, least = [0] * len(of_models), np.zeros_like(of_models[0]), np.inf
    for n in range(1, ROUNDS + 1):
        found = [badness((total + one) / n) for one in of_models]
        best = int(np.argmin(found))
        if n > 1 and not found[best] < least - LESS * abs(least):
            break
        times[best] += 1
        least = found[best]
        total += of_models[best]
    return times
