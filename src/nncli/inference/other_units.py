"""Tell of columns whose first rows are all unlike the training rows: in another unit, or in other words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from nncli.data.column_profile import ColumnProfile
from nncli.data.dataset import Schema, Table
from nncli.errors import listing
from nncli.guards.lines import MOST_LINES, and_more
from nncli.system.output import counted, in_quotes, shortened

FIRST_ROWS = 1000  # of a source: another unit is in all of them
LEAST_CELLS = 10  # that are new, where all are: fewer may be so by chance


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

    @property
    def told(self) -> list[str]:
        """Name the columns of which most numbers are far."""
        return [self.names[i] for i in np.flatnonzero(2 * self.far > self.there)]

    def notes(self) -> list[str]:
        """Warn of the columns of which most numbers are far, the first few by name."""
        found, columns = [], np.flatnonzero(2 * self.far > self.there)
        for i in columns[:MOST_LINES]:
            its, far = self.columns[i], int(self.far[i])
            rows = f"{far:,} of the first {counted(self.rows, 'row')} {'is' if far == 1 else 'are'}"
            low, high = (f"{end:.0f}" if its.whole else f"{end:.6g}" for end in (its.low, its.high))
            known = f"{low} to {high} in the training rows"
            found.append(
                f"warning: column {in_quotes(its.name)}: {rows} far outside its range ({known}): another unit?"
            )
        return [*found, *and_more(len(columns), "numbers far outside their range")]


class NewCategories:
    """Counts, in the first rows of a source, the cells of each column of text, and those that training did not have."""

    def __init__(self, categories: Mapping[str, Sequence[str | None]]) -> None:
        self.categories = {name: [value for value in its if value is not None] for name, its in categories.items()}
        self.rows = 0
        self.unseen, self.there = Counter[str](), Counter[str]()

    def look(self, table: Table, unseen: Mapping[str, int]) -> None:
        """Look at some rows with so many new cells by column, as long as there were few rows before them."""
        if self.rows >= FIRST_ROWS:
            return
        self.rows += len(table)
        self.unseen.update(unseen)
        self.there.update({name: int(np.count_nonzero(table.texts[name].codes[:] >= 0)) for name in self.categories})

    @property
    def told(self) -> list[str]:
        """Name the columns of which no cell has a category that the model knows."""
        return [name for name, n in self.unseen.items() if n == self.there[name] >= LEAST_CELLS]

    def notes(self) -> list[str]:
        """Warn of the columns of which no cell has a category that the model knows, the first few by name."""
        found = [
            f"warning: column {in_quotes(name)}: none of its first {self.there[name]:,} cells has a category that the "
            f"model knows ({listing(map(shortened, self.categories[name]))}): written in another way?"
            for name in self.told[:MOST_LINES]
        ]
        return [*found, *and_more(len(self.told), "no category that the model knows")]
