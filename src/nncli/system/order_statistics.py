"""The median, other quantiles and the distinct values of numbers. NumPy has them, but its functions load `numpy.ma`,
which takes as long as training on a small table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def median_of(numbers: NDArray[Any]) -> float:
    """Return the median of numbers (n,), none of them NaN; of an even n, the mean of the two in the middle."""
    middle = [(len(numbers) - 1) // 2, len(numbers) // 2]
    low, high = np.partition(numbers, middle)[middle].tolist()
    found = (low + high) / 2 if math.isfinite(low + high) else low / 2 + high / 2  # where the sum would overflow
    return float(numbers.dtype.type(found)) if numbers.dtype.kind == "f" else found


def in_order(columns: NDArray[Any]) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Yield columns (d, n), each a row here, in groups of as many numbers that are not NaN: their places, and these
    numbers in ascending order, (some, known)."""
    ordered = np.sort(columns, axis=1)  # with NaN at the end
    known = np.full(len(columns), columns.shape[1])
    if columns.dtype.kind == "f" and np.isnan(ordered[:, -1:]).any():
        known -= np.count_nonzero(np.isnan(ordered), axis=1)
    for many in np.unique(known):
        at = np.flatnonzero(known == many)
        yield at, (ordered if len(at) == len(columns) else ordered[at])[:, :many]


def medians_of(ordered: NDArray[Any]) -> NDArray[np.float64]:
    """Return the median of each row of (d, n), whose numbers are in ascending order; of an even n, the mean of the two
    in the middle."""
    n = ordered.shape[1]
    return _mean_of_two(ordered[:, [(n - 1) // 2, n // 2]].astype(np.float64))


def _mean_of_two(numbers: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean of two numbers (…, 2), as NumPy has it, but where their sum would overflow."""
    with np.errstate(over="ignore"):
        found: NDArray[np.float64] = numbers.mean(axis=-1)
    return np.where(np.isfinite(found), found, (numbers / 2).sum(axis=-1))


def quantiles_of(ordered: NDArray[Any], share: float) -> NDArray[np.float64]:
    """Return the number below which that share of each row of (d, n) lies, whose numbers are in ascending order: as
    NumPy has it by default, on the straight line between the two nearest in order."""
    place = share * (ordered.shape[1] - 1)
    low = int(place)
    high = min(low + 1, ordered.shape[1] - 1)
    # in halves, whose difference does not overflow
    left, right = ordered[:, low].astype(np.float64) / 2, ordered[:, high].astype(np.float64) / 2
    found: NDArray[np.float64] = 2 * (left + (right - left) * (place - low))
    return found


def distinct_of(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct values of numbers (n,), none of them NaN, in ascending order."""
    ordered = np.sort(numbers)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered
