"""Integrated gradients (Sundararajan, Taly, Yan 2017): what each input adds to a score, from a background on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.nn.layers import Array, Dense, Layer
from nncli.nn.network import Network

PIECES = 32  # of the path, where there are several hidden layers
WIDE = 1e-3  # of 1 + |z|: over less, a slope would be made of rounding
ROWS_AT_ONCE = 1024  # rows × points of the path


@dataclass(frozen=True)
class Contributions:
    """What each input adds: `of_inputs` (n, d), which add up to `difference` (n,), s(x) − s(x₀)."""

    of_inputs: Array
    difference: NDArray[np.float64]


def integrated_gradients(network: Network, X: Array, x0: Array, V: Array, pieces: int = PIECES) -> Contributions:
    """Return what each input adds to the score s = z · v of each row of X (n, d), v in V (n, outputs), beyond that of
    the background x₀ (d,).

    φ_j = (x_j − x₀_j) ∫₀¹ ∂s/∂x_j (x₀ + t (x − x₀)) dt, over pieces of the path from x₀ to x. On each, the derivative
    of an activation is its mean there, (f(z_b) − f(z_a)) / (z_b − z_a), so that the contributions add up whatever the
    number of pieces; with one hidden layer, a single piece is exact. Along the path Z_1 = X W + b is linear in t, and
    so the first layer is passed twice only: φ = (x − x₀) ∘ W ∫ ∂s/∂z_1 dt. Without hidden layers, φ = (x − x₀) ∘ W v.
    """
    first, rest = network.dense[0], network.after_first().layers
    pieces = pieces if sum(isinstance(layer, Dense) for layer in rest) > 1 else 1
    D, Phi, difference = X - x0, np.empty_like(X), np.empty(len(X))
    z0 = x0 @ first.W + first.b  # (h,)
    t = (np.arange(pieces + 1, dtype=X.dtype) / pieces)[:, None, None]
    for start in range(0, len(X), at_once := max(1, ROWS_AT_ONCE // (pieces + 1))):
        part = slice(start, start + at_once)
        Z = z0 + t * (D[part] @ first.W)  # (pieces + 1, n, h)
        G, Z = _mean_gradient(rest, Z, V[part])
        np.multiply(D[part], G @ first.W.T, out=Phi[part])
        difference[part] = np.vecdot((Z[-1] - Z[0]).astype(np.float64), V[part])
    return Contributions(Phi, difference)


def _mean_gradient(layers: list[Layer], Z: Array, V: Array) -> tuple[Array, Array]:
    """Return the mean of ds/dz_1 (n, h) over the path whose points are Z (pieces + 1, n, h), and the scores there."""
    slopes = list[Array | None]()
    for layer in layers:
        if isinstance(layer, Dense):
            A = np.empty((*Z.shape[:2], layer.units), Z.dtype)
            layer.forward(Z, A)
            slopes.append(None)
        else:
            A = _applied(layer, Z)
            a, b = Z[:-1], Z[1:]
            width = WIDE * (1 + np.abs(a))
            wide = np.abs(b - a) >= width
            b = np.where(wide, b, a + width)
            slopes.append((np.where(wide, A[1:], _applied(layer, b)) - A[:-1]) / (b - a))
        Z = A
    G = np.broadcast_to(V, (len(Z) - 1, *V.shape))
    for layer, slope in zip(reversed(layers), reversed(slopes), strict=True):
        G = G @ layer.W.T if isinstance(layer, Dense) else G * slope
    return G.mean(axis=0), Z


def _applied(layer: Layer, Z: Array) -> Array:
    A = np.empty_like(Z).reshape(-1, Z.shape[-1])
    layer.forward(Z.reshape(A.shape), A)
    return A.reshape(Z.shape)
