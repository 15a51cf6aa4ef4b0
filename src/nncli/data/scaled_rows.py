"""Rows ready for the engine, scaled as they are taken; from memory, or from the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions, Target
from nncli.data.input_scale import smooth_clip
from nncli.data.one_hot_rows import OneHotRows
from nncli.data.sparse_rows import rows_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LOOKED_AT = 256  # rows at most, to know of all how many of their inputs are 0


class Inputs(Protocol):
    """A matrix of n rows of d inputs, of which some rows are taken at a time."""

    def __len__(self) -> int: ...

    @property
    def width(self) -> int:
        """Return d, the number of inputs."""
        ...

    @property
    def raw_dtype(self) -> np.dtype[Any] | None:
        """Return the type of the scratch (m, d) that `take` works with; None if it needs none."""
        ...

    @property
    def is_sparse(self) -> bool:
        """Tell whether most inputs are 0, so that rows go through a network as `take_sparse` has them."""
        ...

    def expect(self, rows: Positions) -> None:
        """Prepare for the rows that will be taken next, one after the other."""

    def take(self, rows: Positions, raw: NDArray[Any], out: NDArray[Any]) -> None:
        """Write some rows, scaled, into out (m, d)."""

    def take_sparse(self, rows: Positions) -> csr_array:
        """Return some rows (m, d), scaled, without their zeros; to be read only. For what `is_sparse` alone."""
        raise TypeError("expected rows that are stored without their zeros")


@dataclass(frozen=True)
class Matrix:
    """Inputs in memory, x = (stored − shift) · scale, which are scaled as rows are taken.

    `values` is (n, d). Images stay uint8 in memory and are scaled in the mini-batch: a quarter of
    the memory, and less of it to move. Where `scale` is None, the rows are stored as they are used;
    a shift of None is 0, and a single scale is that of all columns. With `clips`, x is bent by `smooth_clip` then.
    """

    values: NDArray[Any]
    dtype: np.dtype[Any]
    shift: NDArray[Any] | None = None  # (d,)
    scale: NDArray[Any] | None = None  # (d,) or ()
    clips: bool = False

    is_sparse = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    @property
    def raw_dtype(self) -> np.dtype[Any] | None:
        return None if self.scale is None else self.values.dtype

    @property
    def is_ready(self) -> bool:
        """Tell whether rows are stored just as they are used."""
        return self.scale is None and self.values.dtype == self.dtype and self.values.flags.c_contiguous

    def expect(self, rows: Positions) -> None:
        """Do nothing: all rows are in memory."""

    def take(self, rows: Positions, raw: NDArray[Any], out: NDArray[Any]) -> None:
        if self.scale is None:
            np.take(self.values, rows, axis=0, out=out, mode="clip")  # without a mode, numpy copies once more
        else:
            raw = raw[: len(rows)]
            np.take(self.values, rows, axis=0, out=raw, mode="clip")
            self._scale(raw, out)

    def take_sparse(self, rows: Positions) -> csr_array:
        raise TypeError("expected rows that are stored without their zeros")

    def slice(self, start: int, stop: int) -> NDArray[Any]:
        """Return the rows start … stop − 1, scaled."""
        values = self.values[start:stop]
        if self.scale is None:
            return values
        out = np.empty(values.shape, self.dtype)
        self._scale(values, out)
        return out

    def _scale(self, values: NDArray[Any], out: NDArray[Any]) -> None:
        np.copyto(out, values)  # a ufunc on two types would go through a buffer, at half the speed
        if self.shift is not None:
            out -= self.shift
        out *= self.scale
        if self.clips:
            smooth_clip(out)


@dataclass(frozen=True)
class SparseMatrix:
    """Inputs in memory, most of which are 0, as rows of the others: `values` (n, d), as they are used. Of each column
    of texts, `unknown` (n,) tells which have none of the words of training."""

    values: csr_array
    dtype: np.dtype[Any]
    unknown: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    is_sparse = True
    raw_dtype = None

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    def expect(self, rows: Positions) -> None:
        """Do nothing: all rows are in memory."""

    def take(self, rows: Positions, raw: NDArray[Any], out: NDArray[Any]) -> None:
        out[...] = self.take_sparse(rows).toarray()

    def take_sparse(self, rows: Positions) -> csr_array:
        if lie_in_a_row(rows):
            return self.slice(int(rows[0]), int(rows[0]) + len(rows))
        return self.values[rows]

    def slice(self, start: int, stop: int) -> csr_array:
        """Return the rows start … stop − 1: nothing is copied but where each begins."""
        return rows_of(self.values, start, stop)


def lie_in_a_row(rows: Positions) -> bool:
    """Tell whether rows, of which there is one at least, follow one another."""
    n = len(rows)
    return n > 0 and bool(rows[-1] - rows[0] == n - 1 and (n == 1 or (np.diff(rows) == 1).all()))


InMemory = Matrix | SparseMatrix | OneHotRows


class Stored(Protocol):
    """Rows on the disk."""

    def __len__(self) -> int: ...
    def take(self, rows: Positions) -> Any:
        """Return some rows, in the order given, in memory."""
        ...


class RowWindow:
    """Rows of a table on the disk, or of inputs that are stored there, of which a window of those that are expected is
    in memory, scaled.

    A window is read in the order of the file, however it is shuffled: an epoch is a few passes over the file, not a
    search for each row.
    """

    raw_dtype = None

    def __init__(
        self,
        table: Stored,
        width: int,
        transform: Callable[[Any], InMemory],
        size: int,
        lengths: NDArray[np.int32] | None = None,
    ) -> None:
        """Take rows from the disk. `transform` makes inputs of them; `size` rows are in memory at a time, or with the
        `lengths` (n,) of all rows, as many as have so many numbers together."""
        self.table, self.width, self.transform, self.size, self.lengths = table, width, transform, size, lengths
        self._expected: Positions = np.zeros(0, np.int64)
        # of the window, of what is taken next, and of what was taken last, as a line search wants it again
        self._start = self._next = self._last = 0
        self._window: InMemory | None = None

    @cached_property
    def is_sparse(self) -> bool:
        """Tell whether `transform` returns sparse rows."""
        return self.transform(self.table.take(np.zeros(0, np.int64))).is_sparse

    def __len__(self) -> int:
        return len(self.table)

    def expect(self, rows: Positions) -> None:
        """Prepare for the rows that will be taken next, one after the other. Others may be taken too, and take
        longer."""
        if self._start or not np.array_equal(self._expected, rows):
            self._window = None
        self._expected = rows
        self._start = self._next = self._last = 0

    def take(self, rows: Positions, raw: NDArray[Any], out: NDArray[Any]) -> None:
        found = self._taken(rows)
        out[:] = found.toarray() if self.is_sparse else found

    def take_sparse(self, rows: Positions) -> csr_array:
        return self._taken(rows)

    def _taken(self, rows: Positions) -> Any:
        """Return some rows, scaled: an array (m, d), or a csr_array."""
        start = next((start for start in (self._next, self._last) if self._are(start, rows)), None)
        if start is None:
            return self._read(rows).slice(0, len(rows))
        end = start + len(rows)
        if self._window is None or end > self._start + len(self._window):
            self._window = None  # before there is another
            self._window, self._start = self._read(self._expected[start : max(end, self._end_of_window(start))]), start
        found = self._window.slice(start - self._start, end - self._start)
        self._last, self._next = start, end
        if end == len(self._expected) and self._start:
            self._window = None  # it makes room for those of other rows
        return found

    def _end_of_window(self, start: int) -> int:
        """Return where a window that begins with that expected row ends."""
        if self.lengths is None:
            return start + self.size
        total = np.cumsum(self.lengths[self._expected[start:]], dtype=np.int64)
        return start + int(np.searchsorted(total, self.size, "right"))

    def _are(self, start: int, rows: Positions) -> bool:
        """Tell whether these rows are the ones expected from `start` on."""
        return np.array_equal(self._expected[start : start + len(rows)], rows)

    def _read(self, rows: Positions) -> InMemory:
        return self.transform(self.table.take(rows))


@dataclass(frozen=True)
class Subset:
    """Some rows of a matrix with their classes, or standardised numbers, and weights: a training, validation or test
    set. In an ensemble with folds each validation row is judged by the member that has left it out."""

    matrix: Inputs
    y: Target  # of all rows of the matrix
    rows: Positions
    weights: NDArray[np.float64] | None = None  # of all rows of the matrix; None: each counts 1
    folds: NDArray[np.int64] | None = None  # which member of an ensemble leaves each row out; None: none does

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_numeric(self) -> bool:
        """Tell whether the target is a number, and no class."""
        return self.y.dtype.kind == "f"

    def of(self, own: Inputs) -> Subset:
        """Return the same rows as all of a matrix of their own."""
        rows = self.rows
        weights = None if self.weights is None else self.weights[rows]
        folds = None if self.folds is None else self.folds[rows]
        return Subset(own, self.y[rows], np.arange(len(rows)), weights, folds)

    def share_of_inputs(self, dtype: np.dtype[Any]) -> float:
        """Return which share of the inputs that are stored is not 0, as numbers of that type, in some of the rows: the
        same ones each time."""
        if self.matrix.is_sparse:
            return 1.0
        rows = self.rows[:: -(-len(self) // LOOKED_AT)]
        raw_dtype, shape = self.matrix.raw_dtype, (len(rows), self.matrix.width)
        found = np.empty(shape, dtype)
        self.matrix.take(rows, np.empty((0, 0) if raw_dtype is None else shape, raw_dtype), found)
        return int(np.count_nonzero(found)) / found.size

    def inputs(self) -> NDArray[Any] | csr_array:
        """Return the inputs of the rows, (n, d), which must be in memory: sparse ones as they are."""
        matrix = self.matrix
        assert isinstance(matrix, InMemory)
        if isinstance(matrix, SparseMatrix):
            return matrix.take_sparse(self.rows)
        found = np.empty((len(self), matrix.width), matrix.dtype)
        raw = np.empty((0, 0) if matrix.raw_dtype is None else found.shape, matrix.raw_dtype or matrix.dtype)
        matrix.take(self.rows, raw, found)
        return found
