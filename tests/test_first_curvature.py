"""What L-BFGS knows of a linear model before its first step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from nncli.data.scaled_rows import Matrix, Subset
from nncli.nn.first_curvature import FirstCurvature, mean_of, moments_of, squares_of
from nncli.nn.losses import LOSSES
from sparse_training import trainer


def test_no_loss_bends_more_than_is_said() -> None:
    """By finite differences of its gradient; and as much as that somewhere, or nearly."""
    Z = np.linspace(-6, 6, 4001)[:, None]
    for name in ("binary-cross-entropy", "mse", "huber", "squared-hinge"):
        loss = LOSSES.create(name)
        steepest = []
        for y in (0.0, 1.0):
            P, Y, dZ = np.empty_like(Z), np.full_like(Z, y), np.empty_like(Z)
            loss.forward(Z, Y, P)
            loss.backward(Z, P, Y, dZ)
            steepest.append(np.diff(dZ[:, 0]).max() / np.diff(Z[:, 0]).max())
        assert max(steepest) == pytest.approx(loss.bend, rel=1e-3), name
    assert all(loss.bend == 0 for loss in map(LOSSES.create, ("mae", "hinge", "perceptron", "quantile")))


@pytest.mark.parametrize("K", [3, 7])
def test_softmax_bends_by_half_at_most(K: int) -> None:
    """Its Hessian along z is diag p − p pᵀ; where two classes share the probability, it is that of a half."""
    rng = np.random.default_rng(K)
    for P in [*softmax(rng.normal(scale=3, size=(200, K)), axis=1), np.eye(K)[:2].mean(axis=0)]:
        assert np.linalg.eigvalsh(np.diag(P) - np.outer(P, P)).max() <= LOSSES.create("cross-entropy").bend + 1e-12


def test_the_curvature_of_logistic_regression_is_nowhere_more() -> None:
    rng = np.random.default_rng(0)
    X, omega = rng.normal(size=(200, 4)) * [1, 10, 0.1, 1], rng.uniform(0, 2, 200)
    X[:, 3] = X[:, 0] + 0.01 * X[:, 3]
    rows = np.column_stack([X, np.ones(200)])
    blocks = [(X[:50], omega[:50]), (X[50:], omega[50:])]
    mean = mean_of(blocks, 4)
    found = FirstCurvature(mean, moments_of(blocks, mean), squares_of(blocks, mean), 0.25, 0.01)
    H = np.column_stack([found(column) for column in np.eye(5)])
    np.testing.assert_allclose(H, H.T, rtol=1e-6)
    for theta in [np.zeros(5), *rng.normal(size=(20, 5))]:
        p = expit(rows @ theta)
        hessian = (rows.T * (omega * p * (1 - p))) @ rows / 200 + np.diag([0.01] * 4 + [0])
        # no eigenvalue of H times the Hessian is above 1 where B is a bound of it; RIDGE only makes H smaller
        assert np.linalg.eigvals(H @ hessian).real.max() <= 1 + 1e-9


def test_several_outputs_are_each_multiplied_alike() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3))
    mean = mean_of([(X, None)], 3)
    found = FirstCurvature(mean, moments_of([(X, None)], mean), squares_of([(X, None)], mean), 0.5, 0)
    g = np.arange(8.0).reshape(4, 2)  # of W (3, 2) and b (2,)
    np.testing.assert_allclose(
        found(g.reshape(-1)).reshape(4, 2), np.column_stack([found(g[:, 0].copy()), found(g[:, 1].copy())])
    )


def test_the_squared_error_is_least_after_one_step() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5)) * [1, 1000, 0.01, 1, 0] + [0, 5000, 0, 3, 0]
    y = (X @ [1, 0.001, 100, -1, 0] + rng.normal(size=300) > 0).astype(np.int64)
    how = {"model": "adaline", "optimizer": "lbfgs", "batch_size": None}
    one = trainer(Subset(Matrix(X, X.dtype), y, np.arange(300)), **how)
    assert [*one.run(until=1)]
    w = np.linalg.lstsq(np.column_stack([X, np.ones(300)]), np.where(y, 1.0, 0.0), rcond=None)[0]
    residual = np.column_stack([X, np.ones(300)]) @ w - y
    P = np.column_stack([X, np.ones(300)]) @ one.network.theta
    assert np.mean((P - y) ** 2) == pytest.approx(np.mean(residual**2), rel=1e-4)


def test_columns_of_any_units_come_to_the_optimum() -> None:
    """The 30 columns of breast-cancer have standard deviations from 0.003 to 570: without their curvature, L-BFGS gives
    up far from the least loss."""
    X, y = load_breast_cancer(return_X_y=True)
    how: dict[str, Any] = {"model": "logistic", "optimizer": "lbfgs", "l2": 0.001, "epochs": 200, "batch_size": None}
    one = trainer(Subset(Matrix(X, X.dtype), y, np.arange(len(X))), **how)
    assert len([*one.run()]) < 150
    peer = LogisticRegression(C=1 / (0.001 * len(X)), solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(X, y)

    def objective(w: np.ndarray, b: float) -> float:
        z = X @ w + b
        return float(np.mean(np.logaddexp(0, z) - y * z) + 0.0005 * w @ w)

    W, b = one.network.dense[0].W, one.network.dense[0].b
    least = objective(peer.coef_[0], peer.intercept_[0])
    assert math.isclose(objective(W[:, 0], float(b[0])), least, rel_tol=1e-6)


@pytest.mark.parametrize("l2", [0.0, 1e-6])
def test_columns_that_few_rows_have_do_not_hold_the_others_up(l2: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rows that are looked at have none of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 20))
    X[:, 10:] = 0
    looked_at = np.linspace(0, 3999, 400).astype(int)
    others = np.setdiff1d(np.arange(4000), looked_at)
    for j in range(10, 20):
        X[rng.choice(others, 20, replace=False), j] = 1
    X[:, 10:] = (X[:, 10:] - X[:, 10:].mean(axis=0)) / X[:, 10:].std(axis=0)
    y = (rng.random(4000) < expit(X[:, :10] @ rng.normal(size=10))).astype(np.int64)
    how: dict[str, Any] = {"model": "logistic", "optimizer": "lbfgs", "l2": l2, "epochs": 60, "batch_size": None}
    losses = []
    for most in (400, 10_000):
        monkeypatch.setattr("nncli.training.optimum.LOOKED_AT", most)
        one = trainer(Subset(Matrix(X, X.dtype), y, np.arange(4000)), **how)
        assert len([*one.run()]) < 60
        losses.append(one.history[-1].train_loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "mse:link=sigmoid"},
        {"model": "mlp", "hidden": (3,)},
        {"model": "svm", "loss": "squared-hinge", "d": 1025},
    ],
    ids=str,
)
def test_of_other_models_nothing_is_known_before(options: dict[str, Any]) -> None:
    X = np.random.default_rng(0).normal(size=(30, options.pop("d", 4)))
    train = Subset(Matrix(X, X.dtype), np.arange(30) % 2, np.arange(30))
    one = trainer(train, **{"model": "logistic", "optimizer": "lbfgs", "batch_size": None, **options})
    assert [*one.run(until=1)]
    assert one.optimizer.first_h is None


@pytest.mark.filterwarnings("error")
def test_of_numbers_whose_squares_are_too_large_nothing_is_known_before() -> None:
    X = np.random.default_rng(0).normal(size=(30, 2)) * [1e160, 1]
    train = Subset(Matrix(X, X.dtype), np.arange(30) % 2, np.arange(30))
    one = trainer(train, model="logistic", optimizer="lbfgs", batch_size=None)
    one.begin_epoch()
    assert one.optimizer.first_h is None


@pytest.mark.parametrize("spread", [1e4, 1e6])
def test_columns_far_from_0_come_to_the_optimum_too(spread: float) -> None:
    """Such as seconds since 1970 within some hours: their loss is that of the same column less its mean."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = (rng.random(300) < expit(X @ [1, -1])).astype(np.int64)
    how: dict[str, Any] = {"model": "logistic", "optimizer": "lbfgs", "epochs": 200, "batch_size": None}
    losses = []
    for columns in (X, X * [spread, 1] + [1.7e9, 0]):
        one = trainer(Subset(Matrix(columns, columns.dtype), y, np.arange(300)), **how)
        assert len([*one.run()]) < 60
        losses.append(one.history[-1].train_loss)
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def test_a_run_that_is_not_at_the_optimum_says_so() -> None:
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = (np.random.default_rng(1).random(300) < expit(X @ [1, -1])).astype(np.int64)
    said = []
    for epochs in (3, 100):
        how: dict[str, Any] = {"model": "logistic", "optimizer": "lbfgs", "epochs": epochs, "batch_size": None}
        one = trainer(Subset(Matrix(X, X.dtype), y, np.arange(300)), **how)
        assert [*one.run()]
        said.append(one.stopped)
    assert said == ["all planned epochs are done, and more would lower the loss", "no step lowers the loss any more"]
