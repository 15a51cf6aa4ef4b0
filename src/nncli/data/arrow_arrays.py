"""Between Arrow and Python without `pa.array` and `to_numpy`, which load pandas where it is installed (0.3 s)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def string_array(cells: Sequence[str]) -> Any:
    """The cells as a pyarrow string array, none of them null."""
    import pyarrow as pa

    encoded = [cell.encode() for cell in cells]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))


def number_array(values: NDArray[Any]) -> Any:
    """A vector as a pyarrow array."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def take(array: Any, places: NDArray[np.int64]) -> Any:
    """The elements at these places, as another pyarrow array."""
    from pyarrow._compute import call_function  # the method would load pyarrow.compute, for 50 ms

    return call_function("take", [array, number_array(places)])


def text_of(strings: Any) -> bytes:
    """A pyarrow string array as one text: its cells stand in memory one after the other."""
    data = strings.buffers()[2]
    if data is None or len(strings) == 0:
        return b""
    ends = np.frombuffer(strings.buffers()[1], np.int32)[strings.offset : strings.offset + len(strings) + 1]
    text: bytes = data[int(ends[0]) : int(ends[-1])].to_pybytes()
    return text


def vector(array: Any, dtype: str) -> NDArray[Any]:
    """A pyarrow array of numbers without nulls as a read-only vector."""
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]
