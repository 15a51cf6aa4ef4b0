"""The convex models reach the optimum that scikit-learn's solvers reach for the same objective.

Ours is the mean loss of the rows + ½ λ Σ w², without the biases. scikit-learn's C multiplies the sum of the losses
beside ½ Σ w², so C = 1 / (λ n); α of Ridge is λ n for our ½ (z − y)²; α of Lasso is our λ₁.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.svm import SVC, LinearSVC

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix, Subset
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.training.trainer import Trainer

L2 = 1e-2


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    X, y = {"iris": load_iris, "wine": load_wine, "breast-cancer": load_breast_cancer}[name](return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y.astype(np.int64)


def fitted(
    X: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, **options: object
) -> tuple[np.ndarray, np.ndarray]:
    """W (d, outputs) and b at the end of training, in float64."""
    K = int(y.max()) + 1
    given = {"dtype": "float64", "optimizer": "lbfgs", "epochs": 1000, "l2": L2, **options}
    config = resolve(TrainConfig(**given), len(y), has_val=False)
    network, loss = build_network(config.model, InputKinds(X.shape[1]), K)
    train = Subset(Matrix(X, np.dtype("float64")), y, np.arange(len(y)), weights)
    mine = Trainer(network, loss, config, train, None, K, np.random.default_rng(0))
    list(mine.run())
    W, b = network.blocks
    return W.view(mine.kept.theta), b.view(mine.kept.theta)


def log_likelihood_objective(W: np.ndarray, b: np.ndarray, X: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """Of softmax regression; for one output, of logistic regression."""
    Z = X @ W + b
    if Z.shape[1] == 1:
        Z = np.hstack([np.zeros_like(Z), Z])
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    return float(-(w * np.log(P[np.arange(len(y)), y])).sum() / w.sum() + L2 / 2 * (W**2).sum())


@pytest.mark.parametrize("weighted", [False, True], ids=["", "balanced"])
@pytest.mark.parametrize(("name", "model"), [("iris", "softmax"), ("wine", "softmax"), ("breast-cancer", "logistic")])
def test_logistic_and_softmax_regression(name: str, model: str, weighted: bool) -> None:
    X, y = data(name)
    # rows of a class weigh n / (K n_k), as scikit-learn has it; of mean 1 over the rows
    w = (len(y) / (len(np.unique(y)) * np.bincount(y)))[y] if weighted else np.ones(len(y))
    reference = LogisticRegression(
        C=1 / (L2 * len(y)), tol=1e-12, max_iter=10_000, class_weight="balanced" if weighted else None
    ).fit(X, y)
    W, b = fitted(X, y, w if weighted else None, model=model)
    theirs = log_likelihood_objective(reference.coef_.T, reference.intercept_, X, y, w)
    assert log_likelihood_objective(W, b, X, y, w) == pytest.approx(theirs, rel=1e-6)


def test_softmax_of_two_classes() -> None:
    """W has a column for each class; w = W₁ − W₀ costs least as ±w/2: ½ λ 2 ‖w/2‖² = ½ (λ/2) ‖w‖², so C = 2/(λn)."""
    X, y = data("breast-cancer")
    reference = LogisticRegression(C=2 / (L2 * len(y)), tol=1e-12, max_iter=10_000).fit(X, y)
    W, b = fitted(X, y, model="softmax")
    np.testing.assert_allclose(W[:, 1] - W[:, 0], reference.coef_[0], atol=1e-4)
    assert b[1] - b[0] == pytest.approx(reference.intercept_[0], abs=1e-4)


def test_one_against_the_rest() -> None:
    X, y = data("wine")
    W, b = fitted(X, y, model="logistic")
    for k in range(3):
        of_k = (y == k).astype(np.int64)
        reference = LogisticRegression(C=1 / (L2 * len(y)), tol=1e-12, max_iter=10_000).fit(X, of_k)
        theirs = log_likelihood_objective(reference.coef_.T, reference.intercept_, X, of_k, np.ones(len(y)))
        mine = log_likelihood_objective(W[:, [k]], b[[k]], X, of_k, np.ones(len(y)))
        assert mine == pytest.approx(theirs, rel=1e-6)


def hinge_objective(W: np.ndarray, b: np.ndarray, X: np.ndarray, T: np.ndarray, power: int) -> float:
    return float((np.maximum(0, 1 - T * (X @ W + b)) ** power).sum(axis=1).mean() + L2 / 2 * (W**2).sum())


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_a_linear_svm_with_squared_hinge(name: str) -> None:
    """One against the rest. Liblinear holds the bias down too: by a millionth, with a constant input of 1,000."""
    X, y = data(name)
    T = (2 * y - 1)[:, None] if name == "breast-cancer" else 2 * np.eye(3)[y] - 1
    reference = LinearSVC(C=1 / (L2 * len(y)), tol=1e-10, dual=False, max_iter=100_000, intercept_scaling=1000).fit(
        X, y
    )
    W, b = fitted(X, y, model="svm", loss="squared-hinge")
    theirs = hinge_objective(reference.coef_.T, reference.intercept_, X, T, 2)
    assert hinge_objective(W, b, X, T, 2) == pytest.approx(theirs, rel=1e-6)


SMALL_STEPS = {"optimizer": "adam", "lr": 0.02, "epochs": 20_000, "batch_size": 0, "schedule": "exponential:gamma=1e-6"}


@pytest.mark.long
def test_a_linear_svm_with_hinge() -> None:
    """Of two classes, against libsvm."""
    X, y = data("breast-cancer")
    T = (2 * y - 1)[:, None]
    reference = SVC(kernel="linear", C=1 / (L2 * len(y)), tol=1e-10).fit(X, y)
    W, b = fitted(X, y, model="svm", **SMALL_STEPS)
    theirs = hinge_objective(reference.coef_.T, reference.intercept_, X, T, 1)
    assert hinge_objective(W, b, X, T, 1) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.long
def test_a_linear_svm_of_crammer_and_singer() -> None:
    """Of three classes. Liblinear holds the bias down too, and so comes only near the optimum: we must be lower."""
    X, y = data("wine")
    reference = LinearSVC(
        C=1 / (L2 * len(y)),
        tol=1e-10,
        multi_class="crammer_singer",
        intercept_scaling=100,
        random_state=0,
        max_iter=1_000_000,
    ).fit(X, y)

    def objective(W: np.ndarray, b: np.ndarray) -> float:
        Z = X @ W + b
        of_class = Z[np.arange(len(y)), y]
        rivals = np.where(np.eye(3)[y] == 1, -np.inf, Z).max(axis=1)
        return float(np.maximum(0, 1 + rivals - of_class).mean() + L2 / 2 * (W**2).sum())

    W, b = fitted(X, y, model="svm", **SMALL_STEPS)
    theirs = objective(reference.coef_.T, reference.intercept_)
    assert 0.99 * theirs < objective(W, b) < theirs * (1 + 1e-6)


def test_adaline_is_least_squares() -> None:
    X, y = data("wine")
    reference = Ridge(alpha=L2 * len(y), tol=1e-12).fit(X, np.eye(3)[y])
    W, b = fitted(X, y, model="adaline")
    np.testing.assert_allclose(W, reference.coef_.T, atol=1e-6)
    np.testing.assert_allclose(b, reference.intercept_, atol=1e-6)


def test_l1_against_the_lasso() -> None:
    X, y = data("breast-cancer")
    reference = Lasso(alpha=0.02, tol=1e-10, max_iter=100_000).fit(X, y.astype(float))
    W, b = fitted(
        X, y, model="adaline", optimizer="adam", l1=0.02, l2=0.0, lr=0.01, epochs=4000, batch_size=0,
        schedule="exponential:gamma=1e-5",
    )  # fmt: skip
    np.testing.assert_allclose(W[:, 0], reference.coef_, atol=1e-3)
    np.testing.assert_allclose(b, reference.intercept_, atol=1e-3)


def test_linear_regression_finds_a_line_through_the_origin() -> None:
    """Liking against price, on one line through 0: w = 10, b = 0, and a liking of 4 pays 40."""
    from nncli.nn.losses import LOSSES
    from nncli.nn.network import multilayer
    from nncli.nn.optimizers import OPTIMIZERS

    X = np.array([1, 1.5, 2, 2.25, 3, 3.1, 3.5])[:, None]
    Y = np.array([10, 15, 20, 22.5, 30, 31, 35])[:, None]
    network, loss, optimizer = multilayer(1, (), 1, dtype="float64"), LOSSES.create("mse"), OPTIMIZERS.create("lbfgs")
    P, dZ = np.empty((7, 1)), np.empty((7, 1))

    def objective() -> float:
        Z = network.forward(X)
        value = loss.forward(Z, Y, P).mean()
        loss.backward(Z, P, Y, dZ)
        network.backward(dZ / 7)
        return float(value)

    optimizer.start(network.theta)
    for _ in range(100):
        value = objective()
        optimizer.step(network.theta, network.grad, 1.0, value, objective)
    np.testing.assert_allclose(network.theta, [10, 0], atol=1e-6)
    assert network.forward(np.array([[4.0]]))[0, 0] == pytest.approx(40)


@pytest.mark.parametrize("loss", ["cross-entropy", "mse:link=softmax", "binary-cross-entropy"])
def test_a_weight_of_two_is_a_row_twice(loss: str) -> None:
    X, y = data("iris")
    weights = 1.0 + (np.arange(150) % 3 == 0)  # 1 or 2
    twice = np.repeat(np.arange(150), weights.astype(int))
    W, b = fitted(X, y, weights / weights.mean(), model="softmax", loss=loss)
    W2, b2 = fitted(X[twice], y[twice], model="softmax", loss=loss)
    np.testing.assert_allclose(W, W2, atol=1e-4)
    np.testing.assert_allclose(b - b.mean(), b2 - b2.mean(), atol=1e-4)
