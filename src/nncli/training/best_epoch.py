"""Keep the best epoch of a run, and tell how long there has been no better one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nncli.model.training_state import Epoch, first_as_good
from nncli.nn.layers import Array
from nncli.training.evaluator import Validation


class BestEpoch:
    """Keeps θ as it was after the best epoch so far.

    Best is by the metric that the config names. By default it is the lowest validation loss, which has less noise than
    the accuracy of a few rows; the highest accuracy where the loss cannot compare two θ; without validation rows, the
    last epoch. Of epochs that are as good, with the same loss, it is the last one, which has learned most; of the same
    accuracy, the first.
    """

    def __init__(self, theta: Array, by_accuracy: bool) -> None:
        self.theta, self.by_accuracy = theta.copy(), by_accuracy
        self.epoch: Epoch | None = None
        self.least = math.inf  # badness so far: validation loss, share of errors, or of the metric

    def is_beaten_by(self, found: Validation, separates: bool) -> bool:
        """Tell whether an epoch with these figures is the best so far. `separates` tells that it had all training rows
        right: then it is, among epochs that are as good."""
        as_good = found.badness == self.least
        is_best = found.badness < self.least if self.by_accuracy else found.badness <= self.least
        if found.metric is not None and self.epoch and as_good:  # as of a ranking without a fault
            is_best = found.loss <= (self.epoch.val_loss or 0)
        if separates:
            is_best |= as_good
        self.least = min(found.badness, self.least)
        return is_best

    def keep(self, epoch: Epoch, theta: Array) -> None:
        """Keep an epoch, which is the best so far, with its θ."""
        np.copyto(self.theta, theta)
        self.epoch = epoch

    def waited(self, history: Sequence[Epoch]) -> int:
        """Return how many epochs have passed without a better one; one that is only as good keeps no run alive."""
        return len(history) - first_as_good(history, self.epoch.number) if self.epoch else 0
