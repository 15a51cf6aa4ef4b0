"""Work out the inputs that dates become."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.column_statistics import blocks_of
from nncli.data.dataset import Positions, Table
from nncli.data.dates import INPUTS, inputs_of

SUMMER_TIME = 1.5 / 24  # days, more than an hour
NO_HOURS = "; the hour is no input: add a column of it if it matters"


def first_day(days: Any, rows: Positions) -> float:
    """Return the first of some days, in days since 1970; 0 where all are missing."""
    first = min((np.fmin.reduce(block, initial=np.inf) for block in blocks_of(days, rows)), default=np.inf)
    return float(first) if np.isfinite(first) else 0.0


def have_hours(days: Any, rows: Positions) -> bool:
    """Tell whether some days, in days since 1970, have times of day that differ; by an hour they may for the zone's
    summer time alone."""
    low, high = np.inf, -np.inf
    for block in blocks_of(days, rows):
        of_day = np.mod(block, 1)  # in UTC; NaN where a date is missing
        low, high = np.fmin.reduce(of_day, initial=low), np.fmax.reduce(of_day, initial=high)
    return bool(high - low > SUMMER_TIME)


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
