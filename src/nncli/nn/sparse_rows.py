"""Rows of inputs most of which are 0, as a `scipy.sparse.csr_array` X (n, d), in the first layer of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from nncli.nn.buffers import ones

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from nncli.nn.layers import Array


def is_sparse(X: Any) -> TypeGuard[csr_array]:
    """Tell whether the inputs X are stored without their zeros; if not, they are an array."""
    return not isinstance(X, np.ndarray)


def dense(X: csr_array, W: Array, b: Array, Z: Array) -> None:
    """Write Z = X W + b."""
    np.add(X @ W, b, out=Z)  # (n, h)


def dense_backward(dZ: Array, X: csr_array, dW: Array, db: Array) -> None:
    """Write dW and db, from dZ."""
    dW[...] = X.T @ dZ  # dW = Xᵀ dZ                         (d, h)
    np.matmul(ones(len(dZ), dZ.dtype), dZ, out=db)  # db = Σ_i dz_i = 1ᵀ dZ             (h,)


def with_values(X: csr_array, values: Array) -> csr_array:
    """Return the rows X with other values (nnz,) in the places where theirs are."""
    from scipy.sparse import csr_array

    return csr_array((values, X.indices, X.indptr), shape=X.shape)
