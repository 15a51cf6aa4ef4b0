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


class CellCounts(NamedTuple):
    """What some rows have in each of d columns: how many of its values are known, lie up to each edge, below and above
    a range, and the lowest and highest of those outside of it."""

    known: Integers  # (d,)
    up_to: Integers  # (d, 9)
    below: Integers
    above: Integers
    lowest: Floats
    highest: Floats


def count_cells(block: NDArray[Any], edges: Floats, low: Floats, high: Floats) -> CellCounts:
    """Count the cells of some rows (n, d)."""
    n, d = block.shape
    if block.dtype != np.uint8:  # edges are values of that type; the ends of a range are rounded to it
        most = np.finfo(block.dtype).max
        low, high = (np.clip(ends, -most, most).astype(block.dtype).astype(np.float64) for ends in (low, high))
    if n <= FEW_ROWS and block.size * EDGES <= MOST_AT_ONCE:
        return _few(block.astype(np.float64), edges, low, high)
    if block.dtype == np.uint8:
        return _bytes(block, edges, low, high)
    columns = np.ascontiguousarray(block.T)
    first, last, its = (ends.astype(block.dtype) for ends in (low, high, edges))
    flags = np.zeros((d, -(-n // (LANES * MOST_IN_LANE)) * LANES * MOST_IN_LANE), bool)
    used = np.count_nonzero(edges == edges, axis=1).max(initial=0)
    up_to = np.zeros((d, EDGES), np.int64)
    for k in range(used):
        np.less_equal(columns, its[:, k, None], out=flags[:, :n])
        up_to[:, k] = _count_rows(flags)
    np.not_equal(columns, columns, out=flags[:, :n])
    known = n - _count_rows(flags)
    np.less(columns, first[:, None], out=flags[:, :n])
    below = _count_rows(flags)
    np.greater(columns, last[:, None], out=flags[:, :n])
    above = _count_rows(flags)
    lowest, highest = np.full(d, np.inf), np.full(d, -np.inf)
    for i in np.flatnonzero(below):
        lowest[i] = np.fmin.reduce(columns[i])
    for i in np.flatnonzero(above):
        highest[i] = np.fmax.reduce(columns[i])
    return CellCounts(known, up_to, below, above, lowest, highest)


def _count_rows(flags: NDArray[np.bool_]) -> Integers:
    """Count what is true in each row (d, any multiple of 8 · 255): eight flags are added at once, as the bytes of one
    number, and 255 of these before a byte could overflow. That is five times as fast as `np.count_nonzero`."""
    lanes = flags.view(np.uint64).reshape(len(flags), -1, MOST_IN_LANE).sum(axis=2)
    return lanes.view(np.uint8).reshape(len(flags), -1).sum(axis=1, dtype=np.int64)


def _few(block: Floats, edges: Floats, low: Floats, high: Floats) -> CellCounts:
    is_below, is_above = block < low, block > high
    return CellCounts(
        np.count_nonzero(block == block, axis=0),
        np.count_nonzero(block[:, :, None] <= edges, axis=0),
        np.count_nonzero(is_below, axis=0),
        np.count_nonzero(is_above, axis=0),
        np.where(is_below, block, np.inf).min(axis=0, initial=np.inf),
        np.where(is_above, block, -np.inf).max(axis=0, initial=-np.inf),
    )


def _bytes(block: NDArray[np.generic], edges: Floats, low: Floats, high: Floats) -> CellCounts:
    """Count whole numbers from 0 to 255 by their 256 values."""
    columns = np.ascontiguousarray(block.T)
    each = np.stack([np.bincount(column, minlength=WHOLE) for column in columns])  # (d, 256)
    values, up_to = np.arange(WHOLE), np.concatenate([np.zeros((len(each), 1), np.int64), each.cumsum(axis=1)], axis=1)
    place = np.where(np.isnan(edges), 0, np.clip(np.floor(np.nan_to_num(edges)), -1, WHOLE - 1) + 1).astype(np.int64)
    outside_low, outside_high = values < low[:, None], values > high[:, None]
    there = each > 0
    return CellCounts(
        np.full(len(each), len(block)),
        np.take_along_axis(up_to, place, axis=1),
        np.where(outside_low, each, 0).sum(axis=1),
        np.where(outside_high, each, 0).sum(axis=1),
        np.where(there & outside_low, values, np.inf).min(axis=1),
        np.where(there & outside_high, values, -np.inf).max(axis=1),
    )
