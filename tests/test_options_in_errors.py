"""Errors name options as their reader writes them, `--val` on the command line, `val` in Python, and near names too."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nncli as package
from csv_reading import load
from nncli.config.train_config import TrainConfig
from nncli.data.csv.encoding import guessed_encoding
from nncli.data.group_split import group_folds
from nncli.data.time_split import time_fold
from nncli.errors import DataError, NncliError, OptionError, did_you_mean, mention
from nncli.training.prepare import prepare

Run = Callable[..., Any]
FOUR, ROWS = np.arange(4) % 2, "".join(f"{i},{i % 7},{'pq'[i // 2 % 2]}\n" for i in range(40))
CASES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "folds of groups": (lambda: group_folds(FOUR, FOUR, 3, 0, "d", "g"), "fewer --folds.", "fewer folds."),
    "folds of time": (lambda: time_fold(FOUR.astype(float), 0, 2, "d", "t"), "fewer --folds.", "fewer folds."),
    "validation rows": (
        lambda: prepare(TrainConfig.from_values({"data": "moons", "val": "0", "choose_threshold": "f1"})),
        "Set --val above 0.",
        "Set val above 0.",
    ),
    "a cell": (
        lambda: load("a,b,y\n" + ROWS + "none,1,p\n"),
        "Add --missing none, read the column as text with --categorical a, or leave it out with --drop a.",
        "Add missing='none', read the column as text with categorical='a', or leave it out with drop='a'.",
    ),
    "a large number": (lambda: load("a,b,y\n" + ROWS + "1e39,1,p\n"), "Use --dtype float64,", "Use dtype='float64',"),
    "a footer": (
        lambda: load("a,b,y\n" + ROWS + "made by hand\n"),
        "with --rows 1:40",
        "with rows='1:40'",
    ),
    "another table": (
        lambda: load("a,b,y\n" + ROWS + "\nx,y\n1,2\n1,2\n1,2\n"),
        "with --rows 1:40",
        "with rows='1:40'",
    ),
    "an encoding": (
        lambda: guessed_encoding("a,b\n1,2\n".encode("utf-16-le"), "d"),
        "Add --encoding utf-16-le.",
        "Add encoding='utf-16-le'.",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_option_is_written_as_its_reader_has_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failing, on_the_command_line, in_python = CASES[name]
    with pytest.raises(NncliError) as caught:
        failing()
    assert on_the_command_line in str(caught.value)
    monkeypatch.setattr(NncliError, "in_python", True)
    assert in_python in str(caught.value)
    assert "--" not in str(caught.value)


def test_values_are_quoted_as_a_shell_needs_it() -> None:
    error = NncliError("d.csv", "found it", f"Add {mention('missing', 'not known')}")
    assert str(error) == "d.csv: found it. Add --missing 'not known'."


def test_an_error_names_an_option_as_its_reader_does(nncli: Run, folder: Path) -> None:
    X, y = np.ones((4, 1)), [0, 1, 0, 1]
    problem = "expected a whole number from 1, or full, found '0'."
    assert nncli("train", "two.csv", "--batch-size", "0").err == f"--batch-size: {problem}\n"
    Path("c.toml").write_text("batch-size = 0\n")
    assert nncli("train", "two.csv", "--config", "c.toml").err == f"c.toml: batch-size: {problem}\n"
    with pytest.raises(OptionError) as error:
        package.NNClassifier(batch_size=0).fit(X, y)
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
        package.NNClassifier(model="softmax", dropout=0.5).fit(np.ones((40, 1)), [0, 1] * 20)
    assert str(error.value) == f"dropout: {problem} hidden=64."
    with pytest.raises(DataError, match=r"class '1': expected at least 3 rows.*set val=0 or test=0"):
        package.NNClassifier(val=0.15, test=0.15).fit(np.ones((40, 1)), [0] * 39 + [1])
    with pytest.raises(OptionError, match=r"^patience: there are no validation rows\. Set val above 0\.$"):
        package.NNClassifier(patience=3, val=0).fit(np.ones((40, 1)), [0, 1] * 20)


def test_an_error_keeps_its_option_on_the_way_to_another_process() -> None:
    error = OptionError("batch_size", "expected a number, found none", f"Set {mention('optimizer', 'adam')}")
    for again in (pickle.loads(pickle.dumps(error)), NncliError.from_json(error.to_json())):
        assert again.option == "batch_size"
        assert str(again) == "--batch-size: expected a number, found none. Set --optimizer adam."
        again.in_python = True
        assert str(again) == "batch_size: expected a number, found none. Set optimizer='adam'."


def test_errors_of_options_and_registries_are_given_names_of_fields() -> None:
    named = re.compile(r"\b(?:OptionError|Registry|mention)\(")
    for path in Path(package.__file__).parent.rglob("*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if named.search(text) else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("OptionError", "Registry", "mention"):
                first = node.args[0]
                assert not isinstance(first, ast.JoinedStr) or path.name == "splitting.py", path
                assert not isinstance(first, ast.Constant) or str(first.value).isidentifier(), (path, ast.unparse(node))


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
        "new.csv:1: column 'age2' is missing. The columns are age1 and size. "
        "If that line is a row, write the names of the columns above it.\n"
    )
    Path("new.csv").write_text("age1,age_2\n1,2\n")
    assert nncli("predict", "wide.npz", "new.csv").err == (
        "new.csv:1: column 'age2' is missing. Did you mean 'age_2'?\n"
    )


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
