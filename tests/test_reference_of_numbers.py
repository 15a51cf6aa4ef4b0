"""`train --reference` of numbers trains a model of scikit-learn on the same rows, and says which of them is nearer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import permutation_test, ttest_1samp
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from forgery import with_meta
from nncli.config.train_config import TrainConfig
from nncli.training.prepare import prepare

Run = Callable[..., Any]
N = 400


@pytest.fixture(autouse=True)
def _curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of rows whose y is a curve of one column and a line of another."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    X = rng.normal(size=(N, 3))
    y = 40 + 5 * X[:, 0] ** 2 + 3 * X[:, 1] + rng.normal(size=N)
    np.savetxt("c.csv", np.column_stack([X, y]), delimiter=",", header="a,b,c,y", comments="")


def of_sklearn(kind: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the positions of the test rows, their numbers, and what scikit-learn predicts for them."""
    data = np.loadtxt("c.csv", delimiter=",", skiprows=1)
    split = prepare(TrainConfig(data=("c.csv",), seed=3)).split
    X = (data[:, :3] - data[split.train, :3].mean(axis=0)) / data[split.train, :3].std(axis=0)
    reference = HistGradientBoostingRegressor(random_state=3) if kind == "trees" else LinearRegression()
    reference.fit(X[split.train], data[split.train, 3])
    return split.test, data[split.test, 3], reference.predict(X[split.test])


@pytest.mark.parametrize("kind", [pytest.param("trees", marks=pytest.mark.long), "linear"])
def test_it_learns_from_the_same_rows_and_is_compared_on_the_test_rows(nncli: Run, kind: str) -> None:
    words = ["train", "c.csv", "--epochs", 30, "--seed", 3, "--reference", kind, "--metric", "mae"]
    outcome = nncli(*words, "--json", "-q")
    assert outcome.code == 0, outcome.err
    test, y, theirs = of_sklearn(kind)
    found = outcome.json["reference"]
    assert (found["name"], found["part"]) == (kind, "test")
    # trees split at numbers of float32, and now and then a row falls on the other side
    near = {"rel": 2e-2 if kind == "trees" else 1e-4}
    assert found["rmse"] == pytest.approx(root_mean_squared_error(y, theirs), **near)
    assert found["mae"] == pytest.approx(mean_absolute_error(y, theirs), **near)
    assert found["r2"] == pytest.approx(r2_score(y, theirs), **near)
    ours = np.array(list(map(float, nncli("predict", "model.npz", "c.csv").out.split()[1:])))[test]
    d = (ours - y) ** 2 - (theirs - y) ** 2
    assert found["difference"] == pytest.approx(d.mean(), rel=0.05)
    flipped = permutation_test((d,), np.mean, permutation_type="samples", n_resamples=9999, rng=0)
    assert found["p_value"] == pytest.approx(flipped.pvalue, abs=0.02)
    student, (low, high) = ttest_1samp(d, 0).confidence_interval(), found["interval"]
    width = student.high - student.low  # which a skewed mean needs more than
    assert low <= student.low + 0.05 * width
    assert student.high <= high + 0.05 * width
    assert high - low < 3 * width
    assert found["metric"]["name"] == "mae"
    assert found["metric"]["value"] == pytest.approx(found["mae"])
    assert found["metric"]["difference"] == pytest.approx(outcome.json["test"]["mae"] - found["mae"], rel=1e-3)
    assert nncli("info", "model.npz", "--json").json["figures"]["reference"] == found


def test_a_line_through_a_curve_is_beaten_and_said_so(nncli: Run) -> None:
    outcome = nncli("train", "c.csv", "-m", "linear", "--reference", "trees")
    said = "the model is farther from the true numbers than gradient-boosted trees, by more than chance on these rows ("
    assert said in outcome.out
    assert "reference (gradient-boosted trees)" in outcome.out
    assert "trees" in nncli("info", "model.npz").out
    same = nncli("train", "c.csv", "-m", "linear", "--reference", "linear", "--json")
    assert "the model and linear regression differ by no more than chance" in same.err
    assert same.json["reference"]["p_value"] > 0.05
    low, high = same.json["reference"]["interval"]
    assert low <= 0 <= high


def test_weights_and_groups_count_for_the_reference_too(nncli: Run) -> None:
    """Rows of weight 0 have no part in a line: y = 3 a + 1 is found without error."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=200)
    y, w = np.where(np.arange(200) % 2 == 0, 3 * a + 1, 50 + rng.normal(size=200)), np.arange(200) % 2 == 0
    lines = [f"{x:.6f},{v:.6f},{1 if its else 0},{i // 4}" for i, (x, v, its) in enumerate(zip(a, y, w, strict=True))]
    Path("w.csv").write_text("a,y,w,g\n" + "\n".join(lines) + "\n")
    words = ["train", "w.csv", "--weight", "w", "--group", "g", "--epochs", 2, "--hidden", 4, "--reference", "linear"]
    found = nncli(*words, "--json", "-q").json["reference"]
    assert found["rmse"] < 1e-4
    assert found["p_value"] < 0.05


def test_without_test_rows_it_is_said_that_the_validation_rows_chose_the_epoch(nncli: Run) -> None:
    outcome = nncli("train", "c.csv", "--epochs", 2, "--test", 0, "--reference", "linear", "-q")
    assert "on the validation rows, by which the epoch was chosen too" in outcome.out
    both = nncli("train", "c.csv", "--test", 0, "--val", 0, "--reference", "linear", "-q")
    assert (both.code, both.err) == (2, "--reference: there are no rows to compare on. Set --test above 0.\n")


@pytest.mark.parametrize("change", [("name", "luck"), ("part", "train"), ("rmse", None)], ids=str)
def test_a_file_with_another_reference_is_refused(nncli: Run, change: tuple[str, Any]) -> None:
    nncli("train", "c.csv", "-m", "linear", "--reference", "linear", "--json", "-q")
    forged = with_meta(f"figures.reference.{change[0]}", change[1])(Path("model.npz").read_bytes())
    Path("forged.npz").write_bytes(forged)
    outcome = nncli("info", "forged.npz")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
