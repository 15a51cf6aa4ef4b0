"""Rows of inputs most of which are 0, as a `scipy.sparse.csr_array` X (n, d), in the first layer of a network."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from nncli.nn.kernels.plain import Array

OF_A_BATCH = 4096  # rows at most


def is_sparse(X: Any) -> TypeGuard[csr_array]:
    """Tell whether the inputs X are stored without their zeros; if not, they are an array."""
    return not isinstance(X, np.ndarray)


def with_entries(values: Array, places: NDArray[np.integer], starts: NDArray[np.integer], width: int) -> csr_array:
    """Return rows with those values (nnz,) in those places (nnz,), one row behind the other, as `starts` (n + 1,) says
    where each begins."""
    from scipy.sparse import csr_array

    n = len(starts) - 1
    if n > OF_A_BATCH:
        return csr_array((values, places, starts), shape=(n, width))
    X = copy.copy(_without_entries(n, width))
    X.data, X.indices, X.indptr = values, places, starts
    return X


@functools.lru_cache(maxsize=8)
def _without_entries(n: int, width: int) -> csr_array:
    """Return rows without entries, which those of a batch are made of: `csr_array` looks through what it is given,
    which takes as long as a product with them."""
    from scipy.sparse import csr_array

    return csr_array((n, width))


def with_values(X: csr_array, values: Array) -> csr_array:
    """Return the rows X with other values (nnz,) in the places where theirs are."""
    return with_entries(values, X.indices, X.indptr, X.shape[1])
