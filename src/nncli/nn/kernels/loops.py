"""Loops that are compiled. Each does part number `part` of `parts` of its work, and several threads may share these.

Below a loop stands the function that shares it out, which Python calls: `memory` is that of a pool. Numbers are of the
type of the arrays, so that nothing is computed in another. A loop asks for no memory and raises nothing: a worker has
nobody to tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from nncli.nn.kernels.pool import share, task_of
from nncli.system.compiling import compiled, reordered


@compiled
def own_part(n: int, part: int, parts: int) -> slice:
    """Return which of n numbers are of a part."""
    return slice(n * part // parts, n * (part + 1) // parts)


def own_factors(factors: Any, own: Any) -> Any:
    return factors[own] if isinstance(factors, np.ndarray) else factors


def factor_of(factors: Any, i: int) -> Any:
    return factors[i] if isinstance(factors, np.ndarray) else factors


@overload(own_factors, strict=False)
def _own_factors(factors: Any, own: Any) -> Any:
    """Return the factors of the learning rate of a part; or the one of all."""
    if isinstance(factors, types.Array):
        return lambda factors, own: factors[own]
    return lambda factors, own: factors


@overload(factor_of, strict=False)
def _factor_of(factors: Any, i: Any) -> Any:
    """Return the factor of the learning rate of a parameter."""
    if isinstance(factors, types.Array):
        return lambda factors, i: factors[i]
    return lambda factors, i: factors


@compiled
def _sgd(theta: Any, g: Any, lr: Any, factors: Any, part: int, parts: int) -> None:
    own = own_part(len(theta), part, parts)
    theta, g, f = theta[own], g[own], own_factors(factors, own)
    for i in range(len(theta)):
        theta[i] -= lr * factor_of(f, i) * g[i]  # θ ← θ − α g


@compiled
def sgd(memory: Any, theta: Any, g: Any, lr: Any, factors: Any) -> None:
    task = _sgd_task((theta, g, lr, factors))
    share(memory, task[0], task[1])


@compiled
def _momentum(theta: Any, g: Any, v: Any, lr: Any, factors: Any, mu: Any, part: int, parts: int) -> None:
    own = own_part(len(theta), part, parts)
    theta, g, v, f = theta[own], g[own], v[own], own_factors(factors, own)
    for i in range(len(theta)):
        new = mu * v[i] + g[i]  # v ← μ v + g
        v[i] = new
        theta[i] -= lr * factor_of(f, i) * new  # θ ← θ − α v


@compiled
def momentum(memory: Any, theta: Any, g: Any, v: Any, lr: Any, factors: Any, mu: Any) -> None:
    task = _momentum_task((theta, g, v, lr, factors, mu))
    share(memory, task[0], task[1])


@compiled
def _nesterov(theta: Any, g: Any, v: Any, lr: Any, factors: Any, mu: Any, part: int, parts: int) -> None:
    own = own_part(len(theta), part, parts)
    theta, g, v, f = theta[own], g[own], v[own], own_factors(factors, own)
    for i in range(len(theta)):
        new = mu * v[i] + g[i]  # v ← μ v + g
        v[i] = new
        theta[i] -= lr * factor_of(f, i) * (g[i] + mu * new)  # θ ← θ − α (g + μ v)


@compiled
def nesterov(memory: Any, theta: Any, g: Any, v: Any, lr: Any, factors: Any, mu: Any) -> None:
    task = _nesterov_task((theta, g, v, lr, factors, mu))
    share(memory, task[0], task[1])


@compiled
def _squares(
    theta: Any, g: Any, s: Any, lr: Any, factors: Any, rho: Any, new: Any, eps: Any, part: int, parts: int
) -> None:
    own = own_part(len(theta), part, parts)
    theta, g, s, f = theta[own], g[own], s[own], own_factors(factors, own)
    for i in range(len(theta)):
        mean = rho * s[i] + new * (g[i] * g[i])  # s ← ρ s + (1 − ρ) g²; of AdaGrad s + g²
        s[i] = mean
        theta[i] -= lr * factor_of(f, i) * (g[i] / (np.sqrt(mean) + eps))  # θ ← θ − α g / (√s + ε)


@compiled
def squares(memory: Any, theta: Any, g: Any, s: Any, lr: Any, factors: Any, rho: Any, new: Any, eps: Any) -> None:
    task = _squares_task((theta, g, s, lr, factors, rho, new, eps))
    share(memory, task[0], task[1])


@compiled
def adam_part(
    theta: Any,
    g: Any,
    m: Any,
    v: Any,
    rate: Any,
    factors: Any,
    beta1: Any,
    beta2: Any,
    eps: Any,
    part: int,
    parts: int,
) -> None:
    own = own_part(len(theta), part, parts)
    theta, g, m, v, f = theta[own], g[own], m[own], v[own], own_factors(factors, own)
    for i in range(len(theta)):
        first = beta1 * m[i] + g[i]  # m ← β₁ m + g
        second = beta2 * v[i] + g[i] * g[i]  # v ← β₂ v + g²
        m[i], v[i] = first, second
        theta[i] -= rate * factor_of(f, i) * (first / (np.sqrt(second) + eps))  # θ ← θ − (α c₁ / c₂) m / (√v + ε / c₂)


@compiled
def adam(
    memory: Any, theta: Any, g: Any, m: Any, v: Any, rate: Any, factors: Any, beta1: Any, beta2: Any, eps: Any
) -> None:
    task = _adam_task((theta, g, m, v, rate, factors, beta1, beta2, eps))
    share(memory, task[0], task[1])


@compiled
def _approach(mean: Any, theta: Any, share_of: Any, part: int, parts: int) -> None:
    own = own_part(len(theta), part, parts)
    mean, theta = mean[own], theta[own]
    for i in range(len(theta)):
        mean[i] += share_of * (theta[i] - mean[i])  # θ̄ ← θ̄ + share (θ − θ̄)


@compiled
def approach(memory: Any, mean: Any, theta: Any, share_of: Any) -> None:
    task = _approach_task((mean, theta, share_of))
    share(memory, task[0], task[1])


@reordered
def _square(g: Any, sums: Any, part: int, parts: int) -> None:
    total = g.dtype.type(0)
    g = g[own_part(len(g), part, parts)]
    for i in range(len(g)):
        total += g[i] * g[i]
    sums[part] = total


@compiled
def square(memory: Any, g: Any, sums: Any) -> float:
    task = _square_task((g, sums))
    share(memory, task[0], task[1])
    total = 0.0
    for part in range(memory[0]):
        total += sums[part]
    return total


@compiled
def _relu(Z: Any, A: Any, part: int, parts: int) -> None:
    own = own_part(A.size, part, parts)
    a = A.reshape(A.size)[own]
    if A.ctypes.data != Z.ctypes.data:
        a[:] = Z.reshape(Z.size)[own]
    for i in range(len(a)):  # in place, so that there is no doubt which numbers lie where
        a[i] = 0 if a[i] <= 0 else a[i]  # which keeps what is no number


@compiled
def relu(memory: Any, Z: Any, A: Any) -> None:
    task = _relu_task((Z, A))
    share(memory, task[0], task[1])


@compiled
def _relu_backward(dA: Any, A: Any, dZ: Any, part: int, parts: int) -> None:
    own = own_part(A.size, part, parts)
    a, dz = A.reshape(A.size)[own], dZ.reshape(dZ.size)[own]
    if dZ.ctypes.data != dA.ctypes.data:
        dz[:] = dA.reshape(dA.size)[own]
    for i in range(len(a)):
        dz[i] = dz[i] if a[i] > 0 else 0  # dL/dZ = dL/dA ∘ [Z > 0]


@compiled
def relu_backward(memory: Any, dA: Any, A: Any, dZ: Any) -> None:
    task = _relu_backward_task((dA, A, dZ))
    share(memory, task[0], task[1])


@compiled
def _take(values: Any, rows: Any, scale: Any, shift: Any, X: Any, room: Any, part: int, parts: int) -> None:
    own = own_part(len(rows), part, parts)
    rows, X = rows[own], X[own]
    n, d = X.shape
    stored = room[part]
    for start in range(0, n, len(stored)):
        count = min(len(stored), n - start)
        for k in range(count):  # first of all, as they have to come from far
            copy, row = stored[k], values[rows[start + k]]
            for j in range(d):
                copy[j] = row[j]
        for k in range(count):
            x, row = X[start + k], stored[k]
            for j in range(d):
                x[j] = (scale.dtype.type(row[j]) - shift[j]) * scale[j]


@compiled
def take(memory: Any, values: Any, rows: Any, scale: Any, shift: Any, X: Any, room: Any) -> None:
    task = _take_task((values, rows, scale, shift, X, room))
    share(memory, task[0], task[1])


@compiled
def softmax_loss_part(
    Z: Any, y: Any, on: Any, off: Any, factor: Any, losses: Any, right: Any, dZ: Any, part: int, parts: int
) -> None:
    n, K = Z.shape
    for i in range(n * part // parts, n * (part + 1) // parts):
        z, dz, most, first = Z[i], dZ[i], Z[i, 0], 0
        for k in range(1, K):
            if z[k] > most:
                most, first = z[k], k
        if K == 2:  # of two equal scores, the second
            first = 1 if z[1] >= z[0] else 0
        total = z.dtype.type(0)
        of_targets = z.dtype.type(0)  # Σ_k y_k z_k
        for k in range(K):
            dz[k] = np.exp(z[k] - most)
            total += dz[k]
            of_targets += (on if k == y[i] else off) * z[k]
        for k in range(K):
            dz[k] = (dz[k] / total - (on if k == y[i] else off)) * factor  # (p_k − y_k) · factor
        losses[i] = np.float64(most) - np.float64(of_targets) + np.float64(np.log(total))
        right[i] = first == y[i]


@compiled
def softmax_loss(memory: Any, Z: Any, y: Any, on: Any, off: Any, factor: Any, losses: Any, right: Any, dZ: Any) -> None:
    task = _softmax_loss_task((Z, y, on, off, factor, losses, right, dZ))
    share(memory, task[0], task[1])


@compiled
def sigmoid_loss_part(
    Z: Any, y: Any, on: Any, off: Any, factor: Any, losses: Any, right: Any, dZ: Any, part: int, parts: int
) -> None:
    n, number = len(Z), Z.dtype.type
    for i in range(n * part // parts, n * (part + 1) // parts):
        z, target = np.float64(Z[i, 0]), on if y[i] else off
        small = np.exp(-min(abs(z), 80.0))
        p = number((1.0 if z >= 0 else small) / (1 + small))
        dZ[i, 0] = (p - target) * factor  # (p − y) · factor
        losses[i] = max(z, 0.0) - target * z + np.log1p(np.exp(-abs(z)))
        right[i] = (z >= 0) == (y[i] != 0)


@compiled
def sigmoid_loss(memory: Any, Z: Any, y: Any, on: Any, off: Any, factor: Any, losses: Any, right: Any, dZ: Any) -> None:
    task = _sigmoid_loss_task((Z, y, on, off, factor, losses, right, dZ))
    share(memory, task[0], task[1])


@reordered
def learn_rows(
    X: Any, W: Any, b: Any, own: Any, outputs: int, margin: Any, rates: Any, weights: Any, mira: bool, S: Any, D: Any
) -> None:
    """Take a step for each row of X (m, d), one after the other, on W (outputs, d), transposed, and b (outputs,).

    S (m, K) become the scores before the step of each row, with the margin at all classes but its own (m,); row i of D
    is its step, W ← W + x_iᵀ d_i.
    """
    m, K = S.shape
    for i in range(m):
        x, s, y = X[i], S[i], own[i]
        for k in range(outputs):
            w = W[k]
            z = x.dtype.type(0)
            for j in range(len(x)):
                z += w[j] * x[j]
            s[k] = z + b[k]
        if outputs == 1:
            s[1] = 0
        for k in range(K):
            if k != y:
                s[k] += margin
        first = 0
        for k in range(1, K):
            if s[k] > s[first]:
                first = k
        if first == y:
            continue
        L = np.float64(s[first] - s[y])
        if margin > 0 and L == 0:  # a margin of just 1 is no loss
            continue
        tau = rates[i]
        if mira:
            square = x.dtype.type(0)
            for j in range(len(x)):
                square += x[j] * x[j]
            square = weights[i] ** 2 * min(outputs, 2) * (np.float64(square) + 1)
            tau = min(tau, weights[i] * L / square) if square > 0 else 0.0
        tau *= weights[i]
        if tau == 0:
            continue
        step = x.dtype.type(tau)
        if first < outputs:
            w = W[first]
            for j in range(len(x)):
                w[j] -= step * x[j]
            b[first] -= step
            D[i, first] = -step
        if y < outputs:
            w = W[y]
            for j in range(len(x)):
                w[j] += step * x[j]
            b[y] += step
            D[i, y] = step


_sgd_task, _momentum_task, _nesterov_task = task_of(_sgd), task_of(_momentum), task_of(_nesterov)
_squares_task, _adam_task, _square_task = task_of(_squares), task_of(adam_part), task_of(_square)
_approach_task = task_of(_approach)
_relu_task, _relu_backward_task, _take_task = task_of(_relu), task_of(_relu_backward), task_of(_take)
_softmax_loss_task, _sigmoid_loss_task = task_of(softmax_loss_part), task_of(sigmoid_loss_part)
