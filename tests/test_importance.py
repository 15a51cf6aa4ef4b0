"""`explain` says how much worse a metric gets where a column is shuffled."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm, sem
from scipy.stats.contingency import association
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from nncli.data.dataset import Table
from nncli.estimators.base import NNEstimator
from nncli.estimators.classifier import NNClassifier
from nncli.explain.columns import correlated, inputs_of
from nncli.explain.importance import Importance, importances, permutations
from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.model.network import EVAL_ROWS

Run = Callable[..., Any]
UP = ("up", "down")


def columns_of(n: int, seed: int = 0) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Make numbers, a text and a date that say something of three classes, and a number that says nothing."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {"x": rng.normal(size=n), "noise": rng.normal(size=n)}
    columns["colour"] = rng.choice(["red", "green", "blue"], n)
    columns["day"] = np.datetime64("2024-01-01") + rng.integers(0, 300, n).astype("timedelta64[D]")
    level = columns["x"] + (columns["colour"] == "red") + (columns["day"] > np.datetime64("2024-06-01"))
    return columns, np.digitize(level + rng.normal(size=n) / 3, [0.2, 1.2])


def table_of(found: NNEstimator, columns: Any) -> Table:
    return found._table(columns, "predict")


def judge(found: NNClassifier, table: Table, y: NDArray[np.int64]) -> ScoredRows:
    model, Z = found.model_, found.model_.scores(table)
    return ScoredRows(y, model.predicted(Z), len(model.classes), model.logits(Z), model.probabilistic)


def shuffles_of_sklearn(n: int, repeats: int, seed: int) -> NDArray[np.int64]:
    """Return the orders that permutation_importance puts each column in: it shuffles what is shuffled already."""
    drawn = np.random.RandomState(np.random.RandomState(seed).randint(np.iinfo(np.int32).max + 1))
    step, order, orders = np.arange(n), np.arange(n), []
    for _ in range(repeats):
        drawn.shuffle(step)
        order = order[step]
        orders.append(order)
    return np.array(orders)


class AsEstimator:
    """A model as scikit-learn sees it, with rows of objects."""

    def __init__(self, found: NNEstimator) -> None:
        self.found = found

    def fit(self, X: Any, y: Any) -> None: ...

    def table(self, X: NDArray[Any]) -> Table:
        names = self.found.model_.schema.names
        kinds = {"colour": str, "day": "datetime64[D]"}
        return table_of(self.found, {name: X[:, i].astype(kinds.get(name, float)) for i, name in enumerate(names)})


@pytest.mark.parametrize("options", [{"model": "softmax"}, {"model": "logistic"}, {"hidden": (16, 8)}], ids=str)
@pytest.mark.parametrize("name", ["accuracy", "log-loss", "roc-auc"])
def test_it_is_the_permutation_importance_of_sklearn(name: str, options: dict[str, Any]) -> None:
    columns, y = columns_of(300)
    found = NNClassifier(epochs=20, **options).fit(columns, y)
    model, metric = found.model_, METRICS.create(name)

    def scorer(estimator: AsEstimator, X: NDArray[Any], y: NDArray[Any]) -> float:
        Z = model.scores(estimator.table(X))
        if name == "accuracy":
            return float(accuracy_score(y, model.predicted(Z)))
        P = model.by_class(Z).astype(np.float64)
        P /= P.sum(axis=1, keepdims=True)
        return -log_loss(y, P) if name == "log-loss" else float(roc_auc_score(y, P, multi_class="ovr"))

    objects = np.column_stack([np.asarray(column).astype(object) for column in columns.values()])
    expected = permutation_importance(AsEstimator(found), objects, y, scoring=scorer, n_repeats=4, random_state=7)
    table = table_of(found, columns)
    ours = importances(model, table, judge(found, table, y), metric, shuffles_of_sklearn(300, 4, 7))
    by_name = {one.column: one.importance for one in ours.columns}
    assert [by_name[name] for name in columns] == pytest.approx(expected.importances_mean, abs=2e-6)


@pytest.mark.parametrize("size", [0, 10**9], ids=["threads", "one after another"])
@pytest.mark.parametrize("options", [{"activation": "tanh"}, {"hidden": (20, 10), "dropout": 0.2}], ids=str)
def test_it_is_what_the_model_says_of_shuffled_rows(
    options: dict[str, Any], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more rows than go through the network at once, by threads and without."""
    monkeypatch.setattr("nncli.explain.importance.SIZE_FOR_THREADS", size)
    columns, y = columns_of(2 * EVAL_ROWS + 5)
    y = np.minimum(y, 1)
    found = NNClassifier(epochs=2, **options).fit(columns, y)
    table, orders = table_of(found, columns), permutations(len(y), 2)
    rows = judge(found, table, y)
    for name in ("accuracy", "log-loss"):
        metric, expected = METRICS.create(name), {}
        sign = 1 if metric.higher_is_better else -1
        for column in columns:
            shuffled = [table_of(found, columns | {column: columns[column][order]}) for order in orders]
            worse = [sign * (metric.value(rows) - metric.value(judge(found, one, y))) for one in shuffled]
            expected[column] = float(np.mean(worse))
        ours = importances(found.model_, table, rows, metric, orders)
        assert {one.column: one.importance for one in ours.columns} == pytest.approx(expected, abs=1e-6)


