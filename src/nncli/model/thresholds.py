"""Count right and wrong rows at each threshold on the probability of a class, for all figures of thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.config.decision_kinds import NEVER
from nncli.model.decision import Costs

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Thresholds:
    """Thresholds t (m,), the highest first, with how many rows of the positive class (`tp`) and of the other (`fp`)
    have a probability of at least t. They lie half-way between the probabilities of rows, so that rounding moves none,
    or at the higher one where nothing is between; from the first, 1 or `NEVER`, no row is called positive."""

    t: Vector
    tp: Vector
    fp: Vector

    @classmethod
    def of(cls, p: Vector, is_positive: NDArray[np.bool_]) -> Thresholds:
        """Count for the probabilities p (n,) of the positive class, n > 0."""
        order = np.argsort(-p, kind="stable")
        values, found = p[order], np.cumsum(is_positive[order])
        last = np.flatnonzero(np.append(values[1:] != values[:-1], True))  # of the rows with one probability
        below = np.append(values[last[:-1] + 1], 0.0)
        none = 1.0 if values[0] < 1 else NEVER
        half_way = (values[last] + below) / 2
        t = np.where(half_way > below, half_way, values[last])
        tp = np.concatenate([[0.0], found[last]])
        return cls(np.concatenate([[none], t]), tp, np.concatenate([[0.0], last + 1.0]) - tp)

    @property
    def fn(self) -> Vector:
        missed: Vector = self.tp[-1] - self.tp
        return missed

    @property
    def tn(self) -> Vector:
        quiet: Vector = self.fp[-1] - self.fp
        return quiet

    @property
    def recall(self) -> Vector:
        """Return tp / (tp + fn), NaN if there is no positive row."""
        return _ratio(self.tp, self.tp[-1])

    @property
    def precision(self) -> Vector:
        """Return tp / (tp + fp), NaN where no row is called positive."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def false_positive_rate(self) -> Vector:
        """Return fp / (fp + tn), NaN if there is no other row."""
        return _ratio(self.fp, self.fp[-1])

    @property
    def f1(self) -> Vector:
        """Return 2 tp / (2 tp + fp + fn)."""
        return np.nan_to_num(_ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn))

    @property
    def mcc(self) -> Vector:
        """Return Matthews's correlation, 0 where all rows are called the same or are of one class."""
        with np.errstate(over="ignore"):
            sizes = (self.tp + self.fp) * (self.tp + self.fn) * (self.tn + self.fp) * (self.tn + self.fn)
        return np.nan_to_num(_ratio(self.tp * self.tn - self.fp * self.fn, np.sqrt(sizes)))

    def mean_cost(self, costs: Costs, positive: int) -> Vector:
        """Return the mean cost of a row, with the costs C_jk of a row of class j called k."""
        other = 1 - positive
        total = self.tp * costs[positive][positive] + self.fn * costs[positive][other]
        total = total + self.fp * costs[other][positive] + self.tn * costs[other][other]
        mean: Vector = total / (self.tp[-1] + self.fp[-1])
        return mean


def _ratio(part: Vector, whole: Vector | float) -> Vector:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Vector = part / whole
    return found
