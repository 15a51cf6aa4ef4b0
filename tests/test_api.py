from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine

import nncli
from nncli import train
from nncli.errors import DataError, OptionError, OutputError, TrainingError, UsageError

Run = Callable[..., Any]


@pytest.fixture
def nncli_command(request: pytest.FixtureRequest) -> Run:
    """The command line, under a name that is not the package's."""
    return request.getfixturevalue("nncli")


def test_train_save_load_predict(tmp_path: Path) -> None:
    X, y = load_wine(return_X_y=True)
    model = nncli.train(X, y, model="mlp", hidden=16, epochs=40, seed=3)
    assert model.figures["test"]["accuracy"] > 0.85
    model.save(tmp_path / "m.npz")
    again = nncli.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(model.predict(X), again.predict(X))
    assert (again.predict(X) == y.astype(str)).mean() > 0.9
    np.testing.assert_allclose(again.predict_proba(X).sum(axis=1), 1, rtol=1e-5)


def test_columns_by_name_with_text() -> None:
    n = 200
    columns = {"size": np.arange(n) % 7, "kind": ["a" if i % 2 else "b" for i in range(n)]}
    model = nncli.train(columns, np.arange(n) % 2, epochs=60)
    assert model.figures["test"]["accuracy"] == 1
    assert model.predict({"kind": ["a", "b"], "size": [1, 1], "more": [0, 0]}).tolist() == ["1", "0"]


def test_a_model_file_of_the_command_line(iris_model: Path) -> None:
    X, y = load_iris(return_X_y=True)
    found = nncli.load(iris_model).predict(X)
    assert (found == np.array(["setosa", "versicolor", "virginica"])[y]).mean() > 0.9


def test_the_command_line_reads_rows_for_a_model_of_arrays(nncli_command: Run, tmp_path: Path) -> None:
    X, y = load_iris(return_X_y=True)
    nncli.train(X, y, epochs=30).save(tmp_path / "m.npz")
    predicted = nncli.load(tmp_path / "m.npz").predict(X).tolist()
    rows = [[repr(float(value)) for value in row] for row in X]
    for name, header, labelled in [("bare", [], False), ("named", ["x0", "x1", "x2", "x3"], False), ("y", [], True)]:
        lines = [header] if header else []
        lines += [[*row, str(label)] if labelled else row for row, label in zip(rows, y, strict=True)]
        (tmp_path / f"{name}.csv").write_text("".join(",".join(line) + "\n" for line in lines))
        outcome = nncli_command("predict", tmp_path / "m.npz", tmp_path / f"{name}.csv")
        assert outcome.out.split()[1:] == predicted, outcome.err
    accuracy = nncli_command("eval", tmp_path / "m.npz", tmp_path / "y.csv", "--json", "-q").json["accuracy"]
    assert accuracy == (np.array(predicted) == y.astype(str)).mean()


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        (np.ones(3), [0, 1, 0], {}, "X: expected numbers of shape (n, d), found float64 of shape (3,)."),
        (np.ones((3, 2)), [0, 1], {}, "y: expected 3 classes, one for each row of X, found 2."),
        (np.ones((3, 2)), [1, 1, 1], {}, "y: expected two or more classes, found 1."),
        (np.full((3, 2), np.inf), [0, 1, 1], {},
         "X: row 0, column 0: expected a finite number that fits float32, found infinity."),
        (np.ones((3, 2)), [0, 1, 1], {"hiden": 3}, "hiden: train() has no such option. Did you mean 'hidden'?"),
        (np.ones((3, 2)), [0, 1, 1], {"lr": -1}, "lr: expected a number above 0, found '-1'."),
    ],
)  # fmt: skip
def test_bad_input_is_explained(X: object, y: object, options: dict[str, object], message: str) -> None:
    with pytest.raises((DataError, OptionError)) as error:
        nncli.train(X, y, **options)
    assert str(error.value) == message


def test_a_time_limit_too_short_for_an_epoch_is_a_training_error() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(
        TrainingError, match="time_limit: expected time for one epoch at least, found 1e-09 s too short"
    ):
        nncli.train(X, np.arange(60) % 2, time_limit=1e-9)


def test_scores_and_embeddings_have_a_row_for_each_row() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = (X[:, 0] > 0).astype(int)
    model = nncli.train(X, y, model="logistic", epochs=20)
    Z = model.scores(X)
    assert Z.shape == (60, 2)
    np.testing.assert_allclose(1 / (1 + np.exp(-Z[:, 1])), model.predict_proba(X)[:, 1], rtol=1e-5)
    with pytest.raises(UsageError, match="embed: model 'logistic' has no hidden layer"):
        model.embed(X)
    assert nncli.train(X, y, hidden=5, epochs=2).embed(X).shape == (60, 5)


def test_scores_are_no_probabilities() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = nncli.train(X, (X[:, 0] > 0).astype(int), model="svm", epochs=20)
    with pytest.raises(UsageError, match="svm gives scores, not probabilities"):
        model.predict_proba(X)
    assert model.predict(X).tolist() == [model.classes[k] for k in model.scores(X).argmax(axis=1)]


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(OptionError) as error:
        nncli.train(np.zeros((4, 1)), [0, 1, 0, 1], epochs=np.ones(150))
    assert str(error.value).startswith("epochs: expected a whole number from 1, found '[1. 1. 1.")
    assert len(str(error.value)) < 120


def test_a_hyphen_is_a_file_name_in_python_and_no_option_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    model = nncli.train(*load_iris(return_X_y=True), epochs=1)
    model.save("-")
    assert capfd.readouterr().out == ""
    assert nncli.load("-").classes == ("0", "1", "2")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=r"folder: cannot write: it is a folder\. Choose another place\.$"):
        model.save("folder")


@pytest.mark.parametrize("is_number", [True, False], ids=["numbers", "classes"])
def test_intervals_are_those_of_predict(is_number: bool, nncli: Callable[..., Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 2))
    y = X @ [2, 1] + rng.normal(size=300) if is_number else np.where(X[:, 0] + rng.normal(size=300) > 0, "b", "a")
    model = train(X, y, model="linear" if is_number else "softmax")
    model.save(tmp_path / "m.npz")
    np.savetxt(tmp_path / "x.csv", X, delimiter=",", header="x0,x1", comments="")
    rows = nncli("predict", tmp_path / "m.npz", tmp_path / "x.csv", "--interval", 0.8, "-q").out.split()[1:]
    found = model.interval(X, 0.8)
    if is_number:
        np.testing.assert_allclose(found, [[float(one) for one in row.split(",")[1:]] for row in rows], atol=1e-4)
    else:
        assert [{*row.split(",")[1].split("|")} - {""} for row in rows] == [
            {name for name, is_in in zip("ab", each, strict=True) if is_in} for each in found
        ]
    with pytest.raises(UsageError, match="between 0 and 1"):
        model.interval(X, 90)
