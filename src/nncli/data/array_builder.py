"""An array in memory, built block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class InPlaceBuilder:
    """Appends rows in place: growing moves pages and copies nothing, so the peak is the matrix itself.

    Room is made at once for `growth()` times the rows of the first block: memory that is never written costs nothing,
    whereas what growing adds is filled with zeros first.
    """

    def __init__(self, growth: Callable[[], float]) -> None:
        self.rows, self.growth, self.array = 0, growth, np.empty((0, 0), np.uint8)

    def append(self, block: NDArray[Any]) -> None:
        n = self.rows + len(block)
        if not self.rows:
            self.array = np.empty((int(n * self.growth()), *block.shape[1:]), block.dtype)
        elif self.array.dtype == np.uint8 and block.dtype != np.uint8:
            numbers, self.array = self.array[: self.rows], np.empty(self.array.shape, block.dtype)
            self.array[: self.rows] = numbers
        if n > len(self.array):
            self.array.resize((max(n, len(self.array) * 3 // 2), *block.shape[1:]), refcheck=False)
        self.array[self.rows : n] = block
        self.rows = n

    def finish(self) -> NDArray[Any]:
        self.array.resize((self.rows, *self.array.shape[1:]), refcheck=False)
        return self.array
