"""What L-BFGS knows of a linear model before its first step: how steeply the gradient can change at most.

The loss of a row bends by at most c along each of its scores z = Wᵀx + b: c is ¼ for a sigmoid, as p (1 − p) ≤ ¼, and ½
for softmax (Böhning 1992). With x̃ = (x, 1), the gradient of each output then changes by at most

    B = c/n Σ_i ω_i x̃_i x̃_iᵀ + λ₂ diag(1, …, 1, 0)                             (d + 1, d + 1)

times the step. With H = B⁻¹ it does not matter in which units columns are, nor how they depend on one another.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nncli.nn.layers import Array

MOST_INPUTS = 1024  # of which B has 8 MB
RIDGE = 1e-6  # added to the diagonal, in columns of length 1, so that B has an inverse

Block = tuple[Array, NDArray[np.float64] | None]  # X (m, d), and the weights ω (m,) unless each is 1


class FirstCurvature:
    """Multiplies by H."""

    def __init__(self, moments: NDArray[np.float64], squares: NDArray[np.float64], c: float, l2: float) -> None:
        """Invert B, for the `moments` 1/n Σ_i ω_i x̃_i x̃_iᵀ (d + 1, d + 1) of some rows, and for the `squares`
        1/n Σ_i ω_i x_i² (d,) of all: along a column that is mostly 0 in the former the loss bends no less."""
        d = len(squares)
        B = c * moments
        B[:d, :d][np.diag_indices(d)] = c * np.maximum(squares, np.diag(moments)[:d]) + l2
        B[np.diag_indices_from(B)] += np.diag(B) == 0  # of columns without a number but 0
        length = np.sqrt(np.diag(B))
        B /= np.outer(length, length)
        B[np.diag_indices_from(B)] += RIDGE
        self._inverse = np.linalg.inv(B) / np.outer(length, length)

    def __call__(self, g: Array) -> Array:
        """Return H g, for the weights (d, outputs) and then the biases (outputs,) of the one layer there is."""
        found: Array = (self._inverse @ g.reshape(len(self._inverse), -1)).astype(g.dtype).reshape(-1)
        return found


def moments_of(blocks: Iterable[Block], d: int) -> NDArray[np.float64]:
    """Return 1/n Σ_i ω_i x̃_i x̃_iᵀ, (d + 1, d + 1)."""
    total, n = np.zeros((d + 1, d + 1)), 0
    for X, omega in blocks:
        rows = np.column_stack([X.astype(np.float64), np.ones(len(X))])
        total += rows.T @ (rows if omega is None else rows * omega[:, None])
        n += len(X)
    return total / n


def squares_of(blocks: Iterable[Block], d: int) -> NDArray[np.float64]:
    """Return 1/n Σ_i ω_i x_i², (d,)."""
    total, n = np.zeros(d), 0
    for X, omega in blocks:
        weights = np.ones(len(X), X.dtype) if omega is None else omega.astype(X.dtype)
        total += weights @ np.square(X)
        n += len(X)
    return total / n
