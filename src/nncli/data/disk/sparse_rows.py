"""Rows on the disk of which only what is not 0 is stored."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.disk.memmap import ArrayFile, DiskArray, File
from nncli.data.disk.pieces import Pieces, PiecesFile
from nncli.data.sparse_numbers import SparseNumbers

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ENTRIES, PLACES, NUMBERS = "entries", "columns", "numbers"  # the names of the files
ROWS_AT_ONCE, CELLS_AT_ONCE = 1 << 16, 1 << 20  # whose places are looked through; that are written at a time


class DiskSparseNumbers(SparseNumbers):
    """(n, d) numbers in a file: of each row those that are not 0, with their columns, one after the other. What `take`
    and `blocks` give is in memory."""

    def __init__(self, pieces: Pieces, width: int, first: int = 0) -> None:
        """Take rows of so many columns, the first of which has the number `first` in the file."""
        self.pieces, self.width, self.first = pieces, width, first
        self.left: NDArray[np.int64] | None = None  # columns, where some are left out
        self.lengths = np.empty(len(pieces), np.int32)  # how many numbers of each row are not 0
        for start in range(0, len(pieces), ROWS_AT_ONCE):
            places = pieces.places[start : start + ROWS_AT_ONCE]
            self.lengths[start : start + len(places)] = places[:, 1] - places[:, 0]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.lengths), self.width if self.left is None else len(self.left)

    @property
    def dtype(self) -> np.dtype[Any]:
        found: np.dtype[Any] = self.pieces.dtype["value"]
        return found

    @property
    def nnz(self) -> int:
        return int(self.lengths.sum(dtype=np.int64))

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, tuple):
            return self.take(np.array([rows[0]]))[0, rows[1]]
        return self.take(rows)[:]

    def take(self, rows: slice | NDArray[Any]) -> SparseNumbers:
        from scipy.sparse import csr_array

        if not isinstance(rows, slice) and rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        entries, starts = self.pieces.read(rows)
        columns, values = entries["column"] - np.int32(self.first), np.ascontiguousarray(entries["value"])
        if len(values) <= np.iinfo(np.int32).max:  # else scipy makes both 64 bits wide
            starts = starts.astype(np.int32)
        found = csr_array((values, columns, starts), (len(starts) - 1, self.width))
        return SparseNumbers(found if self.left is None else found[:, self.left])

    def columns(self, places: NDArray[Any] | Sequence[int]) -> NDArray[Any]:
        found: NDArray[Any] = np.empty((len(self), len(places)), self.dtype, order="F")
        start = 0
        for block in self.blocks():
            found[start : start + block.shape[0]] = SparseNumbers(block).columns(places)
            start += block.shape[0]
        return found

    def without(self, place: int) -> SparseNumbers:
        other = copy.copy(self)
        other.left = np.delete(np.arange(self.width) if self.left is None else self.left, place)
        return other

    def with_column(self, place: int, values: NDArray[Any]) -> SparseNumbers:
        return self.take(slice(None)).with_column(place, values)


class StackedSparseNumbers(DiskSparseNumbers):
    """Numbers one below the other, some of them on the disk, as one."""

    def __init__(self, parts: Sequence[SparseNumbers]) -> None:
        self.parts, self.width, self.left = list(parts), parts[0].shape[1], None
        lengths = [p.lengths if isinstance(p, DiskSparseNumbers) else np.diff(p.csr.indptr) for p in parts]
        self.lengths = np.concatenate(lengths).astype(np.int32)
        self.ends = np.cumsum([len(part) for part in parts])

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(*(part.dtype for part in self.parts))

    def take(self, rows: slice | NDArray[Any]) -> SparseNumbers:
        from scipy.sparse import vstack

        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        of_part, found, order = np.searchsorted(self.ends, rows, side="right"), list[Any](), list[NDArray[np.intp]]()
        for i, part in enumerate(self.parts):
            its = np.flatnonzero(of_part == i)
            order.append(its)
            found.append(part.take(rows[its] - (self.ends[i] - len(part))).csr)
        place = np.argsort(np.concatenate(order))
        csr = vstack(found, format="csr")[place]
        return SparseNumbers(csr if self.left is None else csr[:, self.left])


class SparseRowsFile:
    """Appends rows to the files of a folder."""

    def __init__(self, folder: Path, dtype: np.dtype[Any]) -> None:
        self._type = np.dtype([("column", np.int32), ("value", dtype)])
        self._pieces = PiecesFile(ArrayFile(folder / PLACES), folder / ENTRIES, lambda: File(folder / ENTRIES))

    def append(self, X: csr_array) -> None:
        """Append rows, without the zeros that they may hold."""
        there, before = X.data != 0, np.zeros(X.nnz + 1, np.int64)
        np.cumsum(there, out=before[1:])
        entries = np.empty(before[-1], self._type)
        entries["column"], entries["value"] = X.indices[there], X.data[there]
        self._pieces.append(entries, np.diff(before[X.indptr]))

    def finish(self, width: int, first: int = 0) -> DiskSparseNumbers:
        """Return all rows."""
        return DiskSparseNumbers(self._pieces.finish(self._type), width, first)


def with_zeros(numbers: SparseNumbers, folder: Path) -> DiskArray:
    """Return the same numbers with all zeros, in a file of that folder."""
    file, at_once = ArrayFile(folder / NUMBERS), max(1, CELLS_AT_ONCE // numbers.shape[1])
    for start in range(0, len(numbers), at_once):
        file.append(numbers[start : start + at_once])
    return file.finish()
