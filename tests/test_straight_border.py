"""The border of a linear model of two classes in `plot boundary`: its line, weights and margin, and how it turned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.data.bundled import path_of
from test_mistakes import AND, file_of

Run = Callable[..., Any]
# two clouds, and in which class each row is; from x1 + x2 = 4 on it is b
ROWS = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1], [5, 3], [4, 4], [3, 5], [5, 5]]), np.repeat([0, 1], 4)

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def trained(nncli: Run, model: str, *options: str, rows: tuple[np.ndarray, np.ndarray] = ROWS) -> None:
    file_of(Path("rows.csv"), *rows)
    words = ["train", "rows.csv", "--val", "0", "--test", "0", "--model", model, "-q", *options]
    assert nncli(*words).code == 0


def lines(nncli: Run, *options: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The panel of the boundary, and its lines by name."""
    words = ["plot", "model.npz", "boundary", "--data", "rows.csv", "--json", "-q", *options]
    (panel,) = json.loads(nncli(*words).out)["panels"]
    return panel, {mark["name"]: mark for mark in panel["marks"] if mark["mark"] == "line"}


def scores(nncli: Run, x: list[float], y: list[float]) -> np.ndarray:
    """The score of the second class at places, as `predict --proba` writes it."""
    file_of(Path("at.csv"), np.array([x, y]).T, np.zeros(len(x), int))
    said = nncli("predict", "model.npz", "at.csv", "--proba").out.splitlines()[1:]
    return np.array([float(line.split(",")[2]) for line in said])


@pytest.mark.parametrize("scale", ["none", "standard", "minmax"])
def test_on_the_plane_the_score_is_0_and_on_the_margin_that_of_the_nearest_row(nncli: Run, scale: str) -> None:
    trained(nncli, "perceptron", "--scale", scale, "--dtype", "float64")
    _, found = lines(nncli)
    plane, margin = found["plane"], found["margin"]
    assert scores(nncli, plane["x"], plane["y"]) == pytest.approx(0, abs=1e-6)
    nearest = np.abs(scores(nncli, *ROWS[0].T.tolist())).min()
    at = [k for k, place in enumerate(margin["x"]) if place is not None]
    away = scores(nncli, [margin["x"][k] for k in at], [margin["y"][k] for k in at])
    assert np.abs(away) == pytest.approx(nearest, rel=1e-5)
    assert {*np.sign(away)} == {-1, 1}


def test_the_arrow_of_the_weights_stands_upright_on_the_plane_of_the_inputs(nncli: Run) -> None:
    trained(nncli, "perceptron", "--scale", "standard")
    _, found = lines(nncli)
    columns = nncli("info", "model.npz", "--json").json["columns"]
    scale = np.array([column["scale"] for column in columns])
    plane, arrow = (np.array([found[name]["x"], found[name]["y"]]).T * scale for name in ("plane", "w, the weights"))
    along, ahead = plane[1] - plane[0], arrow[1] - arrow[0]
    assert along @ ahead == pytest.approx(0, abs=1e-6 * np.linalg.norm(along) * np.linalg.norm(ahead))
    tip = arrow[1] / scale
    assert scores(nncli, [tip[0]], [tip[1]])[0] > 0


def test_an_arrow_near_an_edge_of_the_picture_is_shorter_and_ends_within_it(nncli: Run) -> None:
    trained(nncli, "perceptron", "--scale", "none", rows=AND)  # w = (2, 1), b = −3: the border cuts a corner off
    panel, found = lines(nncli)
    for axis in "xy":
        low, high = panel[axis]["low"], panel[axis]["high"]
        assert all(low < place < high for place in found["w, the weights"][axis])


def test_there_is_no_margin_where_a_row_is_on_the_wrong_side(nncli: Run) -> None:
    trained(nncli, "perceptron", "--epochs", "3", rows=(AND[0], np.array([0, 1, 1, 0])))
    assert "margin" not in lines(nncli)[1]


@pytest.mark.parametrize("model", ["logistic", "softmax", "adaline", "svm", "mira"])
def test_the_line_of_any_linear_model_lies_where_the_prediction_changes(nncli: Run, model: str) -> None:
    trained(nncli, model, "--epochs", "400")
    _, found = lines(nncli)
    plane = found["plane"]
    ends = np.array([plane["x"], plane["y"]]).T
    across = np.array([ends[1, 1] - ends[0, 1], ends[0, 0] - ends[1, 0]])
    across *= 0.01 / np.linalg.norm(across)
    file_of(Path("at.csv"), ends.mean(axis=0) + np.array([across, -across]), np.zeros(2, int))
    assert sorted(nncli("predict", "model.npz", "at.csv").out.split()[1:]) == ["a", "b"]


def test_three_classes_or_hidden_layers_have_no_straight_border(nncli: Run) -> None:
    trained(nncli, "mlp", "--epochs", "5")
    assert lines(nncli)[1] == {}
    done = nncli("plot", "model.npz", "boundary", "--data", "rows.csv", "--epochs-shown", "3")
    assert done.code == 2
    assert "--epochs-shown: it needs a linear model of two classes" in done.err


def test_the_lines_of_earlier_epochs_are_those_of_shorter_runs(nncli: Run) -> None:
    two = [line for line in path_of("iris").read_text().splitlines() if "setosa" not in line]
    rows = np.array([[float(cell) for cell in line.split(",")[2:4]] for line in two[1:]])
    y = np.array(["virginica" in line for line in two[1:]], int)
    trained(nncli, "logistic", "--epochs", "6", "--schedule", "constant", rows=(rows, y))
    _, found = lines(nncli, "--epochs-shown", "6")
    (name,) = (name for name in found if name.startswith("at the end of epoch"))
    numbers = [int(word) for word in name.removeprefix("at the end of epoch ").split(", ")]
    assert 6 in numbers
    assert len(numbers) > 2
    assert found[name]["x"][3 * numbers.index(6)] == pytest.approx(found["plane"]["x"][0])
    trained(nncli, "logistic", "--epochs", str(numbers[1]), "--schedule", "constant", rows=(rows, y))
    short = lines(nncli)[1]["plane"]
    assert found[name]["x"][3:5] == pytest.approx(short["x"])
    assert found[name]["y"][3:5] == pytest.approx(short["y"])


def test_epochs_are_shown_on_a_boundary_and_of_data_that_are_as_they_were(nncli: Run) -> None:
    trained(nncli, "perceptron")
    assert "--epochs-shown: curve has no use for it" in nncli("plot", "model.npz", "curve", "--epochs-shown", "3").err
    Path("rows.csv").rename("moved.csv")
    done = nncli("plot", "model.npz", "boundary", "--data", "moved.csv", "--epochs-shown", "3")
    assert done.code == 1
    assert "rows.csv: no such file" in done.err


def test_behind_a_smooth_clip_the_border_is_no_straight_line(nncli: Run) -> None:
    trained(nncli, "logistic", "--epochs", "5", "--scale", "robust")
    assert lines(nncli)[1] == {}
    done = nncli("plot", "model.npz", "boundary", "--data", "rows.csv", "--epochs-shown", "3")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "--epochs-shown: the scaling robust bends the columns, and with them the border" in done.err
