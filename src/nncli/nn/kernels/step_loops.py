"""Loops that take whole steps by Adam of a linear model for sparse rows, one after the other, each in a few passes that
the threads share; see `loops.py` for what all loops keep to, and `sparse_loops.py` for what sparse rows are.

The rows of weights that a batch touches are gathered into small arrays, with what the steps that they have missed do
to them, are learned there, and are scattered back: as `TouchedRows` does for any network, without Python in between.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.nn.kernels.bits import bits_of
from nncli.nn.kernels.loops import adam_part, sigmoid_loss_part, softmax_loss_part
from nncli.nn.kernels.mark_loops import list_marked, mark, own_words, rank
from nncli.nn.kernels.missed_loops import catch_up_row
from nncli.nn.kernels.pool import share, task_of
from nncli.nn.kernels.sparse_loops import FEW, copy, own
from nncli.system.compiling import compiled, reordered


@compiled
def _gather(
    marked: Any,
    ranks: Any,
    inputs: Any,
    last: Any,
    now: int,
    made_up: Any,
    eps: Any,
    whole: Any,
    taken: Any,
    factors: Any,
    part: int,
    parts: int,
) -> None:
    """Write the marked inputs of a part, in order, and their rows of θ, m and v, caught up as by `catch_up_adam`."""
    far, powers1, powers2 = made_up
    theta, m, v = whole
    w, s, t = taken
    first, end = own_words(ranks, part, parts)
    its = inputs[part]  # with room for three more than there are
    begin, h = ranks[first], theta.shape[1]
    for word in range(first, end):
        list_marked(marked[word], word << 6, its, ranks[word] - begin, ranks[word + 1] - begin)
    u = ranks[end] - begin
    w, s, t = w[begin : begin + u], s[begin : begin + u], t[begin : begin + u]
    if h > FEW:
        for i in range(u):
            j = its[i]
            since = last[j]
            missed = far[since], powers1[now - since], powers2[now - since], eps
            catch_up_row((theta[j], m[j], v[j]), missed, (w[i], s[i], t[i]))
        return
    of_w, of_m, of_v = factors[0, begin * h :], factors[1, begin * h :], factors[2, begin * h :]
    for k in range(h):  # one after the other: what begins a loop would be most of one over them
        for i in range(u):
            j = its[i]
            w[i, k], s[i, k], t[i, k] = theta[j, k], m[j, k], v[j, k]
        for i in range(u):
            since, at = last[its[i]], i * h + k
            of_w[at], of_m[at], of_v[at] = far[since], powers1[now - since], powers2[now - since]
    w, s, t = w.reshape(w.size), s.reshape(s.size), t.reshape(t.size)
    for at in range(len(w)):  # one loop for each, which can be sure that its numbers do not overlap
        w[at] -= of_w[at] * (s[at] / (np.sqrt(t[at]) + eps))
    for at in range(len(s)):
        s[at] *= of_m[at]
    for at in range(len(t)):
        t[at] *= of_v[at]


@reordered
def score(x: Any, places: Any, w: Any, k: int) -> Any:
    """Return Σ_j x_j w_jk over the entries of a row."""
    total = w.dtype.type(0)
    for e in range(len(x)):
        total += x[e] * w[places[e], k]
    return total


@compiled
def _scores_of_row(x: Any, places: Any, w: Any, b: Any, z: Any) -> None:
    """Write the scores z (h,) of a row, whose entries are for some rows of the weights w."""
    if len(z) > FEW:
        copy(b, z)
        for e in range(len(x)):
            value, its_w = x[e], w[places[e]]
            for k in range(len(z)):
                z[k] += value * its_w[k]  # z = Σ_j x_j w_j + b               (h,)
    else:
        for k in range(len(z)):
            z[k] = score(x, places, w, k) + b[k]


@compiled
def loss_of_row(y: Any, targets: Any, factor: Any, of_rows: Any, i: int) -> None:
    """Write the loss of row i, whether it is predicted right, and dz (h,), from its scores."""
    on, off, is_sigmoid = targets
    Z, dZ, losses, right, _, _ = of_rows
    only = slice(i, i + 1)
    if is_sigmoid:
        sigmoid_loss_part(Z[only], y[only], on, off, factor, losses[only], right[only], dZ[only], 0, 1)
    else:
        softmax_loss_part(Z[only], y[only], on, off, factor, losses[only], right[only], dZ[only], 0, 1)


@compiled
def _learn(
    X: Any,
    rows: Any,
    y: Any,
    targets: Any,
    marked: Any,
    ranks: Any,
    w: Any,
    b: Any,
    places: Any,
    of_rows: Any,
    g: Any,
    part: int,
    parts: int,
) -> None:
    """Write the losses of some rows, which of them are predicted right, and the sums of a part of them in the gradient:
    g (u, h) of the weights w (u, h) that they touch, and db (h,)."""
    data, columns, starts = X
    Z, dZ, db = of_rows[0], of_rows[1], of_rows[4]
    n, h, one, factor = len(rows), w.shape[1], np.int64(1), w.dtype.type(1 / len(rows))
    u, its_db = ranks[len(ranks) - 1], db[part]
    its_g = g[part, :u]
    all_of_it = its_g.reshape(u * h)
    for at in range(len(all_of_it)):
        all_of_it[at] = 0
    for k in range(h):
        its_db[k] = 0
    for i in range(n * part // parts, n * (part + 1) // parts):
        begin, end = starts[rows[i]], starts[rows[i] + 1]
        x, its_columns, its, dz = data[begin:end], columns[begin:end], places[part, : end - begin], dZ[i]
        for e in range(len(its)):
            j = its_columns[e]
            word = j >> 6
            its[e] = ranks[word] + bits_of(marked[word] & ((one << (j & 63)) - 1))
        _scores_of_row(x, its, w, b, Z[i])
        loss_of_row(y, targets, factor, of_rows, i)
        if h > FEW:
            for e in range(len(its)):
                value, dw = x[e], its_g[its[e]]
                for k in range(h):
                    dw[k] += value * dz[k]  # dw_j = Σ_i x_ij dz_i                (u, h)
        else:
            for k in range(h):
                for e in range(len(its)):
                    its_g[its[e], k] += x[e] * dz[k]
        for k in range(h):
            its_db[k] += dz[k]  # db = Σ_i dz_i                       (h,)


@reordered
def _add_up(g: Any, numbers: int, sums: Any, part: int, parts: int) -> None:
    """Add the gradients of all parts to the first, and write the sum of the squares of a part of the numbers."""
    some = own(numbers, part, parts)
    total, first = g.dtype.type(0), g[0, some]
    for other in range(1, len(g)):
        more = g[other, some]
        for at in range(len(first)):
            first[at] += more[at]
    for at in range(len(first)):
        total += first[at] * first[at]
    sums[part] = total


@compiled
def _scatter(
    marked: Any,
    ranks: Any,
    inputs: Any,
    last: Any,
    now: int,
    g: Any,
    adam: Any,
    taken: Any,
    whole: Any,
    part: int,
    parts: int,
) -> None:
    """Take a step for the rows of a part, put them back where they are from, and take the marks away."""
    w, s, t = taken
    theta, m, v = whole
    first, end = own_words(ranks, part, parts)
    begin, h, its = ranks[first], theta.shape[1], inputs[part]
    u = ranks[end] - begin
    w, s, t, g = w[begin : begin + u], s[begin : begin + u], t[begin : begin + u], g[begin : begin + u]
    flat_w, flat_s, flat_t, flat_g = w.reshape(u * h), s.reshape(u * h), t.reshape(u * h), g.reshape(u * h)
    descend((flat_w, flat_s, flat_t), flat_g, adam)
    if h > FEW:
        for i in range(u):
            j = its[i]
            copy(w[i], theta[j])
            copy(s[i], m[j])
            copy(t[i], v[j])
    else:
        for k in range(h):
            for i in range(u):
                j = its[i]
                theta[j, k], m[j, k], v[j, k] = w[i, k], s[i, k], t[i, k]
    for i in range(u):
        last[its[i]] = now
    for word in range(first, end):
        marked[word] = 0


@compiled
def found_by(of_rows: Any, n: int, parts: int) -> tuple[float, int, float]:
    """Return what a step found: the sum of the losses of its n rows, how many were predicted right, and ‖g‖². Add ∂b of
    all parts to that of the first."""
    _, _, losses, right, db, sums = of_rows
    total, correct, square = 0.0, 0, 0.0
    for i in range(n):
        total += losses[i]
        correct += right[i]
    for part in range(1, parts):
        for k in range(db.shape[1]):
            db[0, k] += db[part, k]
    for part in range(parts):
        square += sums[part]
    for k in range(db.shape[1]):
        square += np.float64(db[0, k] * db[0, k])
    return total, correct, square


@compiled
def descend(whole: Any, g: Any, adam: Any) -> None:
    """Take a step for some weights (n,), in θ, m and v. What of m and v is less than `least` is 0 before."""
    theta, m, v = whole
    rate, beta1, beta2, eps, least = adam
    flush(m, least)
    flush(v, least)
    adam_part(theta, g, m, v, rate, theta.dtype.type(1), beta1, beta2, eps, 0, 1)


@compiled
def flush(vector: Any, least: Any) -> None:
    """Set what is less than `least` to 0, if that is more than 0."""
    if least > 0:
        for i in range(len(vector)):
            if abs(vector[i]) < least:
                vector[i] = 0


@compiled
def take_steps(
    threads: Any,
    X: Any,
    rows: Any,
    y: Any,
    size: int,
    targets: Any,
    constants: Any,
    whole: Any,
    bias: Any,
    missed: Any,
    powers: Any,
    of_inputs: Any,
    of_rows: Any,
    found: Any,
) -> int:
    """Take a step for each `size` of some rows of X, and return how many were taken: all, or those before one that
    comes to numbers that are not finite, which changes nothing."""
    memory, one, small = threads
    data, columns, starts = X
    last, ahead, coasts, now = missed
    of_weights, of_biases, eps, least, beta1, beta2 = constants
    b = bias[0]
    bits, ranks, inputs, places, far, w, s, t, g, factors = of_inputs
    db, sums = of_rows[4], of_rows[5]
    found_losses, found_right, found_squares = found
    h, number, marked = w.shape[1], w.dtype.type, bits[0]
    for step in range(len(found_losses)):
        some = slice(step * size, min((step + 1) * size, len(rows)))
        its_rows, n = rows[some], some.stop - some.start
        entries = 0
        for i in range(n):
            entries += starts[its_rows[i] + 1] - starts[its_rows[i]]
        shared = memory if entries * h >= small else one
        parts = shared[0]
        task = _mark_task((data, columns, starts, its_rows, bits))
        share(shared, task[0], task[1])
        u = rank(bits, ranks, parts)
        for since in range(now + 1):
            far[since] = number(ahead[since] - coasts[now - since] * ahead[now])
        made_up = far, powers[0], powers[1]
        task = _gather_task((marked, ranks, inputs, last, now, made_up, eps[step], whole, (w, s, t), factors))
        share(shared, task[0], task[1])
        task = _learn_task((X, its_rows, y[some], targets, marked, ranks, w, b, places, of_rows, g))
        share(shared, task[0], task[1])
        numbers, flat = u * h, g[:parts].reshape(parts, g.shape[1] * h)
        task = _add_up_task((flat, numbers, sums))
        share(shared, task[0], task[1])
        total, correct, square = found_by(of_rows, n, parts)
        if not (np.isfinite(total) and np.isfinite(square)):
            marked[:] = 0
            return step
        adam = of_weights[step], beta1, beta2, eps[step + 1], least[step]
        task = _scatter_task((marked, ranks, inputs, last, now + 1, g[0], adam, (w, s, t), whole))
        share(shared, task[0], task[1])
        descend(bias, db[0], (of_biases[step], beta1, beta2, eps[step + 1], least[step]))
        found_losses[step], found_right[step], found_squares[step] = total, correct, square
        now += 1
    return len(found_losses)


_mark_task, _gather_task, _learn_task = task_of(mark), task_of(_gather), task_of(_learn)
_add_up_task, _scatter_task = task_of(_add_up), task_of(_scatter)
