"""Find columns that are filled in the first row of each block of rows only, as spreadsheets write merged cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LEAST_BLOCKS = 4
NOTE = "only the first row of each block has a value, as after merging cells: copy it down if it holds for all of them"


def merged_columns(columns: Mapping[str, Sequence[str]], values: Mapping[str, NDArray[np.float64]]) -> list[str]:
    """List the columns that are filled so, by the cells of the first rows; `values` are the numbers of those that have
    some. Others that are empty in most rows are filled here and there."""
    empty = {name: cells for name, cells in columns.items() if cells and 2 * cells.count("") >= len(cells)}
    return [name for name, cells in empty.items() if _begins_blocks(cells, values.get(name))]


def _begins_blocks(cells: Sequence[str], values: NDArray[np.float64] | None) -> bool:
    """Tell whether the first cell is filled, none stands below another one or equals the one before it, and numbers
    count up, as those of blocks do, and measurements do not."""
    filled = [(i, cell) for i, cell in enumerate(cells) if cell.strip()]
    apart = all(j - i > 1 and one != other for (i, one), (j, other) in pairwise(filled))
    is_count = values is None or bool((values == np.trunc(values)).all() and (np.diff(values) > 0).all())
    return len(filled) >= LEAST_BLOCKS and filled[0][0] == 0 and apart and is_count
