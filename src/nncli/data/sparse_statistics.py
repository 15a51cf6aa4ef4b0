"""Statistics and scaling of numbers that are stored sparse: no scaling shifts them, so that zeros stay zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.data.column_statistics import (
    AUTO_ROBUST,
    SMALLEST_RANGE,
    ColumnStatistics,
    Vector,
    evenly,
)
from nncli.data.dataset import Positions
from nncli.data.input_scale import LARGEST
from nncli.data.sparse_numbers import SparseNumbers, is_sparse
from nncli.errors import OptionError
from nncli.system.order_statistics import medians_of

UNIT = 0.01  # that the length of a row may differ from 1 by, as it was written in few figures
COLUMNS_AT_ONCE = 256  # of those that are mostly not 0


def statistics_of(numbers: Any, rows: Positions, scale: str) -> ColumnStatistics:
    """Return the statistics of the training rows of `numbers`, an array in memory or on the disk, or stored sparse."""
    if is_sparse(numbers):
        return sparse_statistics(numbers, rows, scale)
    return ColumnStatistics.of(numbers, rows, scale)


def sparse_statistics(numbers: SparseNumbers, rows: Positions, scale: str) -> ColumnStatistics:
    """Return the statistics of the training rows, as `ColumnStatistics.of` does of the same numbers with all zeros.

    Where the choice is left to the program, rows of unit length stay as they are, and else each column is divided by
    its largest absolute value. `standard` divides by the standard deviation. Raises OptionError for other scalings,
    whose zeros would be none.
    """
    if scale in ("robust", "minmax"):
        problem = f"{scale} would move the zeros, and these numbers are stored sparse, without them"
        raise OptionError("scale", problem, "Leave it out, or use standard, which only divides here, or none")
    n, d = len(rows), numbers.shape[1]
    low, high = np.full(d, np.inf), np.full(d, -np.inf)
    total, stored, are_unit = np.zeros(d), np.zeros(d, np.int64), True
    for block in numbers.blocks(rows):
        data, columns = block.data.astype(np.float64), block.indices
        np.minimum.at(low, columns, data)
        np.maximum.at(high, columns, data)
        total += np.bincount(columns, data, d)
        stored += np.bincount(columns, minlength=d)
        are_unit = are_unit and _are_unit(block, data)
    has_zeros = stored < n
    low[has_zeros], high[has_zeros] = np.minimum(low[has_zeros], 0), np.maximum(high[has_zeros], 0)
    mean, spread, missing = total / n, np.ones(d), np.zeros(d)
    if scale in ("auto", AUTO_ROBUST):
        scale = "none" if are_unit else "max-abs"
    if scale == "max-abs":
        spread = np.maximum(np.maximum(np.abs(low), np.abs(high)), SMALLEST_RANGE)
    elif scale == "standard":
        spread = numbers.deviation(rows)
    found = ColumnStatistics(_median(numbers, evenly(rows)), low, high, np.zeros(d), spread, scale, mean, missing)
    return found._replace(mean_input=np.clip(mean * found.factor, -LARGEST, LARGEST))


def _are_unit(block: Any, data: Vector) -> bool:
    """Tell whether all rows with a number are of length 1."""
    rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    squares = np.bincount(rows, data * data, block.shape[0])
    return bool((np.abs(np.sqrt(squares[squares > 0]) - 1) <= UNIT).all())


def _median(numbers: SparseNumbers, rows: Positions) -> Vector:
    """Return the median of each column: 0, unless half of its numbers lie above 0, or below."""
    some, m, d = numbers.take(rows).csr, len(rows), numbers.shape[1]
    median, above = np.zeros(d), np.bincount(some.indices[some.data > 0], minlength=d)
    below = np.bincount(some.indices, minlength=d) - above
    places = np.flatnonzero(2 * np.maximum(above, below) >= m)
    for start in range(0, len(places), COLUMNS_AT_ONCE):
        at = places[start : start + COLUMNS_AT_ONCE]
        median[at] = medians_of(np.sort(SparseNumbers(some).columns(at), axis=0).T)
    return median


def sparse_ranges(numbers: SparseNumbers) -> list[tuple[int, int, float, float]]:
    """Return of each column how many numbers are missing (none), how many are distinct, the lowest and the highest."""
    by_column = numbers.csr.tocsc()
    columns = np.repeat(np.arange(numbers.shape[1]), np.diff(by_column.indptr))
    order = np.lexsort((by_column.data, columns))
    columns, data = columns[order], by_column.data[order]
    is_new = np.ones(len(data), np.bool_)
    is_new[1:] = (columns[1:] != columns[:-1]) | (data[1:] != data[:-1])
    d, stored = numbers.shape[1], np.diff(by_column.indptr)
    low, high = np.zeros(d), np.zeros(d)
    there, has_zeros = stored > 0, stored < len(numbers)
    low[there], high[there] = data[by_column.indptr[:-1][there]], data[by_column.indptr[1:][there] - 1]
    low[has_zeros], high[has_zeros] = np.minimum(low[has_zeros], 0), np.maximum(high[has_zeros], 0)
    distinct = np.bincount(columns[is_new], minlength=d) + has_zeros
    return [*zip([0] * d, distinct.tolist(), low.tolist(), high.tolist(), strict=True)]
