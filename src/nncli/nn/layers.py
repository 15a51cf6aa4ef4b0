"""Layers: X → Z. Each `backward` stands directly below its `forward`."""

from __future__ import annotations

import copy
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.components import Configurable
from nncli.nn.kernels.plain import CHANCES, NUMPY, Kernels, Marks
from nncli.nn.sparse_rows import is_sparse, with_values

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from nncli.nn.autodiff.graph import Graph

Array = NDArray[Any]  # float32 or float64, as the network's dtype says


class Layer(ABC):
    """One step of a network, A = f(X). Its parameters and their gradients are views into θ and g.

    `kinds` says of each parameter what it is, one of `BLOCK_KINDS`. A layer that is `in_place` needs no X once it has
    A, so that A may lie where X does, and dX where dA does.
    """

    name: ClassVar[str]
    kinds: ClassVar[Mapping[str, str]] = {}
    in_place: ClassVar[bool] = False
    takes_sparse_rows: ClassVar[bool] = False  # as X
    passed = 0  # of its inputs, the first ones, which are outputs as they are
    kernels: Kernels = NUMPY  # that do its work, where it leaves that to some

    def width(self, d: int) -> int:
        """Return the number of outputs of a row of d inputs."""
        return d

    def numbers(self, d: int) -> int:
        """Return how many numbers a row of d inputs comes to in a layer with parameters, its outputs among them."""
        return self.width(d) if self.kinds else 0

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        """Return the parameters of the layer for d inputs: name → shape."""
        return {}

    def bind(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        """Take the views into θ and g that are the layer's parameters and their gradients."""

    def of_member(self, i: int) -> Layer:
        """Return a copy of the layer for the i-th member of an ensemble, from 0."""
        return copy.copy(self)

    def reset(self) -> None:
        """Set the parameters that are not drawn at random to what they start from."""

    def forget(self, dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Set the parameters that only inputs (d,) which are always 0 would use to 0; return which outputs are always 0
        then."""
        return dead

    @abstractmethod
    def forward(self, X: Array, A: Array) -> None:
        """Write A = f(X)."""

    @abstractmethod
    def backward(self, dA: Array, X: Array, A: Array, dX: Array) -> None:
        """Write dX = dL/dX, from dA = dL/dA, and the gradients of the parameters."""

    @abstractmethod
    def unroll(self, graph: Graph, x: Sequence[int], parameters: Mapping[str, NDArray[np.int64]]) -> list[int]:
        """Add the layer to a scalar graph, for one row: return the nodes of the outputs, from the nodes x (d,) of the
        inputs and those of the parameters, in arrays of their shapes."""


class Dense(Layer):
    """Z = X W + b

    X may be sparse rows, a `csr_array`, and then has no gradient.

    Where it is `frozen`, nothing is learned: `backward` passes the gradient on, and that of W and b is left out. Where
    it `skips_zeros`, most of X is 0, and its kernels multiply what is not.
    """

    kinds: ClassVar[Mapping[str, str]] = {"W": "weight", "b": "bias"}
    takes_sparse_rows = True
    frozen = False
    skips_zeros = False
    _marks: Marks | None = None  # of the X of the last `forward`

    def __init__(self, units: int) -> None:
        self.units = units

    def width(self, d: int) -> int:
        return self.units

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"W": (d, self.units), "b": (self.units,)}

    def bind(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.W, self.b = parameters["W"], parameters["b"]
        self.dW, self.db = gradients["W"], gradients["b"]

    def reset(self) -> None:
        self.b[...] = 0

    def forget(self, dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
        self.W[dead] = 0
        return np.zeros(self.units, np.bool_)

    def forward(self, X: Array, A: Array) -> None:
        if is_sparse(X):
            self.kernels.sparse_dense(X, self.W, self.b, A)
        elif self.skips_zeros:
            self._marks = self.kernels.dense_of_few(X, self.W, self.b, A)
        else:
            self.kernels.dense(X, self.W, self.b, A)  # Z = X W + b                       (n, h)

    def backward(self, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        if is_sparse(X):
            self.kernels.sparse_dense_backward(dA, X, self.dW, self.db)
        elif not self.frozen and not self.skips_zeros:  # dW = Xᵀ dZ, db = 1ᵀ dZ, dX = dZ Wᵀ
            self.kernels.dense_backward(dA, X, self.W, self.dW, self.db, dX)
        else:
            if not self.frozen:
                self.kernels.dense_of_few_backward(dA, X, self.W, self._marks, self.dW, self.db)
            if dX is not None:
                np.matmul(dA, self.W.T, out=dX)

    def unroll(self, graph: Graph, x: Sequence[int], parameters: Mapping[str, NDArray[np.int64]]) -> list[int]:
        W, b = parameters["W"], parameters["b"]
        z = []
        for unit in range(self.units):
            products = [graph.apply("multiply", x[i], W[i, unit]) for i in range(len(x))]
            z.append(graph.apply("add", graph.sum(products), b[unit]))  # z = Σ_i x_i w_i + b
        return z


class Dropout(Layer):
    """A = X ∘ M / (1 − p), m = 0 with probability p, else 1: the expectation of A is X (Srivastava et al. 2014)

    Only while it has a generator, `rng`; without one, A = X. `strength` is the share of p that is meant at present. The
    multiple of 1 / 65,536 that is nearest to p is taken for it.
    """

    def __init__(self, p: float) -> None:
        self.p, self.strength = p, 1.0
        self.rng: np.random.Generator | None = None
        self.mask = np.empty((0, 0), np.float32)
        self.drawn: tuple[int, ...] | None = None  # of what the mask was made

    def forward(self, X: Array, A: Array) -> None:
        if self.rng is None:
            np.copyto(A, X)
            return
        if self.mask.shape[0] < len(X) or self.mask.dtype != X.dtype:
            self.mask, self.drawn = np.empty(X.shape, X.dtype), None
        M = self.mask[: len(X)]
        more, key = divmod(self.rng.bit_generator.random_raw(), 1 << 32)  # all else is a few operations on many words
        dropped = min(round(self.p * self.strength * CHANCES), CHANCES - 1)
        if self.drawn == (key, more, dropped, len(X)):  # a generator that starts anew each time, to check gradients
            np.multiply(X, M, out=A)
            return
        self.drawn = key, more, dropped, len(X)
        self.kernels.drop(X, (key, more), dropped, M, A)

    def of_sparse(self, X: csr_array) -> csr_array:
        """Return A for sparse rows: of what is not 0, some is dropped."""
        if self.rng is None:
            return X
        p = self.p * self.strength
        M = self.rng.random(X.nnz, X.dtype) >= p
        return with_values(X, X.data * M * X.dtype.type(1 / (1 - p)))

    def backward(self, dA: Array, X: Array, A: Array, dX: Array) -> None:
        M = self.mask[: len(X)] if self.rng else 1
        np.multiply(dA, M, out=dX)  # dX = dA ∘ M / (1 − p)             (n, d)

    def unroll(self, graph: Graph, x: Sequence[int], parameters: Mapping[str, NDArray[np.int64]]) -> list[int]:
        return list(x)  # as without a generator


class Activation(Configurable, Layer):
    """A layer that applies f to each unit by itself, A = f(Z). `initializer` is what suits the layer before it.

    `graph` is f once more, as an expression for `nncli graph`, in z, the settings and the parameters of the unit. An
    activation whose derivative is 0 wherever there is one has no `graph`, and is not `differentiable`: no layer before
    it can learn.
    """

    graph: ClassVar[str]
    initializer = "glorot"
    differentiable = True

    def unroll(self, graph: Graph, x: Sequence[int], parameters: Mapping[str, NDArray[np.int64]]) -> list[int]:
        from nncli.nn.autodiff.expression import add

        settings: dict[str, Any] = dataclasses.asdict(self)
        numbers = {name: repr(value) for name, value in settings.items()}
        a = []
        for unit, z in enumerate(x):
            nodes = {name: int(positions[unit]) for name, positions in parameters.items()}
            a.append(add(graph, self.graph, {"z": z, **nodes}, numbers))
        return a
