"""Linear quantile regression, solved at once: w and b that minimise

    (1/n) Σ_i ω_i max(q e_i, (q − 1) e_i),   e = y − X w − b

It is a linear program. Its dual, max yᵀa over 0 ≤ a ≤ ω with Zᵀa = (1 − q) Zᵀω, where Z is X with a column of ones, has
the multipliers (w, b) we look for. The interior point method of Frisch and Newton goes there in some 20 steps, each a
weighted least squares of all rows (Portnoy and Koenker 1997).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nncli.nn.least_squares import solve_symmetric

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

SHORTER = 0.9995  # of the way to the border that a step goes
GAP = 1e-9  # between primal and dual, as a share of the loss, at which it ends
MOST_STEPS = 100
EXACT = 1e-10  # of the largest target: errors that are rounding errors


def quantile_regression(
    X: Matrix, y: Vector, q: float, omega: Vector | None = None, on_step: Callable[[], None] = lambda: None
) -> tuple[Vector, float]:
    """Return w (d,) and b for rows X (n, d), targets y (n,) and weights ω (n,), 1 each if there are none; `on_step` is
    called before each step, and may raise what ends it."""
    if omega is not None and not omega.all():  # rows that do not count
        X, y, omega = X[omega > 0], y[omega > 0], omega[omega > 0]
    Z = np.column_stack([X, np.ones(len(X))])
    theta = solve_symmetric(Z.T @ Z, Z.T @ y)
    if np.abs(y - Z @ theta).max() > EXACT * np.abs(y).max():  # else it goes through all of them
        u = np.ones(len(y)) if omega is None else omega
        theta = -_multipliers(Z, -y, u, (1 - q) * u, on_step)
    return theta[:-1], float(theta[-1])


def _multipliers(Z: Matrix, c: Vector, u: Vector, x: Vector, on_step: Callable[[], None]) -> Vector:
    """Return the multipliers λ (d,) of Zᵀx = b in min cᵀx over 0 ≤ x ≤ u, from a feasible x, which fixes b."""
    b = Z.T @ x
    s = u - x
    multipliers = solve_symmetric(Z.T @ Z, Z.T @ c)
    r = c - Z @ multipliers
    size = float(np.abs(r).sum())
    inside = 1e-3 * size / len(r)
    z, w = np.maximum(r, 0) + inside, np.maximum(-r, 0) + inside
    for _ in range(MOST_STEPS):
        on_step()
        gap = float(c @ x - multipliers @ b + w @ u)
        if gap <= GAP * size:
            break
        weight = 1 / (z / x + w / s)
        r = z - w
        normal = (Z.T * weight) @ Z
        rhs = Z.T @ (weight * r)
        step = solve_symmetric(normal, rhs)
        dx = weight * (Z @ step - r)
        dz, dw = -z * (1 + dx / x), -w * (1 - dx / s)
        along_x, along_z = min(_reach(x, dx), _reach(s, -dx)), min(_reach(z, dz), _reach(w, dw))
        if min(along_x, along_z) < 1:  # with the curvature of the path that the full step shows (Mehrotra 1992)
            mu = float(z @ x + w @ s)
            ahead = float((z + along_z * dz) @ (x + along_x * dx) + (w + along_z * dw) @ (s - along_x * dx))
            mu *= (ahead / mu) ** 3 / (2 * len(x))
            dxdz, dsdw = dx * dz, -dx * dw
            pull = mu * (1 / x - 1 / s)
            step = solve_symmetric(normal, rhs + Z.T @ (weight * (dxdz / x - dsdw / s - pull)))
            dx = weight * (Z @ step + pull - r - dxdz / x + dsdw / s)
            dz = mu / x - z - z * dx / x - dxdz / x
            dw = mu / s - w + w * dx / s - dsdw / s
            along_x, along_z = min(_reach(x, dx), _reach(s, -dx)), min(_reach(z, dz), _reach(w, dw))
        x, s = x + along_x * dx, s - along_x * dx
        multipliers = multipliers + along_z * step
        z, w = z + along_z * dz, w + along_z * dw
    return multipliers


def _reach(v: Vector, dv: Vector) -> float:
    """Return how far v may go along dv and stay above 0, at most 1."""
    falls = dv < 0
    return min(1.0, SHORTER * float((v[falls] / -dv[falls]).min(initial=np.inf)))
