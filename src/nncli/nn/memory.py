"""Where the engine's vectors and matrices lie in memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LINE = 64  # bytes of a cache line, and of an AVX-512 register


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """`np.zeros` from an address that is a multiple of `LINE`.

    NumPy's own are at multiples of 16, where each access of a register touches two lines: that would
    cost the optimizer a quarter of its time, and the rest of a step some per cent.
    """
    dtype = np.dtype(dtype)
    n_bytes = math.prod(shape if isinstance(shape, tuple) else (shape,)) * dtype.itemsize
    memory = np.zeros(n_bytes + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + n_bytes].view(dtype).reshape(shape)
