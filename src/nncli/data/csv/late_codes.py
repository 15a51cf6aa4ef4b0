"""Find codes whose first leading zero stands below the rows by which the kinds of columns are decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import bare, quoted
from nncli.data.csv.code_like import why_codes
from nncli.errors import DataError, mention, write_names

MOST_FIGURES = 15  # that float64 holds
Columns = Sequence[Sequence[str]]


class LateCode(Exception):
    """A cell with a leading zero in a column that was taken for numbers: it has to be read again, as text."""

    def __init__(self, column: str, cell: str, where: str) -> None:
        super().__init__(column)
        self.column, self.cell, self.where = column, cell, where

    def refusal(self) -> DataError:
        """Make the error for rows that cannot be read twice."""
        name = write_names([self.column])
        problem = f"column '{self.column}': {quoted(self.cell)} begins with 0, so the numbers above it may be codes"
        remedy = f"Add {mention('categorical', name)} to read codes, or {mention('numeric', name)} to read numbers"
        return DataError(self.where, problem, remedy)


def note_of_late_code(column: str, cell: str) -> str:
    """Say that a column is read as text because of a cell far down in it."""
    return f"column '{column}': read as categories, as its cell {quoted(cell)} begins with 0 (--numeric reads numbers)"


class CodeWatch:
    """Watches columns whose numbers all have as many figures so far, as codes do: one that is smaller than any number
    of so many figures stands for a cell with a leading zero, or shows that the column holds no codes."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        self.widths = dict(widths)  # by column

    def may_be_in(self, names: Sequence[str], numbers: NDArray[Any]) -> bool:
        """Tell whether a watched column has such a number, of a matrix with columns of these names."""
        return any(
            bool((numbers[:, i] < np.float64(10) ** (self.widths[name] - 1)).any())
            for i, name in enumerate(names)
            if name in self.widths
        )

    def look(
        self, places: Mapping[str, int], cells: Sequence[str], where: str, is_missing: Callable[[str], bool]
    ) -> None:
        """Look at the cells of a row. Raises LateCode for one with a leading zero."""
        for name, width in [*self.widths.items()]:
            cell = bare(cells[places[name]])
            if len(cell) == width and cell[0] != "0" and cell.isdigit():
                continue
            if cell.isascii() and cell.isdigit() and cell[0] == "0" and (len(cell) == width or int(cell)):
                raise LateCode(name, cell, where)
            if not is_missing(cell):
                del self.widths[name]


def widths_of(columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the number of figures in the cells of each column where all have as many, two or more."""
    found = {name: len(cells[0]) for name, cells in columns.items() if cells}
    return {
        name: width
        for name, width in found.items()
        if 1 < width <= MOST_FIGURES and all(len(c) == width and c.isdigit() and c.isascii() for c in columns[name])
    }


def codes_below(names: Sequence[str], sample: Columns, rows: Columns) -> dict[str, str]:
    """Find the columns that are codes by a cell among all `rows`, and not by one of the `sample` of them: name → the
    first such cell."""
    found = {}
    for name, some, cells in zip(names, sample, rows, strict=True):
        late = next((bare(c) for c in cells[len(some) :] if bare(c)[:1] == "0" and bare(c)[1:].isdigit()), None)
        if late is not None:
            there = [*filter(None, map(bare, cells))]
            if why_codes(there, "\n".join(["", *there, ""])).startswith("cells begin"):
                found[name] = late
    return found
