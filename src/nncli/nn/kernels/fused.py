"""Kernels as fused loops, compiled by Numba, on as many threads as products have. What pays is here."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import binding
from numba.core import config
from numpy.typing import NDArray

from nncli.nn.buffers import ones, zeros
from nncli.nn.kernels import loops, missed_loops, products, skipping_loops, sparse_loops, unit_loops
from nncli.nn.kernels.lanes import WORD
from nncli.nn.kernels.linear_steps import LinearSteps, Threads
from nncli.nn.kernels.plain import (
    CHANCES,
    Array,
    CatchUpRule,
    Found,
    Inputs,
    Kernels,
    Marks,
    Rates,
    Rooms,
    StepsTogether,
    UpdateRule,
    Vectors,
)
from nncli.nn.kernels.pool import Pool
from nncli.nn.losses import BinaryCrossEntropy, CrossEntropy
from nncli.nn.missed_steps import MissedSteps
from nncli.nn.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from nncli.nn.row_loss import smoothed
from nncli.nn.sparse_rows import with_entries
from nncli.nn.touched_rows import TouchedRows

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_CLASSES = 32  # more need so many exponentials that NumPy's vector instructions are faster
AT_ONCE = 16  # rows that are looked up in memory, before the first of them is worked on
MOST_INPUTS = 0.25  # the share of inputs that may not be 0, so that to skip the others pays; at a third it would not
UNITS = 64  # which are worked on together there, also where fewer are left
SMALL = 4096  # numbers, which one thread is done with before a second one has begun


class FusedKernels(Kernels):
    """Fused loops. `library` is the file of the library that NumPy multiplies with, if its products can be called one
    by one; else NumPy multiplies."""

    name = "numba"
    learn_rows = staticmethod(loops.learn_rows)
    fuses_sigmoid = True

    def __init__(self, threads: int, library: str = "") -> None:
        self.pool, self._one = Pool(threads), Pool(1).memory
        self.multiplies = bool(library) and threads > 1 and not config.DISABLE_JIT  # NumPy does so as well on one
        if self.multiplies:
            binding.load_library_permanently(library)
        self._sums = np.zeros(threads)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        try:
            self.pool.begin()
            yield
        finally:
            self.pool.end()

    def _memory(self, numbers: int) -> Any:
        """Return the memory of the threads to share so many numbers."""
        return self._one if numbers < SMALL else self.pool.memory

    def update_rule(self, optimizer: object) -> UpdateRule | None:
        kind, how = type(optimizer), vars(optimizer)
        if kind is SGD:

            def update(theta: Array, g: Array, lr: float, factors: Rates, vectors: list[Array]) -> None:
                loops.sgd(self._memory(len(theta)), theta, g, theta.dtype.type(lr), _typed(factors, theta))

        elif kind is Momentum or kind is Nesterov:
            loop = loops.nesterov if kind is Nesterov else loops.momentum

            def update(theta: Array, g: Array, lr: float, factors: Rates, vectors: list[Array]) -> None:
                number = theta.dtype.type
                constants = number(lr), _typed(factors, theta), number(how["mu"])
                loop(self._memory(len(theta)), theta, g, vectors[0], *constants)

        elif kind is AdaGrad or kind is RMSProp:
            rho = how.get("rho")
            old, new = (1.0, 1.0) if rho is None else (rho, 1 - rho)

            def update(theta: Array, g: Array, lr: float, factors: Rates, vectors: list[Array]) -> None:
                number = theta.dtype.type
                rates, constants = (number(lr), _typed(factors, theta)), map(number, (old, new, how["eps"]))
                loops.squares(self._memory(len(theta)), theta, g, vectors[0], *rates, *constants)

        elif kind is Adam or kind is AdamW:

            def update(theta: Array, g: Array, lr: float, factors: Rates, vectors: list[Array]) -> None:
                number, t, beta1, beta2 = theta.dtype.type, how["t"], how["beta1"], how["beta2"]
                c1 = (1 - beta1) / (1 - beta1**t)  # see Adam
                c2 = math.sqrt((1 - beta2) / (1 - beta2**t))
                rates = number(lr * c1 / c2), _typed(factors, theta)
                constants = map(number, (beta1, beta2, how["eps"] / c2))
                loops.adam(self._memory(len(theta)), theta, g, *vectors, *rates, *constants)

        else:
            return None
        return update

    def dense(self, X: Array, W: Array, b: Array, Z: Array) -> None:
        if self.multiplies and _fits(X, W):
            products.dense(self._memory(X.size * W.shape[1] // 64), X, W, b, Z)
        else:
            super().dense(X, W, b, Z)

    def dense_backward(self, dZ: Array, X: Array, W: Array, dW: Array, db: Array, dX: Array | None) -> None:
        if self.multiplies and _fits(X, W) and _fits(dZ, W):
            memory, one = self._memory(X.size * W.shape[1] // 64), ones(len(dZ), dZ.dtype)
            products.dense_backward(memory, dZ, X, W, dW, db, one, X if dX is None else dX, dX is not None)
        else:
            super().dense_backward(dZ, X, W, dW, db, dX)

    def skips_zeros(self, share: float, units: int) -> bool:
        worked_on = -(-units // UNITS) * UNITS
        return share * worked_on <= MOST_INPUTS * units

    def dense_of_few(self, X: Array, W: Array, b: Array, Z: Array) -> Marks | None:
        if config.DISABLE_JIT or not _fits(X, W):  # there are no registers in Python
            self.dense(X, W, b, Z)
            return None
        marks = np.empty((len(X), -(-X.shape[1] // WORD)), np.int64)
        skipping_loops.mark(self._memory(X.size // 8), X, marks)
        skipping_loops.multiply(self._memory(X.size), X, marks, W, b, Z, self._room(W.dtype))
        return marks

    def dense_of_few_backward(self, dZ: Array, X: Array, W: Array, marks: Marks | None, dW: Array, db: Array) -> None:
        if marks is None or not _fits(dZ, W):
            self.dense_backward(dZ, X, W, dW, db, None)
            return
        skipping_loops.multiply_transposed(self._memory(X.size), dZ, X, marks, dW, self._room(W.dtype))
        np.matmul(ones(len(dZ), dZ.dtype), dZ, out=db)

    def _room(self, dtype: np.dtype[Any]) -> Array:
        """Return room for the parts of `skipping_loops`."""
        return zeros((self.pool.threads, skipping_loops.ROOM // dtype.itemsize), dtype)

    def relu(self, Z: Array, A: Array) -> None:
        if Z.flags.c_contiguous:
            loops.relu(self._memory(Z.size), Z, A)
        else:
            super().relu(Z, A)

    def relu_backward(self, dA: Array, A: Array, dZ: Array) -> None:
        if A.flags.c_contiguous and dA.flags.c_contiguous:
            loops.relu_backward(self._memory(A.size), dA, A, dZ)
        else:
            super().relu_backward(dA, A, dZ)

    def mish(self, Z: Array, A: Array) -> None:
        if _is_fast(Z):
            unit_loops.mish(self._memory(4 * Z.size), Z, A)
        else:
            super().mish(Z, A)

    def mish_backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        if _is_fast(Z):
            unit_loops.mish_backward(self._memory(4 * Z.size), np.ascontiguousarray(dA), Z, dZ)
        else:
            super().mish_backward(dA, Z, A, dZ)

    def drop(self, X: Array, key: tuple[int, int], dropped: int, M: Array, A: Array) -> None:
        if not _is_fast(X):
            super().drop(X, key, dropped, M, A)
            return
        first, more = map(np.uint32, key)
        scale, least = np.float32(CHANCES / (CHANCES - dropped)), np.uint32(dropped << 16)
        unit_loops.drop(self._memory(X.size), X, first, more, least, scale, M, A)

    def approach(self, mean: Array, theta: Array, share: float, scratch: Array) -> None:
        loops.approach(self._memory(len(theta)), mean, theta, theta.dtype.type(share))

    def periodic(self, X: Array, parameters: Vectors, rooms: Vectors, A: Array) -> None:
        if X.dtype != np.float32:
            super().periodic(X, parameters, rooms, A)
            return
        w, b, V, c = parameters
        S, C, _, E = rooms
        X = np.ascontiguousarray(X)
        unit_loops.periodic(self._memory(8 * S.size), X, np.float32(2 * math.pi) * w, b, V, c, S, C, E, A)

    def periodic_backward(self, dA: Array, parameters: Vectors, rooms: Vectors, gradients: Vectors) -> None:
        if dA.dtype != np.float32:
            super().periodic_backward(dA, parameters, rooms, gradients)
            return
        S, C, dT, E = rooms
        memory, dA = self._memory(8 * S.size), np.ascontiguousarray(dA)
        unit_loops.periodic_backward(memory, dA, parameters[2], S, C, dT, E, *gradients)
        gradients[0][...] *= 2 * math.pi  # dw = 2π Σ_i x_i dt_i

    def square(self, g: Array) -> float:
        return float(loops.square(self._memory(len(g)), g, self._sums))

    def take_scaled(self, values: Array, rows: NDArray[Any], scale: Array, shift: Array | None, X: Array) -> bool:
        if not (values.dtype == np.uint8 and values.flags.c_contiguous):
            return False
        d = X.shape[1]
        scales = np.full(d, scale, X.dtype) if scale.ndim == 0 else scale
        shifts = np.zeros(d, X.dtype) if shift is None else shift
        room = np.empty((self.pool.threads, AT_ONCE, d), np.uint8)
        loops.take(self._memory(X.size), values, rows, scales, shifts, X, room)
        return True

    def fuses_softmax(self, outputs: int) -> bool:
        return outputs <= MOST_CLASSES

    def softmax_loss(self, Z: Array, y: Array, on: float, off: float, factor: float, dZ: Array) -> Found:
        losses, right, number = np.empty(len(Z)), np.empty(len(Z), np.bool_), Z.dtype.type
        memory = self._memory(10 * Z.size)
        loops.softmax_loss(memory, Z, y, number(on), number(off), number(factor), losses, right, dZ)
        return losses, right

    def sigmoid_loss(self, Z: Array, y: Array, on: float, off: float, factor: float, dZ: Array) -> Found:
        losses, right, number = np.empty(len(Z)), np.empty(len(Z), np.bool_), Z.dtype.type
        memory = self._memory(20 * len(Z))
        loops.sigmoid_loss(memory, Z, y, number(on), number(off), number(factor), losses, right, dZ)
        return losses, right

    def take_sparse(self, X: csr_array, rows: NDArray[np.integer]) -> csr_array | None:
        starts = X.indptr
        ends = np.zeros(len(rows) + 1, starts.dtype)
        np.cumsum(starts[rows + 1] - starts[rows], out=ends[1:])
        data, columns = np.empty(ends[-1], X.data.dtype), np.empty(ends[-1], X.indices.dtype)
        sparse_loops.take_entries(self._memory(2 * len(data)), X.data, X.indices, starts, rows, ends, data, columns)
        return with_entries(data, columns, ends, X.shape[1])

    def sparse_product(self, X: csr_array, first: int, W: Array, Z: Array) -> None:
        memory = self._memory(len(X.data) * W.shape[1])
        sparse_loops.multiply(memory, X.data, X.indices, X.indptr, first, W, Z)

    def sparse_product_transposed(self, X: csr_array, first: int, dZ: Array, dW: Array) -> None:
        memory = self._memory(len(X.data) * dW.shape[1])
        sparse_loops.multiply_transposed(memory, X.data, X.indices, X.indptr, first, dZ, dW)

    def distinct(self, columns: NDArray[np.int32], first: int, rooms: Rooms) -> tuple[Inputs, NDArray[np.int32]]:
        places, inputs = np.empty_like(columns), np.empty(min(len(columns), rooms.d) + 3, np.intp)
        u = sparse_loops.distinct(columns, first, rooms.bits, rooms.ranks, inputs, places)
        return inputs[:u], places

    def take_rows(self, A: Array, inputs: Inputs, B: Array) -> None:
        sparse_loops.take_rows(self._memory(B.size), A, inputs, B)

    def put_rows(self, B: Array, inputs: Inputs, A: Array) -> None:
        sparse_loops.put_rows(self._memory(B.size), B, inputs, A)

    def put_number(self, number: int, inputs: Inputs, a: NDArray[np.integer]) -> None:
        sparse_loops.put_number(a, inputs, number)

    def catch_up_rule(self, missed: object, dtype: np.dtype[Any]) -> CatchUpRule | None:
        assert isinstance(missed, MissedSteps)
        optimizer, kind = missed.optimizer, type(missed.optimizer)
        powers = [np.zeros(0) if one is None else one.astype(dtype) for one in missed.powers]
        if missed.averages or missed.shrinks or not missed.is_needed:
            return None
        if isinstance(optimizer, Adam) and kind in (Adam, AdamW) and missed.gamma:

            def catch_up(vectors: list[Array], inputs: Inputs, rows: list[Array]) -> None:
                how = missed.last, missed.now, missed.far().astype(dtype), dtype.type(optimizer.eps / optimizer.c2)
                missed_loops.catch_up_adam(self._memory(3 * rows[0].size), inputs, *how, *powers, *vectors, *rows)

        elif (kind is Momentum or kind is Nesterov) and missed.gamma:

            def catch_up(vectors: list[Array], inputs: Inputs, rows: list[Array]) -> None:
                how = missed.last, missed.now, missed.far().astype(dtype), *powers
                missed_loops.catch_up_momentum(self._memory(2 * rows[0].size), inputs, *how, *vectors, *rows)

        elif kind is RMSProp:

            def catch_up(vectors: list[Array], inputs: Inputs, rows: list[Array]) -> None:
                how = missed.last, missed.now, *powers
                missed_loops.catch_up_decay(self._memory(2 * rows[0].size), inputs, *how, *vectors, *rows)

        else:
            return None
        return catch_up

    def linear_steps(self, touched: object, loss: object, smoothing: float) -> StepsTogether | None:
        assert isinstance(touched, TouchedRows)
        network, missed = touched.learner.network, touched.missed
        is_adam = type(missed.optimizer) in (Adam, AdamW) and missed.gamma > 0
        if not network.is_linear or not is_adam or missed.averages or missed.shrinks:
            return None
        outputs, is_sigmoid = network.dense[0].units, type(loss) is BinaryCrossEntropy
        if not (outputs == 1 if is_sigmoid else type(loss) is CrossEntropy and self.fuses_softmax(outputs)):
            return None
        threads = Threads(self.pool.memory, self._one, SMALL)
        return LinearSteps(touched, threads, is_sigmoid, *smoothed(outputs, smoothing))


def _typed(factors: Rates, theta: Array) -> Any:
    """Return factors of the learning rate in the type of the parameters."""
    return theta.dtype.type(factors) if isinstance(factors, float) else factors


def _is_fast(Z: Array) -> bool:
    """Tell whether Z lies without gaps, and has the type that loops of exponentials are for."""
    return Z.dtype == np.float32 and Z.flags.c_contiguous


def _fits(A: Array, B: Array) -> bool:
    """Tell whether A lies without gaps, and has numbers of the type of B, whose memory is a network's own."""
    return A.flags.c_contiguous and A.dtype == B.dtype
