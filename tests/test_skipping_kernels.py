"""Products of the first layer that skip inputs of 0: against those of NumPy, and in whole runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.data.scaled_rows import Matrix, Subset
from nncli.nn.ensemble import WideMembers
from nncli.nn.kernels.plain import NUMPY, Kernels
from nncli.nn.layers import Dense
from nncli.nn.losses import LOSSES
from nncli.nn.network import layers_of
from nncli.training.batch import Batch
from numba_extra import needs_numba
from training import blobs, trainer

Run = Callable[..., Any]
pytestmark = [needs_numba, pytest.mark.usefixtures("in_a_folder_of_its_own")]


def fused(threads: int) -> Kernels:
    from nncli.nn.kernels.fused import FusedKernels

    return FusedKernels(threads)


def mostly_zeros(n: int, d: int, share: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(n)
    return np.where(rng.random((n, d)) < share, rng.normal(size=(n, d)), 0)


def products(kernels: Kernels, X: np.ndarray, h: int) -> tuple[np.ndarray, ...]:
    rng, dtype = np.random.default_rng(1), X.dtype
    W, b, dZ = (rng.normal(size=shape).astype(dtype) for shape in ((X.shape[1], h), h, (len(X), h)))
    Z, dW, db = (np.full(shape, np.nan, dtype) for shape in ((len(X), h), W.shape, h))
    marks = kernels.dense_of_few(X, W, b, Z)
    kernels.dense_of_few_backward(dZ, X, W, marks, dW, db)
    return Z, dW, db


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("n", "d", "h"), [(1, 1, 1), (7, 64, 64), (33, 70, 65), (64, 257, 40), (130, 300, 192), (5, 128, 256)]
)
def test_products_are_those_of_numpy(n: int, d: int, h: int, threads: int, dtype: str) -> None:
    X = mostly_zeros(n, d).astype(dtype)
    X[n // 2] = 0  # a row, and a column, of nothing else
    X[:, d // 2] = 0
    lengths = d, n, n  # of the sums
    for found, expected, length in zip(products(fused(threads), X, h), products(NUMPY, X, h), lengths, strict=True):
        # rounding errors of a sum of `length` products of size 1, in another order
        np.testing.assert_allclose(found, expected, rtol=0, atol=4 * length * np.finfo(dtype).eps)


def test_any_number_of_threads_gives_the_same_digits() -> None:
    X = mostly_zeros(50, 300).astype(np.float32)
    for h in (64, 100, 256):
        one, *others = (products(fused(threads), X, h) for threads in (1, 2, 3))
        for other in others:
            assert [a.tobytes() for a in one] == [a.tobytes() for a in other]


def test_what_is_no_number_is_not_skipped() -> None:
    X = np.zeros((3, 70), np.float32)
    X[0, 1], X[1, 69], X[2, 2] = np.nan, np.inf, -0.0
    Z, dW, _ = products(fused(1), X, 64)
    assert np.isnan(Z[0]).all()
    assert np.isinf(Z[1]).all()
    assert np.isfinite(Z[2]).all()
    assert np.isnan(dW[1]).all()
    assert np.isinf(dW[69]).all()
    assert not dW[2:69].any()


def test_rows_with_gaps_between_them_are_left_to_the_other_products() -> None:
    wide = mostly_zeros(6, 140)
    for found, expected in zip(products(fused(2), wide[:, ::2], 64), products(NUMPY, wide[:, ::2], 64), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("share", "units", "skips"), [(0.2, 64, True), (0.9, 64, False), (0.2, 10, False), (0.2, 256, True)]
)
def test_zeros_are_skipped_where_there_are_many(share: float, units: int, skips: bool) -> None:
    assert fused(1).skips_zeros(share, units) is skips
    assert not NUMPY.skips_zeros(share, units)


def pictures(n: int, seed: int) -> Subset:
    """Rows of three classes, each with inputs of its own that are not 0."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    X = np.zeros((n, 100))
    for i, its in enumerate(y):
        X[i, its * 30 + rng.permutation(30)[:10]] = rng.random(10)
    return Subset(Matrix(X, np.dtype("float64")), y, np.arange(n))


