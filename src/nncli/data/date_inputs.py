"""Work out the inputs that dates become."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.column_statistics import blocks_of
from nncli.data.dataset import Positions, Table
from nncli.data.dates import INPUTS, inputs_of


def first_day(days: Any, rows: Positions) -> float:
    """Return the first of some days, in days since 1970; 0 where all are missing."""
    first = min((np.fmin.reduce(block, initial=np.inf) for block in blocks_of(days, rows)), default=np.inf)
    return float(first) if np.isfinite(first) else 0.0


class DateInputs:
    """Hold the inputs of all dates, (n, 3 for each), which are worked out for the rows that are asked for."""

    dtype = np.dtype(np.float64)

    def __init__(self, table: Table, dates: tuple[tuple[str, float], ...]) -> None:
        self.table, self.dates = table, dates
        self.shape = len(table), len(INPUTS) * len(dates)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> NDArray[np.float64]:
        n = len(range(*rows.indices(len(self)))) if isinstance(rows, slice) else len(rows)
        made = (inputs_of(self.table.dates[name][rows], first) for name, first in self.dates)
        return np.column_stack([np.empty((n, 0)), *made])
