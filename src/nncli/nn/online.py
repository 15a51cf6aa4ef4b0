"""Train a linear model row by row, many rows at a time.

The textbook loop looks at one row after the other:

    for x, y in rows:   z = x W + b,   W ← W − τ xᵀ dz,   b ← b − τ dz

With a sparse loss most rows change nothing, and the others change the scores of the rows behind them in a
known way: a step at row i adds −τ (x_i·x_j + 1) dz_i to the scores of row j. So the scores of a block of rows
are one product X W + b, a step at row i corrects those of the rows behind it by another, X x_i + 1, and W itself
changes once a block. Up to rounding, this is the same loop.

The corrections are smaller still because each of these losses compares two classes: there is a step for a row of class
y if another class j has the highest score, including the margin, and then dz is 1 at j and −1 at y.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nncli.nn.averages import Average, NoAverage, RunningAverage
from nncli.nn.elementwise import Optimizer
from nncli.nn.layers import Array, Dense
from nncli.nn.network import Network
from nncli.nn.optimizers import MIRA, SGD
from nncli.nn.row_loss import Loss
from nncli.nn.sparse_rows import is_sparse

ROWS = 512  # taken together, to share what is done once for many
BLOCK = 64  # of them have their scores from one product: more make each step dearer, fewer all else
AHEAD = 16  # of those are looked at together for the next one to learn from


def fits(network: Network, loss: Loss, optimizer: Optimizer) -> bool:
    """Tell whether `learn_rows` can train this."""
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
    rates: Callable[[], NDArray[np.float64]] | None = None,
) -> tuple[Array, NDArray[np.float64]]:
    """Learn from X (m, d), which may be sparse rows, and Y (m, outputs), one row after the other, with α = rate(i) at
    row i; `rates()` returns that of all rows, where this is quicker than one after the other.

    `weights` (m,) multiply the losses of the rows. Return the scores (m, outputs) and losses (m,) of the rows, each
    with the parameters as they were before the step of that row.
    """
    [layer] = network.dense
    outputs = Y.shape[1]
    if outputs == 1:  # z is the score of the second class; that of the first, which comes after it here, is 0
        Y = np.hstack([Y, 1 - Y])
    margin = (1 - Y) * loss.margin
    own, S = Y.argmax(axis=1), np.zeros_like(Y)
    m = X.shape[0]
    if network.kernels.learn_rows is not None and not is_sparse(X):
        of_rows = np.array([rate(i) for i in range(m)]) if rates is None else rates()
        _learn_fused(network, loss, optimizer, average, X, own, S, outputs, of_rows, weights)
        Y, S = Y[:, :outputs], S - margin
        return S[:, :outputs], loss.forward(S[:, :outputs], Y, np.empty_like(Y))

    def length(i: int, L: float, square: float) -> float:
        """Return τ of row i, from its loss and ‖x‖² + 1."""
        if loss.margin and L == 0:  # a margin of just 1 is no loss
            return 0.0
        weight = 1.0 if weights is None else float(weights[i])
        tau = rate(i)
        if isinstance(optimizer, MIRA):
            tau = optimizer.length(tau, weight * L, weight**2 * min(outputs, 2) * square)
        return tau * weight

    for start in range(0, m, BLOCK):
        block = slice(start, start + BLOCK)
        x, s = X if m <= BLOCK else X[block], S[block]
        s[:, :outputs] = x @ layer.W
        s[:, :outputs] += layer.b
        s += margin[block]  # later rows: scores with the parameters so far; earlier rows: those before their step
        learned, D = _one_by_one(x, s, own[block], outputs, length, start)
        if not learned:
            average.add(network.theta, len(s))
            continue
        x, D = x[learned], D[learned]
        if isinstance(average, RunningAverage):
            # θ after row t is W + Σ_{i ≤ t} x_iᵀ d_i, so in a mean with weights a_t, x_iᵀ d_i counts Σ_{t ≥ i} a_t
            share = np.cumsum(average.within(len(s))[::-1])[::-1].astype(X.dtype)[learned, None]
            _move(layer, x, share * D)
            average.add(network.theta, len(s))  # θ is the mean of these rows now
            _move(layer, x, (1 - share) * D)
        else:
            _move(layer, x, D)
            average.add(network.theta, len(s))
    S -= margin
    S, Y = S[:, :outputs], Y[:, :outputs]
    return S, loss.forward(S, Y, np.empty_like(S))


def _learn_fused(
    network: Network,
    loss: Loss,
    optimizer: SGD,
    average: Average,
    X: Array,
    own: NDArray[np.int64],
    S: Array,
    outputs: int,
    rates: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
) -> None:
    """Learn in the textbook loop, compiled, and write S, the scores of the rows with their margins."""
    [layer] = network.dense
    learn, m = network.kernels.learn_rows, len(X)
    assert learn is not None
    D = np.zeros((m, outputs), X.dtype)
    weights = np.ones(m) if weights is None else weights
    is_mira, margin = isinstance(optimizer, MIRA), X.dtype.type(loss.margin)
    at_once = m if isinstance(average, NoAverage) else BLOCK
    for start in range(0, m, at_once):
        rows = slice(start, start + at_once)
        W, b, s = np.array(layer.W.T, order="C"), layer.b.copy(), S[rows]
        how = outputs, margin, rates[rows], weights[rows], is_mira
        learn(X[rows], W, b, own[rows], *how, s, D[rows])
        if isinstance(average, RunningAverage):  # see `learn_rows`
            learned = np.flatnonzero(D[rows].any(axis=1))
            x, d = X[rows][learned], D[rows][learned]
            share = np.cumsum(average.within(len(s))[::-1])[::-1].astype(X.dtype)[learned, None]
            _move(layer, x, share * d)
            average.add(network.theta, len(s))  # θ is the mean of these rows now
        layer.W[...], layer.b[...] = W.T, b
        if not isinstance(average, RunningAverage):
            average.add(network.theta, len(s))


def _one_by_one(
    X: Array, S: Array, own: NDArray[np.int64], outputs: int, length: Callable[[int, float, float], float], start: int
) -> tuple[list[int], Array]:
    """Return the rows of a block X (n, d), of the classes `own` (n,), that have a step, and the steps D (n, outputs):
    that of row i is W ← W + x_iᵀ d_i, b ← b + d_i, with τ = length(start + i, L_i, ‖x_i‖² + 1).

    S, the scores before the first step, become the scores before the step of each row.
    """
    n = X.shape[0]
    learned, D = [], np.zeros((n, outputs), X.dtype)
    one = np.ones((), X.dtype)  # an array: to convert a Python number takes longer than to add it
    G = (X @ X.T).toarray() if is_sparse(X) else None  # x_i·x_t, all at once, as rows have few inputs in common
    now = 0
    while now < n:
        rivals = S[now : now + AHEAD].argmax(axis=1)
        to_learn = rivals != own[now : now + AHEAD]
        first = int(to_learn.argmax())
        if not to_learn[first]:
            now += AHEAD
            continue
        i = now + first
        now = i + 1
        j, y = int(rivals[first]), int(own[i])
        L = float(S[i, j] - S[i, y])
        products = np.dot(X[i:], X[i]) if G is None else G[i, i:]
        products += one  # x_i·x_t + 1 for the rows t from i on, the 1 for the bias
        tau = length(start + i, L, float(products[0]))
        if not tau:
            continue
        change = products[1:]
        change *= tau
        learned.append(i)
        if j < outputs:
            D[i, j] = -tau
            z = S[now:, j]
            z -= change
        if y < outputs:
            D[i, y] = tau
            z = S[now:, y]
            z += change
    return learned, D


def _move(layer: Dense, X: Array, D: Array) -> None:
    layer.W += X.T @ D
    layer.b += D.sum(axis=0)
