"""One option of a training run: its help, and how its value is read from text and written as text."""

from __future__ import annotations

import dataclasses
import importlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from typing import Any

from nncli.errors import OptionError, did_you_mean, write_names
from nncli.system.characters import composed
from nncli.system.numbers import read_number, read_whole, write_number
from nncli.system.output import shortened

MOST_LAYERS = 1000
MOST = 2**63 - 1  # of whole numbers without a bound
AUTO = "auto"
FULL_BATCH = 0  # `--batch-size full`: every step sees the whole training set
REGISTRIES = {
    "activations": "nncli.nn.activations",
    "averages": "nncli.nn.averages",
    "distortions": "nncli.nn.distortions",
    "embeddings": "nncli.nn.embeddings",
    "initializers": "nncli.nn.initializers",
    "losses": "nncli.nn.losses",
    "models": "nncli.nn.models",
    "optimizers": "nncli.nn.optimizers",
    "schedules": "nncli.nn.schedules",
    "metrics": "nncli.metrics.definitions",
}  # and their modules


class Kind(ABC):
    """A kind of value. What `write` has written, `read` reads as the same value."""

    separator = ","  # between the values of a sweep

    @abstractmethod
    def read(self, text: str) -> Any:
        """Read a value; ValueError, saying what was expected, for a text that is none."""

    def words(self) -> tuple[str, ...]:
        """List the words that a value may be, or begin with; none where they cannot be listed."""
        return ()

    def write(self, value: Any) -> str:
        """Write a value as one types it."""
        return str(value)

    def accept(self, value: Any) -> Any:
        """Take a value as TOML or Python has it, or a text; ValueError as of `read`."""
        return self.read(as_text(value))

    def arguments(self, flag: str, value: Any) -> list[str]:
        """Write a value as words of a command line."""
        return [flag, self.write(value)]

    def several(self, text: str) -> list[str]:
        """Cut what a sweep is given into the texts of its values."""
        return text.split(self.separator)


@dataclass(frozen=True)
class Option:
    """An option of the command line: what it is called, how its value is read and written, and its help.

    `help` may hold a registry's name in braces, `{activations}`, which stands for the names in it.
    """

    metavar: str
    kind: Kind
    help: str
    default_text: str | None = None  # for defaults that depend on the model or the data
    _: KW_ONLY
    group: str
    short: str | None = None


def option(*its: Any, default: Any = None, **named: Any) -> Any:
    """Make a field of a dataclass that is an option, from the arguments of `Option`."""
    return dataclasses.field(default=default, metadata={"option": Option(*its, **named)})


def as_text(value: Any) -> str:
    """Write a value of TOML or Python as it is given on the command line."""
    return write_names(map(str, value)) if isinstance(value, list | tuple) else str(value)


def read_option(name: str, value: Any, kind: Kind) -> Any:
    """Read the value of an option, a text or a value of TOML or Python; OptionError for one that it does not take."""
    try:
        return kind.accept(value)
    except OptionError as error:  # of a component, whose kind may belong to several options
        raise OptionError(name, *error.args[1:]) from None
    except ValueError as error:
        text = as_text(value)
        unknown = str(error).startswith("one of")
        comma, remedy = (";", did_you_mean(text, kind.words())) if unknown else (",", "")
        raise OptionError(name, f"expected {error}{comma} found '{shortened(text)}'", remedy) from None


class Text(Kind):
    """Any text that is not empty."""

    def read(self, text: str) -> str:
        if not text:
            raise ValueError("some text")
        return text


class Name(Text):
    """The name of a column or a class, as the program has it."""

    def read(self, text: str) -> str:
        return composed(super().read(text))


