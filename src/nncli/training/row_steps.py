"""Take the steps of training row by row, for models that learn from their mistakes: see `nn/online.py`."""

from __future__ import annotations

import functools

import numpy as np

from nncli.data.dataset import Positions
from nncli.model.training_state import Sums
from nncli.nn import online
from nncli.nn.layers import Array
from nncli.nn.optimizers import SGD
from nncli.nn.row_loss import Loss, RowLosses
from nncli.nn.touched_rows import Learner
from nncli.training.batch import Batch
from nncli.training.guards import Divergence
from nncli.training.learning_rate import LearningRate
from nncli.training.parameters import Parameters


class RowSteps:
    """Takes one step for each row, which changes θ along that row and in no other way."""

    def __init__(self, parameters: Parameters, learning_rate: LearningRate, loss: Loss) -> None:
        self.parameters, self.learning_rate, self.loss = parameters, learning_rate, loss

    def learn(self, batch: Batch, chosen: Positions, step: int, left: int) -> list[tuple[int, Sums]]:
        """Take a step for each of the chosen rows, the first of which is that step of the run, from 0; return how many
        they are, and what they came to before. `left` is how many steps of the epoch there are from this one on. Raise
        Divergence for numbers that are not finite."""
        X, Y = batch.take(chosen)
        rates = functools.partial(self.learning_rate.planned, step, len(chosen))

        def learn(learner: Learner, X: Array) -> tuple[Array, RowLosses]:
            network, optimizer, average = learner
            assert isinstance(optimizer, SGD)
            how = network, self.loss, optimizer, average, X, Y
            return online.learn_rows(
                *how, lambda i: self.learning_rate.at(step + i), weights=batch.weights(), rates=rates
            )

        touched = self.parameters.touched
        if touched is None:
            Z, losses = learn(self.parameters.learner, X)
        else:
            base, plan = self.learning_rate.base, self.learning_rate.plan(step, left)
            with touched.step(X, self.parameters.penalty, base, plan, len(chosen)) as (learner, X):
                Z, losses = learn(learner, X)
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            raise Divergence("a finite loss", losses[bad[0]], step + int(bad[0]))
        return [(len(chosen), batch.sums(Z, losses))]
