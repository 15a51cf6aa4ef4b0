"""NNClassifier and NNRegressor are estimators of scikit-learn, on arrays and on data frames."""

from __future__ import annotations

import dataclasses
import datetime
import doctest
import inspect
import pickle
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator

from nncli import NNClassifier, NNRegressor, load
from nncli.config.task import OF_CLASSES
from nncli.config.train_config import TrainConfig
from nncli.errors import NncliError, OutputError
from nncli.estimators.base import NO_PARAMETERS

Run = Callable[..., Any]
PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "use-from-python.md"


def noisy(n: int = 120, d: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two classes that overlap."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X[:, 0] + rng.normal(size=n) > 0).astype(int)


def theta(estimator: Any) -> bytes:
    return estimator.model_.network.theta.tobytes()


# what scikit-learn asks


@pytest.mark.long
@pytest.mark.parametrize(
    "estimator",
    [
        NNClassifier(),
        *[NNClassifier(model=model) for model in ("softmax", "logistic", "svm", "perceptron", "mira", "adaline")],
        NNClassifier(hidden=(8, 8), optimizer="lbfgs", dtype="float64"),
        NNRegressor(),
        NNRegressor(model="linear"),
        NNRegressor(hidden=8, loss="huber"),
    ],
    ids=repr,
)
def test_all_of_check_estimator_passes(estimator: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skipped are those that need pandas, where it is not installed
        found = check_estimator(estimator, on_fail=None, on_skip=None)
    assert [one["check_name"] for one in found if one["status"] not in ("passed", "skipped")] == []
    skipped = [str(one["exception"]) for one in found if one["status"] == "skipped"]
    assert all(re.search("pandas is not installed|SCIPY_ARRAY_API is not set", one) for one in skipped)


DECISIVE = [
    "check_sample_weight_equivalence_on_dense_data", "check_methods_subset_invariance", "check_estimators_unfitted",
    "check_n_features_in_after_fitting", "check_dtype_object", "check_estimators_empty_data_messages",
    "check_estimators_partial_fit_n_features", "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_sparse_array", "check_fit2d_predict1d", "check_requires_y_none", "check_sample_weights_shape",
]  # fmt: skip


@pytest.mark.parametrize("estimator", [NNClassifier(model="softmax", epochs=10), NNRegressor(epochs=10)], ids=repr)
@pytest.mark.parametrize("check", DECISIVE)
@pytest.mark.filterwarnings("ignore")
def test_decisive_checks_pass(check: str, estimator: Any) -> None:
    getattr(estimator_checks, check)(type(estimator).__name__, estimator)


def test_parameters_are_the_options_that_arrays_have_use_for() -> None:
    options = {*TrainConfig.options()} - {*NO_PARAMETERS}
    assert {"categorical", "group", "time"} <= options  # of columns, which frames have too
    assert {*NNClassifier().get_params()} == options
    assert {*NNRegressor().get_params()} == options - {*OF_CLASSES}
    usual = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    for kind in (NNClassifier, NNRegressor):
        its = {"test": 0.0, "class_weight": None}  # of an estimator alone
        for name, parameter in inspect.signature(kind).parameters.items():
            assert parameter.default == its.get(name, usual[name]), name
            assert re.search(rf"^    {name} : ", kind.__doc__ or "", re.MULTILINE), name


def test_import_loads_no_scikit_learn() -> None:
    code = "import sys, nncli; assert not {'numpy', 'sklearn'} & {*sys.modules}; nncli.load; sys.modules['sklearn']"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_they_work_in_what_scikit_learn_makes_of_estimators() -> None:
    X, y = load_iris(return_X_y=True)
    quick = NNClassifier(model="softmax", epochs=40, lr=0.05)
    line = make_pipeline(StandardScaler(), quick)
    assert cross_val_score(line, X, y, cv=3).mean() > 0.85
    grid = GridSearchCV(line, {"nnclassifier__lr": [1e-6, 0.05]}, cv=2).fit(X, y)
    assert grid.best_params_ == {"nnclassifier__lr": 0.05}
    calibrated = CalibratedClassifierCV(NNClassifier(model="svm", epochs=60), cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.85
    importances = permutation_importance(quick.fit(X, y), X, y, n_repeats=2, random_state=0).importances_mean
    assert importances[2:].min() > importances[:2].max()  # the petals tell


@pytest.mark.long
def test_a_grid_is_searched_by_several_processes() -> None:
    X, y = noisy()
    how = {"estimator": NNClassifier(epochs=5), "param_grid": {"hidden": [4, (8, 4)]}, "cv": 2}
    one, two = (GridSearchCV(**how, n_jobs=jobs).fit(X, y).cv_results_["mean_test_score"] for jobs in (1, 2))
    assert two == pytest.approx(one, abs=0.02)


# as `nncli train` does


@pytest.mark.parametrize("is_number", [False, True], ids=["classes", "numbers"])
def test_fit_comes_to_the_parameters_of_the_command_line(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_number: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    X, y = noisy(200)
    y = X @ [1.5, 2, 0] + 0.1 * y if is_number else y
    np.savez("d.npz", X=X, y=y)
    assert nncli("train", "d.npz", "--test", 0, "--hidden", 8, "--seed", 4, "--epochs", 20, "-q").code == 0
    kind = NNRegressor if is_number else NNClassifier
    ours = kind(hidden=8, seed=4, epochs=20).fit(X, y)
    theirs = load("model.npz")
    assert theta(ours) == theta(theirs)
    assert type(theirs) is kind
    assert ours.figures_["val"] == theirs.figures_["val"]
    # the parameters of a loaded model say how it was trained
    assert theta(kind(**theirs.get_params()).fit(X, y)) == theta(ours)


def test_the_command_line_reads_rows_for_a_model_of_arrays(nncli: Run, tmp_path: Path) -> None:
    X, y = load_iris(return_X_y=True)
    NNClassifier(epochs=30).fit(X, y).save(tmp_path / "m.npz")
    predicted = load(tmp_path / "m.npz").predict(X).tolist()
    rows = [[repr(float(value)) for value in row] for row in X]
    for name, header, labelled in [("bare", [], False), ("named", ["x0", "x1", "x2", "x3"], False), ("y", [], True)]:
        lines = [header] if header else []
        lines += [[*row, str(label)] if labelled else row for row, label in zip(rows, y, strict=True)]
        (tmp_path / f"{name}.csv").write_text("".join(",".join(line) + "\n" for line in lines))
        outcome = nncli("predict", tmp_path / "m.npz", tmp_path / f"{name}.csv")
        assert outcome.out.split()[1:] == predicted, outcome.err
    accuracy = nncli("eval", tmp_path / "m.npz", tmp_path / "y.csv", "--json", "-q").json["accuracy"]
    assert accuracy == (np.array(predicted) == y.astype(str)).mean()


def test_a_model_file_of_the_command_line_is_an_estimator(iris_model: Path) -> None:
    X, y = load_iris(return_X_y=True)
    model = load(iris_model)
    assert isinstance(model, NNClassifier)
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert model.score(dict(zip(model.feature_names_in_, X.T, strict=True)), model.classes_[y]) > 0.9
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        assert (model.predict(X) == model.classes_[y]).mean() > 0.9


@pytest.mark.parametrize("is_number", [True, False], ids=["numbers", "classes"])
def test_intervals_are_those_of_predict(is_number: bool, nncli: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 2))
    y = X @ [2, 1] + rng.normal(size=300) if is_number else np.where(X[:, 0] + rng.normal(size=300) > 0, "b", "a")
    model = NNRegressor(model="linear").fit(X, y) if is_number else NNClassifier(model="softmax").fit(X, y)
    model.save(tmp_path / "m.npz")
    np.savetxt(tmp_path / "x.csv", X, delimiter=",", header="x0,x1", comments="")
    rows = nncli("predict", tmp_path / "m.npz", tmp_path / "x.csv", "--interval", 0.8, "-q").out.split()[1:]
    found = model.interval(X, 0.8)
    if is_number:
        np.testing.assert_allclose(found, [[float(one) for one in row.split(",")[1:]] for row in rows], atol=1e-4)
    else:
        assert [{*row.split(",")[1].split("|")} - {""} for row in rows] == [
            {name for name, is_in in zip("ab", each, strict=True) if is_in} for each in found
        ]
    with pytest.raises(ValueError, match="between 0 and 1"):
        model.interval(X, 90)


# classes and scores


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 1] * 30, np.int8), np.array([True, False] * 30), np.array([2.0, 1.0] * 30), ["b", "a"] * 30,
        np.array(["b", "a"] * 30, object), np.array([10, 9] * 30, object), pa.array(["b", "a"] * 30),
    ],
    ids=["int8", "bool", "float", "list", "objects", "numbers as objects", "arrow"],
)  # fmt: skip
def test_classes_come_back_in_the_type_they_were_given(y: Any) -> None:
    X = np.tile([[1.0], [-1.0]], (30, 1))
    model = NNClassifier(model="logistic", epochs=20).fit(X, y)
    assert model.classes_.tolist() == sorted({*np.asarray(y).tolist()})
    assert model.classes_.dtype == np.asarray(y).dtype
    assert model.predict(X).tolist() == np.asarray(y).tolist()


