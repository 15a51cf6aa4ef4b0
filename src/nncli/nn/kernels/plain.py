"""Kernels in NumPy. They are methods, so that a fused set can replace those where that pays."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import counter, ones, shared_full
from nncli.nn.exponential_units import mish, mish_backward

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = NDArray[Any]
Vectors = Sequence[Array]
CHANCES = 2**16  # of which dropout draws one
MIX_1, MIX_2 = 0x7FEB352D, 0x846CA68B
Rates = float | Array  # one for all parameters, or one for each
# of θ, g, α, the factors of α and the vectors of the state
UpdateRule = Callable[[Array, Array, float, Rates, "list[Array]"], None]


class Kernels:
    """The kernels of a training run: what they compute is said here, and how NumPy does."""

    name = "numpy"
    learn_rows: Callable[..., None] | None = (
        None  # the textbook loop of `online`, where it is faster than blocks of rows
    )
    fuses_sigmoid = False  # so that `sigmoid_loss` is to do what a loss does else
    multiplies = False  # so that products are not the work of the threads of the library, which need not be many then

    def working(self) -> contextlib.AbstractContextManager[object]:
        """Return what a training run works within: threads that share loops live as long."""
        return contextlib.nullcontext()

    def update_rule(self, optimizer: object) -> UpdateRule | None:
        """Return a loop that takes a step of an optimizer at once; None: its own NumPy form is used."""
        return None

    def dense(self, X: Array, W: Array, b: Array, Z: Array) -> None:
        """Write Z = X W + b."""
        np.matmul(X, W, out=Z)
        Z += b  # Z = X W + b                       (n, h)

    def dense_backward(self, dZ: Array, X: Array, W: Array, dW: Array, db: Array, dX: Array | None) -> None:
        """Write dW, db and, where it is given, dX, from dZ."""
        np.matmul(X.T, dZ, out=dW)  # dW = Xᵀ dZ                         (d, h)
        np.matmul(ones(len(dZ), dZ.dtype), dZ, out=db)  # db = Σ_i dz_i = 1ᵀ dZ             (h,)
        if dX is not None:  # the first layer of a network in training needs none
            np.matmul(dZ, W.T, out=dX)  # dX = dZ Wᵀ                         (n, d)

    def skips_zeros(self, share: float, units: int) -> bool:
        """Tell whether `dense_of_few` takes less time than `dense`, where such a share of the inputs is not 0."""
        return False

    def dense_of_few(self, X: Array, W: Array, b: Array, Z: Array) -> Marks | None:
        """Write Z = X W + b, where most of X is 0; return which inputs are not, if `dense_of_few_backward` is to know
        that."""
        self.dense(X, W, b, Z)
        return None

    def dense_of_few_backward(self, dZ: Array, X: Array, W: Array, marks: Marks | None, dW: Array, db: Array) -> None:
        """Write dW and db, from dZ, with what `dense_of_few` has returned."""
        self.dense_backward(dZ, X, W, dW, db, None)

    def relu(self, Z: Array, A: Array) -> None:
        """Write A = max(Z, 0), which may lie where Z does."""
        np.maximum(Z, shared_full(0, Z.shape, Z.dtype), out=A)

    def relu_backward(self, dA: Array, A: Array, dZ: Array) -> None:
        """Write dZ, which may lie where dA does; overwrites A."""
        np.greater(A, 0, out=A)  # dA/dZ = [Z > 0] = [A > 0]
        np.multiply(dA, A, out=dZ)  # dL/dZ = dL/dA ∘ [Z > 0]

    def mish(self, Z: Array, A: Array) -> None:
        """Write A = Z tanh(log(1 + e^Z))."""
        mish(Z, A)

    def mish_backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        """Write dZ, from Z; may overwrite A."""
        mish_backward(dA, Z, A, dZ)

    def drop(self, X: Array, key: tuple[int, int], dropped: int, M: Array, A: Array) -> None:
        """Write M (n, d): 0 where the random bits of an entry, as `mixed` makes them of a key, are below a number, and
        2¹⁶ / (2¹⁶ − dropped) elsewhere; and A = X ∘ M. The upper 16 bits of a word are of an entry in the first half,
        the lower ones of one in the second."""
        words, m, n = mixed(-(-M.size // 2), *key), M.reshape(-1), M.size // 2
        least = np.uint32(dropped << 16)
        np.greater_equal(words, least, out=m[: len(words)])
        words <<= np.uint32(16)
        np.greater_equal(words[:n], least, out=m[len(words) :])
        M *= CHANCES / (CHANCES - dropped)  # M / (1 − p)
        np.multiply(X, M, out=A)  # A = X ∘ M / (1 − p)               (n, d)

    def approach(self, mean: Array, theta: Array, share: float, scratch: Array) -> None:
        """Write θ̄ ← θ̄ + share (θ − θ̄)."""
        np.subtract(theta, mean, out=scratch)
        scratch *= share
        mean += scratch

    def periodic(self, X: Array, parameters: Vectors, rooms: Vectors, A: Array) -> None:
        """Write A = (x, cos(2π w x + b) V + c) for the first m columns of X (n, d), for the parameters w, b (m, k),
        V (m, k, e) and c (m, e). `rooms` are three of (m, k, n) and one of (m, 1 + e, n), for `periodic_backward`."""
        w, b, V, c = parameters
        T, C, _, E = rooms
        m, _, n = T.shape
        x = np.ascontiguousarray(X[:, :m].T)
        np.multiply(x[:, None, :], (2 * math.pi) * w[:, :, None], out=T)
        T += b[:, :, None]  # T = 2π w x + b                     (m, k, n)
        np.cos(T, out=C)
        E[:, 0] = x
        np.matmul(V.transpose(0, 2, 1), C, out=E[:, 1:])
        E[:, 1:] += c[:, :, None]  # C V + c                     (m, e, n)
        A[:, : m * E.shape[1]].reshape(n, m, -1)[...] = E.transpose(2, 0, 1)

    def periodic_backward(self, dA: Array, parameters: Vectors, rooms: Vectors, gradients: Vectors) -> None:
        """Write the gradients of w, b, V and c, and −dT = dE Vᵀ ∘ sin T to the third of the rooms."""
        V, (dw, db, dV, dc) = parameters[2], gradients
        T, C, dT, E = rooms
        m, _, n = T.shape
        dE = np.ascontiguousarray(dA[:, : m * E.shape[1]].reshape(n, m, -1).transpose(1, 2, 0)[:, 1:])
        np.matmul(C, dE.transpose(0, 2, 1), out=dV)  # dV = Cᵀ dE                          (m, k, e)
        one = ones(n, dA.dtype)
        np.matmul(dE, one, out=dc)  # dc = Σ_i de_i                      (m, e)
        np.matmul(V, dE, out=dT)
        np.sin(T, out=T)
        dT *= T  # −dT = dE Vᵀ ∘ sin T                (m, k, n)
        np.matmul(dT, one, out=db)
        np.negative(db, out=db)  # db = Σ_i dt_i                      (m, k)
        np.matmul(dT, E[:, 0, :, None], out=dw[:, :, None])
        dw *= -2 * math.pi  # dw = 2π Σ_i x_i dt_i               (m, k)

    def square(self, g: Array) -> float:
        """Return ‖g‖², which is infinite where the squares are too large for its type."""
        return float(g @ g)

    def take_scaled(self, values: Array, rows: NDArray[Any], scale: Array, shift: Array | None, X: Array) -> bool:
        """Write X = (values[rows] − shift) · scale; return False where that is left to the matrix of the rows."""
        return False

    def fuses_softmax(self, outputs: int) -> bool:
        """Tell whether `softmax_loss` is to do what a loss does else, for so many outputs."""
        return False

    def softmax_loss(self, Z: Array, y: Array, on: float, off: float, factor: float, dZ: Array) -> Found:
        """Return the losses (n,) of softmax and cross-entropy, and which rows are predicted right (n,), and write
        dZ = (P − Y) · factor, for the classes y, which have `on` in Y, and all others `off`."""
        n, K = Z.shape
        Y = np.full(Z.shape, off, Z.dtype)
        Y[np.arange(n), y] = on
        most = Z.max(axis=1, keepdims=True)
        np.exp(Z - most, out=dZ)
        total = dZ.sum(axis=1, keepdims=True)
        losses = most[:, 0].astype(np.float64) - np.vecdot(Y, Z) + np.log(total[:, 0])
        dZ /= total  # P
        dZ -= Y
        dZ *= factor  # dZ = (P − Y) · factor            (n, K)
        first = Z.argmax(axis=1) if K > 2 else Z[:, 1] >= Z[:, 0]  # of two equal scores, the second
        return losses, first == y

    def sigmoid_loss(self, Z: Array, y: Array, on: float, off: float, factor: float, dZ: Array) -> Found:
        """Return the losses (n,) of a sigmoid and binary cross-entropy, and which rows are predicted right (n,), and
        write dZ = (P − Y) · factor, for the classes y, of which the second has `on` in Y (n, 1), the first `off`."""
        Y = np.where(y, on, off).astype(Z.dtype)[:, None]
        np.divide(1, 1 + np.exp(-np.clip(Z, -80, 80)), out=dZ)  # P
        dZ -= Y
        dZ *= factor  # dZ = (P − Y) · factor            (n, 1)
        z = Z[:, 0].astype(np.float64)
        # −y log σ(z) − (1 − y) log(1 − σ(z)) = max(z, 0) − y z + log(1 + e^−|z|)
        losses = np.maximum(z, 0) - Y[:, 0] * z + np.log1p(np.exp(-np.abs(z)))
        return losses, (z >= 0) == y

    def take_sparse(self, X: csr_array, rows: NDArray[np.integer]) -> csr_array | None:
        """Return some rows of X; None where that is left to the matrix of the rows."""
        return None

    def sparse_product(self, X: csr_array, first: int, W: Array, Z: Array) -> None:
        """Write Z = X W, where X are the columns of sparse rows from the first on."""
        Z[...] = (X[:, first:] if first else X) @ W  # Z = X W                         (n, h)

    def sparse_product_transposed(self, X: csr_array, first: int, dZ: Array, dW: Array) -> None:
        """Write dW = Xᵀ dZ, where X are the columns of sparse rows from the first on."""
        dW[...] = (X[:, first:] if first else X).T @ dZ  # dW = Xᵀ dZ                  (d, h)

    def sparse_dense(self, X: csr_array, W: Array, b: Array, Z: Array) -> None:
        """Write Z = X W + b for sparse rows X."""
        self.sparse_product(X, 0, W, Z)
        Z += b  # Z = X W + b                       (n, h)

    def sparse_dense_backward(self, dZ: Array, X: csr_array, dW: Array, db: Array) -> None:
        """Write dW and db, from dZ, for sparse rows X."""
        self.sparse_product_transposed(X, 0, dZ, dW)
        np.matmul(ones(len(dZ), dZ.dtype), dZ, out=db)  # db = Σ_i dz_i = 1ᵀ dZ             (h,)

    def distinct(self, columns: NDArray[np.int32], first: int, rooms: Rooms) -> tuple[Inputs, NDArray[np.int32]]:
        """Find the inputs that entries in some columns (nnz,) are of: return those from the first on, each once (u,),
        counted from there; and the place of each entry among them, behind the columns before the first, which stay."""
        entries, places = columns.astype(np.intp), None  # with which NumPy is twice as fast
        if first:
            places, later = columns.copy(), np.flatnonzero(entries >= first)
            entries = entries[later] - first
        order = np.arange(len(entries), dtype=np.int32)
        rooms.place[entries] = order  # of several entries of one input, one stays
        inputs = entries.take(np.flatnonzero(rooms.place.take(entries) == order))
        rooms.place[inputs] = order[: len(inputs)]
        if places is None:
            return inputs, rooms.place.take(entries)
        places[later] = rooms.place.take(entries) + first
        return inputs, places

    def take_rows(self, A: Array, inputs: Inputs, B: Array) -> None:
        """Write B (u, h) = the rows of A (d, h) for some inputs."""
        np.take(A, inputs, axis=0, out=B, mode="clip")

    def put_rows(self, B: Array, inputs: Inputs, A: Array) -> None:
        """Write the rows B (u, h) to those of A (d, h) for some inputs, each of which is there once. Neither has gaps
        between its rows."""
        as_one(A)[inputs] = as_one(B)

    def put_number(self, number: int, inputs: Inputs, a: NDArray[np.integer]) -> None:
        """Write a number to the places of some inputs in a (d,)."""
        a[inputs] = number

    def catch_up_rule(self, missed: object, dtype: np.dtype[Any]) -> CatchUpRule | None:
        """Return a loop that takes rows of a type and makes up for the steps that they have missed, at once, as
        `MissedSteps` says; None: rows are taken, and it has its NumPy form."""
        return None

    def linear_steps(self, touched: object, loss: object, smoothing: float) -> StepsTogether | None:
        """Return what takes the steps of `TouchedRows` for a loss of classes, with label smoothing, many at a time;
        None: they are taken one by one."""
        return None


def mixed(n: int, key: int, more: int) -> NDArray[np.uint32]:
    """Return n words of random bits (n,), from the two words of a key: those of a counter, mixed (after Wellons's
    `lowbias32`)."""
    x = counter(n) + np.uint32(key)
    bits = x >> np.uint32(16)
    x ^= bits
    x *= np.uint32(MIX_1)
    np.right_shift(x, np.uint32(15), out=bits)
    x ^= bits
    x += np.uint32(more)
    x *= np.uint32(MIX_2)
    np.right_shift(x, np.uint32(16), out=bits)
    x ^= bits
    return x


class Taken(NamedTuple):
    """Holds what some steps found, a number for each step: the sum of the losses of its rows, how many of these were
    predicted right, and ‖g‖², all before the step."""

    losses: NDArray[np.float64]
    right: NDArray[np.int64]
    squares: NDArray[np.float64]


# how many steps are left until all rows are caught up, and the learning rates of the first so many of them
Plan = tuple[int, Callable[[int], NDArray[np.float64]]]


class StepsTogether(Protocol):
    """Takes steps of a linear model for sparse rows, many in one call."""

    def take(
        self, X: csr_array, rows: NDArray[np.integer], y: NDArray[np.int64], size: int, rates: Array, plan: Plan
    ) -> Taken:
        """Take a step for each `size` of some rows of X, of the classes y (n,), at those rates, the first of the plan.
        Return what those came to that were taken: all, or the first ones."""


Marks = NDArray[np.int64]
Found = tuple[NDArray[np.float64], NDArray[np.bool_]]
Inputs = NDArray[np.intp]
# of the vectors that have a row for each input, some inputs, and the rows that become theirs, caught up
CatchUpRule = Callable[["list[Array]", Inputs, "list[Array]"], None]


class Rooms:
    """Room to find the distinct of d inputs in: for the place of each (d,); and for a bit of each, which are 0 between
    two uses, and a number of inputs for each word of 64 bits."""

    def __init__(self, d: int) -> None:
        self.d = d
        self.bits, self.ranks = (np.zeros(-(-d // 64), np.int64) for _ in range(2))

    @functools.cached_property
    def place(self) -> NDArray[np.int32]:
        """Return room for the place of each input."""
        return np.zeros(self.d, np.int32)


def as_one(A: Array) -> Array:
    """Return rows (n, h) that lie without gaps as n things of one kind: NumPy writes these in any order faster."""
    return A.reshape(-1).view(np.dtype((np.void, A.shape[1] * A.itemsize)))


NUMPY = Kernels()
