"""Keep what the columns of a training file looked like, those that were left out too, to compare a later file with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELLS_AT_ONCE = 1 << 18
FAR = 10  # times the training range, beyond it: no drift goes that far, but another column does


@dataclass(frozen=True)
class ColumnProfile:
    """A column of the training file as it was: its name, its kind, the lowest and the highest of its numbers, and
    whether all of them were whole. `low` is None where it had no numbers."""

    name: str
    kind: str  # number, text or date
    low: float | None = None
    high: float | None = None
    whole: bool = False

    def is_far(self, value: float) -> bool:
        """Tell whether a number is so far from those of training that it rather belongs to another column."""
        low, high = self.limits
        return not low <= value <= high

    @property
    def limits(self) -> tuple[float, float]:
        """Return the lowest and the highest number that is not far; infinite ones where nothing is known."""
        if self.low is None or self.high is None or self.high <= self.low:
            return -math.inf, math.inf
        return self.low - FAR * (self.high - self.low), self.high + FAR * (self.high - self.low)


PROFILE_FORM = [{"name": str, "kind": str, "low": (float, None), "high": (float, None), "whole": bool}]


def profile_of(stored: Sequence[Mapping[str, Any]]) -> tuple[ColumnProfile, ...]:
    """Read a profile from JSON of the form `PROFILE_FORM`. Raises ValueError for one that no column could have."""
    found = tuple(ColumnProfile(**column) for column in stored)
    for column in found:
        ends = (column.low, column.high)
        if (column.low is None) != (column.high is None) or not all(math.isfinite(end or 0) for end in ends):
            raise ValueError("a column with half a range")
    return found


def ranges(numbers: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return of each column of a matrix with all zeros, in memory or on the disk, the lowest and the highest number,
    and whether all are whole."""
    columns = numbers.shape[1]
    low, high, whole = np.full(columns, np.inf), np.full(columns, -np.inf), np.ones(columns, bool)
    step = max(1, CELLS_AT_ONCE // columns)
    for start in range(0, len(numbers), step):
        block = numbers[start : start + step]
        np.fmin(low, np.fmin.reduce(block, axis=0), out=low)
        np.fmax(high, np.fmax.reduce(block, axis=0), out=high)
        if block.dtype != np.uint8 and whole.any():
            some = block if whole.all() else block[:, whole]
            whole[whole] = ~(np.abs(some - np.rint(some)) > 0).any(axis=0)  # a missing one is no fraction
    return low, high, whole
