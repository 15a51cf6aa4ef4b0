"""Fused kernels: each against its NumPy form, whole runs with them, and what happens without Numba."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_errors import BAD_COMMAND, BAD_DATA
from cli_process import PROGRAM
from lowest import lowest
from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix
from nncli.errors import OptionError
from nncli.model import checkpoint
from nncli.nn import online
from nncli.nn.averages import AVERAGES
from nncli.nn.kernels import choice
from nncli.nn.kernels.plain import NUMPY, Kernels
from nncli.nn.losses import LOSSES
from nncli.nn.network import multilayer
from nncli.nn.optimizers import OPTIMIZERS, SGD, Elementwise
from nncli.system.threads import products
from nncli.training.batch import Batch
from training import blobs, trainer

# Numba is an extra, which `dev` has: without it, the tests that need it have nothing to test
Run = Callable[..., Any]
needs_numba = pytest.mark.skipif(not choice.is_installed(), reason="Numba, of the extra nncli[fast], is not installed")
ODD = [0.0, -0.0, 1e-310, -1e-42, 1e-38, 3e37, -2e37, np.inf, -np.inf, np.nan]  # of which float32 flushes some to 0


@pytest.fixture(scope="module")
def fused() -> Iterator[Kernels]:
    """Fused kernels for three threads, which are more than the machine may have cores."""
    from nncli.nn.kernels.fused import FusedKernels

    kernels = FusedKernels(3, products()[1])
    with kernels.working():
        yield kernels


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
        optimizer.start(theta)
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
            update(theta, g, 0.1, [])
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
        update(theta, np.ones(10_000), 1.0, [])
    assert (theta == -1).all()
    assert not started[0].is_alive()


@needs_numba
def test_two_that_share_at_once_get_what_each_would_alone(fused: Kernels) -> None:
    rule, g = fused.update_rule(OPTIMIZERS.create("sgd")), np.ones(50_000)
    assert rule is not None
    thetas = [np.zeros(50_000) for _ in range(4)]

    def many_steps(theta: np.ndarray) -> None:
        for _ in range(200):
            rule(theta, g, 1.0, [])

    threads = [threading.Thread(target=many_steps, args=(theta,)) for theta in thetas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(theta == -200).all() for theta in thetas] == [True] * 4


@needs_numba
def test_a_run_comes_to_what_numpy_does_and_always_to_the_same() -> None:
    thetas = []
    for kernels in ("numpy", "numba", "numba"):
        one = trainer(blobs(300), blobs(90, 1), model="mlp", hidden=(40,), optimizer="adam", epochs=5, kernels=kernels)
        assert len(list(one.run())) == 5
        thetas.append(one.network.theta.copy())
        assert one.network.kernels is NUMPY  # again, once the run is over
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=1e-7, atol=1e-9)
    assert thetas[1].tobytes() == thetas[2].tobytes()


@needs_numba
def test_a_run_is_resumed_with_its_own_kernels_to_the_same_bytes(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    options = "train iris --model mlp --kernels numba --threads 2 --keep-state -q --schedule constant --epochs"
    nncli(*options.split(), 6, "-o", "whole.npz")
    nncli(*options.split(), 3, "-o", "parts.npz")
    refused = nncli("train", "--resume", "parts.npz", "--epochs", 6, "--kernels", "numpy")
    assert refused.code == BAD_DATA
    assert "it was started with --kernels numba, and not with numpy. Leave --kernels out" in refused.err
    with monkeypatch.context() as without:
        without.setattr("nncli.nn.kernels.choice.problem", lambda: "Numba is not installed")
        refused = nncli("train", "--resume", "parts.npz", "--epochs", 6)
    assert refused.code == BAD_DATA
    assert "--kernels numba: Numba is not installed. Install it with: pip install 'nncli[fast]'" in refused.err
    assert nncli("train", "--resume", "parts.npz", "--epochs", 6, "--keep-state", "-q").code == 0
    assert Path("parts.npz").read_bytes() == Path("whole.npz").read_bytes()
    model, provenance = checkpoint.load(Path("whole.npz"))
    assert model.config.options.kernels == "numba"
    assert ", numba " in provenance.kernels
    assert "--kernels numba" in " ".join(nncli("info", "whole.npz").out.split())


@needs_numba
def test_a_model_of_a_machine_with_numba_is_worked_with_on_one_without(
    nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seed in (("old.csv", 0), ("new.csv", 1)):
        X = np.random.default_rng(seed).normal(size=(60, 2))
        rows = [f"{a},{b},{'no' if a < b else 'yes'}" for a, b in X]
        Path(name).write_text("\n".join(["a,b,class", *rows]))
    options = "--model softmax --optimizer adam --epochs 2 --kernels numba -q -o model.npz"
    assert nncli("train", "old.csv", *options.split()).code == 0
    monkeypatch.setattr(choice, "problem", lambda: "Numba is not installed")
    for words in ("explain model.npz --coefficients --bootstrap 2", "train new.csv --from model.npz -o next.npz"):
        done = nncli(*words.split(), "-q")
        assert done.code == 0, done.err
    assert checkpoint.load(Path("next.npz"))[0].config.options.kernels is None


def test_a_run_without_them_says_nothing_of_kernels(nncli: Run) -> None:
    nncli("train", "iris", "--epochs", 2, "--kernels", "numpy", "-q", "-o", "plain.npz")
    nncli("train", "iris", "--epochs", 2, "-q", "-o", "usual.npz")
    assert Path("plain.npz").read_bytes() == Path("usual.npz").read_bytes()
    options = checkpoint.load(Path("plain.npz"))[0].config.options
    assert options.kernels is None
    assert "kernels" not in options.to_json()  # as in files of older versions
    assert TrainConfig.from_json(options.to_json()) == options


def test_auto_takes_them_for_long_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(n: int, **options: Any) -> str:
        return resolve(TrainConfig(model="mlp", **options), n, has_val=True).training.kernels

    monkeypatch.setattr("nncli.nn.kernels.choice.problem", lambda: "")
    assert chosen(60_000, epochs=10) == ""
    assert chosen(60_000, epochs=100) == "numba"
    assert chosen(60_000, epochs=100, kernels="numpy") == ""
    assert chosen(60_000, epochs=100, optimizer="lbfgs", batch_size=0) == ""  # all of its time are products
    assert chosen(150, epochs=1, kernels="numba") == "numba"
    monkeypatch.setattr("nncli.nn.kernels.choice.problem", lambda: "Numba is not installed")
    assert chosen(60_000, epochs=100) == ""
    with pytest.raises(OptionError, match="Numba is not installed"):
        chosen(60_000, kernels="numba")


def test_what_is_not_installed_is_said_in_a_line(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.nn.kernels.choice.problem", lambda: "Numba is not installed")
    refused = nncli("train", "iris", "--kernels", "numba")
    assert refused.code == BAD_COMMAND
    assert "--kernels: Numba is not installed. Install it with: pip install 'nncli[fast]'" in refused.err


@pytest.fixture
def another_numba(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Let Numba be a file with that text."""

    def has(text: str) -> None:
        (tmp_path / "numba.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "numba", raising=False)
        choice.problem.cache_clear()

    yield has
    choice.problem.cache_clear()


def test_a_numba_that_cannot_be_loaded_is_not_used(nncli: Run, another_numba: Callable[[str], None]) -> None:
    another_numba("raise ImportError('Numba needs NumPy 2.0 or less.\\nGot NumPy 2.4.')")
    assert resolve(TrainConfig(model="mlp", epochs=100), 60_000, has_val=True).training.kernels == ""
    refused = nncli("train", "iris", "--kernels", "numba")
    assert refused.code == BAD_COMMAND
    assert "--kernels: Numba cannot be loaded (Numba needs NumPy 2.0 or less. Got NumPy 2.4). Install" in refused.err


def test_a_numba_that_is_too_old_is_not_used(nncli: Run, another_numba: Callable[[str], None]) -> None:
    another_numba("__version__ = '0.60.0'")
    assert resolve(TrainConfig(model="mlp", epochs=100), 60_000, has_val=True).training.kernels == ""
    assert "--kernels: expected Numba 0.61 or newer, found 0.60.0" in nncli("train", "iris", "--kernels", "numba").err
    assert lowest(Path(__file__).parents[1] / "pyproject.toml")["numba"] == "0.61"


@needs_numba
def test_that_loops_are_compiled_is_said(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "iris", "--epochs", "1", "--kernels", "numba"]
    assert "compiling the loops" not in nncli(*words, "-o", "a.npz", "--kernels", "numpy").err
    monkeypatch.setattr(choice, "is_compiled", lambda name: False)
    assert "compiling the loops of this run, once on this machine" in nncli(*words, "-o", "b.npz").err


@needs_numba
def test_loops_are_compiled_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    from nncli.nn.kernels.compiling import compiled, is_cached

    for kind in (caching.CompileResultCacheImpl, caching.CodeLibraryCacheImpl):
        monkeypatch.setattr(kind, "_locator_classes", [])

    def twice(number: int) -> int:
        return 2 * number

    assert compiled(twice)(21) == 42
    assert not is_cached()


@needs_numba
def test_machine_code_that_is_damaged_is_compiled_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from numba.core import config

    from nncli.nn.kernels.compiling import compiled

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))

    def twice(number: int) -> int:
        return 2 * number

    def cached(hits: int) -> None:
        fresh = compiled(twice)
        assert fresh(21) == 42
        assert len(fresh.stats.cache_hits) == hits

    cached(0)
    cached(1)
    for ending in ("nbi", "nbc"):
        [file] = tmp_path.rglob(f"*.{ending}")
        for whole in (file.read_bytes(), b""):
            file.write_bytes(whole[: len(whole) // 2])
            cached(0)
            cached(1)


@needs_numba
def test_machine_code_that_cannot_be_written_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from numba.core import caching, config

    from nncli.nn.kernels.compiling import compiled

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))

    def twice(number: int) -> int:
        return 2 * number

    fresh = compiled(twice)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(caching.os, "replace", full)
    assert fresh(21) == 42


@needs_numba
def test_a_change_of_one_file_has_all_loops_compiled_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from numba.core import config

    from nncli.nn.kernels import compiling

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))

    def twice(number: int) -> int:
        return 2 * number

    assert compiling.compiled(twice)(21) == 42
    monkeypatch.setattr(compiling, "_stamp", lambda: ("another",))
    fresh = compiling.compiled(twice)
    assert fresh(21) == 42
    assert not fresh.stats.cache_hits


@needs_numba
def test_without_a_compiler_the_loops_are_plain_python(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "iris", "--model", "mlp", "--epochs", "1", "--kernels", "numba", "-q", "-o"]
    nncli(*words, "compiled.npz")
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([*PROGRAM, *words, "plain.npz"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    thetas = [checkpoint.load(Path(name))[0].network.theta for name in ("compiled.npz", "plain.npz")]
    np.testing.assert_allclose(*thetas, rtol=1e-4, atol=1e-6)
