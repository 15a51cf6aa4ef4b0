"""Numbers that are stored sparse: read, hashed, measured and scaled as the same numbers with all their zeros."""

from __future__ import annotations

import dataclasses
import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import Dataset
from nncli.data.joined import joined_tables
from nncli.data.load import load_dataset
from nncli.data.preprocess import Preprocess
from nncli.data.row_columns import without_column
from nncli.data.row_hashes import hash_rows
from nncli.data.sparse_numbers import SparseNumbers
from nncli.errors import OptionError
from sparse_files import COLUMNS, sparse_rows, write_npz, write_svm

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _folder(in_a_folder_of_its_own: None) -> None:
    """Files are written where nothing else is."""


def read(name: str, dtype: str = "float32") -> Dataset:
    return load_dataset((name,), CsvOptions(), dtype)


@pytest.fixture
def both() -> tuple[Dataset, Dataset]:
    """The same rows, stored sparse, and with all their zeros."""
    X, y = sparse_rows()
    write_svm("d.svm", X, y)
    sparse = read("d.svm")
    dense = dataclasses.replace(sparse, table=dataclasses.replace(sparse.table, numbers=X))
    return sparse, dense


@pytest.mark.parametrize("name", ["d.svm", "d.npz"])
def test_wide_rows_that_are_nearly_all_0_are_read_as_they_are(name: str) -> None:
    X, y = sparse_rows()
    (write_svm if name == "d.svm" else write_npz)(name, X, y)
    found = read(name)
    numbers = found.table.numbers
    assert isinstance(numbers, SparseNumbers)
    assert (numbers.shape, numbers.dtype, numbers.csr.nnz) == (X.shape, np.float32, np.count_nonzero(X))
    np.testing.assert_array_equal(numbers[:], X)
    assert (found.classes, found.y.tolist()) == (("0", "1"), y)
    first = 1 if name == "d.svm" else 0
    assert found.table.number_names == tuple(f"c{first + i}" for i in range(COLUMNS))
    each = np.count_nonzero(X) / len(X)
    assert found.notes[-1] == f"{each:.3g} of 1,200 numbers in a row are not 0, on average: only those are kept"


@pytest.mark.parametrize(
    ("columns", "share", "is_sparse"),
    [(1_000, 0.01, False), (1_001, 0.01, True), (1_001, 0.3, True), (1_001, 0.4, False)],
)
@pytest.mark.parametrize("kind", ["svm", "npz"])
def test_few_columns_and_many_numbers_are_read_with_their_zeros(
    kind: str, columns: int, share: float, is_sparse: bool
) -> None:
    X = np.zeros((10, columns), np.float32)
    X[:, : int(share * columns)] = 1
    X[0, -1] = 2
    (write_svm if kind == "svm" else write_npz)(f"d.{kind}", X, [0, 1] * 5)
    numbers = read(f"d.{kind}").table.numbers
    assert isinstance(numbers, SparseNumbers if is_sparse else np.ndarray)
    np.testing.assert_array_equal(numbers[:], X)


def test_blocks_of_rows_are_arrays(both: tuple[Dataset, Dataset]) -> None:
    numbers, X = both[0].table.numbers, both[1].table.numbers
    rows = np.array([7, 3, 3, 79])
    for some in (slice(2, 5), slice(None), rows, np.arange(80) % 3 == 0):
        np.testing.assert_array_equal(numbers[some], X[some])
        np.testing.assert_array_equal(numbers.take(some)[:], X[some])
    np.testing.assert_array_equal(numbers.columns([5, 0]), X[:, [5, 0]])
    np.testing.assert_array_equal(numbers.column(1), X[:, 1])
    np.testing.assert_array_equal(numbers.without(1)[:], np.delete(X, 1, axis=1))
    np.testing.assert_array_equal(numbers.stored(), np.count_nonzero(X, axis=0))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(numbers))[:], X)
    table = both[0].table
    twice = joined_tables([table, table.take(rows)])
    np.testing.assert_array_equal(twice.numbers[:], np.vstack([X, X[rows]]))
    assert without_column(table, "c2").number_names == ("c1", *table.number_names[2:])


