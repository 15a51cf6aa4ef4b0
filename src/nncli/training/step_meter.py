"""Measure the steps of training: how large the gradients of an epoch are, and how long it takes."""

from __future__ import annotations

import math
import time

from nncli.model.training_state import StepFigures


class StepMeter:
    """Notes the time and the gradients of each epoch, for its figures."""

    def __init__(self) -> None:
        self.began, self.began_epoch = math.nan, math.nan  # moments, in seconds
        self.norms, self.steps = 0.0, 0  # of the epoch so far

    def begin_epoch(self) -> None:
        """Begin to measure an epoch; the first one begins the run."""
        self.began_epoch = time.monotonic()
        self.began = self.began_epoch if math.isnan(self.began) else self.began
        self.norms, self.steps = 0.0, 0

    def add(self, norm: float) -> None:
        """Count a step, whose gradient has the norm ‖g‖."""
        self.norms += norm
        self.steps += 1

    def figures(self, learning_rate: float | None, val_metric: float | None) -> StepFigures:
        """Return the figures of the epoch that ends now, the last step of which had that learning rate."""
        norm, now = self.norms / self.steps if self.steps else None, time.monotonic()
        return StepFigures(val_metric, learning_rate, norm, now - self.began, now - self.began_epoch)
