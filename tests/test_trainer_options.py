"""What options change in training: regularisation, weights, averages, what is judged by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nncli.config.option import FULL_BATCH
from nncli.data.scaled_rows import Matrix, Subset
from nncli.nn.regularisation import clip
from nncli.training.batch import evaluate
from training import K, blobs, trainer


def test_smoothed_labels_are_what_is_learned() -> None:
    """Where all rows of a class are alike, cross-entropy is least where P is the target: 0.8 + 0.2/3, and 0.2/3."""
    y = np.arange(30) % K
    train = Subset(Matrix(np.eye(K)[y], np.dtype("float64")), y, np.arange(30))
    mine = trainer(
        train, label_smoothing=0.2, batch_size=FULL_BATCH, epochs=1000, lr=1.0, optimizer="sgd", schedule="constant"
    )
    list(mine.run())
    Z = mine.network.forward(np.eye(K))
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(P, np.where(np.eye(K) == 1, 0.866667, 0.066667), atol=1e-4)
    # figures are of the labels as they are: −log 0.866667
    assert evaluate(mine.network, mine.loss, train, K)[0] == pytest.approx(0.143101, abs=1e-4)


def test_no_step_is_longer_than_the_clipped_gradient() -> None:
    train = blobs(40)
    still = trainer(train, batch_size=FULL_BATCH, epochs=1, lr=1.0, optimizer="sgd", schedule="constant")
    clipped = trainer(
        train, batch_size=FULL_BATCH, epochs=1, lr=1.0, optimizer="sgd", schedule="constant", clip_norm=0.01
    )
    for one in (still, clipped):
        list(one.run())
    free, short = still.network.theta, clipped.network.theta  # one step from 0, along the gradient
    assert np.linalg.norm(free) > 0.1
    assert np.linalg.norm(short) == pytest.approx(0.01)
    np.testing.assert_allclose(short / 0.01, free / np.linalg.norm(free))


def test_a_short_gradient_is_left_as_it_is() -> None:
    g = np.array([0.3, 0.4])
    clip(g, 0.6)
    assert g.tolist() == [0.3, 0.4]
    clip(g, 0.25)
    assert g.tolist() == pytest.approx([0.15, 0.2])


def test_a_gradient_is_clipped_also_where_its_squares_are_beyond_its_numbers() -> None:
    g = np.array([3e30, 4e30], np.float32)
    clip(g, 1.0)
    assert g.tolist() == pytest.approx([0.6, 0.8])


def test_rows_weigh_in_the_gradient_and_in_the_loss() -> None:
    """One full step of softmax regression from 0: dZ = w (1/K − Y)/n; the loss is Σ w log K / Σ w."""
    train = blobs(40)
    weights = np.random.default_rng(3).uniform(0, 2, 40)
    weights /= weights.mean()
    mine = trainer(
        replace(train, weights=weights), batch_size=FULL_BATCH, epochs=1, lr=0.3, optimizer="sgd", schedule="constant"
    )
    epochs = list(mine.run())
    dZ = weights[:, None] * (1 / K - np.eye(K)[train.y]) / 40
    W, b = (block.view(mine.network.theta) for block in mine.network.blocks)
    np.testing.assert_allclose(W, -0.3 * train.matrix.values.T @ dZ, rtol=1e-9)
    np.testing.assert_allclose(b, -0.3 * dZ.sum(axis=0), rtol=1e-9)
    assert epochs[0].train_loss == pytest.approx(np.log(K))


def test_losses_on_validation_rows_are_weighted_means() -> None:
    """Of P = (½, ¼, ¼), the losses of classes 0 and 1 are log 2 and log 4; they weigh 1 and 3."""
    X, y = np.zeros((2, 2)), np.array([0, 1])
    val = Subset(Matrix(X, np.dtype("float64")), y, np.arange(2), np.array([1.0, 3.0]))
    mine = trainer(blobs(30), epochs=1)
    mine.network.theta[:] = 0
    mine.network.blocks[1].view(mine.network.theta)[:] = [np.log(2), 0, 0]
    loss, accuracy, _ = evaluate(mine.network, mine.loss, val, K)
    assert loss == pytest.approx((np.log(2) + 3 * np.log(4)) / 4)
    assert accuracy == 0.5


@pytest.mark.parametrize("average", ["mean", "exponential:decay=0.9"])
def test_the_average_is_judged_and_kept_and_training_goes_on_with_the_last(average: str) -> None:
    train, val = blobs(40), blobs(100, seed=5)
    options = {"batch_size": 10, "epochs": 3, "lr": 0.3, "optimizer": "sgd", "schedule": "constant"}
    plain, mine = trainer(train, val, **options), trainer(train, val, average=average, **options)
    seen = []
    step = plain.optimizer.step

    def spy(theta: np.ndarray, *args: object) -> None:
        step(theta, *args)
        seen.append(theta.copy())

    plain.optimizer.step = spy
    list(plain.run())
    epochs = list(mine.run())
    np.testing.assert_array_equal(mine.network.theta, plain.network.theta)
    decay = 1.0 if average == "mean" else 0.9
    for epoch in epochs:
        steps = np.array(seen[: 4 * epoch.number])
        shares = decay ** np.arange(len(steps) - 1, -1, -1)
        mine.network.theta[:] = shares @ steps / shares.sum()
        assert epoch.val_loss == pytest.approx(evaluate(mine.network, mine.loss, val, K)[0])
        if epoch == mine.kept.epoch:
            np.testing.assert_allclose(mine.kept.theta, mine.network.theta)


def test_a_perceptron_is_judged_by_its_accuracy() -> None:
    """Its loss falls with the length of θ: the first epochs would always be best."""
    train, val = blobs(60), blobs(200, seed=5)
    mine = trainer(train, val, model="perceptron", epochs=500, patience=3)
    epochs = list(mine.run())
    assert mine.kept.epoch is not None
    assert mine.kept.epoch.number == int(np.argmax([epoch.val_accuracy for epoch in epochs])) + 1
    assert mine.stopped == "no higher validation accuracy for 3 epochs"


def test_dropout_is_for_training_only() -> None:
    train, val = blobs(60), blobs(60)
    mine = trainer(train, val, model="mlp", hidden=(30,), dropout=0.5, epochs=3, lr=1e-12, schedule="constant")
    mine.drop = np.random.default_rng(0)
    epochs = list(mine.run())
    # the parameters hardly move, so what is judged stays, and what is trained on changes with the units left out
    assert epochs[0].val_loss == pytest.approx(epochs[2].val_loss)
    assert abs(epochs[0].train_loss - epochs[1].train_loss) > 1e-3


def test_no_unit_exceeds_the_max_norm_after_a_step() -> None:
    mine = trainer(blobs(60), model="mlp", hidden=(30,), max_norm=0.5, epochs=3, lr=0.1)
    list(mine.run())
    for layer in mine.network.dense:
        assert np.linalg.norm(layer.W, axis=0).max() == pytest.approx(0.5)


def test_lbfgs_ends_where_no_step_lowers_the_loss() -> None:
    mine = trainer(blobs(60), optimizer="lbfgs", l2=0.01, epochs=1000)
    assert len(list(mine.run())) < 100
    assert mine.stopped == "no step lowers the loss any more"


def test_adamw_decays_weights_by_the_rate_of_each_step() -> None:
    """w ← w (1 − α λ), then Adam's step with the gradient from before: two steps, written out."""
    train = blobs(20)
    mine = trainer(
        train, optimizer="adamw", l2=0.5, lr=0.1, epochs=2, batch_size=FULL_BATCH, schedule="cosine", init="glorot"
    )
    start = mine.network.theta.copy()
    W0, b0 = (block.view(start) for block in mine.network.blocks)
    X, Y = train.matrix.values, np.eye(K)[train.y]

    def gradient(W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        P = np.exp(X @ W + b)
        dZ = (P / P.sum(axis=1, keepdims=True) - Y) / 20
        return X.T @ dZ, dZ.sum(axis=0)

    W, b = W0.copy(), b0.copy()
    m = v = None
    for t, lr in ((1, 0.1), (2, 0.1 * (1 + np.cos(np.pi / 2)) / 2)):
        g = np.concatenate([part.ravel() for part in gradient(W, b)])
        m = 0.1 * g if m is None else 0.9 * m + 0.1 * g
        v = 0.001 * g**2 if v is None else 0.999 * v + 0.001 * g**2
        step = lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        W, b = W * (1 - lr * 0.5) - step[:6].reshape(2, 3), b - step[6:]
    list(mine.run())
    found_W, found_b = (block.view(mine.network.theta) for block in mine.network.blocks)
    np.testing.assert_allclose(found_W, W, rtol=1e-7)
    np.testing.assert_allclose(found_b, b, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("held", [{"l2": 0.1}, {"l1": 0.1}, {"max_norm": 0.3}, {"clip_norm": 0.2}], ids=str)
def test_rows_one_by_one_are_held_down_too(held: dict[str, float]) -> None:
    free, mine = (
        trainer(blobs(40), model="perceptron", epochs=2),
        trainer(blobs(40), model="perceptron", epochs=2, **held),
    )
    for one in (free, mine):
        list(one.run())
    assert free.row_by_row
    assert not mine.row_by_row
    assert not np.allclose(mine.network.theta, free.network.theta)


def test_weights_say_which_epoch_of_a_perceptron_is_best() -> None:
    """Only the rows of class 2 count, so the best epoch is the first in which most of them come out right."""
    train, val = blobs(60), blobs(200, seed=5)
    val = replace(val, weights=(val.y == 2).astype(float))
    mine = trainer(train, val, model="perceptron", epochs=15, patience=15)
    accuracies = []
    for _ in mine.run():
        Z = mine.network.forward(val.matrix.values)
        accuracies.append(np.mean(Z.argmax(axis=1)[val.y == 2] == 2))
    assert mine.kept.epoch is not None
    assert mine.kept.epoch.number == int(np.argmax(accuracies)) + 1
    assert len(set(accuracies)) > 1


def test_the_plateau_schedule_hears_of_a_perceptrons_errors() -> None:
    """Its validation loss would fall and rise with the length of θ."""
    mine = trainer(blobs(40), blobs(100, seed=5), model="perceptron", epochs=4, schedule="plateau")
    heard: list[float] = []
    mine.learning_rate.schedule.observe = heard.append
    epochs = list(mine.run())
    assert heard == pytest.approx([1 - (epoch.val_accuracy or 0) for epoch in epochs])
