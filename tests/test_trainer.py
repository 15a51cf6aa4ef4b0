from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nncli.config.option import FULL_BATCH
from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix, Subset
from nncli.errors import TrainingError
from nncli.model.network import build_network
from nncli.nn.input_layers import InputKinds
from nncli.training.batch import Batch, evaluate
from nncli.training.batch_steps import BatchSteps
from nncli.training.state import load_state, state_of
from nncli.training.trainer import Trainer
from training import K, blobs, trainer


@pytest.mark.parametrize("batch_size", [1, 7, FULL_BATCH], ids=["one row", "mini-batch", "full"])
def test_training_does_what_the_textbook_loop_does(batch_size: int) -> None:
    """Softmax regression by gradient descent, written out: P = softmax(XW + b), dZ = (P − Y)/n, W −= α Xᵀ dZ."""
    train, lr = blobs(40), 0.3
    mine = trainer(train, batch_size=batch_size, epochs=3, lr=lr, optimizer="sgd", schedule="constant")
    list(mine.run())

    X, y, shuffle = train.matrix.values, train.y, np.random.default_rng(0)
    W, b = np.zeros((2, K)), np.zeros(K)
    size = batch_size or 40
    for _ in range(3):
        order = shuffle.permutation(40)
        for start in range(0, 40, size):
            rows = order[start : start + size]
            scores = np.exp(X[rows] @ W + b)
            dZ = (scores / scores.sum(axis=1, keepdims=True) - np.eye(K)[y[rows]]) / len(rows)
            W, b = W - lr * X[rows].T @ dZ, b - lr * dZ.sum(axis=0)
    found_W, found_b = (block.view(mine.network.theta) for block in mine.network.blocks)
    np.testing.assert_allclose(found_W, W, rtol=1e-9)
    np.testing.assert_allclose(found_b, b, rtol=1e-9)


def test_the_epoch_with_the_lowest_validation_loss_is_remembered() -> None:
    train, val = blobs(30), blobs(200, seed=5)
    mine = trainer(train, val, model="mlp", hidden=(50,), lr=0.05, epochs=60, patience=60, schedule="constant")
    losses = [epoch.val_loss for epoch in mine.run()]
    assert mine.kept.epoch is not None
    assert mine.kept.epoch.number == int(np.argmin(losses)) + 1
    assert mine.kept.epoch.number < 60, "the set is small enough to overfit"
    mine.network.theta[:] = mine.kept.theta
    assert evaluate(mine.network, mine.loss, val, K)[0] == pytest.approx(min(losses))


def test_patience_ends_the_run() -> None:
    mine = trainer(
        blobs(30), blobs(200, seed=5), model="mlp", hidden=(50,), lr=0.05, epochs=500, patience=4, schedule="constant"
    )
    epochs = list(mine.run())
    assert mine.kept.epoch is not None
    assert len(epochs) == mine.kept.epoch.number + 4 < 500
    assert mine.stopped == "no lower validation loss for 4 epochs"


def test_of_epochs_as_good_the_last_is_kept_and_none_keeps_the_run_alive() -> None:
    """Far from the border, a hinge loss is 0 as soon as all rows are right, while that of the training rows falls."""
    far = Subset(
        Matrix(np.array([[-60.0, -60], [90, -60], [-60, 90]]), np.dtype("float64")), np.arange(3), np.arange(3)
    )
    for more in ({}, {"metric": "accuracy"}):
        how = {"model": "svm", "lr": 0.001, "schedule": "constant", "epochs": 200, "patience": 6, **more}
        mine = trainer(blobs(60), far, **how)
        epochs = list(mine.run())
        first = next(epoch for epoch in epochs if epoch.val_loss == 0)
        assert 1 < first.number < 100
        assert len(epochs) == first.number + 6
        assert mine.kept.epoch == epochs[-1]
        assert epochs[-1].train_loss < first.train_loss
        np.testing.assert_array_equal(mine.kept.theta, mine.network.theta)
        half, whole = trainer(blobs(60), far, **how), trainer(blobs(60), far, **how)
        list(half.run(until=first.number + 3))
        load_state(whole, state_of(half))
        assert list(whole.run()) == epochs[first.number + 3 :]
        assert whole.stopped == mine.stopped


