"""Read directly below a header how it is meant: from a rule of dashes, rows that go on with the names, or rows with a
name of their own in front."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from nncli.data.cells import BLANKS, bare, is_missing, quoted
from nncli.data.csv.header import Head
from nncli.data.csv.header_row import looks_like_header
from nncli.data.dates import days_of
from nncli.data.spellings import looks_like_number
from nncli.errors import DataError, listing, mention

DASHES = re.compile(rb":?-+:?")
BETWEEN = re.compile(rb"[|+,;\s]+")
RULED = "| "
LEAST_DASHES = 3  # where no bar shows that it is a rule
MOST_ROWS = 4  # of names below the first one
ALIGNED = re.compile(r"\S  +\S")
ROW_NAMES = "the header has one name fewer than the rows have cells: the first column names the rows, and is left out"


class Place(NamedTuple):
    """Where the first row below a header is, and how many lines are above the header, as the user has told or not."""

    where: str
    line: int
    above: int
    is_told: bool


def remedy_for_aligned(lines: Sequence[str]) -> str:
    """Give a command that cuts lines whose cells stand below one another where a column begins: behind a place at which
    all of them have a blank, and one has two. Empty cells stay cells."""
    width = max(map(len, lines)) + 1
    padded = [line.ljust(width) for line in lines]
    blank = [all(line[i] == " " for line in padded) for i in range(width)]
    starts = [
        i
        for i in range(2, width)
        if blank[i - 1] and not blank[i] and any("  " in line[i - 2 : i + 1] for line in padded)
    ]
    ends = ", ".join(f"({start}, {end})" for start, end in zip([0, *starts], [*starts, None], strict=True))
    cut = rf"'\t'.join(line[a:b].strip() for a, b in [{ends}])"
    return f'Put tabs between them: python3 -c "import sys; [print({cut}) for line in sys.stdin]" < FILE > FILE.tsv'


def with_rule(head: Head, row: bytes, delimiter: str) -> bytes:
    """Return the row at the top together with the rule below it, as Markdown and programs for terminals draw it."""
    if delimiter not in RULED:  # a slow producer must not have to go on before its header is read
        return row
    below = head.line_behind(len(row))
    parts = BETWEEN.split(below.strip(b"|+ \t\r\n"))
    is_rule = all(DASHES.fullmatch(part) and (b"|" in below or len(part) >= LEAST_DASHES) for part in parts)
    return row + below if is_rule else row


def has_row_names(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Tell whether each row has a name in front, above which there is none, as R writes tables: a text or a whole
    number, no two alike. A delimiter at the end of all rows is another matter."""
    if not below or any(len(row) != len(first) + 1 for row in below) or not any(row[-1].strip() for row in below):
        return False
    names = [bare(row[0]) for row in below]
    return len({*names}) == len(names) and not any(looks_like_number(name) and not name.isdigit() for name in names)


def refuse_more_names(
    rows: Sequence[Sequence[str]],
    measured: Collection[int],
    target: int,
    missing: tuple[str, ...],
    place: Place,
) -> None:
    """Raise DataError where the first of some rows go on with the header, as units and the questions of a survey do:
    they have words where the columns `measured` have numbers and dates, and no number and no class."""
    if not rows or any(map(looks_like_number, rows[0])):  # as nearly always
        return
    rows = [[cell.strip(BLANKS) for cell in row] for row in rows]
    n = 0
    while n < min(MOST_ROWS, len(rows) - 1) and _is_of_names(rows[n], rows[n + 1 :], measured, target, missing):
        n += 1
    if not n:
        return
    found, above = rows[:n], place.above
    skip = f"{mention('skip_rows', above)} " if above and not place.is_told else ""
    remedy = f"Add {skip}{mention('header_rows', n + 1)} if they belong to the names of the columns"
    if all(rows[n - 1]) and looks_like_header(rows[n - 1]) and not any("\n" in cell for row in found for cell in row):
        remedy += f", or {mention('skip_rows', place.line + n - 2)} if the last of them has the names"
    names = listing([quoted(cell) for cell in rows[0] if cell], 4)
    problem = (
        f"expected a row, found {'a line that looks' if n == 1 else f'{n} lines that look'} like more names: {names}"
    )
    raise DataError(f"{place.where}:{place.line}", problem, remedy)


def _is_of_names(
    row: Sequence[str], below: Sequence[Sequence[str]], measured: Collection[int], target: int, missing: tuple[str, ...]
) -> bool:
    cells = [cell for cell in row if not is_missing(cell, missing)]
    if all(not cell.strip("-=") for cell in cells):  # a rule
        return False
    if any(map(looks_like_number, cells)) or any(days_of(cell) is not None for cell in cells):
        return False
    classes = {other[target] for other in below}
    has_words = any(not is_missing(row[i], missing) for i in measured)
    return has_words and (is_missing(row[target], missing) or row[target] not in classes)
