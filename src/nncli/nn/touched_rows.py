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
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.nn.averages import Average, RunningAverage
from nncli.nn.layers import Array, Dropout
from nncli.nn.missed_steps import MissedSteps
from nncli.nn.network import Network
from nncli.nn.optimizers import Elementwise, Part
from nncli.nn.regularisation import Penalty

if TYPE_CHECKING:
    from scipy.sparse import csr_array

KEPT = 4  # compact networks, for the next batches with about as many inputs
LEAST = 16  # inputs of a compact network
ROWS_AT_ONCE = 1 << 16  # numbers of a vector that are caught up together


class Compact:
    """A network of the same layers for few inputs, with an optimizer and an average of its own.

    `vectors` are its vectors, and `rows` the parts of each that have a row for each input, the first `used` of which
    are in use; all others are 0. `rest` is the parts of θ that have none, as slices of the whole vector and of its own.
    """

    def __init__(self, network: Network, optimizer: Elementwise, average: Average, inputs: int) -> None:
        self.network, self.used = network.with_inputs(inputs), 0
        self.network.use(network.kernels)
        pairs = [*zip(network.blocks, self.network.blocks, strict=True)]
        self.optimizer, self.average = copy.copy(optimizer), copy.copy(average)
        parts = [Part(own.start, own.stop, optimizer.factor_at(block.start)) for block, own in pairs]
        self.optimizer.start(self.network.theta, parts)
        self.optimizer.fused = network.kernels.update_rule(self.optimizer)
        self.average.start(self.network.theta)
        self.vectors = vectors_of(self.network, self.optimizer, self.average)
        self.rows = [[own.view(vector) for block, own in pairs if own.shape != block.shape] for vector in self.vectors]
        self.rest = [
            (slice(block.start, block.stop), slice(own.start, own.stop))
            for block, own in pairs
            if own.shape == block.shape
        ]


class Columns(NamedTuple):
    """The inputs that a batch has entries for, (u,), and the place among them of each entry, (nnz,)."""

    inputs: NDArray[np.intp]
    places: NDArray[np.int32]


