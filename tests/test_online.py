"""The perceptron, its average and MIRA: trajectories by hand, the textbook loop, and the mistake bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix, Subset
from nncli.errors import TrainingError
from nncli.model.network import build_network
from nncli.nn import online
from nncli.nn.averages import AVERAGES
from nncli.nn.input_layers import InputKinds
from nncli.nn.losses import LOSSES
from nncli.nn.network import multilayer
from nncli.nn.optimizers import OPTIMIZERS, SGD
from nncli.training.trainer import Trainer


def learned(
    X: np.ndarray,
    y: list[int],
    K: int,
    loss_name: str = "perceptron",
    optimizer: str = "sgd",
    lr: float = 1.0,
    average: str = "none",
    passes: int = 1,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """W and b after so many passes over the rows in their order, from 0; and the average of each."""
    loss, update, mean = LOSSES.create(loss_name), OPTIMIZERS.create(optimizer), AVERAGES.create(average)
    network = multilayer(X.shape[1], (), loss.outputs(K), dtype="float64")
    assert online.fits(network, loss, update)
    assert isinstance(update, SGD)
    update.start(network.theta)
    mean.start(network.theta)
    Y = loss.targets(K)[y]
    for _ in range(passes):
        for start in range(0, len(X), online.ROWS):
            part = slice(start, start + online.ROWS)
            some = None if weights is None else weights[part]
            online.learn_rows(network, loss, update, mean, X[part], Y[part], lambda i: lr, some)
    W, b = network.blocks
    return W.view(network.theta), b.view(network.theta), W.view(mean.mean), b.view(mean.mean)


def test_a_perceptron_by_hand() -> None:
    # w = (0, 0), b = 0
    # (2, 1), 1:   z = 0, so ŷ = 1: right
    # (1, −1), 0:  z = 0, so ŷ = 1: w = (−1, 1), b = −1
    # (−1, 1), 1:  z = 1 + 1 − 1: right
    X, y = np.array([[2.0, 1], [1, -1], [-1, 1]]), [1, 0, 1]
    W, b, _, _ = learned(X, y, 2)
    assert W[:, 0].tolist() == [-1, 1]
    assert b.tolist() == [-1]
    # (2, 1), 1:   z = −2 + 1 − 1: wrong, w = (1, 2), b = 0
    # (1, −1), 0:  z = 1 − 2: right;   (−1, 1), 1:  z = −1 + 2: right
    W, b, _, _ = learned(X, y, 2, passes=2)
    assert W[:, 0].tolist() == [1, 2]
    assert b.tolist() == [0]


def test_an_averaged_perceptron_by_hand() -> None:
    # after each of the six rows above, w is (0, 0), (−1, 1), (−1, 1), (1, 2), (1, 2), (1, 2), and b 0, −1, −1, 0, 0, 0
    X, y = np.array([[2.0, 1], [1, -1], [-1, 1]]), [1, 0, 1]
    W, _, mean_W, mean_b = learned(X, y, 2, average="mean", passes=2)
    np.testing.assert_allclose(mean_W[:, 0], [1 / 6, 8 / 6])
    np.testing.assert_allclose(mean_b, [-2 / 6])
    assert W[:, 0].tolist() == [1, 2]


def test_a_perceptron_of_three_classes_by_hand() -> None:
    # (1, 0), 0:  all z are 0, ŷ = 0: right
    # (0, 1), 1:  all z are 0, ŷ = 0: w₁ = (0, 1), b₁ = 1, w₀ = (0, −1), b₀ = −1
    # (1, 1), 2:  z = (−2, 2, 0), ŷ = 1: w₂ = (1, 1), b₂ = 1, w₁ = (−1, 0), b₁ = 0
    W, b, _, _ = learned(np.array([[1.0, 0], [0, 1], [1, 1]]), [0, 1, 2], 3)
    assert W.T.tolist() == [[0, -1], [-1, 0], [1, 1]]
    assert b.tolist() == [-1, 0, 1]


@pytest.mark.parametrize(("C", "tau"), [(1.0, (1 / 12, 0.3125)), (0.1, (1 / 12, 0.1)), (0.05, (0.05, 0.05))])
def test_mira_by_hand(C: float, tau: tuple[float, float]) -> None:
    # (1, 2), 1:  all z are 0, so L = 1 against class 0, and τ = 1 / (2 (1 + 4 + 1)) = 1/12
    # (0, 1), 2:  z = (−2/12 − 1/12, 3/12, 0), so L = 1.25 against class 1, and τ = 1.25 / (2 (1 + 1)) = 0.3125
    # a cap of 0.05 makes the second z (−0.15, 0.15, 0) and its τ 1.15 / 4, which is capped too
    W, b, _, _ = learned(np.array([[1.0, 2], [0, 1]]), [1, 2], 3, "hinge", "mira", lr=C)
    first, second = tau
    np.testing.assert_allclose(W.T, [[-first, -2 * first], [first, 2 * first - second], [0, second]])
    np.testing.assert_allclose(b, [-first, first - second, second])


def test_mira_of_two_classes_mends_the_row_exactly() -> None:
    # (1, 2), 1:  z = 0, L = 1, ‖g‖² = 1 + 4 + 1, τ = 1/6, and then z = (1 + 4 + 1)/6 = 1
    W, b, _, _ = learned(np.array([[1.0, 2]]), [1], 2, "hinge", "mira")
    np.testing.assert_allclose([*W[:, 0], *b], [1 / 6, 2 / 6, 1 / 6])


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("average", ["none", "mean", "exponential:decay=0.97"])
@pytest.mark.parametrize(
    ("loss", "optimizer", "lr"), [("perceptron", "sgd", 0.5), ("hinge", "sgd", 0.1), ("hinge", "mira", 0.05)]
)
@pytest.mark.parametrize("K", [2, 4])
def test_many_rows_at_a_time_are_the_textbook_loop(
    K: int, loss: str, optimizer: str, lr: float, average: str, weighted: bool
) -> None:
    rng = np.random.default_rng(5)
    n, d, passes = 600, 6, 2
    centres = rng.normal(size=(K, d))
    y = rng.integers(K, size=n)
    X = centres[y] + rng.normal(size=(n, d))
    weights = rng.uniform(0, 2, n) if weighted else None

    outputs = 1 if K == 2 else K
    W, b = np.zeros((d, outputs)), np.zeros(outputs)
    seen = []
    for _ in range(passes):
        for i in range(n):
            x, w = X[i], 1.0 if weights is None else weights[i]
            z = x @ W + b
            dz = np.zeros(outputs)
            if K == 2:
                t = 2 * y[i] - 1
                L = max(0, 1 - t * z[0]) if loss == "hinge" else 0.0
                if loss == "perceptron":
                    dz[0] = (z[0] >= 0) - y[i]
                elif L > 0:
                    dz[0] = -t
            else:
                rivals = z + (loss == "hinge")
                rivals[y[i]] -= loss == "hinge"
                L = rivals.max() - z[y[i]]
                if rivals.argmax() != y[i]:
                    dz[rivals.argmax()], dz[y[i]] = 1, -1
            tau = lr
            if optimizer == "mira":
                square = w * w * (dz @ dz) * (x @ x + 1)
                tau = min(lr, w * L / square) if square else 0
            W, b = W - tau * w * np.outer(x, dz), b - tau * w * dz
            seen.append((W, b))
    weight_of = {"none": 0.0, "mean": 1.0, "exponential:decay=0.97": 0.97}[average]
    shares = weight_of ** np.arange(len(seen) - 1, -1, -1)
    shares /= shares.sum()

    found = learned(X, y.tolist(), K, loss, optimizer, lr, average, passes, weights)
    np.testing.assert_allclose(found[0], W, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[1], b, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[2], sum(s * w for s, (w, _) in zip(shares, seen, strict=True)), atol=1e-12)
    np.testing.assert_allclose(found[3], sum(s * c for s, (_, c) in zip(shares, seen, strict=True)), atol=1e-12)


def trained(X: np.ndarray, y: np.ndarray, K: int, epochs: int, **options: object) -> Trainer:
    train = Subset(Matrix(X, np.dtype("float64")), y, np.arange(len(y)))
    asked = TrainConfig(**{"dtype": "float64", "epochs": epochs, **options})
    config = resolve(asked, len(y), has_val=False)
    network, loss = build_network(config.model, InputKinds(X.shape[1]), K)
    network.initialize(config.model.init, np.random.default_rng(1))
    mine = Trainer(network, loss, config, train, None, K, np.random.default_rng(0))
    list(mine.run())
    return mine


@pytest.mark.parametrize("model", ["perceptron", "averaged-perceptron", "mira"])
@pytest.mark.parametrize("K", [2, 3])
def test_row_by_row_is_also_what_batches_of_one_row_do(model: str, K: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(K, size=600)
    X = rng.normal(size=(K, 5))[y] + rng.normal(size=(600, 5))
    schedule = "cosine:warmup=20"
    fast = trained(X, y, K, 3, model=model, schedule=schedule)
    monkeypatch.setattr(online, "fits", lambda network, loss, optimizer: False)
    slow = trained(X, y, K, 3, model=model, schedule=schedule)
    np.testing.assert_allclose(fast.kept.theta, slow.kept.theta, rtol=1e-9, atol=1e-12)
    assert [epoch.train_accuracy for epoch in fast.history] == [epoch.train_accuracy for epoch in slow.history]
    np.testing.assert_allclose(
        [epoch.train_loss for epoch in fast.history], [epoch.train_loss for epoch in slow.history], rtol=1e-9
    )


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 80), d=st.integers(1, 5), gap=st.floats(0.05, 1))
def test_a_perceptron_makes_no_more_mistakes_than_the_theorem_allows(seed: int, n: int, d: int, gap: float) -> None:
    """R²/γ² in all, where some unit w* has t (w*·x) ≥ γ and ‖x‖ ≤ R; the bias is a component of x that is 1."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=d)
    direction /= np.linalg.norm(direction)
    X = rng.normal(size=(n, d))
    y = (X @ direction >= 0).astype(np.int64)
    X += np.outer((2 * y - 1) * gap, direction)
    margin = float(((2 * y - 1) * (X @ direction)).min())
    bound = ((X * X).sum(axis=1).max() + 1) / margin**2
    epochs = int(min(bound, 300)) + 2
    mine = trained(X, y, 2, epochs, model="perceptron")
    mistakes = sum(round((1 - epoch.train_accuracy) * n) for epoch in mine.history)
    assert mistakes <= bound
    if bound < 300:  # an epoch with a mistake uses up one of so many, so the last epochs had none
        assert mine.history[-1].train_accuracy == 1


def test_a_margin_of_just_1_is_no_loss_even_where_the_step_would_overflow() -> None:
    # (0, 1), −1:     z = 0, L = 1: w = (0, −½), b = −½
    # (1e200, 1), −1: z = −½ − ½, a margin of just 1, L = 0; ‖x‖² is beyond float64
    X = np.array([[0, 1.0], [1e200, 1], [1e200, 1]])
    with np.errstate(over="ignore"):
        W, b, _, _ = learned(X, [0, 0, 0], 2, "hinge", "sgd", 0.5)
    assert [*W[:, 0], *b] == [0, -0.5, -0.5]


@pytest.mark.parametrize("model", ["perceptron", "mira"])
def test_divergence_names_the_row_at_which_it_showed(model: str) -> None:
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(700, 3)), rng.integers(3, size=700)
    X[np.random.default_rng(0).permutation(700)[600]] = np.nan  # the order in which they are learned from
    with pytest.raises(TrainingError) as caught:
        trained(X, y, 3, 1, model=model)
    assert caught.value.where == "epoch 1, batch 601"
