"""Loops that mark the inputs of the rows of a step, one bit each; see `loops.py` for what all loops keep to, and
`sparse_loops.py` for what sparse rows are."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.nn.kernels.bits import bits_of, fetch, lowest_bit
from nncli.system.compiling import compiled

AHEAD = 3  # rows whose entries are fetched from memory before they are looked at
IN_A_LINE = 16  # entries of float32 or int32 in a cache line


@compiled
def mark(data: Any, columns: Any, starts: Any, rows: Any, bits: Any, part: int, parts: int) -> None:
    """Mark the inputs that some rows have entries for, as `distinct` does, each part in bits of its own."""
    n, marked, one = len(rows), bits[part], np.int64(1)
    first, end = n * part // parts, n * (part + 1) // parts
    for i in range(first, end):
        if i + AHEAD < end:  # rows come from anywhere in memory
            its_end = starts[rows[i + AHEAD] + 1]
            for e in range(starts[rows[i + AHEAD]], its_end, IN_A_LINE):
                fetch(columns, e)
                fetch(data, e)
        its = columns[starts[rows[i]] : starts[rows[i] + 1]]
        for e in range(len(its)):
            j = its[e]
            marked[j >> 6] |= one << (j & 63)


@compiled
def list_marked(word: Any, start: int, inputs: Any, first: int, end: int) -> None:
    """Write which bits of a word are 1, counted from `start`, to the places from the first to before the end, of which
    there are so many; and up to three more, so that a processor foresees where it ends."""
    for i in range(first, end, 4):
        inputs[i] = start + lowest_bit(word)
        word &= word - 1
        inputs[i + 1] = start + lowest_bit(word)
        word &= word - 1
        inputs[i + 2] = start + lowest_bit(word)
        word &= word - 1
        inputs[i + 3] = start + lowest_bit(word)
        word &= word - 1


@compiled
def rank(bits: Any, ranks: Any, parts: int) -> int:
    """Put the marks of all parts among those of the first, and write how many inputs are marked before each word of
    them, and behind the last; return that."""
    marked, u = bits[0], 0
    for part in range(1, parts):
        more = bits[part]
        for word in range(len(marked)):
            marked[word] |= more[word]
            more[word] = 0
    for word in range(len(marked)):
        ranks[word] = u
        u += bits_of(marked[word])
    ranks[len(marked)] = u
    return u


@compiled
def place_of(numbers: Any, begin: int, end: int, least: int) -> int:
    """Return the first place from `begin` on, or else `end`, of numbers in order that has at least the given one."""
    while begin < end:
        middle = (begin + end) // 2
        if numbers[middle] < least:
            begin = middle + 1
        else:
            end = middle
    return begin


@compiled
def own_words(ranks: Any, part: int, parts: int) -> tuple[int, int]:
    """Return which words of marks are of a part, from one to before another, so that all have as many inputs."""
    last = len(ranks) - 1
    u = ranks[last]
    return place_of(ranks, 0, last, u * part // parts), place_of(ranks, 0, last, u * (part + 1) // parts)
