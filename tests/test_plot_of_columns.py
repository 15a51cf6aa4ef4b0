"""Figures of what columns do: their importance, and the effect of one."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import partial_dependence

Run = Callable[..., Any]
CATEGORIES = {"red": 1.0, "green": 2.0, "blue": 3.0}

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


class Wrapped(ClassifierMixin, BaseEstimator):
    """A model as scikit-learn knows one: each row is a list of numbers, of which categories have their own."""

    def __init__(self, ask: Callable[[np.ndarray], np.ndarray], classes: Sequence[str]) -> None:
        self.ask, self.classes_ = ask, np.array(classes)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: np.ndarray, y: np.ndarray) -> Wrapped:
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self.ask(X)


def panels(outcome: Any) -> list[dict[str, Any]]:
    assert outcome.code == 0, outcome.err
    found: list[dict[str, Any]] = outcome.json["panels"]
    return found


def write_table(path: str = "d.csv", n: int = 300) -> np.ndarray:
    """Write numbers, a text and a class; return the rows with a number for each category."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        x, count, colour = round(rng.normal(), 3), int(rng.integers(0, 9)), [*CATEGORIES][i % 3]
        rows.append([x, count, colour, "yes" if x + count / 4 + (colour == "red") + rng.normal() / 3 > 1.3 else "no"])
    with Path(path).open("w", newline="") as file:
        csv.writer(file).writerows([["x", "count", "colour", "label"], *rows])
    return np.array([[x, count, CATEGORIES[colour]] for x, count, colour, _ in rows])


