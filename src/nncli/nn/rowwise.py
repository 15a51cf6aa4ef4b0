"""Training a linear model row by row, many rows at a time.

The textbook loop looks at one row after the other:

    for x, y in rows:   z = x W + b,   W ← W − τ xᵀ dz,   b ← b − τ dz

With a sparse loss most rows change nothing, and the others change the scores of the rows behind them in a
known way: a step at row i adds −τ (x_i·x_j + 1) dz_i to the scores of row j. So the scores of a block of rows
are one product X W + b, their inner products another, X Xᵀ + 1, and what is left to do one by one are small
corrections: W itself is touched once a block. Row for row this is the same loop, rounding apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nncli.nn.averages import Average
from nncli.nn.layers import Array, Dense
from nncli.nn.loss import Loss
from nncli.nn.network import Network
from nncli.nn.optimizer import Optimizer
from nncli.nn.optimizers import MIRA, SGD

ROWS = 64  # of a block: more make the inner products dearer, fewer all else
AHEAD = 12  # rows whose scores are looked at together for the next one to learn from


def fits(network: Network, loss: Loss, optimizer: Optimizer) -> bool:
    """Whether `learn_rows` can train this."""
    return len(network.layers) == 1 and loss.sparse and isinstance(optimizer, SGD)


def learn_rows(
    network: Network,
    loss: Loss,
    optimizer: SGD,
    average: Average,
    X: Array,
    Y: Array,
    rate: Callable[[int], float],
    weights: NDArray[np.float64] | None,
) -> tuple[Array, NDArray[np.float64]]:
    """Learns from X (m, d) and Y (m, outputs), one row after the other, with α = rate(i) at row i.

    `weights` (m,) multiply the losses of the rows. Returns the scores (m, outputs) and losses (m,) of
    the rows, each with the parameters as they were when the row's turn came.
    """
    [layer] = network.dense
    S = X @ layer.W
    S += layer.b  # of rows to come: scores with the parameters so far; of rows that were: as at their turn
    G = X @ X.T
    G += 1  # x_i·x_j + 1, the 1 for the bias                (m, m)
    P, dZ, D = np.empty_like(S), np.empty_like(S), np.zeros_like(S)
    start = 0
    while start < len(X):
        part = slice(start, start + AHEAD)
        loss.backward(S[part], P[part], Y[part], dZ[part])
        to_learn: NDArray[np.bool_] = np.logical_or.reduce(dZ[part], axis=1)  # any, at half the cost
        first = int(to_learn.argmax())
        i = start + first
        if not to_learn[first]:
            start += AHEAD
            continue
        dz = dZ[i] if weights is None else weights[i] * dZ[i]
        tau = rate(i)
        if isinstance(optimizer, MIRA):
            row = slice(i, i + 1)
            L = float(loss.forward(S[row], Y[row], P[row])[0]) * (1 if weights is None else weights[i])
            tau = optimizer.length(tau, L, float(dz @ dz) * float(G[i, i]))
        np.multiply(dz, -tau, out=D[i])  # the step: W ← W + x_iᵀ d_i, b ← b + d_i
        start = i + 1
        S[start:] += G[i, start:, None] * D[i]
    losses = loss.forward(S, Y, P)
    # θ after row t is W + Σ_{i ≤ t} x_iᵀ d_i, so in a mean over t with weights a_t, x_iᵀ d_i counts Σ_{t ≥ i} a_t
    share = np.cumsum(average.within(len(X))[::-1])[::-1].astype(X.dtype)[:, None]
    learned = np.flatnonzero(D.any(axis=1))
    X, D, share = X[learned], D[learned], share[learned]
    _move(layer, X, share * D)
    average.add(network.theta, len(S))  # θ is the mean of these rows now
    if (share != 1).any():
        _move(layer, X, (1 - share) * D)
    return S, losses


def _move(layer: Dense, X: Array, D: Array) -> None:
    layer.W += X.T @ D
    layer.b += D.sum(axis=0)
