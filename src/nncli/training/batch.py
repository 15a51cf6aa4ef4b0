"""Rows go through a network in batches, to learn from and to evaluate on."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions
from nncli.data.scaled_rows import Matrix, SparseMatrix, Subset, lie_in_a_row
from nncli.metrics.rows import ScoredRows
from nncli.metrics.stored_logits import gathered
from nncli.model.decision import Decision
from nncli.model.network import EVAL_ROWS, eval_rows
from nncli.model.training_state import Sums
from nncli.nn.buffers import zeros
from nncli.nn.layers import Array
from nncli.nn.losses import BinaryCrossEntropy, CrossEntropy
from nncli.nn.network import Network
from nncli.nn.row_loss import Loss, RowLosses, smoothed
from nncli.training.rows_in_parts import RowsInParts

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from nncli.model.target_scale import TargetScale

CELLS_AT_ONCE = 1 << 19  # of the widest layer: with so many, what Python does for each part of a batch hardly counts


class Batch:
    """Up to `size` rows in the network, with their buffers: X and Y go in, P and dZ come out.

    To learn, it has the scores of `each_member` of an ensemble: those of the first for all rows, then of the second …;
    sums are then means over the members, and L is the sum of their losses, so that each learns as it would alone. Where
    members leave out folds, they learn from all other rows; else each row has the score of the member that left it out.
    """

    def __init__(
        self,
        subset: Subset,
        loss: Loss,
        K: int,
        network: Network,
        size: int,
        smoothing: float = 0,
        each_member: bool = False,
    ) -> None:
        self.subset, self.loss, self.network, self.size, self.smoothing = subset, loss, network, size, smoothing
        self.copies = network.copies if each_member else 1
        d, outputs = subset.matrix.width, loss.outputs(K)
        raw = subset.matrix.raw_dtype
        self.raw: NDArray[Any] = np.empty((0, 0)) if raw is None else zeros((size, d), raw)
        self.X = zeros((0 if subset.matrix.is_sparse else size, d), network.dtype)
        self._given: csr_array | None = None  # what sparse rows are in the place of those of the matrix
        self.Y = zeros((self.copies * size, outputs), network.dtype)
        self.P = zeros((self.copies * size, outputs), network.dtype)
        self.dZ = zeros((self.copies * size, outputs), network.dtype)
        self.right = np.zeros(0, np.bool_)  # of the rows taken last, where there are classes
        self.threads = 1  # that share more rows than `size`
        self._in_parts: RowsInParts | None = None  # takes these

    def take(self, rows: Positions) -> tuple[Array, Array]:
        """Take rows of the matrix; return their X and Y."""
        n = len(rows)
        X, Y = self._take(rows), self.Y[:n]
        self.loss.write_targets(self.y, Y, self.smoothing)
        if self.copies > 1:
            self.Y[n : self.copies * n].reshape(self.copies - 1, n, -1)[...] = Y
        return X, Y

    def _take(self, rows: Positions) -> Array:
        """Take rows of the matrix, and return them."""
        matrix = self.subset.matrix
        # those that follow one another are a part of what there is, which nobody has to copy
        there = slice(int(rows[0]), int(rows[0]) + len(rows)) if lie_in_a_row(rows) else None
        self.rows, self.y = rows, self.subset.y[rows if there is None else there]
        if self._given is not None:
            self.now = self._given
        elif matrix.is_sparse:
            self.now = self.take_sparse(rows)
        elif there and isinstance(matrix, Matrix) and matrix.is_ready:
            self.now = matrix.values[there]
        else:
            self.now = self.X[: len(rows)]
            if not self._take_scaled(rows, self.now):
                matrix.take(rows, self.raw, self.now)
        return self.now

    def take_sparse(self, rows: Positions) -> csr_array:
        """Return rows of a matrix that is sparse."""
        matrix, taken = self.subset.matrix, None
        # several that follow one another are a part of the matrix, which nobody has to copy
        if isinstance(matrix, SparseMatrix) and (len(rows) == 1 or not lie_in_a_row(rows)):
            taken = self.network.kernels.take_sparse(matrix.values, rows)
        return matrix.take_sparse(rows) if taken is None else taken

    @contextlib.contextmanager
    def through(self, network: Network, X: csr_array) -> Iterator[None]:
        """Let rows that are taken within the block be X, and go through another network."""
        own = self.network
        self.network, self._given = network, X
        try:
            yield
        finally:
            self.network, self._given = own, None

    def _take_scaled(self, rows: Positions, X: Array) -> bool:
        """Write rows of a matrix that is stored as it was read, scaled, if the kernels can."""
        matrix = self.subset.matrix
        if not isinstance(matrix, Matrix) or matrix.scale is None or matrix.clips:
            return False
        return self.network.kernels.take_scaled(matrix.values, rows, matrix.scale, matrix.shift, X)

    def weights(self) -> NDArray[np.float64] | None:
        """Return the weights of the rows taken, (n,); None: each is 1."""
        return None if self.subset.weights is None else self.subset.weights[self.rows]

    def forward(self, rows: Positions) -> Sums:
        """Take rows of the matrix; return the sums over them."""
        self.take(rows)
        losses = self.losses()
        return self.sums(self.Z, losses)

    def scores(self) -> Array:
        """Return the scores Z of the rows taken, which last until the next."""
        X, n, folds = self.now, len(self.rows), self.subset.folds
        if self.copies > 1:
            self.Z = self.network.scores_of_members(X)
        elif folds is not None and self.network.copies > 1:
            of_members = self.network.scores_of_members(X).reshape(self.network.copies, n, -1)
            self.Z = of_members[folds[self.rows], np.arange(n)]
        else:
            self.Z = self.network.forward(X)
        return self.Z

    def losses(self) -> RowLosses:
        """Return the losses of the rows taken, (n,), without weights."""
        n = self.copies * len(self.rows)
        return self.loss.forward(self.scores(), self.Y[:n], self.P[:n])

    def sums(self, Z: Array, losses: RowLosses) -> Sums:
        """Return the sums over the rows taken, from their scores and losses."""
        if self.copies == 1:
            return self._sums(Z, losses, self.rows, self.y)
        parts = zip(Z.reshape(self.copies, -1, Z.shape[1]), losses.reshape(self.copies, -1), strict=True)
        folds, found = self.subset.folds, list[Sums]()
        for i, (of_z, of_losses) in enumerate(parts):
            own = slice(None) if folds is None else folds[self.rows] != i
            found.append(self._sums(of_z[own], of_losses[own], self.rows[own], self.y[own]))
        times = self.copies - (folds is not None)  # that each row is seen
        return Sums(*(sum(values) / times for values in zip(*found, strict=True)))

    def _sums(self, Z: Array, losses: RowLosses, rows: Positions, y: NDArray[Any]) -> Sums:
        weights = None if self.subset.weights is None else self.subset.weights[rows]
        if self.subset.is_numeric:
            return self._sums_of_numbers(Z, losses, weights, y)
        self.right = self.loss.classes(Z) == y
        right, n_right = self.right, int(np.count_nonzero(self.right))
        if weights is None:
            return Sums(float(losses.sum()), n_right, n_right)
        return Sums(float(weights @ losses), n_right, float(weights @ right))

    def _sums_of_numbers(
        self, Z: Array, losses: RowLosses, weights: NDArray[np.float64] | None, y: NDArray[Any]
    ) -> Sums:
        squares = (Z[:, 0] - y) ** 2
        if weights is None:
            total = float(squares.sum())
            return Sums(float(losses.sum()), total, total)
        return Sums(float(weights @ losses), float(squares.sum()), float(weights @ squares))

    def learn(self, rows: Positions) -> Sums:
        """Compute g = dL/dθ, L the mean over rows of the matrix, and return the sums over them; no g if these are not
        finite. More than `size` rows go through the network in parts, see `RowsInParts`."""
        if len(rows) > self.size:
            self._in_parts = self._in_parts or RowsInParts(self)
            return self._in_parts.learn(rows)
        if (fused := self._learn_fused(rows)) is not None:
            return fused
        sums = self.forward(rows)
        if math.isfinite(sums.loss):
            self.backward()
        return sums

    def twin(self) -> Batch:
        """Return a batch of the same rows for another thread: with buffers of its own, and a network that has the same
        parameters, and a gradient of its own."""
        made, network = copy.copy(self), self.network
        vectors = network.theta, zeros(network.size, network.dtype)
        made.network = Network(
            network.widths[0], [copy.copy(one) for one in network.layers], network.dtype.name, vectors
        )
        made.network.use(network.kernels)
        made.raw, made.X, made.Y, made.P, made.dZ = (
            zeros(A.shape, A.dtype) for A in (self.raw, self.X, self.Y, self.P, self.dZ)
        )
        return made

    def _learn_fused(self, rows: Positions) -> Sums | None:
        """Do what `learn` does, where the kernels have a loop for the loss and its gradient, else return None."""
        kernels, subset, outputs = self.network.kernels, self.subset, self.dZ.shape[1]
        if self.copies > 1 or subset.weights is not None or subset.is_numeric:
            return None
        if type(self.loss) is CrossEntropy and kernels.fuses_softmax(outputs):
            loss = kernels.softmax_loss
        elif type(self.loss) is BinaryCrossEntropy and outputs == 1 and kernels.fuses_sigmoid:
            loss = kernels.sigmoid_loss
        else:
            return None
        n = len(rows)
        X, dZ = self._take(rows), self.dZ[:n]
        self.Z, targets = self.network.forward(X), smoothed(outputs, self.smoothing)
        losses, self.right = loss(self.Z, self.y.astype(np.int64, copy=False), *targets, 1 / n, dZ)
        total, right = float(losses.sum()), int(np.count_nonzero(self.right))
        if math.isfinite(total):
            self.network.backward(dZ)
        return Sums(total, right, right)

    def backward(self, dX: Array | None = None) -> None:
        """Compute g = dL/dθ, L the weighted mean over the rows of the last `forward`; and dX (n, d), if it is given."""
        n, weights, end = len(self.rows), self.weights(), self.copies * len(self.rows)
        dZ = self.dZ[:end]
        self.loss.backward(self.Z, self.P[:end], self.Y[:end], dZ)
        each = 1 / n
        if self.copies > 1:  # members that share parameters learn from the mean of their losses, others from their own
            each *= self.network.independent / self.copies
        dZ *= each if weights is None else np.tile(each * weights, self.copies)[:, None].astype(dZ.dtype)
        if self.copies > 1 and self.subset.folds is not None:
            learns = self.subset.folds[self.rows] != np.arange(self.copies)[:, None]  # (N, n)
            share = learns * (n / np.maximum(learns.sum(axis=1, keepdims=True), 1))  # of the mean over its own rows
            dZ *= share.reshape(-1, 1).astype(dZ.dtype)
        if self.copies == 1:
            self.network.backward(dZ, dX)
        else:
            self.network.backward_members(dZ, dX)


def rows_at_once(widths: Sequence[int]) -> int:
    """Return how many rows of a large batch go together through a network of these widths."""
    return max(EVAL_ROWS, CELLS_AT_ONCE // max(widths))


def _to_evaluate(network: Network, loss: Loss, subset: Subset, K: int) -> Batch:
    """Make a batch for rows that are only evaluated."""
    return Batch(subset, loss, K, network, min(eval_rows(network.widths, subset.matrix.is_sparse), len(subset)))


def evaluate(
    network: Network, loss: Loss, subset: Subset, K: int, look: Callable[[Batch], None] = lambda batch: None
) -> tuple[float, float, float]:
    """Return means over a subset, which must not be empty: the weighted loss, the accuracy, the weighted accuracy; of
    numbers, the mean squared error is in the place of the accuracy.

    `look` is given the batch after each `eval_rows` rows, with their scores Z, which last until the next.
    """
    subset.matrix.expect(subset.rows)
    batch, parts = _to_evaluate(network, loss, subset, K), list[Sums]()
    for start in range(0, len(subset), batch.size):
        parts.append(batch.forward(subset.rows[start : start + batch.size]))
        look(batch)
    return _means(subset, parts)


def _means(subset: Subset, parts: Sequence[Sums]) -> tuple[float, float, float]:
    """Return the means over a subset, from the sums over its parts."""
    weight = len(subset) if subset.weights is None else float(subset.weights[subset.rows].sum())
    total, correct, weighted_correct = map(sum, zip(*parts, strict=True))
    return total / weight, correct / len(subset), weighted_correct / weight


def scores(network: Network, loss: Loss, subset: Subset, K: int) -> Iterator[Array]:
    """Yield the scores Z of `eval_rows` rows of a subset at a time, which last until the next: where members leave out
    folds, each row has the score of the member that left it out."""
    subset.matrix.expect(subset.rows)
    batch = _to_evaluate(network, loss, subset, K)
    for start in range(0, len(subset), batch.size):
        batch.take(subset.rows[start : start + batch.size])
        yield batch.scores()


def judged(network: Network, loss: Loss, subset: Subset, K: int, decision: Decision | None = None) -> ScoredRows:
    """Return the rows of a subset with what the network says of them, their classes as a `decision` has them, if any,
    and their losses: weighted, so that their mean is the loss of the subset. Numbers and their losses are standardised;
    see `judged_numbers`."""
    if subset.is_numeric:
        return _standardised(network, loss, subset, K)
    return evaluated_rows(network, loss, subset, K, decision)[0]


def evaluated_rows(
    network: Network, loss: Loss, subset: Subset, K: int, decision: Decision | None
) -> tuple[ScoredRows, tuple[float, float, float]]:
    """Return what `judged` does of classes, and what `evaluate` does, from one pass of the rows."""
    subset.matrix.expect(subset.rows)
    batch = _to_evaluate(network, loss, subset, K)
    predicted, losses, parts = list[NDArray[np.int64]](), list[RowLosses](), list[Sums]()
    rule = None if decision is None or decision.is_likeliest or not loss.probabilistic else decision

    def of_parts() -> Iterator[Array]:
        for start in range(0, len(subset), batch.size):
            batch.take(subset.rows[start : start + batch.size])
            losses.append(batch.losses())
            parts.append(batch.sums(batch.Z, losses[-1]))
            predicted.append(loss.classes(batch.Z) if rule is None else rule.classes(loss.by_class(batch.Z)))
            yield loss.logits(batch.Z.copy())

    logits = gathered(of_parts(), len(subset))
    of_rows = np.concatenate(losses)
    if subset.weights is not None:
        weights = subset.weights[subset.rows]
        of_rows *= weights * (len(subset) / weights.sum())
    y = subset.y[subset.rows].astype(np.int64)
    said = np.concatenate(predicted), K, logits, loss.probabilistic
    told = () if decision is None else (decision.positive, decision.cost_matrix)
    return ScoredRows(y, *said, of_rows, *told), _means(subset, parts)


def judged_numbers(network: Network, loss: Loss, subset: Subset, scale: TargetScale) -> ScoredRows:
    """Return the rows of a subset whose target is a number with what the network predicts, and their losses, in the
    unit of the target."""
    rows = _standardised(network, loss, subset, 0)
    assert rows.losses is not None
    y, predicted = scale.numbers(rows.y[:, None]), scale.numbers(rows.predicted[:, None].astype(network.dtype))
    return ScoredRows.of_numbers(y, predicted, rows.losses * scale.unit_of(loss))


def _standardised(network: Network, loss: Loss, subset: Subset, K: int) -> ScoredRows:
    predicted, losses = np.empty(len(subset)), np.empty(len(subset))
    batch = _to_evaluate(network, loss, subset, K)
    subset.matrix.expect(subset.rows)
    for start in range(0, len(subset), batch.size):
        part = slice(start, start + batch.size)
        batch.take(subset.rows[part])
        losses[part] = batch.losses()
        predicted[part] = batch.Z[:, 0]
    if subset.weights is not None:
        weights = subset.weights[subset.rows]
        losses *= weights * (len(subset) / weights.sum())
    return ScoredRows.of_numbers(subset.y[subset.rows], predicted, losses)