def test_without_validation_rows_the_last_epoch_is_kept() -> None:
    mine = trainer(blobs(30), epochs=5)
    epochs = list(mine.run())
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4, 5]
    assert mine.kept.epoch == epochs[-1]
    assert epochs[-1].val_loss is None
    np.testing.assert_array_equal(mine.kept.theta, mine.network.theta)


def test_time_limit_ends_the_run() -> None:
    mine = trainer(blobs(2000), epochs=1_000_000, batch_size=1, time_limit=0.2)
    list(mine.run())  # which would take hours
    assert mine.stopped == "the time limit of 0.2 s was reached"


def test_a_request_to_stop_is_heard_at_the_end_of_an_epoch_or_within_a_step_of_a_long_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = 0
    learn = BatchSteps.learn

    def counted(*args: Any) -> Any:
        nonlocal steps
        steps += 1
        return learn(*args)

    monkeypatch.setattr(BatchSteps, "learn", counted)
    mine = trainer(blobs(100), epochs=10, batch_size=10)
    assert len(list(mine.run(lambda: steps > 24))) == 3  # asked in the third epoch, of ten steps each
    assert (steps, mine.between_epochs, mine.stopped) == (30, True, "interrupted")
    monkeypatch.setattr("nncli.training.guards.SHORT", 0)  # as if the third were a long one …
    steps, mine = 0, trainer(blobs(100), epochs=10, batch_size=10)
    assert len(list(mine.run(lambda: steps > 24))) == 3  # … after a short one, of which nobody has the state
    assert (steps, mine.between_epochs, mine.stopped) == (30, True, "interrupted")
    monkeypatch.setattr("nncli.training.guards.LONG", 0)
    steps, mine = 0, trainer(blobs(100), epochs=10, batch_size=10)
    assert len(list(mine.run(lambda: steps > 24))) == 2
    assert (steps, mine.between_epochs, mine.stopped) == (25, False, "interrupted")


def test_divergence_is_explained_and_the_best_parameters_are_kept() -> None:
    train = blobs(50)
    train = replace(train, matrix=Matrix(train.matrix.values * 1e150, np.dtype("float64")))
    mine = trainer(train, model="mlp", optimizer="sgd", lr=1e10, epochs=10, scale="none")
    with pytest.raises(TrainingError) as error:
        list(mine.run())
    assert str(error.value).startswith("epoch 1, batch 2: expected a finite loss, found ")
    assert str(error.value).endswith(
        "most likely the learning rate 1e+10 is too high, or the columns need scaling (--scale auto). Try --lr 0.1."
    )
    assert np.isfinite(mine.kept.theta).all()


def test_xor_needs_a_hidden_layer() -> None:
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 25, dtype=float)
    train = Subset(Matrix(X, np.dtype("float64")), (X[:, 0] != X[:, 1]).astype(np.int64), np.arange(100))
    linear = trainer(train, model="softmax", epochs=200)
    network = trainer(train, model="mlp", hidden=(8,), activation="tanh", epochs=200)
    for one in (linear, network):
        list(one.run())
    assert evaluate(linear.network, linear.loss, train, K)[1] <= 0.75  # three of the four corners at best
    assert evaluate(network.network, network.loss, train, K)[1] == 1


