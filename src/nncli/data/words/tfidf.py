"""Counts of n-grams become weights: what is in few texts weighs more, and all rows have the same length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def document_counts(counts: csr_array) -> NDArray[np.int64]:
    """Return in how many rows each place is not zero, (2^bits,). Counts of parts of the rows add up."""
    return np.bincount(counts.indices[counts.data != 0], minlength=counts.shape[1])


def idf_of(df: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Return ln((1 + n) / (1 + df)) + 1 of each place, where df of n rows have it."""
    return np.log((1.0 + n) / (1.0 + df)) + 1.0


def weighted(counts: csr_array, idf: NDArray[Any]) -> csr_array:
    """Return (1 + ln |c|) · idf of each count c, with its sign, divided by the length of its row √(Σ x²): what is there
    ten times says more than what is there once, but not ten times as much. A row of zeros stays."""
    from scipy.sparse import csr_array

    data = np.copysign(idf[counts.indices], counts.data)
    often = np.flatnonzero(np.abs(counts.data) > 1)
    data[often] *= 1 + np.log(np.abs(counts.data[often]))
    squares = np.concatenate([[0.0], np.cumsum(data * data, dtype=np.float64)])
    lengths = np.sqrt(np.diff(squares[counts.indptr]))
    lengths[lengths == 0] = 1
    data /= np.repeat(lengths, np.diff(counts.indptr))
    return csr_array((data.astype(counts.dtype), counts.indices, counts.indptr), shape=counts.shape)
