"""Bound how steeply the gradient of a linear model can change, which L-BFGS knows before its first step.

The loss of a row bends by at most c along each of its scores z = Wᵀx + b: c is ¼ for a sigmoid, as p (1 − p) ≤ ¼, and ½
for softmax (Böhning 1992). With x̃ = (x, 1), the gradient of each output then changes by at most

    B = c/n Σ_i ω_i x̃_i x̃_iᵀ + λ₂ diag(1, …, 1, 0)                             (d + 1, d + 1)

times the step. With H = B⁻¹ it does not matter in which units columns are, nor how they depend on one another.

A column far from 0 looks like the bias. So B is worked out for centred rows x − μ, and so are the gradients that H is
for: of scores Wᵀ(x − μ) + b', with b' = b + Wᵀμ, the gradient along W is dW − μ db, and b = b' − Wᵀμ.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nncli.nn.layers import Array

MOST_INPUTS = 1024  # of which B has 8 MB
RIDGE = 1e-6  # added to the diagonal, in columns of length 1, so that B has an inverse

Vector = NDArray[np.float64]
Block = tuple[Array, Vector | None]  # X (m, d), and the weights ω (m,) unless each is 1


class FirstCurvature:
    """Multiplies gradients by H, the inverse of that bound, with which L-BFGS begins."""

    def __init__(self, mean: Vector, moments: NDArray[np.float64], squares: Vector, c: float, l2: float) -> None:
        """Invert B for rows less a `mean` (d,): for the `moments` 1/n Σ_i ω_i x̃_i x̃_iᵀ (d + 1, d + 1) of some rows, and
        for the `squares` 1/n Σ_i ω_i x_i² (d,) of all, as some may hardly have a column that is mostly constant."""
        self.mean, d = mean, len(mean)
        B = c * moments
        B[:d, :d][np.diag_indices(d)] = c * np.maximum(squares, np.diag(moments)[:d]) + l2
        B[np.diag_indices_from(B)] += np.diag(B) == 0  # of constant columns
        length = np.sqrt(np.diag(B))
        B /= np.outer(length, length)
        B[np.diag_indices_from(B)] += RIDGE
        self._inverse = np.linalg.inv(B) / np.outer(length, length)

    def __call__(self, g: Array) -> Array:
        """Return H g, for the weights (d, outputs) and then the biases (outputs,) of the one layer there is."""
        G = g.reshape(len(self._inverse), -1).astype(np.float64)
        G[:-1] -= np.outer(self.mean, G[-1])
        G = self._inverse @ G
        G[-1] -= self.mean @ G[:-1]
        found: Array = G.astype(g.dtype).reshape(-1)
        return found


def mean_of(blocks: Iterable[Block], d: int) -> Vector:
    """Return the mean of rows x_i, block by block: 1/n Σ_i x_i, (d,)."""
    total, n = np.zeros(d), 0
    for X, _ in blocks:
        total += X.sum(axis=0, dtype=np.float64)
        n += len(X)
    return total / n


def moments_of(blocks: Iterable[Block], mean: Vector) -> NDArray[np.float64]:
    """Return 1/n Σ_i ω_i x̃_i x̃_iᵀ of rows less a mean, (d + 1, d + 1)."""
    total, n = np.zeros((len(mean) + 1, len(mean) + 1)), 0
    for X, omega in blocks:
        rows = np.column_stack([X - mean, np.ones(len(X))])
        total += rows.T @ (rows if omega is None else rows * omega[:, None])
        n += len(X)
    return total / n


def squares_of(blocks: Iterable[Block], mean: Vector) -> Vector:
    """Return 1/n Σ_i ω_i x_i² of rows less a mean, (d,)."""
    total, n = np.zeros(len(mean)), 0
    for X, omega in blocks:
        weights = np.ones(len(X), X.dtype) if omega is None else omega.astype(X.dtype)
        centred = X - mean.astype(X.dtype)
        total += weights @ np.square(centred, out=centred)
        n += len(X)
    return total / n
