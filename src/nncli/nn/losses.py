"""Losses, each with its link Z → P, so that no pairing of output and loss can be wrong.

A class is told to a loss as a row of its table of targets: Y = table[y]. To add a loss, write one
class here. Row losses are computed from Z, never from a rounded P, and added up in float64, so they are
finite for any finite float32 Z.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from nncli.nn.activations import sigmoid
from nncli.nn.layers import Array
from nncli.registry import Registry

Rows = NDArray[np.float64]  # one figure a row, (n,)


class Loss(ABC):
    """L = mean over rows of the row losses, with P = link(Z)."""

    name: str

    def outputs(self, K: int) -> int:
        """How many scores a row needs for K classes."""
        return K

    def targets(self, K: int) -> NDArray[np.float64]:
        """The table of targets, (K, outputs): row k is the target of class k."""
        return np.eye(K)

    @abstractmethod
    def link(self, Z: Array, P: Array) -> None:
        """P = link(Z)"""

    @abstractmethod
    def forward(self, Z: Array, Y: Array, P: Array) -> Rows:
        """P = link(Z); returns the row losses."""

    @abstractmethod
    def backward(self, P: Array, Y: Array, dZ: Array) -> None:
        """dZ = dL/dZ of the mean loss over the n rows."""

    def probabilities(self, P: Array) -> Array:
        """The probability of each class, (n, K), from P."""
        return P


LOSSES: Registry[Loss] = Registry("--loss")


@LOSSES.register("cross-entropy")
class CrossEntropy(Loss):
    """L = −Σ_k y_k log p_k, P = softmax Z;  dL/dZ = (P − Y) / n"""

    def link(self, Z: Array, P: Array) -> None:
        softmax(Z, P)

    def forward(self, Z: Array, Y: Array, P: Array) -> Rows:
        m, s = softmax(Z, P)
        # −Σ_k y_k log p_k = max z + log Σ_j exp(z_j − max z) − Σ_k y_k z_k,   as Σ_k y_k = 1
        rows: Rows = m[:, 0].astype(np.float64) + np.log(s[:, 0]) - np.vecdot(Y, Z)
        return rows

    def backward(self, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(P, Y, out=dZ)  # P − Y
        dZ /= len(dZ)  # dL/dZ = (P − Y) / n                (n, K)


@LOSSES.register("binary-cross-entropy")
class BinaryCrossEntropy(Loss):
    """L = −Σ_k (y_k log p_k + (1 − y_k) log(1 − p_k)), P = σ(Z);  dL/dZ = (P − Y) / n

    Two classes have one output, the probability of the second. More have one each, against the rest.
    """

    def outputs(self, K: int) -> int:
        return 1 if K == 2 else K

    def targets(self, K: int) -> NDArray[np.float64]:
        return np.array([[0.0], [1.0]]) if K == 2 else np.eye(K)

    def link(self, Z: Array, P: Array) -> None:
        sigmoid(Z, P)

    def forward(self, Z: Array, Y: Array, P: Array) -> Rows:
        sigmoid(Z, P)
        Z = Z.astype(np.float64)
        # −y log σ(z) − (1 − y) log(1 − σ(z)) = max(z, 0) − y z + log(1 + e^−|z|)
        losses = np.maximum(Z, 0) - Y * Z + np.log1p(np.exp(-np.abs(Z)))
        rows: Rows = losses.sum(axis=1)
        return rows

    def backward(self, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(P, Y, out=dZ)  # P − Y
        dZ /= len(dZ)  # dL/dZ = (P − Y) / n                (n, outputs)

    def probabilities(self, P: Array) -> Array:
        if P.shape[1] == 1:
            return np.hstack([1 - P, P])
        shares: Array = P / P.sum(axis=1, keepdims=True)  # of the K separate answers
        return shares


def softmax(Z: Array, P: Array) -> tuple[Array, Array]:
    """p_k = exp(z_k − m) / s with m = max z and s = Σ_j exp(z_j − m); returns m and s, (n, 1) each."""
    m = Z.T.copy().max(axis=0)[:, None]  # four times as fast as along short rows
    with np.errstate(over="ignore"):  # z − m may be −∞ in float32, and e^−∞ = 0 is then right
        np.subtract(Z, m, out=P)
    np.exp(P, out=P)
    s = P @ np.ones((P.shape[1], 1), P.dtype)  # Σ_j, three times as fast as `sum(1)`
    P /= s
    return m, s
