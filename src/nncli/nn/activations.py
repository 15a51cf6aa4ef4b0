"""Activations: A = f(Z), elementwise. To add one, write one class here."""

from __future__ import annotations

import numpy as np

from nncli.nn.layers import Array, Layer
from nncli.registry import Registry


class Activation(Layer):
    """A layer without parameters. `initializer` is what suits the dense layer before it."""

    initializer = "glorot"


ACTIVATIONS: Registry[Activation] = Registry("--activation")


@ACTIVATIONS.register("identity")
class Identity(Activation):
    """A = Z;  dA/dZ = 1"""

    def forward(self, Z: Array, A: Array) -> None:
        np.copyto(A, Z)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array | None) -> None:
        if dZ is not None:
            np.copyto(dZ, dA)


@ACTIVATIONS.register("sigmoid")
class Sigmoid(Activation):
    """A = σ(Z) = 1 / (1 + e^−Z);  dA/dZ = A (1 − A)"""

    def forward(self, Z: Array, A: Array) -> None:
        sigmoid(Z, A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array | None) -> None:
        if dZ is not None:
            np.subtract(1, A, out=dZ)  # 1 − A
            dZ *= A  # dA/dZ = A (1 − A)
            dZ *= dA  # dL/dZ = dL/dA ∘ A (1 − A)


@ACTIVATIONS.register("tanh")
class Tanh(Activation):
    """A = tanh Z;  dA/dZ = 1 − A²"""

    def forward(self, Z: Array, A: Array) -> None:
        np.tanh(Z, out=A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array | None) -> None:
        if dZ is not None:
            np.multiply(A, A, out=dZ)  # A²
            np.subtract(1, dZ, out=dZ)  # dA/dZ = 1 − A²
            dZ *= dA  # dL/dZ = dL/dA ∘ (1 − A²)


@ACTIVATIONS.register("relu")
class ReLU(Activation):
    """A = max(Z, 0);  dA/dZ = 1 if Z > 0 else 0"""

    initializer = "he"

    def forward(self, Z: Array, A: Array) -> None:
        np.maximum(Z, 0, out=A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array | None) -> None:
        if dZ is not None:
            np.greater(A, 0, out=dZ)  # dA/dZ = [Z > 0] = [A > 0]
            dZ *= dA  # dL/dZ = dL/dA ∘ [Z > 0]


def sigmoid(Z: Array, P: Array) -> None:
    """P = σ(Z), to full relative precision for |z| ≤ 80 and without overflow beyond (e⁸⁰ is finite in float32)."""
    np.clip(Z, -80, 80, out=P)
    np.negative(P, out=P)
    np.exp(P, out=P)
    P += 1
    np.reciprocal(P, out=P)  # 1 / (1 + e^−z)
