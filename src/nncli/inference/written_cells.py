"""Cells as they are written, in CSV and in JSON: of few rows lists of texts, of more pyarrow string arrays."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow_conversion import string_array, take
from nncli.system.numbers import NUMBER

FEW_ROWS = 32  # for which each call of Arrow takes longer than all of them in Python
FORMULA = "^[ \t\r\n]*[=+\\-@＝＋－＠]|^[\t\r\n]"  # the list of the Open Worldwide Application Security Project


class Cells:
    """Texts that stand in many rows."""

    def __init__(self, cells: Sequence[str]) -> None:
        self.cells, self.array = cells, string_array(cells)

    def at(self, places: NDArray[np.int64]) -> Any:
        """Return the texts at these places: of few a list, of more a pyarrow string array."""
        return [self.cells[i] for i in places.tolist()] if len(places) <= FEW_ROWS else take(self.array, places)


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
