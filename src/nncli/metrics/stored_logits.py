"""Logits of many classes, in a file: n rows of K classes are n · K numbers, 1.6 GB for 40,000 rows of 10,000."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.errors import OutputError
from nncli.metrics.rows import CELLS_AT_ONCE
from nncli.system import scratch

MOST_IN_MEMORY = 1 << 25  # numbers; more are in a file


class StoredLogits:
    """Logits (n, K) in a file without a name, which the system removes when nobody uses it, even if the program is
    killed. They are written once, from the first row to the last, and read for some rows, or for one class.

    The file has tiles of as many rows as are worked on at a time, and a tile its classes one after the other: so the
    logits of a class are in few pieces.
    """

    def __init__(self, n: int, K: int, dtype: np.dtype[Any]) -> None:
        """Make the file. OutputError where the disk has no room for all of them, which hours of writing would show."""
        with _writing():
            _check_room(n, K, dtype)
        self.shape, self.dtype = (n, K), dtype
        self.rows_at_once = max(1, CELLS_AT_ONCE // K)
        self._columns_at_once = max(1, CELLS_AT_ONCE // max(1, n))
        self._columns: tuple[int, NDArray[Any]] = (0, np.empty((0, n), dtype))  # the first, and those read last
        self._written = 0
        self._waiting: list[NDArray[Any]] = []  # rows that do not fill a tile
        with _writing():
            self._descriptor, name = tempfile.mkstemp()
            weakref.finalize(self, os.close, self._descriptor)
            Path(name).unlink()

    def __len__(self) -> int:
        return self.shape[0]

    def append(self, Z: NDArray[Any]) -> None:
        """Write the next rows, (some, K). OutputError where the disk is full."""
        self._waiting.append(Z)
        waiting = sum(map(len, self._waiting))
        while waiting >= self.rows_at_once or (waiting and self._written + waiting == len(self)):
            Z = np.concatenate(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
            tile, self._waiting = Z[: self.rows_at_once], [Z[self.rows_at_once :]]
            rest = np.ascontiguousarray(tile.T).data.cast("B")
            with _writing():
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            self._written += len(tile)
            waiting -= len(tile)
        self._waiting = [np.concatenate(self._waiting)]  # a copy: the rows may be in a buffer for the next ones

    def __getitem__(self, which: Any) -> Any:
        """Return some rows: a slice, or an array of places or of truth values, whose rows are in a file of their own if
        they are many; or with (:, k) the logits of a class, (n,)."""
        if isinstance(which, tuple):
            every, k = which
            assert every == slice(None)
            return self._column(k)
        if isinstance(which, slice):
            return self._rows(*which.indices(len(self))[:2])
        places = np.flatnonzero(which) if which.dtype == np.bool_ else which
        K = self.shape[1]
        found = logits_of(len(places), K, self.dtype)
        if isinstance(found, np.ndarray):
            return self._at(places)
        for start in range(0, len(places), self.rows_at_once):
            found.append(self._at(places[start : start + self.rows_at_once]))
        return found

    def _at(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return the rows at these places; each tile that has some is read once."""
        found, tiles = np.empty((len(places), self.shape[1]), self.dtype), places // self.rows_at_once
        for tile in np.unique(tiles).tolist():
            start, here = tile * self.rows_at_once, np.flatnonzero(tiles == tile)
            found[here] = self._rows(start, min(start + self.rows_at_once, len(self)))[places[here] - start]
        return found

    def _rows(self, start: int, stop: int) -> NDArray[Any]:
        found = np.empty((max(0, stop - start), self.shape[1]), self.dtype)
        while start < stop:
            first = start // self.rows_at_once * self.rows_at_once
            rows = min(self.rows_at_once, len(self) - first)
            its = slice(start - first, min(stop - first, rows))
            tile = self._read(first * self.shape[1], rows * self.shape[1]).reshape(-1, rows)
            found[len(found) - (stop - start) :][: its.stop - its.start] = tile[:, its].T
            start = first + its.stop
        return found

    def _column(self, k: int) -> NDArray[Any]:
        first, columns = self._columns
        if not first <= k < first + len(columns):
            K = self.shape[1]
            first = k // self._columns_at_once * self._columns_at_once
            many = min(self._columns_at_once, K - first)
            self._columns = first, columns = first, np.empty((many, len(self)), self.dtype)
            for start in range(0, len(self), self.rows_at_once):
                rows = min(self.rows_at_once, len(self) - start)
                tile = self._read(start * K + first * rows, many * rows)
                columns[:, start : start + rows] = tile.reshape(many, rows)
        return columns[k - first]

    def _read(self, at: int, numbers: int) -> NDArray[Any]:
        found = np.empty(numbers, self.dtype)
        room, at = found.data.cast("B"), at * self.dtype.itemsize
        while room:
            read = os.preadv(self._descriptor, [room], at)
            assert read, "all rows have been written"
            room, at = room[read:], at + read
        return found


def _check_room(n: int, K: int, dtype: np.dtype[Any]) -> None:
    place = tempfile.gettempdir()
    needed, free = n * K * dtype.itemsize, shutil.disk_usage(place).free
    if needed > free:
        room = f"expected room for {needed / 1e9:,.1f} GB, found {free / 1e9:,.1f} GB"
        problem = f"cannot write the scores of {n:,} rows for {K:,} classes: {room}"
        raise OutputError(place, problem, f"Name fewer rows, or set {scratch.VARIABLE} to another folder")


def _writing() -> AbstractContextManager[None]:
    return scratch.writing(Path(tempfile.gettempdir()) / "logits")


def logits_of(n: int, K: int, dtype: np.dtype[Any]) -> NDArray[Any] | StoredLogits:
    """Return room for logits (n, K), in memory or, if they are many, in a file."""
    return np.empty((n, K), dtype) if n * K <= MOST_IN_MEMORY else StoredLogits(n, K, dtype)


def gathered(blocks: Iterable[NDArray[Any]], n: int) -> NDArray[Any] | StoredLogits:
    """Return the logits (n, K) of all blocks, which have (some, K) each."""
    found: NDArray[Any] | StoredLogits | None = None
    at = 0
    for Z in blocks:
        found = logits_of(n, Z.shape[1], Z.dtype) if found is None else found
        if isinstance(found, StoredLogits):
            found.append(Z)
        else:
            found[at : at + len(Z)] = Z
        at += len(Z)
    assert found is not None
    return found
