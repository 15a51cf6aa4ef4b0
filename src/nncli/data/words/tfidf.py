"""Counts of n-grams become weights: what is in few texts weighs more, and all rows have the same length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.words.choice import fused_loops

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def add_document_counts(having: NDArray[np.int64], counts: csr_array, times: NDArray[np.int64]) -> None:
    """Add to `having` (2^bits,) how many rows have each place; a row counts so many `times` (n,). Counts have no
    zeros."""
    if (loops := fused_loops()) is not None:
        loops.add_document_counts(having, counts, times)
    else:
        np.add.at(having, counts.indices, np.repeat(times, np.diff(counts.indptr)))


def idf_of(df: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Return ln((1 + n) / (1 + df)) + 1 of each place, where df of n rows have it."""
    return np.log((1.0 + n) / (1.0 + df)) + 1.0


def factors(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 + ln c of each count c, (n,); 1 for 0."""
    return 1 + np.log(np.maximum(counts, 1))


def weighted(counts: csr_array, idf: NDArray[Any]) -> csr_array:
    """Return (1 + ln |c|) · idf of each count c, with its sign, divided by the length of its row √(Σ x²): what is there
    ten times says more than what is there once, but not ten times as much. A row of zeros stays."""
    from scipy.sparse import csr_array

    data = np.copysign(idf[counts.indices], counts.data)
    often = np.flatnonzero(np.abs(counts.data) > 1)
    data[often] *= factors(np.abs(counts.data[often]))
    squares = np.concatenate([[0.0], np.cumsum(data * data, dtype=np.float64)])
    lengths = np.sqrt(np.diff(squares[counts.indptr]))
    lengths[lengths == 0] = 1
    data /= np.repeat(lengths, np.diff(counts.indptr))
    return csr_array((data.astype(counts.dtype), counts.indices, counts.indptr), shape=counts.shape)


def weigh(counts: csr_array, idf: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Write in the place of each count what `weighted` makes of it; tell which rows (n,) have nothing but zeros."""
    if (loops := fused_loops()) is not None:
        most = int(np.abs(counts.data).max(initial=1))
        return loops.weigh(counts, idf, factors(np.arange(most + 1, dtype=np.float32)))
    counts.data[:] = weighted(counts, idf).data
    others = np.zeros(len(counts.data) + 1, np.int64)
    np.cumsum(counts.data != 0, out=others[1:])
    return np.diff(others[counts.indptr]) == 0
