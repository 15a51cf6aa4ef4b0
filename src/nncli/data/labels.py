"""The classes of a vector of labels: those that differ stay apart, or are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.errors import DataError

ROUNDED_FROM = 2.0**53  # whole numbers that differ can be the same float64 from here on
ADVICE = "Classes may be whole numbers or text"


def classes_of(y: NDArray[Any], where: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The classes as text, in the order of the labels' own type, and the place of each label (n,) among them. DataError
    for what is no class."""
    if y.dtype.kind == "O":
        y = _as_text(y, where)
    if y.dtype.kind not in "biufU":
        raise DataError(where, f"expected classes, found {y.dtype}", ADVICE)
    if y.dtype.kind == "f":
        if not (np.isfinite(y) & (y == np.trunc(y))).all():
            raise DataError(where, "expected classes, found fractions or missing values", ADVICE)
        large = np.flatnonzero(np.abs(y) >= ROUNDED_FROM)
        if len(large):
            raise DataError(
                where, f"expected classes, found {float(y[large[0]]):g}, and floats of that size are rounded",
                "Number the classes from 0",
            )  # fmt: skip
        y = y.astype(np.int64)
    values, codes = np.unique(y, return_inverse=True)
    try:
        classes = tuple(str(value) for value in values)
        "".join(classes).encode()
    except (ValueError, SystemError):  # numbers in the place of letters
        raise DataError(where, "expected classes, found text that is no Unicode", ADVICE) from None
    return classes, codes.astype(np.int64)


def _as_text(y: NDArray[Any], where: str) -> NDArray[np.str_]:
    found: dict[str, Any] = {}
    for i, label in enumerate(y):
        if label is None or label != label:
            raise DataError(
                where, f"row {i}: expected a class, found a missing value", "Fill it in, or leave the row out"
            )
        if found.setdefault(str(label), label) != label:
            raise DataError(where, f"two different classes are both written '{label}'", "Use labels of one type")
    return np.array([str(label) for label in y])
