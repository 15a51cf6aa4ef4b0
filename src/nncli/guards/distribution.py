"""The distribution of the training columns, and of what a model predicts, as a model file keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.column_statistics import ROWS_AT_ONCE, blocks_of
from nncli.data.dataset import Positions, Table
from nncli.data.preprocess import Preprocess
from nncli.data.sparse_numbers import is_sparse
from nncli.guards.bins import BINS, EDGES, Floats, counts_of, edges_of, padded

SAMPLE_ROWS, SAMPLE_CELLS = 5_000, 2_000_000  # training rows, evenly spaced, whose values are put in bins
LEAST_ROWS = 1_000  # in bins, however many columns there are
MOST_COLUMNS = 5_000  # of numbers and dates; of wider tables nothing is kept


@dataclass(frozen=True)
class Predictions:
    """How many rows that the model was not fitted to (those for validation) are predicted each class, or a number in
    each bin between the edges."""

    edges: tuple[float, ...]  # of numbers; of classes there are none
    counts: tuple[int, ...]

    @classmethod
    def of_classes(cls, predicted: NDArray[np.int64], K: int) -> Predictions:
        """Count the predicted classes, of K."""
        return cls((), tuple(np.bincount(predicted, minlength=K).tolist()))

    @classmethod
    def of_numbers(cls, predicted: NDArray[np.float64]) -> Predictions:
        """Count the predicted numbers in bins of about as many each."""
        values = np.sort(predicted)
        edges = edges_of(values)
        counts = counts_of(values, edges)[: len(edges) + 1]
        return cls(tuple(edges.tolist()), tuple(counts.astype(int).tolist()))


@dataclass(frozen=True)
class Distribution:
    """Statistics of the k columns of numbers and dates in the training rows, numbers first, each in their order. The
    counts of categories follow from the mean inputs of `Preprocess`: see `category_counts`."""

    rows: int  # for training
    sampled: int  # of which the values are counted in bins
    ranges: Floats  # (k, 3): the lowest and highest value, and how many are missing
    edges: Floats  # (numbers, 9): the largest value of each bin but the last, NaN behind those there are
    counts: Floats  # (numbers, 11): of the sampled values in each bin, and at last of the missing ones
    predictions: Predictions | None = None  # None: there were no validation rows

    @classmethod
    def fit(cls, table: Table, rows: Positions, fitted: Preprocess) -> Distribution | None:
        """Describe the training rows of a table, with what was fitted to them; None for too many columns, and for
        numbers that are stored sparse, as a column that is nearly always 0 has no bins.

        Ranges and missing values are those of all rows, bins those of evenly spaced ones. All pixels have one range,
        from 0 to the highest of all.
        """
        own, d = fitted.statistics, len(table.number_names)
        if own is None or d + len(table.dates) > MOST_COLUMNS or is_sparse(table.numbers):
            return None
        ranges = [np.column_stack([own.low, own.high, own.missing])]
        if fitted.scaling == "pixels":
            ranges[0][:, :2] = 0, own.high.max(initial=0)
        ranges += [_range_of_dates(days, rows) for days in table.dates.values()]
        size = min(SAMPLE_ROWS, max(LEAST_ROWS, SAMPLE_CELLS // max(1, d)))
        sample = rows[:: -(-len(rows) // size)]
        edges, counts = np.empty((d, EDGES)), np.zeros((d, BINS + 1))
        columns = np.sort(np.ascontiguousarray(table.numbers[sample].T), axis=1) if d else ()  # missing ones come last
        for i, column in enumerate(columns):
            known = column if column.dtype == np.uint8 else column[: np.count_nonzero(column == column)]
            its = edges_of(known)
            edges[i] = padded(its)
            counts[i] = *counts_of(known, its), len(column) - len(known)
        return cls(len(rows), len(sample), np.concatenate(ranges), edges, counts)

    def check(self, numbers: int, dates: int, K: int) -> None:
        """Raise ValueError for what no training rows of so many columns, and classes (0: a number), could have."""
        k = numbers + dates
        shapes = self.ranges.shape, self.edges.shape, self.counts.shape
        if shapes != ((k, 3), (numbers, EDGES), (numbers, BINS + 1)) or not 1 <= self.sampled <= self.rows:
            raise ValueError("a distribution of other columns or rows")
        low, high, missing = self.ranges.T
        if not (np.isfinite(self.ranges).all() and (low <= high).all() and _are_counts(missing, self.rows)):
            raise ValueError("ranges that no columns have")
        known = self.edges == self.edges
        steps = np.diff(self.edges, axis=1)
        if np.isinf(self.edges).any() or (known[:, 1:] > known[:, :-1]).any() or (steps <= 0).any():
            raise ValueError("edges of bins that are not in order")
        if not _are_counts(self.counts, self.sampled) or (self.counts.sum(axis=1) != self.sampled).any():
            raise ValueError("counts of other rows")
        its = self.predictions
        if its is not None:
            bins = len(its.edges) + 1 if K == 0 else K
            if len(its.counts) != bins or len(its.edges) > (0 if K else EDGES) or sum(its.counts) < 1:
                raise ValueError("counts of other predictions")
            if not np.isfinite(its.edges).all() or (np.diff(its.edges) <= 0).any():
                raise ValueError("edges of predictions that are not in order")


def category_counts(fitted: Preprocess, rows: int) -> dict[str, Floats]:
    """Return how many training rows had each category of each column of text, any other value, and none: the shares are
    the mean inputs."""
    found, at = dict[str, Floats](), fitted.n_numbers
    assert fitted.mean is not None
    for name, categories in fitted.categories.items():
        its = np.rint(fitted.mean[at : at + len(categories) + 1] * rows)
        at += len(its)
        is_missing = [category is None for category in categories] + [False]
        found[name] = np.append(its[~np.array(is_missing)], its[is_missing].sum())
    return found


def _are_counts(values: NDArray[Any], most: int) -> bool:
    return bool(((values >= 0) & (values <= most) & (values == np.rint(values))).all())


def _range_of_dates(days: Any, rows: Positions) -> Floats:
    """Return the first and last date, and how many are missing; 0 to 0 where all are."""
    low, high, missing = np.inf, -np.inf, 0
    for block in blocks_of(days, rows, at_once=ROWS_AT_ONCE):
        low, high = np.fmin.reduce(block, initial=low), np.fmax.reduce(block, initial=high)
        missing += int(np.count_nonzero(block != block))
    return np.array([[low, high, missing] if low <= high else [0.0, 0.0, missing]])
