"""Matrix products in parts, by the library that NumPy multiplies with: each part is a product on one thread.

The library's own threads wait for one another within a product: where one of them gets no core, all of them wait.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import overload

from nncli.nn.kernels.pool import share, task_of
from nncli.system.compiling import compiled

ROWS, PLAIN, TRANSPOSED = 101, 111, 112  # as CBLAS has them
GRAIN = 16  # columns, which are a register of float32: parts begin at multiples of it
_int, _flag = types.int64, types.int32


def _external(letter: str, number: Any) -> tuple[Any, Any]:
    """Return the products of one type of numbers; places in memory are addresses."""
    gemm = types.void(*[_flag] * 3, *[_int] * 3, number, *[_int] * 4, number, *[_int] * 2)
    gemv = types.void(*[_flag] * 2, *[_int] * 2, number, *[_int] * 4, number, *[_int] * 2)
    names = f"scipy_cblas_{letter}gemm64_", f"scipy_cblas_{letter}gemv64_"
    return types.ExternalFunction(names[0], gemm), types.ExternalFunction(names[1], gemv)


_sgemm, _sgemv = _external("s", types.float32)
_dgemm, _dgemv = _external("d", types.float64)


def _gemm(*how: Any) -> None:
    """Stand for the product of two matrices, C = A B, in compiled code."""


def _gemv(*how: Any) -> None:
    """Stand for the product of a matrix and a vector."""


@overload(_gemm, strict=False)
def _gemm_of(like: Any, *how: Any) -> Any:
    gemm = _sgemm if like.dtype == types.float32 else _dgemm

    def code(
        like: Any, a: Any, b: Any, m: Any, n: Any, k: Any, A: Any, lda: Any, B: Any, ldb: Any, C: Any, ldc: Any
    ) -> None:
        gemm(ROWS, a, b, m, n, k, 1.0, A, lda, B, ldb, 0.0, C, ldc)

    return code


@overload(_gemv, strict=False)
def _gemv_of(like: Any, *how: Any) -> Any:
    gemv = _sgemv if like.dtype == types.float32 else _dgemv

    def code(like: Any, m: int, n: int, A: int, x: int, y: int) -> None:
        gemv(ROWS, TRANSPOSED, m, n, 1.0, A, n, x, 1, 0.0, y, 1)

    return code


@compiled
def _cut(n: int, part: int, parts: int) -> int:
    return n if part == parts else n * part // parts // GRAIN * GRAIN


@compiled
def _dense(X: Any, W: Any, b: Any, Z: Any, part: int, parts: int) -> None:
    (n, d), h, size = X.shape, W.shape[1], X.itemsize
    start, stop = _cut(h, part, parts), _cut(h, part + 1, parts)
    if stop > start:
        w, z = W.ctypes.data + start * size, Z.ctypes.data + start * size
        _gemm(X, PLAIN, PLAIN, n, stop - start, d, X.ctypes.data, d, w, h, z, h)
        b = b[start:stop]
        for i in range(n):
            row = Z[i, start:stop]
            for j in range(len(b)):
                row[j] += b[j]  # Z = X W + b                       (n, h)


@compiled
def dense(memory: Any, X: Any, W: Any, b: Any, Z: Any) -> None:
    task = _dense_task((X, W, b, Z))
    share(memory, task[0], task[1])


@compiled
def _backward(
    dZ: Any, X: Any, W: Any, dW: Any, db: Any, one: Any, dX: Any, with_dX: bool, part: int, parts: int
) -> None:
    (n, d), h, size = X.shape, W.shape[1], X.itemsize
    start, stop, dz = _cut(d, part, parts), _cut(d, part + 1, parts), dZ.ctypes.data
    if stop > start:
        x, dw = X.ctypes.data + start * size, dW.ctypes.data + start * h * size
        _gemm(X, TRANSPOSED, PLAIN, stop - start, h, n, x, d, dz, h, dw, h)  # dW = Xᵀ dZ      (d, h)
        if with_dX:
            w, dx = W.ctypes.data + start * h * size, dX.ctypes.data + start * size
            _gemm(X, PLAIN, TRANSPOSED, n, stop - start, h, dz, h, w, h, dx, d)  # dX = dZ Wᵀ   (n, d)
    if part == parts - 1:
        _gemv(X, n, h, dz, one.ctypes.data, db.ctypes.data)  # db = Σ_i dz_i = 1ᵀ dZ            (h,)


@compiled
def dense_backward(memory: Any, dZ: Any, X: Any, W: Any, dW: Any, db: Any, one: Any, dX: Any, with_dX: bool) -> None:
    task = _backward_task((dZ, X, W, dW, db, one, dX, with_dX))
    share(memory, task[0], task[1])


_dense_task, _backward_task = task_of(_dense), task_of(_backward)
