"""Layers that differ from member to member of an ensemble. A batch of n rows is X (n, d) as long as all members see the
same, and (N, n, d) behind the first such layer."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.autodiff.graph import Graph
from nncli.nn.buffers import ones
from nncli.nn.input_layers import InputLayer
from nncli.nn.layers import Array, Dense, Layer
from nncli.nn.sparse_rows import is_sparse


class MemberLayer(Layer):
    """A layer that does something else for each member: from X, (n, d) or (N, n, d), to A (N, n, h)."""

    def unroll(self, graph: Graph, x: Sequence[int], parameters: Mapping[str, NDArray[np.int64]]) -> list[int]:
        """Raise ValueError: a scalar graph is of one network, such as one of `Ensemble.members`."""
        raise ValueError("a scalar graph of several networks at once")


class Spread(MemberLayer):
    """A_i = X for each member i, so that a layer behind it may drop something else of each"""

    def forward(self, X: Array, A: Array) -> None:
        A[...] = X

    def backward(self, dA: Array, X: Array, A: Array, dX: Array) -> None:
        np.sum(dA, axis=0, out=dX)


class EachMember(MemberLayer):
    """A_i = f_i(X_i), with a layer for each member"""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers

    def __copy__(self) -> EachMember:
        return EachMember([copy.copy(layer) for layer in self.layers])

    def width(self, d: int) -> int:
        return self.layers[0].width(d)

    def forward(self, X: Array, A: Array) -> None:
        for i, layer in enumerate(self.layers):
            layer.forward(X if X.ndim == 2 else X[i], A[i])

    def backward(self, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        X = np.broadcast_to(X, (len(self.layers), *X.shape[-2:]))
        of_members = dX if dX is None or dX.ndim == 3 else np.empty(X.shape, X.dtype)
        for i, layer in enumerate(self.layers):
            if isinstance(layer, InputLayer):
                layer.backward(dA[i], X[i], A[i], None if of_members is None else of_members[i])
            elif of_members is not None:
                layer.backward(dA[i], X[i], A[i], of_members[i])
        if dX is not None and of_members is not None and dX is not of_members:
            np.sum(of_members, axis=0, out=dX)  # dX = Σ_i dX_i


class MembersDense(MemberLayer, Dense):
    """Z_i = X_i W_i + b_i for each member i, with W (N, d, h)"""

    def __init__(self, units: int, members: int) -> None:
        super().__init__(units)
        self.members = members

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"W": (self.members, d, self.units), "b": (self.members, self.units)}

    def forget(self, dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
        self.W[:, dead] = 0
        return np.zeros(self.units, np.bool_)

    def forward(self, X: Array, A: Array) -> None:
        if is_sparse(X):
            for W, b, Z in zip(self.W, self.b, A, strict=True):
                self.kernels.sparse_dense(X, W, b, Z)
            return
        np.matmul(X, self.W, out=A)
        A += self.b[:, None]  # Z_i = X_i W_i + b_i               (N, n, h)

    def backward(self, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        if is_sparse(X):
            for dZ, dW, db in zip(dA, self.dW, self.db, strict=True):
                self.kernels.sparse_dense_backward(dZ, X, dW, db)
            return
        np.matmul(X.swapaxes(-1, -2), dA, out=self.dW)  # dW_i = X_iᵀ dZ_i                   (N, d, h)
        np.matmul(ones(dA.shape[1], dA.dtype), dA, out=self.db)  # db_i = 1ᵀ dZ_i           (N, h)
        if dX is None:
            return
        if X.ndim == 3:
            np.matmul(dA, self.W.swapaxes(-1, -2), out=dX)  # dX_i = dZ_i W_iᵀ               (N, n, d)
        else:
            np.sum(dA @ self.W.swapaxes(-1, -2), axis=0, out=dX)  # dX = Σ_i dX_i            (n, d)


class Adapter(MemberLayer, InputLayer):
    """A_i = X ∘ r_i for each member i: r starts from 1 or −1, drawn at random (Gorishniy, Kotelnikov, Babenko 2025)"""

    kinds: ClassVar[Mapping[str, str]] = {"r": "input"}

    def __init__(self, members: int) -> None:
        self.members = members

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"r": (self.members, d)}

    def bind(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.r, self.dr = parameters["r"], gradients["r"]

    def draw(self, rng: np.random.Generator) -> None:
        self.r[...] = 2 * rng.integers(2, size=self.r.shape) - 1

    def take(self, other: Layer, before: NDArray[np.int64]) -> NDArray[np.int64]:
        assert isinstance(other, Adapter)
        self.r[...] = other.r[:, before]
        return before

    def forward(self, X: Array, A: Array) -> None:
        np.multiply(X, self.r[:, None], out=A)  # A_i = X ∘ r_i                      (N, n, d)

    def backward(self, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        axes = "ijk,ijk->ik" if X.ndim == 3 else "ijk,jk->ik"
        np.einsum(axes, dA, X, out=self.dr)  # dr_i = Σ_j da_ij ∘ x_j              (N, d)
        if dX is not None and X.ndim == 3:
            np.multiply(dA, self.r[:, None], out=dX)
        elif dX is not None:
            np.einsum("ijk,ik->jk", dA, self.r, out=dX)  # dX = Σ_i dA_i ∘ r_i     (n, d)
