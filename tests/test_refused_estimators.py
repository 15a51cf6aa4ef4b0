"""What estimators refuse, each with a ValueError of one line; and what few rows come to."""

from __future__ import annotations

import doctest
import pickle
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.exceptions import NotFittedError

from estimator_rows import mixed, noisy
from nncli import NNClassifier, NNRegressor, load
from nncli.errors import NncliError, OutputError

Run = Callable[..., Any]
PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "use-from-python.md"

Y = [0, 1, 1]
BAD: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "one dimension": (np.ones(3), Y, {}, "X: expected rows of shape (n, d), found float64 of shape (3,). Reshape your "
                      "data: X.reshape(-1, 1) for one column, X.reshape(1, -1) for one row."),
    "a file": ("rows.csv", Y, {},
               "X: expected rows of shape (n, d), found str. Give a list of texts, or read the file first, as "
               "with pandas.read_csv."),
    "list of numbers": ([1.0, 2.0, 3.0], Y, {}, "X: expected rows of shape (n, d), found float64 of shape (3,). "
                      "Reshape your data: np.reshape(X, (-1, 1)) for one column, np.reshape(X, (1, -1)) for one row."),
    "an empty list": ([], [], {}, "X: expected one row or more, found 0 samples. Give it rows."),
    "vector of Arrow": (pa.array([1, 2, 3]), Y, {}, "X: expected rows of shape (n, d), found Int64Array of shape (3,). "
                        "Reshape your data: np.reshape(X, (-1, 1)) for one column."),
    "written numbers": (["1", "2", "3"], Y, {}, "X: expected rows of shape (n, d) or a list of texts, found numbers "
                        "that are written as texts. Reshape your data: np.reshape(X, (-1, 1)) for one column."),
    "a lazy frame": (types.SimpleNamespace(collect=None), Y, {},  # as polars has
                     "X: expected rows of shape (n, d), found SimpleNamespace. Use X.collect()."),
    "nothing": (None, Y, {}, "X: expected rows of shape (n, d), found NoneType. Give an array, a data frame, or a "
                "mapping of names to columns."),
    "lengths": (np.ones((3, 2)), [0, 1], {},
                "y: expected 3 values, one for each row of X, found 2. Give one for each."),
    "one class": (np.ones((3, 2)), [1, 1, 1], {}, "y: expected two or more classes, found 1 class. Give rows of both."),
    "infinity": (np.full((3, 2), np.inf), Y, {}, "X: row 0, column 0: expected a finite number, found infinity. "
                 "Correct it, or leave the row out."),
    "option": (np.ones((3, 2)), Y, {"lr": -1}, "lr: expected a number above 0, found '-1'."),
    "model": (np.ones((3, 2)), Y, {"model": "mpl"}, "model: expected one of perceptron, averaged-perceptron, mira, "
              "adaline, logistic, softmax, svm, linear, mlp, tabular; found 'mpl'. Did you mean 'mlp'?"),
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


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_page_shows_what_python_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE))
    page = doctest.DocTestParser().get_doctest(code, {}, PAGE.name, str(PAGE), 0)
    assert len(page.examples) > 20
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(page, out=said.append)
    assert said == []
