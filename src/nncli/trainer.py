"""X, y → θ: the training loop. It yields one result per epoch and prints nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.config import TrainConfig
from nncli.data.matrix import Subset
from nncli.errors import TrainingError
from nncli.model import EVAL_ROWS
from nncli.nn.losses import Loss
from nncli.nn.memory import zeros
from nncli.nn.network import Network
from nncli.nn.optimizers import OPTIMIZERS, clip
from nncli.nn.schedules import SCHEDULES
from nncli.option import FULL_BATCH


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training rows came to. The training figures are running ones, taken
    while θ changed (and so a little behind); the validation figures are those of θ at its end."""

    number: int  # from 1
    train_loss: float
    train_accuracy: float
    val_loss: float | None  # None without validation rows
    val_accuracy: float | None
    is_best: bool


class Batch:
    """The buffers of up to `size` rows on their way through the network: X and Y in, P and dZ out."""

    def __init__(self, subset: Subset, loss: Loss, K: int, network: Network, size: int, smoothing: float = 0) -> None:
        self.subset, self.loss, self.network = subset, loss, network
        table = loss.targets(K)  # row k is the target of class k
        table = (1 - smoothing) * table + smoothing * table.mean(axis=0)  # (Szegedy et al. 2016)
        self.table = table.astype(network.dtype)
        d, outputs = subset.matrix.width, self.table.shape[1]
        self.raw = zeros((size if subset.matrix.scale is not None else 0, d), subset.matrix.values.dtype)
        self.X = zeros((size, d), network.dtype)
        self.Y = zeros((size, outputs), network.dtype)
        self.P = zeros((size, outputs), network.dtype)
        self.dZ = zeros((size, outputs), network.dtype)

    def forward(self, rows: NDArray[np.int64]) -> tuple[float, int]:
        """The sum of the losses of the given rows of the matrix, and how many of them come out right."""
        n = len(rows)
        X, Y, P = self.X[:n], self.Y[:n], self.P[:n]
        y = self.subset.y[rows]
        self.subset.matrix.take(rows, self.raw[:n], X)
        np.take(self.table, y, axis=0, out=Y, mode="clip")
        losses = self.loss.forward(self.network.forward(X), Y, P)
        correct = self.loss.probabilities(P).argmax(axis=1) == y
        return float(losses.sum()), int(np.count_nonzero(correct))

    def backward(self, n: int) -> None:
        """g = dL/dθ of the n rows of the last `forward`."""
        self.loss.backward(self.P[:n], self.Y[:n], self.dZ[:n])
        self.network.backward(self.dZ[:n])


def evaluate(network: Network, loss: Loss, subset: Subset, K: int) -> tuple[float, float]:
    """Mean loss and accuracy over the rows of the subset, which must not be empty."""
    batch = Batch(subset, loss, K, network, min(EVAL_ROWS, len(subset)))
    total, correct = 0.0, 0
    for start in range(0, len(subset), EVAL_ROWS):
        batch_loss, batch_correct = batch.forward(subset.rows[start : start + EVAL_ROWS])
        total += batch_loss
        correct += batch_correct
    return total / len(subset), correct / len(subset)


class Trainer:
    """Trains a network in place, epoch by epoch, and remembers the best θ seen.

    Best is the lowest validation loss, which has less noise than the accuracy of a few rows; without
    validation rows, the last epoch. `config` is a resolved one.
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
    ) -> None:
        assert config.optimizer is not None
        assert config.lr is not None
        assert config.batch_size is not None
        assert config.epochs is not None
        self.network, self.loss, self.config = network, loss, config
        self.train, self.val, self.K, self.shuffle = train, val, K, shuffle
        self.lr = config.lr
        self.batch_size = len(train) if config.batch_size == FULL_BATCH else min(config.batch_size, len(train))
        self.optimizer = OPTIMIZERS.create(config.optimizer)
        self.optimizer.start(network.theta)
        self.schedule = SCHEDULES.create(config.schedule)
        self.epochs, self.steps = config.epochs, math.ceil(len(train) / self.batch_size)
        self.schedule.start(self.epochs * self.steps)
        self.history: list[Epoch] = []
        self.stopped = "all planned epochs are done"  # why `run` ended, as the end of a sentence
        self.best: Epoch | None = None
        self.best_theta = network.theta.copy()

    def run(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Epoch]:
        """Yields each epoch as it ends; returns at the last one, when patience or time is out, or within a
        step of `stop()` becoming true. TrainingError at the first loss that is not finite."""
        began = time.monotonic()
        limit = self.config.time_limit or math.inf
        smoothing = self.config.label_smoothing or 0
        batch = Batch(self.train, self.loss, self.K, self.network, self.batch_size, smoothing)
        for number in range(len(self.history) + 1, self.epochs + 1):
            rows = self.shuffle.permutation(self.train.rows)
            total, correct = 0.0, 0
            # overflow shows as a loss that is not finite, which is looked for at each step
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                for step in range(self.steps):
                    if stop():
                        self.stopped = "interrupted"
                        return
                    if time.monotonic() - began > limit:
                        self.stopped = f"the time limit of {limit:g} s was reached"
                        return
                    lr = self.lr * self.schedule.factor((number - 1) * self.steps + step)
                    chosen = rows[step * self.batch_size : (step + 1) * self.batch_size]
                    batch_loss, batch_correct = batch.forward(chosen)
                    if not math.isfinite(batch_loss):
                        raise self.divergence(number, "a finite loss", batch_loss / len(chosen))
                    batch.backward(len(chosen))
                    if self.config.clip_norm is not None:
                        clip(self.network.grad, self.config.clip_norm)
                    self.optimizer.step(self.network.theta, self.network.grad, lr)
                    total += batch_loss
                    correct += batch_correct
            epoch = self._close(number, total / len(rows), correct / len(rows))
            yield epoch
            assert self.best is not None
            if self.val and number - self.best.number >= (self.config.patience or math.inf):
                self.stopped = f"no lower validation loss for {self.config.patience} epochs"
                return

    def _close(self, number: int, train_loss: float, train_accuracy: float) -> Epoch:
        val_loss = val_accuracy = None
        is_best = True
        if self.val:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                val_loss, val_accuracy = evaluate(self.network, self.loss, self.val, self.K)
            if not math.isfinite(val_loss):
                raise self.divergence(number, "a finite loss", val_loss)
            self.schedule.observe(val_loss)
            if self.best is not None:
                assert self.best.val_loss is not None
                is_best = val_loss < self.best.val_loss
        epoch = Epoch(number, train_loss, train_accuracy, val_loss, val_accuracy, is_best)
        if is_best:
            np.copyto(self.best_theta, self.network.theta)
            self.best = epoch
        self.history.append(epoch)
        return epoch

    def divergence(self, number: int, expected: str, found: float) -> TrainingError:
        """The error for a loss that says training went wrong in the given epoch."""
        self.stopped = f"training diverged in epoch {number}"
        cause = f"the learning rate {self.lr:g} is too high"
        if self.config.scale == "none":
            cause += ", or the columns need scaling (--scale auto)"
        return TrainingError(
            f"epoch {number}",
            f"expected {expected}, found {found:g}; most likely {cause}",
            f"Try --lr {min(self.lr / 10, self.optimizer.default_lr):g}",
        )
