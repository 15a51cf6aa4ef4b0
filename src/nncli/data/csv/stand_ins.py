"""Tell of numbers that may stand for a missing value, as 999 and -1 do in many files."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import quoted
from nncli.errors import flag, write_names

STAND_INS = (-1, *(sign * nines for nines in (9, 99, 999, 9999, 99999) for sign in (1, -1)))
LEAST_TIMES, LEAST_SHARE = 3, 0.01  # of the cells of a column
LEAST_OTHERS = 5  # different ones beside -1, which may be one of few marks, as -1, 0 and 1
Vector = NDArray[np.float64]


def notes_of_stand_ins(columns: Mapping[str, Sequence[str]], values: Mapping[str, Vector]) -> list[tuple[str, str]]:
    """Say of each column which of its numbers may stand for a missing one: the name of the column, and a note."""
    found = {name: _stand_ins(values[name]) for name in values}
    notes = []
    for name, numbers in found.items():
        for number in numbers:
            cells = [*dict.fromkeys(c for c, v in zip(columns[name], values[name], strict=True) if v == number)]
            elsewhere = next((o for o in values if number not in found[o] and (values[o] == number).any()), None)
            advice = f"{flag('missing')} {shlex.quote(write_names(cells))} if it stands for a missing value"
            if elsewhere is not None:
                advice += f", also in column '{elsewhere}'"
            notes.append((name, f"column '{name}': {quoted(cells[0])} is far from all other numbers ({advice})"))
    return notes


def _stand_ins(values: Vector) -> list[int]:
    """List the numbers of a column that come often, and lie far outside of all others."""
    others, found = values[np.isfinite(values)], list[int]()
    least = max(LEAST_TIMES, LEAST_SHARE * len(others))
    while len(others):
        ends = {int(end) for end in (others.min(), others.max()) if end in STAND_INS}
        now = next(
            (end for end in ends if (others == end).sum() >= least and _is_far(end, others[others != end])), None
        )
        if now is None:
            break
        found.append(now)
        others = others[others != now]
    return found


def _is_far(number: int, others: Vector) -> bool:
    """Tell whether a number is farther from the others than these are from one another, or alone below 0."""
    if not len(others):
        return False
    low, high = others.min(), others.max()
    if number < 0 <= low:
        return number != -1 or len(set(others.tolist())) >= LEAST_OTHERS
    gap = max(low - number, number - high)
    return bool(gap >= high - low and 2 * abs(number) > 3 * max(-low, high))  # 9 is not far from 8