class TouchedRows:
    """The rows of the first weights of a network that steps have touched; each step is one of `steps`."""

    def __init__(self, network: Network, optimizer: Elementwise, average: Average) -> None:
        self.network, self.optimizer, self.average = network, optimizer, average
        self.vectors = vectors_of(network, optimizer, average)
        d = network.widths[0]
        few = network.with_inputs(1)
        of_inputs = [block for block, own in zip(network.blocks, few.blocks, strict=True) if own.shape != block.shape]
        self.rows = [[block.view(vector) for block in of_inputs] for vector in self.vectors]
        self.missed = MissedSteps(d, optimizer, average, optimizer.factor_at(of_inputs[0].start))
        self._place = np.zeros(d, np.int32)
        self._compact: dict[int, Compact] = {}
        self._last: Compact | None = None  # which has what is not in rows

    def columns(self, X: csr_array) -> Columns:
        """Find the inputs that the rows X have entries for."""
        entries = X.indices
        order = np.arange(len(entries), dtype=np.int32)
        self._place[entries] = order  # of several entries of one input, one stays
        inputs = entries[self._place[entries] == order].astype(np.intp)
        self._place[inputs] = order[: len(inputs)]
        return Columns(inputs, self._place[entries])

    def size_for(self, inputs: int) -> int:
        """Return how many inputs the compact network has for so many, 0 where it is not worth one."""
        step = max(LEAST, 1 << max(0, inputs.bit_length() - 4))
        size = -(-inputs // step) * step
        return size if size <= self.network.widths[0] // 2 else 0

    @contextlib.contextmanager
    def step(
        self, X: csr_array, penalty: Penalty, lr: float, rates: Callable[[int], Array] | None = None, steps: int = 1
    ) -> Iterator[tuple[Compact | None, csr_array]]:
        """Give the compact network for rows X, which are as it sees them, to take one step with it within the block, or
        `steps`, at the rate lr; None where the batch touches so many inputs that the step is that of the network
        itself. `rates(n)` returns the rates of the next n steps, as far as they are planned."""
        from scipy.sparse import csr_array

        columns = self.columns(X)
        size = self.size_for(len(columns.inputs))
        if not self.missed.is_planned(lr):
            self.catch_up_all()
            self.missed.plan(rates)
        if not size:
            self.catch_up_all()
            yield None, X
            return
        compact = self._of_size(size)
        self._gather(compact, columns.inputs)
        yield compact, csr_array((X.data, columns.places, X.indptr), shape=(X.shape[0], size))
        self._scatter(compact, columns.inputs)
        self.missed.add(columns.inputs, penalty, lr, steps)

    def catch_up_all(self) -> None:
        """Do to all rows what the steps that did not touch them would have done, and put everything where it is when
        all rows are touched."""
        if self._last is not None:
            self._move_rest(None)
        if self.missed.are_none:
            return
        theta = self.rows[0]
        for i, W in enumerate(theta):
            at_once = max(1, ROWS_AT_ONCE // W.shape[1])
            for start in range(0, len(W), at_once):
                part = slice(start, start + at_once)
                self.missed.catch_up([rows[i][part] for rows in self.rows], part)
        self.missed.forget()

    def _of_size(self, size: int) -> Compact:
        found = self._compact.pop(size, None)
        if found is None or found.network.kernels is not self.network.kernels:
            if len(self._compact) >= KEPT:
                oldest = next(other for other, one in self._compact.items() if one is not self._last)
                del self._compact[oldest]
            found = Compact(self.network, self.optimizer, self.average, size)
        self._compact[size] = found  # as the one that was used last
        return found

    def _gather(self, compact: Compact, inputs: NDArray[np.intp]) -> None:
        u = len(inputs)
        if compact is not self._last:
            self._move_rest(compact)
        for whole, own in zip(self.rows, compact.rows, strict=True):
            for A, B in zip(whole, own, strict=True):
                np.take(A, inputs, axis=0, out=B[:u], mode="clip")
                B[u : compact.used] = 0
        compact.used = u
        for i in range(len(compact.rows[0])):
            self.missed.catch_up([rows[i][:u] for rows in compact.rows], inputs)
        compact.optimizer.t = self.optimizer.t
        if isinstance(self.average, RunningAverage) and isinstance(compact.average, RunningAverage):
            compact.average.steps = self.average.steps
        for layer, its in zip(self.network.layers, compact.network.layers, strict=True):
            if isinstance(layer, Dropout) and isinstance(its, Dropout):
                its.rng, its.strength = layer.rng, layer.strength

    def _scatter(self, compact: Compact, inputs: NDArray[np.intp]) -> None:
        u = len(inputs)
        for whole, own in zip(self.rows, compact.rows, strict=True):
            for A, B in zip(whole, own, strict=True):
                as_one(A)[inputs] = as_one(B)[:u]
        self.optimizer.t = compact.optimizer.t
        if isinstance(self.average, RunningAverage) and isinstance(compact.average, RunningAverage):
            self.average.steps = compact.average.steps

    def _move_rest(self, to: Compact | None) -> None:
        """Move what is not in rows from where it is to a compact network, or to the network itself."""
        here, there = self._last, to
        if here is None and there is not None:
            for whole, own in zip(self.vectors, there.vectors, strict=True):
                for of_whole, of_own in there.rest:
                    own[of_own] = whole[of_whole]
        elif here is not None and there is None:
            for whole, own in zip(self.vectors, here.vectors, strict=True):
                for of_whole, of_own in here.rest:
                    whole[of_whole] = own[of_own]
        elif here is not None and there is not None:
            for old, new in zip(here.vectors, there.vectors, strict=True):
                for (_, of_old), (_, of_new) in zip(here.rest, there.rest, strict=True):
                    new[of_new] = old[of_old]
        self._last = there


def vectors_of(network: Network, optimizer: Elementwise, average: Average) -> list[Array]:
    """Return θ, what the optimizer keeps of each parameter, and θ̄ where it is another vector."""
    mean = [average.mean] if isinstance(average, RunningAverage) else []
    return [network.theta, *optimizer.vectors.values(), *mean]


def as_one(A: Array) -> Array:
    """Return rows (n, h) that lie without gaps as n things of one kind: NumPy writes these in any order faster."""
    return A.reshape(-1).view(np.dtype((np.void, A.shape[1] * A.itemsize)))
