"""A sheet of an Excel file (.xlsx): its first row names the columns. Cells are read as what they hold, not as they are
shown.

python-calamine reads it. As that passes over cells without a result, and makes room for all cells up to the last, the
sheet is looked through before: `sheet_scan` does that.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nncli.data.byte_input import reason, refuse_bomb, sha256_of
from nncli.data.cells import PlainNumber, bare, check_width, quoted
from nncli.data.csv.column_names import has_target, typed
from nncli.data.csv.preamble import MOST_ABOVE, ROWS_BELOW, names_below, rows_above_names
from nncli.data.dataset import Schema
from nncli.data.formats.row_reader import Faults, Row, Rows
from nncli.data.formats.sheet_scan import BROKEN, KNOWN_FAULTS, Sheet, cell_name, sheets_in
from nncli.data.sources import title
from nncli.errors import DataError, OptionError, did_you_mean, listing, mention

CELL_BYTES = 64  # of memory for a cell, also for an empty one
BLOCK_ROWS = 10_000
OF_OTHERS = f", or for {mention('val_data')} and {mention('test_data')} save it as a file of its own"
OR_DELETE = f", or for {mention('val_data')} and {mention('test_data')} delete them"
HasNames = Callable[[Sequence[str]], bool]
EXACT_TO = 1e15  # whole numbers that are written with all their digits


@dataclass(frozen=True)
class _File:
    """The file as a source of rows."""

    path: str

    def hexdigest(self) -> str:
        return sha256_of(self.path)

    def close(self) -> None:
        """Do nothing, as the sheet is in memory."""


def open_rows(path: str, sheet: str | None, skip_rows: int, expected: Schema | None, target: str | None) -> Rows:
    """Open a sheet: the only one that has cells, or the one of that name. Raises DataError for a file that is damaged,
    has several, or has rows above the names, among which are those that a model `expected`, or the target; OptionError
    for a name that it does not have."""

    def has_names(row: Sequence[str]) -> bool:
        if expected is not None:
            return {*expected.names}.issubset(map(typed, row))
        return has_target(row) if target is None else target in map(typed, row)

    where = title((path,))
    try:
        from python_calamine import CalamineError, load_workbook
    except ImportError:
        raise DataError(
            where, "reading Excel files needs python-calamine", "Install it with: pip install 'nncli[excel]'"
        ) from None
    try:
        chosen = _chosen(sheets_in(Path(path), where), sheet, where)
        size = Path(path).stat().st_size
        refuse_bomb(where, "the sheet", CELL_BYTES * chosen.cells, size, "Delete the cells far from the table")
        for at, (shown, problem, remedy) in chosen.faults.items():
            if shown not in KNOWN_FAULTS:  # with which no cell of the sheet can be read
                raise DataError(f"{where}: sheet '{chosen.name}', cell {cell_name(*at)}", problem, remedy)
        with load_workbook(path) as book:
            found = book.get_sheet_by_name(chosen.name)
            rows, (above, left) = found.to_python(), found.start or (chosen.top - 1, chosen.left - 1)
    except (CalamineError, *BROKEN) as error:
        raise DataError(where, f"the Excel file is damaged: {reason(error)}", "Save it again, or as CSV") from None
    faults: Faults = {}
    for (row, column), (shown, problem, remedy) in chosen.faults.items():
        fault = DataError(f"{where}: sheet '{chosen.name}', cell {cell_name(row, column)}", problem, remedy)
        if row <= skip_rows:
            continue
        if row <= above or column <= left:  # beside all cells that have been read: the names may be there
            raise fault
        faults.setdefault(row, {})[column - 1 - left] = fault
        _show(rows, row - 1 - above, column - 1 - left, shown)
    first = max(above, skip_rows) + 1
    return _rows(path, where, chosen.name, rows[first - 1 - above :], first, faults, has_names)


def _show(rows: list[list[Any]], row: int, column: int, text: str) -> None:
    """Write a text in a cell, which may stand beyond those that have been read."""
    rows += [[] for _ in range(row + 1 - len(rows))]
    rows[row] += [""] * (column + 1 - len(rows[row]))
    rows[row][column] = text


def _chosen(sheets: list[Sheet], name: str | None, where: str) -> Sheet:
    names = [sheet.name for sheet in sheets]
    if name is not None:
        if name not in names:
            raise OptionError("sheet", f"{where} has no sheet '{name}'", did_you_mean(name, names, listed="sheets"))
        return sheets[names.index(name)]
    full = [sheet for sheet in sheets if sheet.visible and sheet.cells]
    if not full:
        raise DataError(where, "expected a sheet with a table, found none", "Save the table in it, or as CSV")
    if len(full) > 1:
        found = listing([f"'{sheet.name}'" for sheet in full])
        raise DataError(where, f"expected one sheet, found {found}", f"Choose one with {mention('sheet')}{OF_OTHERS}")
    return full[0]


def _rows(
    path: str, where: str, sheet: str, cells: list[list[Any]], first: int, faults: Faults, has_names: HasNames
) -> Rows:
    """Make rows of the cells of a sheet, the first of which is row number `first` there. Raises DataError where that
    is no table, or a fault stands among its names."""
    table = [[_text(cell) for cell in row] for row in cells]
    while table and not any(table[0]):
        table, cells, first = table[1:], cells[1:], first + 1
    while table and not any(table[-1]):
        table.pop()
    if not table:
        raise DataError(where, f"sheet '{sheet}' has no rows", "Choose another one, or skip fewer rows")
    width = max(len(row) for row in table)
    while width and not any(row[width - 1] for row in table):
        width -= 1
    for fault in faults.get(first, {}).values():
        raise fault
    place = f"{where}:{first}"
    check_width(width, place)
    names, *below = [[*map(bare, _as_wide(row, width))] for row in table[: MOST_ABOVE + ROWS_BELOW]]
    if not has_names(names) and (above := rows_above_names([names, *below], has_names)):
        rows = "row" if above == 1 else "rows"
        remedy = f"Leave the {rows} above out with {mention('skip_rows', first - 1 + above)}{OR_DELETE}"
        raise names_below(f"{where}:{first + above}", below[above - 1], remedy)
    if not any(isinstance(cell, str) and cell.strip() for cell in cells[0]):
        raise DataError(place, "expected a row with the names of the columns, found numbers", "Insert one above it")
    if _is_row(names, cells[0], table[1:]):
        problem = f"expected a row with the names of the columns, found {quoted(', '.join(names))}, as in rows below"
        raise DataError(place, problem, "Insert one above it")
    return Rows(
        where, names, place, _blocks(table[1:], width, where, first + 1), _File(path), (f"sheet: {sheet}",), faults
    )


def _is_row(names: Sequence[str], cells: Sequence[Any], below: Sequence[Sequence[str]]) -> bool:
    """Tell whether all texts of the first row come again in their places, but not as a header that is there twice."""
    texts = [i for i, cell in enumerate(cells[: len(names)]) if isinstance(cell, str) and names[i]]
    others = [row for row in below if [bare(cell) for cell in row[: len(names)]] != names]
    return all(any(names[i] == bare(cell) for row in others for cell in row[i : i + 1]) for i in texts)


def _blocks(table: Sequence[list[str]], width: int, where: str, first: int) -> Iterator[list[Row]]:
    for start in range(0, len(table), BLOCK_ROWS):
        rows: list[Row] = []
        for number, row in enumerate(table[start : start + BLOCK_ROWS], first + start):
            empty = DataError(f"{where}:{number}", "expected a row, found an empty one", "Delete it")
            rows.append((number, _as_wide(row, width) if any(row) else empty))
        yield rows


def _as_wide(row: list[str], width: int) -> list[str]:
    return (row + [""] * (width - len(row)))[:width]


def _text(cell: Any) -> str:
    """Write the value of a cell: dates as ISO 8601 does, durations in seconds."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float | int):
        return PlainNumber(int(cell) if abs(cell) < EXACT_TO and cell == int(cell) else repr(cell))
    if isinstance(cell, datetime.timedelta):
        return repr(cell.total_seconds())
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(" ")
    return cell.isoformat()
