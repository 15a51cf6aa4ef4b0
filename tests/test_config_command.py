# ruff: noqa: E501  (options and messages stand on one line each)
"""nncli config writes the options of a model or a run, such that train does that run."""

from __future__ import annotations

import os
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nncli.config.train_config import TrainConfig
from nncli.data.bundled import path_of
from nncli.model import checkpoint

Run = Callable[..., Any]
ODD = '"a,b"," x ",kind,day,y\n' + "".join(
    f"{i % 7},{i % 3 - 1.5},{'pqr'[i % 3]},2024-01-{i % 28 + 1:02},{'no' if i * i % 7 < 3 else 'yes'}\n"
    for i in range(90)
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd data.csv").write_text(ODD)


def written(nncli: Run, *words: object) -> dict[str, Any]:
    """Write run.toml, and read it with Python's own reader."""
    found = nncli("config", *words)
    assert (found.code, found.err) == (0, "")
    Path("run.toml").write_text(found.out)
    return tomllib.loads(found.out)


@pytest.mark.parametrize(
    "words",
    [
        "iris --hidden 8x4 --activation relu,tanh --epochs 3 --batch-size full --seed 5",
        "wine --model perceptron --epochs 3 --scale minmax --test 0",
        "wine --model softmax --folds 3x2 --epochs 2 --class-weight balanced --l2 1e-7",
        "iris -t petal_width_cm --drop class --refit --epochs 3 --lr 3e-05",
        "odd\\ data.csv -t y --drop '\"a,b\"' --categorical kind --val-data odd\\ data.csv --epochs 2",
        "odd\\ data.csv -t -1 --model logistic --positive no --choose-threshold f1 --calibrate --no-header --skip-rows 1 --epochs 2",
        "odd\\ data.csv -t y --cost missed=5,false-alarm=1 --group kind --epochs 2",
        pytest.param("iris --reference linear --epochs 2", marks=pytest.mark.long),
        "odd\\ data.csv -t y --time day --dtype float64 --metric mcc --optimizer momentum:mu=0.95 --epochs 2",
    ],
)  # fmt: skip
def test_a_model_is_trained_again_to_the_same_bytes(words: str, nncli: Run) -> None:
    done = nncli("train", *shlex.split(words), "-q", "--json", "-o", "first.npz")
    assert done.code == 0, done.err
    written(nncli, "first.npz")
    assert nncli("train", "--config", "run.toml", "-q", "--json", "-o", "second.npz").code == 0
    assert Path("second.npz").read_bytes() == Path("first.npz").read_bytes()


def test_a_model_that_was_chosen_is_trained_again_but_for_the_note_that_says_so(nncli: Run) -> None:
    rows = [f"I said that it was {'good' if i % 2 else 'bad'} in part {i},{'ab'[i % 2]}\n" for i in range(60)]
    Path("texts.csv").write_text("text,label\n" + "".join(rows))
    options = ["texts.csv", "--text", "text", "--hash-bits", 10, "-q"]
    assert nncli("train", *options, "-o", "first.npz").code == 0
    written(nncli, "first.npz")
    assert nncli("train", "--config", "run.toml", "-q", "-o", "second.npz").code == 0
    (one, first), (other, second) = (checkpoint.load(Path(f"{name}.npz")) for name in ("first", "second"))
    assert one.network.theta.tobytes() == other.network.theta.tobytes()
    notes = [[note for note in its.notes if not note.startswith("chosen: ")] for its in (first, second)]
    assert (notes[0], len(first.notes) - len(second.notes)) == (notes[1], 1)


def test_the_winner_of_a_sweep_is_trained_again_to_the_same_bytes(nncli: Run) -> None:
    nncli("sweep", "iris", "--lr", "0.1,0.01", "--epochs", 2, "--jobs", 1, "-q", "-o", "first.npz")
    written(nncli, "first.npz")
    nncli("train", "--config", "run.toml", "-q", "--json", "-o", "second.npz")
    assert Path("second.npz").read_bytes() == Path("first.npz").read_bytes()


def test_what_is_given_stands_in_the_place_of_what_the_model_has(nncli: Run) -> None:
    nncli("train", "iris", "--epochs", 2, "--lr", 0.1, "-q", "-o", "m.npz")
    options = written(nncli, "m.npz", "--lr", 0.01, "--dropout", 0.2)
    assert (options["data"], options["epochs"], options["lr"], options["dropout"]) == (["iris"], 2, 0.01, 0.2)


def test_a_run_that_is_to_come_has_what_is_given_and_nothing_else(nncli: Run) -> None:
    words = [
        "odd data.csv",
        "-t",
        'a"\\b',
        "--drop",
        '"a,b",z',
        "--rows",
        "1:80",
        "--no-header",
        "--batch-size",
        "full",
    ]
    assert written(nncli, *words) == {
        "data": ["odd data.csv"],
        "target": 'a"\\b',
        "drop": ["a,b", "z"],
        "rows": "1:80",
        "header": False,
        "batch-size": "full",
    }


def test_alone_it_writes_every_option_of_train_as_a_comment(nncli: Run) -> None:
    text = nncli("config").out
    assert tomllib.loads(text) == {}
    its = {
        line[1:].partition(" =")[0].replace("-", "_") for line in text.splitlines() if line[:1] == "#" != line[:2][1:]
    }
    its = {name for name in its if not name.startswith(" ")}
    assert {*TrainConfig.options(), "data", "out", "log", "reference", "save_every", "memory", "quiet"} <= its
    assert its & {"config_file", "config", "resume", "dry_run", "help"} == set()
    assert max(map(len, text.splitlines())) <= 80


def test_what_stands_as_a_default_is_the_default(nncli: Run) -> None:
    """With every # before an option that has a default value taken away, the run is that of no options."""
    usual = [line[1:] for line in nncli("config").out.splitlines() if line[:1] == "#" and line[1:2].isalpha()]
    kept = [line for line in usual if not any(c.isupper() for c in line) and not line.startswith(("header", "json"))]
    assert len(kept) > 12
    Path("run.toml").write_text(
        "\n".join([*kept, 'data = ["iris"]', "epochs = 2", ""]).replace('data = ["digits"]\n', "")
    )
    assert nncli("train", "--config", "run.toml", "-q", "-o", "a.npz").code == 0
    nncli("train", "iris", "--epochs", 2, "-q", "-o", "b.npz")
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()


def test_values_that_can_be_listed_are_listed(nncli: Run) -> None:
    text = " ".join(nncli("config").out.replace("\n#", " ").split())
    for option in TrainConfig.options().values():
        for word in option.kind.words():
            assert word in text


def test_the_file_is_utf_8_whatever_the_locale(nncli: Run) -> None:
    Path("größe 𝛼.csv").write_text(ODD)
    assert written(nncli, "größe 𝛼.csv", "-t", "\x7fé") == {"data": ["größe 𝛼.csv"], "target": "\x7fé"}


def test_a_name_that_no_toml_can_hold_is_refused(nncli: Run) -> None:
    name = os.fsdecode(b"d\xff.csv")
    found = nncli("config", name)
    assert (found.code, found.out) == (1, "")
    assert (
        found.err
        == "data: expected names in UTF-8, as a TOML file has them, found a byte that is not. Rename the file.\n"
    )


def test_a_model_that_is_not_there_is_no_data(nncli: Run) -> None:
    found = nncli("config", "modle.npz")
    line = "modle.npz: cannot read the model: No such file or directory. Make one with: nncli train.\n"
    assert (found.code, found.out, found.err) == (1, "", line)


def test_a_model_that_went_on_from_another_says_so(nncli: Run) -> None:
    header, *rows = path_of("iris").read_text().splitlines(keepends=True)
    for name, its in (("old.csv", rows[::2]), ("new.csv", rows[1::2])):
        Path(name).write_text(header + "".join(its))
    how = ["--epochs", 2, "-q", "--json"]
    nncli("train", "old.csv", *how, "-o", "first.npz")
    nncli("train", "new.csv", *how, "--from", "first.npz", "--replay", "old.csv", "-o", "second.npz")
    found = nncli("config", "second.npz")
    line = "note: second.npz went on from another model: the same run needs that too, as from in the file\n"
    assert (found.code, found.err) == (0, line)
    Path("run.toml").write_text(found.out.replace('#from = "MODEL"', 'from = "first.npz"\nreplay = ["old.csv"]'))
    done = nncli("train", "--config", "run.toml", "-q", "--json", "-o", "third.npz")
    assert done.code == 0, done.err
    assert done.json["from"]["model"] == "first.npz"
    assert Path("third.npz").read_bytes() == Path("second.npz").read_bytes()


def test_data_from_python_are_said_to_be(nncli: Run) -> None:
    from sklearn.datasets import load_iris

    from nncli import NNClassifier

    NNClassifier(epochs=2).fit(*load_iris(return_X_y=True)).save("m.npz")
    options = written(nncli, "m.npz")
    assert "data" not in options
    assert options["epochs"] == 2
    assert "# The data were arrays from Python." in Path("run.toml").read_text()