@pytest.mark.parametrize(
    "given",
    [{"model": name} for name in ("logistic", "softmax", "svm", "adaline", "perceptron")]
    + [{"calibrate": True, "model": "svm"}, {"choose_threshold": "recall=0.9", "positive": 1}]
    + [{"choose_threshold": "recall=0.9", "positive": 0}, {"loss": "mse:link=sigmoid"}],
    ids=str,
)
def test_decision_function_is_above_0_where_the_second_class_is_predicted(given: dict[str, Any]) -> None:
    X, y = noisy(200)
    model = NNClassifier(epochs=15, val=0.3, **given).fit(X, y)
    assert ((model.decision_function(X) > 0) == (model.predict(X) == 1)).all()
    assert 0 < model.predict(X).mean() < 1


def test_of_more_classes_the_highest_score_is_predicted_and_probabilities_are_a_matter_of_the_model() -> None:
    X, y = load_iris(return_X_y=True)
    scores = NNClassifier(model="svm", epochs=10).fit(X, y)
    assert (scores.decision_function(X).argmax(axis=1) == scores.predict(X)).all()
    assert not hasattr(scores, "predict_proba")
    assert not hasattr(NNClassifier(model="perceptron"), "predict_proba")
    assert hasattr(NNClassifier(model="svm", calibrate=True), "predict_proba")
    np.testing.assert_allclose(NNClassifier(epochs=2).fit(X, y).predict_proba(X).sum(axis=1), 1, rtol=1e-6)


