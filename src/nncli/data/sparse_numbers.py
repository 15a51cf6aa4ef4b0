"""Numbers of which most are 0, in memory as the few that are not: what sparse text and CSR matrices are read as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

DENSE_COLUMNS = 1_000  # up to so many, numbers are read as a dense matrix, …
DENSE_SHARE = 1 / 3  # … and from this share of cells that are not 0 on, as they take no less memory otherwise
ROWS_AT_ONCE, VALUES_AT_ONCE = 8_192, 1 << 20  # that are worked on at a time
MOST_INDEX = np.iinfo(np.int32).max


class SparseNumbers:
    """(n, d) numbers, of which only those that are not 0 are kept, row by row; none is missing or infinite. They are in
    memory here, and on the disk in `DiskSparseNumbers`.

    An array of rows, in any order, a mask (n,), or a slice of rows gives an array of its own, (m, d), with all zeros,
    as of a `DiskArray`; a pair of rows and columns gives these: right for a few. `csr`, which is in memory alone, and
    what `take` and `blocks` give, grows with the others only.
    """

    def __init__(self, csr: Any) -> None:
        """Take a scipy.sparse.csr_array (n, d), the columns of each row in order, without zeros."""
        self.csr = csr

    @classmethod
    def of(
        cls, data: NDArray[Any], columns: NDArray[Any], starts: NDArray[Any], shape: tuple[int, int]
    ) -> SparseNumbers:
        """Take the values of all rows, one row after the other, their columns, in order within each row, and where
        each row starts, (n + 1,). Zeros among them are removed."""
        from scipy.sparse import csr_array

        index = np.int32 if len(data) <= MOST_INDEX else np.int64
        csr = csr_array((data, columns.astype(index, copy=False), starts.astype(index, copy=False)), shape)
        if not data.all():
            csr.eliminate_zeros()
        return cls(csr)

    @classmethod
    def repeated(cls, row: NDArray[np.float64], n: int) -> SparseNumbers:
        """Return n rows that are all the same (d,)."""
        columns = np.flatnonzero(row)
        starts = np.arange(n + 1) * len(columns)
        return cls.of(np.tile(row[columns], n), np.tile(columns, n), starts, (n, len(row)))

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.csr.shape[0]), int(self.csr.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.csr.dtype)

    @property
    def nnz(self) -> int:
        """Count the numbers that are not 0."""
        return int(self.csr.nnz)

    @property
    def nbytes(self) -> int:
        """Return the bytes of memory that it takes."""
        return int(self.csr.data.nbytes + self.csr.indices.nbytes + self.csr.indptr.nbytes)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Any:
        found = self.csr[rows]
        return found if isinstance(found, np.generic) else found.toarray()

    def take(self, rows: slice | NDArray[Any]) -> SparseNumbers:
        """Return some rows, in the order given, stored sparse."""
        return SparseNumbers(self.csr[rows])

    def blocks(self, rows: NDArray[Any] | None = None) -> Iterator[Any]:
        """Yield the rows (None: all, in their order) some thousands at a time, each block a csr_array."""
        n = len(self) if rows is None else len(rows)
        at_once = max(1, min(ROWS_AT_ONCE, VALUES_AT_ONCE * len(self) // max(1, self.nnz)))
        for start in range(0, n, at_once):
            part = slice(start, start + at_once)
            yield self.take(part if rows is None else rows[part]).csr

    def columns(self, places: NDArray[Any] | Sequence[int]) -> NDArray[Any]:
        """Return a few columns with all zeros, (n, some), column by column in memory."""
        found: NDArray[Any] = self.csr[:, np.asarray(places, np.int64)].toarray(order="F")
        return found

    def column(self, place: int) -> NDArray[Any]:
        """Return one column with all zeros, (n,)."""
        return self.columns([place])[:, 0]

    def without(self, place: int) -> SparseNumbers:
        """Return the numbers without one column."""
        return SparseNumbers(self.csr[:, np.delete(np.arange(self.shape[1]), place)])

    def with_column(self, place: int, values: NDArray[Any]) -> SparseNumbers:
        """Return the numbers with others (n,) in one column."""
        from scipy.sparse import coo_array

        found, n = self.csr.tocoo(), len(self)
        kept = found.col != place
        data = np.concatenate([found.data[kept], values.astype(self.dtype)])
        rows, columns = np.append(found.row[kept], np.arange(n)), np.append(found.col[kept], np.full(n, place))
        csr = coo_array((data, (rows, columns)), self.shape).tocsr()
        csr.eliminate_zeros()
        return SparseNumbers(csr)

    def deviation(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return the standard deviation of each column over some rows, (d,): √((Σ (x − mean)² over those that are not 0
        + zeros · mean²) / n)."""
        n, total, stored = len(rows), np.zeros(self.shape[1]), self.stored(rows)
        for block in self.blocks(rows):
            total += np.bincount(block.indices, block.data, len(total))
        mean = total / n
        squares = (n - stored) * mean**2
        for block in self.blocks(rows):
            squares += np.bincount(block.indices, (block.data - mean[block.indices]) ** 2, len(total))
        found: NDArray[np.float64] = np.sqrt(squares / n)
        return found

    def stored(self, rows: NDArray[Any] | None = None) -> NDArray[np.int64]:
        """Count the numbers of each column that are not 0, in some rows (None: in all), (d,)."""
        found = np.zeros(self.shape[1], np.int64)
        for block in self.blocks(rows):
            found += np.bincount(block.indices, minlength=len(found))
        return found

    def __str__(self) -> str:
        n, d = self.shape
        each = self.nnz / max(1, n)
        some = f"{each:,.0f}" if each >= 100 else f"{each:.3g}"
        return f"{some} of {d:,} numbers in a row are not 0, on average: only those are kept"


def is_sparse(numbers: Any) -> bool:
    """Tell whether numbers are stored sparse."""
    return isinstance(numbers, SparseNumbers)


def with_column(numbers: Any, place: int, values: Any, dtype: str) -> Any:
    """Return numbers in memory, stored sparse or not, of a type, with others, (n,) or one for all rows, in a column."""
    if isinstance(numbers, SparseNumbers):
        return numbers.with_column(place, np.broadcast_to(values, len(numbers)))
    found = numbers.astype(dtype)
    found[:, place] = values
    return found


def stays_sparse(shape: tuple[int, int], stored: int) -> bool:
    """Tell whether numbers of that shape, so many of which are not 0, are better kept without the zeros."""
    return shape[1] > DENSE_COLUMNS and stored < DENSE_SHARE * shape[0] * shape[1]
