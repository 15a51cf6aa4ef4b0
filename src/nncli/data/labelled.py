"""Rows of numbers without names, and their labels, as a data set."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from nncli.data.csv.strict_parser import DEFAULT_MISSING
from nncli.data.dataset import Dataset, Schema, Table
from nncli.data.labels import classes_of
from nncli.data.streams import shown
from nncli.errors import DataError


def dataset_of(
    X: NDArray[Any],
    y: NDArray[Any],
    source: str,
    sha256: str,
    like: Schema | None,
    first: int = 0,
    notes: tuple[str, ...] = (),
) -> Dataset:
    """The columns of X, (n, d), are called by their numbers, from `first` on."""
    where = shown(source)
    if y.shape != X.shape[:1]:
        raise DataError(where, f"expected y of shape ({len(X)},), found {y.dtype} of shape {y.shape}")
    classes, codes = classes_of(y, f"{where}: y")
    if like is None and len(classes) < 2:  # a model has its classes
        raise DataError(where, f"expected two or more classes in y, found {len(classes)}")
    names = tuple(f"c{first + i}" for i in range(X.shape[1]))
    schema = Schema(tuple((name, "number") for name in names), "y", True, DEFAULT_MISSING, len(names))
    return Dataset(Table(names, X), codes, classes, schema, (source,), sha256, notes=notes)
