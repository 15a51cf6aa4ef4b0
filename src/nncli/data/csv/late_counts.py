"""Find numbers that begin again below the rows by which a column seemed to count all rows, and was left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from nncli.errors import DataError, flag, mention, write_names

COUNTS = "it counts the rows (--numeric keeps it)"


class Run(NamedTuple):
    """The first and the last number of a column in a block of rows, and whether each is above the one before."""

    first: int
    last: int
    rises: bool


class LateCount(Exception):
    """A column that was left out as it counts the rows, and does not: it has to be read."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column

    def refusal(self, where: str) -> DataError:
        """Make the error for rows that cannot be read twice."""
        name = write_names([self.column])
        problem = f"column '{self.column}': it counts the rows at first, and begins again further down"
        return DataError(where, problem, f"Add {mention('numeric', name)} to learn from it, or {mention('drop', name)}")


def note_of_late_count(column: str) -> str:
    """Say that a column is kept that seemed to count the rows."""
    drop = f"{flag('drop')} {write_names([column])} leaves it out"
    return f"column '{column}': kept, as it counts the rows at first, and begins again further down ({drop})"


def run_of(numbers: NDArray[Any]) -> Run:
    return Run(int(numbers[0]), int(numbers[-1]), bool((numbers[1:] > numbers[:-1]).all()))


class CountWatch:
    """Watches columns that count the rows so far. Numbers that rise from row to row tell rows apart; a gap between them
    may be of rows that are left out."""

    def __init__(self) -> None:
        self.last = dict[str, int]()

    def look(self, runs: Mapping[str, Run]) -> None:
        """Look at the next block of rows. Raises LateCount where the numbers of a column do not rise."""
        for name, run in runs.items():
            if not run.rises or run.first <= self.last.get(name, run.first - 1):
                raise LateCount(name)
            self.last[name] = run.last
