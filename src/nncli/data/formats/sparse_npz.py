"""A sparse matrix in compressed rows (CSR) in an .npz file, as SciPy saves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.byte_input import refuse_bomb
from nncli.data.cells import check_width
from nncli.data.dataset import Schema
from nncli.data.disk.pieces import spans
from nncli.data.disk.sparse_rows import SparseRowsFile, with_zeros
from nncli.data.formats.npz_arrays import Parts, array_of, parts_of, read_as
from nncli.data.sparse_numbers import VALUES_AT_ONCE, SparseNumbers, stays_sparse
from nncli.data.zip_archive import open_zip
from nncli.errors import DataError

CSR = "csr"
MOST_FEATURES = 1 << 20  # each has weights of its own
REMEDY = "Save it with all its zeros, as X, with numpy.savez"
Shape = tuple[int, int]


def read(path: Path, where: str, like: Schema | None, folder: Path | None = None) -> Any:
    """Read a sparse matrix, into one with all zeros where that takes no more, or a model has it; with a `folder`, into
    files there. Raises DataError."""
    starts, shape = _starts(path, where)
    with parts_of(path, "data") as data, parts_of(path, "indices") as columns:
        are_numbers = columns.dtype.kind in "iu" and data.dtype.kind in "biuf"
        if not are_numbers or len(data.shape) != 1 or columns.shape != data.shape:
            raise DataError(where, "expected data, indices, indptr and shape of a sparse matrix, found other arrays")
        _check_starts(starts, shape, data.shape[0], where)
        dtype = _type_of(path, data)
        if folder is None:
            numbers = next(_parts(data, columns, starts, shape, dtype, data.shape[0], where))
        else:
            rows = SparseRowsFile(folder, dtype)
            for part in _parts(data, columns, starts, shape, dtype, VALUES_AT_ONCE, where):
                rows.append(part.csr)
            numbers = rows.finish(shape[1])
    if stays_sparse(numbers.shape, numbers.nnz) if like is None else like.sparse:
        return numbers
    refuse_bomb(where, "the npz data", shape[0] * shape[1] * dtype.itemsize, path.stat().st_size, REMEDY)
    return numbers[:] if folder is None else with_zeros(numbers, folder)


def _starts(path: Path, where: str) -> tuple[NDArray[Any], Shape]:
    """Read where each row starts, and the shape."""
    starts, shape = array_of(path, "indptr"), array_of(path, "shape")
    with path.open("rb") as raw, open_zip(raw) as file:
        kind = array_of(path, "format").tolist() if "format.npy" in file.namelist() else CSR
    if kind not in (CSR, CSR.encode()):
        found = f"{kind.decode('ascii', 'replace') if isinstance(kind, bytes) else kind}"[:20]
        raise DataError(where, f"expected a sparse matrix in compressed rows (csr), found {found}", "Save X.tocsr()")
    if any(part.dtype.kind not in "iu" or part.ndim != 1 for part in (starts, shape)) or len(shape) != 2:
        raise DataError(where, "expected data, indices, indptr and shape of a sparse matrix, found other arrays")
    n, d = map(int, shape.tolist())
    return starts, (n, d)


def _check_starts(starts: NDArray[Any], shape: Shape, stored: int, where: str) -> None:
    """Raise DataError unless rows of that shape start there, of so many numbers."""
    n, d = shape
    check_width(d, where, most=MOST_FEATURES)
    begins = n > 0 and d > 0 and len(starts) == n + 1 and starts[0] == 0 and starts[-1] == stored
    if not begins or (starts[1:] < starts[:-1]).any():
        raise DataError(where, f"expected indptr to begin {n:,} rows of {stored:,} numbers, found others")


def _type_of(path: Path, data: Parts) -> np.dtype[Any]:
    """Return the type that the numbers are read as."""
    n = data.shape[0]
    if not n or data.dtype == np.uint8:
        return np.dtype(np.float32)
    if data.dtype.kind in "fb" or data.dtype.itemsize <= 2:
        return read_as(np.zeros(1, data.dtype))
    with parts_of(path, "data") as parts:  # whole numbers, which float32 may have, if none is too large
        all_of = (parts.take(min(VALUES_AT_ONCE, n - start)) for start in range(0, n, VALUES_AT_ONCE))
        return max((read_as(part) for part in all_of), key=lambda dtype: dtype.itemsize)


def _parts(
    data: Parts, columns: Parts, starts: NDArray[Any], shape: Shape, dtype: np.dtype[Any], most: int, where: str
) -> Iterator[SparseNumbers]:
    """Yield the rows, as many at a time as have at most so many numbers."""
    for first, stop in spans(np.diff(starts), most):
        own = starts[first : stop + 1] - starts[first]
        stored = columns.take(int(own[-1])), data.take(int(own[-1]))
        yield _checked(*stored, own, first, shape[1], dtype, where)


def _checked(
    columns: NDArray[Any],
    data: NDArray[Any],
    starts: NDArray[Any],
    first: int,
    d: int,
    dtype: np.dtype[Any],
    where: str,
) -> SparseNumbers:
    """Return some rows, of which `first` rows stand before. Raises DataError for columns that there are not, several
    numbers in one cell, and those that are not finite."""
    n = len(starts) - 1

    def row(value: int) -> int:
        """Return the number of the row, from 1, that a value is in."""
        return first + int(np.searchsorted(starts, value, "right"))

    wrong = np.flatnonzero((columns < 0) | (columns >= d))
    if len(wrong):
        found = f"expected a column from 0 to {d - 1:,}, found {columns[wrong[0]]:,}"
        raise DataError(where, f"row {row(wrong[0])}: {found}")
    ends = starts[(starts > 0) & (starts < len(data))] - 1  # from one row to the next
    rises = columns[1:] > columns[:-1]
    rises[ends] = True
    if not rises.all():
        order = np.lexsort((columns, np.repeat(np.arange(n), np.diff(starts))))
        columns, data = columns[order], data[order]
        same = columns[1:] == columns[:-1]
        same[ends] = False
        twice = np.flatnonzero(same)
        if len(twice):
            problem = f"row {row(twice[0])}: expected one number in column {columns[twice[0]]}, found several"
            raise DataError(where, problem, "Add them up first: X.sum_duplicates()")
    with np.errstate(over="ignore"):  # infinite then
        data = data.astype(dtype)
    wrong = np.flatnonzero(~np.isfinite(data))
    if len(wrong):
        place = f"row {row(wrong[0])}, column {columns[wrong[0]]}"
        raise DataError(where, f"{place}: expected a finite number, as a sparse matrix has none that is missing")
    return SparseNumbers.of(data, columns, starts, (n, d))
