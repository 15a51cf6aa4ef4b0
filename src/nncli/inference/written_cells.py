"""Cells as they are written, in CSV and in JSON: of few rows lists of texts, of more pyarrow string arrays. Both ways
give the same text."""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow_conversion import cast, number_array, string_array, take
from nncli.system.numbers import NUMBER

FEW_ROWS = 32  # for which each call of Arrow takes longer than all of them in Python
LOADING = 16  # times as many are written before pyarrow is loaded, which takes 40 ms
FORMULA = "^[ \t\r\n]*[=+\\-@＝＋－＠]|^[\t\r\n]"  # the list of the Open Worldwide Application Security Project
PLAIN_DIGITS = 10  # before the point, of a number that is written without an exponent


class Cells:
    """Texts that stand in many rows."""

    def __init__(self, cells: Sequence[str]) -> None:
        self.cells = cells

    @functools.cached_property
    def array(self) -> Any:
        """Return them as a pyarrow string array."""
        return string_array(self.cells)

    def at(self, places: NDArray[np.int64]) -> Any:
        """Return the texts at these places: of few a list, of more a pyarrow string array."""
        return [self.cells[i] for i in places.tolist()] if are_few(len(places)) else take(self.array, places)


def are_few(rows: int) -> bool:
    """Tell whether so many rows are written without pyarrow. What are not few stay so."""
    return rows <= (FEW_ROWS if "pyarrow" in sys.modules else FEW_ROWS * LOADING)


def number_column(numbers: NDArray[Any]) -> Any:
    """Write numbers (n,) in the fewest digits that are read as the same: of few a list, of more a pyarrow string
    array."""
    if not are_few(len(numbers)):
        import pyarrow as pa

        return cast(number_array(numbers), pa.string())
    return [*map(_as_arrow_writes, numbers.astype("U32").tolist())]


def _as_arrow_writes(number: str) -> str:
    """Write a number, in the digits of NumPy, as Arrow does: without a last .0, and with an exponent where it is below
    1e-6 or from 1e10 on."""
    number = number.removesuffix(".0")
    is_plain = "e" not in number and len(number.partition(".")[0]) <= PLAIN_DIGITS
    if is_plain or not number[-1].isdigit():  # inf and nan
        return number
    sign = "-" * number.startswith("-")
    mantissa, _, exponent = number.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - len(whole + fraction) + len(digits)  # digits before it
    digits = digits.rstrip("0")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if 0 < point <= PLAIN_DIGITS:
        rest = digits[point:]
        return f"{sign}{digits[:point].ljust(point, '0')}{'.' if rest else ''}{rest}"
    return f"{sign}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{point - 1:+d}"


def json_quoted(cell: str) -> str:
    return json.dumps(cell, ensure_ascii=False)


def csv_quoted(cell: str) -> str:
    """Quote a cell for CSV where it needs that."""
    return '"' + cell.replace('"', '""') + '"' if any(character in cell for character in ',"\r\n') else cell


def escaped(cell: str) -> str:
    """Escape a cell that a spreadsheet would run as a formula."""
    return f"'{cell}" if re.match(FORMULA, cell) and not NUMBER.fullmatch(cell) else cell


def escaped_column(column: Any) -> Any:
    import pyarrow.compute as pc

    formula = pc.match_substring_regex(column, FORMULA)
    is_text = pc.invert(pc.match_substring_regex(column, f"^{NUMBER.pattern}$"))
    return pc.if_else(pc.and_(formula, is_text), pc.binary_join_element_wise("'", column, ""), column)


def quoted_column(column: Any) -> Any:
    import pyarrow.compute as pc

    needs = pc.match_substring_regex(column, '[,"\r\n]')
    if not pc.any(needs).as_py():
        return column
    escaped = pc.replace_substring(column, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', escaped, '"', ""), column)
