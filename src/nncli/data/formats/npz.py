"""Rows of numbers and their classes in an .npz file: the arrays X and y, or x_train, y_train, x_test and y_test; or the
parts of a sparse matrix in compressed rows (CSR), as SciPy saves it, and y."""

from __future__ import annotations

import dataclasses
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.byte_input import reason, refuse_bomb, sha256_of
from nncli.data.cells import check_width
from nncli.data.dataset import Dataset, Schema, Table, check_shape, image_shape_of
from nncli.data.formats.known_formats import SPARSE_ARRAYS
from nncli.data.labels import dataset_of
from nncli.data.row_blocks import RowBlock
from nncli.data.sources import title
from nncli.data.sparse_numbers import SparseNumbers, stays_sparse
from nncli.data.zip_archive import DAMAGED, open_zip
from nncli.errors import DataError

REMEDY = "Save it uncompressed, with numpy.savez"
EXACT_TO = 1 << 24  # whole numbers that float32 has
NO_ARRAY = (*DAMAGED, TypeError, SyntaxError, ArithmeticError, MemoryError)  # a header is read as a Python literal
MOST_FEATURES = 1 << 20  # of a sparse matrix; each has weights of its own
CSR = "csr"  # what stands for all arrays of a sparse matrix
SPARSE_WITH_CLASSES = {
    "beside": "a sparse matrix",
    "remedy": "Save both: numpy.savez('d.npz', data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape, y=y)",
}
SPARSE_REMEDY = "Save it with all its zeros, as X, with numpy.savez"
WHOLE, PARTS = (("X", "y"),), (("x_train", "y_train"), ("x_test", "y_test"))


def read(path: Path, like: Schema | None = None) -> Dataset:
    """Read X, (n, d) numbers or (n, h, w) images, and their classes y, (n,), (n, 1) or one-hot (n, K), as a data set
    whose columns are called c0, c1, …; x_test and y_test become its `test`. `like` is the schema of a model that it is
    for. Raises DataError."""
    parts, sha256 = [_read_part(path, names, like) for names in _parts(path)], sha256_of(path)
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
    path: Path, names: tuple[str, str], like: Schema | None
) -> tuple[NDArray[Any] | SparseNumbers, NDArray[Any], tuple[int, ...], tuple[str, ...]]:
    """Read inputs (n, d), their labels (n,), the shape of an image, and notes."""
    X, shape = _inputs(path, names[0], like)
    check_shape(shape, like, str(path))
    y = _array_of(path, names[1], **(SPARSE_WITH_CLASSES if names[0] == CSR else {"beside": names[0]}))
    if y.ndim == 2 and y.shape[1] == 1:
        return X, y[:, 0], shape, ()
    if y.ndim == 2 and y.dtype.kind in "biuf" and ((y == 1).sum(axis=1) == 1).all() and (y != 0).sum() == len(y):
        note = f"{names[1]} is one-hot: the classes are its columns, 0 to {y.shape[1] - 1}"
        return X, y.argmax(axis=1), shape, (note,)
    return X, y, shape, ()


def _array_of(path: Path, name: str, beside: str = "", remedy: str = "") -> NDArray[Any]:
    """Read one array, which belongs `beside` another; `remedy` is what to do if there is none."""
    where, size = title((str(path),)), path.stat().st_size
    try:
        with path.open("rb") as raw, open_zip(raw) as file:
            if f"{name}.npy" not in file.namelist():
                raise DataError(where, f"expected an array {name} of classes beside {beside}, found none", remedy)
            refuse_bomb(where, "the npz data", file.getinfo(f"{name}.npy").file_size, size, REMEDY)
            return _array(file, name)
    except NO_ARRAY as error:
        raise DataError(where, f"expected arrays X and y: {reason(error)}") from None


def _inputs(path: Path, name: str, like: Schema | None) -> tuple[NDArray[Any] | SparseNumbers, tuple[int, ...]]:
    """Read inputs (n, d), and the shape of one if they are images; as a model has them, stored sparse or not."""
    where, size = title((str(path),)), path.stat().st_size
    if name == CSR:
        return _sparse(path, where, like), ()
    X = _array_of(path, name)
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


