"""Training a linear model row by row, many rows at a time.

The textbook loop looks at one row after the other:

    for x, y in rows:   z = x W + b,   W ← W − τ xᵀ dz,   b ← b − τ dz

With a sparse loss most rows change nothing, and the others change the scores of the rows behind them in a
known way: a step at row i adds −τ (x_i·x_j + 1) dz_i to the scores of row j. So the scores of a block of rows
are one product X W + b, their inner products another, X Xᵀ + 1, and what is left to do one by one are small
corrections: W itself is touched once a block. Row for row this is the same loop, rounding apart.

The corrections are smaller still as each of these losses sets two classes against one another: a row of class y is
learned from if another class j has the highest score, counting the margin, and then dz is 1 at j and −1 at y.
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
    m, outputs = Y.shape
    S = X @ layer.W
    S += layer.b
    G = X @ X.T
    G += 1  # x_i·x_j + 1, the 1 for the bias                (m, m)
    if outputs == 1:  # z is the score of the second class; that of the first, which comes after it here, is 0
        S, Y = np.hstack([S, np.zeros_like(S)]), np.hstack([Y, 1 - Y])
    margin = (1 - Y) * loss.margin
    S += margin  # of rows to come: scores with the parameters so far; of rows that were: as at their turn
    own, D = Y.argmax(axis=1), np.zeros((m, outputs), S.dtype)
    start = 0
    while start < m:
        rivals = S[start : start + AHEAD].argmax(axis=1)
        to_learn = rivals != own[start : start + AHEAD]
        first = int(to_learn.argmax())
        if not to_learn[first]:
            start += AHEAD
            continue
        i = start + first
        start = i + 1
        j, y = int(rivals[first]), int(own[i])
        L = float(S[i, j] - S[i, y])
        if loss.margin and L == 0:
            continue
        weight = 1.0 if weights is None else float(weights[i])
        tau = rate(i)
        if isinstance(optimizer, MIRA):
            tau = optimizer.length(tau, weight * L, weight**2 * min(outputs, 2) * float(G[i, i]))
        tau *= weight
        change = G[i, start:] * tau
        if j < outputs:
            D[i, j] = -tau  # the step: W ← W + x_iᵀ d_i, b ← b + d_i
            S[start:, j] -= change
        if y < outputs:
            D[i, y] = tau
            S[start:, y] += change
    S -= margin
    S, Y = S[:, :outputs], Y[:, :outputs]
    losses = loss.forward(S, Y, np.empty_like(S))
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
