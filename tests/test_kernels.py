"""Fused kernels: each against its NumPy form."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.data.scaled_rows import Matrix
from nncli.nn import online
from nncli.nn.averages import AVERAGES
from nncli.nn.elementwise import Elementwise, Part
from nncli.nn.kernels.plain import NUMPY, Kernels
from nncli.nn.losses import LOSSES
from nncli.nn.network import multilayer
from nncli.nn.optimizers import OPTIMIZERS, SGD
from nncli.training.batch import Batch
from numba_extra import needs_numba
from training import blobs

Run = Callable[..., Any]
ODD = [0.0, -0.0, 1e-310, -1e-42, 1e-38, 3e37, -2e37, np.inf, -np.inf, np.nan]  # of which float32 flushes some to 0


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype[Any]:
    return np.dtype(request.param)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def what_is_not_finite_may_come_up() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def assert_same_step(before: np.ndarray, found: np.ndarray, expected: np.ndarray) -> None:
    """Compare what numbers have become, to 1e-12 in float64 and some units of the last place in float32, of the larger
    of what they were and of how much they changed."""
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    eps = 1e-12 if found.dtype == np.float64 else 6 * np.finfo(np.float32).eps
    before, found, expected = (values[finite].astype(np.float64) for values in (before, found, expected))
    error = np.abs(found - expected)
    assert (error <= eps * (np.abs(before) + np.abs(expected - before)) + 1e-44).all()  # the least float32 above 0


def numbers(rng: np.random.Generator, n: int, dtype: np.dtype[Any], odd: bool = True) -> np.ndarray:
    """Random numbers of many magnitudes, with some that are odd."""
    found = rng.normal(size=n) * 10.0 ** rng.integers(-12, 6, size=n)
    if odd:
        found[rng.random(n) < 0.05] = rng.choice(ODD)
    return found.astype(dtype)


@needs_numba
@pytest.mark.usefixtures("what_is_not_finite_may_come_up")
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if isinstance(OPTIMIZERS.create(name), Elementwise)])
def test_an_optimizer_takes_the_steps_of_its_numpy_form(name: str, dtype: np.dtype[Any], fused: Kernels) -> None:
    for n in (1, 37, 10_000):
        rng = np.random.default_rng(n)
        theta, optimizer = numbers(rng, n, dtype, odd=False), OPTIMIZERS.create(name)
        assert isinstance(optimizer, Elementwise)
        optimizer.start(theta, [Part(0, 5, 0.5), Part(5, n, 6.0)] if n == 37 else ())
        for _ in range(4):
            g, both, before = numbers(rng, n, dtype), [], [theta.copy(), *map(np.copy, optimizer.vectors.values())]
            for kernels in (fused, NUMPY):
                optimizer.fused = kernels.update_rule(optimizer)
                theta[:] = before[0]
                optimizer.load_state(
                    {"t": optimizer.t - len(both), **dict(zip(optimizer.slots, before[1:], strict=True))}
                )
                optimizer.step(theta, g.copy(), 0.01, loss=1.0)
                both.append([theta.copy(), *map(np.copy, optimizer.vectors.values())])
            for was, found, expected in zip(before, *both, strict=True):
                assert_same_step(was, found, expected)


@needs_numba
def test_those_that_matter_have_a_loop(fused: Kernels) -> None:
    have = {name for name in OPTIMIZERS if fused.update_rule(OPTIMIZERS.create(name)) is not None}
    assert have == {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"}


@needs_numba
@pytest.mark.parametrize(("n", "d", "h"), [(1, 1, 1), (7, 5, 3), (33, 70, 65), (64, 257, 40), (128, 300, 1)])
def test_a_dense_layer_is_that_of_numpy(n: int, d: int, h: int, dtype: np.dtype[Any], fused: Kernels) -> None:
    rng = np.random.default_rng(n)
    X, W, b, dZ = (rng.normal(size=shape).astype(dtype) for shape in ((n, d), (d, h), h, (n, h)))
    both = []
    for kernels in (NUMPY, fused):
        Z, dW, db, dX = (np.full(shape, np.nan, dtype) for shape in ((n, h), (d, h), h, (n, d)))
        kernels.dense(X, W, b, Z)
        kernels.dense_backward(dZ, X, W, dW, db, dX)
        first = np.full((d, h), np.nan, dtype)
        kernels.dense_backward(dZ, X, W, first, db, None)
        np.testing.assert_array_equal(first, dW)
        both.append((Z, dW, db, dX))
    lengths = d, n, n, h  # of the sums
    for expected, found, length in zip(*both, lengths, strict=True):
        # rounding errors of a sum of `length` products of size 1, in another order
        atol = 4 * length * np.finfo(dtype).eps
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@needs_numba
def test_rows_with_gaps_between_them_are_left_to_numpy(fused: Kernels) -> None:
    rng = np.random.default_rng(0)
    wide, W, b, Z = rng.normal(size=(6, 8)), rng.normal(size=(4, 3)), rng.normal(size=3), np.empty((6, 3))
    fused.dense(wide[:, ::2], W, b, Z)
    np.testing.assert_allclose(Z, wide[:, ::2] @ W + b, rtol=1e-12)


@needs_numba
@pytest.mark.parametrize("shape", [(1, 1), (13, 7), (90, 101)], ids=str)
def test_relu_is_that_of_numpy(shape: tuple[int, int], dtype: np.dtype[Any], fused: Kernels) -> None:
    rng = np.random.default_rng(0)
    Z, dA = (numbers(rng, shape[0] * shape[1], dtype).reshape(shape) for _ in range(2))
    dA = np.nan_to_num(dA)  # NumPy has 0 · ∞ = NaN there
    both = []
    for kernels in (NUMPY, fused):
        A, own = Z.copy(), dA.copy()
        kernels.relu(A, A)
        forward = A.copy()
        kernels.relu_backward(own, A, own)
        both.append((forward, own))
    for expected, found in zip(*both, strict=True):
        np.testing.assert_array_equal(found, expected)


@needs_numba
@pytest.mark.parametrize("shift", [False, True], ids=["without a shift", "with a shift"])
def test_rows_are_taken_as_a_matrix_does(shift: bool, dtype: np.dtype[Any], fused: Kernels) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (50, 130), dtype=np.uint8)
    scale = np.asarray(rng.random(130) if shift else 1 / 255, dtype)
    matrix = Matrix(values, dtype, rng.random(130).astype(dtype) if shift else None, scale)
    rows = rng.permutation(50)[:41]
    expected, found = np.empty((41, 130), dtype), np.empty((41, 130), dtype)
    matrix.take(rows, np.empty((41, 130), np.uint8), expected)
    assert fused.take_scaled(values, rows, scale, matrix.shift, found)
    np.testing.assert_array_equal(found, expected)


@needs_numba
@pytest.mark.usefixtures("what_is_not_finite_may_come_up")
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("K", [2, 3, 32])
def test_softmax_and_its_loss_are_those_of_numpy(
    K: int, smoothing: float, dtype: np.dtype[Any], fused: Kernels
) -> None:
    rng = np.random.default_rng(K)
    n = 37
    Z = (rng.normal(size=(n, K)) * rng.choice([1, 30, 1e4], size=(n, 1))).astype(dtype)
    Z[:5] = Z[:5, :1]  # all scores are equal
    y = rng.integers(K, size=n)
    loss, Y, P, expected, dZ = LOSSES.create("cross-entropy"), *(np.empty_like(Z) for _ in range(4))
    loss.write_targets(y, Y, smoothing)
    losses = loss.forward(Z, Y, P)
    loss.backward(Z, P, Y, expected)
    on, off = 1 - smoothing * (K - 1) / K, smoothing / K
    eps = np.finfo(dtype).eps
    for kernels in (NUMPY, fused):
        found = kernels.softmax_loss(Z, y, on, off, 1 / n, dZ)
        np.testing.assert_allclose(
            found[0], losses, rtol=1e-12 if eps < 1e-10 else 8 * eps, atol=1e5 * K * smoothing * eps + 8 * eps
        )
        np.testing.assert_array_equal(found[1], loss.classes(Z) == y)
        np.testing.assert_allclose(dZ * n, expected, rtol=0, atol=8 * eps)


@needs_numba
def test_softmax_of_many_classes_is_left_to_numpy(fused: Kernels) -> None:
    assert [fused.fuses_softmax(K) for K in (2, 32, 33)] == [True, True, False]


@needs_numba
@pytest.mark.parametrize("average", ["none", "mean"])
@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize(("loss", "optimizer"), [("perceptron", "sgd"), ("hinge", "sgd"), ("hinge", "mira")])
@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
def test_rows_are_learned_from_as_in_blocks(
    loss: str, optimizer: str, K: int, average: str, weighted: bool, fused: Kernels
) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 6)), rng.integers(K, size=200)
    X[:, :K] += np.eye(K)[y]
    weights = rng.random(200) if weighted else None
    both = []
    for kernels in (NUMPY, fused):
        its, update, mean = LOSSES.create(loss), OPTIMIZERS.create(optimizer), AVERAGES.create(average)
        network = multilayer(6, (), its.outputs(K), dtype="float64")
        network.use(kernels)
        assert isinstance(update, SGD)
        update.start(network.theta)
        mean.start(network.theta)
        how = network, its, update, mean, X, its.targets(K)[y], lambda i: 0.5 / (i + 1), weights
        both.append((*online.learn_rows(*how), network.theta, mean.mean))
    assert np.any(both[0][2])
    for expected, found in zip(*both, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@needs_numba
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("hidden", [(), (33,), (70, 20)], ids=str)
def test_the_gradient_of_a_network_is_that_of_numpy(hidden: tuple[int, ...], activation: str, fused: Kernels) -> None:
    train = blobs(90)
    network, found = multilayer(2, hidden, 3, activation, dtype="float64"), []
    network.initialize(None, np.random.default_rng(0))
    for kernels in (NUMPY, fused):
        network.use(kernels)
        sums = Batch(train, LOSSES.create("cross-entropy"), 3, network, 90).learn(train.rows)
        found.append(np.array([*sums, *network.grad]))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-10, atol=1e-14)


@needs_numba
def test_gradients_are_checked_with_them_too(nncli: Run) -> None:
    done = nncli("gradcheck", "digits", "--hidden", "20x12", "--kernels", "numba", "-q")
    assert done.code == 0, done.out


@needs_numba
@pytest.mark.long
def test_gradients_of_every_kind_of_network_are_checked_with_them_too(nncli: Run) -> None:
    done = nncli("gradcheck", "--all", "--kernels", "numba", "-q")
    assert done.code == 0, done.out


@needs_numba
def test_any_number_of_threads_gives_the_same_numbers(fused: Kernels) -> None:
    # each part of these loops has results of its own; sums in parts are those of one thread here
    from nncli.nn.kernels.fused import FusedKernels

    g, found = np.random.default_rng(0).normal(size=10_000), []
    for threads in (1, 2, 5):
        kernels, theta = FusedKernels(threads), np.ones(10_000)
        with kernels.working():
            update = kernels.update_rule(OPTIMIZERS.create("sgd"))
            assert update is not None
            update(theta, g, 0.1, 1.0, [])
        found.append(theta)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_allclose(found[0], 1 - 0.1 * g, rtol=1e-15)


@needs_numba
def test_threads_that_the_system_does_not_give_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    from nncli.nn.kernels.fused import FusedKernels

    start, started = threading.Thread.start, list[threading.Thread]()

    def one_alone(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", one_alone)
    kernels, theta = FusedKernels(4), np.zeros(10_000)
    with kernels.working():
        update = kernels.update_rule(OPTIMIZERS.create("sgd"))
        assert update is not None
        update(theta, np.ones(10_000), 1.0, 1.0, [])
    assert (theta == -1).all()
    assert not started[0].is_alive()


@needs_numba
def test_two_that_share_at_once_get_what_each_would_alone(fused: Kernels) -> None:
    rule, g = fused.update_rule(OPTIMIZERS.create("sgd")), np.ones(50_000)
    assert rule is not None
    thetas = [np.zeros(50_000) for _ in range(4)]

    def many_steps(theta: np.ndarray) -> None:
        for _ in range(200):
            rule(theta, g, 1.0, 1.0, [])

    threads = [threading.Thread(target=many_steps, args=(theta,)) for theta in thetas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(theta == -200).all() for theta in thetas] == [True] * 4
