"""The state of a training run between two epochs, as plain numbers and arrays: all that decides how it continues.

Numbers and arrays have names such as `optimizer.t` and `optimizer.m`: a part, and what that saves. The settings of the
components are not among them, as those are part of the config.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolve import TrainingConfig
from nncli.nn.averages import AVERAGES
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.schedules import SCHEDULES
from nncli.nn.stateful import Number

GENERATORS = ("shuffle", "drop")
GENERATED, MOST = "number of a generator", 1 << 62
OTHER = "the state of another training run"


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training rows came to. The training figures are running ones, taken
    while θ changed (and so a little behind); the validation figures are those of θ̄ at its end: of θ, or of the
    average that is asked for."""

    number: int  # from 1
    train_loss: float
    train_accuracy: float
    val_loss: float | None  # None without validation rows
    val_accuracy: float | None
    is_best: bool


class Sums(NamedTuple):
    """Over some rows: their losses, each times the row's weight; how many come out right; and the weights of those."""

    loss: float
    correct: int
    weighted_correct: float


@dataclass(frozen=True)
class TrainingState:
    """What `Trainer.state` gives. The numbers can be written as JSON, but for those that are not finite."""

    numbers: dict[str, Number]
    arrays: dict[str, NDArray[Any]]
    history: NDArray[np.float64]  # as `rows_of` has it
    best: int  # the number of the best epoch; 0: there is none

    def part(self, name: str) -> dict[str, Any]:
        """Return the numbers and arrays of a part, by the names that it has for them; of the trainer itself as ""."""
        return {
            key.rpartition(".")[2]: value
            for key, value in (*self.numbers.items(), *self.arrays.items())
            if key.rpartition(".")[0] == name
        }

    def form(self) -> tuple[set[str], dict[str, tuple[tuple[int, ...], np.dtype[Any]]]]:
        """Return what all states of one run have in common: the names of the numbers, and what the arrays are."""
        return {*self.numbers}, {name: (array.shape, array.dtype) for name, array in self.arrays.items()}


def prefixed(part: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a part saves by its names in a `TrainingState`."""
    return {f"{part}.{name}": value for name, value in state.items()}


def rows_of(epochs: Sequence[Epoch]) -> NDArray[np.float64]:
    """A row for each: training loss and accuracy, validation loss and accuracy, NaN where there are none, and 1 where
    it was the best so far."""
    return np.array([dataclasses.astuple(epoch)[1:] for epoch in epochs], np.float64).reshape(-1, 5)


def epochs_of(rows: NDArray[np.float64]) -> list[Epoch]:
    """The inverse of `rows_of`."""
    found = []
    for number, (loss, accuracy, val_loss, val_accuracy, is_best) in enumerate(rows.tolist(), 1):
        has_val = not math.isnan(val_accuracy)
        val = (val_loss if has_val else None), (val_accuracy if has_val else None)
        found.append(Epoch(number, loss, accuracy, val[0], val[1], bool(is_best)))
    return found


def form_of(config: TrainingConfig, size: int) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    """Return what a run of that config, with `size` parameters, saves: the names and kinds of the numbers, as `check`
    has them, and the names and shapes of the arrays. No network is made: so one looks at a file before anything is
    made of it."""
    one = np.zeros(1)
    optimizer, average = OPTIMIZERS.create(config.optimizer), AVERAGES.create(config.average)
    schedule = SCHEDULES.create(config.schedule)
    optimizer.start(one)
    average.start(one)
    schedule.start(1 << 40)
    found = {"least": 0.0, "known": None, **prefixed("sums", dict.fromkeys(Sums._fields, 0.0))}
    for part, component in (("optimizer", optimizer), ("average", average), ("schedule", schedule)):
        found |= prefixed(part, component.state())
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("theta", "best_theta"), (size,))
    shapes |= {"grad": (size,)} if optimizer.smooth else {}
    shapes |= {name: (*value.shape[:-1], size) for name, value in found.items() if isinstance(value, np.ndarray)}
    kinds = {name: _kind(value) for name, value in found.items() if name not in shapes}
    for name in GENERATORS:
        kinds |= dict.fromkeys(prefixed(name, generator_state(np.random.default_rng(0))), GENERATED)
    return kinds, shapes


def generator_state(generator: np.random.Generator) -> dict[str, int]:
    """Return the numbers of a PCG64 generator."""
    state: Any = generator.bit_generator.state
    return {**state["state"], "has_uint32": state["has_uint32"], "uinteger": state["uinteger"]}


def load_generator(generator: np.random.Generator, state: Mapping[str, Any], name: str) -> None:
    """Put a generator into a state; ValueError for numbers that no generator has."""
    inner = {key: state[key] for key in ("state", "inc")}
    try:
        generator.bit_generator.state = {**state, "bit_generator": "PCG64", "state": inner}
    except (OverflowError, ValueError, TypeError):
        raise ValueError(f"a {name} generator that is none") from None


def _kind(value: Number) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number or none" if value is None else "count" if isinstance(value, int) else "number"


def check(numbers: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
    """ValueError for numbers that no training run comes to, as a file from a stranger may have them."""
    if numbers.keys() != kinds.keys():
        raise ValueError(OTHER)
    for name, kind in kinds.items():
        value = numbers[name]
        if kind == GENERATED:
            fine = type(value) is int
        elif kind == "bool":
            fine = isinstance(value, bool)
        elif kind == "count":
            fine = type(value) is int and 0 <= value < MOST
        elif value is None:
            fine = kind == "number or none"
        else:
            fine = type(value) in (int, float) and (abs(value) <= sys.float_info.max or abs(value) == math.inf)
        if not fine:
            raise ValueError(f"'state.{name}' is no {kind} that a training run comes to")
    for name in GENERATORS:
        own = {key.removeprefix(f"{name}."): value for key, value in numbers.items() if key.startswith(f"{name}.")}
        load_generator(np.random.default_rng(0), own, name)


def finite(numbers: Mapping[str, Number]) -> dict[str, Number | str]:
    """The numbers as JSON can have them; `from_finite` is the way back."""
    return {
        name: repr(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in numbers.items()
    }


def from_finite(stored: Mapping[str, Any]) -> dict[str, Number]:
    """ValueError for what is no number."""
    found: dict[str, Number] = {}
    for name, value in stored.items():
        if value in ("inf", "-inf", "nan"):
            value = float(value)
        if value is not None and not isinstance(value, int | float):
            raise ValueError(f"'state.{name}' is no number")
        found[name] = value
    return found
