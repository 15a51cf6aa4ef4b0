"""`explain --row` and `predict --reasons` say what each column adds to a prediction, and what would change it."""

from __future__ import annotations

import csv
import io
import json
import math
import operator
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.config.train_config import TrainConfig
from nncli.explain.nearest_change import nearest_changes
from nncli.model import checkpoint
from nncli.training.prepare import prepare

Run = Callable[..., Any]
MODELS = Path(__file__).parent / "models"

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def write_table(n: int = 300) -> list[dict[str, str]]:
    """Write numbers, a text and a date that say something of the class; some cells are missing."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        x, count, colour = rng.normal(), int(rng.integers(0, 9)), ["red", "green", "blue"][i % 3]
        day = date(2024, 1, 1) + timedelta(days=int(rng.integers(300)))
        label = "yes" if x + count / 4 + (colour == "red") + day.month / 12 + rng.normal() / 3 > 1.8 else "no"
        row = {"x": f"{x:.3f}", "count": str(count), "colour": colour, "day": str(day), "label": label}
        if i % 20 == 0:
            row[["x", "colour", "day"][i // 20 % 3]] = ""
        rows.append(row)
    write("d.csv", rows)
    return rows


def write(path: str, rows: list[dict[str, str]]) -> None:
    with Path(path).open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("scale", ["standard", "robust", "minmax", "none"])
def test_the_background_is_the_mean_input_of_the_training_rows(nncli: Run, scale: str) -> None:
    write_table()
    assert nncli("train", "d.csv", "--scale", scale, "--epochs", 2, "-q", "--json").code == 0
    prepared = prepare(TrainConfig(data=("d.csv",), scale=scale))
    X = prepared.preprocess.transform(prepared.dataset.table, np.dtype("float64")).slice(0, 300)
    mean = checkpoint.load(Path("model.npz"))[0].preprocess.mean
    assert mean == pytest.approx(X[prepared.split.train].mean(axis=0), rel=1e-5, abs=1e-6)


def test_so_it_is_of_pixels(digits_model: Path) -> None:
    prepared = prepare(TrainConfig(data=("digits",)))
    X = prepared.preprocess.transform(prepared.dataset.table, np.dtype("float64")).slice(0, len(prepared.dataset))
    mean = checkpoint.load(digits_model)[0].preprocess.mean
    assert mean == pytest.approx(X[prepared.split.train].mean(axis=0), abs=1e-9)


@pytest.mark.parametrize("options", [("--model", "logistic"), ("--model", "mlp"), ("--hidden", "16,8")], ids=str)
def test_contributions_add_up_to_the_log_odds_beside_those_of_the_background(nncli: Run, options: tuple[str]) -> None:
    write_table()
    nncli("train", "d.csv", *options, "--epochs", 30, "-q", "--json")
    answers = [*csv.DictReader(io.StringIO(nncli("predict", "model.npz", "d.csv", "--proba").out))]
    for number in (1, 2, 21, 41, 300):
        found = nncli("explain", "model.npz", "--row", number, "--json").json
        answer = answers[number - 1]
        p = {name: float(answer[f"p_{name}"]) for name in ("no", "yes")}
        own, other = found["prediction"], "no" if found["prediction"] == "yes" else "yes"
        assert own == answer["prediction"]
        assert found["lead"] == pytest.approx(math.log(p[own] / p[other]), rel=1e-3, abs=1e-4)
        total = sum(one["contribution"] for one in found["contributions"])
        difference = found["lead"] - found["background"]["lead"]
        assert total == pytest.approx(difference, rel=1e-3 if "--model" in options else 0.01, abs=1e-4)
        assert found["error_of_sum"] == pytest.approx(abs(total - difference) / abs(difference), abs=1e-5)
        assert found["error_of_sum"] < 0.01
        assert {one["column"] for one in found["contributions"]} == {"x", "count", "colour", "day"}


def test_of_a_linear_model_they_are_coefficients_times_the_difference_from_the_mean(nncli: Run) -> None:
    rows = write_table()
    nncli("train", "d.csv", "--model", "logistic", "--epochs", 30, "-q", "--json", "--positive", "yes")
    weights = nncli("explain", "model.npz", "--coefficients", "--bootstrap", 0, "--json").json["coefficients"]
    of = {(one["column"], one["part"]): one["coefficient"] for one in weights}
    trained = prepare(TrainConfig(data=("d.csv",), positive="yes")).split.train
    found = nncli("explain", "model.npz", "--row", 5, "--json").json
    sign = 1 if found["prediction"] == "yes" else -1
    ours = {one["column"]: sign * one["contribution"] for one in found["contributions"]}
    counts = np.array([float(rows[i]["count"]) for i in trained])
    assert ours["count"] == pytest.approx(of["count", ""] * (float(rows[4]["count"]) - counts.mean()), rel=1e-3)
    parts = [rows[i]["colour"] or "(missing)" for i in trained]
    expected = of["colour", rows[4]["colour"]] - np.mean([of["colour", part] for part in parts])
    assert ours["colour"] == pytest.approx(expected, rel=1e-3)


def log_ratio(p: float, q: float) -> float:
    return math.log(p / q)


# options of a model of several classes, and its lead from the two highest figures
SEVERAL: dict[str, tuple[list[str], Callable[[float, float], float]]] = {
    "softmax": (["--model", "softmax"], log_ratio),
    "calibrated scores": (["--model", "perceptron", "--calibrate"], log_ratio),
    "scores": (["--model", "perceptron"], operator.sub),
    "hidden layers": (["--hidden", "16,8"], log_ratio),
}


@pytest.mark.parametrize(("options", "lead"), SEVERAL.values(), ids=SEVERAL)
def test_of_several_classes_they_are_those_against_the_runner_up(
    nncli: Run, options: list[str], lead: Callable[[float, float], float]
) -> None:
    write("three.csv", three_classes())
    assert nncli("train", "three.csv", *options, "--epochs", 20, "-q", "--json", "-o", "m.npz").code == 0
    answers = [*csv.DictReader(io.StringIO(nncli("predict", "m.npz", "three.csv", "--proba", "--reasons", 1).out))]
    column, seen = ("p_" if "p_a" in answers[0] else "score_"), set()
    for number in range(1, 40, 3):
        answer = answers[number - 1]
        figures = {name: float(answer[column + name]) for name in "abc"}
        first, second, _ = sorted(figures, key=lambda name: -figures[name])
        assert (answer["prediction"], answer["runner_up"]) == (first, second)
        found = nncli("explain", "m.npz", "three.csv", "--row", number, "--json").json
        assert (found["prediction"], found["runner_up"]) == (first, second)
        assert f"the runner-up, '{second}'" in found["explained"]
        assert found["lead"] == pytest.approx(lead(figures[first], figures[second]), rel=2e-3, abs=1e-3)
        total = sum(one["contribution"] for one in found["contributions"])
        assert found["background"]["lead"] + total == pytest.approx(found["lead"], rel=0.01, abs=1e-3)
        seen.add((first, second))
    assert len(seen) > 2, "one pair alone would show little"


def test_of_classes_judged_by_themselves_they_add_up_to_the_difference_of_two_scores(nncli: Run) -> None:
    write("three.csv", three_classes())
    nncli("train", "three.csv", "--model", "logistic", "--epochs", 20, "-q", "--json", "-o", "m.npz")
    model, table = checkpoint.load(Path("m.npz"))[0], prepare(TrainConfig(data=("three.csv",))).dataset.table
    for i in range(5):
        z = np.sort(model.scores(table.take(np.array([i])))[0])  # each is the logarithm of the odds against the rest
        found = nncli("explain", "m.npz", "three.csv", "--row", i + 1, "--json").json
        assert found["lead"] == pytest.approx(z[-1] - z[-2], rel=1e-4)
        assert found["explained"].startswith("the logarithm of its odds against the rest minus that of the runner-up, ")


def three_classes() -> list[dict[str, str]]:
    """Write numbers and a text that say which of three classes a row is of."""
    rng = np.random.default_rng(1)
    rows = []
    for i in range(120):
        x, y, colour = rng.normal(), rng.normal(), ["red", "green"][i % 2]
        label = "abc"[int(np.argmax([x, y, (colour == "red") - x / 2]))]
        rows.append({"u": f"{x:.3f}", "v": f"{y:.3f}", "colour": colour, "label": label})
    return rows


@pytest.mark.parametrize("options", [("--model", "softmax"), ("--hidden", "16,8")], ids=str)
def test_predict_gives_the_reasons_that_explain_gives(nncli: Run, options: tuple[str]) -> None:
    write_table()
    nncli("train", "d.csv", *options, "--epochs", 30, "-q", "--json")
    answers = [*csv.DictReader(io.StringIO(nncli("predict", "model.npz", "d.csv", "--reasons", 2).out))]
    assert [*answers[0]] == ["prediction", "reason_1", "contribution_1", "reason_2", "contribution_2"]
    assert len(answers) == 300
    for number in (1, 7, 300):
        found = nncli("explain", "model.npz", "d.csv", "--row", number, "--json").json
        for i, one in enumerate(found["contributions"][:2], 1):
            assert answers[number - 1][f"reason_{i}"] == one["column"]
            assert float(answers[number - 1][f"contribution_{i}"]) == pytest.approx(one["contribution"], rel=1e-3)


@pytest.mark.parametrize("options", [("--model", "logistic"), ("--hidden", "8")], ids=str)
def test_what_would_change_the_answer_does_and_a_little_less_does_not(nncli: Run, options: tuple[str]) -> None:
    rows = write_table()
    nncli("train", "d.csv", *options, "--epochs", 30, "-q", "--json")
    seen = set()
    for number in (2, 3, 4, 6, 8, 21, 41):
        row = rows[number - 1]
        found = nncli("explain", "model.npz", "--row", number, "--json").json
        distances = [one["distance"] for one in found["changes"]]
        assert distances == sorted(distances)
        for one in found["changes"]:
            seen.add(one["column"])
            assert one["prediction"] != found["prediction"]
            cell: Any = row[one["column"]] or None
            if cell is not None and one["column"] in ("x", "count"):
                cell = pytest.approx(float(cell))
            assert one["old"] == cell
            assert predicted(nncli, row, one["column"], one["new"]) == one["prediction"]
            if one["column"] == "x" and one["old"] is not None:
                before = one["new"] - math.copysign(0.002, one["new"] - one["old"])
                assert predicted(nncli, row, "x", before) == found["prediction"]
            if one["column"] == "count":
                assert one["new"] == int(one["new"])
    assert {"x", "colour"} <= seen


def test_changes_of_several_rows_are_those_of_each(nncli: Run) -> None:
    write_table()
    nncli("train", "d.csv", "--epochs", 10, "-q", "--json")
    model, table = checkpoint.load(Path("model.npz"))[0], prepare(TrainConfig(data=("d.csv",))).dataset.table
    rows = table.take(np.arange(30))
    found = nearest_changes(model, rows)
    assert found == [nearest_changes(model, rows.take(np.array([i])))[0] for i in range(30)]
    assert {one.column for changes in found for one in changes} == {"x", "count", "colour", "day"}
    some = nearest_changes(model, rows, ["day"])
    assert some == [[one for one in changes if one.column == "day"] for changes in found]


def predicted(nncli: Run, row: dict[str, str], column: str, value: object) -> str:
    write("one.csv", [{**row, column: str(value)}])
    return str(nncli("predict", "model.npz", "one.csv", "-q").out.splitlines()[1])


def test_a_row_that_cannot_be_read_has_no_reasons(nncli: Run) -> None:
    write_table()
    nncli("train", "d.csv", "--epochs", 3, "-q", "--json")
    Path("bad.csv").write_text("x,count,colour,day\n1,2,red,2024-05-05\n1,many,red,2024-05-05\n")
    found = nncli("predict", "model.npz", "bad.csv", "--on-error", "blank", "--reasons", 1, "--proba").out.splitlines()
    assert found[2] == ",,,,"
    lines = nncli("predict", "model.npz", "bad.csv", "--on-error", "blank", "--reasons", 1, "--jsonl").out.splitlines()
    assert json.loads(lines[1]) == {"prediction": None, "reason_1": None, "contribution_1": None}
    assert nncli("explain", "model.npz", "bad.csv", "--row", 1).code == 0
    assert nncli("explain", "model.npz", "bad.csv", "--row", 2).err.startswith("bad.csv:3: column 'count'")


def test_rows_in_blocks_have_the_same_reasons(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table()
    nncli("train", "d.csv", "--epochs", 3, "-q", "--json")
    whole = nncli("predict", "model.npz", "d.csv", "--reasons", 2).out
    monkeypatch.setattr("nncli.inference.predictor.CELLS_AT_ONCE", 100)
    in_blocks = nncli("predict", "model.npz", "d.csv", "--reasons", 2).out
    for one, other in zip(whole.splitlines()[1:], in_blocks.splitlines()[1:], strict=True):
        assert one.split(",")[::2][0] == other.split(",")[::2][0]
        assert float(one.split(",")[2]) == pytest.approx(float(other.split(",")[2]), rel=1e-4, abs=1e-6)


def test_a_person_sees_the_reasons_the_background_and_the_error(nncli: Run, iris_model: Path) -> None:
    shown = nncli("explain", iris_model, "--row", 120).out
    assert shown.startswith("row 120 of iris: 'virginica', probability ")
    assert "for the mean input of the training rows" in shown
    assert "integrated gradients; the sum is off by " in shown
    assert "would change it: petal_width_cm 1.5 → " in shown


@pytest.mark.parametrize("command", [["explain", "--row", "1"], ["predict", "--reasons", "1"]], ids=str)
def test_a_model_of_an_older_version_says_what_it_lacks(nncli: Run, command: list[str]) -> None:
    outcome = nncli(command[0], MODELS / "format-5.npz", MODELS / "laden.csv", *command[1:], "-q")
    assert outcome.code == 2
    lacks = "the model was saved by an older version, which did not note the mean of the training rows"
    assert outcome.err == f"{command[1]}: {lacks}. Train it again.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["explain", "--row", "151"], "--row: expected a row from 1 to 150 of iris, found 151."),
        (["explain", "--row", "0"], "--row: expected a whole number"),
        (["explain", "--row", "1", "--metric", "accuracy"], "--metric: a row is explained by itself. Leave it out."),
        (["explain", "--row", "1", "--coefficients"], "--row: coefficients are those of the model, for any rows."),
        (["predict", "iris", "--reasons", "5"], "--reasons: expected at most 4 columns, as the model has, found 5."),
        (["predict", "iris", "--reasons", "1", "--embed"], "--embed: it replaces the predictions, and --reasons asks"),
    ],
)
def test_bad_input_is_one_line(nncli: Run, iris_model: Path, words: list[str], said: str) -> None:
    outcome = nncli(words[0], iris_model, *words[1:])
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(said)
