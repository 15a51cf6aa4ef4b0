"""`explain` and `predict --reasons` say why a number is predicted, in the unit of the target."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.inspection import permutation_importance
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from nncli.estimators.regressor import NNRegressor
from nncli.explain.importance import importances
from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.model.checkpoint import load
from test_importance import AsEstimator, columns_of, shuffles_of_sklearn, table_of

Run = Callable[..., Any]
KINDS = ["linear", "mlp"]
SKLEARN = {"rmse": root_mean_squared_error, "mae": mean_absolute_error, "r2": r2_score}


@pytest.fixture(autouse=True)
def _beside_the_models(priced: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(priced)


def rows_of(text: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(text))]


@pytest.mark.parametrize("name", SKLEARN)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_permutation_importance_of_sklearn(name: str, kind: str) -> None:
    columns, y = columns_of(200)
    y = 100 + 30.5 * y
    found = NNRegressor(epochs=10, model=kind, dtype="float64").fit(columns, y)
    model, metric, sign = found.model_, METRICS.create(name), 1 if name == "r2" else -1

    def scorer(estimator: AsEstimator, X: NDArray[Any], y: NDArray[Any]) -> float:
        return float(sign * SKLEARN[name](y, model.numbers(model.scores(estimator.table(X)))))

    objects = np.column_stack([np.asarray(column).astype(object) for column in columns.values()])
    expected = permutation_importance(AsEstimator(found), objects, y, scoring=scorer, n_repeats=3, random_state=7)
    table = table_of(found, columns)
    rows = ScoredRows.of_numbers(y, model.numbers(model.scores(table)))
    ours = importances(model, table, rows, metric, shuffles_of_sklearn(200, 3, 7))
    by_name = {one.column: one for one in ours.columns}
    assert [by_name[name].importance for name in columns] == pytest.approx(expected.importances_mean, rel=1e-9)
    for one in ours.columns:
        assert one.interval is not None
        assert one.interval[0] < one.importance < one.interval[1]


def test_the_metric_is_rmse_unless_another_is_asked_for(nncli: Run) -> None:
    found = nncli("explain", "mlp.npz", "--repeats", 2, "--json", "-q").json
    assert (found["metric"], found["repeats"]) == ("rmse", 2)
    assert found["value"] == pytest.approx(nncli("eval", "mlp.npz", "--json", "-q").json["rmse"])
    assert [one["column"] for one in found["importance"]][:2] == ["a", "b"]
    rows = rows_of(nncli("explain", "mlp.npz", "d.csv", "--metric", "mae", "--repeats", 2, "--csv").out)
    assert [*rows[0]] == ["column", "importance", "low", "high"]
    shown = nncli("explain", "mlp.npz", "--metric", "r2", "--repeats", 1)
    assert "R² " in shown.out, shown.err


def test_a_row_is_predicted_by_hand_from_the_coefficients(nncli: Run) -> None:
    """price = intercept + Σ coefficient · value, in the unit of the target."""
    found = nncli("explain", "linear.npz", "--coefficients", "--bootstrap", 0, "--json").json["coefficients"]
    assert {*found[0]} == {"column", "part", "coefficient", "interval"}
    of = {(one["column"], one["part"]): one["coefficient"] for one in found}
    assert of["kind", "a"] == 0
    answers = rows_of(nncli("predict", "linear.npz", "d.csv").out)
    for row, answer in zip(rows_of(Path("d.csv").read_text())[:20], answers, strict=False):
        day = np.datetime64(row["day"])
        (since,) = (part for column, part in of if column == "day" and part.startswith("days since "))
        parts = {since: float((day - np.datetime64(since[-10:])).astype(int))}
        parts["day of the year"] = float((day - np.datetime64(row["day"][:4] + "-01-01")).astype(int) + 1)
        parts["weekday"] = float((day.astype("datetime64[D]").astype(int) + 3) % 7)  # 1 January 1970 was a Thursday
        expected = of["(intercept)", ""] + of["kind", row["kind"]]
        expected += sum(of[name, ""] * float(row[name]) for name in ("a", "b", "noise"))
        expected += sum(of["day", part] * value for part, value in parts.items())
        assert float(answer["prediction"]) == pytest.approx(expected, rel=1e-6)


def test_coefficients_spread_as_least_squares_says(nncli: Run, tmp_path: Path) -> None:
    """Cov w = σ² (XᵀX)⁻¹, of the textbook."""
    rng = np.random.default_rng(3)
    X = rng.normal([50, -3], [20, 0.5], size=(400, 2))
    y = 7 + 0.5 * X[:, 0] - 30 * X[:, 1] + 10 * rng.normal(size=400)
    file, model = tmp_path / "two.csv", tmp_path / "m.npz"
    np.savetxt(file, np.column_stack([X, y]), delimiter=",", header="a,b,y", comments="")
    assert nncli("train", file, "-m", "linear", "--val", 0, "--test", 0, "-q", "--json", "-o", model).code == 0
    rows = rows_of(nncli("explain", model, "--coefficients", "--csv").out)
    assert [*rows[0]] == ["column", "part", "coefficient", "low", "high"]
    ones = np.column_stack([np.ones(400), X])
    w, residual, *_ = np.linalg.lstsq(ones, y)
    errors = np.sqrt(residual[0] / 397 * np.diag(np.linalg.inv(ones.T @ ones)))
    assert [float(row["coefficient"]) for row in rows] == pytest.approx(w, rel=1e-5)
    assert [(float(row["high"]) - float(row["low"])) / 2 / 1.96 for row in rows] == pytest.approx(errors, rel=0.3)
    shown = nncli("explain", model, "--coefficients", "--bootstrap", 3).out
    assert "the predicted 'y'; intervals by 3 draws of the training rows" in shown
    assert "odds" not in shown


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_add_up_to_the_prediction(nncli: Run, kind: str) -> None:
    """From that of the background, the mean input of the training rows: exactly of a line, within 1 % of a network."""
    model, _ = load(Path(f"{kind}.npz"))
    mean = model.preprocess.mean
    assert mean is not None
    background = model.numbers(model.network.forward(mean[None].astype(model.network.dtype)))[0]
    for row in (1, 7, 200):
        found = nncli("explain", f"{kind}.npz", "d.csv", "--row", row, "--json").json
        assert found["background"]["prediction"] == pytest.approx(background, rel=1e-5)
        total = sum(one["contribution"] for one in found["contributions"])
        difference = found["prediction"] - background
        assert total == pytest.approx(difference, rel=1e-4 if kind == "linear" else 0.01)
        assert found["error_of_sum"] < (1e-4 if kind == "linear" else 0.01)
        assert found["method"] == ("exact" if kind == "linear" else "integrated gradients")


def test_of_a_line_they_are_coefficients_times_the_difference_from_the_mean(nncli: Run) -> None:
    of = {
        one["column"]: one["coefficient"]
        for one in nncli("explain", "linear.npz", "--coefficients", "--bootstrap", 0, "--json").json["coefficients"]
    }
    _, provenance = load(Path("linear.npz"))
    rows = rows_of(Path("d.csv").read_text())
    held = {*provenance.val_rows.tolist(), *provenance.test_rows.tolist()}
    mean = {name: np.mean([float(row[name]) for i, row in enumerate(rows) if i not in held]) for name in ("a", "b")}
    found = nncli("explain", "linear.npz", "d.csv", "--row", 5, "--json").json["contributions"]
    adds = {one["column"]: one["contribution"] for one in found}
    for name in ("a", "b"):
        assert adds[name] == pytest.approx(of[name] * (float(rows[4][name]) - mean[name]), rel=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_predict_gives_the_reasons_that_explain_gives(nncli: Run, kind: str) -> None:
    words = ["predict", f"{kind}.npz", "d.csv", "--reasons", 3, "--interval", 0.8, "-q"]
    rows = rows_of(nncli(*words).out)
    assert [*rows[0]][:5] == ["prediction", "low", "high", "reason_1", "contribution_1"]
    for number in (1, 120):
        found = nncli("explain", f"{kind}.npz", "d.csv", "--row", number, "--json").json["contributions"]
        for k, one in enumerate(found[:3], 1):
            assert rows[number - 1][f"reason_{k}"] == one["column"]
            assert float(rows[number - 1][f"contribution_{k}"]) == pytest.approx(one["contribution"], rel=1e-3)


def test_what_moves_a_prediction_most_does_and_is_in_the_range_of_training(nncli: Run) -> None:
    """Of a line, the ends of a column's range are those of its predictions, w · (high − low) apart."""
    found = nncli("explain", "linear.npz", "d.csv", "--row", 5, "--json").json
    coefficients = nncli("explain", "linear.npz", "--coefficients", "--bootstrap", 0, "--json").json["coefficients"]
    w = {one["column"]: one["coefficient"] for one in coefficients}
    values = [float(row["a"]) for row in rows_of(Path("d.csv").read_text())]
    first = found["moves"][0]
    assert first["column"] == "a"
    assert min(values) - 0.02 <= first["lowest_at"] < first["highest_at"] <= max(values) + 0.02
    assert first["highest"] - first["lowest"] == pytest.approx(w["a"] * (max(values) - min(values)), rel=0.02)
    sizes = [one["highest"] - one["lowest"] for one in found["moves"]]
    assert sizes == sorted(sizes, reverse=True)
    line = Path("d.csv").read_text().splitlines()[5].split(",")
    for move in found["moves"]:
        place = ["a", "b", "noise", "kind", "day"].index(move["column"])
        for end in ("lowest", "highest"):
            changed = [*line[:place], str(move[f"{end}_at"]), *line[place + 1 : 5]]
            out = nncli("predict", "linear.npz", stdin="a,b,noise,kind,day\n" + ",".join(changed) + "\n").out
            assert float(out.split()[1]) == pytest.approx(move[end], rel=1e-6)


