"""Matrices of sparse rows: built of some rows at a time, and of which some rows are taken, without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nncli.data.array_builder import InPlaceBuilder

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def rows_of(X: csr_array, start: int, stop: int) -> csr_array:
    """Return the rows start … stop − 1: nothing is copied but where each begins."""
    from scipy.sparse import csr_array

    ends = X.indptr[start : min(stop, X.shape[0]) + 1]
    part = slice(ends[0], ends[-1])
    rows = csr_array((len(ends) - 1, X.shape[1]), dtype=X.dtype)
    # one by one: whoever makes a matrix of all three gets copies, where they are less than half of an array
    rows.data, rows.indices, rows.indptr = X.data[part], X.indices[part], ends - ends[0]
    return rows


class RowsBuilder:
    """Builds a matrix (n, width), of one row or more, in place: the peak is the matrix itself."""

    def __init__(self, n: int, width: int) -> None:
        self.n, self.width = n, width
        self._lengths = lengths = [np.zeros(1, np.int64)]

        def growth() -> float:  # which knows nothing of the builder, so that its memory is free as soon as it is gone
            return 1.02 * n / max(1, len(lengths[-1]))

        self._values, self._indices = InPlaceBuilder(growth), InPlaceBuilder(growth)

    def append(self, rows: csr_array) -> None:
        """Append rows."""
        self._lengths.append(np.diff(rows.indptr).astype(np.int64))
        self._values.append(rows.data)
        self._indices.append(rows.indices)

    def finish(self) -> csr_array:
        """Return the matrix."""
        from scipy.sparse import csr_array

        starts = np.cumsum(np.concatenate(self._lengths))
        kind = np.int32 if starts[-1] < 1 << 31 else np.int64
        found = self._values.finish(), self._indices.finish().astype(kind, copy=False), starts.astype(kind)
        return csr_array(found, shape=(self.n, self.width))
