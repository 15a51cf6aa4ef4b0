"""Fused kernels for sparse rows: each against its NumPy form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from nncli.nn.averages import AVERAGES
from nncli.nn.elementwise import Elementwise
from nncli.nn.kernels.plain import NUMPY, Kernels, Rooms
from nncli.nn.losses import LOSSES
from nncli.nn.missed_steps import MissedSteps
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.regularisation import Penalty
from numba_extra import needs_numba
from short_and_long import some_short
from sparse_training import sparse_rows

pytestmark = needs_numba
ODD = [0.0, -0.0, 1e-310, -1e-42, 1e-38, 3e37, -2e37, np.inf, -np.inf]  # of which float32 flushes some to 0
DTYPES = some_short(["float64", "float32"], 1)  # each is compiled for itself


@pytest.fixture(scope="module")
def fused() -> Iterator[Kernels]:
    """Fused kernels for three threads, which are more than the machine may have cores."""
    from nncli.nn.kernels.fused import FusedKernels

    kernels = FusedKernels(3)
    with kernels.working():
        yield kernels


def numbers(rng: np.random.Generator, *shape: int, dtype: str, odd: float = 0.05) -> np.ndarray:
    """Random numbers of many magnitudes, of which a share are odd."""
    found = rng.normal(size=shape) * 10.0 ** rng.integers(-12, 6, size=shape)
    return np.where(rng.random(shape) < odd, rng.choice(ODD, size=shape), found).astype(dtype)


def some_rows(n: int, d: int, dtype: str, odd: float = 0.0) -> csr_array:
    """Rows with entries in no order, some twice in a row, a third of the rows without any."""
    rng = np.random.default_rng(n + d)
    lengths = rng.integers(0, 9, n) * (rng.random(n) < 2 / 3)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = numbers(rng, starts[-1], dtype=dtype, odd=odd)
    return csr_array((values, rng.integers(d, size=starts[-1]).astype(np.int32), starts), (n, d))


def assert_same_sums(found: np.ndarray, expected: np.ndarray, sizes: np.ndarray) -> None:
    """Compare sums with terms of those sizes between them, to rounding. The same ones are finite, though not all others
    are the same: a product that is too large on its own is not so where it is added before it is rounded."""
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(found), finite)
    eps = 1e-13 if found.dtype == np.float64 else 4 * np.finfo(np.float32).eps
    assert (np.abs(found - expected)[finite] <= eps * sizes[finite] + 1e-44).all()


@pytest.mark.parametrize("odd", [0.0, 0.05], ids=["usual", "odd"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "d", "h"), [(0, 5, 3), (1, 1, 1), (40, 30, 1), (200, 90, 2), (70, 50, 33)], ids=str)
@pytest.mark.parametrize("first", [0, 4])
def test_products_are_those_of_numpy(
    n: int, d: int, h: int, first: int, dtype: str, odd: float, fused: Kernels
) -> None:
    rng = np.random.default_rng(0)
    X = some_rows(n, d + first, dtype, odd)
    W, D = (numbers(rng, size, h, dtype=dtype, odd=odd) for size in (d, n))
    wide = np.full((n, h + 7), np.nan, dtype)  # rows with gaps between them, as those of words beside other inputs have
    with np.errstate(all="ignore"):
        late = abs(X)[:, first:]
        for kernels in (NUMPY, fused):
            kernels.sparse_product(X, first, W, wide[:, 7:])
            kernels.sparse_product_transposed(X, first, wide[:, 7:], np.empty_like(W))
        sums, dW = wide[:, 7:].copy(), [np.full_like(W, np.nan) for _ in range(2)]
        NUMPY.sparse_product(X, first, W, wide[:, 7:])
        assert_same_sums(sums, wide[:, 7:], late @ abs(W))
        wide[:, 7:] = D
        NUMPY.sparse_product_transposed(X, first, D, dW[0])
        fused.sparse_product_transposed(X, first, wide[:, 7:], dW[1])
        assert_same_sums(dW[1], dW[0], late.T @ abs(D))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_layer_of_sparse_rows_is_that_of_its_dense_ones(dtype: str, fused: Kernels) -> None:
    rng, X = np.random.default_rng(0), some_rows(50, 40, dtype)
    X.data[:] = rng.normal(size=X.nnz)
    W, b, dZ = (rng.normal(size=shape).astype(dtype) for shape in ((40, 3), 3, (50, 3)))
    for kernels in (NUMPY, fused):
        Z, dW, db = np.empty_like(dZ), np.empty_like(W), np.empty_like(b)
        kernels.sparse_dense(X, W, b, Z)
        kernels.sparse_dense_backward(dZ, X, dW, db)
        how = {"rtol": 1e-12 if dtype == "float64" else 1e-5, "atol": 1e-12 if dtype == "float64" else 1e-5}
        np.testing.assert_allclose(Z, X.toarray() @ W + b, **how)
        np.testing.assert_allclose(dW, X.toarray().T @ dZ, **how)
        np.testing.assert_allclose(db, dZ.sum(axis=0), **how)


@pytest.mark.parametrize("starts", some_short(["int32", "int64"], 1))
@pytest.mark.parametrize("rows", [[], [3], [7, 7, 0, 99, 50], [*range(20, 60)]], ids=["none", "one", "any", "in a row"])
def test_rows_are_taken_as_scipy_does(rows: list[int], starts: Any, fused: Kernels) -> None:
    X = some_rows(100, 30, "float32", odd=0.05)
    X.indptr = X.indptr.astype(starts)
    found, expected = fused.take_sparse(X, np.array(rows, np.int64)), X[rows]
    assert found is not None
    assert found.shape == expected.shape
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("first", [0, 3])
def test_inputs_are_found_once_each(first: int, fused: Kernels) -> None:
    d, rooms = 1000, Rooms(1000)
    for nnz, among in ((0, 1000), (1, 1000), (700, 1000), (5, 1000), (300, 64), (4000, 1000), (60, 2)):
        columns = np.random.default_rng(nnz).integers(among + first, size=nnz).astype(np.int32)
        for kernels in (fused, NUMPY, fused):  # one after the other, in the same room
            inputs, places = kernels.distinct(columns, first, rooms)
            late = columns >= first
            np.testing.assert_array_equal(np.sort(inputs), np.unique(columns[late] - first))
            np.testing.assert_array_equal(inputs[places[late] - first] + first, columns[late])
            np.testing.assert_array_equal(places[~late], columns[~late])
            assert places.dtype == np.int32
        np.testing.assert_array_equal(inputs, np.sort(inputs))  # in which order rows come faster from memory
    assert not rooms.bits.any()
    assert len(rooms.bits) == 16 == -(-d // 64)


def test_inputs_are_found_without_a_compiler_too(fused: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    from nncli.nn.kernels import bits, mark_loops, sparse_loops

    monkeypatch.setattr(mark_loops, "lowest_bit", bits.lowest_bit_in_python)
    monkeypatch.setattr(sparse_loops, "list_marked", mark_loops.list_marked.py_func)
    monkeypatch.setattr(sparse_loops, "bits_of", bits.bits_of_in_python)
    columns = np.array([63, 127, 64, 0, 63, 190, 5, 127, 6, 7, 1], np.int32)  # the highest bits of words among them
    rooms, inputs, places = Rooms(192), np.empty(14, np.intp), np.empty_like(columns)
    with np.errstate(over="ignore"):  # as in a run: words have their signs for a bit
        u = sparse_loops.distinct.py_func(columns, 0, rooms.bits, rooms.ranks, inputs, places)
    for found, expected in zip((inputs[:u], places), fused.distinct(columns, 0, Rooms(192)), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("h", [1, 3, 40])
def test_rows_of_weights_are_taken_and_put_back(h: int, dtype: str, fused: Kernels) -> None:
    rng = np.random.default_rng(h)
    A = numbers(rng, 3000, h, dtype=dtype)
    for u in (0, 1, 2500):
        inputs = rng.permutation(3000)[:u]
        B, back, last = np.empty((u, h), dtype), np.zeros_like(A), np.zeros(3000, np.int32)
        fused.take_rows(A, inputs, B)
        np.testing.assert_array_equal(B, A[inputs])
        fused.put_rows(B, inputs, back)
        fused.put_number(7, inputs, last)
        rest = np.delete(np.arange(3000), inputs)
        np.testing.assert_array_equal(back[inputs], B)
        np.testing.assert_array_equal(back[rest], 0)
        np.testing.assert_array_equal(last, 7 * np.isin(np.arange(3000), inputs))


def missed_steps(name: str, d: int, average: str = "none", l2: float = 0.0) -> MissedSteps:
    """What d rows have missed of 30 steps at falling rates, each since another step."""
    optimizer, mean = OPTIMIZERS.create(name), AVERAGES.create(average)
    assert isinstance(optimizer, Elementwise)
    optimizer.start(np.zeros(d))
    mean.start(np.zeros(d))
    optimizer.t = 11
    penalty = Penalty(0, l2, optimizer.decoupled)
    missed = MissedSteps(d, optimizer, mean, penalty, 0.5)
    missed.plan(50, lambda n: 0.1 / (1 + np.arange(n)))
    for i in range(30):
        missed.add(penalty, 0.1 / (1 + i), 1)
    missed.last[:] = np.random.default_rng(0).integers(31, size=len(missed.last))
    return missed


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("h", [1, 3, 40])
@pytest.mark.parametrize("name", ["momentum", "nesterov", "rmsprop", "adam", "adam:beta1=0.5", "adamw"])
def test_steps_are_made_up_for_as_in_numpy(name: str, h: int, dtype: str, fused: Kernels) -> None:
    d, rng = 500, np.random.default_rng(h)
    missed = missed_steps(name, d)
    slots = len(missed.optimizer.slots)
    before = [
        numbers(rng, d, h, dtype=dtype, odd=0),
        *(numbers(rng, d, h, dtype=dtype, odd=0.02) for _ in range(slots)),
    ]
    before[-1] = abs(before[-1])  # squares, of most of them
    rule = fused.catch_up_rule(missed, np.dtype(dtype))
    assert rule is not None
    for inputs in (np.arange(0), np.arange(1), rng.permutation(d)[:450]):
        expected, found = ([np.full((len(inputs), h), np.nan, dtype) for _ in before] for _ in range(2))
        with np.errstate(all="ignore"):
            for A, B in zip(before, expected, strict=True):
                NUMPY.take_rows(A, inputs, B)
            missed.catch_up(expected, inputs, Penalty())
            rule(before, inputs, found)
        assert not len(inputs) or any((A[inputs] != B).any() for A, B in zip(before[1:], expected[1:], strict=True))
        for A, B, C in zip(before, found, expected, strict=True):
            finite = np.isfinite(C)
            np.testing.assert_array_equal(B[~finite], C[~finite])
            eps = 1e-12 if dtype == "float64" else 6 * np.finfo(dtype).eps
            with np.errstate(invalid="ignore"):
                size = np.abs(A[inputs]) + np.abs(C - A[inputs])
                assert (np.abs(B - C) <= eps * size + 1e-44)[finite].all()


def test_what_no_loop_makes_up_for_is_left_to_numpy(fused: Kernels) -> None:
    def has_one(*how: Any) -> bool:
        return fused.catch_up_rule(missed_steps(*how), np.dtype("float32")) is not None

    assert has_one("adam", 9)
    assert not has_one("adam", 9, "mean")
    assert not has_one("adam", 9, "none", 0.01)
    assert not has_one("adam:beta1=0.9999", 9)  # θ does not move on
    assert not has_one("sgd", 9)  # there is nothing to make up for
    assert not has_one("adagrad", 9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_sigmoid_and_its_loss_are_those_of_numpy(smoothing: float, dtype: str, fused: Kernels) -> None:
    rng, n = np.random.default_rng(0), 301
    Z = (rng.normal(size=(n, 1)) * rng.choice([1e-9, 1, 30, 1e4], size=(n, 1))).astype(dtype)
    Z[:5] = 0  # the border, where the second class is predicted
    y = rng.integers(2, size=n)
    loss, Y, P, expected, dZ = LOSSES.create("binary-cross-entropy"), *(np.empty_like(Z) for _ in range(4))
    loss.write_targets(y, Y, smoothing)
    losses = loss.forward(Z, Y, P)
    loss.backward(Z, P, Y, expected)
    eps = np.finfo(dtype).eps
    for kernels in (NUMPY, fused):
        found = kernels.sigmoid_loss(Z, y, 1 - smoothing / 2, smoothing / 2, 1 / n, dZ)
        np.testing.assert_allclose(found[0], losses, rtol=1e-12)
        np.testing.assert_array_equal(found[1], loss.classes(Z) == y)
        np.testing.assert_allclose(dZ * n, expected, rtol=0, atol=4 * eps)


def test_any_number_of_threads_gives_the_same_bytes() -> None:
    from nncli.nn.kernels.fused import FusedKernels

    rng, d, found = np.random.default_rng(0), 4000, []
    X = sparse_rows(300, d, 30, dtype="float32")
    inputs, W = np.unique(X.indices).astype(np.intp), rng.normal(size=(d, 40)).astype("float32")
    kept = [W, W**2, W**4]
    for threads in (1, 2, 3):
        kernels = FusedKernels(threads)
        with kernels.working():
            Z, dW = np.empty((300, 40), "float32"), np.empty_like(W)
            kernels.sparse_product(X, 0, W, Z)
            kernels.sparse_product_transposed(X, 0, Z, dW)
            rule, taken = kernels.catch_up_rule(missed_steps("adam", d), W.dtype), [W[: len(inputs)] * 0 for _ in kept]
            assert rule is not None
            rule(kept, inputs, taken)
            rows = kernels.take_sparse(X, np.arange(299, -1, -1))
            assert rows is not None
        found.append(b"".join(A.tobytes() for A in (Z, dW, *taken, rows.data, rows.indices)))
    assert found[0] == found[1] == found[2]
