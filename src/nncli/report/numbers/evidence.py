"""Work out what a report of a model that predicts numbers is made from."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from nncli.inference.judged_numbers import JudgedNumbers
from nncli.report.evidence import Evidence

GROUPED_COLUMNS, MOST_CATEGORIES = 5, 12  # columns that are looked at by groups, and categories of one that has few
LARGE = 1e9  # from which numbers are written as powers of ten
WIDE = 0.5  # of the MAE, that its interval may be wide


@dataclass(frozen=True)
class EvidenceOfNumbers(Evidence):
    """Work out, once each, the rows, errors and figures that a report of a model that predicts numbers is made from."""

    @property
    def judged(self) -> JudgedNumbers:
        """Return the rows with what was predicted."""
        rows = self.rows
        assert isinstance(rows, JudgedNumbers)
        return rows

    @property
    def metrics(self) -> dict[str, Any]:
        """Return what `eval --json` reports of these rows; no class is the positive one."""
        return self.subject.judged.metrics | {"positive": None}

    @property
    def guess(self) -> tuple[str, float]:
        """Return which of the mean and the median of the training rows is nearer to these rows on average, and its
        mean absolute error."""
        errors = {name: its["mae"] for name, its in self.metrics["baseline"].items()}
        name = min(errors, key=lambda one: errors[one])
        return name, errors[name]

    @property
    def is_vague(self) -> bool:
        """Tell whether the rows are too few to know well how far off the model is."""
        mae, low, high = self.estimate("mae")
        return high - low > WIDE * mae

    @functools.cached_property
    def by_column(self) -> dict[str, list[dict[str, Any]]]:
        """Return the figures of `eval --by` for the columns that matter, and then for those with few categories."""
        texts = [name for name, column in self.rows.table.texts.items() if len(column.values) <= MOST_CATEGORIES]
        names = dict.fromkeys([*self.columns_that_matter(GROUPED_COLUMNS), *texts])
        words = self.model.preprocess.columns_of_words
        some = [name for name in names if name not in words][:GROUPED_COLUMNS]
        return {name: self.judged.by(name) for name in some}


def plain(value: float) -> str:
    """Write a number in the unit of the target in a sentence: three figures, and no power of ten unless it is tiny or
    huge."""
    size = abs(value)
    if 1000 <= size < LARGE:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def within(low: float, high: float) -> str:
    """Write an interval in the unit of the target."""
    return f"95 % interval {plain(low)} to {plain(high)}"
