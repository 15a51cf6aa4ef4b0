"""Kernels in NumPy. They are methods, so that a fused set can replace those where that pays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import ones, shared_full

Array = NDArray[Any]
UpdateRule = Callable[[Array, Array, float, "list[Array]"], None]  # of θ, g, α and the vectors of the state


class Kernels:
    """The kernels of a training run: what they compute is said here, and how NumPy does."""

    name = "numpy"
    learn_rows: Callable[..., None] | None = (
        None  # the textbook loop of `online`, where it is faster than blocks of rows
    )
    multiplies = False  # so that products are not the work of the threads of the library, which need not be many then

    def working(self) -> contextlib.AbstractContextManager[object]:
        """Return what a training run works within: threads that share loops live as long."""
        return contextlib.nullcontext()

    def update_rule(self, optimizer: object) -> UpdateRule | None:
        """Return a loop that takes a step of an optimizer at once; None: its own NumPy form is used."""
        return None

    def dense(self, X: Array, W: Array, b: Array, Z: Array) -> None:
        """Write Z = X W + b."""
        np.matmul(X, W, out=Z)
        Z += b  # Z = X W + b                       (n, h)

    def dense_backward(self, dZ: Array, X: Array, W: Array, dW: Array, db: Array, dX: Array | None) -> None:
        """Write dW, db and, where it is given, dX, from dZ."""
        np.matmul(X.T, dZ, out=dW)  # dW = Xᵀ dZ                         (d, h)
        np.matmul(ones(len(dZ), dZ.dtype), dZ, out=db)  # db = Σ_i dz_i = 1ᵀ dZ             (h,)
        if dX is not None:  # the first layer of a network in training needs none
            np.matmul(dZ, W.T, out=dX)  # dX = dZ Wᵀ                         (n, d)

    def relu(self, Z: Array, A: Array) -> None:
        """Write A = max(Z, 0), which may lie where Z does."""
        np.maximum(Z, shared_full(0, Z.shape, Z.dtype), out=A)

    def relu_backward(self, dA: Array, A: Array, dZ: Array) -> None:
        """Write dZ, which may lie where dA does; overwrites A."""
        np.greater(A, 0, out=A)  # dA/dZ = [Z > 0] = [A > 0]
        np.multiply(dA, A, out=dZ)  # dL/dZ = dL/dA ∘ [Z > 0]

    def square(self, g: Array) -> float:
        """Return ‖g‖², which is infinite where the squares are too large for its type."""
        return float(g @ g)

    def take_scaled(self, values: Array, rows: NDArray[Any], scale: Array, shift: Array | None, X: Array) -> bool:
        """Write X = (values[rows] − shift) · scale; return False where that is left to the matrix of the rows."""
        return False

    def fuses_softmax(self, outputs: int) -> bool:
        """Tell whether `softmax_loss` is to do what a loss does else, for so many outputs."""
        return False

    def softmax_loss(self, Z: Array, y: Array, on: float, off: float, factor: float, dZ: Array) -> Found:
        """Return the losses (n,) of softmax and cross-entropy, and which rows are predicted right (n,), and write
        dZ = (P − Y) · factor, for the classes y, which have `on` in Y, and all others `off`."""
        n, K = Z.shape
        Y = np.full(Z.shape, off, Z.dtype)
        Y[np.arange(n), y] = on
        most = Z.max(axis=1, keepdims=True)
        np.exp(Z - most, out=dZ)
        total = dZ.sum(axis=1, keepdims=True)
        losses = most[:, 0].astype(np.float64) - np.vecdot(Y, Z) + np.log(total[:, 0])
        dZ /= total  # P
        dZ -= Y
        dZ *= factor  # dZ = (P − Y) · factor            (n, K)
        first = Z.argmax(axis=1) if K > 2 else Z[:, 1] >= Z[:, 0]  # of two equal scores, the second
        return losses, first == y


Found = tuple[NDArray[np.float64], NDArray[np.bool_]]
NUMPY = Kernels()
