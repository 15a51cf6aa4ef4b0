"""Save all that decides how training continues, and continue from it to the same digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.model.training_state import OTHER, RandomNumbers, Sums, TrainingState, epochs_of, prefixed, rows_of
from nncli.nn.components import Stateful
from nncli.training.trainer import Trainer


def state_of(trainer: Trainer) -> TrainingState:
    """Return a copy of all that decides how a trainer continues between two epochs."""
    trainer.parameters.catch_up()
    steps, best = trainer.batch_steps, trainer.kept
    values: dict[str, Any] = {"least": best.least, "known": steps.known, **_vectors(trainer)}
    values |= prefixed("sums", steps.sums._asdict())
    for part, component in _components(trainer).items():
        values |= prefixed(part, component.state())
    arrays = {name: value.copy() for name, value in values.items() if isinstance(value, np.ndarray)}
    numbers = {name: value for name, value in values.items() if name not in arrays}
    return TrainingState(numbers, arrays, rows_of(trainer.history), best.epoch.number if best.epoch else 0)


def load_state(trainer: Trainer, state: TrainingState) -> None:
    """Let a trainer continue from the state of one of the same network, options and rows, to the same digits;
    ValueError for the state of another."""
    if state_of(trainer).form() != state.form():
        raise ValueError(OTHER)
    own, steps, best = state.part(""), trainer.batch_steps, trainer.kept
    trainer.history = epochs_of(state.history, len(trainer.rows.train) if trainer.counts else None)
    best.least, steps.known = own["least"], own["known"]
    best.epoch = trainer.history[state.best - 1] if state.best else None
    steps.sums = Sums(**state.part("sums"))
    for name, vector in _vectors(trainer).items():
        np.copyto(vector, state.arrays[name])  # in place: others look at it there
    for name, component in _components(trainer).items():
        component.load_state(state.part(name))


def _vectors(trainer: Trainer) -> dict[str, NDArray[np.floating]]:
    own = {"theta": trainer.network.theta, "best_theta": trainer.kept.theta}
    # where the last step looked for the gradient; others work it out anew
    return own | ({"grad": trainer.network.grad} if trainer.optimizer.smooth else {})


def _components(trainer: Trainer) -> dict[str, Stateful]:
    found: dict[str, Stateful] = {
        "optimizer": trainer.optimizer,
        "average": trainer.average,
        "schedule": trainer.learning_rate.schedule,
    }
    pictures = trainer.rows.pictures
    generators = {
        "shuffle": trainer.rows.shuffle,
        "drop": trainer.drop,
        "distort": pictures.rng if pictures else None,
    }
    return found | {name: RandomNumbers(name, one) for name, one in generators.items() if one is not None}
