"""One option of a training run: its help, and how its value is read from text.

A reader takes the text and returns the value, or raises ValueError saying what it expected.
"""

from __future__ import annotations

import codecs
import csv
import dataclasses
import encodings.aliases
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_LAYERS = 1000
FULL_BATCH = 0  # `--batch-size full`: every step sees the whole training set
ENCODINGS = {*encodings.aliases.aliases, *encodings.aliases.aliases.values()}  # that Python has


@dataclass(frozen=True)
class Option:
    """How one field is given on the command line and read from text.

    `help` may hold a registry's name in braces, `{activations}`, which stands for the names in it.
    `read` takes the text and returns the value, or raises ValueError saying what it expected.
    """

    help: str
    group: str
    metavar: str
    read: Callable[[str], Any]
    short: str | None = None
    default_text: str | None = None  # for defaults that depend on the model or the data

    @property
    def names(self) -> tuple[str, ...]:
        """The words it takes, where they can be listed."""
        return self.read.names if isinstance(self.read, OneOf | Component) else ()


def option(
    metavar: str,
    read: Callable[[str], Any],
    help: str,
    default_text: str | None = None,
    *,
    group: str,
    default: Any = None,
    short: str | None = None,
) -> Any:
    """Make a field of a dataclass that is an option."""
    made = Option(help, group, metavar, read, short, default_text)
    return dataclasses.field(default=default, metadata={"option": made})


def read_text(text: str) -> str:
    if not text:
        raise ValueError("some text")
    return text


def read_files(text: str) -> tuple[str, ...]:
    """Read the name of one file; several are given one by one, as any sign may be part of a name."""
    return (read_text(text),)


def read_size(text: str) -> int:
    """Bytes."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([KMGT]?)(i?)B?", text.strip(), re.IGNORECASE | re.ASCII)
    if found is None or not found[2]:
        raise ValueError("a size such as 500MB or 2GB")
    power = "KMGT".index(found[2].upper()) + 1
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


def read_columns(text: str) -> tuple[str, ...]:
    """Names between commas; a name with a comma in it stands in double quotes."""
    try:
        return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))
    except csv.Error:
        raise ValueError("names between commas, on one line") from None


def read_delimiter(text: str) -> str:
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(text) != 1 or text in '"\r\n':
        raise ValueError("one character, or tab")
    return text


def read_decimal(text: str) -> str:
    if text not in (".", ","):
        raise ValueError("a point or a comma")
    return text


def read_encoding(text: str) -> str:
    """The name that Python has for it."""
    try:
        if text.lower().replace("-", "_") not in ENCODINGS:  # of which a model from a stranger may name one
            raise LookupError
        found = codecs.lookup(text)
        "a,b\n".encode(found.name)  # which what is no encoding of text refuses
        if found.incrementaldecoder is None:
            raise LookupError
    except (LookupError, ValueError):
        raise ValueError("an encoding such as utf-8, utf-16, latin-1 or cp1252") from None
    return found.name


@dataclass(frozen=True)
class OneOf:
    """Reads one of a few words."""

    names: tuple[str, ...]

    def __call__(self, text: str) -> str:
        if text not in self.names:
            raise ValueError(f"one of {', '.join(self.names)}")
        return text


@dataclass(frozen=True)
class Component:
    """Reads the name of a component with its settings; the registry itself says what is wrong with it."""

    registry: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(registries()[self.registry])

    def __call__(self, text: str) -> str:
        registries()[self.registry].create(text)
        return text


class Activations(Component):
    """Reads one activation, or several between commas."""

    def __call__(self, text: str) -> str:
        for spec in text.split(","):
            if not registries()[self.registry].create(spec).differentiable:
                raise ValueError("activations with a useful derivative, as hidden layers learn by backpropagation")
        return text


def read_widths(text: str) -> tuple[int, ...]:
    try:
        widths = tuple(int(part) for part in text.replace(",", "x").split("x"))
    except ValueError:
        widths = (0,)
    if min(widths) < 1 or len(widths) > MOST_LAYERS:
        raise ValueError("a width such as 64, or one for each layer such as 128x64")
    return widths


def number(expected: str, holds: Callable[[float], bool]) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and holds(value)):
            raise ValueError(expected)
        return value

    return read


def whole(low: int, high: int = 2**63 - 1) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"a whole number from {low}" + (f" to {high}" if value > high else ""))
        return value

    return read


def read_batch_size(text: str) -> int:
    if text == "full":
        return FULL_BATCH
    try:
        return whole(1)(text)
    except ValueError:
        raise ValueError("a whole number from 1, or full") from None


share = number("a share of the rows from 0 to below 1", lambda value: 0 <= value < 1)
dropped = number("a share from 0 to below 1", lambda value: 0 <= value < 1)
positive = number("a number above 0", lambda value: value > 0)
not_negative = number("a number from 0", lambda value: value >= 0)


def shortest(value: float) -> str:
    """The number as a person would write it, exactly."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def shown(value: Any) -> str:
    """A value of an option as one writes it."""
    if value is None:
        return "(not given)"
    if isinstance(value, tuple):  # widths of layers, or names
        return ("x" if all(isinstance(one, int) for one in value) else ",").join(map(str, value))
    return shortest(value) if isinstance(value, float) else str(value)


def flag(name: str) -> str:
    """The option of a field: batch_size → --batch-size."""
    return "--" + name.replace("_", "-")


def registries() -> dict[str, Any]:
    """The registries by the names that help texts use for them."""
    from nncli.nn.activations import ACTIVATIONS
    from nncli.nn.averages import AVERAGES
    from nncli.nn.initializers import INITIALIZERS
    from nncli.nn.losses import LOSSES
    from nncli.nn.models import MODELS
    from nncli.nn.optimizers import OPTIMIZERS
    from nncli.nn.schedules import SCHEDULES

    return {
        "activations": ACTIVATIONS,
        "averages": AVERAGES,
        "initializers": INITIALIZERS,
        "losses": LOSSES,
        "models": MODELS,
        "optimizers": OPTIMIZERS,
        "schedules": SCHEDULES,
    }
