"""What an option writes, it reads; what is no number is none anywhere; an error names the option as its reader does."""

from __future__ import annotations

import ast
import math
import pickle
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import nncli as package
from nncli.config.class_weights import ClassWeights
from nncli.config.decision_kinds import PROMISES, RULES, Costs, ThresholdRule
from nncli.config.file_kinds import ENCODINGS, Columns, Delimiter, Encoding, Files, PictureSize, RowRange, Sign
from nncli.config.option import (
    FULL_BATCH,
    BatchSize,
    Component,
    Flag,
    Folds,
    Number,
    OneOf,
    Option,
    Rare,
    Text,
    Whole,
    Widths,
    registries,
)
from nncli.config.train_config import TrainConfig
from nncli.errors import DataError, NncliError, OptionError, did_you_mean, mention, write_names
from nncli.registry import Registry
from nncli.system.numbers import read_number, write_number

Run = Callable[..., Any]
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
COLUMNS = st.lists(NAMES | st.sampled_from([" ", "a,b", 'say "no"', " a", "b\t", "", '"', "two\nlines", "a b"]))
NO_NUMBERS = ["1_0", "١٠", "1٫5", "１", "inf", "-inf", "nan", "1e999", "0x10", "", "1 0", "1,5"]


def values(option: Option) -> st.SearchStrategy[Any]:
    """All kinds of values that an option can have."""
    kind = option.kind
    if isinstance(kind, Component):
        registry = registries()[kind.registry]
        useful = [name for name in registry if kind.registry != "activations" or registry[name].differentiable]
        return st.sampled_from(useful)
    if isinstance(kind, Number):
        return st.floats(0, 10, exclude_max=True).filter(kind.holds)
    if isinstance(kind, Whole):
        return st.integers(kind.low, kind.high)
    if isinstance(kind, OneOf):
        return st.sampled_from(kind.words())
    return {
        Text: NAMES,
        Files: st.lists(NAMES, min_size=1).map(tuple),
        Columns: COLUMNS.map(tuple),
        Flag: st.booleans(),
        Sign: st.sampled_from([*getattr(kind, "names", {}).values()]),
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


@pytest.mark.parametrize("name", TrainConfig.options())
def test_every_option_reads_what_it_writes(name: str) -> None:
    option = TrainConfig.options()[name]

    @given(values(option))
    def check(value: Any) -> None:
        again = option.kind.read(option.kind.write(value))
        assert (type(again), again) == (type(value), value)

    check()


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(0.1)
def test_numbers_are_written_exactly(value: float) -> None:
    assert read_number(write_number(value)) == value


@pytest.mark.parametrize(("value", "text"), [(0.1, "0.1"), (3.0, "3"), (1e-5, "1e-05"), (1 / 3, "0.3333333333333333")])
def test_numbers_are_written_as_a_person_would(value: float, text: str) -> None:
    assert write_number(value) == text


@given(st.fixed_dictionaries({}, optional={name: values(option) for name, option in TrainConfig.options().items()}))
def test_a_config_is_made_again_of_its_command_line_and_of_its_json(chosen: dict[str, Any]) -> None:
    config = TrainConfig(**chosen)
    assert TrainConfig.from_json(config.to_json()) == config
    given_again: dict[str, Any] = {}
    words = shlex.split(config.command_line())
    while words:
        name = words.pop(0).removeprefix("--").replace("-", "_")
        if name in ("calibrate", "dedupe", "refit", "header", "no_header"):
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


# Numbers


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize(
    "name", [name for name, its in TrainConfig.options().items() if isinstance(its.kind, Number | Whole | BatchSize)]
)
def test_no_option_takes_for_a_number_what_is_none(name: str, text: str) -> None:
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
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_no_component_takes_for_a_number_what_is_none(
    registry: Registry[Any], name: str, setting: str, kind: type, text: str
) -> None:
    expected = "a number" if kind is float else "a whole number"
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


# Names of options in errors


def test_an_error_names_an_option_as_its_reader_does(nncli: Run, folder: Path) -> None:
    X, y = np.ones((4, 1)), [0, 1, 0, 1]
    problem = "expected a whole number from 1, or full, found '0'."
    assert nncli("train", "two.csv", "--batch-size", "0").err == f"--batch-size: {problem}\n"
    Path("c.toml").write_text("batch-size = 0\n")
    assert nncli("train", "two.csv", "--config", "c.toml").err == f"c.toml: batch-size: {problem}\n"
    with pytest.raises(OptionError) as error:
        package.train(X, y, batch_size=0)
    assert str(error.value) == f"batch_size: {problem}"
    assert error.value.option == "batch_size"


def test_what_options_come_to_together_is_blamed_on_the_file_that_has_them(nncli: Run, folder: Path) -> None:
    Path("c.toml").write_text('model = "softmax"\ndropout = 0.5\n')
    problem = "model 'softmax' has no hidden layer. Give it one with --hidden 64."
    assert nncli("train", "two.csv", "--config", "c.toml", "-q").err == f"c.toml: dropout: {problem}\n"
    line = f"--dropout: {problem}\n"
    assert nncli("train", "two.csv", "--config", "c.toml", "-q", "--dropout", "0.1").err == line


def test_advice_names_options_as_its_reader_does(nncli: Run, folder: Path) -> None:
    words = ["train", "two.csv", "-m", "softmax", "--dropout", "0.5", "-q"]
    problem = "model 'softmax' has no hidden layer. Give it one with"
    assert nncli(*words).err == f"--dropout: {problem} --hidden 64.\n"
    with pytest.raises(OptionError) as error:
        package.train(np.ones((40, 1)), [0, 1] * 20, model="softmax", dropout=0.5)
    assert str(error.value) == f"dropout: {problem} hidden=64."
    with pytest.raises(DataError, match=r"class '1': expected at least 3 rows.*set val=0 or test=0"):
        package.train(np.ones((40, 1)), [0] * 39 + [1])
    with pytest.raises(OptionError, match=r"^patience: there are no validation rows\. Set val above 0\.$"):
        package.train(np.ones((40, 1)), [0, 1] * 20, patience=3, val=0)


def test_an_error_keeps_its_option_on_the_way_to_another_process() -> None:
    error = OptionError("batch_size", "expected a number, found none", f"Set {mention('optimizer', 'adam')}")
    for again in (pickle.loads(pickle.dumps(error)), NncliError.from_json(error.to_json())):
        assert again.option == "batch_size"
        assert str(again) == "--batch-size: expected a number, found none. Set --optimizer adam."
        again.in_python = True
        assert str(again) == "batch_size: expected a number, found none. Set optimizer='adam'."


@pytest.mark.parametrize("path", sorted(Path(package.__file__).parent.rglob("*.py")), ids=lambda path: path.name)
def test_errors_of_options_and_registries_are_given_names_of_fields(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("OptionError", "Registry", "mention"):
            named = node.args[0]
            assert not isinstance(named, ast.JoinedStr) or path.name == "splitting.py"
            assert not isinstance(named, ast.Constant) or str(named.value).isidentifier(), ast.unparse(node)


# Near names


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("tahn", ["tanh", "relu"], "tanh"), ("sdg", ["sgd", "adam"], "sgd"), ("batchsize", ["batch-size"],
        "batch-size"),
        ("Age", ["age"], "age"), ("spieces", ["species"], "species"), ("leaky", ["leaky-relu", "elu"], "leaky-relu"),
        ("petal", ["sepal"], ""), ("income", ["outcome"], ""), ("out", ["dropout"], ""), ("time", ["type"], ""),
        ("sex", ["age"], ""), ("width", ["depth"], ""), ("iris", ["wine"], ""),
    ],
)  # fmt: skip
def test_only_near_names_are_offered(word: str, known: list[str], near: str) -> None:
    assert did_you_mean(word, known) == (f"Did you mean '{near}'?" if near else "")


