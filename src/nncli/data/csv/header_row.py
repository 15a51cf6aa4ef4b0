"""Tell whether the first row of a table names its columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nncli.data.cells import DEFAULT_MISSING, as_number, bare, is_missing, is_number
from nncli.data.csv.repeated_header import LEAST_NUMBERED, RepeatedHeader
from nncli.data.spellings import looks_like_number
from nncli.errors import DataError, listing

TARGETS = ("label", "target", "class", "y")
NEARLY_ALL = 0.9  # of the rows, which have numbers
BY_CHANCE = 1e-3  # a share of rows that is as good as none
LEAST_ROWS = 3  # of another width than the header: fewer may be damaged


def looks_like_header(cells: Sequence[str]) -> bool:
    """Tell whether no cell is a number or means a missing value, and most have a name."""
    if any(looks_like_number(cell) or is_missing(cell, DEFAULT_MISSING) for cell in cells if cell):
        return False
    return 2 * sum(map(bool, cells)) > len(cells) - (not cells[0])


def has_header(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row names the columns of those below: it has a name that a target usually has, or looks
    like one, and most of it does not come again in the same place."""
    # where files were joined, their headers come again too
    header = RepeatedHeader([first])
    others = [row for row in below if not header.has(row)]
    rows = [row for row in others if not looks_like_header(row)]  # as those of a second table do
    others = rows if len(rows) >= NEARLY_ALL * len(others) else others
    columns = list(zip(*others, strict=True)) or [()] * len(first)
    again = [cell in column for cell, column in zip(first, columns, strict=True)]
    if any(cell.lower() in TARGETS and not came for cell, came in zip(first, again, strict=True)):
        return True
    if numbers_columns(first, others) or _is_above_fractions(first, columns):
        return True
    return looks_like_header(first) and 2 * sum(again) <= len(first)


def about_header(first: Sequence[str], below: Sequence[Sequence[str]], header: bool) -> list[str]:
    """Return a note where it is no more than likely that the first row is a header, or is none."""
    counts = _counts_columns(first)
    if not header:
        doubtful = counts or (_are_numbered(first) and any("." in cell for row in below for cell in row))
        return [f"the first row, {', '.join(first)}, is read as data (--header reads it as names)"] if doubtful else []
    numbers = any(is_number(cell) or is_number(cell, ",") for row in below for cell in row)
    if any(map(looks_like_number, first)) or not (numbers or any(cell.lower() in TARGETS for cell in first)):
        return [f"the first row names the columns: {listing(first)} (--no-header reads it as data)"]
    return []


def refuse_other_width(first: Sequence[str], below: Sequence[Sequence[str]], delimiter: str, place: str) -> None:
    """Raise DataError for a first row of another width than all those below, as R and others write it."""
    width = len(below[0]) if below else 0
    if len(below) < LEAST_ROWS or any(len(row) != width for row in below) or len(first) == width:
        return
    sign = "tab" if delimiter == "\t" else f"'{delimiter}'"
    remedy = "Write one name for each column"
    if len(first) == width + 1 and not first[-1]:
        remedy = f"Remove the {sign} at the end of the header"
    elif len(first) == width - 1:
        remedy += ", also for the one with the names of the rows that R writes"
        if not any(bare(row[-1]) for row in below):
            remedy = f"Write a {sign} at the end of the header too"
    raise DataError(place, f"expected {width} names, as each row below has {width} cells; found {len(first)}", remedy)


def joined_names(rows: Sequence[Sequence[str]]) -> list[str]:
    """Join the names that stand above one another; one that has none beside a longer cell is under that of its left.
    Return none for rows of different widths."""
    if len({len(row) for row in rows}) != 1:
        return []
    filled: list[list[str]] = []
    for row in rows[:-1]:
        filled.append([])
        for i, cell in enumerate(row):
            filled[-1].append(cell or (filled[-1][-1] if i and rows[-1][i] else ""))
    return [" ".join(filter(None, parts)) for parts in zip(*filled, rows[-1], strict=True)]


def numbers_columns(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row counts the columns, from 0 or 1, above rows of other numbers: fractions, or such that
    a row would hardly ever be so by chance."""
    if not _counts_columns(first) or not below:
        return False
    columns = [*zip(*below, strict=True)]
    if len(first) >= LEAST_NUMBERED or any(is_number(cell) and "." in cell for column in columns for cell in column):
        return True
    shares = [(column.count(cell) + 1) / (len(column) + 1) for cell, column in zip(first, columns, strict=True)]
    return math.prod(shares) < BY_CHANCE


def _counts_columns(first: Sequence[str]) -> bool:
    return len(first) > 1 and list(first) in [[str(i + start) for i in range(len(first))] for start in (0, 1)]


def _are_numbered(first: Sequence[str]) -> bool:
    """Tell whether all cells are whole numbers, as years are, and no two alike."""
    return len(first) > 1 and all(cell.isascii() and cell.isdigit() for cell in first) and len({*first}) == len(first)


def _is_above_fractions(first: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row has whole numbers, as years are, above columns of fractions alone, none of which is as
    large or as small: above one beside words, else above two. Nothing else in it comes again below."""
    if len({*first}) < len(first) or not any(cell.isdigit() for cell in first):
        return False
    n_words = n_fractions = 0
    for cell, column in zip(first, ([*map(bare, column)] for column in columns), strict=True):
        sign = "," if any("," in other for other in column) else "."
        values = [float(number) for other in column if sign in other and (number := as_number(other, sign))]
        has_fractions = len(values) >= max(LEAST_ROWS, NEARLY_ALL * len(column))
        is_word = not looks_like_number(cell)
        if not cell or cell in column or not (is_word or (cell.isascii() and cell.isdigit())):
            return False
        if has_fractions and not is_word and min(values) <= float(cell) <= max(values):
            return False
        n_words, n_fractions = n_words + is_word, n_fractions + (has_fractions and not is_word)
    return n_fractions > (not n_words)
