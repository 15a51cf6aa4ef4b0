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

from nncli.config.resolved import TrainingConfig
from nncli.nn.buffers import all_finite
from nncli.nn.components import Stateful, StateNumber
from nncli.nn.optimizers import OPTIMIZERS

GENERATORS = ("shuffle", "drop")
MOST = 1 << 128  # of a count, and of the numbers of a generator
OTHER = "the state of another training run"


@dataclass(frozen=True)
class StepFigures:
    """How the steps of an epoch went, and where they led. None of it is kept in a model: times are never the same
    again."""

    val_metric: float | None  # of the validation rows at the end, with --metric
    learning_rate: float | None  # of the last step; None where the optimum was worked out
    gradient_norm: float | None  # mean over the steps, before clipping; None where a row is learned from at a time
    seconds: float  # from the start of training to the end of the epoch
    epoch_seconds: float  # that the epoch took, with its evaluation


@dataclass(frozen=True)
class Epoch:
    """The figures of one pass over the training rows; of numbers, RMSE in the unit of the target is in the place of the
    accuracy. Those of the training rows are taken while θ changes, and so lag a little; those of the validation rows
    are of θ̄ at its end: of θ, or of the average that is asked for."""

    number: int  # from 1
    train_loss: float
    train_accuracy: float
    val_loss: float | None  # None without validation rows
    val_accuracy: float | None
    is_best: bool
    mistakes: int | None = None  # training rows answered wrongly when their turn came; None where a step sees more rows
    steps: StepFigures | None = dataclasses.field(
        default=None, compare=False
    )  # None where the epoch is read from a model

    @property
    def changed_nothing(self) -> bool:
        """Tell whether no row had a loss or was wrong: by a sparse loss, one row at a time, θ is as it was."""
        return self.mistakes == 0 and self.train_loss == 0


def described(epoch: Epoch, is_regression: bool) -> dict[str, Any]:
    """Return an epoch as JSON has it."""
    found = {name: value for name, value in vars(epoch).items() if name != "steps"}
    return {key.replace("accuracy", "rmse") if is_regression else key: value for key, value in found.items()}


def first_as_good(epochs: Sequence[Epoch], best: int) -> int:
    """Return the number of the first epoch that was as good as the best one, of that number: of epochs that are, the
    last is kept."""
    first = best
    for epoch in reversed(epochs[: best - 1]):
        if epoch.is_best:
            if epoch.val_loss != epochs[best - 1].val_loss:
                break
            first = epoch.number
    return first


class Sums(NamedTuple):
    """Sums over some rows: of their weighted losses, of how many are predicted right, and of the weights of those; of
    numbers, the squares of the errors are in the place of what is right."""

    loss: float
    correct: float
    weighted_correct: float


@dataclass(frozen=True)
class TrainingState:
    """The state of a trainer between two epochs. The numbers can be written as JSON, but for those that are not
    finite."""

    numbers: dict[str, StateNumber]
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
    """Return a row for each epoch: training loss and accuracy, validation loss and accuracy (NaN if there are none),
    and 1 if it was the best so far."""
    return np.array([dataclasses.astuple(epoch)[1:6] for epoch in epochs], np.float64).reshape(-1, 5)


def epochs_of(rows: NDArray[np.float64], n: int | None) -> list[Epoch]:
    """Return the epochs of an array that `rows_of` made; with their mistakes, which follow from the accuracy, where
    each of `n` training rows had its own step."""
    found = []
    for number, (loss, accuracy, val_loss, val_accuracy, is_best) in enumerate(rows.tolist(), 1):
        val: tuple[Any, Any] = (None, None) if math.isnan(val_accuracy) else (val_loss, val_accuracy)
        mistakes = None if n is None else round((1 - accuracy) * n)
        found.append(Epoch(number, loss, accuracy, *val, is_best=bool(is_best), mistakes=mistakes))
    return found


def mistakes_of(epochs: Sequence[Epoch]) -> dict[str, Any] | None:
    """Return the mistakes of a run as JSON has them: in all, by epoch, and the epoch that changed no weight, or null;
    None where they are not counted."""
    by_epoch = [one.mistakes for one in epochs if one.mistakes is not None]
    converged = next((one.number for one in epochs if one.changed_nothing), None)
    return {"total": sum(by_epoch), "by_epoch": by_epoch, "converged": converged} if by_epoch else None


