"""Statistics of columns of numbers, from which their scaling follows: worked out block by block, so that an array may
be in memory or on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions
from nncli.data.heaps import Heap, heaps_of
from nncli.data.input_scale import LARGEST, to_inputs
from nncli.system.order_statistics import in_order, medians_of, quantiles_of

LEAST_PIXELS = 64  # of a picture that is a row of numbers, 8 x 8: fewer whole numbers are rather counts and grades
AUTO_ROBUST = "auto-robust"  # as auto, but robust in place of standard
SMALLEST_RANGE = 1e-30  # a column that varies by less is constant: its scale would not fit float32
MOST = float(np.finfo(np.float64).max)
ROWS_AT_ONCE, CELLS_AT_ONCE = 8192, 1 << 20  # what statistics and scaling work on at a time
BYTES_AT_ONCE = 1 << 18  # of pixels, which stay in the cache also as float32
MEDIAN_ROWS = 5_000  # the median and the quartiles are those of at most so many evenly spaced training rows

Vector = NDArray[np.float64]


class ColumnStatistics(NamedTuple):
    """The statistics of the training rows of some columns of numbers."""

    median: Vector
    low: Vector
    high: Vector
    shift: Vector
    spread: Vector
    scaling: str
    mean_input: Vector  # of the inputs that the columns become
    missing: Vector  # how many cells
    heaps: tuple[Heap, ...] = ()  # where the scaling is robust

    @classmethod
    def of(cls, numbers: Any, rows: Positions, scale: str) -> ColumnStatistics:
        """Fit to the training rows of `numbers`, an array in memory or on the disk."""
        median, between = _median_and_quartiles(numbers, rows, with_quartiles="robust" in scale)
        low, high, missing, mean = _range_and_mean(numbers, rows, median)
        if scale in ("auto", AUTO_ROBUST):
            usual = "robust" if scale == AUTO_ROBUST else "standard"
            scale = "pixels" if _are_pixels(numbers, rows, low, high) else usual
        shift, spread = np.zeros_like(high), np.ones_like(high)
        largest = np.maximum(np.abs(low), np.abs(high))
        if scale == "standard":
            shift, spread = _mean_and_deviation(numbers, rows, median, largest)
            mean = shift
        elif scale == "robust":
            half = high / 2 - low / 2  # which does not overflow
            heaped = (between < SMALLEST_RANGE) & (high - low >= SMALLEST_RANGE)
            shift, spread = median, np.where(between < SMALLEST_RANGE, half, np.minimum(between, MOST))
        elif scale == "minmax":
            shift, spread = low, np.maximum(high - low, SMALLEST_RANGE)
        elif scale == "max-abs":
            spread = np.maximum(largest, SMALLEST_RANGE)
        elif scale == "pixels":
            spread *= max(high.max(), 1)
        found = cls(median, low, high, shift, spread, scale, np.zeros_like(high), missing)
        if scale == "robust":
            heaps = heaps_of(numbers[evenly(rows)], median, heaped) if heaped.any() else ()
            return found._replace(mean_input=_mean_clipped(numbers, rows, found), heaps=heaps)
        if mean is None:
            mean, _ = _mean_and_deviation(numbers, rows, median, largest)
        return found._replace(mean_input=np.clip((mean - shift) * found.factor, -LARGEST, LARGEST))

    @property
    def largest(self) -> Vector:
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def constant(self) -> NDArray[np.bool_]:
        return np.asarray(self.high - self.low < SMALLEST_RANGE)

    @property
    def factor(self) -> Vector:
        """Return 1 / spread. A pixel that is always 0 has weights of 0, as `dead` says; so all pixels can share one."""
        return np.where(self.constant & ((self.scaling != "pixels") | (self.high > 0)), 0.0, 1 / self.spread)


def is_coarse(largest: Any, spread: Any) -> Any:
    """Tell whether numbers up to that size, of that standard deviation, differ by little more than float32 can tell."""
    return largest * np.finfo(np.float32).eps > 1e-3 * spread


def blocks_of(numbers: Any, rows: Positions, median: Vector | None = None, at_once: int = ROWS_AT_ONCE) -> Any:
    """Yield the rows, some thousands at a time; with a median, as float64 with missing numbers filled in."""
    if median is not None:
        at_once = min(at_once, rows_at_once(len(median)))  # of a wide table they are large
    for start in range(0, len(rows), at_once):
        block = numbers[rows[start : start + at_once]]
        if median is not None:
            block = filled(block.astype(np.float64), median)
        yield block


def filled(block: NDArray[Any], median: NDArray[Any]) -> NDArray[Any]:
    """Put the median of its column in the place of each missing number."""
    missing = np.isnan(block)
    return np.where(missing, median, block) if missing.any() else block


def _median_and_quartiles(numbers: Any, rows: Positions, with_quartiles: bool) -> tuple[Vector, Vector]:
    """Return the median of the numbers of each column that are not missing, 0 where all are; and how far it is from the
    lower quartile to the upper one, 0 without quartiles."""
    median, between = np.zeros((2, numbers.shape[1]))
    place = 0
    for columns in some_columns(numbers, evenly(rows)):
        for at, ordered in in_order(columns):
            if ordered.shape[1]:
                median[place + at] = medians_of(ordered)
            if ordered.shape[1] and with_quartiles:
                between[place + at] = quantiles_of(ordered, 0.75) - quantiles_of(ordered, 0.25)
        place += len(columns)
    return median, between


def some_columns(numbers: Any, rows: Positions) -> Iterator[NDArray[Any]]:
    """Yield some columns of the rows at a time, each a row here, (some, rows)."""
    d, n = numbers.shape[1], len(rows)
    at_once = max(1, 4 * CELLS_AT_ONCE // max(1, n))
    for start in range(0, d, at_once):
        part = slice(start, start + at_once)
        if isinstance(numbers, np.ndarray):
            yield np.ascontiguousarray(numbers[rows, part].T)
            continue
        found = np.empty((len(range(d)[part]), n), numbers.dtype)
        for at in range(0, n, rows_at_once(d)):  # a row on the disk is read with all its columns
            some = slice(at, at + rows_at_once(d))
            found[:, some] = numbers[rows[some]][:, part].T
        yield found


def evenly(rows: Positions) -> Positions:
    """Return at most `MEDIAN_ROWS` of the rows, evenly spaced."""
    return rows[:: -(-len(rows) // MEDIAN_ROWS)]


def _range_and_mean(numbers: Any, rows: Positions, median: Vector) -> tuple[Vector, Vector, Vector, Vector | None]:
    """Return the lowest and the highest number of each column (the median if all are missing), how many are missing,
    and of bytes the mean, which comes with them at little cost: what is taken together stays in the cache."""
    columns, small = numbers.shape[1], numbers.dtype == np.uint8
    low, total, missing = np.full(columns, np.inf), np.zeros(columns), np.zeros(columns)
    high = -low
    at_once = max(1, min(ROWS_AT_ONCE, BYTES_AT_ONCE // max(1, columns))) if small else rows_at_once(columns)
    for block in blocks_of(numbers, rows, at_once=at_once):
        if small:
            total += np.ones(len(block), np.float32) @ block.astype(np.float32)  # of whole numbers, exact
        else:
            absent = np.isnan(block)
            if absent.any():
                missing += np.count_nonzero(absent, axis=0)
                block = np.where(absent, median, block.astype(np.float64))
        np.minimum(low, block.min(axis=0), out=low)
        np.maximum(high, block.max(axis=0), out=high)
    return low, high, missing, total / len(rows) if small else None


def _mean_clipped(numbers: Any, rows: Positions, found: ColumnStatistics) -> Vector:
    """Return the mean of the inputs of robust scaling: that of the values does not tell it."""
    total: Vector = np.zeros_like(found.shift)
    for block in blocks_of(numbers, rows, found.median):
        total += to_inputs(block, found.shift, found.factor, True, np.empty_like(block)).sum(axis=0)
    return total / len(rows)


def rows_at_once(columns: int) -> int:
    """Return how many rows of so many columns are looked at at a time."""
    return max(1, min(ROWS_AT_ONCE, CELLS_AT_ONCE // max(1, columns)))


def _mean_and_deviation(numbers: Any, rows: Positions, median: Vector, largest: Vector) -> tuple[Vector, Vector]:
    """Over blocks of rows, merged by the formula of Chan, Golub and LeVeque (1979).

    Worked out in units of about the largest absolute value, as its square might not fit; they are
    powers of two, so that nothing is rounded.
    """
    unit = np.ldexp(1.0, np.frexp(largest)[1] - 1)
    n, mean, squares = 0, np.zeros(numbers.shape[1]), np.zeros(numbers.shape[1])
    for block in blocks_of(numbers, rows, median):
        block = block / unit
        m, block_mean = len(block), block.mean(axis=0)
        difference = block_mean - mean
        squares += ((block - block_mean) ** 2).sum(axis=0) + difference**2 * (n * m / (n + m))
        mean += difference * (m / (n + m))
        n += m
    return mean * unit, np.sqrt(squares / n) * unit


def _are_pixels(numbers: Any, rows: Positions, low: Vector, high: Vector) -> bool:
    """Whole numbers from 0 to 255 that look like a picture: most columns reach half of the common maximum."""
    if len(high) < LEAST_PIXELS or low.min() < 0 or high.max() > 255 or np.mean(high >= high.max() / 2) <= 0.5:
        return False
    if numbers.dtype == np.uint8:
        return True
    blocks = blocks_of(numbers, rows, at_once=rows_at_once(len(high)))
    return all(bool((block == np.trunc(block)).all()) for block in blocks)  # a missing one is not
