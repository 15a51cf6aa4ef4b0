"""Find the lines above a table that are no part of it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice

from nncli.data.cells import is_number
from nncli.data.csv.header import Head
from nncli.data.csv.header_row import TARGETS, has_header
from nncli.data.csv.other_delimiter import refuse_other_names
from nncli.data.dates import days_of
from nncli.data.spellings import looks_like_number
from nncli.errors import DataError, listing, mention

MOST_ABOVE = 20
ROWS_BELOW = 50  # that are all as wide as the table
BYTES = 64 << 10


def skip_preamble(head: Head, delimiters: Iterable[str]) -> list[str]:
    """Leave out the lines above the table where it is certain that they are no rows; return notes."""
    lines = first_lines(head)
    # a comma cuts rows with decimal commas too, but not their header: the cut that leaves out least is the right one
    found = {delimiter: _lines_above(lines, delimiter) for delimiter in delimiters}
    above = min((above for above in found.values() if above is not None), default=0)
    uncertain = [delimiter for delimiter, above in found.items() if above is None]
    if not above or any(_is_table(lines[above - 1 :], delimiter) for delimiter in uncertain):
        return []  # the last line above is the header of a table with another delimiter
    delimiter = next(delimiter for delimiter, lines_above in found.items() if lines_above == above)
    rows = [*csv.reader(lines[above:], delimiter=delimiter)]
    refuse_other_names(lines[above - 1], rows, delimiter, f"{head.where}:{head.line + above - 1}")
    return [lines_left_out(head, above)]


def first_lines(head: Head) -> list[str]:
    """Return as many lines as are looked at."""
    return [*islice(head.lines(0, BYTES), MOST_ABOVE + ROWS_BELOW)]


def lines_left_out(head: Head, above: int) -> str:
    """Leave out so many lines; return a note."""
    for _ in range(above):
        head.skip_line()
    lines = "line is" if above == 1 else f"{above} lines are"
    return f"the first {lines} left out: the table begins below"


def _is_table(lines: Sequence[str], delimiter: str) -> bool:
    """Tell whether all lines have as many cells, and more than one."""
    try:
        widths = {len(row) for row in csv.reader(lines, delimiter=delimiter)}
    except csv.Error:
        return False
    return len(widths) == 1 and widths.pop() > 1


def _lines_above(lines: Sequence[str], delimiter: str) -> int | None:
    """Return the number of lines above the table; None where there is no table, or it is not certain."""
    reader = csv.reader(lines, delimiter=delimiter)
    rows, starts = [], [0]
    try:
        for row in reader:  # a quoted name may have a line break
            rows.append(row)
            starts.append(reader.line_num)
    except csv.Error:
        return None
    while rows and not rows[-1]:  # empty lines at the end
        rows.pop()
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    above = _first_of_table(rows, width)
    # a comment among the rows, of which the error of its row will tell, is no reason to take lines above for rows
    table = [row for row in rows[above:] if len(row) == width or not _is_comment(row)]
    if width < 2 or len(table) < 2 or not all(len(row) == width for row in table):
        return None
    names = [cell.strip() for cell in table[0]]
    certain = any(name.lower() in TARGETS for name in names) or any(map(is_number, chain.from_iterable(table[1:])))
    named = certain and has_header(names, table[1:])
    return starts[above] if all(_is_no_row(row, width, named) for row in rows[:above]) else None


def _first_of_table(rows: Sequence[Sequence[str]], width: int) -> int:
    """Return the number of lines above the first row of such a width: also of comments, if names stand below them."""
    found = [i for i, row in enumerate(rows) if len(row) == width and sum(map(bool, row)) > 1]
    bare = next((i for i in found if not _is_comment(rows[i])), 0)
    below = rows[bare + 1 :]
    if bare and all(len(row) == width for row in below) and has_header([cell.strip() for cell in rows[bare]], below):
        return bare
    return found[0] if found else 0


def _is_comment(cells: Sequence[str]) -> bool:
    return bool(cells) and cells[0].lstrip().startswith("#")


def refuse_lines_above(lines: Sequence[str], target: str | None, delimiters: Iterable[str], where: str) -> None:
    """Raise DataError where the columns are named in a line below the first one, and a table stands below it."""

    def has_target(row: Sequence[str]) -> bool:
        return target in row if target is not None else any(cell.lower() in TARGETS for cell in row)

    for delimiter in delimiters:
        try:
            rows = [[cell.strip() for cell in row] for line in lines for row in csv.reader([line], delimiter=delimiter)]
        except csv.Error:
            continue
        if above := rows_above_names(rows, has_target):
            remedy = f"Leave the {'line' if above == 1 else 'lines'} above out with {mention('skip_rows', above)}"
            if len(rows[above - 1]) == len(rows[above]) and not any(map(is_number, rows[above - 1])) and above == 1:
                remedy += f", or join its names with {mention('header_rows', 2)}"
            raise names_below(f"{where}:{above + 1}", rows[above], remedy)


def names_below(place: str, names: Iterable[str], remedy: str) -> DataError:
    """Make the error for names that do not stand at the top."""
    return DataError(place, f"expected the names of the columns at the top, found {listing(names)}", remedy)


def rows_above_names(rows: Sequence[Sequence[str]], has_names: Callable[[Sequence[str]], bool]) -> int:
    """Return the number of rows above the one that names the columns of a table: that has the names which are looked
    for; or all of whose cells are full, where no row above fills half of its own. 0 where there is none."""

    def is_first_full(i: int) -> bool:
        """Tell whether a row names columns of numbers or dates below it, and none above it does."""
        half = len(rows[i]) / 2
        cells = [cell for row in rows[i + 1 :] for cell in row]
        return (
            i > 0
            and all(rows[i])
            and all(sum(map(bool, row)) <= half for row in rows[:i])
            and any(looks_like_number(cell) or days_of(cell) is not None for cell in cells)
        )

    top = [(i, row) for i, row in enumerate(rows[: MOST_ABOVE + 1]) if len(row) > 1]
    above = next((i for i, row in top if has_names(row)), 0) or next((i for i, _ in top if is_first_full(i)), 0)
    below = rows[above + 1 :]
    is_table = bool(below) and all(len(row) == len(rows[above]) for row in below) and has_header(rows[above], below)
    return above if is_table else 0


def _is_no_row(cells: Sequence[str], width: int, named: bool) -> bool:
    """Tell whether a line above a table of such a width is none of its rows, and not its header; `named` is whether
    the line that seems to be the header names the columns."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if named and _is_comment(cells):
        return True
    if any(cell.lower() in TARGETS for cell in filled):
        return False
    return len(cells) <= 1 or (named and (len(cells) != width or not filled or filled == [cells[0].strip()]))
