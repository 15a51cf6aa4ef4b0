"""X, y → θ: the training loop. It yields one result per epoch and prints nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.rate_factors import factors_of
from nncli.config.resolved import ResolvedConfig, rows_per_step
from nncli.data.dataset import Positions
from nncli.data.scaled_rows import SparseMatrix, Subset
from nncli.errors import OptionError, TrainingError
from nncli.metrics.definitions import METRICS
from nncli.metrics.metric import Metric
from nncli.metrics.rows import ScoredRows
from nncli.model.decision import Decision
from nncli.model.training_state import (
    OTHER,
    Epoch,
    RandomNumbers,
    Sums,
    TrainingState,
    epochs_of,
    first_as_good,
    prefixed,
    rows_of,
)
from nncli.nn import online
from nncli.nn.averages import AVERAGES
from nncli.nn.buffers import all_finite
from nncli.nn.components import Stateful
from nncli.nn.elementwise import Elementwise
from nncli.nn.layers import Array
from nncli.nn.network import Network
from nncli.nn.optimizers import LBFGS, OPTIMIZERS, SGD
from nncli.nn.rates import parts_of
from nncli.nn.regularisation import Penalty, clip, limit_norms
from nncli.nn.regularisation_schedules import RegularisationSchedules
from nncli.nn.row_loss import Loss, RowLosses
from nncli.nn.schedules import SCHEDULES
from nncli.nn.touched_rows import Learner, Plan, TouchedRows
from nncli.system.output import counted
from nncli.training.batch import Batch, evaluate, evaluated_rows, judged, judged_numbers, rows_at_once
from nncli.training.fused_steps import at_work
from nncli.training.guards import Limits, spoiled, why_diverged
from nncli.training.step_meter import StepMeter

if TYPE_CHECKING:
    from nncli.model.target_scale import TargetScale
    from nncli.training.distorted_rows import DistortedPictures

SMALL_PRODUCT = 2**22  # multiplications: less than 0.1 ms on one core
OPTIMUM = "this is the optimum"


class _Halted(Exception):
    """An epoch is given up: the run has to end. The text says why."""


class Trainer:
    """Trains a network in place, epoch by epoch, and remembers the best θ seen.

    Best is by the metric that the config names. By default it is the lowest validation loss, which has less noise than
    the accuracy of a few rows; the highest accuracy where the loss cannot compare two θ; without validation rows, the
    last epoch. Of epochs that are as good, with the same loss, it is the last one, which has learned most; of the same
    accuracy, the first. `shuffle` and `drop` draw the order of rows and what dropout leaves out; `unscaled_column`
    tells, in a few words, of a column whose scale may be why a run diverged. `decision` is what is known before
    training of how classes are decided, `target` the scale of a number, in whose unit the losses of the history are.
    `pictures` distorts the rows of each step.
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
        self.network, self.loss, self.config = network, loss, config
        self.train, self.val, self.K, self.shuffle, self.drop = train, val, K, shuffle, drop
        self.unscaled_column, self.decision, self.target, self.pictures = unscaled_column, decision, target, pictures
        self.unit = 1.0 if target is None else target.unit_of(loss)  # of the losses that are shown
        how = config.training
        self.lr, self.epochs = how.lr, how.epochs
        self.batch_size = rows_per_step(how.batch_size, len(train))
        self.steps = math.ceil(len(train) / self.batch_size)  # in each epoch
        self.optimizer = OPTIMIZERS.create(how.optimizer)
        self.optimizer.start(network.theta, parts_of(network, factors_of(how.lr_scale)) if how.lr_scale else ())
        self.penalty = Penalty(how.l1, how.l2, self.optimizer.decoupled)
        self.average = AVERAGES.create(how.average)
        self.average.start(network.theta)
        self.schedule = SCHEDULES.create(how.schedule)
        self.schedule.start(self.epochs * self.steps)
        names = how.dropout_schedule, how.decay_schedule
        self.learner = Learner(network, self.optimizer, self.average)
        self.regularisation = RegularisationSchedules(network, self.penalty, *names, self.epochs * self.steps)
        self.counts = config.row_by_row  # the mistakes
        # the mean loss is known from each evaluation, with the weights of the rows
        self.metric = METRICS.create(how.metric) if how.metric not in ("", "loss") else None
        self._known: float | None = None  # the objective where θ is, if the last step worked it out …
        self._sums = Sums(0, 0, 0)  # … and what the rows came to with it
        self.history: list[Epoch] = []
        self.limits = Limits(lambda: False, math.inf)
        self.stopped = "all planned epochs are done"  # why `run` ended, as the end of a sentence
        self.between_epochs = True  # so that the state is one to resume from
        self._batch: Batch | None = None
        self._touched: TouchedRows | None = None  # of the steps, where they touch few inputs each
        self._rows, self._at, self._seen = train.rows[:0], 0, 0  # of the epoch, so far …
        self._total, self._correct = 0.0, 0.0  # … and what its rows came to
        self._meter = StepMeter()
        self.best: Epoch | None = None
        self.least = math.inf  # validation loss, or share of errors, so far
        self.best_theta = network.theta.copy()

    def run(self, stop: Callable[[], bool] = lambda: False, until: int | None = None) -> Iterator[Epoch]:
        """Yield each epoch as it ends, up to the epoch `until`, after which another call continues.

        It ends early when no step helps, when patience or time is out, and after `stop()` has become true: see
        `Limits`. TrainingError at the first loss, gradient or parameter that is not finite.
        """
        self.limits = Limits(stop, self.config.training.time_limit)
        with at_work(self.config.training.kernels, self.network, self.optimizer):
            yield from self._epochs(until)

    def _epochs(self, until: int | None) -> Iterator[Epoch]:
        while not self.has_ended() and len(self.history) < min(self.epochs, until or self.epochs):
            if reason := self.limits.before_epoch(len(self.history)):
                self.stopped = reason
                return
            self.begin_epoch()
            at_once = self.at_once
            try:
                # overflow shows as a loss that is not finite, which is looked for at each step
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    while self._at < len(self._rows):
                        self._check_limits()
                        self.step(at_once)
            except _Halted as halted:
                self.stopped = str(halted)
                self._catch_up()
                return
            epoch = self.end_epoch()
            self.limits.after_epoch()
            yield epoch

    def learn_from(self, train: Subset) -> None:
        """Train on other rows from the next epoch on; to be called between two epochs."""
        self.train, self._batch, self._known = train, None, None
        self.batch_size = rows_per_step(self.config.training.batch_size, len(train))
        self.steps = math.ceil(len(train) / self.batch_size)

    @property
    def at_once(self) -> int:
        """Return how many rows `step` takes at most, as it does to be quick."""
        if not self.row_by_row:
            return self.batch_size
        return online.BLOCK if self.train.matrix.is_sparse else online.ROWS

    def begin_epoch(self) -> None:
        """Draw the order of the rows of the next epoch."""
        self._batch = self._batch or self._new_batch()
        self._meter.begin_epoch()
        # where one step sees all rows they keep their order, in which they are read faster
        self._rows = self.shuffle.permutation(self.train.rows) if self.steps > 1 else self._batch.subset.rows
        self.train.matrix.expect(self._rows)
        self._at, self._seen, self._total, self._correct = 0, 0, 0.0, 0.0
        self._learn = self._solve if self.is_solvable else self._learn_rows if self.row_by_row else self._learn_batch
        self.network.drop_with(self.drop)
        self.between_epochs = False

    def _new_batch(self) -> Batch:
        widths, train = [width * self.network.copies for width in self.network.widths], self.train
        is_sparse = train.matrix.is_sparse
        size = min(self.at_once, rows_at_once(widths[1:] if is_sparse else widths))
        if isinstance(train.matrix, SparseMatrix) and self.steps == 1:
            # they lie in a row there, so that no step has to copy them
            train = train.of(SparseMatrix(train.matrix.take_sparse(train.rows), self.network.dtype))
        if self.pictures:
            train = dataclasses.replace(train, matrix=self.pictures.rows(train.matrix))
        if self.val is not None and self.val.folds is not None:
            train = dataclasses.replace(train, folds=self.val.folds)
        self._catch_up()
        is_whole = size < self.at_once or self.steps == 1 or self.config.training.max_norm < math.inf
        self._touched = self._no_touched() if is_sparse and not is_whole else None
        return Batch(train, self.loss, self.K, self.network, size, self.config.training.label_smoothing, True)

    def _no_touched(self) -> TouchedRows | None:
        """Return what takes steps that touch few inputs each, before the first; None where all steps touch all."""
        own = self.optimizer
        return TouchedRows(self.learner, own, self.penalty) if isinstance(own, Elementwise) else None

    def _catch_up(self) -> None:
        """Let θ, and what else is kept of each parameter, be what it is after the steps so far."""
        if self._touched is not None:
            self._touched.catch_up_all()

    def go_on_with(self, train: Subset) -> Batch:
        """Go on with all of other rows, in their order, within the epoch that has begun. Return the batch of the next
        steps."""
        self.learn_from(train)
        self._batch = self._new_batch()
        self._rows, self._at = self._batch.subset.rows, 0
        return self._batch

    @property
    def rows_left(self) -> Positions:
        """Return the rows of the epoch that no step has seen yet, in their order."""
        return self._rows[self._at :]

    def step(self, rows: int) -> None:
        """Learn from the next rows of the epoch, so many or those that are left, in one step or one for each; numbers
        that are not finite raise TrainingError."""
        assert self._batch is not None
        chosen = self._rows[self._at : self._at + rows]
        sums = self._learn(self._batch, chosen, len(self.history) * self.steps + self._at // self.batch_size)
        self._at += len(chosen)
        self._seen += len(chosen)
        self._total += sums.loss
        self._correct += sums.correct

    def end_epoch(self) -> Epoch:
        """End an epoch, whose rows have all been seen: evaluate θ̄, and note the epoch."""
        self.network.drop_with(None)
        self._catch_up()
        if not all_finite(self.network.theta):  # after the last step of the epoch; any other shows in the next loss
            raise self.diverged("finite parameters", math.nan)
        with self.averaged():
            epoch = self._close(self._total, self._correct)
        self.between_epochs = True
        return epoch

    def moved(self, steps: int = 1) -> None:
        """Take note that somebody else has changed θ: an average begins anew, with θ as it is, which counts as much as
        so many steps."""
        self._known = None
        self._catch_up()
        self.average.start(self.network.theta)
        self.average.add(self.network.theta, steps)
        if self._touched is not None:
            self._touched = self._no_touched()

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Have the network hold θ̄, the average of θ, which is θ itself where no other is asked for."""
        self._catch_up()
        theta = self.network.theta
        last = None if self.average.mean is theta else theta.copy()
        theta[:] = self.average.mean
        try:
            yield
        finally:
            if last is not None:
                theta[:] = last

    def has_ended(self) -> bool:
        """Tell whether more epochs would be of no use, and note why in `stopped`."""
        patience, waited = self.config.training.patience, 0
        if self.val and self.best:  # an epoch that is only as good keeps no run alive
            waited = len(self.history) - first_as_good(self.history, self.best.number)
        if self.history and self.history[-1].changed_nothing:
            from nncli.training.mistakes import why_converged

            self.stopped = why_converged(self.history, self.loss)
        elif self.optimizer.done:
            self.stopped = OPTIMUM if self.is_solvable else "no step lowers the loss any more"
        elif self.val and waited >= patience:
            better = "higher validation accuracy" if self._by_accuracy else "lower validation loss"
            if self.metric:
                better = f"better validation {self.config.training.metric}"
            self.stopped = f"no {better} for {counted(int(patience), 'epoch')}"
        else:
            return False
        return True

    @property
    def _by_accuracy(self) -> bool:
        return self.loss.homogeneous and not self.config.training.metric

    def check_metric(self) -> None:
        """Raise OptionError where the metric that chooses the epoch is not defined for the validation rows."""
        if self.metric and self.val:
            self._value(self.metric, self.judged(self.val))

    def _value(self, metric: Metric, rows: ScoredRows) -> float:
        """Return the metric of the validation rows, with the threshold that would be chosen for θ; OptionError where it
        is not defined for them."""
        rule = self.config.options.choose_threshold
        if rule is not None and self.decision is not None:
            from nncli.training.decision import at_chosen_threshold

            rows = at_chosen_threshold(rows, rule, self.decision)
        rows = rows.oriented
        if problem := metric.problem(rows):
            why, remedy = problem
            raise OptionError("metric", f"{self.config.training.metric} of the validation rows: {why}", remedy)
        return metric.value(rows)

    def judged(self, part: Subset) -> ScoredRows:
        """Return the rows of a part with what the network says of them; numbers in the unit of the target."""
        if self.target is not None:
            return judged_numbers(self.network, self.loss, part, self.target)
        return judged(self.network, self.loss, part, self.K, self.decision)

    def _shown(self, loss: float, accuracy: float) -> tuple[float, float]:
        """Return a loss and an accuracy as the history has them: of numbers, the loss and RMSE (from the mean square)
        in the unit of the target."""
        return (loss, accuracy) if self.target is None else (loss * self.unit, math.sqrt(accuracy) * self.target.sd)

    @property
    def row_by_row(self) -> bool:
        """Tell whether a step sees one row, and changes θ along that row and in no other way."""
        return self.counts and online.fits(self.network, self.loss, self.optimizer)

    @property
    def threads(self) -> int | None:
        """Return how many threads the products of a step are worth: one, where all are small, as threads that wait for
        one another cost dear; None: all that there are."""
        if self.row_by_row:
            return 1
        # members with weights of their own have a product each, others have one together
        layers = self.network.dense[1:] if self.train.matrix.is_sparse else self.network.dense
        rows = [self.at_once * (self.network.copies if layer.W.ndim == 2 else 1) for layer in layers]
        most = max((n * math.prod(layer.W.shape[-2:]) for n, layer in zip(rows, layers, strict=True)), default=0)
        return 1 if most <= SMALL_PRODUCT else None

    def _learn_rows(self, batch: Batch, chosen: Positions, step: int) -> Sums:
        """Take one step for each of the rows; return what they came to before."""
        X, Y = batch.take(chosen)

        def learn(learner: Learner, X: Array) -> tuple[Array, RowLosses]:
            network, optimizer, average = learner
            assert isinstance(optimizer, SGD)
            how = network, self.loss, optimizer, average, X, Y
            rates = functools.partial(self._rates, step, len(chosen))
            return online.learn_rows(
                *how, lambda i: self.lr * self.schedule.factor(step + i), weights=batch.weights(), rates=rates
            )

        if self._touched is None:
            Z, losses = learn(self.learner, X)
        else:
            with self._touched.step(X, self.penalty, self.lr, self._plan(step), len(chosen)) as (learner, X):
                Z, losses = learn(learner, X)
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            raise self.diverged("a finite loss", losses[bad[0]], step + int(bad[0]))
        return batch.sums(Z, losses)

    def _learn_batch(self, batch: Batch, chosen: Positions, step: int) -> Sums:
        """Take one step for all of the rows; return what they came to before."""
        penalty, lr = self.regularisation.at(step), self.lr * self.schedule.factor(step)
        if self._touched is None:
            return self._descend(batch, chosen, step, penalty, lr, self.learner)
        X = batch.subset.matrix.take_sparse(chosen)
        with self._touched.step(X, penalty, lr, self._plan(step)) as (learner, X), batch.through(learner.network, X):
            return self._descend(batch, chosen, step, penalty, lr, learner)

    def _plan(self, step: int) -> Plan:
        """Return how many steps of the epoch are left from one on, and what tells their learning rates."""
        return math.ceil(len(self.rows_left) / self.batch_size), functools.partial(self._rates, step)

    def _rates(self, step: int, n: int) -> NDArray[np.float64]:
        """Return the learning rates of n steps from one on, as they are planned."""
        return self.lr * self.schedule.factors(step, n)

    def _descend(
        self, batch: Batch, chosen: Positions, step: int, penalty: Penalty, lr: float, learner: Learner
    ) -> Sums:
        """Take one step along −g."""
        how, (network, optimizer, average) = self.config.training, learner

        def objective() -> float:
            """Compute the loss with its penalties, and the gradient."""
            self._sums = batch.learn(chosen)
            if math.isfinite(self._sums.loss):
                penalty.add_gradient(network)
            return self._sums.loss / len(chosen) + (penalty.value(network) if optimizer.smooth else 0)

        loss = objective() if self._known is None else self._known
        sums, gradient = self._sums, network.grad
        if not math.isfinite(sums.loss):
            raise self.diverged("a finite loss", sums.loss / len(chosen), step, network=network)
        square = network.kernels.square(
            gradient
        )  # ‖g‖²: quick, but it may be infinite where only the squares are too large
        if not math.isfinite(square):
            if not all_finite(gradient):
                raise self.diverged("a finite gradient", math.nan, step, network=network)
            square = float(np.square(gradient, dtype=np.float64).sum())
        self._meter.add(math.sqrt(square / network.independent))  # of one of the members
        if how.clip_norm < math.inf:
            for part in gradient.reshape(network.independent, -1):
                clip(part, how.clip_norm)
        penalty.decay(network, lr)
        self._known = optimizer.step(network.theta, gradient, lr, loss, objective)
        if how.max_norm < math.inf:
            limit_norms(network, how.max_norm)
        average.add(network.theta)
        return sums

    @property
    def is_solvable(self) -> bool:
        """Tell whether one step finds the optimum, as that of linear regression can be worked out."""
        if not self.optimizer.exact:
            return False
        from nncli.training.optimum import is_solvable

        return is_solvable(self.loss, self.network.widths[0], self.train.matrix.is_sparse)

    def _solve(self, batch: Batch, chosen: Positions, step: int) -> Sums:
        """Set θ to the optimum for all of the rows; return what they come to there."""
        from nncli.training.optimum import set_to_optimum

        assert isinstance(self.optimizer, LBFGS)
        how = self.config.training
        sums = set_to_optimum(batch, chosen, how.l1, how.l2, self._check_limits)
        self.optimizer.done = True
        return sums

    def _check_limits(self) -> None:
        """Raise `_Halted` where the run has to end now: before a step, or within one that takes long."""
        if reason := self.limits.within_epoch():
            raise _Halted(reason)

    def _close(self, total: float, correct: float) -> Epoch:
        """Evaluate the network, which holds θ̄, and note an epoch."""
        val_loss = val_accuracy = val_metric = None
        is_best, n = True, self._seen
        lr = self.lr * self.schedule.factor((len(self.history) + 1) * self.steps - 1)  # before the schedule observes
        if self.val:
            rows = None
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                how = self.network, self.loss, self.val, self.K
                if self.metric and self.target is None:
                    rows, means = evaluated_rows(*how, self.decision)
                else:
                    means = evaluate(*how)
            val_loss, val_accuracy, weighted_accuracy = means
            if not math.isfinite(val_loss):
                raise self.diverged("a finite loss", val_loss)
            val_loss, val_accuracy = self._shown(val_loss, val_accuracy)
            badness = 1 - weighted_accuracy if self._by_accuracy else val_loss
            if self.metric:
                val_metric = self._value(self.metric, rows or self.judged(self.val))
                badness = self.metric.badness(val_metric)
            self.schedule.observe(badness)
            is_best = badness < self.least if self._by_accuracy else badness <= self.least
            if self.metric and self.best and badness == self.least:  # as of a ranking without a fault
                is_best = val_loss <= (self.best.val_loss or 0)
            if self.counts and correct == n and total == 0:  # of epochs as good, the one that separates the rows
                is_best |= badness == self.least
            self.least = min(badness, self.least)
        mistakes = n - int(correct) if self.counts else None
        train = self._shown(total / n, correct / n)
        steps = self._meter.figures(None if self.is_solvable else lr, val_metric)
        epoch = Epoch(len(self.history) + 1, *train, val_loss, val_accuracy, is_best, mistakes, steps)
        if is_best:
            np.copyto(self.best_theta, self.network.theta)
            self.best = epoch
        self.history.append(epoch)
        return epoch

    def diverged(
        self,
        expected: str,
        found: float,
        step: int | None = None,
        epoch: int | None = None,
        network: Network | None = None,
    ) -> TrainingError:
        """Explain numbers that say training went wrong: at a step of the run, from 0, or in an epoch, from 1; without
        either, in the current epoch. `network` took the step, where it is not that of the trainer."""
        self._touched = None  # which has numbers that are of no use any more
        epoch = epoch or len(self.history) + 1
        self.stopped = f"training diverged in epoch {epoch}"
        where = f"epoch {epoch}" if step is None else f"epoch {epoch}, batch {step % self.steps + 1}"
        steps = range((epoch - 1) * self.steps, epoch * self.steps) if step is None else [step]
        rate = self.lr * max(map(self.schedule.factor, steps))
        is_scaled = self.config.data.scale != "none"
        how = dataclasses.replace(self.config.training, lr=self.lr)  # which a playground may have changed
        causes, remedy = why_diverged(how, rate, self.optimizer, self.unscaled_column(), is_scaled)
        problem = f"expected {expected}, found {found:g}{spoiled(network or self.network)}"
        return TrainingError(where, f"{problem}; most likely {causes}", remedy)

    def state(self) -> TrainingState:
        """Return a copy of all that decides how training continues."""
        self._catch_up()
        values: dict[str, Any] = {"least": self.least, "known": self._known, **self._vectors()}
        values |= prefixed("sums", self._sums._asdict())
        for part, component in self._components().items():
            values |= prefixed(part, component.state())
        arrays = {name: value.copy() for name, value in values.items() if isinstance(value, np.ndarray)}
        numbers = {name: value for name, value in values.items() if name not in arrays}
        return TrainingState(numbers, arrays, rows_of(self.history), self.best.number if self.best else 0)

    def load_state(self, state: TrainingState) -> None:
        """Continue from a state of a trainer of the same network, options and rows, to the same digits; ValueError for
        the state of another."""
        if self.state().form() != state.form():
            raise ValueError(OTHER)
        own = state.part("")
        self.history = epochs_of(state.history, len(self.train) if self.counts else None)
        self.least, self._known = own["least"], own["known"]
        self.best = self.history[state.best - 1] if state.best else None
        self._sums = Sums(**state.part("sums"))
        for name, vector in self._vectors().items():
            np.copyto(vector, state.arrays[name])  # in place: others look at it there
        for name, component in self._components().items():
            component.load_state(state.part(name))

    def _vectors(self) -> dict[str, NDArray[np.floating]]:
        own = {"theta": self.network.theta, "best_theta": self.best_theta}
        # where the last step looked for the gradient; others work it out anew
        return own | ({"grad": self.network.grad} if self.optimizer.smooth else {})

    def _components(self) -> dict[str, Stateful]:
        found: dict[str, Stateful] = {"optimizer": self.optimizer, "average": self.average, "schedule": self.schedule}
        generators = {
            "shuffle": self.shuffle,
            "drop": self.drop,
            "distort": self.pictures.rng if self.pictures else None,
        }
        return found | {name: RandomNumbers(name, one) for name, one in generators.items() if one is not None}