def by_predict(nncli: Run, model: str, names: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
    """Return what `predict --proba` says of rows."""
    written = {number: name for name, number in CATEGORIES.items()}

    def ask(X: np.ndarray) -> np.ndarray:
        with Path("asked.csv").open("w", newline="") as file:
            cells = (
                [written[v] if k == "colour" else v for k, v in zip(names, row, strict=True)] for row in X.tolist()
            )
            csv.writer(file).writerows([names, *cells])
        said = [*csv.reader(nncli("predict", model, "asked.csv", "--proba", "-q").out.splitlines())][1:]
        return np.array([row[1:] for row in said], float)

    return ask


def test_the_importance_is_what_explain_says(nncli: Run) -> None:
    assert nncli("train", "breast-cancer", "--epochs", 20, "-q", "-o", "m.npz").code == 0
    said = nncli("explain", "m.npz", "--json").json
    outcome = nncli("plot", "m.npz", "importance", "--json")
    (panel,), first = panels(outcome), said["importance"][:15]
    (mark,) = panel["marks"]
    assert panel["y"]["names"] == [one["column"] for one in first]
    assert mark["values"] == [one["importance"] for one in first]
    assert [*zip(mark["low"], mark["high"], strict=True)] == [tuple(one["interval"]) for one in first]
    assert "log loss" in panel["x"]["title"]
    assert f"shuffled {said['repeats']} times" in outcome.json["notes"][0]
    pair = said["correlated"][0]["columns"]
    assert f"'{pair[0]}' and '{pair[1]}'" in outcome.json["notes"][-1]


def test_a_column_without_interval_has_a_point_alone(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--epochs", 20, "-q").code == 0
    with Path("same.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["x", "count", "colour", "label"], *([i, 3, "red", "yes"] for i in range(9))])
    (panel,) = panels(nncli("plot", "model.npz", "importance", "--data", "same.csv", "--json"))
    at = panel["y"]["names"].index("count")
    assert (panel["marks"][0]["values"][at], panel["marks"][0]["low"][at]) == (0, None)
    assert nncli("plot", "model.npz", "importance", "--data", "same.csv").code == 0
    assert nncli("plot", "model.npz", "importance", "--data", "same.csv", "-o", "f.svg").code == 0


@pytest.mark.parametrize("name", ["x", "count"])
def test_the_effect_of_a_number_is_the_partial_dependence_of_scikit_learn(name: str, nncli: Run) -> None:
    X = write_table()
    assert nncli("train", "d.csv", "--hidden", "8", "--epochs", 20, "-q", "--positive", "no").code == 0
    (panel,) = panels(nncli("plot", "model.npz", "effect", name, "--data", "d.csv", "--json"))
    single, mean = panel["marks"]
    names, grid = ["x", "count", "colour"], np.array(mean["x"])
    place = names.index(name)
    classes = ["no", "yes"]
    model = Wrapped(by_predict(nncli, "model.npz", names), classes)
    expected = partial_dependence(
        model, X, [place], kind="both", method="brute", response_method="predict_proba",
        custom_values={place: grid},
    )  # fmt: skip
    # of two classes, scikit-learn has the second
    assert 1 - np.array(mean["y"]) == pytest.approx(expected["average"][0], abs=1e-5)
    lines = np.array(single["y"], float).reshape(-1, len(grid) + 1)
    assert np.isnan(lines[:, -1]).all()
    picked = np.linspace(0, 299, 30).astype(int)
    assert 1 - lines[:, :-1] == pytest.approx(expected["individual"][0][picked], abs=1e-5)
    assert panel["y"]["title"] == "probability of 'no'"
    if name == "count":
        assert grid.tolist() == [*range(9)]
    else:
        assert (grid[0], grid[-1]) == pytest.approx(np.quantile(X[:, 0], [0.05, 0.95]), abs=1e-6)
        assert np.diff(grid) == pytest.approx((grid[-1] - grid[0]) / 39)


def test_so_is_that_of_a_text_for_each_of_its_categories(nncli: Run) -> None:
    X = write_table()
    assert nncli("train", "d.csv", "--hidden", "8", "--epochs", 20, "-q").code == 0
    (panel,) = panels(nncli("plot", "model.npz", "effect", "colour", "--data", "d.csv", "--json"))
    model = Wrapped(by_predict(nncli, "model.npz", ["x", "count", "colour"]), ["no", "yes"])
    asked = [CATEGORIES[name] for name in panel["y"]["names"]]
    assert sorted(asked) == [1, 2, 3]
    expected = partial_dependence(
        model, X, [2], kind="both", method="brute", response_method="predict_proba", custom_values={2: np.array(asked)}
    )
    (mark,) = panel["marks"]
    assert mark["values"] == pytest.approx(expected["average"][0], abs=1e-5)
    low, high = np.quantile(expected["individual"][0], [0.05, 0.95], axis=0)
    assert (mark["low"], mark["high"]) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))


def test_three_classes_have_a_panel_each(nncli: Run, iris_model: Path) -> None:
    found = panels(nncli("plot", iris_model, "effect", "petal_width_cm", "--json"))
    names = ["setosa", "versicolor", "virginica"]
    assert [panel["y"]["title"] for panel in found] == [f"probability of '{name}'" for name in names]
    means = np.array([panel["marks"][1]["y"] for panel in found])
    assert means.sum(axis=0) == pytest.approx(1)
    assert means[0, 0] > means[0, -1]  # setosa has the narrowest petals


def test_of_many_classes_those_that_change_most_are_shown(nncli: Run, digits_model: Path) -> None:
    outcome = nncli("plot", digits_model, "effect", "pixel_3_4", "--json")
    assert len(panels(outcome)) == 4
    assert outcome.json["notes"][-1] == "the 4 of 10 classes that it changes most"


def test_of_many_rows_some_are_asked_and_that_is_said(nncli: Run) -> None:
    write_table(n=1200)
    assert nncli("train", "d.csv", "--epochs", 2, "-q").code == 0
    outcome = nncli("plot", "model.npz", "effect", "x", "--data", "d.csv", "--json")
    assert outcome.json["notes"] == [
        "every value is put into 500 of 1,200 rows, evenly taken to save time, in place of their own"
    ]


def test_the_effect_of_a_date_is_over_days(nncli: Run) -> None:
    days = [f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(200)]
    rows = [[day, i % 7, "late" if day > "2024-06" else "early"] for i, day in enumerate(days)]
    with Path("d.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["day", "a", "label"], *rows])
    assert nncli("train", "d.csv", "--epochs", 30, "-q").code == 0
    (panel,) = panels(nncli("plot", "model.npz", "effect", "day", "--data", "d.csv", "--json"))
    mean = panel["marks"][1]
    assert panel["x"]["title"].startswith("day, days after 2024-01-")
    assert mean["x"][0] == pytest.approx(0, abs=1)
    assert 290 < mean["x"][-1] < 365
    assert mean["y"][0] < 0.2 < 0.8 < mean["y"][-1]


def test_a_model_of_scores_has_effects_on_its_scores(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--model", "svm", "--epochs", 9, "-q").code == 0
    (panel,) = panels(nncli("plot", "model.npz", "effect", "x", "--json"))
    assert panel["y"]["title"] == "score of 'yes'"
    rises = np.diff(panel["marks"][1]["y"])
    assert rises == pytest.approx(rises[0], rel=1e-3)  # a linear model


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["effect"], "WHAT: effect: expected a column, found none. Name one, such as 'sepal_length_cm'."),
        (["effect", "petal"], "WHAT: effect: the model has no column 'petal'. The columns are sepal_length_cm, "),
        (["effect", "a", "b"], "WHAT: effect: expected at most 1 column, found 2."),
        (["importance", "a"], "WHAT: importance: expected no columns, found 1."),
    ],
)
def test_columns_that_do_not_fit_are_refused(words: list[str], line: str, nncli: Run, iris_model: Path) -> None:
    outcome = nncli("plot", iris_model, *words)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(line)


def test_a_column_without_values_has_no_effect(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--epochs", 2, "-q").code == 0
    Path("none.csv").write_text("x,count,colour,label\n1,,red,yes\n2,,red,no\n")
    outcome = nncli("plot", "model.npz", "effect", "count", "--data", "none.csv")
    assert outcome.err == "all 2 rows of none.csv: column 'count' has no value in any row.\n"
