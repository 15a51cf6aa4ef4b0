"""Find the lines above a table that are no part of it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, islice

from nncli.data.csv.column_kinds import is_number
from nncli.data.csv.header import Head
from nncli.data.csv.header_row import TARGETS, has_header

MOST_ABOVE = 20
ROWS_BELOW = 50  # that are all as wide as the table
BYTES = 64 << 10


def skip_preamble(head: Head, delimiters: Iterable[str]) -> list[str]:
    """Leave out the lines above the table where it is certain that they are no rows; return notes."""
    lines = [*islice(head.lines(0, BYTES), MOST_ABOVE + ROWS_BELOW)]
    # a comma cuts rows with decimal commas too, but not their header: the cut that leaves out least is the right one
    found = [above for delimiter in delimiters if (above := _lines_above(lines, delimiter)) is not None]
    above = min(found, default=0)
    return [lines_left_out(head, above)] if above else []


def lines_left_out(head: Head, above: int) -> str:
    """Leave out so many lines; return a note."""
    for _ in range(above):
        head.skip_line()
    lines = "line is" if above == 1 else f"{above} lines are"
    return f"the first {lines} left out: the table begins below"


def _lines_above(lines: Sequence[str], delimiter: str) -> int | None:
    """Return the number of lines above the table; None where there is no table, or it is not certain."""
    try:
        rows = [row for line in lines for row in csv.reader([line], delimiter=delimiter)]
    except csv.Error:
        return None
    while rows and not rows[-1]:  # empty lines at the end
        rows.pop()
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    above = next((i for i, row in enumerate(rows) if len(row) == width and sum(map(bool, row)) > 1), 0)
    table = rows[above:]
    if width < 2 or len(table) < 2 or not all(len(row) == width for row in table):
        return None
    names = [cell.strip() for cell in table[0]]
    certain = any(name.lower() in TARGETS for name in names) or any(map(is_number, chain.from_iterable(table[1:])))
    named = certain and has_header(names, table[1:])
    return above if all(_is_no_row(row, width, named) for row in rows[:above]) else None


def _is_no_row(cells: Sequence[str], width: int, named: bool) -> bool:
    """Tell whether a line above a table of such a width is none of its rows, and not its header; `named` is whether
    the line that seems to be the header names the columns."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if any(cell.lower() in TARGETS for cell in filled):
        return False
    return len(cells) <= 1 or (named and (len(cells) != width or not filled or filled == [cells[0].strip()]))