def _sparse(path: Path, where: str, like: Schema | None) -> NDArray[Any] | SparseNumbers:
    """Read a sparse matrix, into one with all zeros where that takes no more, or a model has it."""
    parts = {name: _array_of(path, name) for name in sorted(SPARSE_ARRAYS)}
    data, columns, starts, shape = parts["data"], parts["indices"], parts["indptr"], parts["shape"]
    with path.open("rb") as raw, open_zip(raw) as file:
        kind = _array_of(path, "format").tolist() if "format.npy" in file.namelist() else CSR
    if kind not in (CSR, CSR.encode()):
        found = f"{kind.decode('ascii', 'replace') if isinstance(kind, bytes) else kind}"[:20]
        raise DataError(where, f"expected a sparse matrix in compressed rows (csr), found {found}", "Save X.tocsr()")
    whole = all(part.dtype.kind in "iu" and part.ndim == 1 for part in (columns, starts, shape))
    if not whole or data.ndim != 1 or data.dtype.kind not in "biuf" or len(shape) != 2 or len(columns) != len(data):
        raise DataError(where, "expected data, indices, indptr and shape of a sparse matrix, found other arrays")
    n, d = map(int, shape.tolist())
    check_width(d, where, most=MOST_FEATURES)
    begins = n > 0 and d > 0 and len(starts) == n + 1 and starts[0] == 0 and starts[-1] == len(data)
    if not begins or (starts[1:] < starts[:-1]).any():
        raise DataError(where, f"expected indptr to begin {n:,} rows of {len(data):,} numbers, found others")
    wrong = np.flatnonzero((columns < 0) | (columns >= d))
    if len(wrong):
        found = f"expected a column from 0 to {d - 1:,}, found {columns[wrong[0]]:,}"
        raise DataError(where, f"row {_row(starts, wrong[0])}: {found}")
    ends = starts[(starts > 0) & (starts < len(data))] - 1  # from one row to the next
    rises = columns[1:] > columns[:-1]
    rises[ends] = True
    if not rises.all():
        order = np.lexsort((columns, np.repeat(np.arange(n), np.diff(starts))))
        columns, data = columns[order], data[order]
        same = columns[1:] == columns[:-1]
        same[ends] = False
        twice = np.flatnonzero(same)
        if len(twice):
            problem = f"row {_row(starts, twice[0])}: expected one number in column {columns[twice[0]]}, found several"
            raise DataError(where, problem, "Add them up first: X.sum_duplicates()")
    with np.errstate(over="ignore"):  # infinite then
        data = data.astype(read_as(data) if len(data) and data.dtype != np.uint8 else np.float32)
    wrong = np.flatnonzero(~np.isfinite(data))
    if len(wrong):
        place = f"row {_row(starts, wrong[0])}, column {columns[wrong[0]]}"
        raise DataError(where, f"{place}: expected a finite number, as a sparse matrix has none that is missing")
    numbers = SparseNumbers.of(data, columns, starts, (n, d))
    if stays_sparse(numbers.shape, numbers.csr.nnz) if like is None else like.sparse:
        return numbers
    refuse_bomb(where, "the npz data", n * d * data.itemsize, path.stat().st_size, SPARSE_REMEDY)
    return numbers[:]


def _row(starts: NDArray[Any], value: int) -> int:
    """Return the number of the row, from 1, that a value of a sparse matrix is in."""
    return int(np.searchsorted(starts, value, "right"))


def read_as(X: NDArray[Any]) -> np.dtype[Any]:
    """Choose the type that numbers are read as: uint8 for images; float32, where it has all of them; else float64."""
    kind, size = X.dtype.kind, X.dtype.itemsize
    if X.dtype == np.uint8:
        return np.dtype(np.uint8)
    exact = size <= 4 if kind == "f" else size <= 2 or max(abs(int(X.min())), abs(int(X.max()))) <= EXACT_TO
    return np.dtype(np.float32 if exact else np.float64)


def _array(file: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read a member, if its header says as much as there is."""
    if file.namelist().count(f"{name}.npy") > 1:
        raise ValueError(f"two members called {name}")
    info = file.getinfo(f"{name}.npy")
    with file.open(info) as member:
        version = np.lib.format.read_magic(member)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"{name} is written in version {version[0]}.{version[1]} of the format")
        shape, fortran, dtype = readers[version](member)
        if dtype.hasobject:
            raise ValueError(f"{name} has objects, which may be anything. Save it as numbers or text")
        left = info.file_size - member.tell()
        if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != left:
            raise ValueError(f"{name} says shape {shape} of {dtype}, and has {left} bytes")
        data = member.read(left)
        member.read(1)  # where the checksum is compared
    if dtype.kind in "OV" or not dtype.itemsize:
        raise ValueError(f"{name} has cells of type {dtype}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
