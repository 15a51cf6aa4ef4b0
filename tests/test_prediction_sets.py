"""Prediction sets hold the class of as many rows as they promise, and are written so that they can be read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nncli as package
from forgery import with_meta
from nncli.errors import NncliError, OptionError
from nncli.inference.predict_options import PredictOptions
from nncli.inference.prediction_sets import JudgedSets, as_cell, sets_of
from nncli.inference.predictor import Predictor

Run = Callable[..., Any]
MODELS = Path(__file__).parent / "models"


def test_a_set_has_the_classes_that_are_likely_enough() -> None:
    """Of 0.5, 0.3 and 0.2, those of at least 0.3 are two; of 0.2, 0.25 and 0.55 one; of 0.29, 0.42 and 0.29 one; of
    three thirds, all; of four quarters, none."""
    P = np.array(
        [[0.5, 0.3, 0.2, 0], [0.2, 0.25, 0.55, 0], [0.29, 0.42, 0.29, 0], [1 / 3, 1 / 3, 1 / 3, 0], [0.25] * 4]
    )
    found, of_row = sets_of(P, 0.3)
    members = [[int(k) for k in found[i] if k >= 0] for i in of_row]
    assert members == [[0, 1], [2], [1], [0, 1, 2], []]
    judged = JudgedSets(0.3)
    judged.add(P, np.array([1, 1, 1, 2, 3]))  # held: yes, no, yes, yes, no; sizes 2, 1, 1, 3, 0
    told = judged.to_json(None)
    assert (told["held"], told["coverage"], told["mean_size"], told["empty"]) == (3, 0.6, 1.4, 1)
    assert told["coverage_interval"] == pytest.approx([0.2307, 0.8824], abs=1e-4)  # Wilson, of 3 in 5
    assert told["mean_size_interval"][0] < 1.4 < told["mean_size_interval"][1]


def test_what_is_likely_enough_comes_from_validation_rows(iris_model: Path) -> None:
    """Of 9 rows, 90 % rests on the 9th largest probability, 80 % on the 8th, 50 % on the 5th, and 91 % on a 10th."""
    model = package.load(iris_model).model_
    Z = np.log([[p, (1 - p) / 2, (1 - p) / 2] for p in np.arange(0.1, 1, 0.1)])
    model = model.with_validation(model.by_class(Z)[:, 0])
    found = [model.least_probability(share) for share in (0.9, 0.8, 0.5, 0.91)]
    assert found == [pytest.approx(0.1), pytest.approx(0.2), pytest.approx(0.5), None]


def test_predict_writes_sets_and_eval_counts_them(nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    X = rng.normal(size=(300, 2)) + 1.5 * np.stack([y == 1, y == 2], axis=1)
    names = np.array(["a|b", "c", 'say "no"'])
    with Path("d.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["x1", "x2", "class"], *([*x, names[k]] for x, k in zip(X, y, strict=True))])
    assert nncli("train", "d.csv", "-m", "softmax", "-q", "-o", "m.npz").code == 0
    rows = [*csv.DictReader(io.StringIO(nncli("predict", "m.npz", "d.csv", "--proba", "--interval", "0.9").out))]
    P = np.array([[float(row[f"p_{name}"]) for name in names] for row in rows])
    loaded = package.load("m.npz")
    val = loaded.provenance_.val_rows
    own = np.sort(P[val, y[val]])[::-1]
    # P as it is written has 8 figures or so
    is_in = own[int(np.ceil(0.9 * (len(val) + 1))) - 1] * (1 - 1e-6) <= P
    cells = ['"a|b"', "c", '"say ""no"""']
    wanted = [
        "|".join(cells[k] for k in np.argsort(-p, kind="stable") if its[k]) for p, its in zip(P, is_in, strict=True)
    ]
    assert [row["set"] for row in rows] == wanted
    documents = nncli("predict", "m.npz", "d.csv", "--interval", "0.9", "--jsonl").out.splitlines()
    assert [as_cell(json.loads(line)["set"]) for line in documents] == wanted
    told = nncli("eval", "m.npz", "d.csv", "--json", "-q").json["sets"]
    assert (told["held"], told["empty"]) == (is_in[np.arange(300), y].sum(), (is_in.sum(axis=1) == 0).sum())
    assert told["mean_size"] == pytest.approx(is_in.sum(axis=1).mean())
    share = f"{100 * told['coverage']:.1f}"
    said = f"predict --interval 0.9: the sets of classes hold the true one in {share} %\nof these rows (95 % interval"
    assert said in nncli("eval", "m.npz", "d.csv", "-q").out


def test_a_row_that_cannot_be_read_has_an_empty_set(nncli: Run, iris_model: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    first = (Path(package.__file__).parents[2] / "datasets" / "iris.csv").read_text().splitlines()[:2]
    rows.write_text("\n".join([*first, "x,1,1,1,setosa", ""]))
    out = nncli("predict", iris_model, rows, "--interval", "0.9", "--on-error", "blank", "--jsonl", "-q").out
    assert [json.loads(line) for line in out.splitlines()][1] == {"prediction": None, "set": None}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            ["--model", "svm"],
            "prediction sets rest on probabilities, and svm gives scores. Train it with --calibrate.",
        ),
        (
            ["--val", "0", "--epochs", "2"],
            "a prediction set rests on predictions of validation rows, and the model file has none. "
            "Train it again, with --val 0.15.",
        ),
    ],
    ids=["scores", "no validation rows"],
)
def test_a_model_that_cannot_say_is_refused(options: list[str], problem: str, nncli: Run, tmp_path: Path) -> None:
    model = tmp_path / "m.npz"
    assert nncli("train", "iris", *options, "-q", "-o", model).code == 0
    out = nncli("predict", model, "iris", "--interval", "0.9")
    assert (out.code, out.out, out.err) == (2, "", f"--interval: {problem}\n")
    assert nncli("eval", model, "iris", "--json", "-q").json["sets"] is None


@pytest.mark.parametrize("version", range(3, 7))
def test_a_model_of_an_older_format_is_refused(version: int) -> None:
    with pytest.raises(OptionError, match="the model file has none"):
        Predictor(package.load(MODELS / f"format-{version}.npz").model_, PredictOptions(interval=0.9))


@pytest.mark.parametrize("own", [[0.5, 0.6], [1.5], [-0.1], [0.5] * 1001], ids=["rising", "above 1", "below 0", "many"])
def test_a_model_file_with_other_probabilities_is_refused(own: list[float], iris_model: Path, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(with_meta("own_probabilities", own)(iris_model.read_bytes()))
    with pytest.raises(NncliError, match="expected a model written by nncli"):
        package.load(tmp_path / "x.npz")


@pytest.mark.long
@pytest.mark.parametrize("share", [0.8, 0.9])
def test_sets_hold_what_they_promise_over_200_splits(share: float) -> None:
    """The classes overlap by more in one place than in another, so that sets have from no class to three."""
    held = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 3, 700)
        X = rng.normal(size=(700, 2)) * np.where(y == 2, 2, 1)[:, None] + 2 * np.stack([y == 1, y == 2], axis=1)
        trained = package.NNClassifier(model="softmax", epochs=15, val=0.4, split_seed=seed).fit(X[:200], y[:200])
        least = trained.model_.least_probability(share)
        P = trained.predict_proba(X[200:])
        held.append((P[np.arange(500), y[200:]] >= np.float32(least)).mean())
    assert np.mean(held) == pytest.approx(share, abs=0.02)
