"""What tests of sparse rows share: the same rows stored with and without their zeros, and trainers on both."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix, SparseMatrix, Subset
from nncli.data.task import REGRESSION
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.training.trainer import Trainer

K = 3
FLOAT = np.dtype("float64")


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