def test_logistic_probabilities_are_the_sigmoid_of_scores_and_embeddings_have_a_row_for_each_row() -> None:
    X, y = noisy(60)
    model = NNClassifier(model="logistic", epochs=20).fit(X, y)
    np.testing.assert_allclose(1 / (1 + np.exp(-model.decision_function(X))), model.predict_proba(X)[:, 1], rtol=1e-9)
    with pytest.raises(ValueError, match="embed: expected a model with a hidden layer, found logistic without one"):
        model.embed(X)
    assert NNClassifier(hidden=5, epochs=2).fit(X, y).embed(X).shape == (60, 5)


def test_merged_classes_have_a_name_of_the_type_of_y() -> None:
    X, _ = noisy(150)
    y = np.array([0] * 130 + [1] * 17 + [2, 3, 4])
    model = NNClassifier(rare="merge=99", val=0.15, test=0.15, epochs=3).fit(X, y)
    assert model.classes_.tolist() == [0, 1, 99]
    with pytest.raises(ValueError, match=r"rare: expected a name of the type of y, int64, found 'others'\. "):
        NNClassifier(rare="merge=others").fit(X, y)


# weights


def test_whole_weights_are_copies_and_rows_without_weight_are_not_there() -> None:
    X, y = noisy(60)
    weights = np.random.default_rng(1).integers(0, 4, 60)
    again = np.random.default_rng(2).permutation(np.repeat(np.arange(60), weights))
    weighted = NNClassifier(epochs=10).fit(X, y, sample_weight=weights)
    assert theta(weighted) == theta(NNClassifier(epochs=10).fit(X[again], y[again]))
    assert theta(weighted) != theta(NNClassifier(epochs=10).fit(X, y))
    # each once, or none: as without weights, in the same order
    once = NNClassifier(epochs=10).fit(X, y, sample_weight=np.minimum(weights, 1))
    assert theta(once) == theta(NNClassifier(epochs=10).fit(X[weights > 0], y[weights > 0]))


