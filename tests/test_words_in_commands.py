"""Columns of texts in all commands: ways to train, going on, ensembles, regression, answers and HTTP."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from film_reviews import write
from nncli.cli.main import main
from nncli.data.csv import header
from nncli.model import checkpoint
from nncli.training import optimum
from served import CSV, app_of, asking

Run = Callable[..., Any]
FAST = ("--ngrams", "words:1", "--hash-bits", "12", "--lr", "0.1", "--epochs", "12", "-q", "--json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts alone (t.csv), beside other columns (m.csv), and a model of each."""
    found = tmp_path_factory.mktemp("commands")
    write(found / "t.csv", 120, 1, "review label")
    write(found / "m.csv", 120, 1, "review price colour label")
    write(found / "new.csv", 40, 2, "review label")
    write(found / "r.csv", 120, 1, "review stars")
    for name in ("t", "m"):
        assert main(["train", str(found / f"{name}.csv"), *FAST, "-o", str(found / f"{name}.npz")]) == 0
    return found


def trained(nncli: Run, *words: object) -> dict[str, Any]:
    outcome = nncli("train", *words, *FAST)
    assert outcome.code == 0, outcome.err
    found: dict[str, Any] = outcome.json
    return found


WAYS = {
    "folds": ("--folds", "3"),
    "refit": ("--refit",),
    "an ensemble": ("--ensemble", "2"),
    "an ensemble with folds": ("--ensemble", "folds:3"),
    "an ensemble of networks": ("--ensemble", "2", "--hidden", "3"),
    "calibration and a threshold": ("--calibrate", "--choose-threshold", "f1"),
    "balanced classes": ("--class-weight", "balanced"),
    "weights": ("--weight", "price"),
    "float64": ("--dtype", "float64"),
    "rows on the disk": ("--memory", "400MB"),
    "a loss that is not smooth": ("--l1", "0.001"),
}


@pytest.mark.parametrize("name", WAYS)
def test_all_ways_to_train_learn_from_words(name: str, folder: Path, tmp_path: Path, nncli: Run) -> None:
    found = trained(nncli, folder / "m.csv", *WAYS[name], "-o", tmp_path / "m.npz")
    assert found["test"]["accuracy"] >= 0.8
    assert nncli("eval", tmp_path / "m.npz", folder / "m.csv", "-q").code == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--ensemble", "shared:2", "--hidden", "3"), "--ensemble: members of words share no weights"),
        (("--ensemble", "2", "--embedding", "4"), "--embedding: members of an ensemble have no embedding of words"),
        (("--model", "tabular"), "--model: tabular is for numbers and categories"),
        (("--text", "price"), "--text: expected texts in column 'price', found numbers, such as "),
    ],
)
def test_what_words_cannot_do_is_refused_in_one_line(
    more: tuple[str, ...], said: str, folder: Path, tmp_path: Path, nncli: Run
) -> None:
    outcome = nncli("train", folder / "m.csv", *FAST, *more, "-o", tmp_path / "m.npz")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert said in outcome.err
    assert not (tmp_path / "m.npz").exists()


def test_a_column_without_any_text_is_told(tmp_path: Path, nncli: Run) -> None:
    data = tmp_path / "d.csv"
    data.write_text("t,n,label\n" + "".join(f",{i % 7},{'ny'[i % 2]}\n" for i in range(60)))
    outcome = nncli("train", data, "--text", "t")
    assert outcome.code == 2
    assert outcome.err == "--text: column 't' has no text in any row. Leave it out, or drop the column with --drop t.\n"


