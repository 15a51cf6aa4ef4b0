"""The scale of a numeric target: networks learn standardised numbers, and answer in the unit of the target."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.numeric_target import LARGEST
from nncli.model.conformal import MOST_SCORES, kept_scores, score_that_holds
from nncli.nn.row_loss import Loss
from nncli.system.order_statistics import median_of

SMALLEST = 1 / LARGEST  # standard deviation: squares of what is smaller lose their digits
Vector = NDArray[np.float64]
FIGURES = {"float32": 5, "float64": 13}  # decimal places of standardised numbers that are more than rounding errors


@dataclass(frozen=True)
class TargetScale:
    """Mean, standard deviation and median of the target in the training rows: z = (y − mean) / sd.

    `errors` are how far off validation rows are, the smallest first: of each, or of many at ranks that are evenly
    spread. From them come intervals of predictions.
    """

    mean: float
    sd: float
    median: float
    errors: tuple[float, ...] = ()

    @classmethod
    def of(cls, y: Vector) -> TargetScale:
        """Return the scale of the targets of training rows, which must differ."""
        return cls(float(y.mean()), float(y.std()), median_of(y))

    def scaled(self, y: Vector) -> Vector:
        """Return z, from numbers in the unit of the target."""
        return (y - self.mean) / self.sd

    def numbers(self, Z: NDArray[Any]) -> Vector:
        """Return the predicted numbers (n,), in the unit of the target, from the scores Z (n, 1); places that are
        rounding errors are left out."""
        found: Vector = Z[:, 0].astype(np.float64)
        found *= self.sd
        found += self.mean
        return np.round(found, self.decimals(Z.dtype.name), out=found)

    def unit_of(self, loss: Loss) -> float:
        """Return what a loss of 1 of standardised numbers is in the unit of the target, or in its square."""
        return float(self.sd**loss.power)

    def decimals(self, dtype: str) -> int:
        """Return the decimal place to which predicted numbers are given: beyond it, they are rounding errors."""
        return FIGURES[dtype] - math.floor(math.log10(self.sd))

    def with_errors(self, errors: Vector) -> TargetScale:
        """Return the scale with the distances (n,) of predictions from the targets of validation rows."""
        return dataclasses.replace(self, errors=tuple(kept_scores(errors).tolist()))

    def half_width(self, share: float) -> float | None:
        """Return how far on both sides of its prediction a row's target lies with at least that probability, if rows
        come as those of training did; see `conformal.py`. None where there are too few errors."""
        return score_that_holds(self.errors, share)

    def check(self) -> None:
        """Raise ValueError for a scale that no target has."""
        if not (abs(self.mean) <= LARGEST and SMALLEST <= self.sd <= LARGEST and abs(self.median) <= LARGEST):
            raise ValueError("a scale that no target has")
        errors = np.array(self.errors, np.float64)
        if len(errors) > MOST_SCORES or (np.diff(errors, prepend=0) < 0).any():
            raise ValueError("errors that no validation rows have")