def test_a_person_sees_the_reasons_the_background_and_what_could_move_it(nncli: Run) -> None:
    out = nncli("explain", "mlp.npz", "d.csv", "--row", 3).out
    assert out.startswith("row 3 of d.csv: the predicted 'price', ")
    for said in (
        "for the mean input of the training rows",
        "integrated gradients; the sum is off by ",
        "could move it: a, now ",
    ):
        assert said in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("explain mlp.npz --coefficients", "--coefficients: model 'mlp' has hidden layers"),
        ("explain linear.npz --metric f1", "--metric: f1 is of classes, and the target is a number. Use rmse"),
        ("explain linear.npz --metric accuracy", "--metric: accuracy is of classes, and the target is a number"),
        ("explain linear.npz d.csv --row 999", "--row: expected a row from 1 to 240 of "),
        ("predict linear.npz d.csv --reasons 9", "--reasons: expected at most 5 columns"),
        ("predict mlp.npz d.csv --reasons 1 --embed", "--embed: it replaces the predictions, and --reasons"),
    ],
)
def test_bad_input_is_one_line(nncli: Run, words: str, said: str) -> None:
    outcome = nncli(*words.split())
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(said)


@pytest.mark.parametrize("size", [1e60, 1e-40], ids=["huge", "tiny"])
def test_numbers_beyond_float32_have_reasons_in_their_unit(nncli: Run, tmp_path: Path, size: float) -> None:
    """y = size · (2 a + b): what a adds is 2 size · (a − ā)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    lines = [f"{a:.6f},{b:.6f},{size * (2 * a + b):.9g}" for a, b in X]
    (tmp_path / "s.csv").write_text("a,b,y\n" + "\n".join(lines) + "\n")
    words = ["-m", "linear", "--val", 0, "--test", 0, "-q", "--json", "-o", tmp_path / "s.npz"]
    assert nncli("train", tmp_path / "s.csv", *words).code == 0
    found = nncli("explain", tmp_path / "s.npz", tmp_path / "s.csv", "--row", 4, "--json").json
    adds = {one["column"]: one["contribution"] for one in found["contributions"]}
    assert adds["a"] == pytest.approx(2 * size * (X[3, 0] - X[:, 0].mean()), rel=1e-4)
    rows = rows_of(nncli("predict", tmp_path / "s.npz", tmp_path / "s.csv", "--reasons", 2).out)
    assert float(rows[3]["contribution_1"]) == pytest.approx(found["contributions"][0]["contribution"], rel=1e-4)


def test_rows_without_names_of_columns_have_reasons_too(nncli: Run, tmp_path: Path) -> None:
    """The target of the first row is a number, and none of the classes, of which there are none."""
    lines = [f"{i % 10 / 2},{i % 7 / 4},{3 * (i % 10 / 2) - 2 * (i % 7 / 4) + 0.25}\n" for i in range(70)]
    (tmp_path / "d.csv").write_text("".join(lines))
    assert nncli("train", tmp_path / "d.csv", "-t", 2, "-m", "linear", "-q", "-o", tmp_path / "m.npz").code == 0
    found = nncli("explain", tmp_path / "m.npz", "--row", 10, "--json").json
    assert found["prediction"] == pytest.approx(3 * 4.5 - 2 * 0.5 + 0.25, rel=1e-4)  # row 10: i = 9
    (tmp_path / "new.csv").write_text("4.5,0.5,much\n")
    out = nncli("predict", tmp_path / "m.npz", tmp_path / "new.csv")
    assert (out.code, out.out) == (1, "")
    assert "column 'c2': expected a number, as in training, found 'much'" in out.err
