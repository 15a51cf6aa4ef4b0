"""A training run between two epochs, as plain numbers and arrays: all that decides how it continues.

Numbers and arrays have names such as `optimizer.t` and `optimizer.m`. The settings of the components are not among
them, as those are part of the config.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.config.train_config import TrainConfig
from nncli.nn.averages import AVERAGES
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.schedules import SCHEDULES

PARTS = ("optimizer", "average", "schedule")
GENERATORS = ("shuffle", "drop")
GENERATED, MOST = "number of a generator", 1 << 62
PLANNED = ("schedule", "steps")  # in all, which the config says
OWN = ("theta", "best_theta")  # arrays of the trainer itself
Number = int | float | bool | None


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
class Snapshot:
    """`numbers` can be written as JSON, but for those that are not finite."""

    numbers: dict[str, Number]
    arrays: dict[str, NDArray[Any]]
    history: NDArray[np.float64]  # as `rows_of` has it
    best: int  # the number of the best epoch; 0: there is none


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


def form_of(config: TrainConfig, size: int) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    """The names and kinds of the numbers, for `check_numbers`, and the names and shapes of the arrays, of a resolved
    config's snapshots, for `size` parameters: without a network, as one looks at a file before anything is made of
    it."""
    one = np.zeros(1)
    numbers: dict[str, Any] = {"least": 0.0, "known": None, **{f"sums.{name}": 0.0 for name in Sums._fields}}
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(OWN, (size,))
    components: dict[str, Any] = {"optimizer": OPTIMIZERS, "average": AVERAGES, "schedule": SCHEDULES}
    for part, registry in components.items():
        component = registry.create(getattr(config, part))
        component.start(1 << 40 if part == "schedule" else one)
        if part == "optimizer" and component.smooth:
            shapes["grad"] = (size,)
        for name, value in state_of(part, component, one):
            if isinstance(value, np.ndarray):
                shapes[name] = (*value.shape[:-1], size)
            else:
                numbers[name] = value
    kinds = {name: _kind(value) for name, value in numbers.items()}
    for name in GENERATORS:
        kinds |= dict.fromkeys(generator_numbers(name, np.random.default_rng(0)), GENERATED)
    return kinds, shapes


def state_of(part: str, component: Any, theta: NDArray[Any]) -> Iterator[tuple[str, Any]]:
    """What changes in a component while it works, by name; not its settings, nor what it only works with."""
    settings = {field.name for field in dataclasses.fields(component)} if dataclasses.is_dataclass(component) else set()
    for name, value in vars(component).items():
        if isinstance(value, dict):
            yield from ((f"{part}.{inner}", array) for inner, array in value.items())
        elif name not in settings and not name.startswith("_") and value is not theta and (part, name) != PLANNED:
            yield f"{part}.{name}", value


def generator_numbers(name: str, generator: np.random.Generator) -> dict[str, Number]:
    state: Any = generator.bit_generator.state  # of PCG64
    found = {"state": state["state"]["state"], "inc": state["state"]["inc"]}
    found |= {key: state[key] for key in ("has_uint32", "uinteger")}
    return {f"{name}.{key}": value for key, value in found.items()}


def set_generator(name: str, generator: np.random.Generator, numbers: Mapping[str, Any]) -> None:
    inner = {key: numbers[f"{name}.{key}"] for key in ("state", "inc")}
    rest = {key: numbers[f"{name}.{key}"] for key in ("has_uint32", "uinteger")}
    try:
        generator.bit_generator.state = {"bit_generator": "PCG64", "state": inner, **rest}
    except (OverflowError, ValueError, TypeError):
        raise ValueError(f"a {name} generator that is none") from None


def _kind(value: Number) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number or none" if value is None else "count" if isinstance(value, int) else "number"


def check_numbers(numbers: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
    """ValueError for numbers that no training comes to, as a file from a stranger may have them."""
    if numbers.keys() != kinds.keys():
        raise ValueError("the state of another training")
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
            raise ValueError(f"'state.{name}' is no {kind} that a training comes to")
    for name in GENERATORS:
        set_generator(name, np.random.default_rng(0), numbers)


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
