"""X, y → θ: the training loop. It yields one result per epoch and prints nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import numpy as np

from nncli.config.option import FULL_BATCH
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Positions
from nncli.data.scaled_rows import Subset
from nncli.errors import TrainingError
from nncli.model.training_state import Epoch, Sums
from nncli.nn import online
from nncli.nn.averages import AVERAGES
from nncli.nn.buffers import all_finite
from nncli.nn.losses import Loss
from nncli.nn.network import Network
from nncli.nn.optimizers import OPTIMIZERS, SGD
from nncli.nn.regularisation import Penalty, clip, limit_norms
from nncli.nn.schedules import SCHEDULES
from nncli.training.batch import Batch, evaluate, rows_at_once

SHORT = 1.0  # seconds: an epoch that takes no longer is not broken off
LONG = 0.2  # seconds: after an epoch that took so long, the state can be copied in less than a hundredth of that


class Trainer:
    """Trains a network in place, epoch by epoch, and remembers the best θ seen.

    Best is the lowest validation loss, which has less noise than the accuracy of a few rows; the highest
    accuracy where the loss cannot compare two θ; without validation rows, the last epoch. `config` is a
    resolved one; `shuffle` and `drop` draw the order of rows and what dropout leaves out.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        config: TrainConfig,
        train: Subset,
        val: Subset | None,
        K: int,
        shuffle: np.random.Generator,
        drop: np.random.Generator | None = None,
    ) -> None:
        assert config.optimizer is not None
        assert config.lr is not None
        assert config.batch_size is not None
        assert config.epochs is not None
        assert config.schedule is not None
        assert config.average is not None
        self.network, self.loss, self.config = network, loss, config
        self.train, self.val, self.K, self.shuffle, self.drop = train, val, K, shuffle, drop
        self.lr = config.lr
        self.batch_size = len(train) if config.batch_size == FULL_BATCH else min(config.batch_size, len(train))
        self.optimizer = OPTIMIZERS.create(config.optimizer)
        self.optimizer.start(network.theta)
        self.penalty = Penalty(config.l1 or 0, config.l2 or 0, self.optimizer.decoupled)
        self.average = AVERAGES.create(config.average)
        self.average.start(network.theta)
        self.schedule = SCHEDULES.create(config.schedule)
        self.epochs, self.steps = config.epochs, math.ceil(len(train) / self.batch_size)
        self.schedule.start(self.epochs * self.steps)
        self._known: float | None = None  # the objective where θ is, if the last step worked it out …
        self._sums = Sums(0, 0, 0)  # … and what the rows came to with it
        self.history: list[Epoch] = []
        self.unscaled_column: Callable[[], str] = lambda: ""  # what is wrong with one, in a few words
        self.stopped = "all planned epochs are done"  # why `run` ended, as the end of a sentence
        self.between = True  # two epochs: the state is one to go on from
        self.took = math.inf  # seconds, for the last epoch; where there was none, nothing is lost
        self.best: Epoch | None = None
        self.least = math.inf  # validation loss, or share of errors, so far
        self.best_theta = network.theta.copy()

    def run(self, stop: Callable[[], bool] = lambda: False, until: int | None = None) -> Iterator[Epoch]:
        """Yields each epoch as it ends; returns at the last one, when patience or time is out, or after `stop()` has
        become true: within a step, or at the end of an epoch that is `SHORT`, or comes after one that was not `LONG`,
        whose state nobody may have. TrainingError at the first loss that is
        not finite. After the epoch `until` it pauses, and another call goes on."""
        if self._has_ended():
            return
        began = time.monotonic()
        limit = self.config.time_limit or math.inf
        at_once = online.ROWS if self.row_by_row else self.batch_size
        learn = self._learn_rows if self.row_by_row else self._learn_batch
        smoothing = self.config.label_smoothing or 0
        size = min(at_once, rows_at_once(self.network.widths))
        batch = Batch(self.train, self.loss, self.K, self.network, size, smoothing)
        for number in range(len(self.history) + 1, min(self.epochs, until or self.epochs) + 1):
            if stop():
                self.stopped = "interrupted"
                return
            if self.history and time.monotonic() - began > limit:
                self.stopped = f"the time limit of {limit:g} s was reached"
                return
            # what one step sees all of may keep its order, in which it is read faster
            rows = self.shuffle.permutation(self.train.rows) if self.steps > 1 else self.train.rows
            self.train.matrix.expect(rows)
            total, correct, started, self.between = 0.0, 0, time.monotonic(), False
            self.network.drop_with(self.drop)
            # overflow shows as a loss that is not finite, which is looked for at each step
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                for start in range(0, len(rows), at_once):
                    now = time.monotonic()
                    may_break_off = now - started > SHORT and self.took > LONG
                    if may_break_off and stop():
                        self.stopped = "interrupted"
                        return
                    if now - began > limit and (may_break_off or not self.history):
                        self.stopped = f"the time limit of {limit:g} s was reached"
                        return
                    chosen = rows[start : start + at_once]
                    step = (number - 1) * self.steps + start // self.batch_size
                    sums = learn(batch, chosen, step)
                    if not math.isfinite(sums.loss):
                        raise self.divergence(number, "a finite loss", sums.loss / len(chosen), step)
                    total += sums.loss
                    correct += sums.correct
            self.network.drop_with(None)
            epoch = self._close(number, total / len(rows), correct / len(rows))
            self.between, self.took = True, time.monotonic() - started
            yield epoch
            if self._has_ended():
                return

    def _has_ended(self) -> bool:
        """Whether it is of no use to go on before the planned end; `stopped` says why."""
        if self.optimizer.done:
            self.stopped = "no step lowers the loss any more"
            return True
        waited = len(self.history) - self.best.number if self.best else 0
        if self.val and waited >= (self.config.patience or math.inf):
            better = "higher validation accuracy" if self.loss.homogeneous else "lower validation loss"
            self.stopped = f"no {better} for {self.config.patience} epochs"
            return True
        return False

    @property
    def row_by_row(self) -> bool:
        """Whether a step sees one row, and changes θ along that row and in no other way."""
        plain = self.batch_size == 1 and not (
            self.penalty.l1 or self.penalty.l2 or self.config.clip_norm or self.config.max_norm
        )
        return plain and online.fits(self.network, self.loss, self.optimizer)

    def _learn_rows(self, batch: Batch, chosen: Positions, step: int) -> Sums:
        """One step for each of the rows; returns what they came to before."""
        assert isinstance(self.optimizer, SGD)
        X, Y = batch.take(chosen)
        Z, losses = online.learn_rows(
            self.network, self.loss, self.optimizer, self.average, X, Y,
            lambda i: self.lr * self.schedule.factor(step + i), batch.weights(),
        )  # fmt: skip
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            raise self.divergence(step // self.steps + 1, "a finite loss", losses[bad[0]], step + int(bad[0]))
        return batch.sums(Z, losses)

    def _learn_batch(self, batch: Batch, chosen: Positions, step: int) -> Sums:
        """One step for all of the rows; returns what they came to before."""

        def objective() -> float:
            """The loss, with what regularisation adds, and its gradient."""
            self._sums = batch.learn(chosen)
            if math.isfinite(self._sums.loss):
                self.penalty.add_gradient(self.network)
            return self._sums.loss / len(chosen) + (self.penalty.value(self.network) if self.optimizer.smooth else 0)

        loss = objective() if self._known is None else self._known
        sums = self._sums
        if not math.isfinite(sums.loss):
            return sums
        gradient = self.network.grad
        # ‖g‖² is worked out quickly, and may be infinite where only the squares are too large
        if not math.isfinite(gradient @ gradient) and not all_finite(gradient):
            raise self.divergence(step // self.steps + 1, "a finite gradient", math.nan, step)
        if self.config.clip_norm is not None:
            clip(gradient, self.config.clip_norm)
        lr = self.lr * self.schedule.factor(step)
        self.penalty.decay(self.network, lr)
        self._known = self.optimizer.step(self.network.theta, gradient, lr, loss, objective)
        if self.config.max_norm is not None:
            limit_norms(self.network, self.config.max_norm)
        self.average.add(self.network.theta)
        return sums

    def _close(self, number: int, train_loss: float, train_accuracy: float) -> Epoch:
        """Judges θ̄, the average of θ, which is θ itself where no other is asked for."""
        theta = self.network.theta
        if not all_finite(theta):  # after the last step of the epoch; any other shows in the next loss
            raise self.divergence(number, "finite parameters", math.nan)
        last = None if self.average.mean is theta else theta.copy()
        theta[:] = self.average.mean
        val_loss = val_accuracy = None
        is_best = True
        if self.val:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                val_loss, val_accuracy, weighted_accuracy = evaluate(self.network, self.loss, self.val, self.K)
            if not math.isfinite(val_loss):
                raise self.divergence(number, "a finite loss", val_loss)
            badness = 1 - weighted_accuracy if self.loss.homogeneous else val_loss
            self.schedule.observe(badness)
            is_best = badness < self.least
            self.least = min(badness, self.least)
        epoch = Epoch(number, train_loss, train_accuracy, val_loss, val_accuracy, is_best)
        if is_best:
            np.copyto(self.best_theta, theta)
            self.best = epoch
        self.history.append(epoch)
        if last is not None:
            theta[:] = last
        return epoch

    def divergence(self, number: int, expected: str, found: float, step: int | None = None) -> TrainingError:
        """The error for a loss that says training went wrong in the given epoch, and at a step of all of them."""
        self.stopped = f"training diverged in epoch {number}"
        where = f"epoch {number}" if step is None else f"epoch {number}, batch {step % self.steps + 1}"
        rate = self.lr * self.schedule.factor(step or (number - 1) * self.steps)
        by_then = "" if rate > 0.9 * self.lr else f" ({rate:.3g} by then)"
        causes = [] if self.optimizer.smooth else [f"the learning rate {self.lr:g}{by_then} is too high"]
        if self.penalty.l2 * rate > 2:  # a step along −λ w alone goes beyond −w
            causes.insert(0, f"--l2 {self.penalty.l2:g} is too large")
        column = self.unscaled_column()
        if column:
            causes.insert(0, column)
        elif self.config.scale == "none" or self.optimizer.smooth:
            causes.append("the columns need scaling (--scale auto)")
        looked_at = {"": self.network.theta, "the gradient of ": self.network.grad}
        spoiled = [
            f", and {what}{block.name} is not finite any more"
            for what, vector in looked_at.items()
            for block in self.network.blocks
            if not all_finite(block.view(vector))
        ]
        bad = spoiled[0] if spoiled else ""
        lower = min(self.lr / 10, self.optimizer.default_lr)
        remedy = "Try --optimizer adam" if self.optimizer.smooth else f"Try --lr {lower:g}"
        return TrainingError(
            where,
            f"expected {expected}, found {found:g}{bad}; most likely {', or '.join(causes)}",
            "Try --scale auto" if column else "Lower it" if causes[0].startswith("--l2") else remedy,
        )
