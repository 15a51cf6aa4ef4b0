"""Tell of numbers that may stand for a missing value, as 999, -1 and 1e20 do in many files, and of mixed units."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import quoted
from nncli.data.dataset import Dataset
from nncli.errors import flag, write_names

STAND_INS = (-1, *(sign * nines for nines in (9, 99, 999, 9999, 99999) for sign in (1, -1)))
HUGE = 1e20  # from which on no measure is, but what programs fill gaps with
LEAST_TIMES, LEAST_SHARE = 3, 0.01  # of the cells of a column
TIMES_OTHERS = 1.5  # that a number is at least of the largest other one
LEAST_OTHERS = 5  # different ones beside -1, which may be one of few marks, as -1, 0 and 1
SECONDS = (5e8, 5e9)  # since 1970, from 1985 to 2128
FAR, TIMES = "is far from all other numbers", "times since 1970 seem to be in"
MOST_ROWS, ROWS_AT_ONCE, FIRST_ROWS = 1 << 22, 1 << 14, 1 << 10  # of a table, that are looked at
UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
Vector = NDArray[np.float64]


def notes_of_stand_ins(
    columns: Mapping[str, Sequence[str]], values: Mapping[str, Vector], clear: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Say of each column which of its numbers may stand for a missing one: the name of the column, and a note. Those
    that are `clear` have none at their ends, and no times."""
    doubtful = {name: its for name, its in values.items() if name not in clear}
    found = {name: _stand_ins(its) for name, its in doubtful.items()}
    notes = []
    for name, numbers in found.items():
        for number in numbers:
            cells = [*dict.fromkeys(c for c, v in zip(columns[name], values[name], strict=True) if v == number)]
            elsewhere = next(
                (o for o in values if number not in found.get(o, ()) and (values[o] == number).any()), None
            )
            advice = f"{flag('missing')} {shlex.quote(write_names(cells))} if it stands for a missing value"
            if elsewhere is not None:
                advice += f", also in column '{elsewhere}'"
            warning = "warning: " if abs(number) >= HUGE else ""
            notes.append((name, f"{warning}column '{name}': {quoted(cells[0])} {FAR} ({advice})"))
    notes += [(name, note) for name, its in doubtful.items() for note in _mixed_units(name, columns[name], its)]
    return notes


def notes_of_late_ones(dataset: Dataset, but: str | None) -> list[str]:
    """Say the same of all rows of a table, by the ranges of its columns in its schema: of each column but one that
    nothing was said of, as its first rows had no such number."""
    notes, numbers = list[str](), dataset.table.numbers
    if not dataset.schema.profile:
        return notes
    first = numbers[:FIRST_ROWS]
    places = {name: i for i, name in enumerate(dataset.table.number_names)}
    for column in dataset.schema.profile:
        its = [note for note in dataset.notes if f"column '{column.name}': " in note]
        told = any(FAR in note or TIMES in note for note in its)
        if column.low is None or column.high is None or column.name not in places or told or column.name == but:
            continue
        may_be_times = SECONDS[0] <= column.low and column.high >= 1000 * SECONDS[0]
        ends = [end for end in (column.low, column.high) if end in STAND_INS or abs(end) >= HUGE]
        place = places[column.name]
        if not (may_be_times or any(_may_be_far(end, first[:, place]) for end in ends)):
            continue
        blocks = range(0, min(len(numbers), MOST_ROWS), ROWS_AT_ONCE)
        values = np.concatenate([numbers[start : start + ROWS_AT_ONCE][:, place] for start in blocks]).astype(
            np.float64
        )
        for number in _stand_ins(values):
            row = int(np.flatnonzero(values == number)[0]) + 1
            warning = "warning: " if abs(number) >= HUGE else ""
            what = f"{number:.15g}, as in row {row:,}, {FAR}"
            advice = f"add that cell to {flag('missing')} if it stands for a missing value"
            notes.append(f"{warning}column '{column.name}': {what} ({advice})")
        notes += _mixed_units(
            column.name, [f"{float(f'{value:.7g}'):.0f}" for value in values] if may_be_times else [], values
        )
    return notes


def _mixed_units(name: str, cells: Sequence[str], values: Vector) -> list[str]:
    """Say of a column that all of its numbers are times since 1970, in several units."""
    numbers = values[np.isfinite(values)]
    if not len(numbers) or numbers.min() < SECONDS[0] or numbers.max() < 1000 * SECONDS[0]:
        return []
    power = np.floor(np.log10(numbers / SECONDS[0]) / 3)
    scaled = numbers / 1000.0**power
    if (scaled >= SECONDS[1]).any() or power.max() >= len(UNITS) or power.min() == power.max():
        return []
    first = [numbers[power == k][0] for k in np.unique(power)]
    examples = [next(c for c, value in zip(cells, values, strict=True) if value == one) for one in first]
    units = [f"{UNITS[int(k)]} ({quoted(cell)})" for k, cell in zip(np.unique(power), examples, strict=True)]
    return [f"warning: column '{name}': {TIMES} {' and in '.join(units)}: write all in one unit"]


def _stand_ins(values: Vector) -> list[float]:
    """List the numbers of a column that come often, or are huge, and lie far outside of all others."""
    others, found = values[np.isfinite(values)], list[float]()
    least = max(LEAST_TIMES, LEAST_SHARE * len(others))
    while len(others):
        ends = {float(end) for end in (others.min(), others.max()) if end in STAND_INS or abs(end) >= HUGE}
        often = [end for end in ends if abs(end) >= HUGE or (others == end).sum() >= least]
        now = next((end for end in often if _is_far(end, others[others != end])), None)
        if now is None:
            break
        found.append(now)
        others = others[others != now]
    return found


def _may_be_far(number: float, some: NDArray[Any]) -> bool:
    """Tell whether a number may be far from all others, as far as some of these tell, at little cost."""
    others = some[np.isfinite(some) & (some != number)].astype(np.float64)
    return number < 0 or abs(number) > TIMES_OTHERS * np.abs(others).max(initial=0)


def _is_far(number: float, others: Vector) -> bool:
    """Tell whether a number is farther from the others than these are from one another, or alone below 0."""
    if not len(others):
        return False
    low, high = others.min(), others.max()
    if number < 0 <= low:
        return number != -1 or len(set(others.tolist())) >= LEAST_OTHERS
    low, high, number = low / 4, high / 4, number / 4  # so that no difference is too large for a float
    gap = max(low - number, number - high)
    return bool(gap >= high - low and abs(number) > TIMES_OTHERS * max(-low, high))  # 9 is not far from 8
