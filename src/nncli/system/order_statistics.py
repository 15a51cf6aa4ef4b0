"""The median, other quantiles and the distinct values of numbers. NumPy has them, but its functions load `numpy.ma`,
which takes as long as training on a small table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def median_of(numbers: NDArray[Any]) -> float:
    """Return the median of numbers (n,), none of them NaN; of an even n, the mean of the two in the middle."""
    middle = [(len(numbers) - 1) // 2, len(numbers) // 2]
    return float(np.partition(numbers, middle)[middle].mean())


def quantile_of(numbers: NDArray[Any], share: float) -> float:
    """Return the number below which that share of numbers (n,) lies, none of them NaN: as NumPy has it by default, on
    the straight line between the two nearest in order."""
    place = share * (len(numbers) - 1)
    low = int(place)
    high = min(low + 1, len(numbers) - 1)
    # in halves, whose difference does not overflow
    left, right = np.partition(numbers, [low, high])[[low, high]].astype(np.float64) / 2
    return 2 * float(left + (right - left) * (place - low))


def distinct_of(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct values of numbers (n,), none of them NaN, in ascending order."""
    ordered = np.sort(numbers)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered
