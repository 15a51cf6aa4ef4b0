"""Labels as classes, and data sets of rows without column names: labels that differ stay apart, or are refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import DEFAULT_MISSING, quoted
from nncli.data.dataset import Dataset, Schema, Table, canonical_class, numbered
from nncli.data.numeric_target import MOST_CLASSES, labels_as_numbers, numeric_labels, say_regression
from nncli.data.sources import title
from nncli.data.sparse_numbers import SparseNumbers
from nncli.data.task import CLASSIFICATION, REGRESSION
from nncli.errors import DataError, did_you_mean

ROUNDED_FROM = 2.0**53  # whole numbers that differ can be the same float64 from here on
ADVICE = "Classes may be whole numbers or text"
BEHIND = " .,;:*"  # a class, by mistake


def classes_of(y: NDArray[Any], where: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the classes as text, in the order of the labels' own type, and the position of each label (n,) among them.
    Raises DataError for what is no class."""
    if y.dtype.kind == "O":
        y = _as_text(y, where)
    if y.dtype.kind not in "biufU":
        raise DataError(where, f"expected classes, found {y.dtype}", ADVICE)
    if y.dtype.kind == "f":
        if not (np.isfinite(y) & (y == np.trunc(y))).all():
            raise DataError(where, "expected classes, found fractions or missing values", ADVICE)
        large = np.flatnonzero(np.abs(y) >= ROUNDED_FROM)
        if len(large):
            raise DataError(
                where, f"expected classes, found {float(y[large[0]]):g}, and floats of that size are rounded",
                "Number the classes from 0",
            )  # fmt: skip
        y = y.astype(np.int64)
    values, codes = np.unique(y, return_inverse=True)
    try:
        classes = tuple(str(value) for value in values)
        "".join(classes).encode()
    except (ValueError, SystemError):  # numbers in the place of characters
        raise DataError(where, "expected classes, found text that is not Unicode", ADVICE) from None
    return classes, codes.astype(np.int64)


def written_as(label: str, classes: Iterable[str]) -> str:
    """Say how to write a label that is a class with signs behind it, such as a full stop; nothing for another one."""
    bare = label.rstrip(BEHIND)
    meant = next((name for name in classes if canonical_class(name) == canonical_class(bare)), None)
    return f"Write it as {quoted(meant)}, without the {quoted(label[len(bare) :])} behind it" if meant else ""


def advice_for_class(label: str, classes: Collection[str], or_skip: str = "") -> str:
    """Say what to do with a label that is none of the classes; `or_skip` is what else may be done."""
    if written := written_as(label, classes):
        return written + or_skip
    near = did_you_mean(label, classes)
    is_meant = label.casefold() in map(str.casefold, classes)
    return near if near and (is_meant or not or_skip) else f"Correct it{or_skip}{'. ' * bool(near)}{near}"


def for_task(dataset: Dataset, task: str | None) -> Dataset:
    """Return data of arrays with the classes or numbers that a task asks for. Raises DataError for words, which are no
    numbers, and for fractions, which are no classes."""
    where = f"{dataset.where}: y"
    if task == CLASSIFICATION and dataset.is_numeric:
        classes, y = classes_of(dataset.y, where)
        dataset = dataclasses.replace(dataset, y=y, classes=classes)
    elif task == REGRESSION and not dataset.is_numeric:
        numbers = numeric_labels(labels_as_numbers(dataset.classes, where)[dataset.y], where, told=True)
        assert numbers is not None
        dataset = dataclasses.replace(dataset, y=numbers, classes=())
    else:
        return dataset
    test = None if dataset.test is None else for_task(dataset.test, task)
    schema = dataclasses.replace(dataset.schema, numeric_target=dataset.is_numeric)
    return dataclasses.replace(dataset, schema=schema, test=test)


def _as_text(y: NDArray[Any], where: str) -> NDArray[np.str_]:
    found: dict[str, Any] = {}
    for i, label in enumerate(y):
        if label is None or label != label:
            raise DataError(
                where, f"row {i}: expected a class, found a missing value", "Fill it in, or leave the row out"
            )
        if found.setdefault(str(label), label) != label:
            raise DataError(where, f"two different classes are both written '{label}'", "Use labels of one type")
    return np.array([str(label) for label in y])


def dataset_of(
    X: NDArray[Any] | SparseNumbers,
    y: NDArray[Any],
    source: str,
    sha256: str,
    like: Schema | None,
    first: int = 0,
    notes: tuple[str, ...] = (),
    shape: tuple[int, ...] = (),
) -> Dataset:
    """Make a data set of rows of numbers X (n, d) and their labels y (n,). The columns are called by their numbers,
    from `first` on; `like` is the schema of a model that they are for, `shape` that of an image in a row. Raises
    DataError for other labels."""
    where = title((source,))
    names = numbered(first, X.shape[1])
    columns = tuple([(name, "number") for name in names])
    sparse = isinstance(X, SparseNumbers)
    schema = Schema(columns, "y", True, DEFAULT_MISSING, len(names), image_shape=shape, sparse=sparse)
    if y.shape != X.shape[:1]:
        raise DataError(where, f"expected y of shape ({len(X)},), found {y.dtype} of shape {y.shape}")
    may_measure = y.dtype.kind == "f" if like is None else y.dtype.kind in "biuf" and like.numeric_target
    numbers = numeric_labels(y, f"{where}: y", like is not None, MOST_CLASSES) if may_measure else None
    if numbers is not None:
        notes = (*notes, say_regression("y", np.unique(numbers))) if like is None else notes
        schema = dataclasses.replace(schema, numeric_target=True)
        return Dataset(Table(names, X), numbers, (), schema, (source,), sha256, notes=notes)
    classes, codes = classes_of(y, f"{where}: y")
    if like is None and len(classes) < 2:  # a model has its classes
        raise DataError(where, f"expected two or more classes in y, found {len(classes)}")
    return Dataset(Table(names, X), codes, classes, schema, (source,), sha256, notes=notes)
