"""What tests of sparse rows share: the same rows stored with and without their zeros, and trainers on both."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy.sparse import csr_array

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix, SparseMatrix, Subset
from nncli.data.task import REGRESSION
from nncli.model.network import build_network
from nncli.nn.elementwise import Elementwise
from nncli.nn.input_layers import InputKinds
from nncli.nn.optimizers import OPTIMIZERS
from nncli.system.threads import multiply_with
from nncli.training.trainer import Trainer

K = 3
FLOAT = np.dtype("float64")
ALMOST_NONE = 1e-30
ELEMENTWISE = [name for name in OPTIMIZERS if issubclass(OPTIMIZERS[name], Elementwise)]


def sparse_rows(n: int, d: int, entries: int = 5, seed: int = 0, dtype: str = "float64") -> csr_array:
    """Rows with so many entries each, more of them in the first columns, as words have frequent ones."""
    rng = np.random.default_rng(seed)
    others = [4 + rng.choice(d - 4, entries - 1, replace=False, shuffle=False) for _ in range(n)]
    columns = np.column_stack([rng.integers(4, size=n), others])
    starts = np.arange(0, n * entries + 1, entries, dtype=np.int32)
    return csr_array((rng.normal(size=n * entries).astype(dtype), columns.reshape(-1).astype(np.int32), starts), (n, d))


def both(X: csr_array, y: np.ndarray, rows: np.ndarray | None = None, **more: np.ndarray) -> list[Subset]:
    """The rows with their zeros, and without."""
    rows = np.arange(len(y)) if rows is None else rows
    return [Subset(M, y, rows, **more) for M in (Matrix(X.toarray(), X.dtype), SparseMatrix(X, X.dtype))]


def trainer(
    train: Subset, val: Subset | None = None, seed: int = 0, kinds: InputKinds | None = None, **options: object
) -> Trainer:
    """A trainer of a network for classes, or for numbers where the target is one. Inputs are numbers, or `kinds`."""
    dtype = getattr(train.matrix, "dtype", FLOAT).name
    asked = {"model": "softmax", "dtype": dtype, "batch_size": 8, "epochs": 2, **options}
    if train.is_numeric:
        asked["task"] = REGRESSION
    config = resolve(TrainConfig(**asked), len(train), has_val=val is not None)
    classes = 0 if train.is_numeric else int(train.y.max()) + 1
    network, loss = build_network(config.model, kinds or InputKinds(train.matrix.width), classes)
    network.initialize(config.model.init, *(np.random.default_rng(i + 1) for i in range(network.copies)))
    drop = np.random.default_rng(seed + 1)
    return Trainer(network, loss, config, train, val, classes, np.random.default_rng(seed), drop)


def rows_and_classes(n: int = 200, d: int = 600) -> tuple[csr_array, np.ndarray]:
    X = sparse_rows(n, d)
    return X, (X[:, [0]].toarray()[:, 0] > 0) + np.random.default_rng(1).integers(2, size=n)


def trained(train: Subset, val: Subset | None = None, **options: object) -> Trainer:
    one = trainer(train, val, **options)
    with multiply_with(1):
        assert [*one.run()]
    return one


def exactly(name: str) -> str:
    """An optimizer with an ε so small that what steps without a gradient do has an exact closed form."""
    fields = {field.name for field in dataclasses.fields(OPTIMIZERS.create(name))}
    return f"{name}:eps={ALMOST_NONE}" if "eps" in fields else name


def same(one: Trainer, other: Trainer, rtol: float = 1e-9, norms: bool = True) -> None:
    """Both have come to the same parameters, averages and figures, and the first was not taken whole steps."""
    size = float(np.abs(one.network.theta).max())
    np.testing.assert_allclose(other.network.theta, one.network.theta, rtol=0, atol=rtol * size)
    np.testing.assert_allclose(other.average.mean, one.average.mean, rtol=0, atol=rtol * size)
    for mine, its in zip(figures(one), figures(other), strict=True):
        np.testing.assert_allclose(its[: 4 + norms], mine[: 4 + norms], rtol=rtol)


def figures(one: Trainer) -> list[list[float]]:
    """The losses and accuracies of each epoch, and the mean norm of the gradient; NaN where there are none."""
    found = [[*dataclasses.astuple(epoch)[1:5], epoch.steps and epoch.steps.gradient_norm] for epoch in one.history]
    return [[math.nan if number is None else number for number in numbers] for numbers in found]
