"""Embeddings: several learned inputs in place of a number or a category. To add one, write one class here."""

from __future__ import annotations

import copy
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.autodiff.graph import Graph
from nncli.nn.bins import BinnedNumbers
from nncli.nn.buffers import zeros
from nncli.nn.components import Configurable, positive, setting
from nncli.nn.input_layers import InputKinds, InputLayer
from nncli.nn.layers import Array, Layer
from nncli.registry import Registry

FEW_CATEGORIES = 12  # of a column: with these or fewer, its inputs of 0 and 1 stay as they are


class CategoryEmbedding(InputLayer):
    """a = e_c for each column of text with more than 12 categories: a vector e of `size` numbers for the category c of
    the row, which is learned (Guo and Berkhahn 2016). All other inputs pass as they are.

    `E` has the vectors of all these columns, one below the other; they start from a normal distribution of variance
    1 / size.
    """

    kinds: ClassVar[Mapping[str, str]] = {"E": "embedding"}

    def __init__(self, size: int, inputs: InputKinds) -> None:
        self.size, self.inputs = size, inputs
        ends = np.cumsum([inputs.numbers, *inputs.categories]).tolist()
        self.columns: list[tuple[slice, slice, slice | None]] = [(slice(0, ends[0]), slice(0, ends[0]), None)]
        out, rows = ends[0], 0  # input columns → output columns, and the rows of E, where there are any
        for start, stop in itertools.pairwise(ends):
            n = stop - start
            of = slice(rows, rows + n) if n - 1 > FEW_CATEGORIES else None  # one input is of any other value
            width = n if of is None else size
            self.columns.append((slice(start, stop), slice(out, out + width), of))
            out, rows = out + width, rows if of is None else rows + n
        self._width, self._rows = out, rows

    def width(self, d: int) -> int:
        return self._width

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"E": (self._rows, self.size)}

    def bind(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.E, self.dE = parameters["E"], gradients["E"]

    def draw(self, rng: np.random.Generator) -> None:
        self.E[...] = rng.normal(0, 1 / math.sqrt(self.size), self.E.shape)

    def take(self, other: Layer, before: NDArray[np.int64]) -> NDArray[np.int64]:
        assert isinstance(other, CategoryEmbedding)
        found = np.empty(self._width, np.int64)
        for (here, there, rows), (old_here, old_there, old_rows) in zip(self.columns, other.columns, strict=True):
            category = before[here] - old_here.start
            if rows is None and old_rows is None:
                found[there] = old_there.start + category
            elif rows is not None and old_rows is not None:
                self.E[rows] = other.E[old_rows][category]
                found[there] = np.arange(old_there.start, old_there.stop)
            else:
                raise ValueError(f"a column of text has more than {FEW_CATEGORIES} categories now, which need vectors")
        return found

    def forget(self, dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found = np.zeros(self._width, np.bool_)
        for here, there, rows in self.columns:
            if rows is None:
                found[there] = dead[here]
            else:
                self.E[rows][dead[here]] = 0
        return found

    def forward(self, X: Array, A: Array) -> None:
        for here, there, rows in self.columns:
            if rows is None:
                A[:, there] = X[:, here]
            else:
                np.matmul(X[:, here], self.E[rows], out=A[:, there])  # e_c, as X has 1 at c          (n, size)

    def backward(self, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        for here, there, rows in self.columns:
            if rows is not None:
                np.matmul(X[:, here].T, dA[:, there], out=self.dE[rows])  # dE = Xᵀ dA                (c, size)
            if dX is not None:
                dX[:, here] = dA[:, there] if rows is None else dA[:, there] @ self.E[rows].T

    def unroll(self, graph: Graph, x: Sequence[int], parameters: Mapping[str, NDArray[np.int64]]) -> list[int]:
        found: list[int] = []
        for here, _, rows in self.columns:
            of = x[here]
            if rows is None:
                found += of
                continue
            E = parameters["E"][rows].tolist()
            for k in range(self.size):
                found.append(graph.sum([graph.apply("multiply", one, e[k]) for one, e in zip(of, E, strict=True)]))
        return found


class NumberEmbedding(Configurable, ABC):
    """A way to make several inputs of each number of a row, the same for all, with parameters of its own."""

    name: ClassVar[str]

    @abstractmethod
    def layers(self, inputs: InputKinds) -> list[Layer]:
        """Return the layers that do so, which let all other inputs pass; none where they would change nothing."""


EMBEDDINGS: Registry[NumberEmbedding] = Registry("number_embedding")


@EMBEDDINGS.register("none")
class NoEmbedding(NumberEmbedding):
    """a = x"""

    def layers(self, inputs: InputKinds) -> list[Layer]:
        return []


@EMBEDDINGS.register("pbld")
@dataclass(eq=False)
class PeriodicEmbedding(NumberEmbedding):
    """a = (x, cos(2π w x + b) V + c), with frequencies w and phases b (Holzmüller, Grinsztajn, Steinwart 2024)

    Each number has `frequencies` of them, and comes to `size` numbers, one of which is x itself. `sd` is the standard
    deviation of the first frequencies. In every second member of an ensemble they grow from `sd` to `top`, so that some
    members begin with smooth borders, and some with what fine ones are made of. Numbers that heap up at one value have
    bins beside that: see `bins.py`.
    """

    frequencies: int = setting(16, "a number of frequencies from 1 to 1,000", lambda value: 1 <= value <= 1000)
    size: int = setting(4, "a number of inputs from 2 to 1,000", lambda value: 2 <= value <= 1000)
    sd: float = positive(0.1)
    top: float = positive(1.0)

    def layers(self, inputs: InputKinds) -> list[Layer]:
        if not inputs.numbers:
            return []
        bins = [BinnedNumbers(inputs)] if inputs.bins else []
        return [*bins, PeriodicLayer(inputs.numbers, self.frequencies, self.size, self.sd, self.top)]


class PeriodicLayer(InputLayer):
    """a = (x, cos(2π w x + b) V + c) for each of the first m inputs; all others pass as they are.

    The k frequencies w start from normal distributions whose standard deviations s_1, …, s_k grow from `sd` to
    `highest` by the same factor each; b from −π to π, V from ±(s_1 / s_i) / √k, so that waves are small where they are
    short, and c from 0. `highest` is `sd`, but `top` in every second member of an ensemble.
    """

    kinds: ClassVar[Mapping[str, str]] = dict.fromkeys(("frequency", "phase", "V", "c"), "embedding")

    def __init__(self, m: int, frequencies: int, size: int, sd: float, top: float) -> None:
        self.m, self.frequencies, self.size = m, frequencies, size
        self.sd, self.top, self.highest = sd, top, sd
        self._room: list[Array] = []  # rows last, as loops over many numbers are quick

    def __copy__(self) -> PeriodicLayer:
        """Return a layer with the same parameters, and with room of its own."""
        made = object.__new__(type(self))
        made.__dict__ |= self.__dict__ | {"_room": []}
        return made

    def of_member(self, i: int) -> Layer:
        made = copy.copy(self)
        made.highest = self.top if i % 2 else self.sd
        return made

    def _taken(self, n: int, dtype: np.dtype[np.floating]) -> list[Array]:
        """Return three rooms (m, k, n) and one (m, size, n), for n rows."""
        rows = [self.m * self.frequencies] * 3 + [self.m * self.size]
        if not self._room or len(self._room[0]) < rows[0] * n or self._room[0].dtype != dtype:
            self._room = [zeros(one * n, dtype) for one in rows]
        return [room[: one * n].reshape(self.m, -1, n) for room, one in zip(self._room, rows, strict=True)]

    def width(self, d: int) -> int:
        return d + (self.size - 1) * self.m

    def numbers(self, d: int) -> int:
        return self.width(d) + self.m * (3 * self.frequencies + self.size)

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        m, k, e = self.m, self.frequencies, self.size - 1
        return {"frequency": (m, k), "phase": (m, k), "V": (m, k, e), "c": (m, e)}

    def bind(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.w, self.b, self.V, self.c = (parameters[name] for name in ("frequency", "phase", "V", "c"))
        self.dw, self.db, self.dV, self.dc = (gradients[name] for name in ("frequency", "phase", "V", "c"))

    def draw(self, rng: np.random.Generator) -> None:
        ratios = np.geomspace(1, self.highest / self.sd, self.frequencies)  # s_i / s_1
        self.w[...] = rng.normal(0, self.sd, self.w.shape) * ratios
        self.b[...] = rng.uniform(-math.pi, math.pi, self.b.shape)
        limit = 1 / math.sqrt(self.frequencies)
        self.V[...] = rng.uniform(-limit, limit, self.V.shape) / ratios[:, None]
        self.c[...] = 0

    def take(self, other: Layer, before: NDArray[np.int64]) -> NDArray[np.int64]:
        assert isinstance(other, PeriodicLayer)
        for own, its in zip((self.w, self.b, self.V, self.c), (other.w, other.b, other.V, other.c), strict=True):
            own[...] = its
        m, more = self.m, (self.size - 1) * self.m
        return np.concatenate([np.arange(m + more), before[m:] + more])

    def forget(self, dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found = np.zeros(self.width(len(dead)), np.bool_)
        of_numbers = found[: self.size * self.m].reshape(self.m, self.size)
        of_numbers[:, 0] = dead[: self.m]
        found[self.size * self.m :] = dead[self.m :]
        return found

    def forward(self, X: Array, A: Array) -> None:
        self.kernels.periodic(X, (self.w, self.b, self.V, self.c), self._taken(len(X), X.dtype), A)
        A[:, self.m * self.size :] = X[:, self.m :]

    def backward(self, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        m, rooms = self.m, self._taken(len(X), X.dtype)
        parameters, gradients = (self.w, self.b, self.V, self.c), (self.dw, self.db, self.dV, self.dc)
        self.kernels.periodic_backward(dA, parameters, rooms, gradients)
        if dX is not None:
            dX[:, :m] = dA[:, : m * self.size : self.size]
            dX[:, :m] -= (2 * math.pi) * np.matmul(self.w[:, None, :], rooms[2])[:, 0].T  # + 2π Σ_k w_k dt_k
            dX[:, m:] = dA[:, m * self.size :]

    def unroll(self, graph: Graph, x: Sequence[int], parameters: Mapping[str, NDArray[np.int64]]) -> list[int]:
        found: list[int] = []
        w, b, V, c = (parameters[name].tolist() for name in ("frequency", "phase", "V", "c"))
        turn = graph.number(2 * math.pi)
        for j in range(self.m):
            cosines = []
            for k in range(self.frequencies):
                turns = graph.apply("multiply", turn, graph.apply("multiply", w[j][k], x[j]))
                cosines.append(graph.apply("cos", graph.apply("add", turns, b[j][k])))
            found.append(x[j])
            for e in range(self.size - 1):
                products = [graph.apply("multiply", cosine, V[j][k][e]) for k, cosine in enumerate(cosines)]
                found.append(graph.apply("add", graph.sum(products), c[j][e]))
        return [*found, *x[self.m :]]
