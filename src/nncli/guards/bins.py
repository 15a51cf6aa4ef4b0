"""Bins of about as many training values each, and counts of later values in them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.system.order_statistics import distinct_of

BINS = 10
EDGES = BINS - 1
FEW_CELLS = 1 << 13  # of which all are compared with all edges at once
LANES, LEAST_ROWS, LONG = 8, 256, 512  # rows that are taken as one, from how many on, and up to which length
MOST_ROWS, FLAGS_AT_ONCE = 255, 1 << 18  # which a byte can count, and which stay in the cache
MANY = 8  # the part of the columns that are many
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
    ones, are looked at closely."""
    n, d = block.shape
    low, high = as_of(low, block.dtype), as_of(high, block.dtype)
    found = Outside(
        np.full(d, n), np.zeros(d, np.int64), np.zeros(d, np.int64), np.full(d, np.inf), np.full(d, -np.inf)
    )
    if not n:
        return found
    least, most_of_all = _ends(block)
    outside = np.flatnonzero(~((least >= low) & (most_of_all <= high)))  # also where one is NaN
    if not len(outside):
        return found
    i: Any = outside if MANY * len(outside) < d else slice(None)  # to pick columns takes longer than to look at them
    values, low, high = block[:, i], low[i][None], high[i][None]
    if block.dtype != np.uint8:
        found.known[i] = _count_below(values, np.full_like(high, np.inf), also=True)
        least[i], most_of_all[i] = np.fmin.reduce(values), np.fmax.reduce(values)  # of the known ones
    found.below[i], found.above[i] = _count_below(values, low), found.known[i] - _count_below(values, high, also=True)
    found.lowest[i] = np.where(found.below[i], least[i], np.inf)
    found.highest[i] = np.where(found.above[i], most_of_all[i], -np.inf)
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
    if whole < LEAST_ROWS or not block.flags.c_contiguous:
        return block.min(axis=0), block.max(axis=0)
    wide, rest = block[:whole].reshape(-1, LANES * d), block[whole - LANES :]
    least, most = (of(wide, axis=0).reshape(LANES, d) for of in (np.min, np.max))
    return np.concatenate([least, rest]).min(axis=0), np.concatenate([most, rest]).max(axis=0)


def count_up_to(block: NDArray[Any], edges: Floats) -> tuple[Integers, Integers]:
    """Return how many values of some rows (n, d) are known, (d,), and lie up to each edge, (d, 9), in each column."""
    d = block.shape[1]
    if block.size * EDGES <= FEW_CELLS:
        values = block.astype(np.float64)
        return np.count_nonzero(values == values, axis=0), np.count_nonzero(values[:, :, None] <= edges, axis=0)
    its = edges.T[(edges == edges).any(axis=0)]
    *up_to, known = _count_below(np.ascontiguousarray(block), np.vstack([its, np.full(d, np.inf)]), also=True)
    return known, np.array([*up_to, *np.zeros((EDGES - len(its), d), np.int64)]).T


def _count_below(values: NDArray[Any], ends: Floats, also: bool = False) -> Integers:
    """Count the values (n, d) that lie below ends (k, d) of their columns, or `also` those that are equal: (k, d). None
    lies below a NaN, and all that are known up to infinity. Flags are added as bytes, of so few rows that none
    overflows: many times as fast as `np.count_nonzero`."""
    (n, d), k, compare = values.shape, len(ends), np.less_equal if also else np.less
    first = ends  # the least number that is not counted, of bytes
    if values.dtype == np.uint8:
        first, compare = np.nan_to_num(np.floor(ends) + 1 if also else np.ceil(ends)), np.less
    its = np.clip(first, 0, WHOLE - 1).astype(np.uint8) if values.dtype == np.uint8 else ends.astype(values.dtype)
    lanes = LANES if n >= LEAST_ROWS and d <= LONG else 1
    whole, counts = n - n % lanes, np.zeros((k, d), np.int64)
    for part, many in ((values[:whole], lanes), (values[whole:], 1)):
        wide, all_ends = part.reshape(-1, 1, many * d), np.tile(its, many)
        at_once = min(MOST_ROWS, FLAGS_AT_ONCE // all_ends.size + 1)
        for row in range(0, len(wide), at_once):
            flags = compare(wide[row : row + at_once], all_ends).view(np.uint8)
            counts += flags.sum(axis=0, dtype=np.uint8).reshape(k, many, d).sum(axis=1, dtype=np.int64)
    return np.where(first < WHOLE, counts, n) if values.dtype == np.uint8 else counts
