"""Counts and weights of texts by compiled loops, to the same bits as NumPy's. Loads Numba."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nncli.data.words import loops
from nncli.data.words.options import WordOptions
from nncli.data.words.segmentation import class_tables, code_points

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK = 1 << 16  # characters that are looked at at once: a loop needs no more room for more of them
NONE = 0, 0  # no n-grams of that kind


@functools.cache
def begin() -> None:
    """Load the code of the loops that every text needs, or compile it, once."""
    values, places, lengths = counts(["a"], WordOptions(bits=1), (np.uint64(0), np.uint64(0)))
    ones, ends = np.ones(2, np.float32), np.array([0, lengths[0]], np.int32)
    loops.weigh(values, places, ends, ones, ones, np.empty(1, np.bool_))


def counts(
    texts: Sequence[str | None], options: WordOptions, salts: Sequence[np.uint64]
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """Return the counts of a block, their places, and how many each row has. Room is asked for as for texts with as
    many n-grams as can be; memory that is never written costs nothing."""
    codes, starts = code_points(texts)
    words, chars = options.parts.words or NONE, options.parts.chars or NONE
    sizes, pieces = np.diff(starts), 0
    each = words[1] - words[0] + 1 if options.parts.words else 0
    if options.parts.chars:  # a piece of one character has two blanks
        pieces = chars[1] - chars[0] + 1
    most = sizes * each + (2 * sizes + 1) * pieces
    longest = int(most.max(initial=0))
    hashes = np.empty(int(sizes.max(initial=0)) + 2, np.uint64)
    keys, other = np.empty(longest, np.uint32), np.empty(longest, np.uint32)
    values, places = np.empty(int(most.sum()), np.float32), np.empty(int(most.sum()), np.int32)
    lengths = np.empty(len(texts), np.int64)
    room = hashes, keys, other, values, places, lengths
    n = loops.count(codes, starts, *class_tables(codes), words, chars, (salts[0], salts[1]), options.bits, *room)
    return values[:n].copy(), places[:n].copy(), lengths


def add_document_counts(having: NDArray[np.int64], counts: csr_array, times: NDArray[np.int64]) -> None:
    """Add to `having` (2^bits,) how many rows have each place; a row counts so many `times` (n,)."""
    loops.add_rows(having, counts.indices, counts.indptr, times)


def weigh(counts: csr_array, idf: NDArray[np.float32], factors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Write weights in the place of counts, with a factor for each |c|; tell which rows (n,) have nothing but zeros."""
    are_zero = np.empty(counts.shape[0], np.bool_)
    loops.weigh(counts.data, counts.indices, counts.indptr, idf, factors, are_zero)
    return are_zero
