"""Frames as the tables of the house, targets as classes or numbers, and weights as rows."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.config.train_config import TrainConfig
from nncli.data.cells import DEFAULT_MISSING, NUMBER
from nncli.data.dataset import Dataset, Schema, Table
from nncli.data.formats.npz_arrays import read_as
from nncli.data.labels import classes_of
from nncli.data.numeric_target import LARGEST, numeric_labels
from nncli.data.row_hashes import hash_rows
from nncli.data.sources import ARRAYS
from nncli.data.sparse_numbers import SparseNumbers, stays_sparse
from nncli.errors import did_you_mean
from nncli.estimators.columns import NOTHING, days_of, is_missing, kind_of, numbers_of, text_of
from nncli.estimators.frames import Frame, array_of, frame_of
from nncli.estimators.refusals import InvalidData, InvalidOption
from nncli.system.characters import composed

MOST_COPIES = 10  # rows for each row given, up to which whole weights are as many copies
Y_MISSING = "requires y to be passed, but the target y is None"


class Rows(NamedTuple):
    """X, y and the weights of some rows, those without weight left out. `names` are those of all columns of X, c0, c1,
    … where they have none."""

    frame: Frame
    names: tuple[str, ...]
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    target: str  # what y is called
    kept: NDArray[np.int64] | None  # rows of the frame; None: all


def rows_of(X: Any, y: Any, sample_weight: Any, who: str) -> Rows:
    """Read X, y and weights for an estimator, `who`. Raises InvalidData where they do not belong together."""
    frame = frame_of(X)
    labels = _labels(y, who)
    if len(labels) != frame.n:
        problem = f"expected {frame.n} values, one for each row of X, found {len(labels)}"
        raise InvalidData("y", problem, "Give one for each")
    names = frame.names or tuple(f"c{place}" for place in range(frame.width))
    target = composed(name) if isinstance(name := getattr(y, "name", None), str) and name else "y"
    while target in names:
        target += "_"
    weights, kept = _weights(sample_weight, frame.n), None
    if weights is not None and not weights.all():
        kept = np.flatnonzero(weights)
        labels, weights = labels[kept], weights[kept]
    if weights is not None and (weights == 1).all():
        weights = None
    return Rows(frame, names, labels, weights, target, kept)


def _labels(y: Any, who: str) -> NDArray[Any]:
    if y is None:
        raise InvalidData("y", f"{who} {Y_MISSING}", "Give the class or number of each row")
    try:
        labels = np.asarray(y)
        if labels.dtype.kind == "U" and isinstance(y, list | tuple) and not all(isinstance(one, str) for one in y):
            labels = array_of(y)
    except ValueError:
        raise InvalidData("y", "expected one value for each row, found lists", "Give one class or number") from None
    if labels.ndim == 2 and labels.shape[1] == 1:
        from sklearn.exceptions import DataConversionWarning

        told = "A column-vector y was passed when a 1d array was expected: y.ravel() is used"
        warnings.warn(told, DataConversionWarning, stacklevel=5)
        return labels[:, 0]
    if labels.ndim != 1:
        problem = f"expected one value for each row, found an array of shape {labels.shape}"
        raise InvalidData("y", problem, "Fit an estimator for each column")
    if labels.dtype.kind == "c":
        raise InvalidData(
            "y", f"expected classes or numbers, found {labels.dtype}. Complex data not supported", "Use y.real"
        )
    return labels


def _weights(given: Any, n: int) -> NDArray[np.float64] | None:
    """Return the weights of n rows; None where each is 1."""
    if given is None:
        return None
    where, remedy = "sample_weight", "Give each row a number from 0"
    try:
        weights = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise InvalidData(where, "expected numbers, found something else", remedy) from None
    if weights.ndim == 0:
        weights = np.full(n, weights)
    if weights.shape != (n,):
        raise InvalidData(where, f"expected {n} weights, one for each row, found shape {weights.shape}", remedy)
    wrong = ~((weights >= 0) & (weights < np.inf))
    if wrong.any():
        row = int(wrong.argmax())
        raise InvalidData(where, f"row {row}: expected a weight from 0, found {weights[row]:g}", remedy)
    if not weights.any():
        raise InvalidData(where, "expected a weight above 0, found only zeros", "Leave it out, or let some rows count")
    return weights


def classes_in(y: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...], NDArray[np.int64]]:
    """Return the classes of y in their own type, (K,), and as text, and the position of each label among them, (n,).
    Raises InvalidData for labels that are no classes."""
    if y.dtype.kind == "f" and (np.isfinite(y) & (y != np.trunc(y))).any():
        problem = "expected classes, found fractions. Unknown label type: continuous"
        raise InvalidData("y", problem, "Use NNRegressor, or make classes of them")
    plain = y if y.dtype.kind != "O" else _of_one_type(y)
    names, codes = classes_of(plain, "y")
    values = np.unique(plain)
    return (values.astype(object) if y.dtype.kind == "O" else values), names, codes


def _of_one_type(y: NDArray[Any]) -> NDArray[Any]:
    """Return labels that are Python objects in the type of NumPy that they have. Raises InvalidData for several."""
    for i, label in enumerate(y):
        if is_missing(label):
            raise InvalidData(
                "y", f"row {i}: expected a class, found a missing value", "Fill it in, or leave the row out"
            )
    kinds = {"U" if isinstance(label, str) else np.asarray(label).dtype.kind for label in y}
    if len(kinds - {"i", "u"}) + bool(kinds & {"i", "u"}) > 1:
        raise InvalidData("y", "expected labels of one type, found several. Unknown label type", "Use one type")
    if kinds <= set("biufU"):
        return np.array(y.tolist())
    found = type(y[0]).__name__
    raise InvalidData("y", f"expected classes, found {found}. Unknown label type", "Classes may be numbers or text")


def numbers_in(y: NDArray[Any], may_be_alike: bool = False) -> NDArray[np.float64]:
    """Return y as numbers, (n,). Raises InvalidData for what is none, for missing ones, and unless they `may_be_alike`
    where all are the same."""
    try:
        if y.dtype.kind in "mM":
            raise TypeError
        numbers = y.astype(np.float64)
    except (TypeError, ValueError):
        raise InvalidData("y", f"expected numbers, found {y.dtype}", "Use NNClassifier for classes") from None
    if may_be_alike and len(numbers) and (numbers == numbers[0]).all() and np.abs(numbers[0]) <= LARGEST:
        return numbers
    if np.isnan(numbers).any():
        row = int(np.isnan(numbers).argmax())
        raise InvalidData("y", f"row {row}: expected a number, found NaN", "Fill it in, or leave the row out")
    found = numeric_labels(numbers, "y", told=True) if len(numbers) > 1 else None
    if found is None:
        raise InvalidData("y", "expected two rows or more, found 1 sample", "Give it more rows")
    return found


def with_texts(config: TrainConfig, frame: Frame) -> TrainConfig:
    """Return options that have a list of texts read word by word, however few or short they are. Raises InvalidData for
    one of numbers that are written as texts."""
    if not frame.are_texts or frame.names is None or frame.names[0] in (*config.text, *config.categorical):
        return config
    if all(is_missing(value) or NUMBER.fullmatch(value) for value in frame.columns[0]):
        problem = "expected rows of shape (n, d) or a list of texts, found numbers that are written as texts"
        raise InvalidData("X", problem, "Reshape your data: np.reshape(X, (-1, 1)) for one column")
    return dataclasses.replace(config, text=(*config.text, *frame.names))


def schema_of(rows: Rows, config: TrainConfig, is_numeric: bool) -> Schema:
    """Return the columns of X: as their types say, text where `categorical`, `text` or `group` names them. Raises
    InvalidOption for names of columns that are not there."""
    for option in ("categorical", "text"):
        for name in getattr(config, option):
            if name not in rows.names:
                remedy = did_you_mean(name, rows.names, listed="columns")
                raise InvalidOption(option, f"no column is called '{name}'", remedy)
    numbers = rows.frame.matrix
    sparse = isinstance(numbers, SparseNumbers) and stays_sparse(numbers.shape, numbers.csr.nnz)
    for option in ("categorical", "text", "group", "time") if sparse else ():
        if getattr(config, option):
            problem = f"expected X with all zeros, found a sparse matrix of {rows.frame.width:,} columns"
            raise InvalidOption(option, problem, "Leave it out, or use X.toarray()")
    as_text = {*config.categorical, *config.text, config.group}
    kinds: list[tuple[str, str]] = []
    for place, name in enumerate(rows.names):
        kind = "number"
        if name in as_text:
            kind = "text"
        elif rows.frame.matrix is None:
            found = kind_of(rows.frame.columns[place], name)
            kind = "text" if found == NOTHING else found
        if name == config.time and kind == "text":
            problem = f"column '{name}': expected dates or numbers, to order rows with, found text"
            raise InvalidOption("time", problem, "Give it as datetime64")
        kinds.append((name, kind))
    has_names, width = rows.frame.names is not None, rows.frame.width
    named = tuple(kinds), rows.target, has_names, DEFAULT_MISSING, width
    return Schema(*named, numeric_target=is_numeric, width=width, sparse=sparse)


def table_of(frame: Frame, schema: Schema, names: Sequence[str], who: str) -> Table:
    """Return the columns of a model from a frame: by their names, where both have them, and else by their places among
    the `names` of all columns that the estimator `who` was fitted on. A list of texts is the only column. Raises
    InvalidData where they are others."""
    if frame.are_texts and len(names) == 1:
        places = {names[0]: 0}
    elif frame.names is not None and schema.header and not frame.are_texts:
        places = {name: place for place, name in enumerate(frame.names)}
        for name in schema.names:
            if name not in places:
                others = set(frame.names).difference(names)
                remedy = did_you_mean(name, others) or "Give the columns of training"
                raise InvalidData("X", f"column '{name}' is missing", remedy)
    else:
        if frame.width != len(names):
            told = f"X has {frame.width} features, but {who} is expecting {len(names)} features as input"
            raise InvalidData(
                "X", f"expected {len(names)} columns, found {frame.width}: {told}", "Give those of training"
            )
        if schema.header and frame.names is None:
            told = f"X does not have valid feature names, but {who} was fitted with feature names"
            warnings.warn(f"{told}: columns are taken by their places", UserWarning, stacklevel=4)
        elif frame.names is not None:
            told = f"X has feature names, but {who} was fitted without feature names"
            warnings.warn(f"{told}: columns are taken by their places", UserWarning, stacklevel=4)
        places = {name: place for place, name in enumerate(names)}
    numbers = schema.of_kind("number")
    return Table(
        numbers,
        _matrix(frame, [places[name] for name in numbers], numbers, schema.sparse),
        {name: text_of(frame.column(places[name]), name) for name in schema.of_kind("text")},
        {name: days_of(frame.column(places[name]), name) for name in schema.of_kind("date")},
    )


def _matrix(frame: Frame, places: Sequence[int], names: Sequence[str], sparse: bool) -> NDArray[Any] | SparseNumbers:
    """Return columns of numbers as one matrix, in the type that holds them: see `read_as`; stored sparse if asked for.
    Raises InvalidData for numbers that are infinite, and where they are to be stored sparse for missing ones."""
    given = frame.matrix
    if isinstance(given, SparseNumbers):
        if sparse:
            return given
        given = given[:]
    elif sparse:
        from scipy.sparse import csr_array

        with_zeros = _matrix(frame, places, names, sparse=False)
        its = frame_of(csr_array(with_zeros)).matrix
        assert isinstance(its, SparseNumbers), "a model of sparse numbers has many columns"
        return its
    if given is not None:
        matrix = given if places == [*range(frame.width)] else given[:, places]
        if not matrix.size:
            return np.empty((frame.n, len(places)), np.float32)
        found = np.asarray(matrix, read_as(matrix), order="C")
    else:
        columns = [numbers_of(frame.columns[place], name) for place, name in zip(places, names, strict=True)]
        found = np.empty((frame.n, len(places)), np.result_type(np.float32, *map(read_as, columns)))
        if columns and all(column.dtype == np.uint8 for column in columns):
            found = found.astype(np.uint8)
        for j, column in enumerate(columns):
            found[:, j] = column
    if found.dtype.kind == "f" and np.isinf(found).any():
        i, j = np.argwhere(np.isinf(found))[0]
        named = f"row {i}, column {j}" if frame.names is None else f"row {i}, column '{names[j]}'"
        raise InvalidData("X", f"{named}: expected a finite number, found infinity", "Correct it, or leave the row out")
    return found


def dataset_of(
    rows: Rows, schema: Schema, classes: tuple[str, ...], y: NDArray[Any], who: str, whole: bool = True
) -> Dataset:
    """Return rows as a data set, with the position among the `classes`, or the number, of each. Where they are the
    `whole` data, whole weights are as many copies of a row, and rows that come again are in an order of their own: what
    is given as weights, as rows, or in another order is one data set."""
    frame = rows.frame
    table = table_of(frame, schema, rows.names, who)
    if rows.kept is not None:
        table = table.take(rows.kept)
    weights, hashes = rows.weights, None
    if whole:
        hashes = hash_rows(table)
        is_whole = weights is not None and bool((weights == np.trunc(weights)).all())
        if weights is not None and is_whole and weights.sum() <= MOST_COPIES * len(weights):
            copies = np.repeat(np.arange(len(weights)), weights.astype(np.int64))
            table, y, hashes, weights = table.take(copies), y[copies], hashes[copies], None
        order = np.lexsort((y, hashes))
        again = (np.diff(hashes[order]) == 0) & (np.diff(y[order]) == 0)
        if weights is None and again.any():
            table, y, hashes = table.take(order), y[order], hashes[order]
    sha256 = hashlib.sha256(repr((schema, classes, [column.values for column in table.texts.values()])).encode())
    numbers = table.numbers
    csr = numbers.csr if isinstance(numbers, SparseNumbers) else None
    of_numbers = [numbers] if csr is None else [csr.data, csr.indices, csr.indptr]
    for array in (*of_numbers, *(column.codes for column in table.texts.values()), *table.dates.values(), y):
        sha256.update(np.ascontiguousarray(array).data)
    return Dataset(table, y, classes, schema, ARRAYS, sha256.hexdigest(), weights=weights, hashes=hashes)
