"""Arrays in an .npz file, which is read as if a stranger had written it: whole, or part by part."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.byte_input import reason, refuse_bomb
from nncli.data.sources import title
from nncli.data.zip_archive import DAMAGED, open_zip
from nncli.errors import DataError

REMEDY = "Save it uncompressed, with numpy.savez"
EXACT_TO = 1 << 24  # whole numbers that float32 has
NO_ARRAY = (*DAMAGED, TypeError, SyntaxError, ArithmeticError, MemoryError)  # a header is read as a Python literal


def array_of(path: Path, name: str, beside: str = "", remedy: str = "") -> NDArray[Any]:
    """Read one array, which belongs `beside` another; `remedy` is what to do if there is none."""
    where, size = title((str(path),)), path.stat().st_size
    try:
        with path.open("rb") as raw, open_zip(raw) as file:
            if f"{name}.npy" not in file.namelist():
                raise DataError(where, f"expected an array {name} of classes beside {beside}, found none", remedy)
            refuse_bomb(where, "the npz data", file.getinfo(f"{name}.npy").file_size, size, REMEDY)
            return _array(file, name)
    except NO_ARRAY as error:
        raise _no_arrays(where, error) from None


class Parts:
    """An array (n,) of a file, of which so many elements are read at a time."""

    def __init__(self, member: IO[bytes], where: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._member, self._where, self.dtype, self.shape = member, where, dtype, shape
        self._left = math.prod(shape)

    def take(self, n: int) -> NDArray[Any]:
        """Read the next n elements. Raises DataError where there are fewer, whatever the archive says."""
        self._left -= n
        try:
            data = self._member.read(n * self.dtype.itemsize)
            if not self._left:
                self._member.read(1)  # where the checksum is compared
            return np.frombuffer(data, self.dtype).reshape(n)
        except NO_ARRAY as error:
            raise _no_arrays(self._where, error) from None


@contextmanager
def parts_of(path: Path, name: str) -> Iterator[Parts]:
    """Open an array, to be read part by part. Raises DataError for what is none."""
    where = title((str(path),))
    with path.open("rb") as raw, open_zip(raw) as file:
        try:
            refuse_bomb(where, "the npz data", file.getinfo(f"{name}.npy").file_size, path.stat().st_size, REMEDY)
            member, dtype, shape, _ = _opened(file, name)
        except NO_ARRAY as error:
            raise _no_arrays(where, error) from None
        with member:
            yield Parts(member, where, dtype, shape)


def read_as(X: NDArray[Any]) -> np.dtype[Any]:
    """Choose the type that numbers are read as: uint8 for images; float32, where it has all of them; else float64."""
    kind, size = X.dtype.kind, X.dtype.itemsize
    if X.dtype == np.uint8:
        return np.dtype(np.uint8)
    exact = size <= 4 if kind == "f" else size <= 2 or max(abs(int(X.min())), abs(int(X.max()))) <= EXACT_TO
    return np.dtype(np.float32 if exact else np.float64)


def _no_arrays(where: str, error: Exception) -> DataError:
    return DataError(where, f"expected arrays X and y: {reason(error)}")


def _array(file: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read a member, if its header says as much as there is."""
    member, dtype, shape, fortran = _opened(file, name)
    with member:
        data = member.read(math.prod(shape) * dtype.itemsize)
        member.read(1)  # where the checksum is compared
    if dtype.kind in "OV" or not dtype.itemsize:
        raise ValueError(f"{name} has cells of type {dtype}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _opened(file: zipfile.ZipFile, name: str) -> tuple[IO[bytes], np.dtype[Any], tuple[int, ...], bool]:
    """Open a member behind its header, which says as much as there is: its type and shape, and whether it stands column
    by column."""
    if file.namelist().count(f"{name}.npy") > 1:
        raise ValueError(f"two members called {name}")
    info = file.getinfo(f"{name}.npy")
    with ExitStack() as undo:
        member = undo.enter_context(file.open(info))
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
        undo.pop_all()
    return member, dtype, shape, fortran
