"""Steps that touch few rows of the first weights W (d, h), as those of a mini-batch of sparse rows do: they cost as
much as the batch has entries, however many inputs d there are.

A compact network has the inputs U that the batch has entries for, and no others. W[U], and the same rows of what the
optimizer and the average keep, are gathered from the vectors of the network; the ordinary step is taken on them; and
they are scattered back. What the steps between two touches would have done to a row is made up for when it is touched
next, or by `catch_up_all`: see `missed_steps.py`.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.nn.averages import Average, RunningAverage
from nncli.nn.elementwise import Elementwise, Optimizer, Part
from nncli.nn.kernels.plain import CatchUpRule, Inputs, Kernels, Plan, Rooms, StepsTogether
from nncli.nn.layers import Array
from nncli.nn.missed_steps import MissedSteps
from nncli.nn.network import Network
from nncli.nn.regularisation import Penalty
from nncli.nn.row_loss import Loss
from nncli.nn.sparse_rows import with_entries

if TYPE_CHECKING:
    from scipy.sparse import csr_array

KEPT = 4  # compact networks, for the next batches with about as many inputs
LEAST = 16  # inputs of a compact network
AT_ONCE = 1 << 16  # numbers of a vector that are caught up together, which stay in the cache


class Learner(NamedTuple):
    """Hold what a step changes: the parameters of a network, what its optimizer keeps, and their average."""

    network: Network
    optimizer: Optimizer
    average: Average

    @property
    def vectors(self) -> list[Array]:
        """Return θ, what the optimizer keeps of each parameter, and θ̄, where it is another vector."""
        kept = self.optimizer.vectors.values() if isinstance(self.optimizer, Elementwise) else []
        return [self.network.theta, *kept, *([self.average.mean] if isinstance(self.average, RunningAverage) else [])]


class Compact:
    """A learner with the same layers for few inputs.

    `rows` are the parts of its vectors that have a row for each input, those of one W together; the first `used` rows
    are in use, and all others are 0. `rest` is the parts that have none, as slices.
    """

    def __init__(self, whole: Learner, optimizer: Elementwise, inputs: int, missed: MissedSteps) -> None:
        network, self.used = whole.network.with_inputs(whole.network.passed + inputs), 0
        network.use(whole.network.kernels)
        pairs = [*zip(whole.network.blocks, network.blocks, strict=True)]
        self.optimizer, average = copy.copy(optimizer), copy.copy(whole.average)
        parts = [Part(own.start, own.stop, optimizer.factor_at(block.start)) for block, own in pairs]
        self.optimizer.start(network.theta, parts)
        self.optimizer.fused = network.kernels.update_rule(self.optimizer)
        self.catch_up: CatchUpRule | None = network.kernels.catch_up_rule(missed, network.dtype)
        average.start(network.theta)
        self.learner = Learner(network, self.optimizer, average)
        self.vectors = self.learner.vectors
        of_inputs = [own for block, own in pairs if own.shape != block.shape]
        self.rows = [[block.view(vector) for vector in self.vectors] for block in of_inputs]
        self.rest = [slice(own.start, own.stop) for block, own in pairs if own.shape == block.shape]


class TouchedRows:
    """The rows of the first weights of a network that steps have touched; each step is one of `steps`."""

    def __init__(self, learner: Learner, optimizer: Elementwise, penalty: Penalty) -> None:
        """Take steps of a learner, whose optimizer is the one that is given too."""
        self.learner, self.optimizer, self.penalty = learner, optimizer, penalty
        network, average = learner.network, learner.average
        self.passed = network.passed
        d = network.widths[0] - self.passed
        few = network.with_inputs(self.passed + 1)
        pairs = [*zip(network.blocks, few.blocks, strict=True)]
        of_inputs = [block for block, own in pairs if own.shape != block.shape]
        self.vectors = learner.vectors
        self.rows = [[block.view(vector) for vector in self.vectors] for block in of_inputs]
        self.rest = [slice(block.start, block.stop) for block, own in pairs if own.shape == block.shape]
        if not of_inputs[0].is_weight:
            self.penalty = Penalty()  # which shrinks weights alone
        self.missed = MissedSteps(d, optimizer, average, self.penalty, optimizer.factor_at(of_inputs[0].start))
        self._rooms = Rooms(d)
        self._compact: dict[int, Compact] = {}
        self._linear: tuple[Kernels, StepsTogether | None] | None = None
        self._last: Compact | None = None  # which has what is not in rows

    def size_for(self, inputs: int) -> int:
        """Return how many inputs the compact network has for so many, 0 where it is not worth one."""
        step = max(LEAST, 1 << max(0, inputs.bit_length() - 4))
        size = -(-max(inputs, 1) // step) * step
        return size if size <= self._rooms.d // 2 else 0

    @contextlib.contextmanager
    def step(
        self, X: csr_array, penalty: Penalty, lr: float, plan: Plan, steps: int = 1
    ) -> Iterator[tuple[Learner, csr_array]]:
        """Give the learner that is to take one step at the rate lr within the block, or `steps`, for rows X, and these
        as it sees them: a compact one, or the whole where the rows touch too many inputs. `plan` is of the steps from
        these on."""
        kernels = self.learner.network.kernels
        inputs, places = kernels.distinct(X.indices, self.passed, self._rooms)
        size = self.size_for(len(inputs))
        if not size:
            self.catch_up_all()
            yield self.learner, X
            return
        if not self.missed.are_planned(lr, steps):
            self.catch_up_all()
            self.missed.plan(*plan)
        compact = self._of_size(size)
        self._gather(compact, inputs)
        yield compact.learner, with_entries(X.data, places, X.indptr, self.passed + size)
        self._scatter(compact, inputs)
        self.missed.add(penalty, lr, steps)
        if self.missed.is_needed:
            kernels.put_number(self.missed.now, inputs, self.missed.last)

    def linear_steps(self, loss: Loss, smoothing: float) -> StepsTogether | None:
        """Return what takes steps many at a time, for a loss of classes, with label smoothing; None: one by one."""
        kernels = self.learner.network.kernels
        if self._linear is None or self._linear[0] is not kernels:
            self._linear = kernels, kernels.linear_steps(self, loss, smoothing)
        return self._linear[1]

    def planned(self, rates: NDArray[np.float64], plan: Plan) -> int:
        """Return how many of the next steps, which are to be taken at those rates, are as planned: one at least, as
        otherwise they are planned anew. Everything but the rows is where it is when all are touched then."""
        missed = self.missed
        n = min(len(rates), missed.planned - missed.now)
        if n <= 0 or not np.array_equal(missed.rates[missed.now : missed.now + n], rates[:n]):
            self.catch_up_all()
            missed.plan(*plan)
            n = min(len(rates), missed.planned)
        self._move_rest(None)
        return n

    def catch_up_all(self) -> None:
        """Do to all rows what the steps that did not touch them would have done, and put everything where it is when
        all rows are touched."""
        self._move_rest(None)
        if self.missed.are_none:
            return
        for rows in self.rows:
            for part in _parts(*rows[0].shape):
                self.missed.catch_up([A[part] for A in rows], part, self.penalty)
        self.missed.forget()

    def _of_size(self, size: int) -> Compact:
        found, kernels = self._compact.pop(size, None), self.learner.network.kernels
        if found is None or found.learner.network.kernels is not kernels:
            if found is not None and found is self._last:
                self._move_rest(None)
            if len(self._compact) >= KEPT:
                oldest = next(other for other, one in self._compact.items() if one is not self._last)
                del self._compact[oldest]
            found = Compact(self.learner, self.optimizer, size, self.missed)
        self._compact[size] = found  # as the one that was used last
        return found

    def _gather(self, compact: Compact, inputs: Inputs) -> None:
        u = len(inputs)
        self._move_rest(compact)
        for whole, own in zip(self.rows, compact.rows, strict=True):
            self._take(whole, inputs, [B[:u] for B in own], compact.catch_up)
            for B in own:
                B[u : compact.used] = 0
        compact.used = u
        compact.optimizer.t = self.optimizer.t
        _count_as(self.learner.average, compact.learner.average)
        for layer, its in zip(self.learner.network.dropouts, compact.learner.network.dropouts, strict=True):
            its.rng, its.strength = layer.rng, layer.strength

    def _take(self, whole: list[Array], inputs: Inputs, taken: list[Array], catch_up: CatchUpRule | None) -> None:
        """Take the rows of some inputs, caught up."""
        if catch_up is not None and not self.missed.are_none:
            catch_up(whole, inputs, taken)
            return
        for part in _parts(*taken[0].shape):
            some, its = inputs[part], [B[part] for B in taken]
            for A, B in zip(whole, its, strict=True):
                self.learner.network.kernels.take_rows(A, some, B)
            self.missed.catch_up(its, some, self.penalty)

    def _scatter(self, compact: Compact, inputs: Inputs) -> None:
        u = len(inputs)
        for whole, own in zip(self.rows, compact.rows, strict=True):
            for A, B in zip(whole, own, strict=True):
                self.learner.network.kernels.put_rows(B[:u], inputs, A)
        self.optimizer.t = compact.optimizer.t
        _count_as(compact.learner.average, self.learner.average)

    def _move_rest(self, to: Compact | None) -> None:
        """Move what is not in rows from where it is to a compact learner; None: to the whole one."""
        if to is self._last:
            return
        here, there = self._last or self, to or self
        for old, new in zip(here.vectors, there.vectors, strict=True):
            for part, same in zip(here.rest, there.rest, strict=True):
                new[same] = old[part]
        self._last = to


def _count_as(one: Average, other: Average) -> None:
    """Let another average have seen as many steps as one."""
    if isinstance(one, RunningAverage) and isinstance(other, RunningAverage):
        other.steps = one.steps


def _parts(n: int, h: int) -> Iterator[slice]:
    """Yield n rows of h numbers, some at a time."""
    at_once = max(1, AT_ONCE // h)
    for start in range(0, n, at_once):
        yield slice(start, start + at_once)
