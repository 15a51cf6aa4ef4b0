"""From a number to an input: x = (value − shift) · scale, and the smooth clip of robust scaling behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 1e15  # inputs are cut off there, so that no finite cell can make the network overflow; also their squares
CLIP = 3.0  # what robust inputs stay within
CELLS_IN_CACHE = 1 << 15


def to_inputs(
    values: NDArray[Any], shift: NDArray[Any], scale: NDArray[Any], clips: bool, out: NDArray[Any]
) -> NDArray[Any]:
    """Compute out = (values − shift) · scale, at most ±`LARGEST`, and return it; with `clips`, bent by `smooth_clip`.

    Values, shift and scale are of one type; what the type of `out` cannot hold is cut to it last.
    """
    finite = np.finfo(shift.dtype).max
    scaled = out if shift.dtype == out.dtype else np.empty(out.shape, shift.dtype)
    with np.errstate(over="ignore"):
        np.subtract(values, shift, out=scaled)
        np.clip(scaled, -finite, finite, out=scaled)  # first, as 0 · ∞ is no number
        scaled *= scale
        np.clip(scaled, -LARGEST, LARGEST, out=scaled)
    if clips:
        smooth_clip(scaled)
    if scaled is not out:
        out[...] = scaled
    return out


def smooth_clip(X: NDArray[Any]) -> None:
    """Bend inputs (n, d) in place: x / √(1 + (x/3)²), nearly x where that is small, and within ±3 however large it is
    (Holzmüller, Grinsztajn and Steinwart 2024). Inputs are at most ±`LARGEST`."""
    rows = max(1, CELLS_IN_CACHE // max(1, X.shape[1]))
    scratch = np.empty((min(rows, len(X)), X.shape[1]), X.dtype)
    with np.errstate(under="ignore"):  # of the square of an input near 0, which then is left as it is
        for start in range(0, len(X), rows):
            x = X[start : start + rows]
            root = scratch[: len(x)]
            np.multiply(x, x, out=root)
            root *= 1 / CLIP**2
            root += 1
            np.sqrt(root, out=root)  # √(1 + (x/3)²)
            x /= root
