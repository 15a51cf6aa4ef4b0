"""What an option writes, it reads; signs and names are read as CSV has them."""

from __future__ import annotations

import contextlib
import math
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncli.config.class_weights import ClassWeights
from nncli.config.decision_kinds import PROMISES, RULES, Costs, ThresholdRule
from nncli.config.ensemble_kind import MOST_MEMBERS, Ensembles
from nncli.config.file_kinds import ENCODINGS, Columns, Delimiter, Encoding, Files, PictureSize, RowRange, Sign
from nncli.config.ngrams_kind import Ngrams
from nncli.config.option import (
    FULL_BATCH,
    BatchSize,
    Component,
    Flag,
    Folds,
    Name,
    Number,
    OneOf,
    Option,
    Rare,
    Task,
    Text,
    Whole,
    Widths,
    registries,
)
from nncli.config.rate_factors import RateFactors
from nncli.config.train_config import TrainConfig
from nncli.data.task import TASKS
from nncli.errors import OptionError, write_names
from nncli.nn.block_kinds import BLOCK_KINDS
from nncli.system.characters import composed
from nncli.system.numbers import write_number
from short_and_long import for_examples, short_and_long

Run = Callable[..., Any]
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).map(composed)
FLAGS = {*("calibrate", "learn_scale", "dedupe", "refit", "header"), *("no_calibrate", "no_learn_scale", "no_header")}
COLUMNS = st.lists(NAMES | st.sampled_from([" ", "a,b", 'say "no"', " a", "b\t", "", '"', "two\nlines", "a b"]))


def values(option: Option) -> st.SearchStrategy[Any]:
    """All kinds of values that an option can have."""
    kind = option.kind
    if isinstance(kind, Component):
        registry = registries()[kind.registry]
        useful = [name for name in kind.words() if kind.registry != "activations" or registry[name].differentiable]
        return st.sampled_from(useful)
    if isinstance(kind, Number):
        return st.floats(0, 10, exclude_max=True).filter(kind.holds)
    if isinstance(kind, Whole):
        return st.integers(kind.low, kind.high)
    if isinstance(kind, OneOf):
        return st.sampled_from(kind.words())
    return {
        Text: NAMES,
        Name: NAMES,
        Files: st.lists(NAMES, min_size=1).map(tuple),
        Columns: COLUMNS.map(tuple),
        Flag: st.booleans(),
        Sign: st.sampled_from([*kind.names.values()] if isinstance(kind, Sign) else [""]),
        Task: st.sampled_from(TASKS),
        RowRange: st.tuples(st.integers(1, 100), st.integers(100, 2**40)),
        Delimiter: st.sampled_from("\t !#$%&'()*+,-./:;<=>?@[]^_`{|}~"),
        Encoding: st.sampled_from(sorted(filter(None, map(_encoding, ENCODINGS)))),
        Widths: st.lists(st.integers(1, 10**6), min_size=1).map(tuple),
        PictureSize: st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
        Rare: st.just("drop") | NAMES.filter(bool).map(lambda name: f"merge={name}"),
        Folds: st.tuples(st.integers(2, 999), st.integers(1, 99)),
        ClassWeights: st.sampled_from(["none", "balanced"])
        | st.dictionaries(NAMES.map(str.strip).filter(bool), st.floats(1e-300, 1e300), min_size=1).map(
            lambda of: write_names(f"{name}={write_number(weight)}" for name, weight in of.items())
        ),
        Ensembles: st.tuples(st.sampled_from(["", "shared:", "folds:"]), st.integers(2, MOST_MEMBERS)).map(
            lambda of: f"{of[0]}{of[1]}"
        ),
        Ngrams: st.tuples(st.integers(1, 5), st.integers(1, 8)).map(
            lambda most: f"words:1-{most[0]},chars:1-{most[1]}"
        ),
        RateFactors: st.dictionaries(st.sampled_from(BLOCK_KINDS), st.floats(0, 1e300), min_size=1).map(
            lambda of: RateFactors().read(",".join(f"{name}={write_number(factor)}" for name, factor in of.items()))
        ),
        ThresholdRule: st.sampled_from(RULES)
        | st.tuples(st.sampled_from(PROMISES), st.floats(1e-9, 1)).map(lambda of: f"{of[0]}={write_number(of[1])}"),
        Costs: st.tuples(st.floats(0, 1e30), st.floats(1e-300, 1e30)).map(
            lambda of: f"missed={write_number(of[0])},false-alarm={write_number(of[1])}"
        ),
        BatchSize: st.just(FULL_BATCH) | st.integers(1, 2**63 - 1),
    }[type(kind)]


def _encoding(name: str) -> str:
    try:
        return Encoding().read(name)
    except ValueError:
        return ""


