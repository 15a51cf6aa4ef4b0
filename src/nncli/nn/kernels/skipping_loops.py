"""Products with rows most of whose inputs are 0, though they are stored: with those, nothing is multiplied. See
`loops.py` for what all loops keep to.

Marks (n, words) have a bit for each input of the rows X (n, d), 64 in a word, which is 1 where that is not 0. Units are
worked on in blocks that registers hold, and inputs in tiles, whose weights for a block stay in the nearest cache: they
are copied there, as they lie far apart where there are many units.

Each sum is added up in one order, whichever part of the work it is in: any number of threads gives the same digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.nn.kernels.lanes import REGISTER, REGISTERS, WORD, add_rows, add_to_rows, marked
from nncli.nn.kernels.pool import share, task_of
from nncli.nn.kernels.sparse_loops import copy
from nncli.system.compiling import compiled

BLOCK = REGISTERS * REGISTER  # bytes of units that are worked on together
WORDS = 2  # of a tile: 32 KB of weights
ROOM = (WORDS * WORD + 1) * BLOCK  # bytes that a part needs: for a tile, and for the units of a row in the last block


@compiled
def _mark(X: Any, marks: Any, part: int, parts: int) -> None:
    n, d = X.shape
    whole = d // WORD
    for i in range(n * part // parts, n * (part + 1) // parts):
        x, its = X[i], marks[i]
        for q in range(whole):
            its[q] = marked(x, q * WORD)
        if whole * WORD < d:
            rest = np.int64(0)
            for j in range(whole * WORD, d):
                rest |= np.int64(x[j] != 0) << np.int64(j - whole * WORD)
            its[whole] = rest


@compiled
def mark(memory: Any, X: Any, marks: Any) -> None:
    """Write the marks of rows X (n, d)."""
    task = _mark_task((X, marks))
    share(memory, task[0], task[1])


@compiled
def _shares(h: int, width: int, others: int, part: int, parts: int) -> tuple[int, int, int, int]:
    """Return from where to where the units of a part are, and some other things: some blocks of units with all of
    these, or all units with some of them."""
    blocks = -(-h // width)
    if blocks % parts == 0:
        return blocks * part // parts * width, min(blocks * (part + 1) // parts * width, h), 0, others
    return 0, h, others * part // parts, others * (part + 1) // parts


@compiled
def _multiply(X: Any, marks: Any, W: Any, b: Any, Z: Any, room: Any, part: int, parts: int) -> None:
    (n, h), (d, words), width, own = Z.shape, (X.shape[1], marks.shape[1]), BLOCK // W.itemsize, room[part]
    x, bits, w, z = X.reshape(n * d), marks.reshape(n * words), W.reshape(d * h), Z.reshape(n * h)
    begin, stop, first, last = _shares(h, width, n, part, parts)
    edge = len(own) - width  # of the tile; behind it is room for the units of a row
    for i in range(first, last):
        for u in range(begin, stop):
            z[i * h + u] = b[u]
    for c in range(begin, stop, width):
        units = min(width, stop - c)
        for q in range(0, words, WORDS):
            count, j = min(WORDS, words - q), q * WORD
            tile, start = w, j * h
            if h != width:
                tile, start = own, 0
                for k in range(min(count * WORD, d - j)):
                    copy(w[(j + k) * h + c : (j + k) * h + c + units], own[k * width : k * width + units])
            for i in range(first, last):
                sums, at = z, i * h + c
                if units < width:
                    sums, at = own, edge
                    copy(z[i * h + c : i * h + c + units], own[edge : edge + units])
                # z_i ← z_i + Σ_j x_ij w_j
                add_rows(bits, i * words + q, count, x, i * d + j, tile, start, width, sums, at)
                if units < width:
                    copy(own[edge : edge + units], z[i * h + c : i * h + c + units])


@compiled
def multiply(memory: Any, X: Any, marks: Any, W: Any, b: Any, Z: Any, room: Any) -> None:
    """Write Z = X W + b."""
    task = _multiply_task((X, marks, W, b, Z, room))
    share(memory, task[0], task[1])


@compiled
def _multiply_transposed(dZ: Any, X: Any, marks: Any, dW: Any, room: Any, part: int, parts: int) -> None:
    (n, h), (d, words), width, own = dZ.shape, (X.shape[1], marks.shape[1]), BLOCK // dW.itemsize, room[part]
    x, bits, w, z = X.reshape(n * d), marks.reshape(n * words), dW.reshape(d * h), dZ.reshape(n * h)
    begin, stop, first, last = _shares(h, width, words, part, parts)
    edge = len(own) - width
    for c in range(begin, stop, width):
        units = min(width, stop - c)
        for q in range(first, last, WORDS):
            count, j = min(WORDS, last - q), q * WORD
            inputs = min(count * WORD, d - j)
            tile, start = (w, j * h) if h == width else (own, 0)
            cells = tile[start : start + inputs * width]
            for k in range(len(cells)):
                cells[k] = 0
            for i in range(n):
                row, at = z, i * h + c
                if units < width:
                    row, at = own, edge
                    copy(z[i * h + c : i * h + c + units], own[edge : edge + units])
                # dw_j ← dw_j + x_ij dz_i
                add_to_rows(bits, i * words + q, count, x, i * d + j, tile, start, width, row, at)
            if h != width:
                for k in range(inputs):
                    copy(own[k * width : k * width + units], w[(j + k) * h + c : (j + k) * h + c + units])


@compiled
def multiply_transposed(memory: Any, dZ: Any, X: Any, marks: Any, dW: Any, room: Any) -> None:
    """Write dW = Xᵀ dZ."""
    task = _multiply_transposed_task((dZ, X, marks, dW, room))
    share(memory, task[0], task[1])


_mark_task, _multiply_task, _multiply_transposed_task = (
    task_of(_mark),
    task_of(_multiply),
    task_of(_multiply_transposed),
)
