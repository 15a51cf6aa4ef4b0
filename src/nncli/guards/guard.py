"""The guard of a model: counts, block by block, what new rows have that the training rows had not.

    guard = Guard(distribution, preprocess, classes)
    guard.look(table)                     # as often as there are blocks
    guard.look_at_predictions(predicted)  # positions of classes, or numbers
    report = report_of(guard)             # see report.py

What it keeps does not grow with the rows. Two guards of one model add up: `total.add(guard.state())`, also when they
were in two processes, or one for each request of a server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.category_inputs import spelled_flags
from nncli.data.dataset import Table
from nncli.data.preprocess import Preprocess
from nncli.guards.bins import EDGES, Floats, Integers, count_outside, count_up_to
from nncli.guards.distribution import Distribution, category_counts
from nncli.guards.shares import written_date, written_number
from nncli.system.output import in_quotes, shortened

ALL_BINNED, EACH_BINNED = 4_096, 4  # rows that are all counted in bins, and which of those after them are
MARGIN = 0.1  # of the training range: what lies beyond it by more is outside


class Guard:
    """Counts of new rows, column by column as `Distribution` has them. A value is outside where it lies below or above
    the training range by more than a tenth of it."""

    def __init__(self, distribution: Distribution, fitted: Preprocess, classes: Sequence[str]) -> None:
        self.distribution, self.fitted, self.classes = distribution, fitted, tuple(classes)
        self.numbers, self.dates = fitted.number_names, tuple(name for name, _ in fitted.dates)
        d, k = len(self.numbers), len(distribution.ranges)
        self.limits = widened(distribution.ranges, MARGIN)
        self.rows = self.binned = 0  # all rows, and those of which numbers are counted in bins
        self.known, self.below, self.above = (np.zeros(k, np.int64) for _ in range(3))
        self.binned_known, self.up_to = np.zeros(d, np.int64), np.zeros((d, EDGES), np.int64)
        self.lowest, self.highest = np.full(k, np.inf), np.full(k, -np.inf)
        # of each category that is known, any other text, and a missing cell
        self.slots = {name: [one for one in its if one is not None] for name, its in fitted.categories.items()}
        self.places = {name: {value: i for i, value in enumerate(its)} for name, its in self.slots.items()}
        self.flags = {name: spelled_flags((*its,)) for name, its in self.slots.items()}
        self.texts = {name: np.zeros(len(its) + 2, np.int64) for name, its in self.slots.items()}
        self.unknown = np.zeros(len(fitted.columns_of_words), np.int64)  # texts with none of the words of training
        its_predictions = distribution.predictions
        self.predicted = np.zeros(0 if its_predictions is None else len(its_predictions.counts), np.int64)

    def look(self, table: Table) -> None:
        """Count some rows, whose columns are those of the model."""
        d, n = len(self.numbers), len(table)
        if d and n:
            numbers = table.numbers[:]
            self._add_range(slice(0, d), numbers)
            self._add_bins(numbers)
        for i, name in enumerate(self.dates, start=d):
            self._add_range(slice(i, i + 1), table.dates[name][:][:, None])
        for name in self.texts:
            self.texts[name] += np.bincount(self._slots_of(table, name), minlength=len(self.texts[name]))
        self.rows += n

    def look_at_predictions(self, predicted: NDArray[Any]) -> None:
        """Count what is predicted of some rows: positions of classes, or numbers."""
        known = self.distribution.predictions
        if known is None:
            return
        if not self.classes:
            predicted = np.searchsorted(np.array(known.edges), predicted)
        self.predicted += np.bincount(predicted, minlength=len(self.predicted))

    def look_at_texts(self, unknown: Mapping[str, int]) -> None:
        """Count texts of columns whose words are learned from that have none of the words of training."""
        for i, name in enumerate(self.fitted.columns_of_words):
            self.unknown[i] += unknown.get(name, 0)

    def _add_range(self, columns: slice, block: NDArray[Any]) -> None:
        found = count_outside(block, *self.limits[:, columns])
        self.known[columns] += found.known
        self.below[columns] += found.below
        self.above[columns] += found.above
        np.fmin(self.lowest[columns], found.lowest, out=self.lowest[columns])
        np.fmax(self.highest[columns], found.highest, out=self.highest[columns])

    def _add_bins(self, block: NDArray[Any]) -> None:
        """Count the first rows and then every fourth, by its number among all rows, however they come in blocks."""
        first = min(len(block), max(0, ALL_BINNED - self.rows))
        begin = first + -(self.rows + first) % EACH_BINNED
        parts = [part for part in (block[:first], block[begin::EACH_BINNED]) if len(part)]
        if parts:
            some = parts[0] if len(parts) == 1 else np.concatenate(parts)
            known, up_to = count_up_to(some, self.distribution.edges)
            self.binned += len(some)
            self.binned_known += known
            self.up_to += up_to

    def _slots_of(self, table: Table, name: str) -> Integers:
        """Return where each row of a column of text is counted."""
        place, flags, column = self.places[name], self.flags[name], table.texts[name]
        other = len(place)
        lookup = [place.get(flags.get(value, value), other) for value in column.values]
        return np.array([*lookup, other + 1])[column.codes[:]]  # −1, a missing cell, finds the last

    def first_unlike(self, table: Table) -> tuple[int, str, str] | None:
        """Find the first of some rows that has what no training row had: a number or date far outside (farther beyond
        the training range than that is wide), a missing value in a column that had none, an unseen category, or a text
        with none of the words of training. Return the row, from 0, its column, and what is wrong with it."""
        found, far = list[tuple[int, int, str, str]](), widened(self.distribution.ranges, 1)
        training = category_counts(self.fitted, self.distribution.rows)
        columns = [(name, table.numbers[:, i]) for i, name in enumerate(self.numbers)]
        columns += [(name, table.dates[name][:]) for name in self.dates]
        for i, (name, values) in enumerate(columns):
            (low, high, missing), (least, most) = self.distribution.ranges[i], far[:, i]
            if self.is_unused(i):
                continue
            absent = values != values
            wrong = (values < least) | (values > most) | (absent & (missing == 0))
            if wrong.any():
                row = int(wrong.argmax())
                expected = f"{self.written(i, low)} to {self.written(i, high)}, as in training"
                what = "a missing value" if absent[row] else self.written(i, float(values[row]))
                found.append((row, i, name, f"expected {expected}, found {what}"))
        for i, name in enumerate(self.texts, start=len(columns)):
            slots = self._slots_of(table, name)
            other = len(self.slots[name])
            wrong = (slots == other) & (training[name][-2] == 0)  # else it may be one of the rare ones of training
            if None not in self.fitted.categories[name]:
                wrong |= slots == other + 1
            if wrong.any():
                row = int(wrong.argmax())
                code = int(table.texts[name].codes[row])
                text = "a missing value" if code < 0 else in_quotes(shortened(table.texts[name].values[code]))
                found.append((row, i, name, f"expected a category of training, found {text}"))
        if (words := self.fitted.words) is not None:
            _, unknown = words.transform(table, np.dtype(np.float32))
            for i, name in enumerate(words.columns, start=len(columns) + len(self.texts)):
                if unknown[name].any():
                    row = int(unknown[name].argmax())
                    code = int(table.texts[name].codes[row])
                    text = "an empty cell" if code < 0 else in_quotes(shortened(table.texts[name].values[code]))
                    found.append((row, i, name, f"expected a text with words of training, found {text}"))
        if not found:
            return None
        row, _, name, what = min(found)
        return row, name, what

    def is_unused(self, i: int) -> bool:
        """Tell whether a column of numbers or dates does nothing, as all training rows have the same value."""
        return self.fitted.is_without_effect(i)

    def written(self, i: int, value: float) -> str:
        """Write a value of a column of numbers or dates."""
        return written_number(value) if i < len(self.numbers) else written_date(value)

    def state(self) -> dict[str, Any]:
        """Return the counts as plain values, for `add` of another guard of the same model."""
        ends = {name: [one if np.isfinite(one) else None for one in getattr(self, name).tolist()] for name in ENDS}
        counts = {name: getattr(self, name).tolist() for name in COUNTS}
        return {
            "rows": self.rows,
            "binned": self.binned,
            **counts,
            **ends,
            "texts": [its.tolist() for its in self.texts.values()],
        }

    def add(self, state: Mapping[str, Any]) -> None:
        """Add the counts of another guard of the same model. ValueError for those of another model."""
        new = self.checked(state)
        self.rows += state["rows"]
        self.binned += state["binned"]
        for name in COUNTS:
            getattr(self, name)[...] += new[name]
        for own, its in zip(self.texts.values(), new["texts"], strict=True):
            own += its
        np.fmin(self.lowest, new["lowest"], out=self.lowest)
        np.fmax(self.highest, new["highest"], out=self.highest)

    def checked(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arrays of a state of the form `STATE_FORM`. ValueError for the state of another model."""
        arrays: dict[str, Any] = {name: np.array(state[name], np.int64) for name in COUNTS}
        arrays["up_to"] = arrays["up_to"].reshape(-1, EDGES)  # of no column, too
        for name, worst in ENDS.items():
            arrays[name] = np.array([worst if one is None else one for one in state[name]], np.float64)
        if any(its.shape != getattr(self, name).shape for name, its in arrays.items()):
            raise ValueError("counts of other columns")
        texts = [np.array(its, np.int64) for its in state["texts"]]
        if [its.shape for its in texts] != [its.shape for its in self.texts.values()]:
            raise ValueError("counts of other columns of text")
        return {**arrays, "texts": texts}


def widened(ranges: Floats, by: float) -> Floats:
    """Return the lowest and highest values (2, k) of ranges that are made wider at both ends, by a part of their
    width."""
    low, high = ranges[:, 0], ranges[:, 1]
    most = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        margin = by * high - by * low
        return np.clip(np.array([low - margin, high + margin]), -most, most)


COUNTS = ("known", "below", "above", "binned_known", "up_to", "predicted", "unknown")
ENDS = {"lowest": np.inf, "highest": -np.inf}
COUNT = range(1 << 53)
STATE_FORM = {
    "rows": COUNT, "binned": COUNT, "binned_known": [COUNT],
    "known": [COUNT], "below": [COUNT], "above": [COUNT], "up_to": [[COUNT]], "predicted": [COUNT], "unknown": [COUNT],
    "lowest": [(float, None)], "highest": [(float, None)], "texts": [[COUNT]],
}  # fmt: skip
