"""Arrays in files, of which no more is in memory than the rows that are asked for."""

from __future__ import annotations

import math
import os
import stat
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import BufferedWriter, FileIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.errors import DataError
from nncli.system import owned_folders

PART = 4 << 20  # bytes of a file that are in memory at a time
ALONE = 32 << 10  # bytes: reading so many more takes as long as reading once more
AGAIN = "Run the same command again"


class File:
    """A file that is read where it is asked for, and stays readable when it has lost its name. Pickles as its path.

    It is not mapped into memory: a mapped file that somebody cuts short ends the program without a word.
    """

    def __init__(self, path: Path) -> None:
        """Open a plain file. OSError and ValueError for another, or one that others may write to."""
        self.path = path
        self._descriptor = os.open(path, owned_folders.NO_SURPRISE)
        weakref.finalize(self, os.close, self._descriptor)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode) or owned_folders.others_may_write(status):
            raise ValueError(f"{path.name} is not a file of this user")

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.path, self.identity())

    def identity(self) -> tuple[int, ...]:
        """Return what tells the file from another of the same name, and from itself with other bytes."""
        status = os.fstat(self._descriptor)
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    @property
    def size(self) -> int:
        """Return the size of the file, in bytes, as it is now."""
        return os.fstat(self._descriptor).st_size

    def fill(self, buffer: memoryview, at: int) -> None:
        """Read the bytes from there on, as many as there is room for. DataError where there are fewer."""
        while len(buffer):
            try:
                read = os.preadv(self._descriptor, [buffer], at)
            except OSError as error:
                raise self._lost(f"cannot be read: {error.strerror}") from None
            if not read:
                raise self._lost("is shorter than it was when the program opened it")
            buffer, at = buffer[read:], at + read

    def content(self) -> memoryview:
        """Read all bytes."""
        found = memoryview(bytearray(self.size))
        self.fill(found, 0)
        return found

    def parts(self) -> Iterator[memoryview]:
        """Read all bytes, part by part."""
        end = self.size
        buffer = memoryview(bytearray(min(PART, end)))
        for at in range(0, end, PART):
            part = buffer[: min(PART, end - at)]
            self.fill(part, at)
            yield part

    def _lost(self, problem: str) -> DataError:
        return DataError(str(self.path), f"the table on the disk {problem}", AGAIN)


def _reopened(path: Path, identity: tuple[int, ...]) -> File:
    with suppress(OSError, ValueError):
        file = File(path)
        if file.identity() == identity:
            return file
    raise DataError(str(path), "the table on the disk was changed or removed while it was used", AGAIN)


