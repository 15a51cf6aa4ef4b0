"""`info --weights` shows every weight and bias of a model, by the names of what it leads from and to."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def write_table() -> list[list[Any]]:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(200):
        x, colour, day = round(rng.normal(), 3), ["red", "green", "blue"][i % 3], f"2024-{1 + i % 12:02}-11"
        rows.append([x, colour, day, "no" if x + (colour == "red") < 0.5 else "yes"])
    with Path("d.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["x", "colour", "day", "label"], *rows])
    return rows


def test_a_network_can_be_worked_out_by_hand_from_them(nncli: Run) -> None:
    """Z₁ = X W₁ + b₁, A = tanh Z₁, Z = A W₂ + b₂, P = softmax Z."""
    assert nncli("train", "iris", "--hidden", 3, "--activation", "tanh", "--epochs", 30, "-q", "-o", "m.npz").code == 0
    first, last = nncli("info", "m.npz", "--weights", "--json").json["layers"]
    columns = {column["name"]: column for column in nncli("info", "m.npz", "--json").json["columns"]}
    row = {"sepal_length_cm": 6.1, "sepal_width_cm": 2.8, "petal_length_cm": 4.7, "petal_width_cm": 1.2}
    x = [(row[name] - columns[name]["shift"]) * columns[name]["scale"] for name in first["inputs"]]
    A = np.tanh(np.array(x) @ np.array(first["weights"]) + first["biases"])
    Z = A @ np.array(last["weights"]) + last["biases"]
    P = np.exp(Z) / np.exp(Z).sum()
    Path("x.csv").write_text(f"{','.join(row)}\n{','.join(map(str, row.values()))}\n")
    said = next(csv.DictReader(nncli("predict", "m.npz", "x.csv", "--proba").out.splitlines()))
    assert [float(said[f"p_{name}"]) for name in last["outputs"]] == pytest.approx(P, abs=1e-5)
    assert (first["layer"], first["shape"], last["layer"], last["shape"]) == (1, [4, 3], 2, [3, 3])
    assert last["inputs"] == ["unit 1", "unit 2", "unit 3"]
    numbers = np.array(first["weights"])
    expected = {"mean": np.mean(numbers), "sd": np.std(numbers), "min": np.min(numbers), "max": np.max(numbers)}
    assert first["weights_summary"] == pytest.approx(expected)


def test_inputs_are_named_after_columns_categories_and_parts_of_dates(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--model", "logistic", "--epochs", 30, "-q").code == 0
    (layer,) = nncli("info", "model.npz", "--weights", "--json").json["layers"]
    dates = ["day, days", "day, day of the year", "day, weekday"]
    assert layer["inputs"] == ["x", *dates, "colour=blue", "colour=green", "colour=red", "colour=(other)"]
    assert layer["outputs"] == ["yes"]  # towards the second class
    weights = dict(zip(layer["inputs"], [w for (w,) in layer["weights"]], strict=True))
    assert weights["x"] > 0
    assert weights["colour=red"] > weights["colour=blue"]


def test_a_person_sees_a_small_layer_whole(nncli: Run) -> None:
    write_table()
    assert nncli("train", "d.csv", "--hidden", 2, "--epochs", 3, "-q").code == 0
    outcome = nncli("info", "model.npz", "--weights")
    layers = nncli("info", "model.npz", "--weights", "--json").json["layers"]
    summary, first, last = outcome.out.split("\n\n")
    assert [line.split()[0] for line in first.splitlines()[2:]][:1] == ["x"]
    for layer, text in zip(layers, (first, last), strict=True):
        rows = [line for line in text.splitlines()[2:] if not line.startswith("weights of")]
        assert [row.split()[-2:] for row in rows[:-1]] == [[f"{w:.3g}" for w in row] for row in layer["weights"]]
        assert rows[-1].split() == ["(bias)", *(f"{b:.3g}" for b in layer["biases"])]
    assert "1, weights   8 × 2" in summary
    assert outcome.out.endswith("weights of the inputs as they are scaled (standard)\n")


def test_of_a_wide_layer_the_largest_are_shown(nncli: Run, digits_model: Path) -> None:
    shown = nncli("info", digits_model, "--weights").out
    layer = nncli("info", digits_model, "--weights", "--json").json["layers"][0]
    W = np.abs(np.array(layer["weights"]))
    assert f"the 20 of 64 inputs and the 5 of {W.shape[1]} outputs with the largest weights; --json has all" in shown
    head = shown.split("\n\n")[1].splitlines()[0].split()
    assert [int(unit) for unit in head[-5:]] == sorted((np.argsort(-W.max(axis=0))[:5] + 1).tolist())
    assert max(len(line) for line in shown.splitlines() if "json" not in line) <= 80


def test_names_from_data_do_no_harm(nncli: Run) -> None:
    rows = "\n".join(f"{i % 7},{'pq'[i % 7 > 3]}\x1b" for i in range(60))
    Path("d.csv").write_text(f"a\x1b[31m\u202e,label\n{rows}\n", "utf-8")
    assert nncli("train", "d.csv", "--epochs", 1, "-q").code == 0
    outcome = nncli("info", "model.npz", "--weights")
    assert outcome.code == 0
    assert not {"\x1b", "\u202e"} & {*outcome.out}


def test_the_cache_has_no_weights(nncli: Run) -> None:
    outcome = nncli("info", "--cache", "--weights")
    assert (outcome.code, outcome.err) == (2, "--weights: --cache shows no model. Leave one of them out.\n")


@pytest.mark.parametrize("command", ["info", "train"])
def test_the_help_names_the_curve(command: str, nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert "curve" in nncli(command, "--help").out