def test_the_share_of_inputs_is_that_of_some_rows() -> None:
    assert pictures(90, 0).share_of_inputs(np.dtype("float64")) == 0.1  # ten of a hundred in each row
    values = np.zeros((1024, 2), np.uint8)
    values[::4, 0] = 255
    matrix = Matrix(values, np.dtype("float32"), None, np.array(1 / 255, np.float32))
    rows = Subset(matrix, np.zeros(1024, int), np.arange(1024))
    assert rows.share_of_inputs(matrix.dtype) == 0.5  # every fourth row is looked at, from the first on


def runs(parts: tuple[int, ...], kernels: str, train: Subset, skips: bool) -> np.ndarray:
    one = trainer(train, None, model="mlp", hidden=(64, 8), optimizer="adam", epochs=4, kernels=kernels)
    first = one.network.layers[0]
    assert isinstance(first, Dense)
    for until in parts:
        for _ in one.run(until=until):
            assert first.skips_zeros is skips
    assert not first.skips_zeros  # the run is over
    return one.network.theta.copy()


def test_a_run_comes_to_what_numpy_does_and_to_the_same_in_two_parts() -> None:
    train = pictures(300, 0)
    expected, found = runs((4,), "numpy", train, skips=False), runs((4,), "numba", train, skips=True)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
    assert runs((2, 4), "numba", train, skips=True).tobytes() == found.tobytes()
    runs((1,), "numba", blobs(90), skips=False)


def test_wide_members_of_an_ensemble_skip_zeros_too() -> None:
    train, layers = pictures(90, 0), layers_of((64,), 3, "relu", 0)
    network, found = WideMembers(100, layers, 2, "softmax", "float64"), list[np.ndarray]()
    network.initialize(None, *np.random.default_rng(0).spawn(2))
    for kernels in (NUMPY, fused(2)):
        network.use(kernels)
        network.expect_inputs(0.1)
        firsts = [member.layers[0] for member in network.members()]
        assert [isinstance(one, Dense) and one.skips_zeros for one in firsts] == 2 * [kernels is not NUMPY]
        sums = Batch(train, LOSSES.create("cross-entropy"), 3, network, 90, each_member=True).learn(train.rows)
        found.append(np.array([*sums, *network.grad]))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-10, atol=1e-14)


def write_pictures() -> str:
    """Write rows of three classes, most of whose inputs are 0; return the options of a run on them."""
    train = pictures(250, 0)
    values, names = np.rint(255 * np.asarray(train.inputs())).astype(int), [f"x{j}" for j in range(100)]
    lines = [",".join(map(str, [*row, "abc"[k]])) for row, k in zip(values, train.y, strict=True)]
    Path("rows.csv").write_text("\n".join([",".join([*names, "class"]), *lines]))
    return "rows.csv --model mlp --hidden 64 --scale minmax --kernels numba -q"


def test_a_run_is_resumed_and_is_trained_from_the_disk_to_the_same_bytes(nncli: Run) -> None:
    command = f"train {write_pictures()} --threads 2 --keep-state --schedule constant --epochs".split()
    for name, epochs, more in (("whole", 4, []), ("parts", 2, []), ("disk", 4, ["--memory", "300MB"])):
        done = nncli(*command, epochs, "-o", f"{name}.npz", *more)
        assert done.code == 0, done.err
    assert nncli("train", "--resume", "parts.npz", "--epochs", 4, "--keep-state", "-q").code == 0
    assert Path("parts.npz").read_bytes() == Path("whole.npz").read_bytes()
    assert Path("disk.npz").read_bytes() == Path("whole.npz").read_bytes()


def test_gradients_are_checked_with_them_too(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from nncli.nn.kernels.fused import FusedKernels

    turned, used = FusedKernels.dense_of_few_backward, list[Any]()

    def noted(*how: Any) -> None:
        used.append(how)
        turned(*how)

    monkeypatch.setattr(FusedKernels, "dense_of_few_backward", noted)
    done = nncli("gradcheck", *write_pictures().split())
    assert done.code == 0, done.out
    assert used
