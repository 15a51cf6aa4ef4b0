"""Loops that take whole steps by Adam of a linear model for sparse rows, as those of `step_loops.py` do, but for all
weights, also those that the rows of a step do not touch: nothing is gathered and scattered then, and no step is missed.

The rows are shared among the threads to find dZ, and then the inputs, of which each is the business of one thread
alone: so that the result is the same on any number of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.nn.kernels.pool import share, task_of
from nncli.nn.kernels.sparse_loops import own
from nncli.nn.kernels.step_loops import descend, found_by, loss_of_row, scores_of_row
from nncli.system.compiling import compiled, reordered

BLOCK = 2048  # numbers of each vector that a thread has in its cache at once


@compiled
def _look(
    X: Any, rows: Any, y: Any, targets: Any, w: Any, b: Any, of_rows: Any, limits: Any, part: int, parts: int
) -> None:
    """Write the losses and dZ of a part of some rows; and what neither their loss nor a number of their gradient is
    larger than, which is finite where these are."""
    data, columns, starts = X
    Z, dZ, losses, _, db, _ = of_rows
    factor, its_db, limit = w.dtype.type(1 / len(rows)), db[part], 0.0
    for k in range(len(its_db)):
        its_db[k] = 0
    some = own(len(rows), part, parts)
    for i in range(some.start, some.stop):
        begin, end = starts[rows[i]], starts[rows[i] + 1]
        x, inputs, dz = data[begin:end], columns[begin:end], dZ[i]
        scores_of_row(x, inputs, w, b, Z[i])
        loss_of_row(y, targets, factor, of_rows, i)
        size, slope = 1.0, 0.0
        for e in range(len(x)):
            size += np.float64(abs(x[e]))
        for k in range(len(dz)):
            its_db[k] += dz[k]  # db = Σ_i dz_i                       (h,)
            slope += np.float64(abs(dz[k]))
        limit += size * slope + losses[i]
    limits[part] = limit


@reordered
def _take_square(g: Any) -> Any:
    """Return Σ g², and set g to 0."""
    total = g.dtype.type(0)
    for i in range(len(g)):
        total += g[i] * g[i]
        g[i] = 0
    return total


@compiled
def _descend(X: Any, rows: Any, dZ: Any, whole: Any, g: Any, adam: Any, squares: Any, part: int, parts: int) -> None:
    """Take a step for the weights of a part of the inputs, whose gradient g is 0 before and after."""
    data, columns, starts = X
    some, h = own(len(g), part, parts), g.shape[1]
    first, its_g = some.start, g[some]
    for i in range(len(rows)):
        begin, end = starts[rows[i]], starts[rows[i] + 1]
        x, inputs, dz = data[begin:end], columns[begin:end], dZ[i]
        for k in range(h):
            its_dz = dz[k]
            for e in range(len(x)):
                j = inputs[e] - first
                if 0 <= j < len(its_g):
                    its_g[j, k] += x[e] * its_dz  # dw_j = Σ_i x_ij dz_i                (d, h)
    theta, m, v = whole
    n, square = len(its_g) * h, 0.0
    theta, m, v, its_g = theta[some].reshape(n), m[some].reshape(n), v[some].reshape(n), its_g.reshape(n)
    for start in range(0, n, BLOCK):
        block = slice(start, min(start + BLOCK, n))
        descend((theta[block], m[block], v[block]), its_g[block], adam)
        square += np.float64(_take_square(its_g[block]))
    squares[part] = square


@compiled
def take_whole_steps(
    memory: Any,
    X: Any,
    rows: Any,
    y: Any,
    size: int,
    targets: Any,
    constants: Any,
    whole: Any,
    bias: Any,
    of_weights: Any,
    of_rows: Any,
    found: Any,
) -> int:
    """Take a step for each `size` of some rows of X, and return how many were taken: all, or those before one that may
    come to numbers that are not finite, which changes nothing."""
    rates, bias_rates, eps, least, beta1, beta2 = constants
    g, largest = of_weights
    dZ, db, sums = of_rows[1], of_rows[4], of_rows[5]
    found_losses, found_right, found_squares = found
    w, b, parts = whole[0], bias[0], memory[0]
    for step in range(len(found_losses)):
        some = slice(step * size, min((step + 1) * size, len(rows)))
        its_rows, n = rows[some], some.stop - some.start
        task = _look_task((X, its_rows, y[some], targets, w, b, of_rows, sums))
        share(memory, task[0], task[1])
        limit = 0.0
        for part in range(parts):
            limit += sums[part]
        if not limit * limit * (w.size + len(b)) < largest:
            return step
        adam = rates[step], beta1, beta2, eps[step + 1], least[step]
        task = _descend_task((X, its_rows, dZ, whole, g, adam, sums))
        share(memory, task[0], task[1])
        found_losses[step], found_right[step], found_squares[step] = found_by(of_rows, n, parts)
        descend(bias, db[0], (bias_rates[step], beta1, beta2, eps[step + 1], least[step]))
    return len(found_losses)


_look_task, _descend_task = task_of(_look), task_of(_descend)
