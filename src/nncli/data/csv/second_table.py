"""Find a second table as wide as the first one, below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

from nncli.data.cells import quoted
from nncli.data.csv.header_row import has_header
from nncli.data.spellings import looks_like_number
from nncli.errors import DataError, mention, write_names

LEAST_ROWS = 3  # of each table


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
