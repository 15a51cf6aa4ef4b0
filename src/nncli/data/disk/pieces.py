"""Pieces of different lengths in a file: the bytes of texts, or the numbers of rows that are not 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.disk.memmap import ALONE, ArrayFile, File, append

AT_ONCE = 1 << 18  # elements of a file that are looked through at a time
MOST_PIECES = 1 << 14  # that are read at a time

Places = NDArray[np.int64]


class Pieces:
    """m pieces of a file, each of some elements of a type, of which no more is in memory than is asked for."""

    def __init__(self, file: File, dtype: np.dtype[Any], places: Any) -> None:
        """Take the pieces of a file that begin and end at these places (m, 2), which may be on the disk too, counted
        in elements."""
        self.file, self.dtype, self.places = file, dtype, places

    def __len__(self) -> int:
        return len(self.places)

    def read(self, which: NDArray[Any] | slice) -> tuple[NDArray[Any], Places]:
        """Return the elements of some pieces, one piece after the other, and where each begins among them, at last
        where they end, (some + 1,)."""
        places = self.places[which]
        lengths = places[:, 1] - places[:, 0]
        starts = np.zeros(len(places) + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        found = np.empty(starts[-1], self.dtype)
        order = np.flatnonzero(lengths)
        if len(order) and (places[order[1:], 0] < places[order[:-1], 0]).any():
            order = order[np.argsort(places[order, 0], kind="stable")]
        (begin, end), to, lengths = places[order].T, starts[:-1][order], lengths[order]
        if not len(order):
            return found, starts
        far = begin[1:] - end[:-1] > ALONE // self.dtype.itemsize
        far |= begin[1:] // AT_ONCE != begin[:-1] // AT_ONCE
        for first, stop in pairwise([0, *(np.flatnonzero(far) + 1).tolist(), len(order)]):
            low, high, n = int(begin[first]), int(end[stop - 1]), lengths[first:stop]
            follow = (begin[first + 1 : stop] == end[first : stop - 1]).all()
            if follow and (np.diff(to[first:stop]) == n[:-1]).all():  # as they are in the file
                self._fill(found[to[first] : to[first] + high - low], low)
                continue
            room = np.empty(high - low, self.dtype)
            self._fill(room, low)
            own, before = np.arange(n.sum()), np.cumsum(n) - n
            source = own + np.repeat(begin[first:stop] - low - before, n)
            found[own + np.repeat(to[first:stop] - before, n)] = room[source]
        return found, starts

    def parts(self) -> Iterator[tuple[NDArray[Any], Places]]:
        """Read all pieces in their order, as `read` does, so many at a time that their elements are few."""
        for start in range(0, len(self), MOST_PIECES):
            places = self.places[start : start + MOST_PIECES]
            for first, stop in spans(places[:, 1] - places[:, 0], AT_ONCE):
                yield self.read(slice(start + first, start + stop))

    def _fill(self, room: NDArray[Any], at: int) -> None:
        self.file.fill(room.view(np.uint8).data, at * self.dtype.itemsize)


def spans(lengths: NDArray[Any], most: int) -> Iterator[tuple[int, int]]:
    """Yield the ends of runs of pieces of these lengths, each of at most so many elements, or of one piece."""
    ends, start = np.cumsum(lengths, dtype=np.int64), 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, "right")))
        yield start, stop
        start = stop


class PiecesFile:
    """Appends pieces to a file, to which others may append theirs, and notes where each of them is."""

    def __init__(self, places: ArrayFile, path: Any, opened: Callable[[], File]) -> None:
        """Begin pieces whose places are an array on the disk too. `opened()` opens the file when all are in it."""
        self.places, self.path, self._opened, self.n = places, path, opened, 0
        append(path, b"")

    def append(self, elements: NDArray[Any], lengths: NDArray[Any]) -> None:
        """Append pieces of these lengths, one after the other."""
        if not len(lengths):
            return
        at = self.path.stat().st_size // elements.dtype.itemsize
        ends = at + np.cumsum(lengths, dtype=np.int64)
        append(self.path, np.ascontiguousarray(elements).view(np.uint8).data)
        self.places.append(np.column_stack([ends - lengths, ends]))
        self.n += len(lengths)

    def finish(self, dtype: np.dtype[Any]) -> Pieces:
        """Return all pieces."""
        return Pieces(self._opened(), dtype, self.places.finish())
