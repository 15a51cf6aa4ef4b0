"""Find the rows of a table that repeat its header, as where files were joined: they are no rows, however they are
written. Where its names come again in another order, the rows below are those of another table."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import BLANKS, as_number, is_missing, quoted
from nncli.data.dataset import TextColumn
from nncli.data.row_blocks import Layout, RowBlock
from nncli.data.spellings import looks_like_number
from nncli.errors import DataError, listing, mention

MARK = "\ufeff"  # stands before each of the files that were joined
AROUND = f'{BLANKS}{MARK}\r\n"'  # a name
LEAST_NUMBERED = 4  # columns: a header of fewer numbers may be a row


def _plain(cell: str) -> str:
    """Write a name without quotes, blanks and mark, and a longer one in small letters: X may be a category under x."""
    cell = cell.strip(AROUND)
    return cell if len(cell) == 1 else cell.casefold()


def _codes_of(names: Collection[str], column: TextColumn) -> list[int]:
    """Return the codes of the values of a column that are one of some names. Small letters are no fewer than large
    ones, so that a longer value is none: texts are many."""
    longest = max(map(len, names), default=0)
    short = (code for code, value in enumerate(column.values) if len(value.strip(AROUND)) <= longest)
    return [code for code in short if _plain(column.values[code]) in names]


class RepeatedHeader:
    """The rows of cells that make up a header; `times` is how often the last of them was counted."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        plain = [[_plain(cell) for cell in row] for row in rows]
        self.rows = [row for row in plain if len(row) >= LEAST_NUMBERED or not all(map(looks_like_number, row))]
        self.first_cells, self.times = {row[0] for row in self.rows}, 0
        self.names = {name for row in self.rows for name in row}

    @classmethod
    def of_bytes(cls, header: bytes, delimiter: str) -> RepeatedHeader:
        text = io.StringIO(header.decode("utf-8", "surrogateescape"), newline="")
        return cls([*csv.reader(text, delimiter=delimiter)])

    def has(self, cells: Sequence[str]) -> bool:
        """Tell whether a row of cells is one of the header."""
        return _plain(cells[0]) in self.first_cells and [*map(_plain, cells)] in self.rows

    def may_be_in(self, text: str) -> bool:
        """Tell at little cost whether a row of the header may be in a text."""
        text = text.casefold()
        return any(max(row, key=len).casefold() in text for row in self.rows)

    def is_moved(self, cells: Sequence[str]) -> bool:
        """Tell whether a row of cells has the names of the header in another order, and more than two letters."""
        if _plain(cells[0]) not in self.names:
            return False
        plain = [*map(_plain, cells)]
        return (len(plain) > 2 or max(map(len, plain)) > 1) and any(
            sorted(plain) == sorted(row) and _differ(plain, row) for row in self.rows
        )

    def is_like(self, cells: Sequence[str]) -> bool:
        """Tell whether a row, which is no data, is of names: half are those of the header, but not all in place."""
        plain = [*map(_plain, cells)]
        known = sum(cell in self.names for cell in plain)
        if not 2 <= known >= len(plain) / 2 or not all(plain) or any(map(looks_like_number, plain)):
            return False
        return any(len(row) == len(plain) and plain != row for row in self.rows)

    def may_be_moved_in(self, block: RowBlock, layout: Layout) -> bool:
        """Tell whether some row of a block has names of the header in all columns of text."""
        found = np.ones(len(block), bool)
        for column in sorted(_texts(block, layout).values(), key=lambda column: len(column.values)):
            codes = _codes_of(self.names, column)
            codes += [-1] * any(_is_empty(name, layout) for name in self.names)
            found &= np.isin(column.codes, codes)
            if not found.any():
                return False
        return True

    def may_move(self, layout: Layout) -> bool:
        """Tell whether names of the header can be read as data in another place than theirs."""
        measured = layout.numeric or layout.dates
        return bool(self.names) and (
            not measured or any(looks_like_number(name) or _is_empty(name, layout) for name in self.names)
        )

    def count(self, cells: Sequence[str]) -> None:
        """Count a row that is one of the header, if the header ends with it."""
        self.times += [*map(_plain, cells)] == self.rows[-1]

    def like_data(self, layout: Layout) -> list[list[str]]:
        """Return the rows of the header that can be read as data."""
        place = layout.place_of
        plain = [place[name] for name in layout.numeric if name not in layout.spellings]
        return [
            row
            for row in self.rows
            if not layout.dates and all(as_number(row[i], layout.decimal) or _is_empty(row[i], layout) for i in plain)
        ]


def of_other_table(where: str, found: Sequence[str], names: Sequence[str], rows: int = 0) -> DataError:
    """Say that the names of another table are found there, below so many rows that an option can read alone."""
    if _differ([*map(_plain, found)], [*map(_plain, names)]):
        problem = f"expected a row, found the names of the columns in another order than {listing(names)}"
        remedy = "Write the rows below them to a file of its own: columns of several files are matched by name"
    else:
        others = [quoted(cell) for cell, name in zip(found, names, strict=True) if _plain(cell) != _plain(name)]
        differ = "differs" if len(others) == 1 else "differ"
        problem = f"expected a row, found names of columns, of which {listing(others)} {differ} from {listing(names)}"
        remedy = "Delete the line if the rows below it are of the same columns, or write them to a file of its own"
    if rows:
        remedy += f". Read the rows above with {mention('rows', f'1:{rows}')}"
    return DataError(where, problem, remedy)


def may_hold(block: RowBlock, row: Sequence[str], layout: Layout) -> bool:
    """Tell whether some row of a block has, in the columns that are used, the names in a row of the header."""
    place, found = layout.place_of, np.ones(len(block), bool)
    for name, column in sorted(_texts(block, layout).items(), key=lambda one: len(one[1].values)):
        found &= _rows_with(column, row[place[name]], layout)
        if not found.any():
            return False
    for name, numbers in zip(layout.numeric, block.table.numbers.T, strict=True):
        number = as_number(row[place[name]], layout.decimal)
        if name not in layout.spellings and found.any():
            with np.errstate(over="ignore"):
                found &= np.isnan(numbers) if number is None else numbers == float(number)
    return bool(found.any())


def _differ(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether a name, and no number, which may be data, stands in another place."""
    pairs = zip(cells, names, strict=True)
    return any(cell != name and cell in names and not looks_like_number(cell) for cell, name in pairs)


def _texts(block: RowBlock, layout: Layout) -> dict[str, TextColumn]:
    return {**block.table.texts, **({layout.target: block.target} if layout.target and block.target else {})}


def _rows_with(column: TextColumn, name: str, layout: Layout) -> NDArray[np.bool_]:
    """Tell which rows of a column of text hold a name."""
    codes = [-1] if _is_empty(name, layout) else []
    return np.isin(column.codes, [*codes, *_codes_of({name}, column)])


def _is_empty(name: str, layout: Layout) -> bool:
    return is_missing(name, ("",)) or any(name == _plain(text) for text in layout.missing)
