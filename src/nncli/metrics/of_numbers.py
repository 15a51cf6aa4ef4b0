"""The metrics of numbers, of which y_i is the true one of row i and ŷ_i the predicted one; each is registered in
`definitions.py`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.metric import MeanOfRows, Metric
from nncli.metrics.rows import Floats, ScoredRows
from nncli.system.order_statistics import median_of


class RootMeanSquaredError(Metric):
    """√((1/n) Σ_i (ŷ_i − y_i)²), in the unit of the target"""

    title = "RMSE"
    meaning = "how far predictions are off, where large errors weigh most; in the unit of the target"
    needs = "numbers"
    higher_is_better = False
    most = math.inf

    def evidence(self, rows: ScoredRows) -> Floats:
        squares: Floats = (rows.predicted - rows.y)[:, None] ** 2
        return squares

    def values(self, evidence: NDArray[Any], y: NDArray[Any], counts: Floats) -> Floats:
        values: Floats = np.sqrt(counts @ evidence[:, 0] / counts.sum(axis=1))
        return values

    def value(self, rows: ScoredRows) -> float:
        return math.sqrt(self.evidence(rows).mean())

    def own_interval(self, rows: ScoredRows, z: float) -> tuple[str, tuple[float, float]] | None:
        if rows.groups is not None:
            return None
        from nncli.metrics.mean_interval import skewed_interval

        low, high = skewed_interval(self.evidence(rows)[:, 0], z)
        return "Hall", (math.sqrt(low), math.sqrt(high))


class MeanAbsoluteDeviation(MeanOfRows):
    """(1/n) Σ_i |ŷ_i − y_i|, in the unit of the target"""

    title = "MAE"
    meaning = "how far predictions are off on average, in the unit of the target"
    needs = "numbers"
    higher_is_better = False

    def contributions(self, rows: ScoredRows) -> Floats:
        return np.abs(rows.predicted - rows.y)


class MedianAbsoluteError(Metric):
    """median of |ŷ_i − y_i|, in the unit of the target"""

    title = "median absolute error"
    meaning = "half of the predictions are off by no more than this"
    needs = "numbers"
    higher_is_better = False
    most = math.inf

    def evidence(self, rows: ScoredRows) -> Floats:
        return np.abs(rows.predicted - rows.y)[:, None]

    def values(self, evidence: NDArray[Any], y: NDArray[Any], counts: Floats) -> Floats:
        order = np.argsort(evidence[:, 0], kind="stable")
        x, upto = evidence[order, 0], counts[:, order].cumsum(axis=1)
        half = upto[:, -1:] / 2  # of an even number of rows, the mean of the two in the middle
        return (x[(upto >= half).argmax(axis=1)] + x[(upto > half).argmax(axis=1)]) / 2

    def value(self, rows: ScoredRows) -> float:
        return median_of(self.evidence(rows)[:, 0])

    def own_interval(self, rows: ScoredRows, z: float) -> tuple[str, tuple[float, float]] | None:
        if rows.groups is not None:
            return None
        from nncli.metrics.mean_interval import median_interval

        return "order", median_interval(self.evidence(rows)[:, 0], z)


class CoefficientOfDetermination(Metric):
    """1 − Σ_i (ŷ_i − y_i)² / Σ_i (y_i − ȳ)², the share of the variance that is explained"""

    title = "R²"
    meaning = (
        "the share of the differences between the true numbers that the model explains: 1 is perfect, 0 is nothing"
    )
    needs = "numbers"
    least = -math.inf

    def evidence(self, rows: ScoredRows) -> Floats:
        return np.stack([rows.y - rows.y.mean(), rows.predicted - rows.y], axis=1)

    def values(self, evidence: NDArray[Any], y: NDArray[Any], counts: Floats) -> Floats:
        n, (centred, error) = counts.sum(axis=1), evidence.T
        variance = counts @ centred**2 / n - (counts @ centred / n) ** 2
        found = np.full(len(counts), np.nan)
        np.divide(counts @ error**2 / n, variance, out=found, where=variance > 0)
        return 1 - found

    def value(self, rows: ScoredRows) -> float:
        centred, error = self.evidence(rows).T
        return 1 - float(error @ error) / float(centred @ centred)

    def problem(self, rows: ScoredRows) -> tuple[str, str] | None:
        if not rows.K and np.ptp(rows.y) == 0:
            return "all of them have the same number", "Use rmse"
        return super().problem(rows)
