"""Linear least squares, solved at once: w and b that minimise

    (1/n) Σ_i ½ ω_i (x_i · w + b − y_i)² + ½ λ₂ ‖w‖² + λ₁ ‖w‖₁

With A = Σ ω (x − x̄)(x − x̄)ᵀ / n and c = Σ ω (x − x̄)(y − ȳ) / n, the optimum is where (A + λ₂ I) w = c without λ₁, and
b = ȳ − x̄ · w. All sums are in float64. Of several optima, where columns depend on one another, w is the shortest, in
columns of one length.
"""

from __future__ import annotations

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
SWEEPS, ROUNDS = 20, 2000  # over all coordinates until the signs are tried, and how often
TOLERANCE = 1e-12  # of λ₁


def least_squares(blocks: Blocks, l1: float, l2: float) -> tuple[Vector, float]:
    """Return w (d,) and b; `blocks()` yields all rows, block by block, and may be called again."""
    A, c, mean, n = _moments(blocks())
    if l1:
        w = _lasso(A + l2 * np.eye(len(c)), c, l1)
    elif l2:
        w = np.asarray(np.linalg.solve(A + l2 * np.eye(len(c)), c), np.float64)
    else:
        w = _shortest(A, c, blocks, mean, n)
    return w, float(mean[-1] - mean[:-1] @ w)


def _moments(blocks: Iterable[Block]) -> tuple[NDArray[np.float64], Vector, Vector, int]:
    """Return A (d, d), c (d,), the weighted means of x and y behind it (d + 1,), and n."""
    shift, M, D = np.zeros(0), np.zeros((0, 0)), np.empty((0, 0))
    n, d = 0, 0
    for X, y, omega in blocks:
        if not n:  # sums of what is near 0 keep their digits
            d = X.shape[1]
            shift = np.append(X.mean(axis=0, dtype=np.float64), y.mean())
            M = np.zeros((d + 2, d + 2))
        if len(D) < len(X):
            D = np.ones((len(X), d + 2))  # the last column sums up the others
        rows = D[: len(X)]
        _join(X, y, shift, rows)
        n += len(X)
        M += rows.T @ rows if omega is None else (rows.T * omega) @ rows
    sums, weight = M[:-1, -1], M[-1, -1]
    A = (M[:-1, :-1] - np.outer(sums, sums / weight)) / n
    return A[:-1, :-1], A[:-1, -1], shift + sums / weight, n


def _join(X: Array, y: Vector, shift: Vector, D: NDArray[np.float64]) -> None:
    """Write the rows X (m, d) and y (m,), less their shift, to the first columns of D."""
    d = X.shape[1]
    np.subtract(X, shift[:-1], out=D[:, :d])
    np.subtract(y, shift[-1], out=D[:, d])


def _shortest(A: NDArray[np.float64], c: Vector, blocks: Blocks, mean: Vector, n: int) -> Vector:
    """Solve A w = c, with the shortest w in columns of length 1."""
    length = np.sqrt(np.diag(A))
    scale = np.divide(1, length, out=np.zeros_like(length), where=length > 0)
    values, V = np.linalg.eigh(A * np.outer(scale, scale))
    precision = float(np.finfo(next(iter(blocks()))[0].dtype).eps)
    least = values[-1] * max((ROUNDED * precision) ** 2, len(c) * ROUNDED * np.finfo(np.float64).eps)
    if precision < 1e-10 and values[0] < BLURRED * values[-1]:
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


def _lasso(A: NDArray[np.float64], c: Vector, l1: float) -> Vector:
    """Minimise ½ wᵀ A w − cᵀ w + λ₁ ‖w‖₁, one coordinate after the other (Friedman et al. 2007); once their signs are
    known, all others at once."""
    w, g, diagonal = np.zeros(len(c)), -c, np.diag(A)  # g = A w − c
    for _ in range(ROUNDS):
        for j in _sweeps(diagonal):
            z = diagonal[j] * w[j] - g[j]
            new = np.sign(z) * max(abs(z) - l1, 0) / diagonal[j]
            if new != w[j]:
                g += A[j] * (new - w[j])
                w[j] = new
        there = np.flatnonzero(w)
        signs, exact = np.sign(w[there]), np.zeros_like(w)
        if len(there):
            exact[there] = np.linalg.lstsq(A[np.ix_(there, there)], c[there] - l1 * signs)[0]
        gradient = A @ exact - c
        others = np.delete(np.abs(gradient), there)
        holds = (np.sign(exact[there]) == signs).all() and (others <= l1 * (1 + TOLERANCE)).all()
        if holds and (np.abs(gradient[there] + l1 * signs) <= 1e-9 * l1).all():
            return exact
        g = A @ w - c  # without the rounding errors of many small steps
    return w


def _sweeps(diagonal: Vector) -> Iterator[int]:
    """Yield the coordinates that can be moved, several times in turn."""
    for _ in range(SWEEPS):
        yield from np.flatnonzero(diagonal > 0).tolist()