def test_the_schedule_scales_every_step_over_all_epochs() -> None:
    """One epoch of 4 steps and another: the steps of the text-book loop times (1 + cos π t/8)/2, t = 0 … 7."""
    train, lr = blobs(40), 0.3
    mine = trainer(train, batch_size=10, epochs=2, lr=lr, optimizer="sgd", schedule="cosine")
    epochs = list(mine.run())

    X, y, shuffle = train.matrix.values, train.y, np.random.default_rng(0)
    W, b, losses = np.zeros((2, K)), np.zeros(K), []
    t = 0
    for _ in range(2):
        order = shuffle.permutation(40)
        for start in range(0, 40, 10):
            rows = order[start : start + 10]
            P = np.exp(X[rows] @ W + b)
            P /= P.sum(axis=1, keepdims=True)
            losses.append(-np.log(P[np.arange(10), y[rows]]).mean())
            dZ = (P - np.eye(K)[y[rows]]) / 10
            rate = lr * (1 + np.cos(np.pi * t / 8)) / 2
            W, b, t = W - rate * X[rows].T @ dZ, b - rate * dZ.sum(axis=0), t + 1
    np.testing.assert_allclose(mine.network.blocks[0].view(mine.network.theta), W, rtol=1e-9)
    assert [epoch.train_loss for epoch in epochs] == pytest.approx([np.mean(losses[:4]), np.mean(losses[4:])])


def test_evaluation_counts_every_row_however_many_there_are() -> None:
    """2,500 rows are more than pass at once; with θ = 0 the loss is log 3 and the first class is always predicted."""
    subset = blobs(2500)
    mine = trainer(subset, epochs=1)
    loss, accuracy, _ = evaluate(mine.network, mine.loss, subset, K)
    assert loss == pytest.approx(np.log(3))
    assert accuracy == pytest.approx(np.mean(subset.y == 0))


def test_the_order_of_rows_follows_its_generator() -> None:
    results = []
    for seed in (0, 0, 1):
        mine = trainer(blobs(40), seed=seed, batch_size=5, epochs=1)
        list(mine.run())
        results.append(mine.network.theta.copy())
    np.testing.assert_array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_the_plateau_schedule_hears_the_validation_losses() -> None:
    """At a rate so high that the loss never falls, the rate is cut after each epoch that is no better."""
    mine = trainer(
        blobs(30), blobs(30, seed=5), lr=100.0, optimizer="sgd", epochs=20, schedule="plateau:patience=1:gamma=0.5"
    )
    epochs = list(mine.run())
    worse = sum(not epoch.is_best for epoch in epochs)
    assert worse > 0
    assert mine.learning_rate.schedule.factor(0) == 0.5**worse


@pytest.mark.parametrize("options", [{}, {"dropout": 0.4}], ids=["", "with dropout"])
def test_a_large_batch_goes_through_in_parts_and_has_the_same_gradient(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of 7 rows of 40, each with a weight, and the last of 5."""
    rng = np.random.default_rng(1)
    train = replace(blobs(40), weights=rng.uniform(0.5, 1.5, 40))

    def after_three_steps() -> Trainer:
        mine = trainer(train, model="mlp", hidden=(6,), batch_size=FULL_BATCH, epochs=3, l2=0.1, **options)
        list(mine.run())
        return mine

    sizes: list[int] = []
    take = Batch.take
    monkeypatch.setattr(Batch, "take", lambda self, rows: sizes.append(len(rows)) or take(self, rows))
    whole = after_three_steps()
    monkeypatch.setattr("nncli.training.epoch_rows.rows_at_once", lambda widths: 7)
    parts = after_three_steps()
    assert sizes == [40] * 3 + [7, 7, 7, 7, 7, 5] * 3
    np.testing.assert_allclose(parts.network.theta, whole.network.theta, rtol=1e-9)
    assert [epoch.train_accuracy for epoch in parts.history] == [epoch.train_accuracy for epoch in whole.history]
    np.testing.assert_allclose(
        [epoch.train_loss for epoch in parts.history], [epoch.train_loss for epoch in whole.history], rtol=1e-9
    )


def test_steps_take_no_memory_that_grows_with_the_square_of_the_classes() -> None:
    rows, classes = 200, 5000
    train = Subset(Matrix(np.ones((rows, 2)), np.dtype("float64")), np.arange(rows), np.arange(rows))
    config = resolve(TrainConfig(model="softmax", batch_size=20, epochs=1), rows, has_val=False)
    network, loss = build_network(config.model, InputKinds(2), classes)
    tracemalloc.start()
    try:
        list(Trainer(network, loss, config, train, None, classes, np.random.default_rng(0)).run())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10e6  # a table of 5,000 × 5,000 numbers of 4 bytes takes 100
