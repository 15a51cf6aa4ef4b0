"""`eval` of numbers looks closer: single rows, groups of rows, several files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from nncli.data.csv.header import DETECTED
from nncli.inference.evaluate_files_of_numbers import check_evaluation_of_numbers, evaluate_file_of_numbers
from nncli.model.checkpoint import ModelFile

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _beside_the_models(priced: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(priced)


@pytest.fixture(scope="module")
def judged(priced: Path) -> list[dict[str, str]]:
    """The rows of d.csv with what mlp.npz predicts, from the file that `predict` writes."""
    from nncli.cli.main import main

    words = ["predict", priced / "mlp.npz", priced / "d.csv", "--keep", "all", "--interval", "0.9"]
    words += ["-o", priced / "p.csv"]
    assert main([*map(str, words)]) == 0
    with (priced / "p.csv").open() as file:
        return [*csv.DictReader(file)]


def column(rows: list[dict[str, str]], name: str) -> np.ndarray[Any, Any]:
    return np.array([float(row[name]) for row in rows])


def test_the_worst_rows_have_the_largest_errors(nncli: Run, judged: list[dict[str, str]]) -> None:
    errors = column(judged, "prediction") - column(judged, "price")
    worst = nncli("eval", "mlp.npz", "d.csv", "--worst", 5, "--json", "-q").json["worst"]
    assert [one["row"] - 1 for one in worst] == np.argsort(-np.abs(errors))[:5].tolist()
    for one in worst:
        row = judged[one["row"] - 1]
        assert one["error"] == pytest.approx(errors[one["row"] - 1], abs=1e-3)
        assert (one["target"], one["prediction"]) == (float(row["price"]), float(row["prediction"]))
        assert one["columns"]["kind"] == row["kind"]
        assert one["columns"]["a"] == pytest.approx(float(row["a"]))
    shown = nncli("eval", "mlp.npz", "d.csv", "--worst", 2, "-q").out.splitlines()
    assert shown[-2].split()[0] == f"{worst[0]['row']:,}"


def test_the_file_of_judged_rows_has_each_with_its_error_and_interval(
    nncli: Run, tmp_path: Path, judged: list[dict[str, str]]
) -> None:
    found = nncli("eval", "mlp.npz", "--judged", tmp_path / "j.csv", "--json", "-q").json
    with (tmp_path / "j.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert [*rows[0]] == [
        "row", "a", "b", "noise", "kind", "day", "price", "prediction", "error", "low", "high", "part",
    ]  # fmt: skip
    assert len(rows) == found["n"]
    assert {row["part"] for row in rows} == {"test"}
    errors = column(rows, "error")
    assert np.sqrt((errors**2).mean()) == pytest.approx(found["rmse"], rel=1e-5)
    inside = (column(rows, "low") <= column(rows, "price")) & (column(rows, "price") <= column(rows, "high"))
    assert inside.sum() == found["interval"]["held"]
    for row in rows:
        same = judged[int(row["row"]) - 1]
        for name in ("price", "prediction", "low", "high"):
            assert float(row[name]) == pytest.approx(float(same[name]), abs=1e-3)


@pytest.mark.parametrize("name", ["kind", "a", "day"])
def test_groups_have_the_figures_of_their_rows(nncli: Run, judged: list[dict[str, str]], name: str) -> None:
    """RMSE and MAE of each category or quarter as scikit-learn has them; the groups are all rows."""
    found = nncli("eval", "mlp.npz", "d.csv", "--by", name, "--metric", "r2", "--json", "-q").json
    assert found["by"]["column"] == name
    n = 0
    for group in found["by"]["groups"]:
        low, _, high = group["group"].partition(" to ")
        among = {
            "kind": lambda row, low=low, high=high: row["kind"] == low,
            "a": lambda row, low=low, high=high: float(low) <= float(row["a"]) <= float(high),
            "day": lambda row, low=low, high=high: low <= row["day"] <= high,
        }[name]
        rows = [row for row in judged if among(row)]
        assert len(rows) == group["n"]
        n += len(rows)
        y, predicted = column(rows, "price"), column(rows, "prediction")
        expected = {"r2": r2_score, "rmse": root_mean_squared_error, "mae": mean_absolute_error}
        assert [*group["metrics"]] == [*expected]
        for metric, of in expected.items():
            one = group["metrics"][metric]
            assert one["value"] == pytest.approx(of(y, predicted), rel=1e-5)
            assert one["interval"][0] < one["value"] < one["interval"][1]
            assert one["stands_out"] == (not one["interval"][0] <= found[metric] <= one["interval"][1])
    assert n == 240
    shown = nncli("eval", "mlp.npz", "d.csv", "--by", name, "-q").out
    assert "for all" in shown


def test_a_column_that_is_no_input_makes_groups_too(nncli: Run, tmp_path: Path) -> None:
    words = ["d.csv", "-t", "price", "--drop", "kind", "-m", "linear", "-q", "-o", tmp_path / "m.npz"]
    assert nncli("train", *words).code == 0
    found = nncli("eval", tmp_path / "m.npz", "--by", "kind", "--json", "-q").json["by"]["groups"]
    assert {one["group"] for one in found} == {"a", "b", "c"}
    best = min(found, key=lambda one: one["metrics"]["rmse"]["value"])
    assert best["group"] != "a"  # whose prices are 30 higher than those of the two others


def test_several_files_have_a_line_each_and_one_for_all(
    nncli: Run, tmp_path: Path, judged: list[dict[str, str]]
) -> None:
    header, *lines = Path("d.csv").read_text().splitlines()
    for name, part in (("a.csv", lines[:50]), ("b.csv", lines[50:51]), ("c.csv", lines[51:])):
        (tmp_path / name).write_text("\n".join([header, *part]) + "\n")
    files = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    found = nncli("eval", "mlp.npz", *files, "--json", "-q").json
    assert [one["n"] for one in found["files"]] == [50, 1, 189]
    assert found["files"][1]["r2"] is None
    for file, one in zip(files, found["files"], strict=True):
        alone = nncli("eval", "mlp.npz", file, "--json", "-q").json
        assert one["rmse"] == pytest.approx(alone["rmse"], rel=1e-6)
        assert one["data"] == str(file)
    y, predicted = column(judged, "price"), column(judged, "prediction")
    expected = {"n": 240, "rmse": root_mean_squared_error(y, predicted), "mae": mean_absolute_error(y, predicted)}
    assert found["all"] == pytest.approx(expected | {"r2": r2_score(y, predicted)}, rel=1e-4)
    lines = nncli("eval", "mlp.npz", *files, "-q").out.splitlines()
    (last,) = (line.split() for line in lines if line.startswith("all 3"))
    assert last[:3] == ["all", "3", "240"]


def test_what_a_machine_sends_is_checked(priced: Path) -> None:
    """Anything but what an evaluation of this model can be is refused."""
    file = ModelFile.at(priced / "mlp.npz")
    true = evaluate_file_of_numbers(str(priced / "d.csv"), (file, DETECTED, "fail"))
    check_evaluation_of_numbers("price", json.loads(json.dumps(true)))
    no_value = {"value": None, "interval": None, "method": None}
    for change, why in (
        ({"n": 0}, "not of its form"),
        ({"target": {"name": "other", "mean": 1.0, "sd": 1.0}}, "another model"),
        ({"interval": {"share": 0.9}}, "not of its form"),
        ({"figures": {}}, "not of its form"),
        ({"figures": true["evaluation"]["figures"] | {"mae": no_value}}, "always known"),
        ({"notes": [3]}, "not of its form"),
    ):
        forged = json.loads(json.dumps(true))
        forged["evaluation"] |= change
        with pytest.raises(ValueError, match=why):
            check_evaluation_of_numbers("price", forged)
    with pytest.raises(ValueError, match="neither"):
        check_evaluation_of_numbers("price", {"evaluation": None, "failure": None})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--by price", "--by: 'price' is the target. Leave it out."),
        ("--by weather", "--by: there was no column 'weather'"),
        ("--judged -", "--judged: the figures go to stdout. Name a file."),
        ("d.csv d.csv --worst 3", "--worst: for one file"),
        ("d.csv d.csv --positive a", "--positive: it is there for classes alone"),
    ],
)
def test_bad_input_is_one_line(nncli: Run, words: str, said: str) -> None:
    outcome = nncli("eval", "mlp.npz", *words.split())
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(said)