def test_weights_with_fractions_say_how_much_a_row_counts() -> None:
    """A row of weight 2.5 counts as 5 of weight 0.5 do: at the optimum, it is as if it were there 5 times."""
    X, y = noisy(40)
    weights = np.where(np.arange(40) < 10, 2.5, 0.5)
    how = {"model": "logistic", "optimizer": "lbfgs", "l2": 0.1, "val": 0, "dtype": "float64", "epochs": 200}
    scale = {"scale": "none"}  # which learns from the rows without their weights
    found = NNClassifier(**how, **scale).fit(X, y, sample_weight=weights)
    copies = np.repeat(np.arange(40), (weights / 0.5).astype(int))
    expected = NNClassifier(**how, **scale).fit(X[copies], y[copies])
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-5)
    assert found.model_.config.options.weight == "sample_weight"


# data frames


class Foreign:
    """A frame of another library, which hands its columns over as Arrow does."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


def mixed() -> tuple[dict[str, Any], np.ndarray]:
    """Columns of each kind, each with a missing value."""
    rng = np.random.default_rng(3)
    n = 90
    x, place, day = rng.normal(size=n), rng.choice(["b", "a"], n), rng.integers(0, 300, n)
    y = np.where(x + (place == "a") + (day > 100) > 1, "yes", "no")
    start = datetime.date(2024, 1, 1)
    columns = {
        "x": [None, *x[1:].tolist()],
        "place": [*place[:5].tolist(), None, *place[6:].tolist()],
        "flag": [None if i == 7 else bool(i % 2) for i in range(n)],
        "day": [None if i == 9 else start + datetime.timedelta(int(days)) for i, days in enumerate(day)],
    }
    return columns, y


def frames() -> dict[str, Any]:
    columns, _ = mixed()
    table = pa.table(columns)
    coded = table.set_column(1, "place", table["place"].dictionary_encode())
    chunked = pa.concat_tables([coded.slice(0, 30), coded.slice(30)])
    stamps = table.set_column(3, "day", table["day"].cast(pa.timestamp("ns", "UTC")))
    views = table.set_column(1, "place", table["place"].cast(pa.string_view()))
    days = np.array([None if day is None else np.datetime64(day) for day in columns["day"]], "datetime64[D]")
    arrays = {name: np.array(values, object) for name, values in columns.items()} | {"day": days}
    return {
        "mapping": columns, "arrays": arrays, "arrow": table, "batch": table.combine_chunks().to_batches()[0],
        "categories": chunked, "zone": stamps, "stream": Foreign(views),
    }  # fmt: skip


@pytest.mark.parametrize("kind", frames())
def test_frames_are_read_by_the_names_and_types_of_their_columns(kind: str) -> None:
    frame, (columns, y) = frames()[kind], mixed()
    how = {"model": "softmax", "epochs": 30, "val": 0}
    model = NNClassifier(**how).fit(frame, y)
    assert model.model_.schema.columns == (("x", "number"), ("place", "text"), ("flag", "text"), ("day", "date"))
    assert model.feature_names_in_.tolist() == [*columns]
    assert theta(model) == theta(NNClassifier(**how).fit(columns, y))
    assert model.score(frame, y) > 0.8
    turned = {**dict(reversed(columns.items())), "more": [0] * len(y)}
    np.testing.assert_array_equal(model.predict_proba(turned), model.predict_proba(frame))


def test_a_frame_is_what_a_csv_of_it_is_to_the_command_line(nncli: Run, tmp_path: Path) -> None:
    columns, y = mixed()
    model = NNClassifier(model="softmax", epochs=30, val=0).fit(columns, y)
    model.save(tmp_path / "m.npz")
    cells = [["" if value is None else str(value) for value in row] for row in zip(*columns.values(), strict=True)]
    text = "\n".join([",".join([*columns, "y"]), *(",".join([*row, y[i]]) for i, row in enumerate(cells))])
    (tmp_path / "d.csv").write_text(text + "\n")
    found = nncli("eval", tmp_path / "m.npz", tmp_path / "d.csv", "--json", "-q").json
    assert found["accuracy"] == model.score(columns, y)


def test_an_array_of_objects_has_columns_of_several_kinds() -> None:
    columns, y = mixed()
    X = np.array([*zip(*columns.values(), strict=True)], object)
    model = NNClassifier(epochs=3).fit(X, y)
    assert [kind for _, kind in model.model_.schema.columns] == ["number", "text", "text", "date"]
    assert not hasattr(model, "feature_names_in_")
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        np.testing.assert_array_equal(model.predict(columns), model.predict(X))


@pytest.mark.filterwarnings("ignore")
def test_frames_of_pandas_and_polars_are_read_alike() -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")  # which no user needs to have
    columns, y = mixed()
    how = {"model": "softmax", "epochs": 10, "val": 0}
    expected = theta(NNClassifier(**how).fit(columns, y))
    frame = pandas.DataFrame(columns)
    typed = frame.astype({"place": "category", "flag": "boolean", "day": "datetime64[ns]"})
    for one in (frame, typed, typed.set_index(typed.index + 7), polars.DataFrame(columns)):
        assert theta(NNClassifier(**how).fit(one, y)) == expected
    named = NNClassifier(**how).fit(frame, pandas.Series(y, name="answer"))
    assert named.model_.schema.target == "answer"


# pickles, files and steps


@pytest.mark.parametrize("estimator", [NNClassifier(epochs=3), NNRegressor(epochs=3)], ids=repr)
def test_a_pickle_is_the_bytes_of_a_model_file(estimator: Any, tmp_path: Path) -> None:
    X, y = noisy()
    model = estimator.fit(X, y)
    model.save(tmp_path / "m.npz")
    assert (tmp_path / "m.npz").read_bytes() in pickle.dumps(model)
    joblib.dump(model, tmp_path / "m.joblib")
    for again in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "m.joblib")):
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        assert again.get_params() == model.get_params()
        assert again.figures_ == model.figures_
    assert load(tmp_path / "m.npz").n_features_in_ == 3


@pytest.mark.parametrize("way", ["pickle", "file", "alive"])
def test_steps_go_on_from_a_pickle_and_a_file_as_if_nothing_had_been(way: str, tmp_path: Path) -> None:
    X, y = noisy()
    through, stopped = NNClassifier(hidden=8), NNClassifier(hidden=8)
    for _ in range(2):
        through.partial_fit(X[:60], y[:60], classes=[0, 1]).partial_fit(X[60:], y[60:])
    stopped.partial_fit(X[:60], y[:60], classes=[0, 1]).partial_fit(X[60:], y[60:])
    if way == "pickle":
        stopped = pickle.loads(pickle.dumps(stopped))
    elif way == "file":
        stopped.save(tmp_path / "m.npz")
        found = load(tmp_path / "m.npz")
        assert isinstance(found, NNClassifier)
        stopped, y = found, y.astype(str)
    stopped.partial_fit(X[:60], y[:60]).partial_fit(X[60:], y[60:])
    assert theta(stopped) == theta(through)
    assert stopped.n_iter_ == 4


@pytest.mark.parametrize(
    "given",
    [{"hidden": 6, "batch_size": 16}, {"model": "perceptron"}, {"model": "softmax", "optimizer": "sgd"}],
    ids=str,
)
def test_steps_on_all_rows_are_the_epochs_of_fit(given: dict[str, Any]) -> None:
    X, y = noisy()
    whole = NNClassifier(**given, val=0, epochs=5, schedule="constant").fit(X, y)
    steps = NNClassifier(**whole.get_params())
    for _ in range(whole.n_iter_):
        steps.partial_fit(X, y, classes=[0, 1])
    assert theta(steps) == theta(whole)
    assert steps.score(X, y) > 0.6


def test_steps_learn_from_parts_and_after_fit() -> None:
    X, y = load_digits(return_X_y=True)
    model = NNClassifier(hidden=32)
    for _ in range(6):
        for start in range(0, 1500, 300):
            model.partial_fit(X[start : start + 300], y[start : start + 300], classes=np.arange(10))
    assert model.score(X[1500:], y[1500:]) > 0.85
    fitted = NNClassifier(model="softmax", epochs=2).fit(X[:300], y[:300])
    before = fitted.score(X[1500:], y[1500:])
    for _ in range(10):
        fitted.partial_fit(X[300:1500], y[300:1500])
    assert fitted.score(X[1500:], y[1500:]) > before
    line = NNRegressor(model="linear").fit(X[:200], y[:200])
    assert line.partial_fit(X[:200], y[:200]).model_.config.options.optimizer == "adam"  # no optimum of rows to come


def test_a_file_without_header_whose_target_is_not_the_last_column_is_an_estimator(nncli: Run, tmp_path: Path) -> None:
    X, y = noisy()
    lines = [f"{'ab'[label]},{row[0]},{row[1]},{row[2]}\n" for row, label in zip(X, y, strict=True)]
    (tmp_path / "d.csv").write_text("".join(lines))
    (tmp_path / "new.csv").write_text("".join(line[2:] for line in lines))
    nncli("train", tmp_path / "d.csv", "--no-header", "--target", 0, "-q", "-o", tmp_path / "m.npz")
    found = load(tmp_path / "m.npz")
    asked = nncli("predict", tmp_path / "m.npz", tmp_path / "new.csv", "-q")
    assert found.predict(X).tolist() == asked.out.split()[1:]


def test_a_refused_step_changes_nothing() -> None:
    X, y = noisy()
    once, again = NNClassifier(hidden=4), NNClassifier(hidden=4)
    for model in (once, again):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="features"):
        again.partial_fit(X[:, :2], y)
    assert theta(once.partial_fit(X, y)) == theta(again.partial_fit(X, y))
    assert again.n_iter_ == 2


def test_dates_are_no_numbers_to_predict() -> None:
    X, y = noisy()
    with pytest.raises(ValueError, match="expected numbers, found datetime64"):
        NNRegressor().fit(X, y.astype("datetime64[D]"))


@pytest.mark.parametrize("seed_of_state", [1, 2], ids=str)
def test_steps_after_a_run_with_validation_rows_go_on_from_the_model(
    seed_of_state: int, nncli: Run, tmp_path: Path
) -> None:
    """The state that `--keep-state` leaves is that of the last epoch, and the model that of the best."""
    X, y = noisy(200)
    np.savez(tmp_path / "d.npz", x_train=X, y_train=y)
    options = ("--epochs", 30, "--lr", 0.1, "--seed", seed_of_state, "--schedule", "plateau", "--keep-state", "-q")
    nncli("train", tmp_path / "d.npz", "--test", 0, *options, "-o", tmp_path / "m.npz")
    kept, plain = load(tmp_path / "m.npz"), load(tmp_path / "m.npz")
    plain.provenance_ = dataclasses.replace(plain.provenance_, state=None)
    rows = dict(zip(kept.feature_names_in_, X.T, strict=True))
    assert theta(kept.partial_fit(rows, y.astype(str))) == theta(plain.partial_fit(rows, y.astype(str)))


@pytest.mark.parametrize(
    ("given", "y", "classes", "message"),
    [
        ({}, [0, 1], None, "classes: expected all classes of the data at the first call of partial_fit, found none. "
         "Use classes=np.unique(y), of all data."),
        ({}, [0, 2], [0, 1], "y: expected one of the known classes, found '2'. The classes are 0 and 1."),
        ({"calibrate": True}, [0, 1], [0, 1],
         "calibrate: expected no such option for partial_fit, which takes steps on the rows it is given alone, found "
         "true. Leave it out, or use fit."),
        ({"schedule": "cosine"}, [0, 1], [0, 1],
         "schedule: expected a constant rate for partial_fit, which has no end, found cosine. Leave it out, or use "
         "fit."),
        ({"class_weight": "balanced"}, [0, 1], [0, 1],
         "class_weight: expected weights of classes for partial_fit, which does not know all rows, found balanced. "
         "Give their weights, as {0: 1, 1: 5}."),
    ],
    ids=["no classes", "another class", "calibrate", "schedule", "balanced"],
)  # fmt: skip
def test_what_steps_cannot_do_is_refused(given: dict[str, Any], y: Any, classes: Any, message: str) -> None:
    model = NNClassifier(**given)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.partial_fit(np.eye(2), y, classes=classes)
    assert not hasattr(model, "model_")
    assert not hasattr(NNRegressor(optimizer="lbfgs"), "partial_fit")  # which sees all rows at each step


# bad input


Y = [0, 1, 1]
BAD: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "one dimension": (np.ones(3), Y, {}, "X: expected rows of shape (n, d), found float64 of shape (3,). Reshape your "
                      "data: X.reshape(-1, 1) for one column, X.reshape(1, -1) for one row."),
    "lengths": (np.ones((3, 2)), [0, 1], {},
                "y: expected 3 values, one for each row of X, found 2. Give one for each."),
    "one class": (np.ones((3, 2)), [1, 1, 1], {}, "y: expected two or more classes, found 1 class. Give rows of both."),
    "infinity": (np.full((3, 2), np.inf), Y, {}, "X: row 0, column 0: expected a finite number, found infinity. "
                 "Correct it, or leave the row out."),
    "option": (np.ones((3, 2)), Y, {"lr": -1}, "lr: expected a number above 0, found '-1'."),
    "model": (np.ones((3, 2)), Y, {"model": "mpl"}, "model: expected one of perceptron, averaged-perceptron, mira, "
              "adaline, logistic, softmax, svm, linear, mlp; found 'mpl'. Did you mean 'mlp'?"),
    "fractions": (np.ones((3, 2)), [0.5, 1.5, 2.5], {}, "y: expected classes, found fractions. Unknown label type: "
                  "continuous. Use NNRegressor, or make classes of them."),
    "types": (np.ones((3, 2)), np.array([1, "a", 1], object), {},
              "y: expected labels of one type, found several. Unknown label type. Use one type."),
    "missing class": (np.ones((3, 2)), [None, "a", "b"], {},
                      "y: row 0: expected a class, found a missing value. Fill it in, or leave the row out."),
    "lists": ({"a": [1, [2], 3]}, Y, {}, "X: row 1, column 'a': expected a number, a text or a date, found list "
              "(float() argument must be a string or a real number, not 'list'). Leave the column out, or make "
              "numbers, text or dates of it."),
    "durations": (pa.table({"a": pa.array([1, 2, 3], pa.duration("s"))}), Y, {}, "X: column 'a': expected numbers, "
                  "text or dates, found duration[s]. Leave the column out, or make numbers, text or dates of it."),
    "two of a name": (pa.table([pa.array([1, 2, 3])] * 2, ["a", "a"]), Y, {},
                      "X: two columns are called 'a'. Rename one of them."),
    "column": ({"age": [1, 2, 3]}, Y, {"categorical": ("aeg",)},
               "categorical: no column is called 'aeg'. Did you mean 'age'?"),
    "lengths of rows": ([[1, 2], [3]], [0, 1], {}, "X: expected rows of one length, found several. Give each row all "
                        "columns."),
    "lengths of columns": ({"a": [1, 2], "b": [1]}, Y, {},
                           "X: expected columns of one length, found [1, 2]. Give each column all rows."),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_value_error_of_one_line(case: str) -> None:
    X, y, given, message = BAD[case]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$") as error:
        NNClassifier(**given).fit(X, y)
    assert isinstance(error.value, NncliError)
    assert str(pickle.loads(pickle.dumps(error.value))) == message  # on the way from another process


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"x": [1], "place": ["a"], "flag": [True]}, "X: column 'day' is missing. Give the columns of training."),
        ({"x": ["w"], "place": ["a"], "flag": [True], "day": [None]},
         "X: column 'x': expected numbers, found text. Give it as in training."),
        ({"x": [1], "place": ["a"], "flag": [True], "day": [20]},
         "X: column 'day': expected dates, found numbers. Give them as datetime64."),
    ],
    ids=["missing", "text", "number"],
)  # fmt: skip
def test_rows_of_other_columns_are_refused(rows: dict[str, Any], message: str) -> None:
    columns, y = mixed()
    model = NNClassifier(epochs=1).fit(columns, y)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.predict(rows)


def test_what_is_not_fitted_or_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match=r"^save: expected a model that is fitted, found one that is not\. "):
        NNRegressor().save(tmp_path / "m.npz")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=r"folder: cannot write: it is a folder\. Choose another place\.$"):
        NNClassifier(epochs=1).fit(*noisy()).save(tmp_path / "folder")
    with pytest.raises(ValueError, match="cannot read the model"):
        load(tmp_path / "nothing.npz")
    with pytest.raises(ValueError, match="time_limit: expected time for one epoch at least, found 1e-09 s too short"):
        NNClassifier(time_limit=1e-9).fit(*noisy())


def test_a_hyphen_is_a_file_name_in_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    NNClassifier(epochs=1).fit(*noisy()).save("-")
    assert capfd.readouterr().out == ""
    assert load("-").n_features_in_ == 3


def test_few_rows_have_no_validation_rows_and_predict_all_the_same() -> None:
    X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    model = NNClassifier(hidden=4, activation="tanh", optimizer="lbfgs", seed=1).fit(X, [0, 1, 1, 0])
    assert (model.figures_["n_train"], model.figures_["n_val"], model.figures_["n_test"]) == (4, 0, 0)
    assert model.predict(X).tolist() == [0, 1, 1, 0]
    assert NNClassifier(epochs=1).fit(*noisy(20)).figures_["n_val"] == 3
    assert NNClassifier(epochs=1, test=None).fit(*noisy(100)).figures_["n_test"] == 15


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_page_shows_what_python_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE))
    page = doctest.DocTestParser().get_doctest(code, {}, PAGE.name, str(PAGE), 0)
    assert len(page.examples) > 20
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(page, out=said.append)
    assert said == []
