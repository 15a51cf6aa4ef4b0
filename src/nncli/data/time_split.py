"""Splits by time: the latest rows are the test, those before them validate; rows of one time are in one part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.data.split import Split, set_one_to_0
from nncli.errors import DataError, mention

Times = NDArray[np.float64]


def time_split(times: Times, val: float, test: float, where: str, name: str) -> Split:
    """Cut shares `test` and `val` of the rows off the end, as near as equal times (n,), of the column `name`, allow.
    DataError for fewer different times than parts."""
    shares = {"train": 1 - val - test, "val": val, "test": test}
    drawn = [part for part, share in shares.items() if share > 0]
    blocks = _blocks(times, [shares[part] for part in drawn])
    if blocks is None:
        problem = f"expected at least {len(drawn)} different times, one for each of the {len(drawn)} parts of the split"
        remedy = f"Name another column with {mention('time')}, or {set_one_to_0(val, test)}"
        raise DataError(where, f"column '{name}': {problem}, found {len(np.unique(times))}", remedy)
    rows = dict(zip(drawn, blocks, strict=True))
    return Split(*(rows.get(part, np.zeros(0, np.int64)) for part in shares))


def time_fold(
    times: Times, fold: int, folds: int, where: str, name: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to train on and to validate on: of folds + 1 blocks that follow one another, the first fold + 1,
    and the next. DataError for fewer different times than blocks."""
    blocks = _blocks(times, [1 / (folds + 1)] * (folds + 1))
    if blocks is None:
        problem = f"expected at least {folds + 1} different times before the test rows, as {folds} folds need"
        raise DataError(
            where, f"column '{name}': {problem}, found {len(np.unique(times))}", f"Ask for fewer {mention('folds')}"
        )
    return np.sort(np.concatenate(blocks[: fold + 1])), blocks[fold + 1]


def _blocks(times: Times, shares: Sequence[float]) -> list[NDArray[np.int64]] | None:
    """Return the rows of each block, ascending; None for fewer different times than blocks."""
    distinct, place, counts = np.unique(times, return_inverse=True, return_counts=True)
    if len(distinct) < len(shares):
        return None
    before = np.concatenate([[0], np.cumsum(counts)])  # rows before each time, and after the last
    edges = [0]
    for number, wanted in enumerate(np.cumsum(shares)[:-1] * len(times), 1):
        nearest = int(np.abs(before - round(wanted, 6)).argmin())
        edges.append(min(max(nearest, edges[-1] + 1), len(distinct) - (len(shares) - number)))
    block_of = np.searchsorted(edges, place, side="right")
    return [np.flatnonzero(block_of == number) for number in range(1, len(shares) + 1)]
