"""Rows ready for the engine, scaled as they are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Matrix:
    """x = (stored − shift) · scale, row by row on demand.

    `values` is (n, d). Images stay uint8 in memory and are scaled in the mini-batch: a quarter of
    the memory, and less of it to move. Where `scale` is None, the rows are stored as they are used;
    a shift of None is 0, and a single scale is that of all columns.
    """

    values: NDArray[Any]
    dtype: np.dtype[Any]
    shift: NDArray[Any] | None = None  # (d,)
    scale: NDArray[Any] | None = None  # (d,) or ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    def take(self, rows: NDArray[np.int64], raw: NDArray[Any], out: NDArray[Any]) -> None:
        """out (m, d) = the given rows, scaled. `raw` (m, d), of the dtype of `values`, is scratch."""
        if self.scale is None:
            np.take(self.values, rows, axis=0, out=out, mode="clip")  # without a mode, numpy copies once more
        else:
            np.take(self.values, rows, axis=0, out=raw, mode="clip")
            self._scale(raw, out)

    def slice(self, start: int, stop: int) -> NDArray[Any]:
        """The rows start … stop − 1, scaled."""
        values = self.values[start:stop]
        if self.scale is None:
            return values
        out = np.empty(values.shape, self.dtype)
        self._scale(values, out)
        return out

    def _scale(self, values: NDArray[Any], out: NDArray[Any]) -> None:
        np.copyto(out, values)  # a ufunc on two types would go through a buffer, at half the speed
        if self.shift is not None:
            out -= self.shift
        out *= self.scale


@dataclass(frozen=True)
class Subset:
    """Some rows of a matrix with their classes and weights: a training, validation or test set."""

    matrix: Matrix
    y: NDArray[np.int64]  # of all rows of the matrix
    rows: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None  # of all rows of the matrix; None: each counts 1

    def __len__(self) -> int:
        return len(self.rows)
