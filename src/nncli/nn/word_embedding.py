"""The embedding of words: a learned vector for each of the inputs that n-grams are hashed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.autodiff.graph import Graph
from nncli.nn.input_layers import InputLayer
from nncli.nn.layers import Array, Layer
from nncli.nn.sparse_rows import is_sparse


class WordEmbedding(InputLayer):
    """a = Σ_j x_j e_j over the inputs that words are hashed to: a vector e_j of `size` numbers for each of them, which
    is learned (Joulin et al. 2017). The first inputs, `passed` of them, pass as they are.

    `E` has the vectors, which start from −1/size to 1/size. X may be sparse rows, and then has no gradient.
    """

    kinds: ClassVar[Mapping[str, str]] = {"E": "embedding"}
    takes_sparse_rows = True

    def __init__(self, size: int, passed: int) -> None:
        self.size, self.passed = size, passed

    def width(self, d: int) -> int:
        return self.passed + self.size

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"E": (d - self.passed, self.size)}

    def bind(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.E, self.dE = parameters["E"], gradients["E"]

    def draw(self, rng: np.random.Generator) -> None:
        rng.random(out=self.E, dtype=self.E.dtype.type)
        self.E -= 0.5
        self.E *= 2 / self.size

    def take(self, other: Layer, before: NDArray[np.int64]) -> NDArray[np.int64]:
        assert isinstance(other, WordEmbedding)
        k = self.passed
        self.E[...] = other.E[before[k:] - other.passed]
        return np.concatenate([before[:k], other.passed + np.arange(self.size)])

    def forget(self, dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
        self.E[dead[self.passed :]] = 0
        return np.append(dead[: self.passed], np.zeros(self.size, np.bool_))

    def forward(self, X: Array, A: Array) -> None:
        k = self.passed
        if is_sparse(X):
            self.kernels.sparse_product(X, k, self.E, A[:, k:])
            A[:, :k] = X[:, :k].toarray() if k else 0
        else:
            np.matmul(X[:, k:], self.E, out=A[:, k:])  # A = X E                          (n, size)
            A[:, :k] = X[:, :k]

    def backward(self, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        k = self.passed
        if is_sparse(X):
            self.kernels.sparse_product_transposed(X, k, dA[:, k:], self.dE)
            return
        np.matmul(X[:, k:].T, dA[:, k:], out=self.dE)  # dE = Xᵀ dA                       (d, size)
        if dX is not None:
            dX[:, :k] = dA[:, :k]
            np.matmul(dA[:, k:], self.E.T, out=dX[:, k:])  # dX = dA Eᵀ                       (n, d)

    def unroll(self, graph: Graph, x: Sequence[int], parameters: Mapping[str, NDArray[np.int64]]) -> list[int]:
        E, words = parameters["E"], x[self.passed :]
        of_text = [
            graph.sum([graph.apply("multiply", one, int(e)) for one, e in zip(words, E[:, k], strict=True)])
            for k in range(self.size)
        ]
        return [*x[: self.passed], *of_text]