def test_a_first_text_that_is_longer_than_the_sample_is_a_text(
    folder: Path, tmp_path: Path, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken for a number, as there was no other cell to look at."""
    monkeypatch.setattr(header, "SAMPLE_BYTES", 1 << 10)
    head, *lines = (folder / "t.csv").read_text().splitlines()
    long = " ".join(f"the {letter * 3}" for letter in "abcdefghijklmnopqrst") + " the" * 500
    (tmp_path / "long.csv").write_text("\n".join([head, f"{long},y", *lines]) + "\n")
    outcome = nncli("train", tmp_path / "long.csv", "--ngrams", "words:1", "--epochs", "1", "-o", tmp_path / "m.npz")
    assert outcome.code == 0, outcome.err
    assert "column 'review': texts, learned from by their words, hashed to 2^18 inputs" in outcome.err


def test_numbers_alone_are_no_rows_of_a_model_of_texts(folder: Path, tmp_path: Path, nncli: Run) -> None:
    (tmp_path / "d.svm").write_text("1 1:1\n0 2:1\n")
    outcome = nncli("predict", folder / "m.npz", tmp_path / "d.svm")
    told = "expected the columns of the model, also 'review' and 'colour', found numbers without names"
    assert (outcome.code, outcome.err) == (
        1,
        f"{tmp_path / 'd.svm'}: {told}. Name a table with the columns of training.\n",
    )


def test_texts_without_any_word_are_told(tmp_path: Path, nncli: Run) -> None:
    path = tmp_path / "d.csv"
    path.write_text("review,label\n" + "".join(f"--{'-' * (i % 3)},{'ny'[i % 2]}\n" for i in range(40)))
    outcome = nncli("train", path, "--text", "review", "--ngrams", "words:1", "-q", "-o", tmp_path / "m.npz")
    assert outcome.code == 0, outcome.err
    assert "warning: no words in the training texts ('review'): nothing is learned from them" in outcome.err


def test_going_on_learns_words_that_were_not_known(folder: Path, tmp_path: Path, nncli: Run) -> None:
    """Of a word that only new rows have, the first model can say nothing, and the second one does."""
    new = tmp_path / "new.csv"
    cells = (f"the film was {word} in town {i}" for i, word in itertools.product(range(60), ("splendid", "ghastly")))
    labels = itertools.cycle("yn")
    new.write_text("review,label\n" + "".join(f"{cell},{label}\n" for cell, label in zip(cells, labels, strict=False)))
    assert nncli("train", new, "--from", folder / "t.npz", "--epochs", "20", "-q", "-o", tmp_path / "on.npz").code == 0
    told = {}
    for name, path in {"before": folder / "t.npz", "after": tmp_path / "on.npz"}.items():
        outcome = nncli("predict", path, "-", "--proba", stdin="review\nsplendid\nghastly\n")
        told[name] = [float(row["p_y"]) for row in csv.DictReader(outcome.out.splitlines())]
    assert told["before"][0] == told["before"][1]
    assert told["after"][0] > 0.6 > 0.4 > told["after"][1]


@pytest.mark.parametrize("more", [(), ("--refit-scaling",)])
def test_going_on_takes_words_beside_other_columns(
    more: tuple[str, ...], folder: Path, tmp_path: Path, nncli: Run
) -> None:
    """Inputs of words come behind those of a category that is new."""
    new = write(tmp_path / "new.csv", 60, 3, "review price colour label")
    new.write_text(new.read_text().replace(",red,", ",green,"))
    words = ["train", new, "--from", folder / "m.npz", "--epochs", "1", *more, "-q", "-o", tmp_path / "on.npz"]
    assert nncli(*words).code == 0
    old, found = (checkpoint.load(path)[0].preprocess for path in (folder / "m.npz", tmp_path / "on.npz"))
    assert found.categories["colour"] == ("blue", "green", "red")
    assert (found.width, found.n_others) == (old.width + 1, old.n_others + 1)


def test_a_number_is_learned_from_words(folder: Path, tmp_path: Path, nncli: Run) -> None:
    """Two of three words say the number but for a noise of 0.1, where guessing the mean is wrong by 1.5."""
    words = ["train", folder / "r.csv", "--target", "stars", "--ngrams", "words:1", "--json", "-q"]
    found = nncli(*words, "-o", tmp_path / "m.npz").json
    assert found["model"].startswith("linear")
    assert found["test"]["rmse"] < 0.5


def test_least_squares_of_more_inputs_than_can_be_solved_for_goes_to_its_end(
    tmp_path: Path, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """scikit-learn's solution has R² = 1 on rows without noise, and one step of a search would not."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 8))
    y = X @ np.arange(8.0)
    np.savez(tmp_path / "d.npz", X=X, y=y)
    monkeypatch.setattr(optimum.least_squares, "MOST_INPUTS", 4)
    words = ["train", tmp_path / "d.npz", "--model", "linear", "--task", "regression", "-q", "--json"]
    found = nncli(*words, "-o", tmp_path / "m.npz").json
    assert LinearRegression().fit(X, y).score(X, y) == pytest.approx(1)
    assert found["test"]["r2"] > 0.999
    outcome = nncli(*words, "--optimizer", "exact", "-o", tmp_path / "n.npz")
    said = "--optimizer: the optimum is worked out for at most 4 inputs, found 8. Use --optimizer lbfgs.\n"
    assert (outcome.code, outcome.err) == (2, said)


def test_texts_without_a_word_of_training_are_answered_and_counted(folder: Path, tmp_path: Path, nncli: Run) -> None:
    """Two texts have no word that training had, and a third one has no word at all."""
    new = tmp_path / "new.csv"
    new.write_text("review\nqwertz uiop\na lovely film\n\nyxcvb\n")
    outcome = nncli("predict", folder / "t.npz", new, "--guard", tmp_path / "g.json")
    assert outcome.out.count("\n") == 5
    assert "column 'review': 3 texts have none of the words of training\n" in outcome.err
    assert json.loads((tmp_path / "g.json").read_text())["unknown_texts"] == {"review": 3}
    both = nncli("predict", folder / "t.npz", new, new, "--proba")
    assert "column 'review': 6 texts have none of the words of training\n" in both.err
    assert "none of the words" not in nncli("predict", folder / "t.npz", folder / "new.csv").err


def test_rows_that_are_judged_count_their_unfamiliar_cells(folder: Path, tmp_path: Path, nncli: Run) -> None:
    """As `predict` does: three texts without a word of training, of which one is empty, and three cells of two colours
    that it has not seen."""
    model, new, guard = folder / "m.npz", tmp_path / "new.csv", tmp_path / "g.json"
    rows = ["qwertz,1,red,n", "a lovely film,1,green,y", ",1,gold,y", "yxcvb,1,gold,n", "a dull day,1,blue,n"]
    new.write_text("\n".join(["review,price,colour,label", *rows]) + "\n")
    lines = [
        "column 'colour': 3 cells with a category that the model has not seen",
        "column 'review': 3 texts have none of the words of training",
    ]
    for command in (["predict", model], ["eval", model, "--guard", guard], ["eval", model, model]):
        outcome = nncli(*command, new)
        assert [line for line in outcome.err.splitlines() if "texts have" in line or "cells with" in line] == lines
    assert json.loads(guard.read_text())["unknown_texts"] == {"review": 3}
    assert [line for line in nncli("explain", model, new).err.splitlines() if line in lines] == lines
    assert "of the words" not in nncli("eval", model).err  # of its own test rows nothing is told


def test_a_number_that_is_judged_by_texts_counts_those_without_a_word_of_training(
    folder: Path, tmp_path: Path, nncli: Run
) -> None:
    words = [
        "train",
        folder / "r.csv",
        "-t",
        "stars",
        "--ngrams",
        "words:1",
        "--hash-bits",
        "16",
        "--epochs",
        "1",
        "-q",
    ]
    assert nncli(*words, "-o", tmp_path / "r.npz").code == 0
    (tmp_path / "new.csv").write_text("review,stars\nqwertz,1\na lovely film,2\n")
    outcome = nncli("eval", tmp_path / "r.npz", tmp_path / "new.csv", "--guard", tmp_path / "g.json")
    assert "column 'review': 1 text has none of the words of training\n" in outcome.err
    assert json.loads((tmp_path / "g.json").read_text())["unknown_texts"] == {"review": 1}


def test_strict_stops_at_a_text_without_a_word_of_training(folder: Path, tmp_path: Path, nncli: Run) -> None:
    new = tmp_path / "new.csv"
    for cell, found in {"qwertz": "'qwertz'", "": "an empty cell"}.items():
        new.write_text(f"review,label\na lovely film,y\na dull day,y\n{cell},n\nyxcvb,n\n")
        line = (
            f"{new}: row 3: column 'review': expected a text with words of training, found {found}. Correct it, leave "
            "the row out, or leave --strict out.\n"
        )
        stopped = nncli("predict", folder / "t.npz", new, "--strict", "-q")
        assert (stopped.code, stopped.err, stopped.out.count("\n")) == (1, line, 3)
        judged = nncli("eval", folder / "t.npz", new, "--strict", "-q")
        assert (judged.code, judged.err, judged.out) == (1, line, "")
    new.write_text("review,label\na lovely film,y\n")
    assert nncli("predict", folder / "t.npz", new, "--strict").code == 0
    assert nncli("eval", folder / "t.npz", new, "--strict").code == 0


def test_embeddings_of_texts_without_a_word_of_training_are_counted(folder: Path, tmp_path: Path, nncli: Run) -> None:
    own = ["--hidden", "2", "--ngrams", "words:1", "--hash-bits", "12", "--epochs", "1", "-q", "-o", tmp_path / "h.npz"]
    assert nncli("train", folder / "t.csv", *own).code == 0
    outcome = nncli("predict", tmp_path / "h.npz", "-", "--embed", stdin="review\nqwertz\na lovely film\n")
    assert outcome.err == "column 'review': 1 text has none of the words of training\n"


@pytest.mark.long
def test_workers_count_texts_without_a_word_of_training(folder: Path, tmp_path: Path, nncli: Run) -> None:
    new = tmp_path / "new.csv"
    new.write_text("review\nqwertz uiop\na lovely film\n")
    words = ["predict", folder / "t.npz", new, new, "--jobs", "2", "--guard", tmp_path / "g.json"]
    assert "column 'review': 2 texts have none of the words of training\n" in nncli(*words).err
    assert json.loads((tmp_path / "g.json").read_text())["unknown_texts"] == {"review": 2}


def test_serve_warns_of_texts_without_a_word_of_training(folder: Path) -> None:
    with asking(app_of(folder / "t.npz")) as client:
        one = client.post("/predict", json={"review": "qwertz"}).json()
        assert one["warnings"] == ["column 'review': it has none of the words of training"]
        many = client.post("/predict", content="review\nqwertz\na lovely film\n", headers=CSV).text
        assert many.count("none of the words of training") == 1
        assert client.get("/guard").json()["unknown_texts"] == {"review": 2}
        [column] = client.get("/model").json()["columns"]
        assert column == {"name": "review", "kind": "text", "categories": [], "words": True}
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        assert "a text, of which the words count" in json.dumps(schemas)


def test_resuming_a_run_of_words_gives_the_same_bytes(folder: Path, tmp_path: Path, nncli: Run) -> None:
    whole, part = tmp_path / "whole.npz", tmp_path / "part.npz"
    own = ["--ngrams", "words:1", "--hash-bits", "12", "--schedule", "constant", "-q", "--keep-state"]
    assert nncli("train", folder / "m.csv", *own, "--epochs", "4", "-o", whole).code == 0
    assert nncli("train", folder / "m.csv", *own, "--epochs", "2", "-o", part).code == 0
    assert nncli("train", part, "--resume", "--epochs", "4", "-q").code == 0
    np.testing.assert_array_equal(*(checkpoint.load(path)[0].network.theta for path in (whole, part)))


def test_rows_on_the_disk_train_the_same_model(folder: Path, tmp_path: Path, nncli: Run) -> None:
    for name, more in {"a": (), "b": ("--memory", "400MB")}.items():
        trained(nncli, folder / "m.csv", *more, "-o", tmp_path / f"{name}.npz")
    first, second = (checkpoint.load(tmp_path / f"{name}.npz")[0].network.theta for name in "ab")
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-7)
