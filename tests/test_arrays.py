# ruff: noqa: E501  (a case stands on one line)
"""Files of arrays as Keras writes them, and sparse text as people write it: read as what they say, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from short_and_long import some_short

Run = Callable[..., Any]
IMAGES = np.random.default_rng(0).integers(0, 256, (50, 3, 4), np.uint8)
Y = np.arange(50) % 3

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


# .npz


def test_arrays_to_train_and_to_test_are_two_parts(nncli: Run) -> None:
    np.savez("mnist.npz", x_train=IMAGES, y_train=Y, x_test=IMAGES[:20], y_test=Y[:20])
    np.savez("train.npz", X=IMAGES, y=Y)
    dataset = load_dataset(("mnist.npz",), CsvOptions(), "float32")
    np.testing.assert_array_equal(dataset.table.numbers, IMAGES.reshape(50, 12))
    assert dataset.test is not None
    np.testing.assert_array_equal(dataset.test.table.numbers, IMAGES[:20].reshape(20, 12))
    found = nncli("train", "mnist.npz", "-m", "softmax", "--epochs", "2", "-q", "--json", "-o", "a.npz").json
    assert (found["n_train"] + found["n_val"], found["n_test"]) == (50, 20)
    assert nncli("train", "train.npz", "--test", "0", "-m", "softmax", "--epochs", "2", "-q", "-o", "b.npz").code == 0
    assert np.array_equal(np.load("a.npz")["theta"], np.load("b.npz")["theta"])
    assert nncli("eval", "a.npz", "-q", "--json").json["n"] == 20
    assert nncli("eval", "a.npz", "mnist.npz", "-q", "--json").json["n"] == 50


@pytest.mark.parametrize("names", ["X_train y_train X_test y_test", "X_train Y_train X_test Y_test", "x y", "X Y"])
def test_names_of_arrays_may_be_spelt_in_capitals(names: str) -> None:
    arrays = dict(zip(names.split(), (IMAGES, Y, IMAGES[:20], Y[:20]), strict=False))
    np.savez("d.npz", **arrays)
    dataset = load_dataset(("d.npz",), CsvOptions(), "float32")
    assert (len(dataset), dataset.classes) == (50, ("0", "1", "2"))
    assert (dataset.test is not None) == (len(arrays) == 4)


def test_labels_may_stand_beside_their_one_hot_form() -> None:
    np.savez("d.npz", X=IMAGES, Y=np.eye(3)[(Y + 1) % 3], y=Y)
    assert load_dataset(("d.npz",), CsvOptions(), "float32").y.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "y",
    [Y[:, None], np.eye(3)[Y], np.eye(3, dtype=bool)[Y], np.eye(3, dtype=np.uint8)[Y]],
    ids=["column", "floats", "bools", "bytes"],
)
def test_labels_in_a_column_or_one_hot_are_labels(y: Any) -> None:
    np.savez("d.npz", X=IMAGES, y=y)
    dataset = load_dataset(("d.npz",), CsvOptions(), "float32")
    assert (dataset.y.tolist(), dataset.classes) == (Y.tolist(), ("0", "1", "2"))
    assert (dataset.notes == ()) == (y.shape[1] == 1)


@pytest.mark.parametrize(("arrays", "problem"), [
    ({"X": IMAGES, "y": np.ones((50, 3))}, "expected y of shape (50,), found float64 of shape (50, 3)."),
    ({"X": IMAGES, "y": np.eye(3)[Y] * 0.5}, "expected y of shape (50,), found float64 of shape (50, 3)."),
    ({"x_train": IMAGES, "x_test": IMAGES}, "expected an array y_train of classes beside x_train, found none."),
    ({"x_train": IMAGES, "y_train": Y, "x_test": IMAGES}, "expected an array y_test of classes beside x_test, found none."),
    ({"x_train": IMAGES, "y_train": Y, "x_test": IMAGES.reshape(50, 4, 3), "y_test": Y}, "expected x_train and x_test of one shape, found two."),
    ({"x_train": IMAGES, "y_train": Y, "x_test": IMAGES, "y_test": Y + 1}, "expected in y_test only classes that y_train has, found '3'."),
    ({"x_train": IMAGES, "y_train": Y, "x_test": IMAGES, "y_test": Y[:9]}, "expected y of shape (50,), found int64 of shape (9,)."),
    ({"x_train": np.array([{}], object), "y_train": Y}, "expected arrays X and y: x_train has objects, which may be anything. Save it as numbers or text."),
])  # fmt: skip
def test_arrays_that_do_not_belong_together_are_refused(nncli: Run, arrays: dict[str, Any], problem: str) -> None:
    np.savez("d.npz", **arrays)
    outcome = nncli("train", "d.npz", "-q")
    assert (outcome.code, outcome.err) == (1, f"d.npz: {problem}\n")


def test_an_axis_of_a_single_colour_is_none() -> None:
    """PyTorch has it before height and width, and Keras behind: the numbers stand in the same order."""
    shapes = [(50, 3, 4), (50, 1, 3, 4), (50, 3, 4, 1)]
    found = []
    for shape in shapes:
        np.savez("d.npz", X=IMAGES.reshape(shape), y=Y)
        found.append(load_dataset(("d.npz",), CsvOptions(), "float32").schema)
    assert {schema.image_shape for schema in found} == {(3, 4)}


def test_a_model_of_rows_takes_images_with_as_many_numbers(nncli: Run) -> None:
    np.savez("rows.npz", X=IMAGES.reshape(50, 12), y=Y)
    np.savez("images.npz", X=IMAGES, y=Y)
    assert nncli("train", "rows.npz", "-m", "softmax", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    assert nncli("predict", "m.npz", "images.npz").out == nncli("predict", "m.npz", "rows.npz").out


# Sparse text


def sparse(name: str, between: str = " ", labels: bool = True, before: str = "", more: str = "", n: int = 60) -> None:
    """Write rows with 4 features, the first of which decides the class."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(n):
        x = rng.normal(size=4)
        parts = [str(int(x[0] > 0))] * labels + [f"{j}:{value:.3f}" for j, value in enumerate(x, 1)]
        lines.append(between.join(parts + [more] * (bool(more) and i % 3 == 0)) + "\n")
    Path(name).write_text(before + "".join(lines))