def test_rows_have_the_same_hashes_with_and_without_their_zeros(both: tuple[Dataset, Dataset]) -> None:
    """In blocks of any size; −0 is 0, and the order of the columns of one row is that of all."""
    sparse, dense = both
    hashes = hash_rows(dense.table)
    np.testing.assert_array_equal(hash_rows(sparse.table), hashes)
    assert len(set(hashes.tolist())) == len(hashes) - 1  # the last two rows are alike
    X = dense.table.numbers.copy()
    X[X == 0] = -0.0
    np.testing.assert_array_equal(hash_rows(dataclasses.replace(dense.table, numbers=X)), hashes)


def test_hashes_do_not_depend_on_the_blocks(both: tuple[Dataset, Dataset], monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = hash_rows(both[1].table)
    monkeypatch.setattr("nncli.data.sparse_numbers.ROWS_AT_ONCE", 7)
    np.testing.assert_array_equal(hash_rows(both[0].table), hashes)


def test_statistics_are_those_of_all_numbers(both: tuple[Dataset, Dataset], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.data.sparse_numbers.ROWS_AT_ONCE", 7)
    sparse, dense = both
    rows = np.arange(0, 80, 2)
    fitted = Preprocess.fit(sparse.table, rows, "none")
    own, X = fitted.statistics, dense.table.numbers[rows].astype(np.float64)
    assert own is not None
    np.testing.assert_array_equal(own.median, np.median(X, axis=0))
    np.testing.assert_array_equal((own.low, own.high), (X.min(axis=0), X.max(axis=0)))
    np.testing.assert_array_equal(own.missing, 0)
    np.testing.assert_allclose(own.mean_input, np.where(np.ptp(X, axis=0) > 0, X.mean(axis=0), 0), atol=1e-15)
    same = Preprocess.fit(dense.table, rows, "none")
    np.testing.assert_array_equal(fitted.dead, same.dead)
    assert fitted.notes == same.notes


@pytest.mark.parametrize(
    ("scale", "scaler"), [("auto", MaxAbsScaler()), ("standard", StandardScaler(with_mean=False))], ids=str
)
def test_scaling_moves_no_zero(scale: str, scaler: Any, both: tuple[Dataset, Dataset]) -> None:
    """As scikit-learn scales sparse matrices; columns that are constant come to nothing."""
    sparse, dense = both
    rows = np.arange(0, 80, 2)
    fitted = Preprocess.fit(sparse.table, rows, scale)
    X = dense.table.numbers.astype(np.float64)
    expected = scaler.fit(X[rows]).transform(X) * (np.ptp(X[rows], axis=0) > 0)
    found = fitted.transform(sparse.table, np.dtype(np.float32))
    assert found.is_sparse
    np.testing.assert_allclose(found.slice(0, 80).toarray(), expected, rtol=1e-6)
    assert not fitted.shift.any()
    with_zeros = fitted.transform(dense.table, np.dtype(np.float32))  # to the last bit
    np.testing.assert_array_equal(with_zeros.slice(0, 80), found.slice(0, 80).toarray())


def test_rows_of_unit_length_stay_as_they_are(both: tuple[Dataset, Dataset]) -> None:
    X = both[1].table.numbers / np.linalg.norm(both[1].table.numbers, axis=1, keepdims=True)
    X[5] = 0
    write_svm("unit.svm", X.round(4), [0, 1] * 40)
    sparse = read("unit.svm")
    fitted = Preprocess.fit(sparse.table, np.arange(80), "auto")
    assert fitted.notes[0] == "scaling: numbers as they are, as the rows have unit length"
    X[6] *= 1.2
    write_svm("other.svm", X.round(4), [0, 1] * 40)
    other = Preprocess.fit(read("other.svm").table, np.arange(80), "auto")
    expected = "scaling: numbers divided by the largest absolute value of their column, so that zeros stay zeros"
    assert other.notes[0] == expected


@pytest.mark.parametrize("scale", ["robust", "minmax"])
def test_scalings_that_would_move_zeros_are_refused(scale: str, both: tuple[Dataset, Dataset]) -> None:
    with pytest.raises(OptionError, match=f"{scale} would move the zeros") as caught:
        Preprocess.fit(both[0].table, np.arange(80), scale)
    assert caught.value.option == "scale"


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"format": b"csc"}, "expected a sparse matrix in compressed rows (csr), found csc. Save X.tocsr()"),
        ({"indices": np.zeros(3)}, "expected data, indices, indptr and shape of a sparse matrix, found other arrays"),
        ({"indptr": np.arange(4)}, "expected indptr to begin 4 rows of 3 numbers, found others"),
        ({"indptr": np.array([0, 2, 1, 3, 3])}, "expected indptr to begin 4 rows of 3 numbers, found others"),
        ({"indices": np.array([0, 9, 1])}, "row 2: expected a column from 0 to 4, found 9"),
        ({"indices": np.array([0, -1, 1])}, "row 2: expected a column from 0 to 4, found -1"),
        (
            {"indices": np.array([0, 2, 2]), "indptr": np.array([0, 1, 3, 3, 3])},
            "row 2: expected one number in column 2, found several. Add them up first: X.sum_duplicates()",
        ),
        (
            {"data": np.array([1, np.nan, 1])},
            "row 2, column 2: expected a finite number, as a sparse matrix has none that is missing",
        ),
        (
            {"shape": np.array([4, 1 << 21])},
            "expected at most 1,048,576 columns, found 2,097,152",
        ),
    ],
    ids=["csc", "fractions", "few starts", "back", "beyond", "negative", "twice", "missing", "wide"],
)
def test_arrays_that_are_no_sparse_matrix_are_refused(other: dict[str, Any], problem: str, nncli: Run) -> None:
    parts: dict[str, Any] = {"data": np.ones(3), "indices": np.array([0, 2, 1]), "indptr": np.array([0, 1, 2, 3, 3])}
    np.savez("d.npz", **parts | {"shape": np.array([4, 5]), "y": [0, 1, 0, 1]} | other)
    outcome = nncli("train", "d.npz", "-q")
    assert (outcome.code, outcome.err) == (1, f"d.npz: {problem}.\n")


