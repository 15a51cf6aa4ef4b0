"""Estimators take SciPy's sparse matrices of any format, and columns of texts, as the same rows in another form."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from nncli import NNClassifier, NNRegressor, load
from nncli.data.bundled import path_of
from nncli.estimators.base import NNEstimator
from sparse_files import sparse_rows

FORMATS: dict[str, Callable[[Any], Any]] = {
    name: getattr(scipy.sparse, name) for name in ("csr_array", "csr_matrix", "csc_array", "coo_matrix")
}
ESTIMATORS: Sequence[NNEstimator] = (
    NNClassifier(model="softmax", epochs=2, scale="none", optimizer="sgd"),
    NNClassifier(hidden=3, epochs=2, scale="none", optimizer="sgd"),
    NNRegressor(hidden=3, epochs=2, scale="none", optimizer="sgd"),
)
CHECKS = [
    "check_estimator_sparse_tag", "check_estimator_sparse_array", "check_estimator_sparse_matrix",
    "check_sample_weight_equivalence_on_sparse_data",
]  # fmt: skip


def rows(estimator: NNEstimator, d: int) -> tuple[Any, Any]:
    X, y = sparse_rows(d=d)
    return X, X[:, 0] * 3 + X[:, 1] if isinstance(estimator, NNRegressor) else np.array(y)


def answers(model: Any, X: Any, y: Any) -> list[Any]:
    found = [model.predict(X), model.score(X, y)]
    return found if isinstance(model, NNRegressor) else [*found, model.predict_proba(X), model.decision_function(X)]


@pytest.mark.parametrize("d", [40, 1200], ids=["narrow", "wide"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_sparse_rows_are_the_same_rows(estimator: NNEstimator, d: int) -> None:
    """The narrow ones to the last bit. The wide ones are trained and judged without their zeros, to rounding."""
    X, y = rows(estimator, d)
    dense: Any = clone(estimator).fit(X, y)
    expected, found = answers(dense, X, y), list[Any]()
    for make in FORMATS.values():
        model: Any = clone(estimator).fit(make(X), y)
        assert model.model_.schema.sparse == (d > 1000)
        found.append([*answers(model, make(X), y), *answers(model, X, y)])
        for own, its in zip(found[0], found[-1], strict=True):
            np.testing.assert_array_equal(own, its)
    for own, its in zip(found[0], [*expected, *expected], strict=True):
        np.testing.assert_allclose(own, its, rtol=2e-4 if d > 1000 else 0, atol=1e-5 if d > 1000 else 0)
    np.testing.assert_array_equal(dense.predict(scipy.sparse.csr_array(X)), dense.predict(X))
    assert scipy.sparse.csr_array(X).nnz == FORMATS["csr_array"](X).nnz  # what was given is as it was


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("estimator", [NNClassifier(model="softmax", epochs=10), NNRegressor(epochs=10)], ids=repr)
@pytest.mark.filterwarnings("ignore")
def test_checks_of_scikit_learn_for_sparse_input_pass(check: str, estimator: Any) -> None:
    assert estimator.__sklearn_tags__().input_tags.sparse
    getattr(estimator_checks, check)(type(estimator).__name__, estimator)


def test_the_optimum_on_a_sparse_matrix_is_that_of_scikit_learn() -> None:
    X, y = sparse_rows(n=200)
    csr = scipy.sparse.csr_array(X.astype(np.float64))
    how: dict[str, Any] = {"optimizer": "lbfgs", "l2": 0.01, "epochs": 300, "val": 0, "scale": "none"}
    own = NNClassifier(model="logistic", dtype="float64", **how).fit(csr, y)
    reference = LogisticRegression(C=1 / (0.01 * 200), tol=1e-10, max_iter=10_000).fit(X.astype(np.float64), y)
    np.testing.assert_allclose(own.predict_proba(csr), reference.predict_proba(X.astype(np.float64)), atol=2e-4)


def test_models_of_sparse_rows_are_pickled_saved_and_learn_more(tmp_path: Path) -> None:
    X, y = sparse_rows()
    csr, codes = scipy.sparse.csr_array(X), np.array(y)
    model = NNClassifier(model="softmax", epochs=2).fit(csr, codes, sample_weight=np.arange(len(codes)) % 3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(csr), model.predict(csr))
    model.save(tmp_path / "m.npz")
    np.testing.assert_array_equal(load(tmp_path / "m.npz").predict(csr), model.predict(csr).astype(str))
    steps = NNClassifier(model="softmax", scale="none")
    for _ in range(10):
        steps.partial_fit(csr[:40], codes[:40], classes=[0, 1]).partial_fit(X[40:], codes[40:])
    assert steps.score(csr, codes) > 0.9
    assert steps.model_.schema.sparse


def with_a(value: float) -> Any:
    X, _ = sparse_rows()
    X[3, 7] = value
    return scipy.sparse.csr_array(X)


def damaged(name: str, value: int) -> Any:
    X = with_a(1)
    getattr(X, name)[5] = value
    return X


@pytest.mark.parametrize(
    ("X", "how", "line"),
    [
        (damaged("indices", 9_999_999), {}, "X: expected a whole sparse matrix, found another: indices must be < 1200"),
        (damaged("indices", -7), {}, "X: expected a whole sparse matrix, found another: indices must be >= 0."),
        (damaged("indptr", 999_999), {}, "X: expected a whole sparse matrix, found another: indptr must be a non-decr"),
        (with_a(np.inf), {}, "X: row 3, column 7: expected a finite number, found inf. Correct it"),
        (with_a(np.nan), {}, "X: row 3, column 7: expected a finite number, found nan. Correct it"),
        (with_a(0).astype(complex), {}, "X: expected real numbers, found complex"),
        (scipy.sparse.csr_array((80, 1 << 21)), {}, "X: expected at most 1,048,576 columns, found 2,097,152."),
        (scipy.sparse.coo_array(np.ones(80)), {}, "X: expected rows of shape (n, d), found a sparse array of shape"),
        (with_a(0), {"categorical": ("c1",)}, "categorical: expected X with all zeros, found a sparse matrix of 1,200"),
        (with_a(0), {"group": "c1"}, "group: expected X with all zeros, found a sparse matrix of 1,200 columns."),
        (with_a(0), {"scale": "robust"}, "scale: robust would move the zeros"),
        (with_a(0), {"model": "tabular"}, "model: tabular scales and embeds each input"),
    ],
    ids=[
        "column", "negative", "rows", "infinite", "missing", "complex", "too wide", "a vector", "categorical", "group",
        "scale", "model",
    ],
)  # fmt: skip
def test_sparse_matrices_that_cannot_be_are_refused(X: Any, how: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        NNClassifier(epochs=1, **how).fit(X, np.arange(80) % 2)
    assert str(caught.value).startswith(line)


# texts


@pytest.fixture(name="reviews", scope="module")
def _reviews() -> tuple[list[str], list[str]]:
    import csv

    with path_of("reviews").open(newline="") as file:
        found = [(row["text"], row["label"]) for row in csv.DictReader(file)][:400]
    return [text for text, _ in found], [label for _, label in found]


def test_texts_are_a_column_in_each_form(reviews: tuple[list[str], list[str]]) -> None:
    import pyarrow as pa

    texts, y = reviews
    forms = [{"text": texts}, pa.table({"text": texts}), [[text] for text in texts], np.array(texts)[:, None], texts]
    found = [NNClassifier(epochs=2, hash_bits=10).fit(X, y).predict_proba(X) for X in forms]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_a_pipeline_of_tf_idf_gives_sparse_rows(reviews: tuple[list[str], list[str]]) -> None:
    texts, y = reviews
    own = NNClassifier(model="softmax", epochs=10, lr=0.05)
    line = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), own).fit(texts[:300], y[:300])
    assert line[-1].model_.schema.sparse
    assert line.score(texts[300:], y[300:]) > 0.65


def test_steps_learn_from_words(reviews: tuple[list[str], list[str]]) -> None:
    """The first rows say which words there are; a column of texts is none of categories."""
    texts, y = reviews
    steps = NNClassifier(hash_bits=12, vocabulary=True)
    for _ in range(5):
        steps.partial_fit({"text": texts[:300]}, y[:300], classes=sorted({*y}))
    assert steps.model_.config.model.name == "softmax"
    assert steps.model_.preprocess.words is not None
    assert steps.model_.preprocess.words.vocabulary is not None
    assert steps.score({"text": texts[300:]}, y[300:]) > 0.65
    assert NNRegressor(hash_bits=8).partial_fit({"text": texts}, np.arange(400)).model_.config.model.name == "linear"


def test_steps_refuse_what_words_cannot_do(reviews: tuple[list[str], list[str]]) -> None:
    texts, y = reviews
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        NNClassifier(model="tabular").partial_fit({"text": texts}, y, classes=sorted({*y}))
    line = "model: tabular is for numbers and categories, and column 'text' holds texts ("
    assert str(caught.value).startswith(line)
    with pytest.raises(ValueError, match="or leave hash_bits out"):
        NNClassifier(hash_bits=9).partial_fit([[1.0], [2.0]], [0, 1], classes=[0, 1])
