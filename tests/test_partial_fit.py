"""Estimators take steps on some of the rows, from pickles and files too."""

from __future__ import annotations

import csv
import dataclasses
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits

from estimator_rows import noisy, theta
from nncli import NNClassifier, NNRegressor, load
from nncli.model import checkpoint

Run = Callable[..., Any]


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


def test_steps_leave_a_model_without_guards_as_nobody_has_seen_all_rows(tmp_path: Path) -> None:
    X, y = noisy()
    model = NNClassifier(epochs=2).fit(X, y)
    for is_guarded in (True, False):
        model.save(tmp_path / "m.npz")
        assert (checkpoint.load(tmp_path / "m.npz")[0].guard() is not None) == is_guarded
        model.partial_fit(X, y)


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


def reviews() -> tuple[dict[str, list[str]], np.ndarray]:
    with Path("datasets/reviews.csv").open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    return {"said": [row["text"] for row in rows]}, np.array([row["label"] for row in rows])


@pytest.mark.parametrize("given", [{}, {"hidden": 3, "text": ("said",)}, {"model": "averaged-perceptron"}], ids=str)
def test_steps_on_all_texts_are_the_epochs_of_fit(given: dict[str, Any]) -> None:
    X, y = reviews()
    whole = NNClassifier(**given, ngrams="words:1", hash_bits=12, val=0, epochs=2, schedule="constant").fit(X, y)
    steps = NNClassifier(**whole.get_params())
    for _ in range(whole.n_iter_):
        steps.partial_fit(X, y, classes=["negative", "positive"])
    assert theta(steps) == theta(whole)
    of_steps, of_whole = steps.model_.preprocess.words, whole.model_.preprocess.words
    assert of_steps is not None
    assert of_whole is not None
    np.testing.assert_array_equal(of_steps.idf, of_whole.idf)
    assert dataclasses.replace(of_steps, idf=of_whole.idf) == of_whole
    assert any("learned from by their words" in note for note in steps.notes_)


def test_steps_on_some_texts_learn_from_words_that_the_first_ones_have() -> None:
    X, y = reviews()
    model = NNClassifier(ngrams="words:1", hash_bits=12)
    for start in range(0, 800, 200):
        model.partial_fit(
            {"said": X["said"][start : start + 200]}, y[start : start + 200], classes=["negative", "positive"]
        )
    assert model.score({"said": X["said"][800:]}, y[800:]) > 0.65  # of two classes with as many rows each


def test_first_texts_that_may_be_categories_are_refused_unless_somebody_says_what_they_are() -> None:
    X, y = reviews()
    few = {"said": X["said"][:10]}
    for one, how in (("text=('said',)", {"text": ("said",)}), ("categorical=('said',)", {"categorical": ("said",)})):
        with pytest.raises(ValueError, match=re.escape(one)):
            NNClassifier().partial_fit(few, y[:10], classes=["negative", "positive"])
        told = NNClassifier(**how).partial_fit(few, y[:10], classes=["negative", "positive"])
        assert told.model_.preprocess.columns_of_words == how.get("text", ())
    NNClassifier().partial_fit({"city": ["Oslo", "Rome"] * 5}, y[:10], classes=["negative", "positive"])


def test_vectors_of_words_are_where_steps_begin(tmp_path: Path) -> None:
    X, y = reviews()
    (tmp_path / "v.txt").write_text("2 3\ngood 1 2 3\nbad -1 -2 -3\n")
    how: dict[str, Any] = {"vectors": str(tmp_path / "v.txt"), "ngrams": "words:1", "hash_bits": 16, "lr": 1e-9}
    first = NNClassifier(**how).partial_fit(X, y, classes=["negative", "positive"])
    E = first.model_.network.theta[: 3 << 16].reshape(-1, 3)
    assert np.abs(E).round(4).tolist().count([1, 2, 3]) == 2  # a hash may turn the sign


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
        ({"l2": 0.1, "decay_schedule": "flat-cos"}, [0, 1], [0, 1],
         "decay_schedule: expected a constant schedule for partial_fit, which has no end, found flat-cos. Leave it "
         "out, or use fit."),
        ({"class_weight": "balanced"}, [0, 1], [0, 1],
         "class_weight: expected weights of classes for partial_fit, which does not know all rows, found balanced. "
         "Give their weights, as {0: 1, 1: 5}."),
    ],
    ids=["no classes", "another class", "calibrate", "schedule", "schedule of decay", "balanced"],
)  # fmt: skip
def test_what_steps_cannot_do_is_refused(given: dict[str, Any], y: Any, classes: Any, message: str) -> None:
    model = NNClassifier(**given)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.partial_fit(np.eye(2), y, classes=classes)
    assert not hasattr(model, "model_")
    assert not hasattr(NNRegressor(optimizer="lbfgs"), "partial_fit")  # which sees all rows at each step


def test_steps_of_the_tabular_model_are_scaled_as_it_needs_and_constant() -> None:
    """Its learned frequencies need inputs within ±3, and its schedules would begin anew after the planned epochs."""
    X, y = noisy()
    X[0, 0] = 1e4
    begun = NNClassifier(model="tabular", hidden=4).partial_fit(X, y, classes=[0, 1])
    fitted = NNClassifier(model="tabular", hidden=4, epochs=2).fit(X, y)
    assert fitted.model_.calibration is not None
    for steps in (begun, fitted.partial_fit(X, y)):
        fit, how = steps.model_.preprocess, steps.model_.config.training
        assert fit.scaling == "robust"
        assert (how.schedule, how.dropout_schedule, how.decay_schedule) == ("constant",) * 3
