"""Arrays in files, of which no more is in memory than the rows that are asked for."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PART = 32 << 20  # bytes of a file that are in memory at a time
HEADER = 128  # bytes: what NumPy writes before an array of any size that there is


class Stored:
    """(n,) or (n, d) in an .npy file, mapped into memory. An array of rows, in any order, or a slice of those that
    follow one another gives an array of its own; what was read for it leaves memory again. Pickles as its path."""

    def __init__(self, path: Path) -> None:
        """ValueError and OSError for another file."""
        self.path = path
        self.columns: Sequence[int] | None = None  # those that are left of the matrix; None: all
        mapped: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        self._map = mapped._mmap
        self._array: NDArray[Any] = mapped.view(np.ndarray)
        self.dtype, self.shape = self._array.dtype, self._array.shape

    def __len__(self) -> int:
        return int(self.shape[0])

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.path, self.columns)

    def __getitem__(self, rows: slice | NDArray[Any]) -> NDArray[Any]:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            assert step == 1, "rows that follow one another"
            at_once = self._rows_at_once()
            ends = [*range(start + at_once, stop, at_once), stop]
            found = np.empty((stop - start, *self.shape[1:]), self.dtype)
            for begin, end in zip(range(start, stop, at_once), ends, strict=False):
                found[begin - start : end - start] = self._chosen(self._array[begin:end])
                self._forget()
            return found
        if len(rows) > 1 and (rows[1:] < rows[:-1]).any():
            order = np.argsort(rows)
            return self._read(rows[order], order)
        return self._read(rows, None)

    def column(self, place: int) -> NDArray[Any]:
        """(n,), of a matrix."""
        return self._of([self._places()[place]])[:][:, 0]

    def without(self, place: int) -> Stored:
        """The matrix without that column."""
        places = self._places()
        return self._of([*places[:place], *places[place + 1 :]])

    def sha256(self) -> str:
        """Of its numbers, all of them."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            file.seek(HEADER)
            while part := file.read(PART):
                digest.update(part)
        return digest.hexdigest()

    def _of(self, columns: Sequence[int]) -> Stored:
        """The same file, also where it has lost its name meanwhile."""
        other = Stored.__new__(Stored)
        vars(other).update(vars(self))
        other.columns, other.shape = columns, (len(self), len(columns))
        return other

    def _places(self) -> Sequence[int]:
        return range(self.shape[1]) if self.columns is None else self.columns

    def _chosen(self, part: NDArray[Any]) -> NDArray[Any]:
        return part if self.columns is None else part[:, self.columns]

    def _rows_at_once(self) -> int:
        return max(1, PART // max(1, self._array[:1].nbytes))

    def _read(self, rows: NDArray[Any], order: NDArray[Any] | None) -> NDArray[Any]:
        """The rows, which ascend, each at its place in `order`; part by part of the file."""
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for start, end in self._parts(rows):
            found[slice(start, end) if order is None else order[start:end]] = self._chosen(self._array[rows[start:end]])
            self._forget()
        return found

    def _parts(self, rows: NDArray[Any]) -> Iterator[tuple[int, int]]:
        """The rows that are in the same part of the file, as start and end."""
        if len(rows):
            at_once = self._rows_at_once()
            ends = np.searchsorted(rows, np.arange(int(rows[0]) + at_once, int(rows[-1]) + at_once, at_once))
            start = 0
            for end in [*ends.tolist(), len(rows)]:
                if end > start:
                    yield start, end
                start = end

    def _forget(self) -> None:
        """The pages go where nobody counts them: they are the first to leave memory when it is short."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)


def _again(path: Path, columns: Sequence[int] | None) -> Stored:
    found = Stored(path)
    return found if columns is None else found._of(columns)


class Growing:
    """Rows appended to such a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._file.seek(HEADER)
        self._rows, self._dtype, self._shape = 0, np.dtype(np.uint8), tuple[int, ...]()

    def append(self, block: NDArray[Any]) -> None:
        """Rows like those before, or of another type, if those before are uint8."""
        if not self._rows:
            self._dtype, self._shape = block.dtype, block.shape[1:]
        elif self._dtype == np.uint8 and block.dtype != np.uint8:
            self._widen(block.dtype)
        self._file.write(np.ascontiguousarray(block, self._dtype).data)
        self._rows += len(block)

    def finished(self) -> Stored:
        """All of them, on the disk."""
        described = np.lib.format.dtype_to_descr(self._dtype)
        self._file.seek(0)
        header: dict[str, Any] = {"descr": described, "fortran_order": False, "shape": (self._rows, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)
        assert self._file.tell() == HEADER
        self._file.flush()
        os.fsync(self._file.fileno())
        self.close()
        return Stored(self.path)

    def close(self) -> None:
        self._file.close()

    def _widen(self, dtype: np.dtype[Any]) -> None:
        """The rows so far, written again as another type."""
        self._file.close()
        narrow = self.path.with_suffix(".uint8")
        self.path.rename(narrow)
        self._file, self._dtype = self.path.open("wb"), dtype
        self._file.seek(HEADER)
        with narrow.open("rb") as file:
            file.seek(HEADER)
            while part := file.read(PART // dtype.itemsize):
                self._file.write(np.frombuffer(part, np.uint8).astype(dtype).data)
        narrow.unlink()
