"""The mistakes of a model in groups of rows: in the categories, or the quarters of the numbers, of columns.

How often it is right says little of a group: one of which 95 % are of one class is easy. Of two classes, mistakes are
compared by kind, among the rows of one true class; of more, with as many as the classes of the group let expect.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from nncli.inference.judged_rows import JudgedRows
from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate

MOST_SHOWN = 10  # categories of a column; the others are one group


@dataclass(frozen=True)
class Mistakes:
    """The share of wrong rows among n, and its interval, None of too few; `elsewhere` is what one would expect. They
    are of the rows of one true class, or of all where it is None."""

    true: int | None
    n: int
    share: float
    interval: tuple[float, float] | None
    elsewhere: float

    @property
    def excess(self) -> float:
        """Return how many more there are at least, as a share; below 0 where there may be none more."""
        return -1.0 if self.interval is None else self.interval[0] - self.elsewhere


@dataclass(frozen=True)
class Group:
    """The rows of a column with one category, or in one quarter: how many, how often the model is right, the share of
    each class, and the mistakes of each kind."""

    column: str
    name: str
    n: int
    accuracy: float
    shares: NDArray[np.float64]
    mistakes: tuple[Mistakes, ...]

    @property
    def worst(self) -> Mistakes:
        return max(self.mistakes, key=lambda one: one.excess)


def _groups(of: JudgedRows, name: str) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names of the groups of a column, and the group of each row (n,): categories are in the order of their
    frequency, and behind them are the others, and what is missing."""
    labels, codes = of.groups(name)
    if name in of.table.texts and len(labels) > MOST_SHOWN + 2:
        codes = np.where((codes >= MOST_SHOWN) & (codes < len(labels) - 1), len(labels) - 2, codes)
    return labels, codes


def mistakes_by_group(of: JudgedRows, names: Iterable[str]) -> dict[str, list[Group]]:
    """Return the groups of each of these columns. All intervals together hold with 95 % (Bonferroni)."""
    columns = {name: _groups(of, name) for name in names}
    is_wrong, y, K = of.predicted != of.y, of.y, len(of.model.classes)
    tests = sum(len(np.unique(codes)) for _, codes in columns.values()) * (2 if K == 2 else 1)
    z = NormalDist().inv_cdf(1 - 0.025 / max(1, tests))
    n_true = np.bincount(y, minlength=K)
    of_class = np.bincount(y[is_wrong], minlength=K) / np.maximum(n_true, 1)  # share of wrong rows

    def mistakes(rows: NDArray[np.bool_], true: int | None) -> Mistakes:
        some = of.scored.take(rows if true is None else rows & (y == true))
        elsewhere = float(of_class[some.y].mean()) if len(some) else 0.0
        if not len(some):
            return Mistakes(true, 0, 0.0, None, elsewhere)
        right = estimate(METRICS.create("accuracy"), dataclasses.replace(some, losses=None), z)
        assert right.value is not None
        ends = None if right.interval is None else (1 - right.interval[1], 1 - right.interval[0])
        return Mistakes(true, len(some), 1 - right.value, ends, elsewhere)

    kinds = [of.model.positive, 1 - of.model.positive] if K == 2 else [None]
    found = dict[str, list[Group]]()
    for name, (labels, codes) in columns.items():
        found[name] = []
        for code in np.unique(codes).tolist():
            rows = codes == code
            shares = np.bincount(y[rows], minlength=K) / rows.sum()
            its, right = tuple(mistakes(rows, kind) for kind in kinds), 1 - float(is_wrong[rows].mean())
            found[name].append(Group(name, labels[code], int(rows.sum()), right, shares, its))
    return found
