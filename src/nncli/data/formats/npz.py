"""Rows of numbers and their classes in an .npz file: the arrays X and y, or x_train, y_train, x_test and y_test; or the
parts of a sparse matrix in compressed rows (CSR), as SciPy saves it, and y."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.byte_input import reason, refuse_bomb, sha256_of
from nncli.data.cells import check_width
from nncli.data.dataset import Dataset, Schema, Table, check_shape, image_shape_of
from nncli.data.formats import sparse_npz
from nncli.data.formats.known_formats import SPARSE_ARRAYS
from nncli.data.formats.npz_arrays import NO_ARRAY, REMEDY, array_of, read_as
from nncli.data.formats.sparse_npz import CSR
from nncli.data.labels import dataset_of
from nncli.data.row_blocks import RowBlock
from nncli.data.sources import title
from nncli.data.sparse_numbers import SparseNumbers
from nncli.data.zip_archive import open_zip
from nncli.errors import DataError

SPARSE_WITH_CLASSES = {
    "beside": "a sparse matrix",
    "remedy": "Save both: numpy.savez('d.npz', data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape, y=y)",
}
WHOLE, PARTS = (("X", "y"),), (("x_train", "y_train"), ("x_test", "y_test"))


def read(path: Path, like: Schema | None = None, folder: Path | None = None) -> Dataset:
    """Read X, (n, d) numbers or (n, h, w) images, and their classes y, (n,), (n, 1) or one-hot (n, K), as a data set
    whose columns are called c0, c1, …; x_test and y_test become its `test`. `like` is the schema of a model that it is
    for. With a `folder`, a sparse matrix is read into files there. Raises DataError."""
    parts, sha256 = [_read_part(path, names, like, folder) for names in _parts(path)], sha256_of(path)
    (X, y, shape, notes), *others = parts
    if isinstance(X, SparseNumbers) and like is None:
        notes = (*notes, str(X))
    found = dataset_of(X, y, str(path), sha256, like, notes=notes, shape=shape)
    for X_test, y_test, shape_test, _ in others:
        if shape_test != shape or X_test.shape[1:] != X.shape[1:]:
            raise DataError(str(path), "expected x_train and x_test of one shape, found two")
        test = dataset_of(X_test, y_test, str(path), sha256, found.schema, shape=shape)
        if found.is_numeric:
            return dataclasses.replace(found, test=test)
        code_of = {name: i for i, name in enumerate(found.classes)}
        unknown = [name for name in test.classes if name not in code_of]
        if unknown:
            raise DataError(str(path), f"expected in y_test only classes that y_train has, found '{unknown[0]}'")
        y = np.array([code_of[name] for name in test.classes])[test.y]
        test = dataclasses.replace(test, y=y, classes=found.classes, schema=found.schema)
        found = dataclasses.replace(found, test=test)
    return found


def is_sparse(path: Path) -> bool:
    """Tell whether a file has a sparse matrix. Raises DataError for one that is damaged."""
    return [name for name, _ in _parts(path)] == [CSR]


def row_blocks(path: Path, like: Schema) -> Iterator[RowBlock]:
    """Read X, (n, d), alone. Raises DataError."""
    parts = _parts(path)
    if len(parts) > 1:
        raise DataError(
            str(path), "expected one array of rows, found x_train and x_test",
            f"Save one: numpy.savez('rows.npz', X=numpy.load({str(path)!r})['x_test'])",
        )  # fmt: skip
    X, shape = _inputs(path, parts[0][0], like)
    check_shape(shape, like, str(path))
    return iter([RowBlock(Table((), X), None, {}, {})])


def _parts(path: Path) -> list[tuple[str, str]]:
    """List the names of (inputs, classes) in the file, as it spells them: one pair, or those to train and to test."""
    try:
        with path.open("rb") as raw, open_zip(raw) as file:
            names = [name.removesuffix(".npy") for name in file.namelist()]
    except NO_ARRAY as error:
        raise DataError(title((str(path),)), f"expected arrays X and y: {reason(error)}") from None
    if {*names} >= SPARSE_ARRAYS:
        return [(CSR, "y" if "y" in names or "Y" not in names else "Y")]
    spelt = {name.lower(): name for name in names} | {name.lower(): name for name in ("X", "y") if name in names}
    pairs = [pair for known in (WHOLE, PARTS) for pair in known if pair[0].lower() in spelt]
    wanted = pairs[:1] if pairs[:1] == [*WHOLE] else pairs
    return [(spelt[x.lower()], spelt.get(y.lower(), y)) for x, y in wanted]


def _read_part(
    path: Path, names: tuple[str, str], like: Schema | None, folder: Path | None
) -> tuple[NDArray[Any] | SparseNumbers, NDArray[Any], tuple[int, ...], tuple[str, ...]]:
    """Read inputs (n, d), their labels (n,), the shape of an image, and notes."""
    X, shape = _inputs(path, names[0], like, folder)
    check_shape(shape, like, str(path))
    y = array_of(path, names[1], **(SPARSE_WITH_CLASSES if names[0] == CSR else {"beside": names[0]}))
    if y.ndim == 2 and y.shape[1] == 1:
        return X, y[:, 0], shape, ()
    if y.ndim == 2 and y.dtype.kind in "biuf" and ((y == 1).sum(axis=1) == 1).all() and (y != 0).sum() == len(y):
        note = f"{names[1]} is one-hot: the classes are its columns, 0 to {y.shape[1] - 1}"
        return X, y.argmax(axis=1), shape, (note,)
    return X, y, shape, ()


def _inputs(
    path: Path, name: str, like: Schema | None, folder: Path | None = None
) -> tuple[NDArray[Any] | SparseNumbers, tuple[int, ...]]:
    """Read inputs (n, d), and the shape of one if they are images; as a model has them, stored sparse or not."""
    where, size = title((str(path),)), path.stat().st_size
    if name == CSR:
        return sparse_npz.read(path, where, like, folder), ()
    X = array_of(path, name)
    shape = image_shape_of(X.shape[1:])
    if X.ndim > 2 and len(X):  # images
        X = X.reshape(len(X), -1)
    if X.ndim != 2 or not X.size or X.dtype.kind not in "biuf":
        raise DataError(where, f"expected {name} as numbers of shape (n, d), found {X.dtype} of shape {X.shape}")
    check_width(X.shape[1], where)
    dtype = read_as(X)
    refuse_bomb(where, "the npz data", X.size * dtype.itemsize, size, REMEDY)
    with np.errstate(over="ignore"):  # infinite then
        X = X.astype(dtype, copy=False)
    if X.dtype.kind == "f" and np.isinf(X).any():
        row, column = np.argwhere(np.isinf(X))[0]
        raise DataError(where, f"{name}, row {row + 1}, column {column}: expected a finite number, found infinity")
    return X, shape
