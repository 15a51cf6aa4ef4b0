"""X, y → θ: the training loop. It yields one result per epoch and prints nothing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from nncli.config.rate_factors import factors_of
from nncli.config.resolved import ResolvedConfig
from nncli.data.dataset import Positions
from nncli.data.scaled_rows import Subset
from nncli.errors import TrainingError
from nncli.model.decision import Decision
from nncli.model.training_state import Epoch
from nncli.nn import online
from nncli.nn.averages import AVERAGES
from nncli.nn.buffers import all_finite
from nncli.nn.kernels.plain import NUMPY
from nncli.nn.network import Network
from nncli.nn.optimizers import LBFGS, OPTIMIZERS
from nncli.nn.rates import parts_of
from nncli.nn.regularisation import Penalty
from nncli.nn.regularisation_schedules import RegularisationSchedules
from nncli.nn.row_loss import Loss
from nncli.nn.schedules import SCHEDULES
from nncli.nn.touched_rows import Learner
from nncli.system.output import counted
from nncli.training.batch import Batch
from nncli.training.batch_steps import BatchSteps, Learned
from nncli.training.best_epoch import BestEpoch
from nncli.training.epoch_rows import EpochRows
from nncli.training.evaluator import Evaluator
from nncli.training.fused_steps import at_work
from nncli.training.guards import Divergence, Limits, spoiled, why_diverged
from nncli.training.learning_rate import LearningRate
from nncli.training.parameters import Parameters
from nncli.training.row_steps import RowSteps
from nncli.training.step_meter import StepMeter

if TYPE_CHECKING:
    from nncli.model.target_scale import TargetScale
    from nncli.training.distorted_rows import DistortedPictures

# takes steps of the run, from one on, for rows of a batch; with how many of the epoch are left
Learn = Callable[[Batch, Positions, int, int], list[Learned]]


PLANNED = "all planned epochs are done"


class _Halted(Exception):
    """An epoch is given up: the run has to end. The text says why."""


class Trainer:
    """Trains a network in place, epoch by epoch, and remembers the best θ seen, see `BestEpoch`.

    `shuffle` and `drop` draw the order of rows and what dropout leaves out; `unscaled_column` tells, in a few words, of
    a column whose scale may be why a run diverged. `decision` is what is known before training of how classes are
    decided, `target` the scale of a number, in whose unit the losses of the history are. `pictures` distorts the rows
    of each step.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        config: ResolvedConfig,
        train: Subset,
        val: Subset | None,
        K: int,
        shuffle: np.random.Generator,
        drop: np.random.Generator | None = None,
        unscaled_column: Callable[[], str] = lambda: "",
        decision: Decision | None = None,
        target: TargetScale | None = None,
        pictures: DistortedPictures | None = None,
    ) -> None:
        self.network, self.loss, self.config, self.val, self.K = network, loss, config, val, K
        self.drop, self.unscaled_column, self.target = drop, unscaled_column, target
        how = config.training
        self.epochs = how.epochs
        self.rows = EpochRows(train, how.batch_size, shuffle, None if val is None else val.folds, pictures)
        steps = self.epochs * self.rows.steps
        self.optimizer = OPTIMIZERS.create(how.optimizer)
        self.optimizer.start(network.theta, parts_of(network, factors_of(how.lr_scale)) if how.lr_scale else ())
        self.average = AVERAGES.create(how.average)
        self.average.start(network.theta)
        self.learning_rate = LearningRate(how.lr, SCHEDULES.create(how.schedule), steps)
        penalty = Penalty(how.l1, how.l2, self.optimizer.decoupled)
        regularisation = RegularisationSchedules(network, penalty, how.dropout_schedule, how.decay_schedule, steps)
        self.parameters = Parameters(Learner(network, self.optimizer, self.average), penalty)
        self.counts = config.row_by_row  # the mistakes
        # a step sees one row, and changes θ along that row and in no other way
        self.row_by_row = self.counts and online.fits(network, loss, self.optimizer)
        self._meter = StepMeter()
        self.batch_steps = BatchSteps(self.parameters, self.learning_rate, regularisation, how, self._meter)
        self.row_steps = RowSteps(self.parameters, self.learning_rate, loss)
        self.evaluator = Evaluator(network, loss, K, config, decision, target)
        self.kept = BestEpoch(network.theta, self.evaluator.by_accuracy)
        self.history: list[Epoch] = []
        self.limits = Limits(lambda: False, math.inf)
        self.stopped = PLANNED  # why `run` ended, as the end of a sentence
        self.between_epochs = True  # so that the state is one to resume from
        self.threads = 1  # that share the rows of a step, where these are many
        self._batch: Batch | None = None

    def run(self, stop: Callable[[], bool] = lambda: False, until: int | None = None) -> Iterator[Epoch]:
        """Yield each epoch as it ends, up to the epoch `until`, after which another call continues.

        It ends early when no step helps, when patience or time is out, and after `stop()` has become true: see
        `Limits`. TrainingError at the first loss, gradient or parameter that is not finite.
        """
        self.limits = Limits(stop, self.config.training.time_limit)
        with at_work(self.config.training.kernels, self.network, self.optimizer, self.average):
            yield from self._epochs(until)

    def _epochs(self, until: int | None) -> Iterator[Epoch]:
        while not self.has_ended() and len(self.history) < min(self.epochs, until or self.epochs):
            if reason := self.limits.before_epoch(len(self.history)):
                self.stopped = reason
                return
            self.begin_epoch()
            assert self._batch is not None
            at_once = self.at_once * self.batch_steps.together(self._batch)
            try:
                # overflow shows as a loss that is not finite, which is looked for at each step
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    while len(self.rows_left):
                        self._check_limits()
                        self.step(at_once)
            except _Halted as halted:
                self.stopped = str(halted)
                self.parameters.catch_up()
                return
            epoch = self.end_epoch()
            self.limits.after_epoch()
            yield epoch
        if self.optimizer.smooth and not self.has_ended() and len(self.history) >= self.epochs:
            self.stopped = f"{PLANNED}, and more would lower the loss"

    def _check_limits(self) -> None:
        """Raise `_Halted` where the run has to end now: before a step, or within one that takes long."""
        if reason := self.limits.within_epoch():
            raise _Halted(reason)

    def has_ended(self) -> bool:
        """Tell whether more epochs would be of no use, and note why in `stopped`."""
        patience = self.config.training.patience
        if self.history and self.history[-1].changed_nothing:
            from nncli.training.mistakes import why_converged

            self.stopped = why_converged(self.history, self.loss)
        elif self.optimizer.done:
            self.stopped = "this is the optimum" if self.is_solvable else "no step lowers the loss any more"
        elif self.val and self.kept.waited(self.history) >= patience:
            self.stopped = f"no {self.evaluator.better} for {counted(int(patience), 'epoch')}"
        else:
            return False
        return True

    def learn_from(self, train: Subset) -> None:
        """Train on other rows from the next epoch on; to be called between two epochs."""
        self.rows.replace(train)
        self._batch = self.batch_steps.known = None

    def begin_epoch(self) -> None:
        """Draw the order of the rows of the next epoch."""
        self._batch = self._batch or self._new_batch()
        self._meter.begin_epoch()
        if self.network.kernels is not NUMPY:
            self.network.expect_inputs(self.rows.share_of_inputs(self.network.dtype))
        self.rows.begin_epoch(self._batch)
        self._learn = self._way_to_learn()
        self.network.drop_with(self.drop)
        self.between_epochs = False

    def go_on_with(self, train: Subset) -> Batch:
        """Go on with all of other rows, in their order, within the epoch that has begun. Return the batch of the next
        steps."""
        self.learn_from(train)
        self._batch = self._new_batch()
        self.rows.go_on_with(self._batch)
        return self._batch

    def _new_batch(self) -> Batch:
        how, at_once, rows = self.config.training, self.at_once, self.rows
        batch = rows.new_batch(self.network, self.loss, self.K, at_once, how.label_smoothing)
        batch.threads = self.threads
        is_whole = batch.size < at_once or rows.steps == 1 or how.max_norm < math.inf
        self.parameters.begin(touches_few=rows.train.matrix.is_sparse and not is_whole)
        if isinstance(self.optimizer, LBFGS) and not self.is_solvable:
            from nncli.training.optimum import first_curvature

            self.optimizer.first_h = first_curvature(batch, how)
        return batch

    def _way_to_learn(self) -> Learn:
        """Return what takes the steps of an epoch."""
        if not self.is_solvable:
            return self.row_steps.learn if self.row_by_row else self.batch_steps.learn
        from nncli.training.optimum import Optimum

        how = self.config.training
        assert isinstance(self.optimizer, LBFGS)
        return Optimum(self.optimizer, how.l1, how.l2, self._check_limits).learn

    @property
    def is_solvable(self) -> bool:
        """Tell whether one step finds the optimum, as that of linear regression can be worked out."""
        if not self.optimizer.exact:
            return False
        from nncli.training.optimum import is_solvable

        return is_solvable(self.loss, self.network.widths[0], self.rows.train.matrix.is_sparse)

    @property
    def at_once(self) -> int:
        """Return how many rows `step` takes at most, as it does to be quick."""
        if not self.row_by_row:
            return self.rows.batch_size
        return online.BLOCK if self.rows.train.matrix.is_sparse else online.ROWS

    @property
    def rows_left(self) -> Positions:
        """Return the rows of the epoch that no step has seen yet, in their order."""
        return self.rows.left

    def step(self, rows: int) -> None:
        """Learn from the next rows of the epoch, so many or those that are left, in one step or one for each, or from
        the first of those of several steps; numbers that are not finite raise TrainingError."""
        assert self._batch is not None
        chosen = self.rows_left[:rows]
        step = len(self.history) * self.rows.steps + self.rows.steps_done
        try:
            learned = self._learn(self._batch, chosen, step, self.rows.steps_left)
        except Divergence as found:
            raise self.diverged(found) from None
        for n, sums in learned:
            self.rows.add(n, sums)

    def moved(self, steps: int = 1) -> None:
        """Take note that somebody else has changed θ: an average begins anew, with θ as it is, which counts as much as
        so many steps."""
        self.batch_steps.known = None
        self.parameters.moved(steps)

    def end_epoch(self) -> Epoch:
        """End an epoch, whose rows have all been seen: evaluate θ̄, and note the epoch."""
        self.network.drop_with(None)
        self.parameters.catch_up()
        if not all_finite(self.network.theta):  # after the last step of the epoch; any other shows in the next loss
            raise self.diverged(Divergence("finite parameters", math.nan))
        with self.parameters.averaged():
            try:
                epoch = self._evaluated()
            except Divergence as found:
                raise self.diverged(found) from None
            if epoch.is_best:
                self.kept.keep(epoch, self.network.theta)
        self.history.append(epoch)
        self.between_epochs = True
        return epoch

    def _evaluated(self) -> Epoch:
        """Return the figures of the epoch that ends, after which the network holds θ̄."""
        number, n, correct, total = len(self.history) + 1, self.rows.seen, self.rows.correct, self.rows.total
        lr = self.learning_rate.at(number * self.rows.steps - 1)  # before the schedule observes
        val_loss = val_accuracy = val_metric = None
        is_best = True
        if self.val:
            val_loss, val_accuracy, val_metric, badness = found = self.evaluator.validate(self.val)
            self.learning_rate.schedule.observe(badness)
            is_best = self.kept.is_beaten_by(found, separates=self.counts and correct == n and total == 0)
        mistakes = n - int(correct) if self.counts else None
        train = self.evaluator.shown(total / n, correct / n)
        steps = self._meter.figures(None if self.is_solvable else lr, val_metric)
        return Epoch(number, *train, val_loss, val_accuracy, is_best, mistakes, steps)

    def diverged(self, found: Divergence) -> TrainingError:
        """Explain numbers that say training went wrong."""
        self.parameters.give_up()
        epoch, n = found.epoch or len(self.history) + 1, self.rows.steps
        self.stopped = f"training diverged in epoch {epoch}"
        where = f"epoch {epoch}" if found.step is None else f"epoch {epoch}, batch {found.step % n + 1}"
        steps = range((epoch - 1) * n, epoch * n) if found.step is None else [found.step]
        rate, is_scaled = max(map(self.learning_rate.at, steps)), self.config.data.scale != "none"
        how = dataclasses.replace(self.config.training, lr=self.learning_rate.base)
        causes, remedy = why_diverged(how, rate, self.optimizer, self.unscaled_column(), is_scaled)
        problem = f"expected {found.expected}, found {found.found:g}{spoiled(found.network or self.network)}"
        return TrainingError(where, f"{problem}; most likely {causes}", remedy)
