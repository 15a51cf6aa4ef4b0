"""Matrices without names: .npz files with X and y, and the sparse text of LIBSVM and SVMlight."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import DEFAULT_MISSING
from nncli.data.dataset import Dataset, Schema, Table
from nncli.data.files import Input, first_bytes, open_input, refuse_bomb, shown
from nncli.data.files import sha256_of as sha256_of_file
from nncli.data.unpacked import MAGIC
from nncli.errors import DataError

ZIP = b"PK\3\4"
NUMBER = rb"[+-]?[\d.]+(?:[eE][+-]?\d+)?"
SPARSE = re.compile(rb"(?:#[^\n]*\n)*%b(?: qid:\d+)?(?: +\d+:%b)+ *(?:#[^\n]*)?\r?(?:\n|$)" % (NUMBER, NUMBER))
HEAD = 4096  # bytes that tell
BLOCK_BYTES, CELLS_AT_ONCE = 1 << 20, 1 << 22


def is_arrays(path: Path) -> bool:
    """Whether that is an .npz file with X, or a file of `label place:value …` lines."""
    head = first_bytes(path, HEAD)
    if head.startswith(ZIP):
        try:
            with zipfile.ZipFile(path) as file:
                return "X.npy" in file.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
            return False
    if head.startswith(tuple(MAGIC)):
        try:
            with open_input(str(path)) as packed:
                head = packed.read(HEAD)
        except DataError:
            return False
    return is_sparse(head)


def is_sparse(head: bytes) -> bool:
    """Whether text that begins so has lines `label place:value …`."""
    if b"\n" not in head:  # a long line, which may be cut within a number
        head = head[: head.rfind(b" ")]
    return SPARSE.match(head) is not None


def read(path: Path, like: Schema | None = None) -> Dataset:
    """X, (n, d) numbers, and their classes y, (n,), all as one data set; the columns are called c0, c1, …, or c1, c2, …
    where sparse text counts from 1. With `like`, as many and counted alike."""
    if first_bytes(path, len(ZIP)) == ZIP:
        X, y = _npz(path)
        if y is None:
            raise DataError(str(path), "expected an array y of classes beside X, found none")
        return _dataset(X, y, str(path), sha256_of(path), like)
    with open_input(str(path), hashed=True) as file:
        return read_sparse(file, str(path), like)


def read_sparse(file: Input, source: str, like: Schema | None = None) -> Dataset:
    """All lines of sparse text; the file is opened with its hash."""
    X, y, first = sparse(file.read(), file.where, like)
    note = f"sparse text: the features are counted from {first}"
    return _dataset(X, y, source, file.hexdigest(), like, first, (note,))


def _dataset(
    X: NDArray[Any],
    y: NDArray[Any],
    source: str,
    sha256: str,
    like: Schema | None,
    first: int = 0,
    notes: tuple[str, ...] = (),
) -> Dataset:
    where = shown(source)
    if y.shape != X.shape[:1] or y.dtype.kind not in "biufU":
        raise DataError(where, f"expected y of shape ({len(X)},), found {y.dtype} of shape {y.shape}")
    if y.dtype.kind == "f":
        if not (y == np.trunc(y)).all():
            raise DataError(where, "expected classes in y, found fractions or missing values")
        y = y.astype(np.int64)
    values, codes = np.unique(y, return_inverse=True)
    if like is None and len(values) < 2:  # a model has its classes
        raise DataError(where, f"expected two or more classes in y, found {len(values)}")
    names = tuple(f"c{first + i}" for i in range(X.shape[1]))
    schema = Schema(tuple((name, "number") for name in names), "y", True, DEFAULT_MISSING, len(names))
    classes = tuple(str(value) for value in values)
    return Dataset(Table(names, X), codes.astype(np.int64), classes, schema, (source,), sha256, notes=notes)


def row_blocks(path: Path, like: Schema) -> Iterator[NDArray[Any]]:
    """(n, d): X alone, for a model of those columns; sparse text some rows at a time."""
    if first_bytes(path, len(ZIP)) == ZIP:
        return iter([_npz(path)[0]])
    return sparse_blocks(open_input(str(path)), like)


def _npz(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    where = shown(str(path))
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(member.file_size for member in packed.infolist())
        refuse_bomb(where, "npz", unpacked, path.stat().st_size)
        with np.load(path, allow_pickle=False) as file:
            X, y = file["X"], file["y"] if "y" in file.files else None
    except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(where, f"expected arrays X and y: {str(error).splitlines()[0][:100]}") from None
    if X.ndim > 2 and len(X):  # images
        X = X.reshape(len(X), -1)
    if X.ndim != 2 or not X.size or X.dtype.kind not in "biuf":
        raise DataError(where, f"expected X as numbers of shape (n, d), found {X.dtype} of shape {X.shape}")
    if X.dtype != np.uint8:
        X = X.astype(np.float64 if X.dtype == np.float64 else np.float32)
    if X.dtype.kind == "f" and np.isinf(X).any():
        row, column = np.argwhere(np.isinf(X))[0]
        raise DataError(where, f"X, row {row + 1}, column {column}: expected a finite number, found infinity")
    return X, y


def sparse_blocks(file: Input, like: Schema) -> Iterator[NDArray[Any]]:
    """(n, d): the rows of sparse text for a model, as they arrive; the file is closed at the end."""
    rest, at_once = b"", max(1, CELLS_AT_ONCE // len(like.columns))
    with file:
        while chunk := file.read(BLOCK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from _sparse_rows(lines, at_once, file.where, like)
        yield from _sparse_rows([rest], at_once, file.where, like)


def _sparse_rows(lines: Sequence[bytes], at_once: int, where: str, like: Schema) -> Iterator[NDArray[Any]]:
    rows = [line for line in lines if line.partition(b"#")[0].strip()]
    for start in range(0, len(rows), at_once):
        yield sparse(b"\n".join(rows[start : start + at_once]), where, like)[0]


def sparse(text: bytes, where: str, like: Schema | None) -> tuple[NDArray[Any], NDArray[Any], int]:
    """X, y and the number of the first feature, of lines `label place:value …`. Those of a model are counted as it
    counts its own; others from 1, unless there is a 0 among them."""
    from sklearn.datasets import load_svmlight_file

    try:
        X, y = load_svmlight_file(BytesIO(text), dtype=np.float32, zero_based=True)
    except (ValueError, OverflowError) as error:
        raise DataError(where, f"expected lines such as '1 3:0.5 7:2': {str(error).splitlines()[0][:100]}") from None
    least, beyond = int(X.indices.min(initial=X.shape[1])), X.shape[1]
    first = None if like is None else {"c0": 0, "c1": 1}.get(like.columns[0][0])
    first = min(least, 1) if first is None else first
    width = beyond - first if like is None else len(like.columns)
    if least < first or beyond > first + width:
        found = least if least < first else beyond - 1
        raise DataError(where, f"expected features {first} to {first + width - 1}, found {found}")
    X = X[:, first:]
    X.resize((len(y), width))
    refuse_bomb(where, "sparse", X.dtype.itemsize * X.shape[0] * X.shape[1], len(text))  # its zeros take memory here
    dense = X.toarray()
    if not np.isfinite(dense).all():
        raise DataError(where, "expected finite numbers, found others")
    return dense, np.asarray(y), first


def sha256_of(path: Path) -> str:
    """Of the bytes of the file."""
    return sha256_of_file(str(path))
