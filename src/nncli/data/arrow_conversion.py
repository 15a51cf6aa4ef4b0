"""Between Arrow and Python without `pa.array` and `to_numpy`, which load pandas where it is installed (0.3 s)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ListedCells(list[str]):
    """Cells of a column of few rows, with what a pyarrow string array does: to load pyarrow takes 40 ms."""

    def take(self, rows: NDArray[np.int64]) -> ListedCells:
        """Return the cells of some rows."""
        return ListedCells(self[row] for row in rows.tolist())

    def to_pylist(self) -> list[str]:
        """Return the cells."""
        return self


def string_array(cells: Sequence[str]) -> Any:
    """Make a pyarrow string array of cells, none of them null."""
    import pyarrow as pa

    encoded = [cell.encode() for cell in cells]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))


def as_arrow(cells: Any) -> Any:
    """Return cells, in a list or a pyarrow string array, as the latter."""
    return string_array(cells) if isinstance(cells, list) else cells


def number_array(values: NDArray[Any]) -> Any:
    """Make a pyarrow array of a vector."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def call(function: str, *arguments: Any, options: Any = None) -> Any:
    """Call a function of Arrow by its name. The methods would load pyarrow.compute, which takes 50 ms."""
    from pyarrow._compute import call_function

    return call_function(function, list(arguments), options)


def take(array: Any, places: NDArray[np.int64]) -> Any:
    """Return the elements at these places, as another pyarrow array."""
    return call("take", array, number_array(places))


def cast(array: Any, kind: Any) -> Any:
    """Convert a pyarrow array to another type; what does not fit it is cut to it, or becomes infinite."""
    from pyarrow._compute import CastOptions

    return array if array.type == kind else call("cast", array, options=CastOptions.unsafe(kind))


def encoded(strings: Any) -> tuple[NDArray[Any], list[str | None]]:
    """Return the code of each cell (n,) and the distinct cells, in the order in which they are met; null is one too.

    `strings` is a pyarrow string array, or one with a dictionary, which is not unpacked.
    """
    import pyarrow as pa

    if not isinstance(strings, pa.DictionaryArray):
        strings = call("dictionary_encode", strings)
        if not strings.null_count:
            return vector(strings.indices, "int32"), strings.dictionary.to_pylist()
    whole = cast(strings.indices, pa.int64())
    codes = vector(call("coalesce", whole, pa.scalar(-1, pa.int64())) if whole.null_count else whole, "int64")
    met, first, places = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    known = met[order]
    cells = take(strings.dictionary, np.maximum(known, 0)).to_pylist() if len(strings.dictionary) else [None] * len(met)
    return np.argsort(order)[places], [None if code < 0 else cell for code, cell in zip(known, cells, strict=True)]


def is_text(kind: Any) -> bool:
    """Tell whether a type of Arrow is text."""
    from pyarrow import types

    return any(one(kind) for one in (types.is_string, types.is_large_string, types.is_string_view))


def text_of(strings: Any) -> bytes:
    """Return a pyarrow string array as one text: its cells stand in memory one after the other."""
    data = strings.buffers()[2]
    if data is None or len(strings) == 0:
        return b""
    ends = np.frombuffer(strings.buffers()[1], np.int32)[strings.offset : strings.offset + len(strings) + 1]
    return data[int(ends[0]) : int(ends[-1])].to_pybytes()


def vector(array: Any, dtype: str) -> NDArray[Any]:
    """Return a pyarrow array of numbers without nulls as a read-only vector."""
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]