class DiskArray:
    """(n,) or (n, d) in a file. An array of rows, in any order, a mask (n,), or a slice of rows that follow one another
    gives an array of its own."""

    def __init__(self, file: File, dtype: np.dtype[Any], shape: tuple[int, ...], at: int = 0) -> None:
        """Take the array that begins at the byte `at` of a file."""
        self.file, self.dtype, self.shape, self.at = file, dtype, shape, at
        self._whole = shape  # that of the array in the file
        self._columns: Sequence[int] | None = None  # those that are left of the matrix; None: all
        self._row_bytes = dtype.itemsize * math.prod(shape[1:])
        self._rows_at_once = max(1, PART // max(1, self._row_bytes))

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: slice | NDArray[Any]) -> NDArray[Any]:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            assert step == 1, "rows that follow one another"
            if self._columns is None:
                return self._consecutive(start, stop)
            rows = np.arange(start, stop)
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        if len(rows) > 1 and (rows[1:] < rows[:-1]).any():
            order = np.argsort(rows)
            return self._read(rows[order], order)
        return self._read(rows, None)

    def column(self, place: int) -> NDArray[Any]:
        """Return one column of a matrix, (n,)."""
        return self._of([self._places()[place]])[:][:, 0]

    def without(self, place: int) -> DiskArray:
        """Return the matrix without one column."""
        places = self._places()
        return self._of([*places[:place], *places[place + 1 :]])

    def _of(self, columns: Sequence[int]) -> DiskArray:
        other = DiskArray(self.file, self.dtype, self._whole, self.at)
        other._columns, other.shape = columns, (len(self), len(columns))
        return other

    def _places(self) -> Sequence[int]:
        return range(self.shape[1]) if self._columns is None else self._columns

    def _consecutive(self, start: int, stop: int, room: NDArray[Any] | None = None) -> NDArray[Any]:
        """Read all columns of the rows start … stop − 1, into `room` if it is given."""
        n = max(0, stop - start)
        found: NDArray[Any] = np.empty((n, *self._whole[1:]), self.dtype) if room is None else room[:n]
        if found.size:
            self.file.fill(found.data.cast("B"), self.at + start * self._row_bytes)
        return found

    def _read(self, rows: NDArray[Any], order: NDArray[Any] | None) -> NDArray[Any]:
        """Read rows in ascending order, part by part of the file; each goes to its place in `order`."""
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        if not len(rows):
            return found
        if not 0 <= rows[0] <= rows[-1] < len(self):
            raise IndexError(f"rows {rows[0]} to {rows[-1]} of {len(self)}")
        parts = np.arange(int(rows[0]), int(rows[-1]) + 1, self._rows_at_once)  # of the file: their first rows
        edges = np.unique([*np.searchsorted(rows, parts), len(rows)])  # of the rows that are in the same part
        room: NDArray[Any] = np.empty((min(self._rows_at_once, len(self)), *self._whole[1:]), self.dtype)
        for start, end in pairwise(edges.tolist()):
            part = self._some(rows[start:end], room)
            found[slice(start, end) if order is None else order[start:end]] = (
                part if self._columns is None else part[:, self._columns]
            )
        return found

    def _some(self, rows: NDArray[Any], room: NDArray[Any]) -> NDArray[Any]:
        """Read all columns of rows in one part of the file, with what lies between them, unless that is much."""
        first, stop = int(rows[0]), int(rows[-1]) + 1
        if (stop - first) * self._row_bytes <= len(rows) * max(ALONE, self._row_bytes):
            return self._consecutive(first, stop, room).take(rows - first, axis=0)
        return np.concatenate([self._consecutive(row, row + 1) for row in rows.tolist()])


class ArrayFile:
    """Appends rows to a file, which is open only meanwhile: a table can have more columns than a process files."""

    def __init__(self, path: Path, finish: Callable[[Path], tuple[File, int]] | None = None) -> None:
        """Begin a file. `finish` moves its rows to another file, and returns that and where in it they begin."""
        self.path, self._finish = path, finish or (lambda path: (File(path), 0))
        self._rows, self._dtype, self._shape = 0, np.dtype(np.uint8), tuple[int, ...]()
        append(path, b"")

    def append(self, block: NDArray[Any]) -> None:
        """Append rows like those before, or of another type, if those before are uint8."""
        if not self._rows:
            self._dtype, self._shape = block.dtype, block.shape[1:]
        elif self._dtype == np.uint8 and block.dtype != np.uint8:
            self._widen(block.dtype)
        append(self.path, np.ascontiguousarray(block, self._dtype).data)
        self._rows += len(block)

    def finish(self) -> DiskArray:
        """Return all rows, as an array on the disk."""
        file, at = self._finish(self.path)
        return DiskArray(file, self._dtype, (self._rows, *self._shape), at)

    def _widen(self, dtype: np.dtype[Any]) -> None:
        """Write the rows so far again, as another type."""
        narrow = self.path.with_suffix(".uint8")
        self.path.rename(narrow)
        self._dtype = dtype
        for part in File(narrow).parts():
            append(self.path, np.frombuffer(part, np.uint8).astype(dtype).data)
        narrow.unlink()


class ColumnsFile:
    """Arrays of (n,), built apart and put one after the other into one file, which takes one descriptor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        append(path, b"")
        self.file = File(path)

    def builder(self, name: str) -> ArrayFile:
        """Begin one more array; they are in the file in the order in which they are finished."""
        return ArrayFile(self.path.with_name(name), self._take)

    def _take(self, path: Path) -> tuple[File, int]:
        at = self.file.size
        for part in File(path).parts():
            append(self.path, part)
        path.unlink()
        return self.file, at


def append(path: Path, data: bytes | memoryview) -> None:
    """Write more to the end of a file of the user's own, which need not be there yet."""
    with BufferedWriter(FileIO(path, "ab", opener=owned_folders.private)) as file:
        file.write(data)
