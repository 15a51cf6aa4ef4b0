"""Takes the state of a trainer, and puts it into another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.model.training_state import (
    GENERATORS,
    PARTS,
    Number,
    Snapshot,
    Sums,
    epochs_of,
    generator_numbers,
    rows_of,
    set_generator,
    state_of,
)
from nncli.training.trainer import Trainer


def take(trainer: Trainer) -> Snapshot:
    """The state as it is, copied."""
    numbers: dict[str, Number] = {"least": trainer.least, "known": trainer._known}
    numbers |= {f"sums.{name}": value for name, value in trainer._sums._asdict().items()}
    arrays = {"theta": trainer.network.theta, "best_theta": trainer.best_theta}
    if trainer.optimizer.smooth:
        arrays["grad"] = trainer.network.grad  # where the last step looked; others work it out anew
    for part in PARTS:
        for name, value in state_of(part, getattr(trainer, part), trainer.network.theta):
            (arrays if isinstance(value, np.ndarray) else numbers)[name] = value
    for name in GENERATORS:
        generator = getattr(trainer, name)
        if generator is not None:
            numbers |= generator_numbers(name, generator)
    copied = {name: array.copy() for name, array in arrays.items()}
    return Snapshot(numbers, copied, rows_of(trainer.history), trainer.best.number if trainer.best else 0)


def put(trainer: Trainer, state: Snapshot) -> None:
    """Makes a trainer of the same network, options and rows go on from there, to the same digits; ValueError for the
    state of another."""
    here = take(trainer)
    if here.numbers.keys() != state.numbers.keys() or _shapes(here.arrays) != _shapes(state.arrays):
        raise ValueError("the state of another training")
    if not state.best <= len(state.history) <= trainer.epochs:
        raise ValueError(f"{len(state.history)} epochs, more than the {trainer.epochs} that are to be done")
    numbers: dict[str, Any] = state.numbers
    trainer.history, trainer.least, trainer._known = epochs_of(state.history), numbers["least"], numbers["known"]
    trainer.best = trainer.history[state.best - 1] if state.best else None
    trainer._sums = Sums(*(numbers[f"sums.{name}"] for name in Sums._fields))
    places = {"theta": trainer.network.theta, "best_theta": trainer.best_theta, "grad": trainer.network.grad}
    for part in PARTS:
        component = getattr(trainer, part)
        for name, value in list(state_of(part, component, trainer.network.theta)):
            if isinstance(value, np.ndarray):
                places[name] = value
            else:
                setattr(component, name.removeprefix(f"{part}."), numbers[name])
    for name, array in state.arrays.items():
        np.copyto(places[name], array)  # in place: others look at them there
    for name in GENERATORS:
        generator = getattr(trainer, name)
        if generator is not None:
            set_generator(name, generator, numbers)


def _shapes(arrays: Mapping[str, NDArray[Any]]) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    return {name: (array.shape, array.dtype) for name, array in sorted(arrays.items())}
