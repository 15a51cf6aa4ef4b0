"""Non-negative least squares, by the active set of Lawson and Hanson (1974, chapter 23)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FEW = 64  # equations: SciPy is faster for more of them, but takes half a second to be imported
MOST_ROUNDS = 3  # times the number of columns


def nonnegative_least_squares(A: Floats, b: Floats) -> Floats:
    """Return the x ≥ 0, (n,), of least ‖A x − b‖, for A (m, n) and b (m,); RuntimeError where it is not found."""
    if len(b) <= FEW:
        return active_set(A, b)
    from scipy.optimize import nnls

    x: Floats = nnls(A, b)[0]
    return x


def active_set(A: Floats, b: Floats) -> Floats:
    """Return the same, worked out here.

    Entries of x above 0 are `passive`: the best of these alone is taken. One more becomes so where ‖A x − b‖ falls
    along it, and those that would be below 0 stop being so, until there is none of either kind.
    """
    m, n = A.shape
    x, passive, barred = np.zeros(n), np.zeros(n, bool), np.zeros(n, bool)
    least = 10 * max(m, n) * np.finfo(np.float64).eps * float(np.abs(A).sum(axis=0).max())
    for _ in range(MOST_ROUNDS * n):
        downhill = np.where(passive | barred, -np.inf, (b - A @ x) @ A)  # −½ d‖A x − b‖²/dx
        j = int(downhill.argmax())
        if downhill[j] <= least:
            return np.maximum(_refined(A, b, passive), 0)
        passive[j] = True
        s = _best(A, b, passive)
        if s[j] <= 0:  # but for rounding, it is not downhill
            passive[j], barred[j] = False, True
            continue
        while (below := passive & (s <= 0)).any():
            share = float(np.min(x[below] / (x[below] - s[below])))
            x += share * (s - x)
            passive &= ~below | (x > 0)
            passive[below & (x <= least)] = False
            x[~passive] = 0
            s = _best(A, b, passive)
        x = s
        barred[:] = False
    raise RuntimeError("non-negative least squares has not ended")


def _best(A: Floats, b: Floats, passive: NDArray[np.bool_]) -> Floats:
    """Return the least squares solution of the passive columns alone, and 0 for the others."""
    x, some = np.zeros(A.shape[1]), A[:, passive]
    try:
        x[passive] = np.linalg.solve(some.T @ some, b @ some)
    except np.linalg.LinAlgError:  # they depend on one another, but for rounding
        return _refined(A, b, passive)
    return x


def _refined(A: Floats, b: Floats, passive: NDArray[np.bool_]) -> Floats:
    """Return the same without what is lost in the squares of AᵀA, which takes longer."""
    x = np.zeros(A.shape[1])
    x[passive] = np.linalg.lstsq(A[:, passive], b, rcond=None)[0]
    return x
