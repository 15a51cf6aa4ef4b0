"""Training a linear model row by row, many rows at a time.

The textbook loop looks at one row after the other:

    for x, y in rows:   z = x W + b,   W ← W − τ xᵀ dz,   b ← b − τ dz

With a sparse loss most rows change nothing, and the others change the scores of the rows behind them in a
known way: a step at row i adds −τ (x_i·x_j + 1) dz_i to the scores of row j. So the scores of a block of rows
are one product X W + b, their inner products another, X Xᵀ + 1, and what is left to do one by one are small
corrections: W itself is touched once a block. Row for row this is the same loop, rounding apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncli.nn.averages import Average
from nncli.nn.layers import Array, Dense
from nncli.nn.losses import Loss
from nncli.nn.network import Network
from nncli.nn.optimizers import SGD, Optimizer

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
    rates: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[Array, NDArray[np.float64]]:
    """Learns from X (m, d) and Y (m, outputs), one row after the other, with α = rates (m,).

    `weights` (m,) multiply the losses of the rows. Returns P (m, outputs) and the row losses (m,), each
    with the parameters as they were when the row's turn came.
    """
    [layer] = network.dense
    S = X @ layer.W
    S += layer.b  # scores with the parameters so far       (m, outputs)
    G = X @ X.T
    G += 1  # x_i·x_j + 1, the 1 for the bias                (m, m)
    P, dZ, D = np.empty_like(S), np.empty_like(S), np.zeros_like(S)
    losses = np.empty(len(X))
    start = 0
    while start < len(X):
        part = slice(start, start + AHEAD)
        losses[part] = loss.forward(S[part], Y[part], P[part])
        loss.backward(S[part], P[part], Y[part], dZ[part])
        to_learn = np.flatnonzero(dZ[part].any(axis=1))
        if len(to_learn) == 0:
            start += AHEAD
            continue
        i = start + int(to_learn[0])
        dz = weights[i] * dZ[i]
        tau = optimizer.length(rates[i], weights[i] * losses[i], float(dz @ dz) * float(G[i, i]))
        D[i] = -tau * dz
        S[i + 1 :] += G[i + 1 :, i, None] * D[i]
        start = i + 1
    # θ after row t is W + Σ_{i ≤ t} x_iᵀ d_i, so in a mean over t with weights a_t, x_iᵀ d_i counts Σ_{t ≥ i} a_t
    share = np.cumsum(average.within(len(X))[::-1])[::-1].astype(X.dtype)[:, None]
    learned = np.flatnonzero(D.any(axis=1))
    X, D, share = X[learned], D[learned], share[learned]
    _move(layer, X, share * D)
    average.add(network.theta, len(losses))  # θ is the mean of these rows now
    if (share != 1).any():
        _move(layer, X, (1 - share) * D)
    return P, losses


def _move(layer: Dense, X: Array, D: Array) -> None:
    layer.W += X.T @ D
    layer.b += D.sum(axis=0)