def test_a_sparse_matrix_without_classes_is_one_to_predict(nncli: Run) -> None:
    X, _ = sparse_rows()
    write_npz("d.npz", X, None)
    outcome = nncli("train", "d.npz", "-q")
    assert outcome.code == 1
    assert outcome.err.startswith("d.npz: expected an array y of classes beside a sparse matrix, found none. Save both")


def test_columns_of_a_row_may_come_in_any_order() -> None:
    X, y = sparse_rows()
    write_npz("d.npz", X, y)
    with np.load("d.npz") as parts:
        found = dict(parts)
    start, end = found["indptr"][3:5]
    for name in ("data", "indices"):
        found[name][start:end] = found[name][start:end][::-1].copy()
    np.savez("d.npz", **found)
    np.testing.assert_array_equal(read("d.npz").table.numbers[:], X)


def test_check_describes_columns_as_with_all_zeros(both: tuple[Dataset, Dataset], nncli: Run) -> None:
    """A column far from most, and one that gives the class away, are found too."""
    X, y = both[1].table.numbers.copy(), both[1].y.tolist()
    X[:, 0] = [label + 1 if i % 10 else 5_000 for i, label in enumerate(y)]
    X[:, 7] = y
    write_svm("new.svm", X, y)
    outcome = nncli("check", "new.svm", "--json")
    assert outcome.code == 0
    for place in (0, 1, 7, 100, COLUMNS - 1):
        column = outcome.json["columns"][place]
        expected = len(np.unique(X[:, place])), X[:, place].min(), X[:, place].max()
        assert (column["distinct"], column["low"], column["high"]) == expected
    findings = "\n".join(outcome.json["findings"])
    assert "column 'c1' reaches 5000, while half of its values lie between 1 and 2" in findings
    assert "column 'c8' alone predicts 100.0 % of each class" in findings
    assert "1 of 80 rows is a duplicate of an earlier row" in findings


def test_reading_takes_memory_for_numbers_that_are_not_0_alone() -> None:
    """The zeros of 2,000 rows of 99,999 columns would take 800 MB."""
    Path("d.svm").write_text("1 99999:1\n0 1:1\n" * 1000)
    tracemalloc.start()
    found = read("d.svm")
    hash_rows(found.table)
    Preprocess.fit(found.table, np.arange(2000), "auto").transform(found.table, np.dtype(np.float32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 << 20
