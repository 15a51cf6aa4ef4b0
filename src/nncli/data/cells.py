"""Read cells of tables in any format: as numbers, text, dates, classes or missing values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow_conversion import cast, string_array, vector
from nncli.data.dataset import TextColumn, canonical
from nncli.data.dates import days_of
from nncli.data.spellings import Spelling, in_another_way
from nncli.errors import DataError
from nncli.system.characters import composed

DEFAULT_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")
NAN_SPELLINGS = tuple("".join(parts) for parts in product("nN", "aA", "nN"))
BLANKS = " \t"
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# around a text: blanks of any kind, also of no width; soft hyphens, byte order marks, marks of direction
UNSEEN = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200b\u200c\u200d\u200e\u200f\u2060\u00ad\ufeff"
)
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
INFINITY = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
SHOWN = 40  # characters of a cell, in messages
MOST_COLUMNS = 100_000  # of a table, and pixels of a picture


class PlainNumber(str):
    """The text of a number in a table that has numbers itself, as JSON has: its point is a decimal point, however the
    cells of its column were written in training."""

    __slots__ = ()


def is_missing(cell: str, missing: tuple[str, ...] | frozenset[str]) -> bool:
    """Tell whether a cell without blanks around it means a missing value."""
    if cell in missing or (len(cell) == 3 and cell.lower() == "nan"):
        return True
    return not cell.isascii() and composed(cell) in missing


def decimal_as_point(text: str, decimal: str) -> str:
    """Write a point for each decimal sign; "?", which is no number, for a text with a point beside another sign."""
    return text if decimal == "." else "?" if "." in text else text.replace(decimal, ".")


def as_number(cell: str, decimal: str) -> str | None:
    """Write the number of a cell as Python does; None if it is no number."""
    cell = decimal_as_point(cell, decimal)
    return cell if NUMBER.fullmatch(cell) else None


@lru_cache(10_000)  # of a thousand columns, most hold the same numbers
def is_number(cell: str, decimal: str = ".") -> bool:
    """Tell whether a cell is a number, whatever nobody sees around it."""
    return as_number(bare(cell), decimal) is not None


def column_number(cell: str, spelling: Spelling | None, decimal: str) -> str | None:
    """Write the number of a cell as Python does, read as its column has them; None if it is none of these."""
    if isinstance(cell, PlainNumber):
        return as_number(cell, ".") if spelling is None or spelling.takes_numbers else None
    return spelling.number(cell) if spelling else as_number(cell, decimal)


def in_spelling(cell: str, spelling: Spelling | None) -> str:
    """Write a cell as its column is spelled if it is a `PlainNumber`, else as it is."""
    is_other = isinstance(cell, PlainNumber) and spelling is not None and spelling.takes_numbers
    return cell.replace(".", spelling.decimal) if is_other and spelling else cell


def later_number(cell: str, spelling: Spelling | None, decimal: str) -> str | None:
    """Write the number of a cell in rows that come after training: as its column has them, or in another way that has
    one meaning; true and false are 1 and 0. None if it is no number."""
    number = spelling.number(cell) if spelling else as_number(cell, decimal)
    if number is None:
        truth = {"true": "1", "false": "0"}.get(cell.lower())
        number = truth or in_another_way(cell, spelling or Spelling(decimal=decimal))
    return number


def bare(text: str) -> str:
    """Strip blanks of any kind, also the no-break space, and characters that nobody sees; and what programs write
    around a text so that Excel takes it for one, as in ="00501"."""
    text = text.strip()
    text = text if text.isascii() else text.strip(UNSEEN)
    return text[2:-1] if is_excel_text(text) else text


def is_excel_text(cell: str) -> bool:
    """Tell whether a cell is a formula that is a text, as ="00501"."""
    return cell.startswith('="') and cell[-1] == '"' and len(cell) > 2


def normalized(text: str) -> str:
    """Strip what nobody sees around a text, and compose characters that are written as two (NFC)."""
    return composed(bare(text))


def quoted(cell: str) -> str:
    """Write a cell as messages show it."""
    cell = cell if len(cell) <= SHOWN else cell[: SHOWN - 1] + "…"
    return "'" + cell.replace("\r", "\\r").replace("\n", "\\n") + "'"


def check_width(columns: int, where: str, what: str = "columns", most: int | None = None) -> None:
    """Raise DataError for more columns than a table, or than `most`, may have."""
    most = most or MOST_COLUMNS
    if columns > most:
        raise DataError(where, f"expected at most {most:,} {what}, found {columns:,}")


def later_days(cell: str, spelling: Spelling | None) -> float | None:
    """Return the days since 1970 of a cell in rows that come after training: a date as its column has them, or as
    2026-11-21, which has one meaning. None if it is no date."""
    found = spelling.days(cell) if spelling else None
    is_plain = spelling is None or ISO_DATE.match(cell) is not None
    return days_of(cell) if found is None and is_plain else found


def days(column: TextColumn, spelling: Spelling | None = None, later: bool = False) -> NDArray[np.float64]:
    """Read a column of text as dates, in days since 1970; `later` as `later_days` does. Raises ValueError where a text
    is no date."""
    own = spelling.days if spelling else days_of
    found = [later_days(value, spelling) if later else own(value) for value in column.values]
    if None in found:
        raise ValueError("no date")
    return np.array([*found, np.nan], np.float64)[column.codes]  # −1, a missing one, finds the last


def spelled_numbers(column: TextColumn, spelling: Spelling, dtype: str) -> NDArray[Any]:
    """Read a column of text as numbers. Raises ValueError where a text is no number, or too large for the type."""
    import pyarrow as pa

    plain = [spelling.number(value) for value in column.values]
    if None in plain:
        raise ValueError("no number")
    numbers = vector(cast(string_array([*map(str, plain), "nan"]), getattr(pa, dtype)()), dtype)
    if np.isinf(numbers).any():
        raise ValueError("too large")
    return numbers[column.codes]


def rounded(numbers: Sequence[str], dtype: str) -> NDArray[Any]:
    """Return numbers (n,), written as Python does, as floating-point numbers of a type, infinite where they are too
    large for it. They are rounded as Arrow's parser rounds them: once, from the decimal number."""
    exact = np.array([*map(float, numbers)], np.float64)
    if dtype == "float64":
        return exact
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        found = exact.astype(dtype)
        other = np.nextafter(found, np.where(exact > found, np.inf, -np.inf).astype(dtype))
        # half-way between two float32, only the decimal number tells which of them is nearer
        is_between = (exact - found == other - exact) | (np.isinf(found) & np.isfinite(exact))
    if not is_between.any():
        return found
    import pyarrow as pa

    return vector(cast(string_array(numbers), getattr(pa, dtype)()), dtype).copy()


def text_column(
    codes: NDArray[Any], cells: Sequence[str | None], missing: frozenset[str], feature: bool = True
) -> TextColumn:
    """Make a column of codes into these cells, without the blanks of any kind around them, and in the composed form of
    Unicode (NFC), as é may be one character or two; a missing cell has code −1. What is `canonical`ly equal is one
    category; `table_builder` does the same for the classes of a target."""
    values: dict[str, int] = {}
    recode = np.empty(len(cells), np.int32)
    for i, cell in enumerate(cells):
        value = None if cell is None else normalized(cell)
        if value is None or is_missing(value, missing):
            recode[i] = -1
        else:
            recode[i] = values.setdefault(canonical(value) if feature else value, len(values))
    return TextColumn(recode[codes], tuple(values))
