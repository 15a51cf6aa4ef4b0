"""`nncli plot` of a model that predicts numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence

from nncli import NNRegressor, load
from nncli.figures.all_kinds import FIGURES, OfModel
from nncli.figures.bands import Bands

Run = Callable[..., Any]
NUMBERS = ["a", "b", "noise"]
OF_CLASSES = [
    name
    for name in FIGURES
    if isinstance(kind := FIGURES.create(name), OfModel) and not kind.of_numbers
]  # fmt: skip
Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def _beside_the_models(priced: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(priced)


def rows_of(text: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(text))]


def judged(nncli: Run, folder: Path) -> tuple[Array, Array, list[dict[str, str]]]:
    """Return the true and the predicted numbers of the test rows, as `eval --judged` writes them, and their columns."""
    assert nncli("eval", "mlp.npz", "--judged", folder / "j.csv", "-q").code == 0
    rows = rows_of((folder / "j.csv").read_text())
    y, predicted = (np.array([float(row[name]) for row in rows]) for name in ("price", "prediction"))
    return y, predicted, rows


def panels(outcome: Any) -> list[dict[str, Any]]:
    assert outcome.code == 0, outcome.err
    found: list[dict[str, Any]] = outcome.json["panels"]
    return found


def marks(panel: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in panel["marks"] if one["mark"] == kind]


def by_predict(nncli: Run, model: str, rows: list[dict[str, Any]]) -> Array:
    """Return what `predict` says of some rows."""
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    out = nncli("predict", model, stdin="\n".join(lines) + "\n").out
    return np.array(list(map(float, out.split()[1:])))


def test_predicted_numbers_stand_against_the_true_ones(nncli: Run, tmp_path: Path) -> None:
    y, predicted, _ = judged(nncli, tmp_path)
    found = nncli("eval", "mlp.npz", "--json", "-q").json
    outcome = nncli("plot", "mlp.npz", "predicted", "--json")
    (panel,) = panels(outcome)
    (points,) = marks(panel, "points")
    assert points["x"] == pytest.approx(y)
    assert points["y"] == pytest.approx(predicted, abs=1e-3)
    diagonal, between = marks(panel, "line")
    assert diagonal["x"] == diagonal["y"]
    width = np.array(between["y"], float) - np.array(between["x"], float)
    half = found["interval"]["half_width"]
    assert width[[0, 1, 3, 4]] == pytest.approx([half, half, -half, -half])
    assert (panel["x"]["low"], panel["x"]["high"]) == (panel["y"]["low"], panel["y"]["high"])
    assert f"R² {found['r2']:.4f}" in outcome.json["notes"][1]


def test_errors_stand_by_what_is_predicted_and_are_counted(nncli: Run, tmp_path: Path) -> None:
    y, predicted, _ = judged(nncli, tmp_path)
    of_rows, many = panels(nncli("plot", "mlp.npz", "residuals", "--json"))
    (points,) = marks(of_rows, "points")
    assert points["x"] == pytest.approx(predicted, abs=1e-3)
    assert points["y"] == pytest.approx(predicted - y, abs=1e-3)
    counts, _ = np.histogram(predicted - y, 12)
    assert marks(many, "bars")[0]["values"] == pytest.approx(counts[::-1] / len(y) * 100)


def test_the_importance_is_what_explain_says(nncli: Run) -> None:
    found = nncli("explain", "mlp.npz", "--json").json["importance"]
    (panel,) = panels(nncli("plot", "mlp.npz", "importance", "--json"))
    assert panel["y"]["names"] == [one["column"] for one in found]
    assert panel["marks"][0]["values"] == [one["importance"] for one in found]
    assert panel["x"]["title"] == "RMSE worse by"


class AsRegressor(RegressorMixin, BaseEstimator):
    """A model as scikit-learn asks it: rows have numbers alone, and one kind and day."""

    def __init__(self, model: NNRegressor | None = None) -> None:
        self.model = model
        self.fitted_ = True

    def fit(self, X: Any, y: Any) -> AsRegressor:
        return self

    def predict(self, X: Array) -> Array:
        assert self.model is not None
        n, columns = len(X), {name: X[:, i] for i, name in enumerate(NUMBERS)}
        rest = {"kind": np.full(n, "b"), "day": np.full(n, "2024-06-01", "datetime64[D]")}
        return np.asarray(self.model.predict(columns | rest), np.float64)


@pytest.mark.parametrize("name", ["a", "b"])
def test_the_effect_of_a_column_is_the_partial_dependence_of_scikit_learn(
    nncli: Run, tmp_path: Path, name: str
) -> None:
    rows = rows_of(Path("d.csv").read_text())[:60]
    X = np.array([[float(row[one]) for one in NUMBERS] for row in rows])
    lines = [",".join([*map(str, row), "b", "2024-06-01", "1000"]) for row in X.tolist()]
    (tmp_path / "some.csv").write_text("a,b,noise,kind,day,price\n" + "\n".join(lines) + "\n")
    (panel,) = panels(nncli("plot", "mlp.npz", "effect", name, "--data", tmp_path / "some.csv", "--json"))
    single, mean = panel["marks"]
    place, grid = NUMBERS.index(name), np.array(mean["x"])
    expected = partial_dependence(
        AsRegressor(load("mlp.npz")), X, [place], kind="both", method="brute", custom_values={place: grid}
    )
    assert mean["y"] == pytest.approx(expected["average"][0], rel=1e-6)
    some = np.linspace(0, 59, 30).astype(int)
    lines_of = np.array(single["y"], float).reshape(-1, len(grid) + 1)[:, :-1]
    assert lines_of == pytest.approx(expected["individual"][0][some], rel=1e-6)
    assert panel["y"]["title"] == "predicted price"


def test_so_is_that_of_a_text_for_each_of_its_categories(nncli: Run, tmp_path: Path) -> None:
    _, _, rows = judged(nncli, tmp_path)
    (panel,) = panels(nncli("plot", "mlp.npz", "effect", "kind", "--json"))
    columns = [*NUMBERS, "kind", "day"]
    for kind, value in zip(panel["y"]["names"], panel["marks"][0]["values"], strict=True):
        changed = [{name: kind if name == "kind" else row[name] for name in columns} for row in rows]
        assert value == pytest.approx(by_predict(nncli, "mlp.npz", changed).mean(), rel=1e-6)


def test_over_one_column_a_model_is_a_curve(nncli: Run, tmp_path: Path) -> None:
    """With the others at the medians of the training rows and the most frequent category, as an empty cell counts."""
    y, _, rows = judged(nncli, tmp_path)
    (panel,) = panels(nncli("plot", "mlp.npz", "boundary", "a", "--json"))
    (line,), (points,) = marks(panel, "line"), marks(panel, "points")
    assert points["x"] == pytest.approx([float(row["a"]) for row in rows], abs=1e-4)
    assert points["y"] == pytest.approx(y)
    kinds = [row["kind"] for row in rows]
    kind = max(sorted({*kinds}), key=kinds.count)
    empty = {"b": "", "noise": "", "kind": kind, "day": ""}
    at = range(0, len(line["x"]), 40)
    expected = by_predict(nncli, "mlp.npz", [{"a": line["x"][i], **empty} for i in at])
    assert [line["y"][i] for i in at] == pytest.approx(expected, rel=1e-5)


def test_a_model_of_one_column_is_drawn_without_its_name(nncli: Run, tmp_path: Path) -> None:
    words = ["chocolate", "-m", "linear", "-q", "-o", tmp_path / "c.npz"]
    assert nncli("train", *words).code == 0
    outcome = nncli("plot", tmp_path / "c.npz", "boundary", "--data", "chocolate", "--json")
    (panel,) = panels(outcome)
    (line,) = marks(panel, "line")
    assert np.array(line["y"]) == pytest.approx(10 * np.array(line["x"]), abs=1e-3)  # price = 10 · liking


def test_over_two_columns_a_plane_has_bands_and_rows_those_of_their_true_numbers(nncli: Run, tmp_path: Path) -> None:
    y, _, rows = judged(nncli, tmp_path)
    outcome = nncli("plot", "mlp.npz", "boundary", "a", "b", "--json")
    (panel,) = panels(outcome)
    (regions,) = marks(panel, "regions")
    edges = np.quantile(y, [0.2, 0.4, 0.6, 0.8], method="inverted_cdf")
    series = np.array(regions["series"])
    up, across = series.shape
    kinds = [row["kind"] for row in rows]
    rest = {"noise": "", "kind": max(sorted({*kinds}), key=kinds.count), "day": ""}
    for i, j in ((0, 0), (3, 50), (40, 10), (30, 60), (47, 63)):
        a = panel["x"]["low"] + (panel["x"]["high"] - panel["x"]["low"]) * (j + 0.5) / across
        b = panel["y"]["low"] + (panel["y"]["high"] - panel["y"]["low"]) * (i + 0.5) / up
        (expected,) = by_predict(nncli, "mlp.npz", [{"a": a, "b": b, **rest}])
        assert series[i, j] == int((expected > edges).sum())
    for points, name in zip(marks(panel, "points"), regions["names"], strict=True):
        assert points["name"] == name
    assert [len(points["x"]) for points in marks(panel, "points")] == np.bincount(np.searchsorted(edges, y)).tolist()
    assert nncli("plot", "mlp.npz", "boundary").code == 0


def test_the_last_hidden_layer_is_coloured_by_the_true_number(nncli: Run, tmp_path: Path) -> None:
    y, _, _ = judged(nncli, tmp_path)
    (panel,) = panels(nncli("plot", "mlp.npz", "embedding", "--json"))
    assert sum(len(points["x"]) for points in marks(panel, "points")) == len(y)
    assert [points["name"].split()[0] for points in marks(panel, "points")][::4] == ["up", "above"]
    assert len(panels(nncli("plot", "mlp.npz", "activations", "--json"))) == 2


@pytest.mark.parametrize(
    ("y", "names"),
    [
        ([5, 5, 5], ["5"]),
        ([1, 1, 1, 1, 9], ["up to 1", "above 1"]),
        ([10001, 10002, 10003], ["up to 10001", "10001 to 10002", "above 10002"]),
    ],
    ids=["one", "two", "many figures"],
)
def test_bands_differ_and_have_rows(y: list[float], names: list[str]) -> None:
    bands = Bands.of(np.array(y))
    assert [*bands.names] == names
    places = bands.places(np.array(y, float))
    assert {*places.tolist()} == {*range(len(names))}


@pytest.mark.parametrize("name", OF_CLASSES)
def test_a_figure_of_classes_names_what_to_use_instead(nncli: Run, name: str) -> None:
    outcome = nncli("plot", "mlp.npz", name)
    said = f"WHAT: {name}: it is of classes, and the model predicts numbers. Use predicted or residuals.\n"
    assert (outcome.code, outcome.out, outcome.err) == (2, "", said)


@pytest.mark.parametrize("name", ["predicted", "residuals"])
def test_a_figure_of_numbers_is_none_of_classes(nncli: Run, iris_model: Path, name: str) -> None:
    outcome = nncli("plot", iris_model, name)
    said = f"WHAT: {name}: it is of numbers, and the model predicts classes. Use confusion or calibration.\n"
    assert (outcome.code, outcome.out, outcome.err) == (2, "", said)
    assert OF_CLASSES == ["confusion", "roc", "pr", "calibration", "threshold"]
