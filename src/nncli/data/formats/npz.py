"""Rows of numbers and their classes in an .npz file, as the arrays X and y."""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nncli.data.byte_input import reason, refuse_bomb, sha256_of
from nncli.data.cells import check_width
from nncli.data.dataset import Dataset, Schema
from nncli.data.labels import dataset_of
from nncli.data.sources import title
from nncli.errors import DataError

REMEDY = "Save it uncompressed, with numpy.savez"
END, END_64 = struct.Struct("<4s4x2H2L2x"), struct.Struct("<4s20x4Q")  # of a zip file
LONGEST_END = END.size + 0xFFFF  # with a comment
LOCATOR_BYTES = 20  # between the two
MOST_MEMBERS, MOST_LISTED = 1000, 1 << 20  # and bytes that their list has
EXACT_TO = 1 << 24  # whole numbers that float32 has
# what zipfile and NumPy raise for a damaged file: the header of an array is read as a Python literal, and an unknown
# compression is a RuntimeError
NO_ARRAY = (
    ValueError, TypeError, SyntaxError, LookupError, ArithmeticError, EOFError, OSError, RuntimeError, MemoryError,
    struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


def read(path: Path, like: Schema | None = None) -> Dataset:
    """Read X, (n, d) numbers, and their classes y, (n,), as a data set whose columns are called c0, c1, …; `like` is
    the schema of a model that it is for. Raises DataError."""
    X, y = _arrays(path, labelled=True)
    if y is None:
        raise DataError(str(path), "expected an array y of classes beside X, found none")
    return dataset_of(X, y, str(path), sha256_of(path), like)


def row_blocks(path: Path, like: Schema) -> Iterator[NDArray[Any]]:
    """Read X, (n, d), alone. Raises DataError."""
    return iter([_arrays(path, labelled=False)[0]])


def has_inputs(file: BinaryIO) -> bool:
    """Tell whether a zip file has an array X."""
    try:
        return "X.npy" in _opened(file).namelist()
    except NO_ARRAY:
        return False


def _arrays(path: Path, labelled: bool) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Read X, and y if it is wanted and there is one."""
    where, size = title((str(path),)), path.stat().st_size
    try:
        with path.open("rb") as raw, _opened(raw) as file:
            names = file.namelist()
            wanted = [name for name in ("X", "y")[: 1 + labelled] if f"{name}.npy" in names]
            held = sum(file.getinfo(f"{name}.npy").file_size for name in wanted)
            refuse_bomb(where, "the npz data", held, size, REMEDY)
            found = {name: _array(file, name) for name in wanted}
    except NO_ARRAY as error:
        raise DataError(where, f"expected arrays X and y: {reason(error)}") from None
    X = found["X"]
    if X.ndim > 2 and len(X):  # images
        X = X.reshape(len(X), -1)
    if X.ndim != 2 or not X.size or X.dtype.kind not in "biuf":
        raise DataError(where, f"expected X as numbers of shape (n, d), found {X.dtype} of shape {X.shape}")
    check_width(X.shape[1], where)
    dtype = _read_as(X)
    refuse_bomb(where, "the npz data", X.size * dtype.itemsize, size, REMEDY)
    with np.errstate(over="ignore"):  # infinite then
        X = X.astype(dtype, copy=False)
    if X.dtype.kind == "f" and np.isinf(X).any():
        row, column = np.argwhere(np.isinf(X))[0]
        raise DataError(where, f"X, row {row + 1}, column {column}: expected a finite number, found infinity")
    return X, found.get("y")


def _read_as(X: NDArray[Any]) -> np.dtype[Any]:
    """Choose the type that numbers are read as: uint8 for images; float32, where it has all of them; else float64."""
    kind, size = X.dtype.kind, X.dtype.itemsize
    if X.dtype == np.uint8:
        return np.dtype(np.uint8)
    exact = size <= 4 if kind == "f" else size <= 2 or max(abs(int(X.min())), abs(int(X.max()))) <= EXACT_TO
    return np.dtype(np.float32 if exact else np.float64)


def _opened(file: BinaryIO) -> zipfile.ZipFile:
    """Open a zip file. Raises ValueError for one with more members than an .npz has, before they are listed."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - LONGEST_END - LOCATOR_BYTES - END_64.size))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + END.size:
        raise ValueError("its end is missing")
    counts = END.unpack_from(tail, at)[1:4]
    large = at - LOCATOR_BYTES - END_64.size
    if large >= 0 and tail.startswith(b"PK\6\6", large):
        counts = (*counts, *END_64.unpack_from(tail, large)[1:4])
    if max(counts[0::3] + counts[1::3]) > MOST_MEMBERS or max(counts[2::3]) > MOST_LISTED:
        raise ValueError(f"more than {MOST_MEMBERS} members")
    return zipfile.ZipFile(file)


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
