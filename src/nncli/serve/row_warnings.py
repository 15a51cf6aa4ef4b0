"""Warn of what is out of the ordinary in each row, by the rules and in the words of `predict`.

That is a category that the model has not seen, a value that is missing where none was in training, and a number or date
outside of the training range.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.category_inputs import spelled_flags
from nncli.data.column_profile import ColumnProfile
from nncli.data.dataset import Table
from nncli.guards.bins import Floats, as_of
from nncli.guards.guard import MARGIN, widened
from nncli.guards.lines import A_GUESS
from nncli.guards.shares import written_date, written_number
from nncli.model.model import Model
from nncli.system.output import in_quotes, shortened

MOST_WARNINGS = 10  # of a row


@dataclass
class Oddities:
    """Number of cells by column that are out of the ordinary, one count for each kind."""

    unseen: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)  # of the training range by more than a tenth of it

    def update(self, other: Oddities) -> None:
        """Add the counts of other rows."""
        for name, counts in vars(self).items():
            counts.update(getattr(other, name))


class RowWarnings:
    """Looks at rows for a model. What it knows of its training rows decides what is out of the ordinary: of a model
    without statistics of these, the ranges of its training file, and any missing value."""

    def __init__(self, model: Model) -> None:
        profile = {column.name: column for column in model.schema.profile}
        self.names, self.dates = model.schema.of_kind("number"), model.schema.of_kind("date")
        self.columns = [profile.get(name, ColumnProfile(name, "number")) for name in self.names]
        known = model.distribution
        if known is not None:
            self.ranges, unused = known.ranges[:, :2], model.preprocess.scale[: len(self.names)] == 0
            self.counts_missing = (known.ranges[:, 2] == 0) & ~np.append(unused, np.zeros(len(self.dates), bool))
            self.why = "missing where no value was in training"
        else:
            ends = [(one.low, one.high) for one in self.columns] + [(None, None)] * len(self.dates)
            self.ranges = np.array([(np.nan, np.nan) if low is None else (low, high) for low, high in ends])
            self.ranges = self.ranges.reshape(-1, 2)
            unused = np.isnan(self.ranges[: len(self.names), 0])
            self.counts_missing, self.why = np.ones(len(ends), bool), "missing"
        self.limits = widened(np.nan_to_num(self.ranges), MARGIN)
        self.limits[:, : len(self.names)][:, unused] = [[-np.inf], [np.inf]]
        if known is None:
            self.limits[:, len(self.names) :] = [[-np.inf], [np.inf]]
        self._of_type: dict[np.dtype[Any], tuple[Floats, Floats]] = {}
        self.known = {
            name: {*categories, *spelled_flags(categories)} for name, categories in model.preprocess.categories.items()
        }

    def look(self, table: Table, counts: Oddities, unknown: Mapping[str, NDArray[np.int64]]) -> dict[int, list[str]]:
        """Return the warnings of the rows that have some, and add their cells to the counts; `unknown` has the rows of
        texts with none of the words of training, by column."""
        found: dict[int, list[str]] = {}
        numbers = table.numbers
        low, high = self._limits_of(numbers.dtype)
        odd = ~((numbers >= low) & (numbers <= high))  # a missing one is neither
        if odd.any():
            rows, places = np.nonzero(odd)
            for i, j in zip(rows.tolist(), places.tolist(), strict=True):
                self._add(found, i, j, float(numbers[i, j]), counts)
        for j, name in enumerate(self.dates, start=len(self.names)):
            days = table.dates[name]
            for i in np.flatnonzero(~((days >= self.limits[0, j]) & (days <= self.limits[1, j]))).tolist():
                self._add(found, i, j, float(days[i]), counts)
        for name, known in self.known.items():
            column = table.texts[name]
            words = {i: value for i, value in enumerate(column.values) if value not in known}
            if words:
                for i in np.flatnonzero(np.isin(column.codes, [*words])).tolist():
                    counts.unseen[name] += 1
                    word = in_quotes(shortened(words[int(column.codes[i])]))
                    _add(found, i, name, f"{word} is a category that the model has not seen")
            missing = np.flatnonzero(column.codes < 0).tolist()
            counts.missing.update({name: len(missing)} if missing else {})
            for i in missing if None not in known else ():
                _add(found, i, name, f"{self.why}: it counts as an unseen category")
        for name, rows in unknown.items():
            counts.unseen[name] += len(rows)
            for i in rows.tolist():
                _add(found, i, name, "it has none of the words of training")
        for lines in found.values():
            if len(lines) > MOST_WARNINGS:
                lines[MOST_WARNINGS:] = [f"and {len(lines) - MOST_WARNINGS:,} more"]
        return found

    def _limits_of(self, dtype: np.dtype[Any]) -> tuple[Floats, Floats]:
        if dtype not in self._of_type:
            low, high = self.limits[:, : len(self.names)]
            self._of_type[dtype] = as_of(low, dtype), as_of(high, dtype)
        return self._of_type[dtype]

    def _add(self, found: dict[int, list[str]], i: int, j: int, value: float, counts: Oddities) -> None:
        """Count a number or date that is missing or outside, of row i and column j, and warn of it."""
        name = (*self.names, *self.dates)[j]
        if value != value:
            counts.missing[name] += 1
            if self.counts_missing[j]:
                _add(found, i, name, f"{self.why}: it counts as the median of its column")
            return
        counts.outside[name] += 1
        is_number = j < len(self.names)
        write = written_number if is_number else written_date
        low, high = map(write, self.ranges[j].tolist())
        guess = "another unit?" if is_number and self.columns[j].is_far(value) else A_GUESS
        _add(found, i, name, f"{write(value)} is outside of the training range, {low} to {high}: {guess}")


def _add(found: dict[int, list[str]], row: int, name: str, what: str) -> None:
    found.setdefault(row, []).append(f"column {in_quotes(name)}: {what}")
