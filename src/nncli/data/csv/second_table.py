"""Find a second table as wide as the first one, below it: by its names, which are no data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

import numpy as np

from nncli.data.cells import SHOWN, bare, quoted
from nncli.data.csv.header_row import has_header, looks_like_header
from nncli.data.csv.missing_words import stands_for_missing
from nncli.data.dataset import Table, TextColumn
from nncli.data.dates import days_of
from nncli.data.row_blocks import Layout
from nncli.data.spellings import looks_like_number
from nncli.data.totals import is_total
from nncli.errors import DataError, listing, mention, write_names

LEAST_ROWS = 3  # of each table
FEW_ALONE, LEAST_COLUMNS = 0.1, 2  # of the texts in a column that come once; with the target
MOST_NAMES = 6  # that are shown
SURE = 2  # columns of numbers that hold words instead, where it is not known what the others hold


def refuse_second_table(rows: Sequence[Sequence[str]], texts: Iterable[tuple[str, int]], where: str) -> None:
    """Raise DataError where a column of text, of some names and places, has only numbers down to a row that names the
    columns of those below it, and no number from there on."""
    for name, place in texts:
        cells = [row[place].strip() for row in rows]
        n = sum(1 for _ in takewhile(looks_like_number, cells))
        if LEAST_ROWS <= n < len(cells) - LEAST_ROWS and not any(map(looks_like_number, cells[n:])):
            names = [cell.strip() for cell in rows[n]]
            if len({*names}) == len(names) and has_header(names, rows[n + 1 :]):
                problem = f"column '{name}': expected numbers, as in the first {n} rows, found {quoted(cells[n])}"
                remedy = (
                    f"If another table begins there, read the first one with {mention('rows', f'1:{n}')}; else add "
                )
                raise DataError(where, problem, remedy + mention("categorical", write_names([name])))


def are_other_names(cells: Sequence[str], layout: Layout) -> bool:
    """Tell whether a row with a class, of which some cell is no number or date where one should be, is the names of
    another table: all of its cells are words, no two alike, and none is one that its column is known to hold."""
    names, place = [*map(bare, cells)], layout.place_of
    measured = [names[place[name]] for name in (*layout.numeric, *layout.dates)]
    return (
        layout.target is not None
        and bool(measured)
        and (len(measured) >= SURE or layout.target in layout.few_words)
        and len(names) == len({*names}) == len(layout.names)
        and all(names)
        and looks_like_header(names)
        and not any(name in layout.missing or stands_for_missing(name) or len(name) > SHOWN for name in names)
        and not any(name[0].isdigit() or days_of(name) is not None for name in measured)
        and not (is_total(names) or names[0].startswith("#"))
        and not any(names[place[name]] in known for name, known in layout.few_words.items())
    )


def of_other_names(where: str, found: Sequence[str], rows: int = 0) -> DataError:
    """Say that another table seems to begin there, below so many rows that an option can read alone; 0 if none can."""
    alone = f"Read the rows above it with {mention('rows', f'1:{rows}')}" if rows else "Put it in a file of its own"
    names = listing([quoted(bare(cell)) for cell in found], MOST_NAMES)
    problem = f"expected a row, found what looks like the names of another table: {names}"
    return DataError(where, problem, f"{alone}, or correct the line if it is a row")


def refuse_names_among(table: Table, target: TextColumn, where: str, is_text: bool) -> None:
    """Raise DataError for a row of a table of texts alone that seems to name the columns of those below it: each of its
    texts and its class comes nowhere else, while nearly all of the others come again."""
    n, columns = len(target.codes), [*table.texts.values(), target]
    if table.number_names or table.dates or len(columns) < LEAST_COLUMNS or n < 2 * LEAST_ROWS + 1:
        return
    found = np.ones(n, bool)
    for column in columns:
        codes = column.codes[:]
        times = np.bincount(codes[codes >= 0], minlength=len(column.values))
        if not len(times) or (times == 1).sum() > FEW_ALONE * n:
            return
        found &= (codes >= 0) & (times[codes] == 1)
    for row in np.flatnonzero(found[LEAST_ROWS:-LEAST_ROWS]) + LEAST_ROWS:
        names = [column.values[column.codes[row : row + 1][0]] for column in columns]
        if len({*names}) == len(names) and looks_like_header(names):
            problem = (
                f"row {row + 1:,} of the data looks like the names of another table: {listing(map(quoted, names), 6)}"
            )
            remedy = (
                f"Read the rows above it with {mention('rows', f'1:{row}')}, or all with {mention('rows', f'1:{n}')}"
            )
            raise DataError(where, problem, remedy if is_text else "Put the rows below it in a file of their own")
