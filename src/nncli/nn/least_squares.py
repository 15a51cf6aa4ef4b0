"""Linear least squares, solved at once: w and b that minimise

    (1/n) Σ_i ½ ω_i (x_i · w + b − y_i)² + ½ λ₂ ‖w‖² + λ₁ ‖w‖₁

With A = Σ ω (x − x̄)(x − x̄)ᵀ / n and c = Σ ω (x − x̄)(y − ȳ) / n, the optimum is where (A + λ₂ I) w = c without λ₁, and
b = ȳ − x̄ · w. All sums are in float64. Of several optima, where columns depend on one another, w is the shortest, in
columns of one length.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from nncli.nn.layers import Array

Vector = NDArray[np.float64]
Block = tuple[Array, Vector, Vector | None]  # X (m, d), y (m,), and the weights ω (m,) unless each is 1
Blocks = Callable[[], Iterable[Block]]

MOST_INPUTS = 4096  # of which A has 128 MiB
ROUNDED = 10  # times the precision of X: shorter directions are rounding errors
BLURRED = 1e-10  # times the longest direction squared: what A keeps of shorter ones is inexact
SWEEPS, ROUNDS = 5, 1000  # over all coordinates until the signs are tried, and how often
FALLING = 3.0  # by how much λ₁ is less the next time, until it is as asked for, so that few coordinates are moved
TOLERANCE = 1e-12  # of λ₁
SHORTEST = 1e-300  # column, squared
REGULAR, RANK = 1e-5, 1e-13  # pivots of a matrix of full rank, in columns of length 1; and eigenvalues above 0
ROUNDING = 1e-14  # of the products whose sum is a side of an equation
FLAT = 1e-10  # curvature, in columns of length 1: less is none


def least_squares(blocks: Blocks, l1: float, l2: float) -> tuple[Vector, float]:
    """Return w (d,) and b; `blocks()` yields all rows, block by block, and may be called again."""
    A, c, mean, n = _moments(blocks())
    np.fill_diagonal(A, np.diag(A) + l2)
    w = _lasso(A, c, l1) if l1 else _shortest(A, c, blocks, mean, n, l2)
    return w, float(mean[-1] - mean[:-1] @ w)


def _moments(blocks: Iterable[Block]) -> tuple[NDArray[np.float64], Vector, Vector, int]:
    """Return A (d, d), c (d,), the weighted means of x and y behind it (d + 1,), and n."""
    shift, M, D, S = np.zeros(0), np.zeros((0, 0)), np.empty((0, 0)), np.empty((0, 0))
    n, d = 0, 0
    for X, y, omega in blocks:
        if not n:  # sums of what is near 0 keep their digits
            d = X.shape[1]
            shift = np.append(X.mean(axis=0, dtype=np.float64), y.mean())
            M = np.zeros((d + 2, d + 2))
        if len(D) < len(X):
            D = np.ones((len(X), d + 2))  # the last column sums up the others
            S = np.tile(np.append(shift, 0), (len(X), 1))  # as large as D: NumPy subtracts short rows at half the speed
        rows = D[: len(X)]
        _join(X, y, S[: len(X)], rows)
        n += len(X)
        M += rows.T @ rows if omega is None else (rows.T * omega) @ rows
    sums, weight = M[:-1, -1], M[-1, -1]
    A = (M[:-1, :-1] - np.outer(sums, sums / weight)) / n
    return A[:-1, :-1], A[:-1, -1], shift + sums / weight, n


def _join(X: Array, y: Vector, shift: NDArray[np.float64], D: NDArray[np.float64]) -> None:
    """Write the rows X (m, d) and y (m,) to the first columns of D, and take the shift from all of D."""
    d = X.shape[1]
    D[:, :d], D[:, d] = X, y
    D -= shift


def _shortest(A: NDArray[np.float64], c: Vector, blocks: Blocks, mean: Vector, n: int, l2: float) -> Vector:
    """Solve A w = c, with the shortest w in columns of length 1. With λ₂, A has it already: it may be too small to make
    A regular."""
    length = np.sqrt(np.diag(A))
    scale = np.divide(1, length, out=np.zeros_like(length), where=length > 0)
    values, V = np.linalg.eigh(A * np.outer(scale, scale))
    precision = float(np.finfo(next(iter(blocks()))[0].dtype).eps)
    least = values[-1] * max((ROUNDED * precision) ** 2, len(c) * ROUNDED * np.finfo(np.float64).eps)
    if not l2 and precision < 1e-10 and values[0] < BLURRED * values[-1]:
        return _by_triangle(blocks, mean, scale, ROUNDED * precision * np.sqrt(n))
    inverse = np.divide(1, values, out=np.zeros_like(values), where=values > least)
    w: Vector = scale * (V @ (inverse * (V.T @ (scale * c))))
    return w


def _by_triangle(blocks: Blocks, mean: Vector, scale: Vector, precision: float) -> Vector:
    """Solve by a QR decomposition of all rows, block by block, where A has lost the short directions."""
    R = np.zeros((0, len(mean)))
    for X, y, omega in blocks():
        D = np.empty((len(X), len(mean)))
        _join(X, y, mean, D)
        D[:, :-1] *= scale
        D = D if omega is None else D * np.sqrt(omega)[:, None]
        R = np.asarray(np.linalg.qr(np.vstack([R, D]), mode="r"))
    w: Vector = scale * np.linalg.lstsq(R[:, :-1], R[:, -1], rcond=precision)[0]
    return w


def solve_symmetric(A: NDArray[np.float64], b: Vector) -> Vector:
    """Solve A v = b for a symmetric A (d, d) without negative eigenvalues: with the shortest v, in columns of length 1,
    where A has not full rank, and as nearly as may be where there is no solution. Of a column of zeros, v is 0."""
    length = np.sqrt(np.diag(A))
    scale = np.divide(1, length, out=np.zeros_like(length), where=length > 0)
    scaled = A * np.outer(scale, scale)
    with contextlib.suppress(np.linalg.LinAlgError):
        if np.linalg.cholesky(scaled).diagonal().min() > REGULAR:
            return scale * np.asarray(np.linalg.solve(scaled, scale * b), np.float64)
    found: Vector = scale * np.linalg.lstsq(scaled, scale * b, rcond=RANK)[0]
    return found


def _lasso(A: NDArray[np.float64], c: Vector, l1: float) -> Vector:
    """Minimise ½ wᵀ A w − cᵀ w + λ₁ ‖w‖₁, one coordinate after the other (Friedman et al. 2007), and now and then all
    that are not 0 at once, which ends at the optimum."""
    w, diagonal, level = np.zeros(len(c)), np.diag(A), float(np.abs(c).max())
    enough = l1 * (1 + TOLERANCE) + ROUNDING * level
    for _ in range(ROUNDS):
        level = max(level / FALLING, l1)
        g = A @ w - c  # anew, without the rounding errors of many small steps
        for j in _sweeps(diagonal):
            z = diagonal[j] * w[j] - g[j]
            new = np.sign(z) * max(abs(z) - level, 0) / diagonal[j]
            if new != w[j]:
                g += A[j] * (new - w[j])
                w[j] = new
        _to_optimum_of_signs(A, c, level, w)
        others = np.abs(A @ w - c)[w == 0]
        if level == l1 and (others <= enough).all():
            break
    return w


def _to_optimum_of_signs(A: NDArray[np.float64], c: Vector, l1: float, w: Vector) -> None:
    """Move the w that are not 0 to where the objective is least for their signs s, A w = c − λ₁ s; one that would
    change its sign on the way stops at 0, and the others go on (Lee et al. 2007)."""
    while len(there := np.flatnonzero(w)):
        signs, B = np.sign(w[there]), A[np.ix_(there, there)]
        r = c[there] - l1 * signs
        target = solve_symmetric(B, r)
        step, longest = target - w[there], 1.0
        left = r - B @ target
        size = ROUNDING * (np.abs(B) @ np.abs(target) + np.abs(r))
        along = left / np.maximum(np.diag(B), SHORTEST)
        if (np.abs(left) > size).any() and along @ B @ along <= FLAT * (left @ along):
            step, longest = along, np.inf  # no solution, as of columns that are the same: along this it falls for ever
        shrinks = np.flatnonzero(signs * step < 0)
        reach = np.abs(w[there[shrinks]] / step[shrinks])
        length = min(longest, float(reach.min(initial=np.inf)))
        if length == np.inf:
            return
        w[there] += length * step
        w[there[shrinks[reach <= length]]] = 0
        if length == longest:
            return


def _sweeps(diagonal: Vector) -> Iterator[int]:
    """Yield the coordinates that can be moved, several times in turn."""
    for _ in range(SWEEPS):
        yield from np.flatnonzero(diagonal > 0).tolist()
