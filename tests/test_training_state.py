"""A training run that pauses, and is resumed in another trainer, is the one that was never stopped."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from nncli.model.training_state import Epoch, first_as_good
from nncli.nn.averages import AVERAGES
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.schedules import SCHEDULES
from nncli.training.state import load_state, state_of
from nncli.training.trainer import Trainer
from training import blobs, trainer


def compared(**options: object) -> None:
    def new() -> Trainer:
        made = trainer(blobs(90), blobs(40, seed=1), **options)
        made.drop = np.random.default_rng(5)
        return made

    straight = new()
    epochs = list(straight.run())
    first = new()
    for _ in first.run(until=2):
        pass
    assert len(first.history) == 2
    state = pickle.dumps(state_of(first))
    for _ in first.run(until=3):  # what it does later changes nothing in what was taken
        pass
    second = new()
    load_state(second, pickle.loads(state))
    rest = list(second.run())
    assert [*first.history[:2], *rest] == epochs
    assert second.history == straight.history
    assert second.kept.epoch == straight.kept.epoch
    np.testing.assert_array_equal(second.network.theta, straight.network.theta)
    np.testing.assert_array_equal(second.kept.theta, straight.kept.theta)


@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if not OPTIMIZERS[name].exact])
def test_every_optimizer_goes_on(optimizer: str) -> None:
    loss = "squared-hinge" if OPTIMIZERS[optimizer].smooth else "hinge"
    compared(optimizer=optimizer, loss=loss, epochs=6)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_and_average_goes_on(schedule: str, average: str) -> None:
    compared(schedule=schedule, average=average, epochs=7, patience=None)


def test_the_first_epoch_as_good_as_the_best_is_known_from_the_history() -> None:
    # loss, and whether it was the best so far: a worse epoch lies between two that are as good
    history = [(3.0, True), (2.0, True), (2.5, False), (2.0, True), (2.0, True), (4.0, False)]
    epochs = [Epoch(i, 1.0, 0.5, loss, 0.5, is_best) for i, (loss, is_best) in enumerate(history, 1)]
    assert [first_as_good(epochs, best) for best in (1, 2, 4, 5)] == [1, 2, 2, 2]


def test_hidden_layers_with_dropout_go_on() -> None:
    compared(model="mlp", hidden=(8,), activation="prelu", dropout=0.3, epochs=6, max_norm=2.0)


def test_the_unused_half_of_a_random_word_is_saved() -> None:
    """A generator of 64-bit words that was asked for 32 bits keeps the other half."""
    first, second = trainer(blobs(90), epochs=3), trainer(blobs(90), epochs=3)
    first.rows.shuffle.random(dtype=np.float32)
    load_state(second, state_of(first))
    assert (
        second.rows.shuffle.random(3, dtype=np.float32).tolist()
        == first.rows.shuffle.random(3, dtype=np.float32).tolist()
    )


def test_the_state_of_another_training_run_is_refused() -> None:
    other = state_of(trainer(blobs(90), optimizer="adam"))
    with pytest.raises(ValueError, match="the state of another training run"):
        load_state(trainer(blobs(90), optimizer="momentum"), other)


def test_steps_row_by_row_go_on() -> None:
    compared(model="averaged-perceptron", epochs=6)


def test_patience_counts_from_before_the_pause() -> None:
    compared(model="softmax", lr=1.0, optimizer="sgd", epochs=60, patience=3)
