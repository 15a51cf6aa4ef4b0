"""Find the categories that a column of text has inputs for, and the other ways to spell them."""

from __future__ import annotations

import numpy as np

from nncli.data.column_statistics import ROWS_AT_ONCE, Vector, blocks_of
from nncli.data.dataset import Positions, TextColumn

MAX_CATEGORIES = 100  # of a text column; the rarer ones share one input with the values never seen


def spelled_flags(categories: tuple[str | None, ...]) -> dict[str | None, str]:
    """Map other spellings of a flag to its categories: 1 and 0 are true and false, as other programs write them."""
    own = {*categories} - {None}
    if own == {"true", "false"}:
        return {"1": "true", "0": "false"}
    return {"true": "1", "false": "0"} if own == {"0", "1"} else {}


def categories_of(column: TextColumn, rows: Positions) -> tuple[tuple[str | None, ...], int, Vector]:
    """Return the categories in alphabetical order (a missing one last), how many were too rare to keep, and the share
    of the rows that has each category, or at last a rare one."""
    n = len(column.values) + 1
    blocks = blocks_of(column.codes, rows, at_once=max(n, ROWS_AT_ONCE))
    counts = sum((np.bincount(block + 1, minlength=n) for block in blocks), start=np.zeros(n, np.int64))
    seen = [code for code in range(len(column.values)) if counts[code + 1]]
    often = sorted(seen, key=lambda code: (-counts[code + 1], column.values[code]))[:MAX_CATEGORIES]
    kept = sorted(often, key=lambda code: column.values[code])
    own = [counts[code + 1] for code in kept] + [counts[0]] * bool(counts[0])
    shares = np.array([*own, counts.sum() - sum(own)]) / counts.sum()
    missing: list[str | None] = [None] if counts[0] else []
    return (*(column.values[code] for code in kept), *missing), len(seen) - len(kept), shares
