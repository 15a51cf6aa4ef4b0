"""Regression reaches the optimum that others find: NumPy's least squares, scikit-learn's ridge, lasso and quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, QuantileRegressor, Ridge

from nncli import NNRegressor
from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.errors import TrainingError
from nncli.nn import least_squares
from nncli.nn.least_squares import least_squares as solve
from nncli.nn.quantile_regression import quantile_regression
from nncli.training.prepare import prepare
from nncli.training.run import new_trainer

ALL = {"val": 0, "test": 0, "dtype": "float64", "model": "linear"}


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    """Ten columns of 442 people, standardised, and a figure of their illness a year later."""
    X, y = load_diabetes(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def weights_of(model: NNRegressor) -> tuple[np.ndarray, float]:
    """w and b for rows as they are, in the unit of the target."""
    d = model.model_.preprocess.width
    b = float(model.predict(np.zeros((1, d)))[0])
    return np.array([float(model.predict(row[None])[0]) - b for row in np.eye(d)]), b


def parts(X: np.ndarray, y: np.ndarray, omega: np.ndarray | None = None, size: int = 100) -> least_squares.Blocks:
    """The rows in blocks, as training reads them."""
    starts = range(0, len(y), size)
    return lambda: [(X[i : i + size], y[i : i + size], None if omega is None else omega[i : i + size]) for i in starts]


def test_without_a_penalty_it_is_numpys_least_squares() -> None:
    X, y = diabetes()
    w, b = weights_of(NNRegressor(scale="none", **ALL).fit(X, y))
    expected = np.linalg.lstsq(np.column_stack([X, np.ones(len(y))]), y)[0]
    np.testing.assert_allclose([*w, b], expected, rtol=1e-7, atol=1e-7)


def test_float32_finds_it_to_its_own_precision() -> None:
    X, y = diabetes()
    found = NNRegressor(**{**ALL, "dtype": "float32"}).fit(X, y).predict(X)
    expected = LinearRegression().fit(X, y).predict(X)
    np.testing.assert_allclose(found, expected, atol=1e-3)  # of a target with a standard deviation of 77


@pytest.mark.parametrize("scale", ["none", "auto"])
def test_columns_far_from_zero_and_of_other_sizes_lose_no_digits(scale: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)) * [1e-3, 1, 1e4] + [5, 1e6, -1e6]
    y = (X - X.mean(axis=0)) @ [2000, 3, 0.0005] + 1e5 + rng.normal(size=300)
    found = NNRegressor(**{**ALL, "scale": scale}).fit(X, y).predict(X)
    expected = LinearRegression().fit((X - X.mean(axis=0)) / X.std(axis=0), y)
    np.testing.assert_allclose(found, expected.predict((X - X.mean(axis=0)) / X.std(axis=0)), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_columns_that_depend_on_one_another_share_the_shortest_weights(dtype: str) -> None:
    """The third column is the sum of two, and the fourth is the first again."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 2)).astype(dtype)
    X = np.column_stack([X, X.sum(axis=1), X[:, 0]])
    y = X[:, 0] + rng.normal(size=200)
    w, b = solve(parts(X, y), 0, 0)
    length = X.std(axis=0, dtype=np.float64)
    Z = (X - X.mean(axis=0, dtype=np.float64)) / length
    shortest = np.linalg.lstsq(Z, y - y.mean(), rcond=1e-5)[0]
    np.testing.assert_allclose(w * length, shortest, atol=1e-5)
    assert b == pytest.approx(y.mean() - X.mean(axis=0, dtype=np.float64) @ w)


def test_nearly_the_same_columns_are_told_apart_where_the_numbers_allow() -> None:
    """Two columns that differ by 1e-7 of their size: their squares differ by less than float64 keeps of a sum."""
    rng = np.random.default_rng(2)
    a, e = rng.normal(size=(2, 500))
    X = np.column_stack([a, a + 1e-7 * e])
    w, _ = solve(parts(X, X @ [2.0, -1.0]), 0, 0)
    np.testing.assert_allclose(w, [2, -1], atol=1e-4)


