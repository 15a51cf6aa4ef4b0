"""Numbers are written exactly, and what is no number is none in any option, component or command."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nncli.config.option import BatchSize, Number, Whole, registries
from nncli.config.train_config import TrainConfig
from nncli.errors import OptionError
from nncli.registry import Registry
from nncli.system.numbers import read_number, write_number

Run = Callable[..., Any]
NO_NUMBERS = ["1_0", "١٠", "1٫5", "１", "inf", "-inf", "nan", "1e999", "0x10", "", "1 0", "1,5"]


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(0.1)
def test_numbers_are_written_exactly(value: float) -> None:
    assert read_number(write_number(value)) == value


@pytest.mark.parametrize(("value", "text"), [(0.1, "0.1"), (3.0, "3"), (1e-5, "1e-05"), (1 / 3, "0.3333333333333333")])
def test_numbers_are_written_as_a_person_would(value: float, text: str) -> None:
    assert write_number(value) == text


@pytest.mark.parametrize(
    "name", [name for name, its in TrainConfig.options().items() if isinstance(its.kind, Number | Whole | BatchSize)]
)
def test_no_option_takes_for_a_number_what_is_none(name: str) -> None:
    for text in NO_NUMBERS:
        with pytest.raises(OptionError):
            TrainConfig.from_values({name: text})


@pytest.mark.parametrize("text", ["1_0x5", "٣x٤", "8x", "1e1"])
def test_widths_are_plain_numbers(text: str) -> None:
    with pytest.raises(OptionError, match="expected a width such as 64"):
        TrainConfig.from_values({"hidden": text})


def settings_of_components() -> list[tuple[Registry[Any], str, str, type]]:
    import dataclasses

    return [
        (registry, name, field.name, type(field.default))
        for registry in registries().values()
        for name, component in registry.items()
        if dataclasses.is_dataclass(component)
        for field in dataclasses.fields(component)
        if field.init and type(field.default) in (int, float)
    ]


@pytest.mark.parametrize(
    ("registry", "name", "setting", "kind"), settings_of_components(), ids=lambda one: one if type(one) is str else ""
)
def test_no_component_takes_for_a_number_what_is_none(
    registry: Registry[Any], name: str, setting: str, kind: type
) -> None:
    expected = "a number" if kind is float else "a whole number"
    for text in NO_NUMBERS:
        with pytest.raises(OptionError) as error:
            registry.create(f"{name}:{setting}={text}")
        assert str(error.value).endswith(f"{name}:{setting}: expected {expected}, found '{text}'.")


@pytest.mark.parametrize(
    "words",
    ["predict two.npz two.csv --threshold 0_1", "train two.csv --save-every ٣", "sweep two.csv --lr 0.1 --seeds 1_0",
     "graph a --at a=1_0", "eval two.npz two.csv two.csv --jobs １", "sweep two.csv --dropout 0_0:0.5 --trials 2"],
)  # fmt: skip
def test_no_command_takes_for_a_number_what_is_none(words: str, nncli: Run, folder: Path) -> None:
    done = nncli(*words.split())
    assert (done.code, done.out) == (2, "")
    assert "expected" in done.err


def test_a_number_is_infinite_nowhere() -> None:
    for text in ("inf", "1e400"):
        with pytest.raises(ValueError, match="a number"):
            read_number(text)
    assert math.isfinite(read_number("1e308"))