@pytest.mark.parametrize("examples", short_and_long(15, 60))
@pytest.mark.parametrize("name", TrainConfig.options())
def test_every_option_reads_what_it_writes(name: str, examples: int) -> None:
    option = TrainConfig.options()[name]

    def check(value: Any) -> None:
        again = option.kind.read(option.kind.write(value))
        assert (type(again), again) == (type(value), value)

    for_examples(examples, check, value=values(option))


@pytest.mark.long
@given(st.fixed_dictionaries({}, optional={name: values(option) for name, option in TrainConfig.options().items()}))
def test_a_config_is_made_again_of_its_command_line_and_of_its_json(chosen: dict[str, Any]) -> None:
    config = TrainConfig(**chosen)
    assert TrainConfig.from_json(config.to_json()) == config
    given_again: dict[str, Any] = {}
    flags = {name for name, option in TrainConfig.options().items() if isinstance(option.kind, Flag)}
    words = shlex.split(config.command_line())
    while words:
        name = words.pop(0).removeprefix("--").replace("-", "_")
        if name.removeprefix("no_") in flags:
            given_again[name.removeprefix("no_")] = not name.startswith("no_")
        elif name in ("val_data", "test_data"):
            given_again.setdefault(name, []).append(words.pop(0))
        else:
            given_again[name] = words.pop(0)
    assert TrainConfig.from_values(given_again) == config


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a, b", ("a", "b")), ('a , " b,c "', ("a", " b,c ")), ('"say ""no"""', ('say "no"',)), ('""', ("",)),
        ("", ()), ('5" pipe', ('5" pipe',)), ("a,", ("a", "")),
    ],
)  # fmt: skip
def test_names_are_read_as_csv_has_them(text: str, names: tuple[str, ...]) -> None:
    assert Columns().read(text) == names


@pytest.mark.parametrize("text", ["a\nb", '"a', '"a"b', "a,\nb"])
def test_what_is_no_list_of_names_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names between commas, on one line"):
        Columns().read(text)


@pytest.mark.parametrize("name", ["data", *TrainConfig.options()])
def test_a_model_file_may_hold_any_value_for_any_option(name: str) -> None:
    """It is read as the same value, or refused as a damaged file is."""
    for value in (True, 0, -1, 1.5, math.inf, "", "x", [], [1], [True], [None], ["a", 1], {}, {"a": 1}):
        with contextlib.suppress(ValueError):
            assert TrainConfig.from_json({name: value}).to_json()[name] == value


@pytest.mark.parametrize("text", ["ab", "a", "7", "é", '"', "\n", "\0", ""])
def test_what_separates_no_cells_is_no_delimiter(text: str) -> None:
    with pytest.raises(OptionError, match="delimiter: expected one character such as ; or tab, found "):
        TrainConfig.from_values({"delimiter": text})


@pytest.mark.parametrize(
    ("name", "words", "signs"),
    [
        ("decimal", "point comma . ,", ".,.,"),
        ("thousands", "comma point blank apostrophe , . '", ",. ',.'"),
        ("delimiter", "comma semicolon tab blanks blank bar , ; |", ",;\t  |,;|"),
        ("quote", "double single none \" '", ['"', "'", "", '"', "'"]),
        ("escape", "backslash none \\", ["\\", "", "\\"]),
    ],
)
def test_a_sign_is_told_by_itself_or_by_its_name(name: str, words: str, signs: Sequence[str]) -> None:
    found = [getattr(TrainConfig.from_values({name: word}), name) for word in words.split()]
    assert found == list(signs)


@pytest.mark.parametrize("text", ["x", "", "none", "kommas", ";"])
def test_an_error_names_signs_by_their_names(text: str) -> None:
    with pytest.raises(OptionError, match="thousands: expected a comma, point, blank or apostrophe, found "):
        TrainConfig.from_values({"thousands": text})
    with pytest.raises(OptionError, match="decimal: expected a point or a comma, found "):
        TrainConfig.from_values({"decimal": text})


def test_words_for_signs_do_what_the_signs_do(nncli: Run, folder: Path) -> None:
    rows = "".join(f"{i % 9 + 1}.{i * 37 % 1000:03d},{i % 7}|{'ab'[i // 2 % 2]}\n" for i in range(40))
    (folder / "euros.csv").write_text("price|y\n" + rows)
    for sign in (["--thousands", "point", "--decimal", "comma", "--delimiter", "bar"], ["--thousands", "."]):
        done = nncli("train", "euros.csv", "-t", "y", *sign, "--epochs", "1", "-o", "m.npz")
        assert done.code == 0, done.err
        assert "a point between thousands and a comma as decimal sign" in done.err
