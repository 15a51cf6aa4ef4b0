# ruff: noqa: E501  (a case stands on one line)
"""`eval` looks at single rows: all of them in a file, the most wrong, and the accuracy of groups."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from cli_process import PROGRAM

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def write_table(path: str = "d.csv", n: int = 240) -> list[dict[str, str]]:
    """Write rows in which a number, a text and a date say something of the class; some cells are missing."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        x, colour = rng.normal(), ["red", "green", "a, b"][i % 3]
        label = "yes" if x + (colour == "red") + rng.normal() / 2 > 0.3 else "no"
        row = {"x": f"{x:.2f}", "colour": colour, "day": f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}", "label": label}
        row[["x", "colour", "day"][i // 10 % 3]] = "" if i % 10 == 0 else row[["x", "colour", "day"][i // 10 % 3]]
        rows.append(row)
    with Path(path).open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return rows


def judged(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return [*csv.DictReader(file)]


def test_each_row_is_written_as_it_was_read_with_what_predict_says_of_it(nncli: Run) -> None:
    rows = write_table()
    assert nncli("train", "d.csv", "--epochs", 9, "-q").code == 0
    outcome = nncli("eval", "model.npz", "d.csv", "--judged", "j.csv", "--json")
    assert outcome.code == 0
    answers = nncli("predict", "model.npz", "d.csv", "--proba").out.splitlines()
    found = judged("j.csv")
    assert [*found[0]] == ["row", "x", "colour", "day", "label", "prediction", "p_no", "p_yes", "part"]
    assert len(found) == len(rows)
    for i, (one, row, answer) in enumerate(zip(found, rows, answers[1:], strict=True), 1):
        assert (one["row"], one["part"]) == (str(i), "")
        assert (one["colour"], one["day"], one["label"]) == (row["colour"], row["day"], row["label"])
        assert one["x"] == row["x"] == "" or float(one["x"]) == pytest.approx(float(row["x"]))
        prediction, *p = answer.split(",")
        assert one["prediction"] == prediction
        assert [float(one["p_no"]), float(one["p_yes"])] == pytest.approx([*map(float, p)])
    right = np.mean([one["label"] == one["prediction"] for one in found])
    assert json.loads(outcome.out)["accuracy"] == pytest.approx(right)


def test_the_models_own_test_rows_are_written_with_their_numbers_in_the_data(nncli: Run) -> None:
    rows = write_table()
    assert nncli("train", "d.csv", "--epochs", 2, "-q").code == 0
    accuracy = nncli("eval", "model.npz", "--judged", "j.csv", "--json").json["accuracy"]
    found = judged("j.csv")
    assert len(found) == 36
    assert {one["part"] for one in found} == {"test"}
    assert all(one["label"] == rows[int(one["row"]) - 1]["label"] for one in found)
    assert all(one["colour"] == rows[int(one["row"]) - 1]["colour"] for one in found)
    assert np.mean([one["label"] == one["prediction"] for one in found]) == pytest.approx(accuracy)


def test_a_table_on_the_disk_and_a_matrix_are_written_too(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--epochs", 2, "-q").code == 0
    assert nncli("eval", "model.npz", "d.csv", "--judged", "memory.csv", "-q").code == 0
    assert nncli("eval", "model.npz", "d.csv", "--memory", "500MB", "--judged", "disk.csv", "-q").code == 0
    assert Path("memory.csv").read_bytes() == Path("disk.csv").read_bytes()
    X, y = np.eye(4, dtype=np.float32)[np.arange(40) % 4], np.arange(40) % 2
    np.savez("m.npz", X=X, y=y)
    assert nncli("train", "m.npz", "--epochs", 2, "-q", "-o", "of.npz").code == 0
    assert nncli("eval", "of.npz", "m.npz", "--judged", "m.csv", "-q").code == 0
    found = judged("m.csv")
    names = [*found[0]][1:5]
    assert np.array_equal(np.array([[float(one[name]) for name in names] for one in found]), X)


def test_names_that_the_output_has_too_are_told_apart(nncli: Run) -> None:
    Path("d.csv").write_text("row,prediction,label\n" + "".join(f"{i % 7},{i % 3},{'pq'[i % 2]}\n" for i in range(60)))
    assert nncli("train", "d.csv", "--epochs", 1, "-q", "--numeric", "row").code == 0
    assert nncli("eval", "model.npz", "d.csv", "--judged", "j.csv", "-q").code == 0
    header = Path("j.csv").read_text().splitlines()[0]
    assert header == "row,row_2,prediction,label,prediction_2,p_p,p_q,part"


def test_the_most_wrong_rows_are_those_whose_class_was_least_likely(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--epochs", 9, "-q").code == 0
    outcome = nncli("eval", "model.npz", "d.csv", "--worst", "5", "--judged", "j.csv", "--json")
    wrong = [one for one in judged("j.csv") if one["label"] != one["prediction"]]
    wrong.sort(key=lambda one: float(one[f"p_{one['label']}"]))
    assert [str(one["row"]) for one in outcome.json["worst"]] == [one["row"] for one in wrong[:5]]
    first, expected = outcome.json["worst"][0], wrong[0]
    assert (first["class"], first["prediction"]) == (expected["label"], expected["prediction"])
    assert first["p_class"] == pytest.approx(float(expected[f"p_{expected['label']}"]))
    assert first["columns"]["colour"] == (expected["colour"] or None)
    shown = nncli("eval", "model.npz", "d.csv", "--worst", "5").out
    assert all(f"{one['row']}  " in shown for one in outcome.json["worst"])


def test_of_rows_that_are_equally_wrong_the_first_ones_are_shown(nncli: Run) -> None:
    """x says the class but in eight rows: of their probabilities, exp(−|z|) with z in proportion to x, most round to 0,
    and yet the furthest x is the most wrong."""
    lines = [f"{x},{'up' if x > 0 else 'down'}" for x in range(-500, 501, 5)]
    Path("d.csv").write_text("x,y\n" + "\n".join(lines) + "\n")
    how = ["-m", "logistic", "--scale", "none", "--epochs", 60, "--lr", 0.5, "-q"]
    assert nncli("train", "d.csv", *how, "--val", 0, "--test", 0).code == 0
    wrong = [700, 900, 800, 900, 1000, 700, 900, 600]
    Path("new.csv").write_text("x,y\n" + "".join(f"{x},down\n" for x in wrong))
    found = nncli("eval", "model.npz", "new.csv", "--worst", 7, "--json").json["worst"]
    assert [one["columns"]["x"] for one in found] == [1000, 900, 900, 900, 800, 700, 700]
    assert [one["row"] for one in found] == [5, 2, 4, 7, 3, 1, 6]
    assert len({one["p_class"] for one in found}) < len(set(wrong))  # float32 cannot tell them all apart


def test_the_accuracy_of_groups_has_intervals_that_hold_together(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--epochs", 9, "-q").code == 0
    outcome = nncli("eval", "model.npz", "d.csv", "--by", "colour", "--judged", "j.csv", "--json")
    found = {one["group"]: one for one in outcome.json["by"]["groups"]}
    rows = judged("j.csv")
    assert set(found) == {"red", "green", "a, b", "(missing)"}
    z = norm.ppf(1 - 0.025 / (4 * len(found["red"]["metrics"])))
    for name, one in found.items():
        own = [row for row in rows if row["colour"] == ("" if name == "(missing)" else name)]
        n, p = len(own), np.mean([row["label"] == row["prediction"] for row in own])
        figure = one["metrics"]["accuracy"]
        assert (one["n"], figure["value"]) == (n, pytest.approx(p))
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)  # Wilson's
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        assert figure["interval"] == pytest.approx([centre - half, centre + half])
        assert figure["stands_out"] == (not centre - half <= outcome.json["accuracy"] <= centre + half)


def test_numbers_and_dates_make_four_groups_of_about_as_many_rows(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--epochs", 2, "-q").code == 0
    for column in ("x", "day"):
        groups = nncli("eval", "model.npz", "d.csv", "--by", column, "--json").json["by"]["groups"]
        assert groups[-1]["group"] == "(missing)"
        assert len(groups) == 5
        assert sum(one["n"] for one in groups) == 240
        assert all(40 <= one["n"] <= 75 for one in groups[:-1])
    low = groups[0]["group"].split(" to ")[0]
    assert low == "2024-01-01"


def test_a_group_in_which_the_model_is_worse_stands_out(nncli: Run) -> None:
    rng = np.random.default_rng(1)
    lines = []
    for i in range(3000):
        x, place = rng.normal(), ["north", "south", "east"][i % 3]
        label = rng.integers(2) if place == "east" else int(x > 0)  # in the east, nothing can be known
        lines.append(f"{x:.3f},{place},{'pq'[int(label)]}")
    Path("d.csv").write_text("x,place,label\n" + "\n".join(lines) + "\n")
    assert nncli("train", "d.csv", "--epochs", 3, "-q").code == 0
    groups = nncli("eval", "model.npz", "--by", "place", "--json").json["by"]["groups"]
    told = {one["group"] for one in groups if one["metrics"]["accuracy"]["stands_out"]}
    assert min(groups, key=lambda one: one["metrics"]["accuracy"]["value"])["group"] == "east"
    assert "east" in told
    shown = nncli("eval", "model.npz", "--by", "place").out.splitlines()
    names = next(line for line in shown if line.startswith("place")).split()[1:]
    cells = re.split("  +", [line for line in shown if line.startswith("accuracy")][-1])[1:]
    assert {name for name, cell in zip(names, cells, strict=True) if cell.endswith("!")} == told
    assert shown[-1] == "! stands out: the interval leaves out the figure of all rows"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("--by color", "--by: there was no column 'color' in the data that the model was trained on. Did you mean 'colour'?"),
        ("--rows judged.csv", "--rows: it chooses rows to read, such as 1:83, and 'judged.csv' is none. To write each judged row to a file, use --judged judged.csv."),
        ("--worst 0", "--worst: expected a whole number from 1, found '0'."),
        ("--judged d.csv", "d.csv: cannot write: it is one of the files that are read or written. Choose another place with --judged."),
        ("--judged model.npz", "model.npz: cannot write: it is one of the files that are read or written. Choose another place with --judged."),
        ("--judged o.csv --curve ./o.csv", "--judged: o.csv is the file of --curve too. Name another file."),
        ("--judged o.csv --by color", "--by: there was no column 'color' in the data that the model was trained on. Did you mean 'colour'?"),
        ("--judged -", "--judged: the figures go to stdout. Name a file."),
        ("--curve /dev/stdout", "--curve: the figures go to stdout. Name a file."),
        ("--curve nowhere/c.csv", "nowhere/c.csv: cannot write: there is no folder"),
        ("d.csv --by colour", "--by: for one file, or the test rows of the model. Name one file at a time."),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused(nncli: Run, options: str, line: str) -> None:
    write_table()
    assert nncli("train", "d.csv", "--epochs", 1, "-q").code == 0
    outcome = nncli("eval", "model.npz", "d.csv", *options.split())
    assert outcome.code != 0
    assert line in outcome.err
    assert outcome.out == ""
    assert not Path("o.csv").exists()


def test_the_data_of_a_model_are_not_written_over(nncli: Run) -> None:
    write_table()
    before = Path("d.csv").read_bytes()
    assert nncli("train", "d.csv", "--epochs", 1, "-q").code == 0
    assert nncli("eval", "model.npz", "--judged", "d.csv").code == 1
    assert Path("d.csv").read_bytes() == before


def test_scores_are_written_where_there_are_no_probabilities(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "-m", "svm", "-q").code == 0
    outcome = nncli("eval", "model.npz", "d.csv", "--judged", "j.csv", "--worst", "3", "--json")
    assert {"score_no", "score_yes"} <= set(judged("j.csv")[0])
    rows = {one["row"]: one for one in judged("j.csv")}
    behind = [float(one[f"score_{one['label']}"]) - float(one[f"score_{one['prediction']}"]) for one in rows.values()]
    first = rows[str(outcome.json["worst"][0]["row"])]
    worst = outcome.json["worst"][0]
    assert "p_class" not in worst  # it is no probability
    assert worst["score_class"] == pytest.approx(float(first[f"score_{first['label']}"]))
    assert "score of class" in nncli("eval", "model.npz", "d.csv", "--worst", "3").out
    own = float(first[f"score_{first['label']}"]) - float(first[f"score_{first['prediction']}"])
    assert own == pytest.approx(min(behind))


def accuracies(right: dict[str, bool], groups: dict[str, str]) -> dict[str, tuple[int, float]]:
    """Work out the rows and the accuracy of each group by hand, from the number of each row."""
    found: dict[str, list[bool]] = {}
    for row, group in groups.items():
        if row in right:
            found.setdefault(group, []).append(right[row])
    return {group: (len(its), round(sum(its) / len(its), 9)) for group, its in found.items()}


@pytest.mark.parametrize(
    ("options", "by"),
    [
        ("--group who --drop shop", "who"),
        ("--group who --drop shop", "shop"),
        ("--time day --drop shop,who", "shop"),
        ("--time day --drop shop,who --weight w", "who"),
        ("--drop who", "shop"),  # an input, as before
        ("--only a,w", "shop"),
    ],
)
def test_figures_by_a_column_that_is_no_input(options: str, by: str, nncli: Run) -> None:
    rows = [
        {"who": f"p{i % 12}", "shop": f"s{i * i % 5}", "day": f"2026-01-{i % 28 + 1:02}", "w": str(1 + i % 3),
         "a": str(i * 7 % 31), "label": "xy"[i * i % 7 > 2]}
        for i in range(240)
    ]  # fmt: skip
    with Path("d.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert nncli("train", "d.csv", *options.split(), "--epochs", 3, "-q").code == 0
    for data in ([], ["d.csv"]):
        found = nncli("eval", "model.npz", *data, "--by", by, "--judged", "j.csv", "--json")
        assert found.code == 0, found.err
        right = {one["row"]: one["label"] == one["prediction"] for one in judged("j.csv")}
        expected = accuracies(right, {str(i): row[by] for i, row in enumerate(rows, 1)})
        groups = {
            one["group"]: (one["n"], round(one["metrics"]["accuracy"]["value"], 9))
            for one in found.json["by"]["groups"]
        }
        assert groups == expected


@pytest.mark.parametrize(
    ("by", "line"),
    [
        (
            "weather",
            "there was no column 'weather' in the data that the model was trained on. The columns are x, colour and day.",
        ),
        ("color", "there was no column 'color' in the data that the model was trained on. Did you mean 'colour'?"),
        ("label", "'label' is the target, and the figures of each class are shown without it. Leave it out."),
    ],
)
def test_a_column_that_figures_cannot_be_shown_by_is_refused(by: str, line: str, nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--drop", "colour", "--epochs", 1, "-q").code == 0
    outcome = nncli("eval", "model.npz", "d.csv", "--by", by)
    assert (outcome.code, outcome.err) == (2, f"--by: {line}\n")


def test_rows_that_cannot_be_read_twice_alike_are_refused(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--drop", "x", "--epochs", 1, "-q").code == 0
    words = [*PROGRAM, "eval", "model.npz", "-", "--by", "x", "-q"]
    piped = subprocess.run(words, input=Path("d.csv").read_bytes(), capture_output=True, check=False)
    assert (piped.returncode, piped.stderr.decode().splitlines(keepends=True)[-1]) == (
        2,
        "--by: 'x' is no input of the model, and stdin cannot be read twice. Name a file.\n",
    )
    text = Path("d.csv").read_text().splitlines()
    text[1] = "much," + text[1].partition(",")[2]
    Path("e.csv").write_text("\n".join(text) + "\n")
    assert nncli("eval", "model.npz", "e.csv").code == 0  # it does not matter there
    assert nncli("eval", "model.npz", "e.csv", "--by", "x").err.startswith(
        "e.csv:2: column 'x': expected a number, found 'much'"
    )
    skipped = nncli("eval", "model.npz", "e.csv", "--by", "x", "--on-error", "skip")
    assert "--by: 'x' is no input of the model, and its rows are not all among those that can be read" in skipped.err
