"""Training, validation and test rows, drawn at random and stratified by class."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.errors import DataError

Indices = NDArray[np.int64]


def load_in_background() -> None:
    """Starts loading scikit-learn, which takes most of a second, beside what else there is to do before a split."""
    threading.Thread(target=lambda: importlib.import_module("sklearn.model_selection"), daemon=True).start()


@dataclass(frozen=True)
class Split:
    """Row numbers, ascending; every row is in exactly one of the three."""

    train: Indices
    val: Indices
    test: Indices


def stratified_split(
    y: NDArray[np.int64], classes: Sequence[str], val: float, test: float, seed: int, source: str
) -> Split:
    """Draws shares `val` and `test` of the rows, each class in proportion, by StratifiedShuffleSplit.

    DataError where a class has fewer rows than there are parts, or a part has fewer rows than classes.
    """
    n = len(y)
    parts = 1 + (val > 0) + (test > 0)
    counts = np.bincount(y, minlength=len(classes))
    rarest = int(counts.argmin())
    if counts[rarest] < parts:
        raise DataError(
            source,
            f"class '{classes[rarest]}': expected at least {parts} rows, one for each of the {parts} parts of the "
            f"split, found {counts[rarest]}",
            "Get more rows of it, leave it out, or set --val 0 or --test 0",
        )
    rest = np.arange(n)
    held_out: list[Indices] = []
    for name, share in (("test", test), ("val", val)):
        size = round(n * share)
        if share == 0:
            held_out.append(rest[:0])
            continue
        if not len(classes) <= size <= len(rest) - len(classes):
            raise DataError(
                source,
                f"--{name} {share:g}: expected at least one row for each of the {len(classes)} classes in every part, "
                f"found {n} rows in all, {size} of them for this part",
                f"Get more rows, or set another --{name}",
            )
        from sklearn.model_selection import StratifiedShuffleSplit

        splitter = StratifiedShuffleSplit(n_splits=1, test_size=size, random_state=seed)
        try:
            keep, out = next(splitter.split(np.zeros((len(rest), 1)), y[rest]))
        except ValueError:  # the part drawn before took all but one row of a class
            left = np.bincount(y[rest], minlength=len(classes))
            raise DataError(
                source,
                f"class '{classes[int(left.argmin())]}': expected a row for each part of the split, found too few",
                "Get more rows of it, or set smaller shares with --val and --test",
            ) from None
        held_out.append(np.sort(rest[out]))
        rest = np.sort(rest[keep])
    return Split(train=rest, val=held_out[1], test=held_out[0])
