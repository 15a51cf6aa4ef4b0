"""`--scale robust`: median and quartile range, then the smooth clip x / √(1 + (x/3)²), wherever there are inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import RobustScaler

from months import before, month, numbers, prepared
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Table
from nncli.data.preprocess import Preprocess
from nncli.estimators.classifier import NNClassifier
from nncli.explain.nearest_change import by_scaling
from nncli.export.description import description_of
from nncli.model import checkpoint
from nncli.play.plane import plane_of
from nncli.system.order_statistics import quantiles_of
from nncli.training.going_on import beginning
from nncli.training.prepare import prepare

Run = Callable[..., Any]
F32, F64 = np.dtype("float32"), np.dtype("float64")
SCHEMA = json.loads((Path(__file__).parents[1] / "docs/reference/export.schema.json").read_text("utf-8"))

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def clipped(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt(1 + (x / 3) ** 2)


def table(values: object, dtype: object = np.float64) -> Table:
    matrix = np.array(values, dtype)
    return Table(tuple(f"x{i}" for i in range(matrix.shape[1])), matrix)


def inputs(values: object, dtype: np.dtype = F64, of: object = np.float64) -> np.ndarray:
    """Return the inputs that rows become, fitted to themselves."""
    its = table(values, of)
    return Preprocess.fit(its, np.arange(len(its)), "robust").transform(its, dtype).slice(0, len(its))


def test_inputs_are_those_of_scikit_learn_behind_the_clip() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_t(2, (4001, 4)) * [1, 100, 1e-3, 1e6] + [0, 1e3, 5, -1e7]
    X[rng.random(X.shape) < 0.1] = np.nan
    rows = np.arange(0, 4001, 2)
    fitted = Preprocess.fit(table(X), rows, "robust")
    scaled = RobustScaler().fit(X[rows]).transform(X)  # leaves missing values out of median and quartiles
    expected = np.where(np.isnan(scaled), 0, clipped(scaled))  # a missing number counts as the median
    found = fitted.transform(table(X), F64).slice(0, len(X))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert fitted.mean == pytest.approx(expected[rows].mean(axis=0), rel=1e-9)
    small = fitted.transform(table(X, np.float32), F32).slice(0, len(X))
    np.testing.assert_allclose(small[:, :2], expected[:, :2], atol=5e-6)


def test_of_many_rows_the_quartiles_are_those_of_evenly_spaced_ones() -> None:
    X = np.random.default_rng(0).normal(size=(20_000, 1))
    fitted = Preprocess.fit(table(X), np.arange(20_000), "robust")
    low, middle, high = np.quantile(X[::4], [0.25, 0.5, 0.75])
    assert (fitted.shift[0], fitted.scale[0]) == pytest.approx((middle, 1 / (high - low)), rel=1e-12)


def test_where_the_quartiles_are_equal_half_the_range_is_the_unit() -> None:
    # median 0, quartiles 0 and 0, range 10: 10 becomes 10 · 2/10 = 2, then 2/√(1 + 4/9) = 6/√13
    found = inputs([[0, 7]] * 7 + [[10, 7]])
    np.testing.assert_allclose(found[:, 0], [0] * 7 + [6 / np.sqrt(13)], rtol=1e-12)
    assert not found[:, 1].any()  # a constant column


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20), st.floats(0, 1))
def test_quantiles_are_those_of_numpy(values: list[float], share: float) -> None:
    with np.errstate(all="ignore"):
        expected = np.quantile(np.array(values, np.longdouble), np.longdouble(share))
    largest = max(map(abs, values))
    assert float(quantiles_of(np.sort(values)[None], share)[0]) == pytest.approx(
        float(expected), rel=1e-12, abs=1e-14 * largest + 1e-323
    )


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("of", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("size", ["largest", "smallest", "mixed"])
def test_huge_and_denormal_values_come_out_within_the_clip(dtype: np.dtype, of: Any, size: str) -> None:
    most, least = float(np.finfo(of).max), float(np.finfo(of).smallest_subnormal)
    values = {
        "largest": [-most, most, most / 2, -most / 2, 0, 1],
        "smallest": [0, least, 2 * least, -least, 0, 0],
        "mixed": [0, least, 2 * least, 1, most, 0],
    }[size]
    found = inputs(np.array(values)[:, None], dtype, of)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 3 * (1 + np.finfo(dtype).eps)
    assert found.any() == (size != "smallest")  # which vary by less than any scale could show


def test_a_value_far_beyond_the_training_rows_has_an_input_of_3() -> None:
    fitted = Preprocess.fit(table([[1], [2], [3], [4]]), np.arange(4), "robust")
    found = fitted.transform(table([[1e300], [-1e300]]), F32).slice(0, 2)
    np.testing.assert_allclose(found[:, 0], [3, -3], rtol=1e-6)


def test_pixels_stay_bytes_and_are_bent_as_they_are_taken() -> None:
    images = np.random.default_rng(0).integers(0, 256, (300, 25), np.uint8)
    images[:, 3] = 0
    images[:250, 4] = 7
    rows = np.arange(300)
    fitted = Preprocess.fit(table(images, np.uint8), rows, "robust")
    matrix = fitted.transform(table(images, np.uint8), F32)
    assert matrix.values.dtype == np.uint8
    expected = clipped(RobustScaler().fit_transform(images.astype(float)))
    expected[:, 3] = 0
    expected[:, 4] = clipped((images[:, 4] - 7.0) * 2 / np.ptp(images[:, 4].astype(float)))
    np.testing.assert_allclose(matrix.slice(0, 300), expected, atol=1e-6)
    taken = np.empty((2, 25), np.float32)
    matrix.take(np.array([7, 290]), np.empty((2, 25), np.uint8), taken)
    np.testing.assert_array_equal(taken, matrix.slice(0, 300)[[7, 290]])


def test_an_estimator_learns_from_such_inputs() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_t(2, (200, 3)) * [1, 50, 0.01]
    y = np.where(X[:, 0] + X[:, 1] / 50 > 0, "b", "a")
    options = {"hidden": 5, "epochs": 5, "val": 0.0, "dtype": "float64"}
    found = NNClassifier(scale="robust", **options).fit(X, y).predict_proba(X)
    scaled = clipped(RobustScaler().fit_transform(X))
    np.testing.assert_allclose(
        found, NNClassifier(scale="none", **options).fit(scaled, y).predict_proba(scaled), atol=1e-8
    )


@pytest.fixture
def january(nncli: Run, in_a_folder_of_its_own: None) -> None:
    Path("jan.csv").write_text(month(80, 1))
    Path("feb.csv").write_text(month(80, 2, shift=3, cities=("Wien", "Bonn")))
    words = ["jan.csv", "-t", "level", "--scale", "robust", "--hidden", 7, "--epochs", 5, "-q", "-o", "m.npz"]
    done = nncli("train", *words)
    assert done.code == 0, done.err


@pytest.mark.usefixtures("january")
def test_a_model_goes_on_with_its_scaling_and_refuses_another(nncli: Run) -> None:
    new, model = prepared("m.npz", "feb.csv"), before("m.npz").model
    table = new.dataset.table
    X = new.preprocess.transform(table, F32).slice(0, len(table))
    np.testing.assert_allclose(beginning(new, new.start).forward(X), model.scores(table), rtol=1e-5, atol=1e-6)
    done = nncli("train", "--from", "m.npz", "feb.csv", "--refit-scaling", "-o", "new.npz")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("--refit-scaling: the scaling robust of the model bends its columns")
    assert not Path("new.npz").exists()


@pytest.mark.usefixtures("january")
def test_an_export_says_that_there_is_a_clip() -> None:
    document = description_of(*checkpoint.load(Path("m.npz")))
    assert document["format_version"] == 2
    assert [column.get("clip") for column in document["columns"]] == [3, 3, None]
    jsonschema.Draft202012Validator(SCHEMA["properties"]["columns"]).validate(document["columns"])


def test_what_needs_inputs_that_are_multiples_of_columns_is_refused_or_left_out(nncli: Run) -> None:
    Path("d.csv").write_text(numbers(90, 1))
    plain = nncli("train", "d.csv", "-t", "price", "--model", "linear", "-o", "m.npz")
    assert "price = " in plain.err
    bent = nncli("train", "d.csv", "-t", "price", "--model", "linear", "--scale", "robust", "-o", "m.npz")
    assert bent.code == 0
    assert "price = " not in bent.err
    refused = nncli("explain", "m.npz", "--coefficients")
    assert refused.code == 2
    assert refused.err == (
        "--coefficients: the scaling robust bends the columns, so that one unit more does not add the same everywhere. "
        "Leave it out, or train with --scale standard.\n"
    )


def test_texts_alone_have_coefficients_as_ever(nncli: Run) -> None:
    rows = [f"{'abc'[i % 3]},{'yes' if i % 3 else 'no'}" for i in range(60)]
    Path("d.csv").write_text("\n".join(["t,y", *rows]) + "\n")
    assert nncli("train", "d.csv", "-t", "y", "--model", "logistic", "--scale", "robust", "-q", "-o", "m.npz").code == 0
    assert nncli("explain", "m.npz", "--coefficients", "--bootstrap", 0).code == 0
    assert description_of(*checkpoint.load(Path("m.npz")))["format_version"] == 1


def test_the_plane_of_a_playground_has_the_inputs_as_its_axes() -> None:
    Path("d.csv").write_text(month(90, 1).replace("Graz", "Wien").replace("Linz", "Wien"))
    made = prepare(TrainConfig(data=("d.csv",), target="level", drop=("city",), scale="robust"))
    plane = plane_of(made, ("a", "b"))
    X = made.train.matrix.slice(0, 90)
    np.testing.assert_allclose(plane.places(X), X, rtol=1e-6)
    x, y = (axis.low + (axis.high - axis.low) * 0.25 for axis in plane.axes)
    np.testing.assert_allclose(plane.grid(2, F32)[2], [x, y], rtol=1e-6)  # in the middle of the lower left quarter
    assert [axis.title for axis in plane.axes] == ["a, as it is scaled", "b, as it is scaled"]
    assert "within ±3" in plane.note


def test_so_has_the_plane_of_one_column_and_a_number() -> None:
    made = prepare(TrainConfig(data=("chocolate",), scale="robust"))
    plane, X = plane_of(made), made.train.matrix.slice(0, 7)
    assert plane.has_target
    np.testing.assert_allclose(plane.places(X)[:, 0], X[:, 0], rtol=1e-6)
    x = plane.axes[0]
    np.testing.assert_allclose(plane.grid(1, F32)[0], (x.low + x.high) / 2, atol=1e-6)


def test_the_range_of_dates_is_about_that_of_the_training_rows(nncli: Run) -> None:
    days = np.datetime64("2024-01-01") + np.arange(200)
    Path("d.csv").write_text("day,y\n" + "".join(f"{day},{'ab'[i > 99]}\n" for i, day in enumerate(days)))
    assert nncli("train", "d.csv", "-t", "y", "--scale", "robust", "--epochs", 2, "-q", "-o", "m.npz").code == 0
    low, high = by_scaling(checkpoint.load(Path("m.npz"))[0], 0)
    assert -20 < low < 10
    assert 190 < high < 220
