"""Columns of numbers that heap up at one value, as money does at 0: bins that tell their other values apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.system.order_statistics import distinct_of

MOST_BINS, BINS_OF_ALL, FEWEST_BINS = 48, 512, 4  # of a column; of all that heap up, but each has a few


class Heap(NamedTuple):
    """A column whose lower and upper quartile are the same value, though others occur."""

    column: int  # among those of numbers
    edges: tuple[float, ...]  # of the bins, in ascending order


def heaps_of(sample: NDArray[Any], median: NDArray[np.float64], heaped: NDArray[np.bool_]) -> tuple[Heap, ...]:
    """Return the heaps among columns, from some of their values (n, columns), NaN where they are missing; `heaped`
    tells which of them have equal quartiles.

    The edges of the bins are the median and quantiles of all other values. A column with one other value has no bins.
    """
    places = np.flatnonzero(heaped).tolist()
    bins = max(FEWEST_BINS, min(MOST_BINS, BINS_OF_ALL // max(1, len(places))))
    found = []
    for place in places:
        column = sample[:, place].astype(np.float64)
        others = np.sort(column[(column != median[place]) & ~np.isnan(column)])
        if not len(others) or others[0] == others[-1]:
            continue
        quantiles = np.interp(np.linspace(0, len(others) - 1, bins), np.arange(len(others)), others)
        edges = distinct_of(np.append(quantiles, median[place]))
        found.append(Heap(place, tuple(edges.tolist())))
    return tuple(found)
