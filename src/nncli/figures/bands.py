"""Numbers in a few bands, so that marks and planes can be told apart by them as by classes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.figures.figure import Floats, Points

BANDS = 5  # with as many rows each


@dataclass(frozen=True)
class Bands:
    """Bands of numbers between edges: up to the first one, up to the second one, and above the last one."""

    edges: Floats
    names: tuple[str, ...]

    @classmethod
    def of(cls, y: NDArray[Any]) -> Bands:
        """Return bands with about as many of the numbers y (n,) each; fewer where many are equal."""
        y = y.astype(np.float64)
        edges = np.unique(np.quantile(y, np.arange(1, BANDS) / BANDS, method="inverted_cdf"))
        edges = edges[edges < y.max()]
        if not len(edges):
            return cls(edges, (f"{y[0]:.6g}",))
        ends = list[str]()
        for figures in range(4, 18):  # as many as tell them apart
            ends = [f"{edge:.{figures}g}" for edge in edges.tolist()]
            if len({*ends}) == len(ends):
                break
        inner = (f"{low} to {high}" for low, high in itertools.pairwise(ends))
        return cls(edges, (f"up to {ends[0]}", *inner, f"above {ends[-1]}"))

    def places(self, numbers: Floats) -> NDArray[np.int64]:
        """Return the position of the band of each number."""
        return np.searchsorted(self.edges, numbers, side="left")

    def points(self, at: Floats, y: NDArray[Any]) -> tuple[Points, ...]:
        """Return points at places (n, 2), by the band of their numbers y (n,)."""
        places = self.places(y.astype(np.float64))
        shown = [k for k in range(len(self.names)) if np.any(places == k)]
        return tuple(Points(at[places == k, 0], at[places == k, 1], self.names[k]) for k in shown)
