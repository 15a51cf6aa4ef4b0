"""Loops that take whole steps by Adam of a linear model for sparse rows, as those of `step_loops.py` do, but for all
weights, also those that the rows of a step do not touch: nothing is gathered and scattered then, and no step is missed.

The inputs are shared among the threads, and not the rows: what belongs to an input stays in the cache of one processor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.nn.kernels.bits import fetch
from nncli.nn.kernels.mark_loops import AHEAD, IN_A_LINE, place_of
from nncli.nn.kernels.pool import share, task_of
from nncli.nn.kernels.sparse_loops import own
from nncli.nn.kernels.step_loops import descend, found_by, loss_of_row, score
from nncli.system.compiling import compiled, reordered

BLOCK = 2048  # numbers of each vector that a thread has in its cache at once


@reordered
def _size(x: Any) -> float:
    """Return Σ |x| over some entries."""
    total = 0.0
    for e in range(len(x)):
        total += np.float64(abs(x[e]))
    return total


@compiled
def _look(X: Any, rows: Any, w: Any, scores: Any, places: Any, sizes: Any, part: int, parts: int) -> None:
    """Write what a part of the inputs adds to the scores of some rows, (parts, n, h); where its entries in each row
    begin and end, (parts, n, 2); and Σ |x| over all these entries."""
    data, columns, starts = X
    some, its, its_places, size = own(len(w), part, parts), scores[part], places[part], 0.0
    for i in range(len(rows)):
        if i + AHEAD < len(rows):  # rows come from anywhere in memory
            begin, end = starts[rows[i + AHEAD]], starts[rows[i + AHEAD] + 1]
            its_begin = begin + (end - begin) * part // parts  # about
            for e in range(its_begin, begin + (end - begin) * (part + 1) // parts, IN_A_LINE):
                fetch(columns, e)
                fetch(data, e)
        begin, end = starts[rows[i]], starts[rows[i] + 1]
        begin = place_of(columns, begin, end, some.start)
        end = place_of(columns, begin, end, some.stop)
        its_places[i, 0], its_places[i, 1] = begin, end
        for k in range(w.shape[1]):
            its[i, k] = score(data[begin:end], columns[begin:end], w, k)
        size += _size(data[begin:end])
    sizes[part] = size


@compiled
def _judge(size: float, rows: Any, y: Any, targets: Any, scores: Any, b: Any, of_rows: Any) -> float:
    """Write the losses of some rows, dZ and db, from what the parts of the inputs add to their scores. Return an upper
    bound of their loss and of each number of the gradient; `size` is Σ |x| over all entries of the rows."""
    Z, dZ, losses, _, db, _ = of_rows
    factor, loss, slope = b.dtype.type(1 / len(rows)), 0.0, 0.0
    db[:] = 0
    for i in range(len(rows)):
        z, dz = Z[i], dZ[i]
        for k in range(len(b)):
            z[k] = b[k]
            for part in range(len(scores)):
                z[k] += scores[part, i, k]
        loss_of_row(y, targets, factor, of_rows, i)
        loss += losses[i]
        for k in range(len(b)):
            db[0, k] += dz[k]  # db = Σ_i dz_i                       (h,)
            slope += np.float64(abs(dz[k]))
    return loss + slope * (1 + size)


@reordered
def _take_square(g: Any) -> Any:
    """Return Σ g², and set g to 0."""
    total = g.dtype.type(0)
    for i in range(len(g)):
        total += g[i] * g[i]
        g[i] = 0
    return total


@compiled
def _descend(
    X: Any, places: Any, dZ: Any, n: int, whole: Any, g: Any, adam: Any, squares: Any, part: int, parts: int
) -> None:
    """Take a step for the weights of a part of the inputs, whose gradient g is 0 before and after."""
    data, columns, _ = X
    some, h = own(len(g), part, parts), g.shape[1]
    for i in range(n):
        begin, end, dz = places[part, i, 0], places[part, i, 1], dZ[i]
        x, inputs = data[begin:end], columns[begin:end]
        for k in range(h):
            for e in range(len(x)):
                g[inputs[e], k] += x[e] * dz[k]  # dw_j = Σ_i x_ij dz_i                (d, h)
    theta, m, v = whole
    size, square = (some.stop - some.start) * h, 0.0
    theta, m, v, its_g = theta[some].reshape(size), m[some].reshape(size), v[some].reshape(size), g[some].reshape(size)
    for start in range(0, size, BLOCK):
        block = slice(start, min(start + BLOCK, size))
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
    g: Any,
    largest: float,
    scores: Any,
    places: Any,
    of_rows: Any,
    found: Any,
) -> int:
    """Take a step for each `size` of some rows of X, the entries of which are in order, and return how many were taken:
    all, or those before one that may come to numbers beyond the `largest` that there is, which changes nothing."""
    rates, bias_rates, eps, least, beta1, beta2 = constants
    dZ, db, sums = of_rows[1], of_rows[4], of_rows[5]
    found_losses, found_right, found_squares = found
    w, b, parts = whole[0], bias[0], memory[0]
    for step in range(len(found_losses)):
        some = slice(step * size, min((step + 1) * size, len(rows)))
        its_rows, n = rows[some], some.stop - some.start
        task = _look_task((X, its_rows, w, scores, places, sums))
        share(memory, task[0], task[1])
        size_of_all = 0.0
        for part in range(parts):
            size_of_all += sums[part]
        limit = _judge(size_of_all, its_rows, y[some], targets, scores, b, of_rows)
        if not limit * limit * (w.size + len(b)) < largest:
            return step
        adam = rates[step], beta1, beta2, eps[step + 1], least[step]
        task = _descend_task((X, places, dZ, n, whole, g, adam, sums))
        share(memory, task[0], task[1])
        found_losses[step], found_right[step], found_squares[step] = found_by(of_rows, n, parts)
        descend(bias, db[0], (bias_rates[step], beta1, beta2, eps[step + 1], least[step]))
    return len(found_losses)


_look_task, _descend_task = task_of(_look), task_of(_descend)