def test_a_column_that_is_the_same_in_all_rows_has_no_weight() -> None:
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.normal(size=50), np.full(50, 7.0)])
    w, b = solve(parts(X, 3 * X[:, 0] + 1), 0, 0)
    np.testing.assert_allclose([*w, b], [3, 0, 1], atol=1e-12)


def test_weights_of_rows_are_those_of_scikit_learn() -> None:
    X, y = diabetes()
    omega = np.random.default_rng(4).uniform(0.1, 3, len(y))
    expected = LinearRegression().fit(X, y, sample_weight=omega)
    w, b = solve(parts(X, y, omega / omega.mean()), 0, 0)
    np.testing.assert_allclose(w, expected.coef_, rtol=1e-9)
    assert b == pytest.approx(expected.intercept_)


def objective(w: np.ndarray, b: float, X: np.ndarray, y: np.ndarray, l1: float, l2: float) -> float:
    e = X @ w + b - y
    return float(0.5 * (e @ e) / len(y) + 0.5 * l2 * (w @ w) + l1 * np.abs(w).sum())


@pytest.mark.parametrize("l2", [1e-4, 0.01, 1.0])
def test_l2_is_scikit_learns_ridge(l2: float) -> None:
    """Its α counts all rows, and the target is learned in standard deviations: λ is the same for it."""
    X, y = diabetes()
    w, b = weights_of(NNRegressor(scale="none", l2=l2, **ALL).fit(X, y))
    ridge = Ridge(alpha=l2 * len(y), tol=1e-12).fit(X, y)
    theirs = objective(ridge.coef_, float(ridge.intercept_), X, y, 0, l2)
    assert objective(w, b, X, y, 0, l2) == pytest.approx(theirs, rel=1e-6)
    np.testing.assert_allclose(w, ridge.coef_, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("l1", [0.001, 0.02, 0.2])
def test_l1_is_scikit_learns_lasso(l1: float) -> None:
    """λ₁ ‖w‖₁ grows with the unit of the target, as the squares do twice: of standardised numbers it is l1 · sd."""
    X, y = diabetes()
    w, b = weights_of(NNRegressor(scale="none", l1=l1, **ALL).fit(X, y))
    alpha = l1 * y.std()
    lasso = Lasso(alpha=alpha, tol=1e-12, max_iter=1_000_000).fit(X, y)
    theirs = objective(lasso.coef_, float(lasso.intercept_), X, y, alpha, 0)
    assert objective(w, b, X, y, alpha, 0) == pytest.approx(theirs, rel=1e-6)
    np.testing.assert_array_equal(np.abs(w) > 1e-9, lasso.coef_ != 0)


def test_a_lasso_of_more_columns_than_rows() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(40, 120))
    y = X[:, :3] @ [3, -2, 1] + 0.1 * rng.normal(size=40)
    w, b = solve(parts(X, y), 0.05, 0)
    lasso = Lasso(alpha=0.05, tol=1e-12, max_iter=1_000_000).fit(X, y)
    theirs = objective(lasso.coef_, float(lasso.intercept_), X, y, 0.05, 0)
    assert objective(w, b, X, y, 0.05, 0) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("l1", [1e-3, 1e-5, 1e-8, 1e-300])
