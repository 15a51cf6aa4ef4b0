"""Tell of columns whose first rows are all far outside of the training rows, as in another unit they are."""

from __future__ import annotations

import numpy as np

from nncli.data.column_profile import ColumnProfile
from nncli.data.dataset import Schema, Table
from nncli.system.output import counted, in_quotes

FIRST_ROWS = 1000  # of a source: another unit is in all of them


class FarColumns:
    """Counts, in the first rows of a source, the numbers of each column that are far from those of training."""

    def __init__(self, schema: Schema) -> None:
        of = {column.name: column for column in schema.profile}
        self.names = schema.of_kind("number") if of else ()
        self.columns = [of.get(name, ColumnProfile(name, "number")) for name in self.names]
        self.limits = np.array([column.limits for column in self.columns]).reshape(-1, 2).T
        self.rows = 0
        self.far, self.there = np.zeros((2, len(self.names)), np.int64)

    def look(self, table: Table) -> None:
        """Look at some rows, as long as there were few before them."""
        left = FIRST_ROWS - self.rows
        if left <= 0 or not self.names or table.number_names != self.names:
            return
        some, (low, high) = table.numbers[:left], self.limits
        self.rows += len(some)
        self.far += np.count_nonzero((some < low) | (some > high), axis=0)  # a missing one is neither
        self.there += np.count_nonzero(some == some, axis=0)

    def notes(self) -> list[str]:
        """Warn of each column of which most numbers are far."""
        found = []
        for i in np.flatnonzero(2 * self.far > self.there):
            its, far = self.columns[i], int(self.far[i])
            rows = f"{far:,} of the first {counted(self.rows, 'row')} {'is' if far == 1 else 'are'}"
            low, high = (f"{end:.0f}" if its.whole else f"{end:.6g}" for end in (its.low, its.high))
            known = f"{low} to {high} in the training rows"
            found.append(
                f"warning: column {in_quotes(its.name)}: {rows} far outside its range ({known}): another unit?"
            )
        return found
