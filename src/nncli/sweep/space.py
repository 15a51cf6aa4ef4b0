"""The space that a sweep searches: options of `train`, each with one value, several values, or a range."""

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
from nncli.system.numbers import read_number, write_number

if TYPE_CHECKING:
    import numpy as np

GROUPS = ("Model", "Training", "Regularisation")  # options of these groups can vary
ALSO = ("ngrams", "hash_bits", "scale")  # and these; no others, as all trials share the data and the split
NEVER = ("seed", "threads", "kernels", "time_limit", "metric", "folds", "refit", "vectors")
HIDDEN_ONLY = ("hidden", "activation", "dropout")  # mean nothing to a model without hidden layers
RANGE = re.compile(r"(?:(log|int):)?([-+.\de]+):([-+.\de]+)")
DIGITS = 3  # of a number drawn from a range: enough, and easy to read and to type again


@dataclass(frozen=True)
class Choices:
    """Some values, in the order given."""

    values: tuple[Any, ...]
    of: Kind

    def __contains__(self, value: object) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return (", " if self.of.separator == "," else " or ").join(map(self.of.write, self.values))

    def around(self, value: Any, factor: float) -> Choices:
        """Return a value with its neighbours."""
        if value not in self.values:
            return self
        place = self.values.index(value)
        return dataclasses.replace(self, values=self.values[max(place - 1, 0) : place + 2])

    def draw(self, rng: np.random.Generator) -> Any:
        return self.values[rng.integers(len(self.values))]


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, drawn evenly, by their logarithm (`log`), or among whole numbers (`int`)."""

    kind: str  # "log", "int" or ""
    low: float
    high: float
    of: Kind

    def __contains__(self, value: Any) -> bool:
        number = value[0] if isinstance(value, tuple) and len(value) == 1 else value
        return isinstance(number, int | float) and self.low <= number <= self.high

    def __str__(self) -> str:
        return f"{self.kind}:{write_number(self.low)}:{write_number(self.high)}".removeprefix(":")

    def around(self, value: Any, factor: float) -> Range:
        """Return the part around a value that is shorter by a factor, on the scale that is drawn from."""
        if value is None:
            return self
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
        scale, back = (math.log, math.exp) if self.kind == "log" else (float, float)
        number = back(scale(self.low) + rng.random() * (scale(self.high) - scale(self.low)))
        return self.of.read(repr(min(max(float(f"{number:.{DIGITS}g}"), self.low), self.high)))


@dataclass(frozen=True)
class Space:
    """`base` holds the options that are the same for all; `axes` those that vary, in the order of the help. Where
    nobody `names_model`, it is mlp until the data are read."""

    base: TrainConfig
    axes: Mapping[str, Choices | Range]
    names_model: bool = True

    @classmethod
    def from_values(cls, given: Mapping[str, Any]) -> Space:
        """Read a space from texts or plain values (TOML), such as 0.1,0.01 or log:1e-4:1e-1.

        Raises OptionError for a value that `train` refuses.
        """
        options = TrainConfig.options()
        fixed: dict[str, Any] = {}
        axes: dict[str, Choices | Range] = {}
        for name in ("data", *options):
            value = given.get(name)
            if value is None:
                continue
            if isinstance(value, bool):  # a flag, which is the same for all
                fixed[name] = value
                continue
            if not can_vary(name):
                _refuse_list(name, value)
                fixed[name] = value
                continue
            texts = (
                [str(one) for one in value]
                if isinstance(value, list | tuple)
                else _texts(name, str(value), options[name].kind)
            )
            found = _range(name, texts[0]) if len(texts) == 1 else None
            if found is not None:
                axes[name] = found
            elif len(texts) == 1:
                fixed[name] = texts[0]
            else:
                values = [read_option(name, text.strip(), options[name].kind) for text in texts]
                axes[name] = Choices(tuple(dict.fromkeys(values)), options[name].kind)
        base = TrainConfig.from_values({"model": "mlp", **fixed})  # whatever the data: trials are to be alike
        if base.split_seed is None and base.time is None:  # which needs no seed
            base = dataclasses.replace(base, split_seed=base.seed)  # repetitions share the split
        return cls(base, axes, "model" in fixed or "model" in axes)

    def values(self, name: str) -> tuple[Any, ...]:
        """Return all values that an option can have, if it has no range."""
        axis = self.axes.get(name)
        return axis.values if isinstance(axis, Choices) else (getattr(self.base, name),)

    @property
    def finite(self) -> bool:
        return all(isinstance(axis, Choices) for axis in self.axes.values())

    def refuse_ranges(self) -> None:
        """Raise OptionError if there is a range: a grid of it would have no end."""
        for name, axis in self.axes.items():
            if isinstance(axis, Range):
                remedy = f"List the values, or use {mention('search', 'random')}"
                raise OptionError(name, f"a grid cannot have a range, and found {axis}", remedy)

    def grid(self) -> list[TrainConfig]:
        """Return every combination once; there must be no ranges."""
        self.refuse_ranges()
        values = [axis.values for axis in self.axes.values() if isinstance(axis, Choices)]
        combinations = (dict(zip(self.axes, some, strict=True)) for some in itertools.product(*values))
        return list(dict.fromkeys(map(self.config, combinations)))

    def draw(self, rng: np.random.Generator) -> TrainConfig:
        """Draw one combination at random."""
        return self.config({name: axis.draw(rng) for name, axis in self.axes.items()})

    def config(self, values: Mapping[str, Any]) -> TrainConfig:
        """Return the config with these values of the axes.

        If models vary, those without hidden layers ignore the options of hidden layers, so that --model softmax,mlp
        --hidden 32,64 compares one softmax regression with two networks. Where nothing is dropped, or no L2 penalty
        is asked for, there is no schedule of it either.
        """
        config = dataclasses.replace(self.base, **values)
        if "model" in self.axes and not config.preset.hidden:
            nothing: dict[str, Any] = dict.fromkeys(HIDDEN_ONLY)
            config = dataclasses.replace(config, **nothing)
        idle: dict[str, Any] = dict.fromkeys(self._idle_schedules(config))
        return dataclasses.replace(config, **idle)

    def _idle_schedules(self, config: TrainConfig) -> list[str]:
        """List the schedules of what is 0 in a config, and is not in others."""
        is_dropped = config.dropout or config.input_dropout
        found = ["dropout_schedule"] if not is_dropped and {"model", "dropout", "input_dropout"} & {*self.axes} else []
        return [*found, *(["decay_schedule"] if "l2" in self.axes and not config.l2 else [])]

    def difference(self, config: TrainConfig) -> str:
        """Say in a few words why a config is not in this space; empty if it is."""
        plain = "model" in self.axes and not config.preset.hidden
        unused = [*(HIDDEN_ONLY if plain else ()), *self._idle_schedules(config)]
        for name in ("data", *TrainConfig.options()):
            value = getattr(config, name)
            if name in unused and value is None:
                continue
            axis = self.axes.get(name)
            if axis is not None and value not in axis:
                return f"{_with(name, config)}, not {axis}"
            if axis is None and name != "seed" and value != getattr(self.base, name):
                return f"{_with(name, config)}, not {self.base.written(name) or _with(name, self.base)}"
        return ""


def can_vary(name: str) -> bool:
    """Tell whether an option can have several values in a sweep."""
    option = TrainConfig.options().get(name)
    return option is not None and name not in NEVER and (option.group in GROUPS or name in ALSO)


def _with(name: str, config: TrainConfig) -> str:
    return f"{flag(name)} {config.written(name) or 'by default'}"


def _texts(name: str, text: str, kind: Kind) -> list[str]:
    """Cut the text of an option into those of its values. OptionError where commas stand between values that may have
    commas themselves."""
    texts = kind.several(text)
    if kind.separator != "," and "," in text and len(texts) == 1:
        try:
            read_option(name, text, kind)
        except OptionError as error:
            remedy = f"Several values have '{kind.separator}' between them"
            raise OptionError(name, error.args[1], remedy) from None
    return texts


def _range(name: str, text: str) -> Range | None:
    """Read a range of numbers; None if the text is none."""
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
    for end in match[2], match[3]:  # refused also by options that take only words
        read_option(name, str(int(float(end))) if kind == "int" else end, values)
    found = Range(kind, low, high, values)
    try:
        values.read(repr(low + (high - low) / math.pi))
    except ValueError:
        if kind != "int":
            remedy = f"Write int:{write_number(low)}:{write_number(high)}"
            raise OptionError(name, f"expected a range of whole numbers, found '{text}'", remedy) from None
    return found


def _refuse_list(name: str, value: Any) -> None:
    """Raise OptionError for a list of what is the same in all trials; names of columns may contain commas."""
    single = ("val", "test", "seed", "split_seed", "threads", "kernels", "time_limit", "metric")
    if name in single and (isinstance(value, list | tuple) or "," in str(value)):
        problem = f"expected one value, as all trials share the data and the split, found '{value}'"
        repeat = f"Repeat each configuration with {mention('seeds')} N"
        raise OptionError(name, problem, repeat if name == "seed" else "Give one")
