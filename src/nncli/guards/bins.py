"""Bins of about as many training values each, and counts of later values in them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.system.order_statistics import distinct_of

BINS = 10
EDGES = BINS - 1
FEW_ROWS = 256  # up to which all cells are compared at once; beyond, column by column is faster
MOST_AT_ONCE = 1 << 22  # comparisons
LANES, MOST_IN_LANE = 8, 255  # flags in a number of 64 bits, and what each of its bytes can count
WHOLE = 256  # values that a number of one byte can have

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def edges_of(values: NDArray[np.generic]) -> Floats:
    """Return the edges between bins of about as many of some sorted values each: at most 9, each the largest value of
    its bin. A value that fills a bin or more has one of its own, if there are others."""
    if not len(values):
        return np.zeros(0)
    n = len(values)
    edges = values[[-(-n * i // BINS) - 1 for i in range(1, BINS)]]
    again = edges[1:] == edges[:-1]
    if again.any():
        before = np.searchsorted(values, edges[1:][again]) - 1
        edges = distinct_of(np.concatenate([edges, values[before[before >= 0]]]))
    return edges[edges < values[-1]].astype(np.float64)


def padded(edges: Floats) -> Floats:
    """Return the edges of a column as a row of 9, NaN behind them."""
    return np.append(edges, np.full(EDGES - len(edges), np.nan))


def counts_of(values: NDArray[np.generic], edges: Floats) -> Floats:
    """Count some sorted values in each of the bins (10,) between the edges; the last ones are empty where there are
    fewer."""
    up_to = np.searchsorted(values, edges.astype(values.dtype), side="right")
    return counts_between(up_to, len(values))


def counts_between(up_to: NDArray[np.integer], known: int) -> Floats:
    """Return the counts in 10 bins, from how many values lie up to each edge, and how many there are."""
    ends = np.concatenate([[0], up_to, [known]])
    return np.append(np.diff(ends), np.zeros(EDGES - len(up_to))).astype(np.float64)


class Outside(NamedTuple):
    """Counts of the values of some rows in d columns: how many are known, and how many lie below and above the range of
    their column; with the lowest and highest of those outside of it."""

    known: Integers  # (d,)
    below: Integers
    above: Integers
    lowest: Floats
    highest: Floats


def count_outside(block: NDArray[Any], low: Floats, high: Floats) -> Outside:
    """Count the values of some rows (n, d) that lie outside of ranges; only columns with such values, or with missing
    ones, are looked at one by one."""
    n, d = block.shape
    low, high = as_of(low, block.dtype), as_of(high, block.dtype)
    found = Outside(
        np.full(d, n), np.zeros(d, np.int64), np.zeros(d, np.int64), np.full(d, np.inf), np.full(d, -np.inf)
    )
    if not n:
        return found
    least, most_of_all = _ends(block)
    for i in np.flatnonzero(~((least >= low) & (most_of_all <= high))):  # also where one is NaN
        column = block[:, i]
        column = column[column == column].astype(np.float64)
        below, above = column[column < low[i]], column[column > high[i]]
        found.known[i], found.below[i], found.above[i] = len(column), len(below), len(above)
        found.lowest[i], found.highest[i] = below.min(initial=np.inf), above.max(initial=-np.inf)
    return found


def as_of(ends: Floats, dtype: np.dtype[Any]) -> Floats:
    """Return the ends of ranges as numbers of a type: a value of that type is compared with what it could be."""
    if dtype == np.uint8:
        return ends
    most = np.finfo(dtype).max
    return np.clip(ends, -most, most).astype(dtype).astype(np.float64)


def _ends(block: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the lowest and highest value of each column, NaN where one is missing: of eight rows as one long row
    first, which is three times as fast."""
    n, d = block.shape
    whole = n - n % LANES
    if whole < FEW_ROWS or not block.flags.c_contiguous:
        return block.min(axis=0), block.max(axis=0)
    wide, rest = block[:whole].reshape(-1, LANES * d), block[whole - LANES :]
    least, most = (of(wide, axis=0).reshape(LANES, d) for of in (np.min, np.max))
    return np.concatenate([least, rest]).min(axis=0), np.concatenate([most, rest]).max(axis=0)


def count_up_to(block: NDArray[Any], edges: Floats) -> tuple[Integers, Integers]:
    """Return how many values of some rows (n, d) are known, (d,), and lie up to each edge, (d, 9), in each column."""
    n, d = block.shape
    if n <= FEW_ROWS and block.size * EDGES <= MOST_AT_ONCE:
        values = block.astype(np.float64)
        return np.count_nonzero(values == values, axis=0), np.count_nonzero(values[:, :, None] <= edges, axis=0)
    if block.dtype == np.uint8:
        return np.full(d, n), _bytes_up_to(block, edges)
    columns, its = np.ascontiguousarray(block.T), edges.astype(block.dtype)  # edges are values of that type
    flags = np.zeros((d, -(-n // (LANES * MOST_IN_LANE)) * LANES * MOST_IN_LANE), bool)
    up_to = np.zeros((d, EDGES), np.int64)
    for k in range(np.count_nonzero(edges == edges, axis=1).max(initial=0)):
        np.less_equal(columns, its[:, k, None], out=flags[:, :n])
        up_to[:, k] = _count_rows(flags)
    np.equal(columns, columns, out=flags[:, :n])
    return _count_rows(flags), up_to


def _count_rows(flags: NDArray[np.bool_]) -> Integers:
    """Count what is true in each row (d, any multiple of 8 · 255): eight flags are added at once, as the bytes of one
    number, and 255 of these before a byte could overflow. That is five times as fast as `np.count_nonzero`."""
    lanes = flags.view(np.uint64).reshape(len(flags), -1, MOST_IN_LANE).sum(axis=2)
    return lanes.view(np.uint8).reshape(len(flags), -1).sum(axis=1, dtype=np.int64)


def _bytes_up_to(block: NDArray[Any], edges: Floats) -> Integers:
    """Count whole numbers from 0 to 255 by their 256 values."""
    each = np.stack([np.bincount(column, minlength=WHOLE) for column in np.ascontiguousarray(block.T)])  # (d, 256)
    up_to = np.concatenate([np.zeros((len(each), 1), np.int64), each.cumsum(axis=1)], axis=1)
    place = np.where(np.isnan(edges), 0, np.clip(np.floor(np.nan_to_num(edges)), -1, WHOLE - 1) + 1).astype(np.int64)
    return np.take_along_axis(up_to, place, axis=1)
