"""Rows of which most inputs are 0, as of columns of text: in memory stands only where the ones are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class OneHotRows:
    """Inputs in memory: the first of each row are `values` (n, k), used as they are, and of the others those at `ones`
    (n, columns of text) are 1, and all else 0. A thousand categories take four bytes of a row, in place of 4,000."""

    values: NDArray[Any]
    ones: NDArray[np.int32]
    width: int
    raw_dtype = None
    is_sparse = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    def expect(self, rows: Positions) -> None:
        """Do nothing: all rows are in memory."""

    def take(self, rows: Positions, raw: NDArray[Any], out: NDArray[Any]) -> None:
        """Write some rows into out (m, d)."""
        self._write(self.values[rows], self.ones[rows], out)

    def take_sparse(self, rows: Positions) -> csr_array:
        raise TypeError("expected rows that are stored without their zeros")

    def slice(self, start: int, stop: int) -> NDArray[Any]:
        """Return the rows start … stop − 1."""
        values = self.values[start:stop]
        out = np.empty((len(values), self.width), self.dtype)
        self._write(values, self.ones[start:stop], out)
        return out

    def _write(self, values: NDArray[Any], ones: NDArray[np.int32], out: NDArray[Any]) -> None:
        k = values.shape[1]
        out[:, :k] = values
        out[:, k:] = 0
        out[np.arange(len(out))[:, None], ones] = 1
