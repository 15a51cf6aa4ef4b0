"""`explain --coefficients` has the weights of a linear model in the units of the columns, and how sure they are."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from nncli.explain.retraining import prepare_again, train_on_resampled
from nncli.model import checkpoint

Run = Callable[..., Any]
OPTIMUM = ["--optimizer", "lbfgs", "--batch-size", "full", "--schedule", "constant", "--val", 0, "--epochs", 300]
OPTIMUM += ["--l2", 0, "-q", "--json"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def write_table(n: int = 300, classes: int = 2) -> list[dict[str, str]]:
    """Write numbers of two sizes, a text, a date and a class that depends on all of them."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        age, income, sex = rng.normal(40, 10), rng.normal(30_000, 9000), ["male", "female"][i % 2]
        day = date(2024, 1, 1) + timedelta(days=int(rng.integers(300)))
        level = (age - 40) / 10 + (income - 30_000) / 9000 + (sex == "male") + day.month / 12 + rng.logistic()
        label = ["no", "maybe", "yes"][int(level > 0.5) + int(level > 2)] if classes > 2 else ["no", "yes"][level > 1]
        rows.append({"age": f"{age:.2f}", "income": f"{income:.2f}", "sex": sex, "day": str(day), "label": label})
    with Path("d.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return rows


@pytest.mark.parametrize("model", ["logistic", "softmax"])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_row_is_predicted_by_hand(nncli: Run, model: str, classes: int) -> None:
    rows = write_table(classes=classes)
    assert nncli("train", "d.csv", "--model", model, "--epochs", 30, "--dtype", "float64", "-q", "--json").code == 0
    found = nncli("explain", "model.npz", "--coefficients", "--bootstrap", 0, "--json").json["coefficients"]
    answers = [*csv.DictReader(io.StringIO(nncli("predict", "model.npz", "d.csv", "--proba").out))]
    names = sorted({row["label"] for row in rows})
    for name in {one["class"] for one in found}:
        of = {(one["column"], one["part"]): one["coefficient"] for one in found if one["class"] == name}
        (since,) = (part for column, part in of if column == "day" and part.startswith("days since "))
        first = date.fromisoformat(since.removeprefix("days since "))
        for row, answer in zip(rows[:20], answers, strict=False):
            day = date.fromisoformat(row["day"])
            lead = of["(intercept)", ""] + of["age", ""] * float(row["age"]) + of["income", ""] * float(row["income"])
            lead += of["sex", row["sex"]] + of["day", since] * (day - first).days
            lead += of["day", "day of the year"] * day.timetuple().tm_yday + of["day", "weekday"] * day.weekday()
            p = {own: float(answer[f"p_{own}"]) for own in names}
            if model == "logistic" and classes == 3:  # each against the rest, as shares of their sum
                leads = {one: _lead(found, one, row, first, since) for one in names}
                shares = {one: 1 / (1 + math.exp(-value)) for one, value in leads.items()}
                assert p[name] == pytest.approx(shares[name] / sum(shares.values()), rel=1e-6)
                continue
            expected = np.mean([math.log(p[name] / p[other]) for other in names if other != name])
            assert lead == pytest.approx(expected, rel=1e-6, abs=1e-9)


def _lead(found: list[dict[str, Any]], name: str, row: dict[str, str], first: date, since: str) -> float:
    of = {(one["column"], one["part"]): one["coefficient"] for one in found if one["class"] == name}
    day = date.fromisoformat(row["day"])
    values = {("age", ""): float(row["age"]), ("income", ""): float(row["income"]), ("sex", row["sex"]): 1.0}
    values |= {("day", since): (day - first).days, ("day", "weekday"): day.weekday(), ("(intercept)", ""): 1.0}
    values |= {("day", "day of the year"): day.timetuple().tm_yday}
    return sum(of[term] * value for term, value in values.items())


def test_the_first_category_is_the_one_that_others_are_compared_with(nncli: Run) -> None:
    write_table()
    nncli("train", "d.csv", "--model", "logistic", "--epochs", 9, "-q", "--json")
    found = nncli("explain", "model.npz", "--coefficients", "--bootstrap", 0, "--json").json["coefficients"]
    of = {one["part"]: one for one in found if one["column"] == "sex"}
    assert (of["female"]["coefficient"], of["female"]["odds_ratio"], [*of]) == (0, 1, ["female", "male"])
    assert of["male"]["odds_ratio"] == pytest.approx(math.exp(of["male"]["coefficient"]))


def test_at_the_optimum_they_are_those_of_sklearn_and_spread_as_the_information_says(nncli: Run) -> None:
    rng = np.random.default_rng(3)
    X = rng.normal([50, -3], [20, 0.5], size=(800, 2))
    y = (0.05 * (X[:, 0] - 50) - 1.5 * (X[:, 1] + 3) + rng.logistic(size=800) > 0).astype(int)
    np.savetxt("two.csv", np.column_stack([X, y]), delimiter=",", header="a,b,y", comments="")
    train = nncli("train", "two.csv", "--model", "logistic", "--test", 0, "--dtype", "float64", *OPTIMUM)
    assert train.code == 0, train.err
    found = nncli("explain", "model.npz", "--coefficients", "--json").json
    ours, intervals = ([one[key] for one in found["coefficients"]] for key in ("coefficient", "interval"))
    known = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X, y)
    assert ours == pytest.approx([known.intercept_[0], *known.coef_[0]], rel=1e-3)
    p = known.predict_proba(X)[:, 1]
    ones = np.column_stack([np.ones(len(X)), X])
    errors = np.sqrt(np.diag(np.linalg.inv(ones.T * (p * (1 - p)) @ ones)))
    assert [(high - low) / 2 / 1.96 for low, high in intervals] == pytest.approx(errors, rel=0.25)
    assert found["bootstrap"] == 100