class RandomNumbers(Stateful):
    """The state of a PCG64 generator, as numbers."""

    def __init__(self, name: str, generator: np.random.Generator) -> None:
        self.name, self.bits = name, generator.bit_generator

    def state(self) -> dict[str, int]:
        state: Any = self.bits.state
        return {**state["state"], "has_uint32": state["has_uint32"], "uinteger": state["uinteger"]}

    def load_state(self, state: Mapping[str, Any]) -> None:
        inner = {key: state[key] for key in ("state", "inc")}
        try:
            self.bits.state = {**state, "bit_generator": "PCG64", "state": inner}
        except (OverflowError, ValueError, TypeError):
            raise ValueError(f"a {self.name} generator that is none") from None


def finite(numbers: Mapping[str, StateNumber]) -> dict[str, StateNumber | str]:
    """Return the numbers as JSON can hold them: those that are not finite as texts."""
    return {
        name: repr(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in numbers.items()
    }


def from_file(
    stored: Mapping[str, Any],
    arrays: dict[str, NDArray[Any]],
    config: TrainingConfig,
    history: NDArray[np.float64],
    best: int,
) -> TrainingState:
    """Return the state of which a file holds the numbers, as `finite` wrote them, and the arrays in the order of their
    names, `best_theta` behind them. Raise ValueError for what no training run of that config saves."""
    theta = arrays["best_theta"]
    found = {name: float(value) if value in ("inf", "-inf", "nan") else value for name, value in stored.items()}
    numbers, shapes = _form(config, theta.size)
    if found.keys() != numbers.keys() or {name: array.shape for name, array in arrays.items()} != shapes:
        raise ValueError(OTHER)
    for name, usual in numbers.items():
        if not _is_like(usual, found[name]):
            raise ValueError(f"'state.{name}' is no number that a training run has")
    names = [*arrays][:-1]
    if names != sorted(names) or any(array.dtype != theta.dtype for array in arrays.values()):
        raise ValueError("a state of another form")
    for name, array in arrays.items():
        if not all_finite(array):
            raise ValueError(f"numbers in state.{name} that are not finite")
    state = TrainingState(found, arrays, history, best)
    for name in _generators(config):
        RandomNumbers(name, np.random.default_rng(0)).load_state(state.part(name))
    return state


def _form(config: TrainingConfig, size: int) -> tuple[dict[str, StateNumber], dict[str, tuple[int, ...]]]:
    """Return what a run with `size` parameters saves, before a network is made: numbers at its start, and shapes."""
    one = np.zeros(1)
    from nncli.nn.averages import AVERAGES
    from nncli.nn.schedules import SCHEDULES

    optimizer, average = OPTIMIZERS.create(config.optimizer), AVERAGES.create(config.average)
    schedule = SCHEDULES.create(config.schedule)
    optimizer.start(one)
    average.start(one)
    schedule.start(1 << 40)
    found = {"least": 0.0, "known": None, **prefixed("sums", dict.fromkeys(Sums._fields, 0.0))}
    components: dict[str, Stateful] = {"optimizer": optimizer, "average": average, "schedule": schedule}
    components.update((name, RandomNumbers(name, np.random.default_rng(0))) for name in _generators(config))
    for part, component in components.items():
        found |= prefixed(part, component.state())
    own = ("theta", "best_theta", "grad") if optimizer.smooth else ("theta", "best_theta")
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(own, (size,))
    shapes |= {name: (*value.shape[:-1], size) for name, value in found.items() if isinstance(value, np.ndarray)}
    return {name: value for name, value in found.items() if name not in shapes}, shapes


def _generators(config: TrainingConfig) -> tuple[str, ...]:
    """Return the names of what a run draws random numbers with."""
    return (*GENERATORS, "distort") if config.distort else GENERATORS


def _is_like(usual: StateNumber, value: Any) -> bool:
    """Tell whether a run may have this number where another run has the usual one."""
    if isinstance(usual, bool):
        return isinstance(value, bool)
    if isinstance(usual, int):
        return type(value) is int and 0 <= value < MOST
    if value is None:
        return usual is None
    return type(value) in (int, float) and (abs(value) <= sys.float_info.max or abs(value) == math.inf)
