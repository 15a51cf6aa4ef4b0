"""The layer that tells numbers apart in bins: a piecewise linear encoding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.nn.autodiff.graph import Graph
from nncli.nn.input_layers import InputKinds
from nncli.nn.layers import Array, Layer

NARROWEST = 1e-4  # a bin, in units of the inputs: a narrower one would turn the rounding of x into another answer


class BinnedNumbers(Layer):
    """a = max(0, min(1, (x − e_k) / (e_k+1 − e_k))) for each bin k of some numbers x, behind all numbers themselves
    (piecewise linear encoding: Gorishniy, Rubachev, Babenko 2022). All other inputs pass as they are.

    It has no parameters: the edges e of the bins are known before training.
    """

    def __init__(self, inputs: InputKinds) -> None:
        self.m = inputs.numbers
        low, width, number = list[float](), list[float](), list[int]()
        for place, edges in inputs.bins:
            kept = [edges[0]]
            kept += [edge for edge in edges[1:] if edge - kept[-1] >= NARROWEST]
            low += kept[:-1]
            width += np.diff(kept).tolist()
            number += [place] * (len(kept) - 1)
        self.number = np.array(number, np.int64)  # (B,): which number each bin is of
        self.low, self.width_of = np.array(low), np.array(width)

    def width(self, d: int) -> int:
        return d + len(self.low)

    def take(self, other: Layer, before: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return of each output which one it was where input i was the input before[i]; the bins are the same."""
        m, more = self.m, len(self.low)
        return np.concatenate([np.arange(m + more), before[m:] + more])

    def forget(self, dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.concatenate([dead[: self.m], np.zeros(len(self.low), np.bool_), dead[self.m :]])

    def forward(self, X: Array, A: Array) -> None:
        m, stop = self.m, self.m + len(self.low)
        A[:, :m], A[:, stop:] = X[:, :m], X[:, m:]
        np.clip(self._places(X), 0, 1, out=A[:, m:stop])  #                                   (n, B)

    def backward(self, dA: Array, X: Array, A: Array, dX: Array) -> None:
        m, stop = self.m, self.m + len(self.low)
        dX[:, :m], dX[:, m:] = dA[:, :m], dA[:, stop:]
        T = self._places(X)
        dT = np.where((T > 0) & (T < 1), dA[:, m:stop] / self.width_of.astype(X.dtype), 0)
        for place in np.unique(self.number).tolist():
            dX[:, place] += dT[:, self.number == place].sum(axis=1)  # dx = Σ_k da_k / (e_k+1 − e_k) within the bin

    def unroll(self, graph: Graph, x: Sequence[int], parameters: object) -> list[int]:
        one, bins = graph.number(1), []
        for place, low, width in zip(self.number.tolist(), self.low.tolist(), self.width_of.tolist(), strict=True):
            t = graph.apply("divide", graph.apply("add", x[place], graph.number(-low)), graph.number(width))
            left = graph.apply("add", one, graph.apply("negative", graph.apply("relu", t)))
            bins.append(graph.apply("add", one, graph.apply("negative", graph.apply("relu", left))))
        return [*x[: self.m], *bins, *x[self.m :]]

    def _places(self, X: Array) -> Array:
        """Return how far along each bin the numbers are: 0 at its lower edge, 1 at its upper one (n, B)."""
        T: Array = X[:, self.number] - self.low.astype(X.dtype)
        T /= self.width_of.astype(X.dtype)
        return T
