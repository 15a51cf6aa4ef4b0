"""Find the rows of a table that repeat its header, as where files were joined: they are no rows, however they are
written."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import BLANKS, as_number, is_missing
from nncli.data.dataset import TextColumn
from nncli.data.row_blocks import Layout, RowBlock
from nncli.data.spellings import looks_like_number

MARK = "\ufeff"  # stands before each of the files that were joined
LEAST_NUMBERED = 4  # columns: a header of fewer numbers may be a row


def _plain(cell: str) -> str:
    """Write a name without quotes, blanks and mark, and a longer one in small letters: X may be a category under x."""
    cell = cell.strip(f'{BLANKS}{MARK}\r\n"')
    return cell if len(cell) == 1 else cell.casefold()


class RepeatedHeader:
    """The rows of cells that make up a header; `times` is how often the last of them was counted."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        plain = [[_plain(cell) for cell in row] for row in rows]
        self.rows = [row for row in plain if len(row) >= LEAST_NUMBERED or not all(map(looks_like_number, row))]
        self.first_cells, self.times = {row[0] for row in self.rows}, 0

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


def may_hold(block: RowBlock, row: Sequence[str], layout: Layout) -> bool:
    """Tell whether some row of a block has, in the columns that are used, the names in a row of the header."""
    place, found = layout.place_of, np.ones(len(block), bool)
    texts = {**block.table.texts, **({layout.target: block.target} if layout.target and block.target else {})}
    for name, column in sorted(texts.items(), key=lambda one: len(one[1].values)):
        found &= _rows_with(column, row[place[name]], layout)
        if not found.any():
            return False
    for name, numbers in zip(layout.numeric, block.table.numbers.T, strict=True):
        number = as_number(row[place[name]], layout.decimal)
        if name not in layout.spellings and found.any():
            with np.errstate(over="ignore"):
                found &= np.isnan(numbers) if number is None else numbers == float(number)
    return bool(found.any())


def _rows_with(column: TextColumn, name: str, layout: Layout) -> NDArray[np.bool_]:
    """Tell which rows of a column of text hold a name."""
    codes = [-1] if _is_empty(name, layout) else []
    if name.casefold() in "\n".join(column.values).casefold():
        codes += [code for code, value in enumerate(column.values) if _plain(value) == name]
    return np.isin(column.codes, codes)


def _is_empty(name: str, layout: Layout) -> bool:
    return is_missing(name, ("",)) or any(name == _plain(text) for text in layout.missing)
