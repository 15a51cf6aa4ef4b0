"""NNClassifier and NNRegressor are estimators of scikit-learn, and train as `nncli train` does."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator

from estimator_rows import noisy, theta
from nncli import NNClassifier, NNRegressor, load
from nncli.config.task import OF_CLASSES
from nncli.config.train_config import TrainConfig
from nncli.estimators.base import NO_PARAMETERS

Run = Callable[..., Any]


@pytest.mark.long
@pytest.mark.parametrize(
    "estimator",
    [
        NNClassifier(epochs=20),
        *(NNClassifier(model=model, epochs=20) for model in ("softmax", "logistic", "svm", "perceptron", "mira")),
        NNClassifier(model="adaline"),
        NNClassifier(hidden=(8, 8), optimizer="lbfgs", dtype="float64", epochs=20),
        NNRegressor(epochs=20),
        NNRegressor(model="linear", epochs=20),
        NNRegressor(hidden=8, loss="huber", epochs=80),
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
            assert re.search(rf"^ *{name} : ", kind.__doc__ or "", re.MULTILINE), name


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
