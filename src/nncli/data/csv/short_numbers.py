"""Find the columns of short whole numbers in the first rows of a table, by a look at all cells at once.

In tables of very many columns, as of pictures, nearly all are such, and there is little to doubt about them: what else
may be looked for, cell by cell and column by column, takes far longer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress

import numpy as np
from numpy.typing import NDArray

from nncli.data.column_statistics import is_coarse

MOST_FIGURES = 5  # more may be those of a date, a phone number or a time since 1970
ZERO, NEWLINE = np.uint8(ord("0")), ord("\n")


@dataclass(frozen=True)
class ShortNumbers:
    """Columns whose cells are whole numbers of a few figures, without signs, blanks and leading zeros."""

    names: tuple[str, ...]
    numbers: NDArray[np.float64]  # (columns, n)
    sizes: NDArray[np.intp]  # (columns, n): how many figures each cell has

    @property
    def values(self) -> dict[str, NDArray[np.float64]]:
        """Return the numbers of each column, (n,)."""
        return dict(zip(self.names, self.numbers, strict=True))

    @property
    def widths(self) -> dict[str, int]:
        """Return how many figures all cells of each column have, 0 for several, as `late_codes.widths_of`."""
        first = self.sizes[:, 0]
        alike = (self.sizes == first[:, None]).all(axis=1)
        return dict(zip(self.names, (first * alike).tolist(), strict=True))

    @functools.cached_property
    def known(self) -> frozenset[str]:
        """Return the names, to look up."""
        return frozenset(self.names)

    def counting(self) -> set[str]:
        """Return the columns whose numbers go up by one from row to row."""
        may_count = np.flatnonzero(self.numbers[:, -1] - self.numbers[:, 0] == self.numbers.shape[1] - 1)
        return {self.names[i] for i in may_count if (np.diff(self.numbers[i]) == 1).all()}

    def ending_in(self, some: Collection[float]) -> set[str]:
        """Return the columns whose lowest or highest number is one of those."""
        ends = [*some]
        return self._where(np.isin(self.numbers.min(axis=1), ends) | np.isin(self.numbers.max(axis=1), ends))

    def maybe_coarse(self) -> set[str]:
        """Return the columns that `is_coarse` may be true of: different whole numbers have a standard deviation of at
        least √(n − 1) / n, as where one alone differs by 1."""
        n = self.numbers.shape[1]
        found: NDArray[np.bool_] = is_coarse(self.numbers.max(axis=1), np.sqrt(n - 1) / n)
        return self._where(found)

    def _where(self, found: NDArray[np.bool_]) -> set[str]:
        return {*compress(self.names, found)}


def short_numbers(columns: Mapping[str, Sequence[str]], is_known: Callable[[str], bool]) -> ShortNumbers:
    """Return those columns, of one number of cells each, that hold short numbers alone, but for those of which
    something else `is_known` by their name."""
    some = {
        name: cells
        for name, cells in columns.items()
        if cells and len(cells[0]) <= MOST_FIGURES and cells[0].isdigit() and not is_known(name)
    }
    n = len(next(iter(some.values()), ()))
    text = "\n".join([*chain.from_iterable(some.values()), ""])
    byte = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    ends = np.flatnonzero(byte == NEWLINE)
    if not some or len(ends) != n * len(some):  # there is a line end within a cell
        return ShortNumbers((), np.empty((0, 1)), np.empty((0, 1), np.intp))
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts
    good = (sizes > 0) & (sizes <= MOST_FIGURES) & ((byte[starts] != ZERO) | (sizes == 1))
    are_short = good.reshape(-1, n).all(axis=1)
    others = np.flatnonzero((byte - ZERO > 9) & (byte != NEWLINE))
    are_short[np.searchsorted(ends[n - 1 :: n], others)] = False
    numbers = np.zeros(len(ends))
    for place in range(MOST_FIGURES):
        have_it = sizes > place
        if not (have_it & good).any():
            break
        figure = byte.take(starts + place, mode="clip") - ZERO
        numbers = np.where(have_it, 10 * numbers + figure, numbers)
    names = tuple(compress(some, are_short))
    return ShortNumbers(names, numbers.reshape(-1, n)[are_short], sizes.reshape(-1, n)[are_short])
