"""The training rows in the order of an epoch: which are next, and what those seen so far came to."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolved import rows_per_step
from nncli.data.dataset import Positions
from nncli.data.scaled_rows import SparseMatrix, Subset
from nncli.model.training_state import Sums
from nncli.nn.network import Network
from nncli.nn.row_loss import Loss
from nncli.training.batch import Batch, rows_at_once
from nncli.training.distorted_rows import DistortedPictures


class EpochRows:
    """Gives the steps of each epoch their rows, `batch_size` for each step, in an order that `shuffle` draws.

    `folds` tells which member of an ensemble leaves each row out; `pictures` distorts the rows of each step.
    """

    def __init__(
        self,
        train: Subset,
        batch_size: int,
        shuffle: np.random.Generator,
        folds: NDArray[np.int64] | None,
        pictures: DistortedPictures | None,
    ) -> None:
        self.asked, self.shuffle, self.folds, self.pictures = batch_size, shuffle, folds, pictures
        self.replace(train)
        self.order = train.rows[:0]
        self._begin()

    def replace(self, train: Subset) -> None:
        """Let other rows be those to learn from."""
        self.train, self.batch_size = train, rows_per_step(self.asked, len(train))
        self.steps = math.ceil(len(train) / self.batch_size)  # in each epoch
        self._share_of_inputs: float | None = None

    def share_of_inputs(self, dtype: np.dtype[Any]) -> float:
        """Return which share of the inputs that are stored is not 0, as numbers of the network's type."""
        if self._share_of_inputs is None:
            self._share_of_inputs = self.train.share_of_inputs(dtype)
        return self._share_of_inputs

    def begin_epoch(self, batch: Batch) -> None:
        """Draw the order of the rows of the next epoch."""
        # where one step sees all rows they keep their order, in which they are read faster
        self.order = self.shuffle.permutation(self.train.rows) if self.steps > 1 else batch.subset.rows
        self.train.matrix.expect(self.order)
        self._begin()

    def _begin(self) -> None:
        self.at, self.seen = 0, 0  # the next row; how many rows steps have seen in this epoch, …
        self.total, self.correct = 0.0, 0.0  # … and what they came to

    def go_on_with(self, batch: Batch) -> None:
        """Go on within the epoch with all rows of a batch, in their order."""
        self.order, self.at = batch.subset.rows, 0

    @property
    def left(self) -> Positions:
        """Return the rows of the epoch that no step has seen yet, in their order."""
        return self.order[self.at :]

    @property
    def steps_done(self) -> int:
        """Return how many steps the epoch has had."""
        return self.at // self.batch_size

    @property
    def steps_left(self) -> int:
        """Return how many steps of the epoch are to come."""
        return math.ceil((len(self.order) - self.at) / self.batch_size)

    def add(self, n: int, sums: Sums) -> None:
        """Note that steps have seen the next n rows, and what these came to."""
        self.at += n
        self.seen += n
        self.total += sums.loss
        self.correct += sums.correct

    def together(self, network: Network, at_once: int) -> int:
        """Return how many rows go through a network together, of those that a step takes at once."""
        widths = [width * network.copies for width in network.widths]
        return min(at_once, rows_at_once(widths[1:] if self.train.matrix.is_sparse else widths))

    def new_batch(self, network: Network, loss: Loss, K: int, at_once: int, smoothing: float) -> Batch:
        """Make the batch in which a network sees the rows, `at_once` together, or fewer where they are many."""
        train, size = self.train, self.together(network, at_once)
        if isinstance(train.matrix, SparseMatrix) and self.steps == 1:
            # they lie in a row there, so that no step has to copy them
            train = train.of(SparseMatrix(train.matrix.take_sparse(train.rows), network.dtype))
        if self.pictures:
            train = dataclasses.replace(train, matrix=self.pictures.rows(train.matrix))
        if self.folds is not None:
            train = dataclasses.replace(train, folds=self.folds)
        return Batch(train, loss, K, network, size, smoothing, each_member=True)