def test_a_small_l1_is_at_its_optimum_too(l1: float) -> None:
    """That is where −g, the gradient of the squares, is λ₁ sign(w) where w is not 0, and at most λ₁ elsewhere: what is
    left of it are rounding errors, beside gradients of about 1 at w = 0. Coordinates alone are far from it for long."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 80))
    X = np.column_stack([X, X[:, :4], X[:, 4] + X[:, 5]])
    y = X[:, 0] + rng.normal(size=30)
    w, b = solve(parts(X, y), l1, 0)
    g = X.T @ (X @ w + b - y) / len(y)
    there = w != 0
    np.testing.assert_allclose(-g[there], l1 * np.sign(w[there]), rtol=0, atol=1e-12)
    assert np.abs(g[~there]).max() <= l1 + 1e-12


@pytest.mark.parametrize("l2", [1e-300, 1e-20, 1e-6])
def test_an_l2_too_small_to_tell_columns_apart_gives_each_the_same_weight(l2: float) -> None:
    """However small λ₂ is, ½ λ₂ ‖w‖² is least where two columns that are the same have half the weight each."""
    X, y = diabetes()
    w, _ = solve(parts(np.column_stack([X, X[:, 0]]), y), 0, l2)
    alone, _ = solve(parts(X, y), 0, 0)
    np.testing.assert_allclose(w[[0, -1]], alone[0] / 2, rtol=1e-3)


def test_l1_and_l2_together_are_the_elastic_net() -> None:
    X, y = diabetes()
    w, b = solve(parts(X, y), 2.0, 0.3)
    net = ElasticNet(alpha=2.3, l1_ratio=2 / 2.3, tol=1e-12, max_iter=1_000_000).fit(X, y)
    theirs = objective(net.coef_, float(net.intercept_), X, y, 2.0, 0.3)
    assert objective(w, b, X, y, 2.0, 0.3) == pytest.approx(theirs, rel=1e-6)


def test_a_penalty_that_is_too_large_leaves_the_mean() -> None:
    X, y = diabetes()
    w, b = solve(parts(X, y), 1e6, 0)
    assert (not w.any(), b) == (True, pytest.approx(y.mean()))


def test_huber_is_at_the_minimum_of_its_formula() -> None:
    X, y = diabetes()
    y = np.where(np.arange(len(y)) % 20 == 0, y * 10, y)  # outliers
    w, b = weights_of(NNRegressor(scale="none", loss="huber:delta=0.5", **ALL).fit(X, y))
    delta = 0.5 * y.std()

    def loss(theta: np.ndarray) -> float:
        e = np.abs(X @ theta[:-1] + theta[-1] - y)
        return float(np.where(e <= delta, 0.5 * e**2, delta * (e - 0.5 * delta)).mean())

    best = minimize(loss, np.append(np.zeros(10), np.median(y)), options={"maxiter": 10_000}, tol=1e-12)
    assert loss(np.append(w, b)) <= best.fun * (1 + 1e-6)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_quantiles_are_those_of_scikit_learn(q: float) -> None:
    X, y = diabetes()
    model = NNRegressor(scale="none", loss=f"quantile:q={q}", **ALL).fit(X, y)
    theirs = QuantileRegressor(quantile=q, alpha=0).fit(X, y)

    def pinball(predicted: np.ndarray) -> float:
        return float(np.maximum(q * (y - predicted), (q - 1) * (y - predicted)).mean())

    assert pinball(model.predict(X)) == pytest.approx(pinball(theirs.predict(X)), rel=1e-6)
    assert float((y <= model.predict(X)).mean()) == pytest.approx(q, abs=0.03)


def pinball_of(solution: tuple[np.ndarray, float], X: np.ndarray, y: np.ndarray, q: float, omega: np.ndarray) -> float:
    e = y - X @ solution[0] - solution[1]
    return float((omega * np.maximum(q * e, (q - 1) * e)).mean())


def test_quantiles_of_weighted_rows_of_dependent_columns_and_of_ties() -> None:
    """A third of the rows does not count, a column comes twice, and the target has few different values."""
    X, y = diabetes()
    X, y = np.column_stack([X, X[:, 2]]), np.round(y / 50)
    omega = np.where(np.arange(len(y)) % 3 == 0, 0, np.random.default_rng(7).uniform(0.5, 2, len(y)))
    theirs = QuantileRegressor(quantile=0.3, alpha=0).fit(X, y, sample_weight=omega)
    expected = pinball_of((theirs.coef_, theirs.intercept_), X, y, 0.3, omega)
    assert pinball_of(quantile_regression(X, y, 0.3, omega), X, y, 0.3, omega) == pytest.approx(expected, rel=1e-6)


def test_quantiles_give_a_column_of_zeros_no_weight() -> None:
    X, y = diabetes()
    alone = quantile_regression(X, y, 0.5)
    w, b = quantile_regression(np.insert(X, [3, 10], 0, axis=1), y, 0.5)  # as of a category that no training row has
    assert w[3] == w[11] == 0
    np.testing.assert_allclose(np.append(np.delete(w, [3, 11]), b), np.append(*alone), rtol=1e-5, atol=1e-4)


def test_a_line_through_all_rows_is_found_by_the_distance_too() -> None:
    x = np.array([1, 1.5, 2, 2.25, 3, 3.1, 3.5])[:, None]
    w, b = quantile_regression(x, 10 * x[:, 0], 0.5)
    assert (w[0], b) == (pytest.approx(10), pytest.approx(0, abs=1e-9))


def test_one_outlier_does_not_move_the_median() -> None:
    x = np.arange(20.0)[:, None]
    y = 3 * x[:, 0] + 1
    y[7] = 1000
    w, b = quantile_regression(x, y, 0.5)
    np.testing.assert_allclose([*w, b], [3, 1], atol=1e-5)


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_a_request_to_stop_is_heard_while_the_optimum_is_worked_out(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.training.guards.SHORT", -1)  # as if it took long
    asked = iter([False] * 3)  # before the epoch, before its step, and once within it
    prepared = prepare(TrainConfig(data=("chocolate",), model="linear", loss=loss, task="regression"))
    mine = new_trainer(prepared)
    assert list(mine.run(lambda: next(asked, True))) == []
    assert (mine.stopped, mine.between_epochs) == ("interrupted", False)
    assert list(mine.network.theta) == [0, 0]


def test_the_loss_of_a_run_is_in_the_unit_of_the_target() -> None:
    """½ of the mean square, and the mean distance: worked out from what is predicted."""
    X, y = diabetes()
    expected: dict[str, Any] = {"mse": lambda e: 0.5 * e**2, "mae": np.abs}
    for loss, of in expected.items():
        model = NNRegressor(loss=loss, epochs=5, **ALL).fit(X, y)
        error = model.predict(X) - y
        assert model.figures_["train"]["loss"] == pytest.approx(of(error).mean())
        assert model.figures_["train"]["rmse"] == pytest.approx(np.sqrt((error**2).mean()))


@pytest.mark.parametrize(
    ("given", "l2"),
    [
        ({}, 0.003),
        ({"l2": 0.0}, 0),
        ({"optimizer": "adamw"}, 0.01),
        ({"hidden": ()}, None),
        ({"model": "linear"}, None),
        ({"task": "classification"}, None),
    ],
    ids=lambda one: str(one),
)
def test_a_network_of_numbers_has_a_small_penalty_unless_another_is_asked_for(
    given: dict[str, Any], l2: float | None
) -> None:
    assert resolve(TrainConfig(**{"task": "regression", **given}), 100, has_val=True).options.l2 == l2


def test_a_network_bends_where_a_line_cannot() -> None:
    rng = np.random.default_rng(6)
    X = rng.uniform(-2, 2, size=(600, 2))
    y = 100 + 20 * np.sin(2 * X[:, 0]) * X[:, 1] + rng.normal(size=600)
    line, network = (
        NNRegressor(model=model, test=0.15).fit(X, y).figures_["test"]["r2"] for model in ("linear", "mlp")
    )
    assert line < 0.2 < 0.95 < network


def test_an_optimum_of_too_few_rows_that_is_worse_than_guessing_is_no_matter_of_scale() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 70)), rng.normal(size=100)  # 70 training rows for 71 parameters: the worst case
    expected = r"most likely the training rows are too few for so many inputs\. Try l2=0\.1"
    with pytest.raises(TrainingError, match=expected):
        NNRegressor(model="linear", test=0.15).fit(X, y)
    assert NNRegressor(model="linear", l2=0.1, test=0.15).fit(X, y).figures_["test"]["rmse"] < 3 * y.std()
