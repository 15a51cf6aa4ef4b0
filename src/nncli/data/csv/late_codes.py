"""Find codes whose first leading zero stands below the rows by which the kinds of columns are decided."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nncli.data.cells import bare, quoted
from nncli.errors import DataError, mention, write_names

ZERO, NINE, MINUS = ord("0"), ord("9"), ord("-")  # nearly all that ends a cell comes before the minus

PIECE_BYTES = 1 << 17  # which stay in the cache
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
    """Watches columns whose cells are figures alone so far, of which the first with a leading zero shows that they are
    codes."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        self.widths = dict(widths)  # by column: how many figures all cells have, 0 where they have several

    def look(
        self, places: Mapping[str, int], cells: Sequence[str], where: str, is_missing: Callable[[str], bool]
    ) -> None:
        """Look at the cells of a row. Raises LateCode for one with a leading zero."""
        for name, width in [*self.widths.items()]:
            cell = bare(cells[places[name]])
            if has_leading_zero(cell):
                if len(cell) == width or int(cell):  # 00 beside cells of other widths is a zero
                    raise LateCode(name, cell, where)
            elif not cell.isdigit() and not is_missing(cell):
                del self.widths[name]


def has_leading_zero(cell: str) -> bool:
    return cell[:1] == "0" and len(cell) > 1 and cell.isascii() and cell.isdigit()


def widths_of(columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the columns whose cells are figures alone, and how many all of them have, 0 for several."""
    found = {
        name: {*map(len, cells)}
        for name, cells in columns.items()
        if cells and (text := "".join(cells)).isascii() and text.isdigit()
    }
    return {name: widths.pop() if len(widths) == 1 else 0 for name, widths in found.items()}


def count_codes(data: bytes, delimiter: str) -> int:
    """Count the cells of whole lines, or words in them, that consist of a zero and other figures: all bytes at once, as
    a look at each cell would take as long as reading them."""
    x, sign = np.frombuffer(data, np.uint8), ord(delimiter)
    start_of_cell, zero = np.empty(PIECE_BYTES, np.bool_), np.empty(PIECE_BYTES, np.bool_)
    n = 0
    if first := re.match(rb"0[0-9]+(?=[^0-9])", data):
        n += data[first.end()] < MINUS or data[first.end()] == sign
    for start in range(0, len(x) - 2, PIECE_BYTES - 2):
        piece = x[start : start + PIECE_BYTES]
        within, is_zero = start_of_cell[: len(piece)], zero[: len(piece)]
        np.greater(piece, MINUS, out=within)  # a figure, a letter or a point
        if sign > MINUS:
            within &= piece != sign
        np.equal(piece, ZERO, out=is_zero)
        first_zero = np.greater(is_zero[1:-1], within[:-2], out=within[:-2])
        if not first_zero.any():
            continue
        np.greater_equal(piece[2:], ZERO, out=is_zero[2:])
        if sign > MINUS:
            is_zero[2:] &= piece[2:] != sign
        np.logical_and(first_zero, is_zero[2:], out=first_zero)
        at = np.flatnonzero(first_zero) + (start + 2)
        while len(at):  # as long as figures follow: neither 07:44 nor 07/04 is a code
            byte = x[at]
            is_figure = (byte >= ZERO) & (byte <= NINE)
            n += int(np.count_nonzero((byte < MINUS) | (byte == sign)))
            at = at[is_figure] + 1
    return n


def codes_below(names: Sequence[str], sample: Columns, rows: Columns) -> dict[str, str]:
    """Find the columns that are codes by a cell among all `rows`, and not by one of the `sample` of them: name → the
    first such cell."""
    from nncli.data.csv.code_like import why_codes

    found = {}
    for name, some, cells in zip(names, sample, rows, strict=True):
        late = next(filter(has_leading_zero, map(bare, cells[len(some) :])), None)
        if late is not None:
            there = [*filter(None, map(bare, cells))]
            if why_codes(there, "\n".join(["", *there, ""])).startswith("cells begin"):
                found[name] = late
    return found
