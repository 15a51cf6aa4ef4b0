"""Loops over sparse rows, and over the rows of weights that these touch; see `loops.py` for what all loops keep to.

Sparse rows X (n, d) are the arrays of a `csr_array`: the numbers and columns of the entries (nnz,), one row behind the
other, and where the entries of each row start (n + 1,).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.nn.kernels.bits import bits_of
from nncli.nn.kernels.mark_loops import list_marked
from nncli.nn.kernels.pool import share, task_of
from nncli.system.compiling import compiled

# columns of weights, which are worked on one after the other: what begins a loop would be most of one over them
FEW = 4


@compiled
def own(n: int, part: int, parts: int) -> slice:
    """Return which of n rows are of a part."""
    return slice(n * part // parts, n * (part + 1) // parts)


@compiled
def copy(a: Any, b: Any) -> None:
    """Write b = a."""
    for k in range(len(b)):
        b[k] = a[k]


@compiled
def _take_entries(
    data: Any, columns: Any, starts: Any, rows: Any, ends: Any, some: Any, places: Any, part: int, parts: int
) -> None:
    n = len(rows)
    for i in range(n * part // parts, n * (part + 1) // parts):
        start, begin, end = starts[rows[i]], ends[i], ends[i + 1]
        its_data, its_columns = data[start : start + end - begin], columns[start : start + end - begin]
        to_data, to_columns = some[begin:end], places[begin:end]
        copy(its_data, to_data)
        copy(its_columns, to_columns)


@compiled
def take_entries(
    memory: Any, data: Any, columns: Any, starts: Any, rows: Any, ends: Any, some: Any, places: Any
) -> None:
    task = _take_entries_task((data, columns, starts, rows, ends, some, places))
    share(memory, task[0], task[1])


@compiled
def distinct(columns: Any, first: int, bits: Any, ranks: Any, inputs: Any, places: Any) -> int:
    """Write the inputs that entries are of, counted from the first on, each once, in order; and the place of each entry
    among them, behind the columns before the first. Return how many inputs there are.

    Inputs are marked in `bits`, one bit each, 64 in a word, which are 0 before and after: those of 2^18 inputs are
    32 KB, and stay in the cache. `ranks` is room for how many inputs are marked before each word. There is room for
    three inputs more than there are.
    """
    one = np.int64(1)
    for e in range(len(columns)):
        j = columns[e] - first
        if j >= 0:
            bits[j >> 6] |= one << (j & 63)
    u = 0
    for word in range(len(bits)):
        left = bits[word]
        if left == 0:
            continue
        ranks[word] = u
        count = bits_of(left)
        list_marked(left, word << 6, inputs, u, u + count)
        u += count
    for e in range(len(columns)):
        j = columns[e] - first
        if j >= 0:
            word = j >> 6
            places[e] = first + ranks[word] + bits_of(bits[word] & ((one << (j & 63)) - 1))
        else:
            places[e] = columns[e]
    for word in range(len(bits)):
        bits[word] = 0
    return u


@compiled
def _multiply(data: Any, columns: Any, starts: Any, first: int, W: Any, Z: Any, part: int, parts: int) -> None:
    n, h = Z.shape
    for i in range(n * part // parts, n * (part + 1) // parts):
        if h <= FEW:
            for k in range(h):
                total = Z.dtype.type(0)
                for e in range(starts[i], starts[i + 1]):
                    j = columns[e] - first
                    if j >= 0:
                        total += data[e] * W[j, k]
                Z[i, k] = total
            continue
        z = Z[i]
        for k in range(h):
            z[k] = 0
        for e in range(starts[i], starts[i + 1]):
            j = columns[e] - first
            if j >= 0:
                x, w = data[e], W[j]
                for k in range(h):
                    z[k] += x * w[k]  # z = Σ_j x_j w_j                   (n, h)


@compiled
def multiply(memory: Any, data: Any, columns: Any, starts: Any, first: int, W: Any, Z: Any) -> None:
    task = _multiply_task((data, columns, starts, first, W, Z))
    share(memory, task[0], task[1])


@compiled
def _multiply_transposed(
    data: Any, columns: Any, starts: Any, first: int, D: Any, dW: Any, part: int, parts: int
) -> None:
    h = D.shape[1]
    begin, end = h * part // parts, h * (part + 1) // parts  # all entries, and some of the columns of dW
    if end == begin:
        return
    if parts == 1:
        all_of_it = dW.reshape(dW.size)
        for j in range(len(all_of_it)):
            all_of_it[j] = 0
    else:
        for j in range(len(dW)):
            for k in range(begin, end):
                dW[j, k] = 0
    for i in range(len(D)):
        if h <= FEW:
            for k in range(begin, end):
                dz = D[i, k]
                for e in range(starts[i], starts[i + 1]):
                    j = columns[e] - first
                    if j >= 0:
                        dW[j, k] += data[e] * dz
            continue
        d = D[i, begin:end]
        for e in range(starts[i], starts[i + 1]):
            j = columns[e] - first
            if j >= 0:
                x, dw = data[e], dW[j, begin:end]
                for k in range(len(d)):
                    dw[k] += x * d[k]  # dw_j = Σ_i x_ij d_i                 (d, h)


@compiled
def multiply_transposed(memory: Any, data: Any, columns: Any, starts: Any, first: int, D: Any, dW: Any) -> None:
    task = _multiply_transposed_task((data, columns, starts, first, D, dW))
    share(memory, task[0], task[1])


@compiled
def _take_rows(A: Any, inputs: Any, B: Any, part: int, parts: int) -> None:
    some = own(len(inputs), part, parts)
    inputs, B = inputs[some], B[some]
    if A.shape[1] <= FEW:
        for k in range(A.shape[1]):
            for i in range(len(inputs)):
                B[i, k] = A[inputs[i], k]
        return
    for i in range(len(inputs)):
        copy(A[inputs[i]], B[i])


@compiled
def take_rows(memory: Any, A: Any, inputs: Any, B: Any) -> None:
    task = _take_rows_task((A, inputs, B))
    share(memory, task[0], task[1])


@compiled
def _put_rows(B: Any, inputs: Any, A: Any, part: int, parts: int) -> None:
    some = own(len(inputs), part, parts)
    inputs, B = inputs[some], B[some]
    if A.shape[1] <= FEW:
        for k in range(A.shape[1]):
            for i in range(len(inputs)):
                A[inputs[i], k] = B[i, k]
        return
    for i in range(len(inputs)):
        copy(B[i], A[inputs[i]])


@compiled
def put_rows(memory: Any, B: Any, inputs: Any, A: Any) -> None:
    task = _put_rows_task((B, inputs, A))
    share(memory, task[0], task[1])


@compiled
def put_number(last: Any, inputs: Any, now: int) -> None:
    """Write one number to some places."""
    for i in range(len(inputs)):
        last[inputs[i]] = now


_take_entries_task, _multiply_task = task_of(_take_entries), task_of(_multiply)
_multiply_transposed_task = task_of(_multiply_transposed)
_take_rows_task, _put_rows_task = task_of(_take_rows), task_of(_put_rows)
