"""Find numbers that come again below the rows by which a column seemed to tell all rows apart, and was left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.errors import DataError, flag, mention, write_names

COUNTS = "it counts the rows (--numeric keeps it)"
INDEXES = "its name is that of an index, and no number occurs twice (--numeric keeps it)"
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd, so that different numbers stay different
MOST_KEPT = 1 << 22  # numbers of a column, which take 32 MB: of more rows, some numbers are watched, wherever they come


class LateRepeat(Exception):
    """A column that was left out as it tells rows apart, and does not: it has to be read."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column

    def refusal(self, where: str) -> DataError:
        """Make the error for rows that cannot be read twice."""
        name = write_names([self.column])
        problem = f"column '{self.column}': its numbers differ in all rows at first, and come again further down"
        return DataError(where, problem, f"Add {mention('numeric', name)} to learn from it, or {mention('drop', name)}")


def note_of_late_repeat(column: str) -> str:
    """Say that a column is kept that seemed to tell all rows apart."""
    drop = f"{flag('drop')} {write_names([column])} leaves it out"
    return f"column '{column}': kept, as its numbers differ in all rows at first, and come again further down ({drop})"


class RepeatWatch:
    """Watches columns of whole numbers that have told all rows apart so far."""

    def __init__(self) -> None:
        self.kept = dict[str, list[NDArray[np.uint64]]]()
        self.limit = dict[str, int]()  # spread numbers below it are kept: a share of all numbers

    def look(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take the int64 numbers of the next rows, (n,) of each column. Raises LateRepeat as `end` does."""
        for name, numbers in columns.items():
            kept, limit = self.kept.setdefault(name, []), self.limit.setdefault(name, 1 << 64)
            spread = numbers.view(np.uint64) * SPREAD
            _check_differ(name, [spread])  # here a number that comes very often shows, of whatever share it is
            kept.append(spread[spread <= np.uint64(limit - 1)])
            while sum(map(len, kept)) > MOST_KEPT:
                _check_differ(name, kept)
                limit //= 2
                kept[:] = [np.concatenate([part[part <= np.uint64(limit - 1)] for part in kept])]
            self.limit[name] = limit

    def end(self) -> None:
        """Raise LateRepeat where a number has come twice."""
        for name, kept in self.kept.items():
            _check_differ(name, kept)


def _check_differ(name: str, kept: list[NDArray[np.uint64]]) -> None:
    """Raise LateRepeat where two numbers of a column are equal."""
    ordered = np.sort(np.concatenate(kept))
    if (ordered[1:] == ordered[:-1]).any():
        raise LateRepeat(name)
