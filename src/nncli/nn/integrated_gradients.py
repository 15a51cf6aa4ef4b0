"""Integrated gradients (Sundararajan, Taly, Yan 2017): what each input adds to a score, from a background on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.nn.layers import Array, Dense
from nncli.nn.network import Network

PIECES, HALVINGS = 4, 12  # of the path, where there are several hidden layers, and of each piece that needs it
NODES = (0.5 - 0.75**0.5 / 3, 0.5 + 0.75**0.5 / 3)  # on a piece, by the rule of Gauss and Legendre
TOLERANCE = 0.001  # of the difference, within which the sum over a piece is to be
ROUNDING = 8  # steps of the type of numbers, within which nothing can be known
WIDE = 1e-3  # of 1 + |z|: over less, a slope would be made of rounding
ROWS_AT_ONCE, MOST_PIECES = 1024, 1 << 16


@dataclass(frozen=True)
class Contributions:
    """What each input adds: `of_inputs` (n, d), whose sum is about the `difference` (n,), s(x) − s(x₀)."""

    of_inputs: Array
    difference: NDArray[np.float64]


def integrated_gradients(network: Network, X: Array, x0: Array, V: Array) -> Contributions:
    """Return what each input adds to the score s = z · v of each row of X (n, d), v in V (n, outputs), beyond that of
    the background x₀ (d,).

    φ_j = (x_j − x₀_j) ∫₀¹ ∂s/∂x_j (x₀ + t (x − x₀)) dt. Along the path, Z_1 = X W + b is linear in t, so the first
    layer is passed twice only: φ = (x − x₀) ∘ W ∫ ∂s/∂z_1 dt. Without hidden layers, φ = (x − x₀) ∘ W v. With one, the
    integral is known: that of f'(z) is (f(z_b) − f(z_a)) / (z_b − z_a). With more, it is a sum over pieces of the path,
    halved where the sum over a piece is not what the score changes by. Nothing is corrected afterwards: how far
    Σ_j φ_j is from s(x) − s(x₀) says how good the integral is.
    """
    first, rest = network.dense[0], network.after_first()
    mean_gradient = _known_mean if len(rest.dense) < 2 else _mean_over_pieces
    D, Phi, difference = X - x0, np.empty_like(X), np.empty(len(X))
    z0 = x0 @ first.W + first.b  # (h,)
    s0 = rest.forward(z0[None])[0].astype(np.float64)
    for start in range(0, len(X), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        D1 = D[part] @ first.W  # (n, h), Z_1 beyond z₀
        difference[part] = np.vecdot(rest.forward(z0 + D1) - s0, V[part])
        np.multiply(D[part], mean_gradient(rest, z0, D1, V[part]) @ first.W.T, out=Phi[part])
    return Contributions(Phi, difference)


def _known_mean(rest: Network, z0: Array, D1: Array, V: Array) -> Array:
    """Return the mean of ds/dz_1 (n, h) over the path from z₀ (h,) to z₀ + D₁ (n, h), behind at most one activation."""
    if not rest.dense:
        return V
    activation, last = rest.layers
    assert isinstance(last, Dense)
    least = WIDE * (1 + np.abs(z0))
    step = np.where(np.abs(D1) < least, least, D1)
    A, B = (np.empty_like(D1) for _ in range(2))
    activation.forward(np.broadcast_to(z0, D1.shape).copy(), A)
    activation.forward(z0 + step, B)
    return (V @ last.W.T) * (B - A) / step


def _mean_over_pieces(rest: Network, z0: Array, D1: Array, V: Array) -> Array:
    """Return the mean of ds/dz_1 (n, h) over the same path, by its values in pieces [a, b] of it: on each, Σ_j φ_j is
    D₁ · ds/dz_1 (b − a), and the score changes by s_b − s_a."""

    def score(rows: NDArray[np.int64], t: Array) -> NDArray[np.float64]:
        return np.vecdot(rest.forward(z0 + t[:, None] * D1[rows]).astype(np.float64), V[rows])

    def gradient(rows: NDArray[np.int64], t: Array) -> Array:
        G = np.empty((len(rows), len(z0)), D1.dtype)
        rest.forward(z0 + t[:, None] * D1[rows])
        rest.backward(V[rows], G)
        return G

    mean, n = np.zeros_like(D1), len(D1)
    ends = np.linspace(0, 1, PIECES + 1, dtype=D1.dtype)
    S = np.stack([score(np.arange(n), np.full(n, t)) for t in ends], axis=1)  # (n, pieces + 1)
    allowed = TOLERANCE * np.abs(S[:, -1] - S[:, 0]) + ROUNDING * np.finfo(D1.dtype).eps * np.abs(S).max(axis=1)
    rows, a, b = np.repeat(np.arange(n), PIECES), np.tile(ends[:-1], n), np.tile(ends[1:], n)
    sa, sb = S[:, :-1].ravel(), S[:, 1:].ravel()
    for halving in range(HALVINGS + 1):
        G = (gradient(rows, a + NODES[0] * (b - a)) + gradient(rows, a + NODES[1] * (b - a))) * ((b - a) / 2)[:, None]
        again = np.abs(np.vecdot(D1[rows], G) - (sb - sa)) > allowed[rows]
        again &= halving < HALVINGS and len(rows) < MOST_PIECES
        done, first = np.unique(rows[~again], return_index=True)  # the pieces of a row stand together
        if len(done):
            mean[done] += np.add.reduceat(G[~again], first, axis=0)
        if not again.any():
            break
        rows, a, b, sa, sb = rows[again], a[again], b[again], sa[again], sb[again]
        middle = (a + b) / 2
        s = score(rows, middle)
        rows, a, b = np.repeat(rows, 2), np.stack([a, middle], 1).ravel(), np.stack([middle, b], 1).ravel()
        sa, sb = np.stack([sa, s], 1).ravel(), np.stack([s, sb], 1).ravel()
    return mean