def test_a_column_that_the_model_has_found_is_not_offered_for_another(nncli: Run, folder: Path) -> None:
    Path("wide.csv").write_text("age1,age2,class\n" + "".join(f"{i % 7},{i % 5},{'pq'[i % 2]}\n" for i in range(60)))
    assert nncli("train", "wide.csv", "--epochs", "2", "-q", "-o", "wide.npz").code == 0
    Path("new.csv").write_text("age1,size\n1,2\n")
    assert nncli("predict", "wide.npz", "new.csv").err == (
        "new.csv:1: column 'age2' is missing. The columns are age1 and size.\n"
    )
    Path("new.csv").write_text("age1,age_2\n1,2\n")
    assert nncli("predict", "wide.npz", "new.csv").err == (
        "new.csv:1: column 'age2' is missing. Did you mean 'age_2'?\n"
    )


# Values in messages


def test_the_table_of_a_dry_run_writes_values_as_they_are_typed(nncli: Run, folder: Path) -> None:
    shown = nncli("train", "two.csv", "--dry-run", "-q", "--hidden", "8x4", "--batch-size", "full").out
    rows = {line.split()[0]: line.split()[1] for line in shown.splitlines() if line.strip()}
    assert (rows["hidden"], rows["batch_size"], rows["data"]) == ("8x4", "full", "two.csv")


def test_a_resume_tells_differences_as_they_are_typed(nncli: Run, folder: Path) -> None:
    words = "train two.csv --epochs 2 -q --keep-state -o m.npz"
    assert nncli(*words.split(), "--drop", "id,b", "--batch-size", "full").code == 0
    line = nncli(*words.split(), "--resume", "--drop", "id", "--batch-size", "full").err
    assert "it was started with --drop id,b, and not with id" in line
    line = nncli(*words.split(), "--resume", "--drop", "id,b", "--batch-size", "8").err
    assert "it was started with --batch-size full, and not with 8" in line


def test_a_sweep_writes_values_as_they_are_typed(nncli: Run, folder: Path) -> None:
    words = "sweep two.csv --batch-size full,8 --epochs 2 --jobs 1 -q"
    table = nncli(*words.split(), "--drop", "id,b", "--csv").out
    assert {line.split(",")[0] for line in table.splitlines()[1:]} == {"full", "8"}
    line = nncli(*words.split(), "--drop", "id").err
    assert "it has --drop id,b, not id" in line


def test_a_number_is_infinite_nowhere() -> None:
    for text in ("inf", "1e400"):
        with pytest.raises(ValueError, match="a number"):
            read_number(text)
    assert math.isfinite(read_number("1e308"))


@pytest.mark.parametrize(
    "value", [True, 0, -1, 1.5, math.inf, "", "x", [], [1], [True], [None], ["a", 1], {}, {"a": 1}]
)
@pytest.mark.parametrize("name", ["data", *TrainConfig.options()])
def test_a_model_file_may_hold_any_value_for_any_option(name: str, value: Any) -> None:
    """It is read as the same value, or refused as a damaged file is."""
    try:
        config = TrainConfig.from_json({name: value})
    except ValueError:
        return
    assert config.to_json()[name] == value


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
