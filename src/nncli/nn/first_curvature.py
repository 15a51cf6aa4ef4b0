"""What L-BFGS knows of a linear model before its first step: how steeply the gradient can change at most.

The loss of a row bends by at most c along each of its scores z = Wᵀx + b: c is ¼ for a sigmoid, as p (1 − p) ≤ ¼, and ½
for softmax (Böhning 1992). With x̃ = (x, 1), the gradient of each output then changes by at most

    B = c/n Σ_i ω_i x̃_i x̃_iᵀ + λ₂ diag(1, …, 1, 0)                             (d + 1, d + 1)

times the step. H = B⁻¹ is as good for columns of different units, or that depend on one another, as for any others.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nncli.nn.layers import Array

MOST_INPUTS = 1024  # of which B has 8 MB
FLAT = 1e-6  # times the length of a column: more is known of no direction


class FirstCurvature:
    """Multiplies by H."""

    def __init__(self, moments: NDArray[np.float64], c: float, l2: float) -> None:
        """Invert B, for the `moments` 1/n Σ_i ω_i x̃_i x̃_iᵀ. A column without a number but 0 counts as any other."""
        B = c * moments
        B[np.diag_indices(len(B) - 1)] += l2
        length = np.sqrt(np.diag(B))
        length[length == 0] = 1
        B /= np.outer(length, length)
        B[np.diag_indices_from(B)] += FLAT
        self._inverse = np.linalg.inv(B) / np.outer(length, length)

    def __call__(self, g: Array) -> Array:
        """Return H g, for the weights (d, outputs) and then the biases (outputs,) of the one layer there is."""
        found: Array = (self._inverse @ g.reshape(len(self._inverse), -1)).astype(g.dtype).reshape(-1)
        return found


def moments(blocks: Iterable[tuple[Array, NDArray[np.float64] | None]], d: int) -> NDArray[np.float64]:
    """Return 1/n Σ_i ω_i x̃_i x̃_iᵀ over rows X (m, d), block by block, with the weights ω (m,) unless each is 1."""
    total, n = np.zeros((d + 1, d + 1)), 0
    for X, omega in blocks:
        rows = np.column_stack([X.astype(np.float64), np.ones(len(X))])
        total += rows.T @ (rows if omega is None else rows * omega[:, None])
        n += len(X)
    return total / n