@pytest.fixture
def sparse_model(nncli: Run) -> str:
    sparse("d.svm")
    assert nncli("train", "d.svm", "-m", "softmax", "--epochs", "9", "-q", "-o", "m.npz").code == 0
    return "m.npz"


@pytest.mark.parametrize(
    "how",
    [{"between": "\t"}, {"between": "  "}, {"before": "\n"}, {"before": "\n\n"}, {"before": "# made by hand\n\n"}],
    ids=str,
)
def test_sparse_text_with_other_blanks_trains_to_the_same(nncli: Run, sparse_model: str, how: dict[str, Any]) -> None:
    sparse("e.svm", **how)
    assert nncli("train", "e.svm", "-m", "softmax", "--epochs", "9", "-q", "-o", "e.npz").code == 0
    assert np.array_equal(np.load("e.npz")["theta"], np.load("m.npz")["theta"])


def test_a_first_row_without_features_is_a_row_of_zeros() -> None:
    sparse("d.svm", before="1\n0 # nothing\n")
    dataset = load_dataset(("d.svm",), CsvOptions(), "float32")
    assert len(dataset) == 62
    assert not dataset.table.numbers[:2].any()
    assert dataset.y[:2].tolist() == [1, 0]


@pytest.mark.long
@pytest.mark.parametrize("more", some_short(["5:1", "70:1 71:2"], 1))
def test_features_that_a_model_does_not_know_are_ignored_and_counted(nncli: Run, sparse_model: str, more: str) -> None:
    sparse("more.svm", more=more)
    expected = nncli("predict", sparse_model, "d.svm").out
    note = f"{20 * len(more.split())} values of features beyond 4, the model's last, ignored\n"
    found = nncli("predict", sparse_model, "more.svm")
    assert (found.out, found.err) == (expected, note)
    several = nncli("predict", sparse_model, "more.svm", "d.svm", "--jobs", "2")
    assert (several.out, several.err) == (expected + expected.partition("\n")[2], note)
    piped = nncli("predict", sparse_model, stdin=Path("more.svm").read_bytes())
    assert (piped.out, piped.err) == (expected, note)
    evaluated = nncli("eval", sparse_model, "more.svm", "--json")
    assert note in evaluated.err
    assert evaluated.json["accuracy"] == nncli("eval", sparse_model, "d.svm", "-q", "--json").json["accuracy"]


def test_a_feature_before_the_first_is_refused_as_such_a_file_counts_otherwise(nncli: Run, sparse_model: str) -> None:
    Path("zero.svm").write_text("1 1:0.5 2:1\n0 0:3 1:4\n")
    for command in ("predict", "eval"):
        assert nncli(command, sparse_model, "zero.svm").err == (
            "zero.svm:2: expected features from 1, as the model counts them, found 0. Number the features as in training.\n"
        )  # fmt: skip


def test_rows_without_labels_are_predicted_and_refused_elsewhere(nncli: Run, sparse_model: str) -> None:
    sparse("new.svm", labels=False)
    assert nncli("predict", sparse_model, "new.svm").out == nncli("predict", sparse_model, "d.svm").out
    line = "new.svm:1: expected a label before the features, found none. Begin the line with it, as in '1 3:0.5 7:2'.\n"
    for command in (["train"], ["eval", sparse_model], ["check"]):
        assert nncli(*command, "new.svm").err == line
    Path("d.svm").write_text(Path("d.svm").read_text() + "1:2 3:4\n")
    assert nncli("train", "d.svm").err == line.replace("new.svm:1", "d.svm:61")


def test_an_empty_line_among_rows_without_labels_is_refused_as_it_may_be_one(nncli: Run, sparse_model: str) -> None:
    sparse("new.svm", labels=False, before="\n")
    outcome = nncli("predict", sparse_model, "new.svm")
    assert (outcome.code, outcome.err) == (1, "new.svm:1: expected a row, found an empty line. Delete the line.\n")
    Path("new.svm").write_text("1:0.5 2:1\n\n1:3\n")
    outcome = nncli("predict", sparse_model, "new.svm")
    assert outcome.err == "new.svm:2: expected a row, found an empty line. Delete the line.\n"
    Path("new.svm").write_text("1 1:0.5 2:1\n\n0 1:3\n")  # a row has a label there
    assert nncli("predict", sparse_model, "new.svm").out.count("\n") == 3


def test_times_of_day_are_no_sparse_text() -> None:
    Path("d.csv").write_text("".join(f"{7 + i % 9}:30\n" for i in range(9)))
    from nncli.data.formats.known_formats import TEXT, format_of

    assert format_of(Path("d.csv")) == TEXT
