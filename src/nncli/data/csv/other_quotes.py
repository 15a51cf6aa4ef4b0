"""Refuse tables whose cells are quoted with marks that are no quotes here, as “a, b” and `a, b`: a delimiter between
them would cut the cell, and numbers between them would be text."""

from __future__ import annotations

from collections.abc import Sequence

from nncli.data.cells import bare, is_number
from nncli.data.csv.encoding import UTF_8
from nncli.errors import DataError

PAIRS = ("“”", "„“", "„”", "””", "«»", "»«", "‘’", "‚‘", "‹›", "「」", "『』", "＂＂", "``", "´´", "`´", "`'")
LEAST_ROWS = 2  # or half of them: one alone may be a text with a mark too few


def refuse_other_quotes(rows: Sequence[Sequence[str]], data: bytes, place: str, encoding: str) -> None:
    """Raise DataError where a delimiter has cut cells between such marks in several of the first rows, or numbers stand
    between them. The rows are of this text, in which a mark is looked for far faster than in each cell."""
    possible = {pair[0] for pair in PAIRS if pair.isascii() or not data.isascii()}
    marks = {mark for mark in possible if mark.encode() in data}
    for pair in PAIRS if marks else ():
        first, last = pair[0], pair[1]
        if first not in marks:
            continue
        torn = [text for row in rows if (text := _torn(row, first, last))]
        numbers = [cell for row in rows for cell in map(bare, row) if _is_number_within(cell, first, last)]
        for found in (torn, numbers):
            if found and (len(found) >= LEAST_ROWS or 2 * len(found) >= len(rows)):
                signs = first if first == last else f"{first} and {last}"
                problem = f"expected cells between double quotes or none, found one between {signs}: {found[0]}"
                raise DataError(place, problem, _remedy(first, last, encoding))


def _torn(row: Sequence[str], first: str, last: str) -> str:
    """Return the cells of a row that are one between two marks, as they stand; the empty string if there are none."""
    cells, start = [*map(bare, row)], None
    for i, cell in enumerate(cells):
        if start is None:
            start = i if cell[:1] == first and first not in cell[1:] and last not in cell[1:] else None
        elif first in cell[:-1] or last in cell[:-1]:
            return ""
        elif cell[-1:] == last:
            return ", ".join(cells[start : i + 1])
    return ""


def _is_number_within(cell: str, first: str, last: str) -> bool:
    return len(cell) > 2 and cell[0] == first and cell[-1] == last and is_number(cell[1:-1])


def _remedy(first: str, last: str, encoding: str) -> str:
    if encoding != UTF_8 or "'" in last:
        return 'Write " in place of both, in an editor'
    changes = "; ".join(f's/{mark}/"/g' for mark in dict.fromkeys((first, last)))
    return f"Write \" in place of both: sed '{changes}' FILE > quoted.csv"
