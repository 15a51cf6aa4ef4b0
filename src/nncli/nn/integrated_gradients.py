"""Integrated gradients (Sundararajan, Taly, Yan 2017): what each input adds to a score, from a background on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.nn.first_layer import FirstLayer, RestOfMembers, split
from nncli.nn.layers import Array, Dense
from nncli.nn.network import Network

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PIECES, HALVINGS = 6, 16  # of the path, where there are several hidden layers, and of each piece that needs it
TOLERANCE = 0.0015  # of the difference, within which the sum over a piece is to be
MOST_OFF, REPETITIONS = 0.005, 3  # of the difference: rows that are farther off are computed again, more closely
ROUNDING = 2  # steps of the type of numbers, within which nothing can be known
WIDE = 1e-3  # of 1 + |z|: over less, a slope would be made of rounding
ROWS_AT_ONCE, MOST_PIECES = 512, 1 << 16


@dataclass(frozen=True)
class Contributions:
    """Splits the scores of n rows among their d inputs: s(x) ≈ s(x₀) + Σ_j φ_j, x₀ the background."""

    of_inputs: Array  # φ (n, d)
    background: NDArray[np.float64]  # s(x₀) (n,)
    difference: NDArray[np.float64]  # s(x) − s(x₀) (n,)


def integrated_gradients(network: Network, X: Array, x0: Array, V: Array) -> Contributions:
    """Return what each input adds to the score s = z · v of each row of X (n, d), v in V (n, outputs), beyond that of
    the background x₀ (d,).

    φ_j = (x_j − x₀_j) ∫₀¹ ∂s/∂x_j (x₀ + t (x − x₀)) dt. Along the path, Z_1 = X W + b is linear in t, so the first
    layer is passed twice only: φ = (x − x₀) ∘ W ∫ ∂s/∂z_1 dt. Without hidden layers, φ = (x − x₀) ∘ W v. With one, the
    integral is known: that of f'(z) is (f(z_b) − f(z_a)) / (z_b − z_a). With more, it is a sum over pieces of the path,
    halved where the sum over a piece is not what the score changes by. Nothing is corrected afterwards: how far
    Σ_j φ_j is from s(x) − s(x₀) says how good the integral is.
    """
    first, rest = split(network)  # with buffers of its own: threads may share the network
    D, Phi = X - x0, np.empty_like(X)
    found = mean_slopes(first, rest, D, x0 @ first.W + first.b, V)
    for start in range(0, len(X), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        np.multiply(D[part], found.mean[part] @ first.W.T, out=Phi[part])
    return Contributions(Phi, found.background, found.difference)


class Slopes(NamedTuple):
    """Holds the mean of ds/dz_1 (n, h) over the path from the background to each of n rows, the score of the
    background (n,) and how far that of the row is from it (n,)."""

    mean: Array
    background: NDArray[np.float64]
    difference: NDArray[np.float64]


def mean_slopes(first: FirstLayer, rest: Network | RestOfMembers, D: Array | csr_array, z0: Array, V: Array) -> Slopes:
    """Return what `integrated_gradients` comes to in the units of the first layer, for rows that are D (n, d) beyond a
    background with z₀ (h,) there; D may be stored without its zeros."""
    n = D.shape[0]
    mean, difference = np.empty((n, len(z0)), z0.dtype), np.empty(n)
    s0 = rest.forward(z0[None])[0].astype(np.float64)
    for start in range(0, n, ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        D1 = D[part] @ first.W  # (n, h), Z_1 beyond z₀
        difference[part] = np.vecdot(rest.forward(z0 + D1) - s0, V[part])
        if isinstance(rest, Network) and len(rest.dense) < 2:
            mean[part] = _known_mean(rest, z0, D1, V[part])
        else:
            mean[part] = _mean_over_pieces(rest, z0, D1, V[part])
    return Slopes(mean, V @ s0, difference)


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


def _mean_over_pieces(rest: Network | RestOfMembers, z0: Array, D1: Array, V: Array) -> Array:
    """Return the mean of ds/dz_1 (n, h) over the same path, more closely for the rows whose sum is off."""
    mean, rows, tolerance = _mean_by_simpson(rest, z0, D1, V, TOLERANCE), np.arange(len(D1)), TOLERANCE
    s0 = rest.forward(z0[None])[0].astype(np.float64)
    difference = np.vecdot(rest.forward(z0 + D1) - s0, V)
    for _ in range(REPETITIONS):
        off = np.abs(np.vecdot(D1[rows], mean[rows]) - difference[rows])
        rows = rows[off > MOST_OFF * np.abs(difference[rows])]
        if not len(rows):
            break
        tolerance /= 4
        mean[rows] = _mean_by_simpson(rest, z0, D1[rows], V[rows], tolerance)
    return mean


def _mean_by_simpson(rest: Network | RestOfMembers, z0: Array, D1: Array, V: Array, tolerance: float) -> Array:
    """Return the mean of ds/dz_1 (n, h) over the path, by the rule of Simpson on pieces of it.

    The derivative of the score along the path is s' = D₁ · ds/dz_1. A piece from a over m to b is enough, if
    (b − a) / 6 (s'_a + 4 s'_m + s'_b) is within the tolerance of s_b − s_a. If not, a half of it is enough as a
    trapezoid within the tolerance, as beside a kink; the other becomes a piece of its own, with a point more. That
    takes s and s' alone: each gradient is computed once, and gets its weight in the end.
    """
    (n, h), points, gradients = D1.shape, 2 * PIECES + 1, []

    def at(rows: NDArray[np.int64], t: Array) -> tuple[NDArray[np.float64], Array]:
        D, of_rows, G = D1[rows], V[rows], np.empty((len(rows), h), D1.dtype)
        Z = D * t[:, None]
        Z += z0
        s = np.vecdot(rest.forward(Z).astype(np.float64), of_rows)
        rest.backward(of_rows, G)
        gradients.append(G)
        return s, np.vecdot(D, G)

    rows, t = np.repeat(np.arange(n), points), np.tile(np.linspace(0, 1, points, dtype=D1.dtype), n)
    s, slope = at(rows, t)
    S = s.reshape(n, points)
    allowed = tolerance * np.abs(S[:, -1] - S[:, 0]) + ROUNDING * np.finfo(D1.dtype).eps * np.abs(S).max(axis=1)
    a = (points * np.arange(n)[:, None] + np.arange(0, points - 1, 2)).ravel()  # where the points of the pieces stand
    m, b, weights = a + 1, a + 2, np.zeros(len(t))

    def weigh(*parts: tuple[NDArray[np.int64], NDArray[Any]]) -> None:
        for places, part in parts:
            np.add(weights, np.bincount(places, part, len(weights)), out=weights)

    for halving in range(HALVINGS + 1):
        sixth = (t[b] - t[a]) / 6
        off = np.abs(sixth * (slope[a] + 4 * slope[m] + slope[b]) - (s[b] - s[a]))
        again = (off > allowed[rows[a]]) & (halving < HALVINGS and len(a) < MOST_PIECES)
        sixth = sixth[~again]
        weigh((a[~again], sixth), (m[~again], 4 * sixth), (b[~again], sixth))
        a, b = np.stack([a, m], 1)[again].ravel(), np.stack([m, b], 1)[again].ravel()  # the halves
        half = (t[b] - t[a]) / 2
        again = np.abs(half * (slope[a] + slope[b]) - (s[b] - s[a])) > allowed[rows[a]] / 2
        weigh((a[~again], half[~again]), (b[~again], half[~again]))
        a, b = a[again], b[again]
        if not len(a):
            break
        m = len(t) + np.arange(len(a))
        of, middle = rows[a], (t[a] + t[b]) / 2
        new = at(of, middle)
        rows, t, weights = np.append(rows, of), np.append(t, middle), np.append(weights, np.zeros(len(a)))
        s, slope = np.append(s, new[0]), np.append(slope, new[1])
    first, start = gradients.pop(0).reshape(n, points, h), n * points
    mean: Array = (weights[:start].reshape(n, 1, points).astype(first.dtype) @ first)[:, 0]
    for G in gradients:  # of points between those
        part = slice(start, start := start + len(G))
        G *= weights[part, None].astype(G.dtype)
        found, firsts = np.unique(rows[part], return_index=True)  # the points of a row stand together
        mean[found] += np.add.reduceat(G, firsts, axis=0)
    return mean