class Flag(Kind):
    """Yes or no: --calibrate or --no-calibrate."""

    def read(self, text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("true or false")
        return text == "true"

    def write(self, value: bool) -> str:
        return str(value).lower()

    def accept(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("true or false")
        return value

    def arguments(self, flag: str, value: bool) -> list[str]:
        return [flag if value else flag.replace("--", "--no-", 1)]


@dataclass(frozen=True)
class OneOf(Kind):
    """One of a few words."""

    names: tuple[str, ...]
    expected: str = ""  # in an error, in place of a list of them

    def read(self, text: str) -> str:
        if text not in self.names:
            raise ValueError(self.expected or f"one of {', '.join(self.names)}")
        return text

    def words(self) -> tuple[str, ...]:
        return self.names


@dataclass(frozen=True)
class Task(Kind):
    """Reads the task of a training run, classification or regression; auto is the same as leaving the option out."""

    names: tuple[str, ...]

    def read(self, text: str) -> str | None:
        return None if text == AUTO else OneOf(self.words()).read(text)

    def words(self) -> tuple[str, ...]:
        return (AUTO, *self.names)


class Rare(Kind):
    """Reads what to do with rare classes: drop, or merge=NAME."""

    def read(self, text: str) -> str:
        if not re.fullmatch(r"drop|merge=.+", text, re.DOTALL):
            raise ValueError("drop or merge=NAME")
        return composed(text)


class Folds(Kind):
    """How many folds, and how often they are drawn anew: 5, or 5x3."""

    def read(self, text: str) -> tuple[int, int]:
        folds, sign, repeats = text.partition("x")
        with suppress(ValueError):
            found = read_whole(folds), read_whole(repeats) if sign else 1
            if found[0] >= 2 and found[1] >= 1:
                return found
        raise ValueError("a number of folds from 2, as 5, or 5x3 for 3 times 5")

    def write(self, value: Sequence[int]) -> str:
        folds, repeats = value
        return f"{folds}" if repeats == 1 else f"{folds}x{repeats}"

    def accept(self, value: Any) -> tuple[int, int]:
        return self.read(self.write(value) if isinstance(value, list | tuple) else as_text(value))


@dataclass(frozen=True)
class Component(Kind):
    """The name of a component with its settings; the registry itself says what is wrong with it."""

    registry: str

    def read(self, text: str) -> str:
        registry_of(self.registry).create(text)
        return text

    def words(self) -> tuple[str, ...]:
        return tuple(registry_of(self.registry))


class Models(Component):
    """The name of a model, or of the search for one."""

    def read(self, text: str) -> str:
        from nncli.nn.models import AutoModel

        return text if text == AutoModel.name else super().read(text)

    def words(self) -> tuple[str, ...]:
        from nncli.nn.models import AutoModel

        return (*super().words(), AutoModel.name)


class Activations(Component):
    """One activation, or one for each layer between commas."""

    def read(self, text: str) -> str:
        for spec in text.split(","):
            if not registry_of(self.registry).create(spec).differentiable:
                raise ValueError("activations with a useful derivative, as hidden layers learn by backpropagation")
        return text


class PlannedSchedule(Component):
    """A schedule that follows the planned steps alone, and nothing that is seen on the way."""

    def read(self, text: str) -> str:
        if text.partition(":")[0] not in registry_of(self.registry):
            raise ValueError(f"one of {', '.join(self.words())}")
        if registry_of(self.registry).create(text).needs_validation:
            raise ValueError(f"one of {', '.join(self.words())}, which follow the planned steps alone")
        return text

    def words(self) -> tuple[str, ...]:
        return tuple(name for name, one in registry_of(self.registry).items() if not one.needs_validation)


class Widths(Kind):
    """The number of units of each layer, as 128x64."""

    def read(self, text: str) -> tuple[int, ...]:
        with suppress(ValueError):
            widths = tuple(map(read_whole, text.replace(",", "x").split("x")))
            if min(widths) >= 1 and len(widths) <= MOST_LAYERS:
                return widths
        raise ValueError("a width such as 64, or one for each layer such as 128x64")

    def write(self, value: tuple[int, ...]) -> str:
        return "x".join(map(str, value))


@dataclass(frozen=True)
class Number(Kind):
    """A finite number for which `holds` is true."""

    expected: str
    holds: Callable[[float], bool]

    def read(self, text: str) -> float:
        with suppress(ValueError):
            value = read_number(text)
            if self.holds(value):
                return value
        raise ValueError(self.expected)

    def write(self, value: float) -> str:
        return write_number(value)


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number within bounds, both included."""

    low: int
    high: int = MOST

    def read(self, text: str) -> int:
        try:
            value = read_whole(text)
        except ValueError:
            value = self.low - 1
        if not self.low <= value <= self.high:
            is_told = self.high < MOST or value > self.high  # nobody misses the largest number of all
            raise ValueError(f"a whole number from {self.low}" + (f" to {self.high}" if is_told else ""))
        return value


class BatchSize(Kind):
    """A number of rows, or `full` for all of them."""

    def read(self, text: str) -> int:
        if text == "full":
            return FULL_BATCH
        with suppress(ValueError):
            return Whole(1).read(text)
        raise ValueError("a whole number from 1, or full")

    def write(self, value: int) -> str:
        return "full" if value == FULL_BATCH else str(value)


class Size(Kind):
    """A number of bytes, as 500MB or 2GiB."""

    def read(self, text: str) -> int:
        found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([KMGT]?)(i?)B?", text.strip(), re.IGNORECASE | re.ASCII)
        if found is None or not found[2]:
            raise ValueError("a size such as 500MB or 2GB")
        power = "KMGT".index(found[2].upper()) + 1
        return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


ROW_SHARE = Number("a share of the rows from 0 to below 1", lambda value: 0 <= value < 1)
SHARE = Number("a share from 0 to below 1", lambda value: 0 <= value < 1)
POSITIVE = Number("a number above 0", lambda value: value > 0)
NOT_NEGATIVE = Number("a number from 0", lambda value: value >= 0)


def registry_of(name: str) -> Any:
    """Return the registry that help texts call so; it alone is loaded."""
    return getattr(importlib.import_module(REGISTRIES[name]), name.upper())


def registries() -> dict[str, Any]:
    """Return all registries, by the names that help texts use for them."""
    return {name: registry_of(name) for name in REGISTRIES}
