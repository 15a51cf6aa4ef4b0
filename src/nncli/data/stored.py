"""Arrays in files, of which no more is in memory than the rows that are asked for."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PART = 32 << 20  # bytes of a file that are in memory at a time
HEADER = 128  # bytes: what NumPy writes before an array of any size that there is


class Stored:
    """(n,) or (n, d) in an .npy file, mapped into memory. Rows, in any order, or a slice of them give an array of their
    own; what was read for it leaves memory again. Pickles as its path."""

    def __init__(self, path: Path, columns: Sequence[int] | None = None) -> None:
        """`columns` are those that are left of the matrix; None: all. ValueError and OSError for another file."""
        self.path, self.columns = path, columns
        mapped: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        self._map = mapped._mmap
        self._array: NDArray[Any] = mapped.view(np.ndarray)
        self.dtype = self._array.dtype
        self.shape = self._array.shape if columns is None else (len(self._array), len(columns))
        self._touched = 0

    def __len__(self) -> int:
        return self.shape[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return Stored, (self.path, self.columns)

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            rows = np.arange(start, stop, step)
        if len(rows) > 1 and (rows[1:] < rows[:-1]).any():
            order = np.argsort(rows)
            return self._read(rows[order], order)
        return self._read(rows, None)

    def column(self, place: int) -> NDArray[Any]:
        """(n,), of a matrix."""
        return Stored(self.path, [self._places()[place]])[:][:, 0]

    def without(self, place: int) -> Stored:
        """The matrix without that column."""
        places = self._places()
        return Stored(self.path, [*places[:place], *places[place + 1 :]])

    def _places(self) -> Sequence[int]:
        return range(self.shape[1]) if self.columns is None else self.columns

    def _read(self, rows: NDArray[Any], order: NDArray[Any] | None) -> NDArray[Any]:
        """The rows, which ascend, each at its place in `order`; part by part of the file."""
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        if not len(rows):
            return found
        row_bytes = max(1, self._array[:1].nbytes)
        at_once = max(1, PART // row_bytes)
        ends = np.searchsorted(rows, np.arange(int(rows[0]) + at_once, int(rows[-1]) + at_once, at_once))
        start = 0
        for end in [*ends.tolist(), len(rows)]:
            if end > start:
                part = self._array[rows[start:end]]
                found[slice(start, end) if order is None else order[start:end]] = (
                    part if self.columns is None else part[:, self.columns]
                )
                self._forget((int(rows[end - 1]) - int(rows[start]) + 1) * row_bytes)
            start = end
        return found

    def _forget(self, touched: int) -> None:
        """The pages go where nobody counts them: they are the first to leave memory when it is short."""
        self._touched += touched
        if self._touched >= PART and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._touched = 0


class Growing:
    """Rows appended to such a file."""

    def __init__(self, path: Path) -> None:
        self.rows, self.path = 0, path
        self._file = path.open("wb")
        self._file.seek(HEADER)
        self._dtype, self._shape = np.dtype(np.uint8), tuple[int, ...]()

    def append(self, block: NDArray[Any]) -> None:
        """Rows like those before, or of another type, if those before are uint8."""
        if not self.rows:
            self._dtype, self._shape = block.dtype, block.shape[1:]
        elif self._dtype == np.uint8 and block.dtype != np.uint8:
            self._widen(block.dtype)
        self._write(np.ascontiguousarray(block, self._dtype))
        self.rows += len(block)

    def finished(self) -> Stored:
        """All of them, on the disk."""
        described = np.lib.format.dtype_to_descr(self._dtype)
        self._file.seek(0)
        header: dict[str, Any] = {"descr": described, "fortran_order": False, "shape": (self.rows, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)
        assert self._file.tell() == HEADER
        self._file.flush()
        os.fsync(self._file.fileno())
        self.close()
        return Stored(self.path)

    def close(self) -> None:
        self._file.close()

    def _write(self, rows: NDArray[Any]) -> None:
        self._file.write(rows.data)

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
                self._write(np.frombuffer(part, np.uint8).astype(dtype))
        narrow.unlink()
