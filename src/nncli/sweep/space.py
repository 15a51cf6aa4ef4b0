"""The trainings that a sweep goes through: options of `train`, each with one value, several, or a range of them."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nncli.config.option import Kind, read_option
from nncli.config.train_config import TrainConfig
from nncli.errors import OptionError, flag, mention
from nncli.nn.models import MODELS
from nncli.system.numbers import read_number, write_number

if TYPE_CHECKING:
    import numpy as np

GROUPS = ("Model", "Training", "Regularisation")  # whose options can vary, and
ALSO = ("scale",)  # for all trials share the data and the split
NEVER = ("seed", "threads", "time_limit")
HIDDEN_ONLY = ("hidden", "activation", "dropout")  # nothing to a model without hidden layers
RANGE = re.compile(r"(?:(log|int):)?([-+.\de]+):([-+.\de]+)")
DIGITS = 3  # that a number drawn from a range has: enough, and short enough to be read and typed again


@dataclass(frozen=True)
class Choices:
    """Some values, in the order they were given."""

    values: tuple[Any, ...]
    of: Kind

    def __contains__(self, value: object) -> bool:
        return value in self.values

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        return ", ".join(map(self.of.write, self.values))

    def draw(self, rng: np.random.Generator) -> Any:
        return self.values[rng.integers(len(self.values))]


@dataclass(frozen=True)
class Range:
    """All numbers from low to high, of which the logarithm is drawn evenly, or a whole number, or any."""

    kind: str  # log, int or empty
    low: float
    high: float
    of: Kind

    def __contains__(self, value: Any) -> bool:
        number = value[0] if isinstance(value, tuple) and len(value) == 1 else value
        return isinstance(number, int | float) and self.low <= number <= self.high

    def __str__(self) -> str:
        return f"{self.kind}:{write_number(self.low)}:{write_number(self.high)}".removeprefix(":")

    def around(self, value: Any, factor: float) -> Range:
        """The part of it around a value that is shorter by a factor; of logarithms, where those are drawn."""
        number = float(value[0] if isinstance(value, tuple) else value)
        if self.kind == "log":
            half = (math.log(self.high) - math.log(self.low)) / factor / 2
            low, high = number * math.exp(-half), number * math.exp(half)
        else:
            half = (self.high - self.low) / factor / 2
            low, high = number - half, number + half
        if self.kind == "int":
            low, high = math.floor(low), math.ceil(high)
        return dataclasses.replace(self, low=max(low, self.low), high=min(high, self.high))

    def draw(self, rng: np.random.Generator) -> Any:
        if self.kind == "int":
            return self.of.read(str(rng.integers(int(self.low), int(self.high) + 1)))
        u = rng.random()
        if self.kind == "log":
            number = math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
        else:
            number = self.low + u * (self.high - self.low)
        return self.of.read(repr(min(max(float(f"{number:.{DIGITS}g}"), self.low), self.high)))


@dataclass(frozen=True)
class Space:
    """`base` holds what is the same for all; `axes` the options that vary, by name, in the order of the help."""

    base: TrainConfig
    axes: Mapping[str, Choices | Range]

    @classmethod
    def from_values(cls, given: Mapping[str, Any]) -> Space:
        """Make a space of texts or values: 0.1,0.01 or log:1e-4:1e-1 for the options that can vary. Raises OptionError
        for what `train` would not take."""
        options = TrainConfig.options()
        fixed: dict[str, Any] = {}
        axes: dict[str, Choices | Range] = {}
        for name in ("data", *options):
            value = given.get(name)
            if value is None:
                continue
            if not can_vary(name):
                _refuse_list(name, value)
                fixed[name] = value
                continue
            texts = [str(one) for one in value] if isinstance(value, list | tuple) else str(value).split(",")
            found = _range(name, texts[0]) if len(texts) == 1 else None
            if found is not None:
                axes[name] = found
            elif len(texts) == 1:
                fixed[name] = texts[0]
            else:
                values = [read_option(name, text.strip(), options[name].kind) for text in texts]
                axes[name] = Choices(tuple(dict.fromkeys(values)), options[name].kind)
        base = TrainConfig.from_values(fixed)
        split_seed = (
            base.seed if base.split_seed is None else base.split_seed
        )  # repetitions have other seeds, one split
        return cls(dataclasses.replace(base, split_seed=split_seed), axes)

    def values(self, name: str) -> tuple[Any, ...]:
        """All that an option can be, of those that are no numbers."""
        axis = self.axes.get(name)
        return axis.values if isinstance(axis, Choices) else (getattr(self.base, name),)

    @property
    def finite(self) -> bool:
        return all(isinstance(axis, Choices) for axis in self.axes.values())

    def refuse_ranges(self) -> None:
        """OptionError where there is a range, as a grid would have no end."""
        for name, axis in self.axes.items():
            if isinstance(axis, Range):
                raise OptionError(
                    name,
                    f"a grid has no place for the range {axis}",
                    f"List the values, or use {mention('search', 'random')}",
                )

    def grid(self) -> list[TrainConfig]:
        """Every combination, once; of lists alone."""
        self.refuse_ranges()
        values = [axis.values for axis in self.axes.values() if isinstance(axis, Choices)]
        return list(
            dict.fromkeys(self.config(dict(zip(self.axes, some, strict=True))) for some in itertools.product(*values))
        )

    def draw(self, rng: np.random.Generator) -> TrainConfig:
        """One combination at random."""
        return self.config({name: axis.draw(rng) for name, axis in self.axes.items()})

    def config(self, values: Mapping[str, Any]) -> TrainConfig:
        """The training with these values. Where models vary, those without hidden layers leave out what is only of
        hidden layers, so that --model softmax,mlp --hidden 32,64 compares one softmax regression with two networks."""
        config = dataclasses.replace(self.base, **values)
        if "model" in self.axes and not MODELS[config.model].hidden:
            nothing: dict[str, Any] = dict.fromkeys(HIDDEN_ONLY)
            config = dataclasses.replace(config, **nothing)
        return config

    def difference(self, config: TrainConfig) -> str:
        """Why a training is none of this space, in a few words; empty if it is one."""
        plain = "model" in self.axes and config.model in MODELS and not MODELS[config.model].hidden
        for name in ("data", *TrainConfig.options()):
            value = getattr(config, name)
            if plain and name in HIDDEN_ONLY and value is None:
                continue
            axis = self.axes.get(name)
            if axis is not None and value not in axis:
                return f"{_with(name, config)}, and not {axis}"
            if axis is None and name != "seed" and value != getattr(self.base, name):
                return f"{_with(name, config)}, and not {self.base.text(name) or _with(name, self.base)}"
        return ""


def can_vary(name: str) -> bool:
    """Whether an option can have several values in a sweep."""
    option = TrainConfig.options().get(name)
    return option is not None and name not in NEVER and (option.group in GROUPS or name in ALSO)


def _with(name: str, config: TrainConfig) -> str:
    return f"{flag(name)} {config.text(name) or 'as usual'}"


def _range(name: str, text: str) -> Range | None:
    """The range that the text is, if it is one of numbers."""
    match, values = RANGE.fullmatch(text.strip()), TrainConfig.options()[name].kind
    if match is None:
        return None
    try:
        kind, low, high = match[1] or "", read_number(match[2]), read_number(match[3])
    except ValueError:
        return None
    if kind == "log" and low <= 0:
        raise OptionError(name, f"expected a range of numbers above 0 after log:, found '{text}'")
    if kind == "int" and not (low.is_integer() and high.is_integer()):
        raise OptionError(name, f"expected a range of whole numbers after int:, found '{text}'")
    if not low < high:
        raise OptionError(name, f"expected a range from low to high, found '{text}'")
    for end in match[2], match[3]:  # also those of what takes words alone
        read_option(name, str(int(float(end))) if kind == "int" else end, values)
    found = Range(kind, low, high, values)
    try:
        values.read(repr(low + (high - low) / math.pi))
    except ValueError:
        if kind != "int":
            raise OptionError(
                name,
                f"expected a range of whole numbers, found '{text}'",
                f"Write int:{write_number(low)}:{write_number(high)}",
            ) from None
    return found


def _refuse_list(name: str, value: Any) -> None:
    """A list for what is the same in all trials; columns, names and texts may have commas."""
    numbers = ("val", "test", "seed", "split_seed", "threads", "time_limit")
    if name in numbers and (isinstance(value, list | tuple) or "," in str(value)):
        raise OptionError(
            name, f"expected one value, as all trials share the data and the split, found '{value}'",
            f"Repeat each training with {mention('seeds')} N" if name == "seed" else "Give one",
        )  # fmt: skip