def test_pixels_are_columns_too(nncli: Run, digits_model: Path) -> None:
    found = nncli("explain", digits_model, "--metric", "accuracy", "--repeats", 2, "--json").json
    assert (found["metric"], found["repeats"], len(found["importance"])) == ("accuracy", 2, 64)
    least = {one["column"]: one["importance"] for one in found["importance"]}
    assert least["pixel_0_0"] == 0  # it is blank in every picture


def planted(seed: int) -> tuple[list[Importance], int]:
    """Train on 5 columns that tell, each with its own weight, 20 that do not, and 2 that are nearly one; return the
    importances on rows of their own, and how many columns of noise have an interval without 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1200, 27))
    X[:, 26] = X[:, 25] + rng.normal(size=1200) / 10
    y = (X[:, :5] @ [2.0, 1.6, 1.4, 1.2, 1.0] + X[:, 25] + rng.normal(size=1200) > 0).astype(int)
    found = NNClassifier(hidden=16, epochs=15, seed=seed).fit(X[:800], y[:800])
    table = table_of(found, X[800:])
    rows = judge(found, table, y[800:])
    ours = importances(found.model_, table, rows, METRICS.create("log-loss"), permutations(400, 5))
    assert [pair[:2] for pair in ours.correlated] == [("c25", "c26")]
    noise = {f"c{i}" for i in range(5, 25)}
    without = 0
    for one in ours.columns:
        if one.column in noise:
            assert one.interval is not None
            without += not one.interval[0] <= 0 <= one.interval[1]
    return ours.columns, without


@pytest.mark.parametrize("seeds", [6, pytest.param(100, marks=pytest.mark.long)])
def test_planted_columns_come_first_and_intervals_of_noise_have_0(seeds: int) -> None:
    right = missed = 0
    for seed in range(seeds):
        columns, without = planted(seed)
        right += {f"c{i}" for i in range(5)} <= {one.column for one in columns[:7]}
        missed += without
    assert right >= 0.95 * seeds
    assert missed <= 0.08 * 20 * seeds  # 5 % are expected


def test_the_interval_of_a_mean_is_that_of_the_differences_of_rows() -> None:
    columns, y = columns_of(200)
    found = NNClassifier(epochs=20, model="softmax").fit(columns, y)
    table, orders = table_of(found, columns), permutations(200, 3)
    ours = importances(found.model_, table, judge(found, table, y), METRICS.create("log-loss"), orders)
    first = next(one for one in ours.columns if one.column == "x")
    tables = [table, *(table_of(found, {**columns, "x": columns["x"][order]}) for order in orders)]
    losses = [
        -np.log(found.model_.by_class(found.model_.scores(one))[np.arange(200), y].astype(float)) for one in tables
    ]
    worse = np.mean(losses[1:], axis=0) - losses[0]
    half = norm.ppf(0.975) * sem(worse)
    assert first.interval == pytest.approx((worse.mean() - half, worse.mean() + half), rel=1e-4)


@pytest.mark.parametrize("metric", ["log-loss", "accuracy", "roc-auc", "mcc", "ece"])
@pytest.mark.parametrize("options", [{"model": "softmax"}, {"hidden": 8}, {"hidden": 8, "ensemble": 2}], ids=str)
def test_a_column_that_is_the_same_in_all_rows_has_no_importance_at_all(options: dict[str, Any], metric: str) -> None:
    """Not even one of rounding, which would have an interval without 0."""
    columns, y = columns_of(200)
    found = NNClassifier(epochs=10, **options).fit(columns, y)
    table = table_of(found, {**columns, "x": np.full(200, 0.3)})
    ours = importances(found.model_, table, judge(found, table, y), METRICS.create(metric), permutations(200, 5))
    [of_x] = [one for one in ours.columns if one.column == "x"]
    assert (str(of_x.importance), of_x.interval) == ("0.0", None)


@pytest.mark.long
def test_a_bootstrapped_interval_is_as_wide_as_resampled_rows_spread() -> None:
    columns, y = columns_of(200)
    found = NNClassifier(epochs=20, model="softmax").fit(columns, y > 0)
    table, rng, truth = table_of(found, columns), np.random.default_rng(5), (y > 0).astype(np.int64)
    orders = permutations(200, 2)
    ours = importances(found.model_, table, judge(found, table, truth), METRICS.create("roc-auc"), orders)
    first = next(one for one in ours.columns if one.column == "x")
    lead = [found.model_.scores(table) @ [-1, 1]]
    for order in orders:
        changed = {**columns, "x": columns["x"][order]}
        lead.append(found.model_.scores(table_of(found, changed)) @ [-1, 1])
    values = []
    for _ in range(500):
        rows = rng.integers(200, size=200)
        auc = [roc_auc_score(truth[rows], one[rows]) for one in lead]
        values.append(auc[0] - np.mean(auc[1:]))
    assert first.interval is not None
    assert (first.interval[1] - first.interval[0]) / 2 == pytest.approx(1.96 * np.std(values), rel=0.35)


@pytest.mark.parametrize("name", ["accuracy", "f1:average=macro"])
def test_rows_that_are_there_four_times_in_one_group_make_no_figure_surer(name: str) -> None:
    columns, y = columns_of(150)
    found = NNClassifier(epochs=20, model="softmax").fit(columns, y)
    four = {key: np.repeat(column, 4) for key, column in columns.items()}
    orders = permutations(150, 3)
    of_four = (4 * orders[:, :, None] + np.arange(4)).reshape(3, -1)
    widths = []
    for rows, order, groups in ((columns, orders, None), (four, of_four, np.repeat(np.arange(150), 4))):
        table, truth = table_of(found, rows), np.repeat(y, len(rows["x"]) // 150)
        scored = ScoredRows(**{**vars(judge(found, table, truth)), "groups": groups})
        first = importances(found.model_, table, scored, METRICS.create(name), order).columns[0]
        assert first.interval is not None
        widths.append(first.interval[1] - first.interval[0])
    assert widths[1] == pytest.approx(widths[0], rel=1e-9 if name == "accuracy" else 0.4)


def test_correlation_is_that_of_pearson_of_cramer_and_eta() -> None:
    rng = np.random.default_rng(0)
    n = 4000
    a = rng.normal(size=n)
    columns: dict[str, Any] = {"a": a, "b": -a + rng.normal(size=n) / 3, "other": rng.normal(size=n)}
    columns["sign"] = np.where(a > 0, "up", "down")
    columns["near"] = np.where(rng.random(n) < 0.95, columns["sign"], "other")
    found = NNClassifier(epochs=1).fit(columns, a > 0.3)
    preprocess = found.model_.preprocess
    X = preprocess.transform(table_of(found, columns), np.dtype("float64")).slice(0, n)
    pairs = {pair[:2]: pair[2] for pair in correlated(X, inputs_of(found.model_.schema, preprocess))}
    near = [[np.sum((columns["sign"] == s) & (columns["near"] == t)) for t in ("up", "down", "other")] for s in UP]
    means = [a[columns["sign"] == s].mean() for s in UP]
    between = sum((columns["sign"] == s).sum() * (m - a.mean()) ** 2 for s, m in zip(UP, means, strict=True))
    expected = {
        ("a", "b"): abs(np.corrcoef(a, columns["b"])[0, 1]),
        ("sign", "near"): association(np.array(near), method="cramer"),
    }
    expected["a", "sign"] = np.sqrt(between / ((a - a.mean()) ** 2).sum())  # 0.804
    assert pairs == {pair: pytest.approx(value, abs=1e-3) for pair, value in expected.items()}


def test_the_csv_has_what_the_json_has(nncli: Run, iris_model: Path) -> None:
    found = nncli("explain", iris_model, "--json").json
    assert (found["metric"], found["evaluated_on"]) == ("log-loss", "the 22 test rows of iris")
    assert found["value"] == pytest.approx(nncli("eval", iris_model, "--json").json["log_loss"])
    rows = [*csv.DictReader(io.StringIO(nncli("explain", iris_model, "--csv").out))]
    assert [(row["column"], float(row["importance"]), [float(row["low"]), float(row["high"])]) for row in rows] == [
        (one["column"], one["importance"], one["interval"]) for one in found["importance"]
    ]
    worse = [one["importance"] for one in found["importance"]]
    assert worse == sorted(worse, reverse=True)


def test_a_person_sees_the_columns_and_which_are_correlated(nncli: Run, iris_model: Path) -> None:
    shown = nncli("explain", iris_model, "iris").out
    assert "evaluated on all 150 rows of iris" in shown
    assert "strongly correlated: 'petal_length_cm' and 'petal_width_cm' (0.96)" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--json", "--csv"], "--csv: --json asks for another form. Leave one of them out."),
        (["--metric", "cost"], "--metric: cost of these rows: nobody said what mistakes cost. Train with --cost."),
        (["--metric", "accurasy"], "Did you mean 'accuracy'?"),
        (["--repeats", "0"], "--repeats: expected a whole number"),
        (["--on-error", "skip"], "--on-error: its own data are read as in training. Leave it out."),
    ],
)
def test_bad_input_is_one_line(nncli: Run, iris_model: Path, options: list[str], said: str) -> None:
    outcome = nncli("explain", iris_model, *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert said in outcome.err


def test_what_is_advised_is_for_this_command(nncli: Run, iris_model: Path, folder: Path) -> None:
    assert nncli("explain", "untested.npz").err.endswith("Name the data to evaluate on: nncli explain MODEL DATA.\n")
    assert nncli("explain", iris_model, "iris").err.endswith(f"own test rows: nncli explain {iris_model}\n")
