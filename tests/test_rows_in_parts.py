"""Steps of many rows go through a linear model in parts, which threads share, to the same digits on any number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import log_softmax

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Inputs, Matrix, RowWindow, Subset
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.training import side_by_side
from nncli.training.trainer import Trainer
from numba_extra import needs_numba

N, D, K = 3500, 256, 3  # so that a step has four parts
FLOAT = np.dtype("float64")
rng = np.random.default_rng(7)
STORED = rng.integers(0, 256, (N, D), dtype=np.uint8)
X = STORED.astype(FLOAT) / 255
y = (X[:, :5].sum(axis=1) + rng.normal(0, 0.5, N) > 2.5) + (X[:, 5:9].sum(axis=1) > 2).astype(np.int64)
WEIGHTS = rng.random(N) + 0.5
READY, SCALED = Matrix(X, FLOAT), Matrix(STORED, FLOAT, None, np.array(1 / 255))


@dataclass
class OnDisk:
    """Stands for a table on the disk."""

    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: np.ndarray) -> np.ndarray:
        return self.rows[chosen]


def made(
    matrix: Inputs,
    weights: np.ndarray | None = None,
    rows: np.ndarray | None = None,
    classes: np.ndarray = y,
    **options: object,
) -> Trainer:
    given = {"model": "softmax", "optimizer": "lbfgs", "dtype": "float64", "l2": 0.01, "epochs": 4, **options}
    config = resolve(TrainConfig(**given), N, has_val=False)
    network, loss = build_network(config.model, InputKinds(D), K)
    train = Subset(matrix, classes, np.arange(len(matrix)) if rows is None else rows, weights)
    return Trainer(network, loss, config, train, None, K, np.random.default_rng(0))


def run(one: Trainer, threads: int, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Train on so many threads; return θ, and the losses on the way."""
    monkeypatch.setattr(side_by_side, "products", lambda: (threads, ""))
    with side_by_side.at_its_threads(one):
        losses = [epoch.train_loss for epoch in one.run()]
    assert one.threads == threads
    return one.network.theta.tobytes() + np.array(losses).tobytes()


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["rows that count 1", "weighted rows"])
@pytest.mark.parametrize("matrix", [READY, SCALED], ids=["ready", "scaled"])
def test_the_gradient_is_that_of_the_formula(matrix: Matrix, weights: np.ndarray | None) -> None:
    one = made(matrix, weights)
    one.threads = 2
    one.begin_epoch()
    one.network.theta[:] = rng.normal(0, 0.1, one.network.size)
    assert one._batch is not None
    sums = one._batch.learn(one.rows_left)
    W, b = (block.view(one.network.theta) for block in one.network.blocks)
    omega = np.ones(N) if weights is None else weights
    L = log_softmax(X @ W + b, axis=1)
    E = (np.exp(L) - np.eye(K)[y]) * omega[:, None] / N  # dL/dZ = ω (P − Y) / n
    dW, db = (block.view(one.network.grad) for block in one.network.blocks)
    np.testing.assert_allclose(dW, X.T @ E, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(db, E.sum(axis=0), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(sums.loss, -omega @ L[np.arange(N), y], rtol=1e-12)
    assert sums.correct == np.count_nonzero(L.argmax(axis=1) == y)


@pytest.mark.parametrize("kernels", ["numpy", pytest.param("numba", marks=needs_numba)])
def test_threads_and_the_disk_change_no_digit(kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {run(made(READY, kernels=kernels), threads, monkeypatch) for threads in (1, 2, 3, 16)}
    window = RowWindow(OnDisk(X), D, lambda rows: Matrix(rows, FLOAT), 1500)
    found.add(run(made(window, kernels=kernels), 2, monkeypatch))
    found.add(run(made(Matrix(np.asfortranarray(X), FLOAT), kernels=kernels), 2, monkeypatch))  # which is copied
    assert len(found) == 1


def test_rows_that_do_not_follow_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    some = np.flatnonzero(np.arange(N) % 7 != 3)
    apart, together = made(READY, rows=some), made(Matrix(X[some], FLOAT), classes=y[some])
    assert run(apart, 2, monkeypatch) == run(together, 2, monkeypatch)


def test_small_steps_and_hidden_layers_share_no_rows() -> None:
    for options in ({"optimizer": "adam"}, {"model": "mlp", "hidden": (8,)}):
        one = made(READY, **options)
        with side_by_side.at_its_threads(one):
            assert one.threads == 1
