"""What is out of the ordinary in each row: a category that the model has not seen, a missing value, a number outside
the range of the training rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from nncli.data.column_profile import ColumnProfile
from nncli.data.dataset import Table
from nncli.data.preprocess import spelled_flags
from nncli.model.model import Model
from nncli.system.output import in_quotes, shortened

MOST_WARNINGS = 10  # of a row


@dataclass
class Oddities:
    """Number of cells by column that are out of the ordinary, one count for each kind."""

    unseen: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)  # of the range of the training rows

    def update(self, other: Oddities) -> None:
        """Add the counts of other rows."""
        for name, counts in vars(self).items():
            counts.update(getattr(other, name))


class RowWarnings:
    """Looks at rows for a model. What the model knows of its training rows decides what is out of the ordinary."""

    def __init__(self, model: Model) -> None:
        profile = {column.name: column for column in model.schema.profile}
        self.names = model.schema.of_kind("number")
        self.columns = [profile.get(name, ColumnProfile(name, "number")) for name in self.names]
        self.low = np.array([-np.inf if one.low is None else one.low for one in self.columns])
        self.high = np.array([np.inf if one.high is None else one.high for one in self.columns])
        self.known = {
            name: {*categories, *spelled_flags(categories)} for name, categories in model.preprocess.categories.items()
        }

    def look(self, table: Table, counts: Oddities) -> dict[int, list[str]]:
        """Return the warnings of the rows that have some, and add their cells to the counts."""
        found: dict[int, list[str]] = {}
        numbers = table.numbers
        odd = ~((numbers >= self.low) & (numbers <= self.high))  # a missing one is neither
        if odd.any():
            rows, places = np.nonzero(odd)
            for i, j in zip(rows.tolist(), places.tolist(), strict=True):
                value, name = float(numbers[i, j]), self.names[j]
                if value != value:
                    counts.missing[name] += 1
                    _add(found, i, name, "missing, and taken for the median of the training rows")
                else:
                    counts.outside[name] += 1
                    _add(found, i, name, _outside(self.columns[j], value))
        for name, days in table.dates.items():
            for i in np.flatnonzero(np.isnan(days)).tolist():
                counts.missing[name] += 1
                _add(found, i, name, "missing, and taken for the median of the training rows")
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
                _add(found, i, name, "missing, as it was in no training row")
        for lines in found.values():
            if len(lines) > MOST_WARNINGS:
                lines[MOST_WARNINGS:] = [f"and {len(lines) - MOST_WARNINGS:,} more"]
        return found


def _add(found: dict[int, list[str]], row: int, name: str, what: str) -> None:
    found.setdefault(row, []).append(f"column {in_quotes(name)}: {what}")


def _outside(column: ColumnProfile, value: float) -> str:
    low, high = (f"{end:.0f}" if column.whole else f"{end:.7g}" for end in (column.low, column.high))
    said = f"{value:.7g} is outside its range in the training rows ({low} to {high})"
    return f"{said}: another unit?" if column.is_far(value) else said