def test_of_more_classes_they_are_those_of_sklearn_around_the_mean_of_the_others(nncli: Run) -> None:
    options = ["--model", "softmax", "--test", 0, "--dtype", "float64", *OPTIMUM, "--l2", 0.01, "--scale", "none"]
    assert nncli("train", "iris", *options).code == 0
    found = nncli("explain", "model.npz", "--coefficients", "--bootstrap", 0, "--json").json["coefficients"]
    ours = np.array([one["coefficient"] for one in found]).reshape(5, 3)[1:]
    known = LogisticRegression(C=1 / (0.01 * 150), tol=1e-10, max_iter=5000).fit(*load_iris(return_X_y=True))
    W = known.coef_.T
    assert ours == pytest.approx(1.5 * (W - W.mean(axis=1, keepdims=True)), rel=1e-3, abs=1e-4)


def test_without_the_training_rows_it_says_so_and_has_no_intervals(nncli: Run) -> None:
    write_table()
    nncli("train", "d.csv", "--model", "logistic", "--epochs", 9, "-q", "--json")
    with Path("d.csv").open("a") as file:
        file.write("30,20000,male,2024-03-03,yes\n")
    outcome = nncli("explain", "model.npz", "--coefficients", "--json")
    assert outcome.code == 0
    assert outcome.err.startswith("no intervals: ")
    assert {one["interval"] for one in outcome.json["coefficients"]} == {None}
    Path("d.csv").unlink()
    assert nncli("explain", "model.npz", "--coefficients", "--json").err.startswith("no intervals: ")


@pytest.mark.parametrize("how", [["--refit"], ["--folds", "3"], ["--group", "day"], ["--calibrate"]], ids=str)
def test_intervals_are_of_the_same_training(nncli: Run, how: list[str]) -> None:
    write_table(120)
    train = nncli("train", "d.csv", "--model", "logistic", "--epochs", 5, *how, "-q", "--json")
    assert train.code == 0, train.err
    outcome = nncli("explain", "model.npz", "--coefficients", "--bootstrap", 12, "--json")
    assert outcome.code == 0, outcome.err
    of = {one["column"]: one for one in outcome.json["coefficients"]}
    low, high = of["age"]["interval"]
    assert low < of["age"]["coefficient"] < high


@pytest.mark.parametrize("how", [[], ["--refit"], ["--folds", "3"]], ids=str)
def test_training_on_each_row_once_gives_the_model_itself(
    nncli: Run, how: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(120)
    options = ["--model", "logistic", "--epochs", 40, "--lr", 1, "--seed", 2, "-q", "--json"]
    trained = nncli("train", "d.csv", *options, *how).json
    assert trained["best_epoch" if how != ["--folds", "3"] else "epochs"] < 40  # so it matters which one is kept
    monkeypatch.setattr("nncli.explain.retraining._drawn", lambda groups, rng: np.concatenate(groups))
    model, provenance = checkpoint.load(Path("model.npz"))
    prepared = prepare_again(model, provenance, "model.npz")
    (theta,) = train_on_resampled(prepared, provenance, 1, lambda done, words: None)
    assert theta == pytest.approx(model.network.theta, abs=1e-7)


def test_the_border_of_adaline_is_where_the_sum_is_0(nncli: Run) -> None:
    rows = write_table()
    nncli("train", "d.csv", "--model", "adaline", "--drop", "sex,day", "--epochs", 9, "-q", "--json")
    found = nncli("explain", "model.npz", "--coefficients", "--bootstrap", 0, "--json").json["coefficients"]
    of = {one["column"]: one["coefficient"] for one in found}
    sums = [of["(intercept)"] + sum(of[name] * float(row[name]) for name in ("age", "income")) for row in rows]
    answers = nncli("predict", "model.npz", "d.csv").out.splitlines()[1:]
    assert {"yes", "no"} == {*answers}
    assert ["yes" if one >= 0 else "no" for one in sums] == answers


def test_margin_models_have_no_odds(nncli: Run) -> None:
    nncli("train", "breast-cancer", "--model", "svm", "--epochs", 9, "-q", "--json")
    outcome = nncli("explain", "model.npz", "--coefficients", "--bootstrap", 3)
    assert "its score; intervals by 3 draws of the training rows" in outcome.out
    assert "odds" not in outcome.out


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        ("mlp", ["--coefficients"], "--coefficients: model 'mlp' has hidden layers"),
        ("softmax", ["--coefficients", "--metric", "accuracy"], "--metric: coefficients are those of the model"),
        ("softmax", ["iris", "--coefficients"], "DATA: coefficients are those of the model"),
        ("softmax", ["--bootstrap", "9"], "--bootstrap: it goes with --coefficients"),
    ],
)
def test_bad_input_is_one_line(nncli: Run, model: str, options: list[str], said: str) -> None:
    nncli("train", "iris", "--model", model, "--epochs", 2, "-q", "--json")
    outcome = nncli("explain", "model.npz", *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(said)
