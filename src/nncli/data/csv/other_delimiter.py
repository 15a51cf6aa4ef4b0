"""Name a delimiter that is not looked for, one that stands between the names alone, and names at the left of rows."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from nncli.data.csv.header import DELIMITERS
from nncli.data.csv.header_row import TARGETS, has_header, looks_like_header
from nncli.data.spellings import looks_like_number
from nncli.errors import DataError, mention

SIGNS = ":^~#*!&@%$/+=<>"  # that some program puts between cells; others stand in words
LEAST_LINES = 3  # that have as many of them


def refuse_other_delimiter(lines: Sequence[str], place: str) -> None:
    """Raise DataError for lines of one cell each that all have as many of some other sign, or of a control
    character."""
    lines = [line for line in (line.rstrip("\r\n") for line in lines) if line]
    first = lines[0] if len(lines) >= LEAST_LINES else ""
    for sign in dict.fromkeys(first):
        n = first.count(sign)
        if (sign in SIGNS or sign < " ") and sign != "\t" and all(line.count(sign) == n for line in lines):
            times = "once" if n == 1 else f"{n} times"
            problem = f"expected a delimiter, as a comma, between cells; found '{sign}' {times} in each line"
            remedy = f"If it is the delimiter, add {mention('delimiter', sign)}"
            if sign < " ":
                problem = f"expected a delimiter, as a comma, between cells; found a control character, {ord(sign)}"
                remedy = f"Put tabs in its place: tr '\\{ord(sign):03o}' '\\t' < FILE > FILE.tsv"
            raise DataError(place, problem, remedy)


def refuse_other_names(line: str, rows: Sequence[Sequence[str]], delimiter: str, place: str) -> None:
    """Raise DataError for a line above rows without names, which a delimiter other than theirs cuts into as many."""
    if has_header([cell.strip() for cell in rows[0]], rows[1:]):
        return
    for other in DELIMITERS:
        names = [name.strip() for name in next(csv.reader([line], delimiter=other), [])]
        if other != delimiter and len(names) == len({*names}) == len(rows[0]) and looks_like_header(names):
            here, there = ("tabs" if sign == "\t" else f"'{sign}'" for sign in (delimiter, other))
            problem = f"expected {here} between the names, as in the rows below, found {there}"
            raise DataError(place, problem, f"Write {here} there too")


def refuse_names_at_the_left(cells: Sequence[str], target: str | None, delimiter: str, place: str) -> None:
    """Raise DataError where the first cells of the rows name the target, once: the table is turned."""
    found = [cell.strip() for cell in cells]
    names = [cell for cell in found if (cell == target if target is not None else cell.lower() in TARGETS)]
    if len(names) != 1 or len({*found}) < len(found) or looks_like_number(names[0]):
        return
    how = f"delimiter={delimiter!r}"
    turn = f"csv.writer(sys.stdout, {how}).writerows(zip(*csv.reader(sys.stdin, {how}), strict=True))"
    problem = f"expected the names of the columns in the first row, found '{names[0]}' in the first column"
    raise DataError(place, problem, f'Turn the table: python3 -c "import csv, sys; {turn}" < FILE > FILE.csv')
