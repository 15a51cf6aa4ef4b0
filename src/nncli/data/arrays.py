"""Matrices without names: .npz files with X and y, and the sparse text of LIBSVM and SVMlight."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import DEFAULT_MISSING
from nncli.data.dataset import Dataset, Schema, Table
from nncli.data.files import MAGIC, first_bytes, open_input, refuse_bomb, shown
from nncli.data.files import sha256_of as sha256_of_file
from nncli.errors import DataError

ZIP = b"PK\3\4"
NUMBER = rb"[+-]?[\d.]+(?:[eE][+-]?\d+)?"
SPARSE = re.compile(rb"(?:#[^\n]*\n)*%b(?: qid:\d+)?(?: +\d+:%b)+ *(?:#[^\n]*)?\r?(?:\n|$)" % (NUMBER, NUMBER))
HEAD = 4096  # bytes that tell


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
    if b"\n" not in head:  # a long line, which may be cut within a number
        head = head[: head.rfind(b" ")]
    return SPARSE.match(head) is not None


def read(path: Path) -> Dataset:
    """X, (n, d) numbers, and their classes y, (n,), all as one data set; the columns are called c0, c1, …"""
    where = str(path)
    X, y = _npz(path) if first_bytes(path, len(ZIP)) == ZIP else _sparse(path, None)
    if y is None:
        raise DataError(where, "expected an array y of classes beside X, found none")
    if y.shape != X.shape[:1] or y.dtype.kind not in "biufU":
        raise DataError(where, f"expected y of shape ({len(X)},), found {y.dtype} of shape {y.shape}")
    if y.dtype.kind == "f":
        if not (y == np.trunc(y)).all():
            raise DataError(where, "expected classes in y, found fractions or missing values")
        y = y.astype(np.int64)
    values, codes = np.unique(y, return_inverse=True)
    if len(values) < 2:
        raise DataError(where, f"expected two or more classes in y, found {len(values)}")
    names = tuple(f"c{i}" for i in range(X.shape[1]))
    schema = Schema(tuple((name, "number") for name in names), "y", True, DEFAULT_MISSING, len(names))
    classes = tuple(str(value) for value in values)
    return Dataset(Table(names, X), codes.astype(np.int64), classes, schema, where, sha256_of(path))


def read_rows(path: Path, width: int) -> NDArray[Any]:
    """(n, d): X alone, for a model of so many columns."""
    return _npz(path)[0] if first_bytes(path, len(ZIP)) == ZIP else _sparse(path, width)[0]


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


def _sparse(path: Path, width: int | None) -> tuple[NDArray[Any], NDArray[Any]]:
    from sklearn.datasets import load_svmlight_file

    where = shown(str(path))
    with open_input(str(path), hashed=True) as file:
        text = file.read()
    try:
        X, y = load_svmlight_file(BytesIO(text), dtype=np.float32, n_features=width)
    except (ValueError, OverflowError) as error:
        raise DataError(where, f"expected lines such as '1 3:0.5 7:2': {str(error).splitlines()[0][:100]}") from None
    refuse_bomb(where, "sparse", X.dtype.itemsize * X.shape[0] * X.shape[1], len(text))  # its zeros take memory here
    dense = X.toarray()
    if not np.isfinite(dense).all():
        raise DataError(where, "expected finite numbers, found others")
    return dense, np.asarray(y)


def sha256_of(path: Path) -> str:
    """Of the bytes of the file."""
    return sha256_of_file(str(path))
