"""Take the steps of training, each for all rows of a mini-batch: θ moves along −g, as the optimizer says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nncli.config.resolved import TrainingConfig
from nncli.data.dataset import Positions
from nncli.data.scaled_rows import SparseMatrix
from nncli.model.training_state import Sums
from nncli.nn.buffers import all_finite
from nncli.nn.regularisation import Penalty, clip, limit_norms
from nncli.nn.regularisation_schedules import RegularisationSchedules
from nncli.nn.touched_rows import Learner
from nncli.training.batch import Batch
from nncli.training.guards import Divergence
from nncli.training.learning_rate import LearningRate
from nncli.training.parameters import Parameters
from nncli.training.step_meter import StepMeter

if TYPE_CHECKING:
    from nncli.nn.kernels.plain import StepsTogether

TOGETHER = 32  # steps, some milliseconds: whether to stop is asked between two calls
Learned = tuple[int, Sums]  # how many rows a step was for, and what these came to before it


class BatchSteps:
    """Takes one step for all rows of a mini-batch: of all weights, or of those that sparse rows touch."""

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: LearningRate,
        regularisation: RegularisationSchedules,
        how: TrainingConfig,
        meter: StepMeter,
    ) -> None:
        self.parameters, self.learning_rate, self.regularisation = parameters, learning_rate, regularisation
        self.clip_norm, self.max_norm, self.meter = how.clip_norm, how.max_norm, meter
        self.known: float | None = None  # the objective where θ is, if the last step worked it out …
        self.sums = Sums(0, 0, 0)  # … and what the rows came to with it

    def together(self, batch: Batch) -> int:
        """Return how many steps `learn` takes at once, where that is quicker than one."""
        is_in_memory = isinstance(batch.subset.matrix, SparseMatrix)
        return TOGETHER if is_in_memory and self._linear_steps(batch) is not None else 1

    def learn(self, batch: Batch, chosen: Positions, step: int, left: int) -> list[Learned]:
        """Take a step of the run, from 0, for the chosen rows, and for those of a few steps one after the other, or the
        first of them; return how many rows each was for, and what these came to before. `left` is how many steps of the
        epoch there are from this one on. Raise Divergence for numbers that are not finite."""
        if (linear := self._linear_steps(batch)) is not None:
            if found := self._learn_linear(batch, chosen, step, left, linear):
                return found
            chosen = chosen[: batch.size]
        return [(len(chosen), self._learn_one(batch, chosen, step, left))]

    def _linear_steps(self, batch: Batch) -> StepsTogether | None:
        """Return what takes steps many at a time, which do nothing else; None: they are taken one by one."""
        touched, subset = self.parameters.touched, batch.subset
        if touched is None or self.clip_norm < math.inf or subset.weights is not None or subset.is_numeric:
            return None
        return touched.linear_steps(batch.loss, batch.smoothing)

    def _learn_linear(
        self, batch: Batch, chosen: Positions, step: int, left: int, linear: StepsTogether
    ) -> list[Learned]:
        """Do what `learn` does; no step where the first has something to it that makes it one to be taken by itself."""
        subset, size = batch.subset, batch.size
        if isinstance(subset.matrix, SparseMatrix):
            X, rows = subset.matrix.values, chosen
        else:
            X, rows = batch.take_sparse(chosen), np.arange(len(chosen))
        rates = self.learning_rate.planned(step, math.ceil(len(chosen) / size))
        y, found = subset.y[chosen].astype(np.int64, copy=False), list[Learned]()
        taken = linear.take(X, rows, y, size, rates, self.learning_rate.plan(step, left))
        for loss, right, square in zip(*taken, strict=True):
            self.meter.add(math.sqrt(square))
            found.append((min(size, len(rows) - len(found) * size), Sums(float(loss), int(right), int(right))))
        return found

    def _learn_one(self, batch: Batch, chosen: Positions, step: int, left: int) -> Sums:
        """Take one step, and return what its rows came to before."""
        penalty, lr = self.regularisation.at(step), self.learning_rate.at(step)
        touched = self.parameters.touched
        if touched is None:
            return self._descend(batch, chosen, step, penalty, lr, self.parameters.learner)
        X, plan = batch.take_sparse(chosen), self.learning_rate.plan(step, left)
        with touched.step(X, penalty, lr, plan) as (learner, X), batch.through(learner.network, X):
            return self._descend(batch, chosen, step, penalty, lr, learner)

    def _descend(
        self, batch: Batch, chosen: Positions, step: int, penalty: Penalty, lr: float, learner: Learner
    ) -> Sums:
        """Take one step along −g."""
        network, optimizer, average = learner

        def objective() -> float:
            """Compute the loss with its penalties, and the gradient."""
            self.sums = batch.learn(chosen)
            if math.isfinite(self.sums.loss):
                penalty.add_gradient(network)
            return self.sums.loss / len(chosen) + (penalty.value(network) if optimizer.smooth else 0)

        loss = objective() if self.known is None else self.known
        sums, gradient = self.sums, network.grad
        if not math.isfinite(sums.loss):
            raise Divergence("a finite loss", sums.loss / len(chosen), step, network=network)
        # ‖g‖²: quick, but it may be infinite where only the squares are too large
        square = network.kernels.square(gradient)
        if not math.isfinite(square):
            if not all_finite(gradient):
                raise Divergence("a finite gradient", math.nan, step, network=network)
            square = float(np.square(gradient, dtype=np.float64).sum())
        self.meter.add(math.sqrt(square / network.independent))  # of one of the members
        if self.clip_norm < math.inf:
            for part in gradient.reshape(network.independent, -1):
                clip(part, self.clip_norm)
        penalty.decay(network, lr)
        self.known = optimizer.step(network.theta, gradient, lr, loss, objective)
        if self.max_norm < math.inf:
            limit_norms(network, self.max_norm)
        average.add(network.theta)
        return sums
