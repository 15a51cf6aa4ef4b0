"""Take the steps of a linear model for sparse rows many at a time, compiled."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import zeros
from nncli.nn.elementwise import FLUSH_STEPS, NEGLIGIBLE
from nncli.nn.kernels import step_loops, whole_step_loops
from nncli.nn.kernels.plain import Array, Plan, Taken
from nncli.nn.kernels.pool import PARTS
from nncli.nn.kernels.sparse_loops import FEW
from nncli.nn.missed_steps import MOST
from nncli.nn.optimizers import Adam

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from nncli.nn.touched_rows import TouchedRows

# A step for all weights is the quicker one where there are fewer than so many for each entry of its rows: that was
# measured with 1 to 20 units and up to 2^18 inputs.
FEW_WEIGHTS = 100


class Threads(NamedTuple):
    """The memory of the threads that share loops, and of one alone, for loops on fewer than `small` numbers."""

    all: NDArray[np.int64]
    one: NDArray[np.int64]
    small: int


class LinearSteps:
    """Takes steps by Adam of a network that is one dense layer, as `TouchedRows` does one by one, which has to have
    nothing to make up for but what Adam's own vectors do. The loss is that of a sigmoid or of softmax, as
    `Kernels.sigmoid_loss` and `Kernels.softmax_loss` have it."""

    def __init__(self, touched: TouchedRows, threads: Threads, is_sigmoid: bool, on: float, off: float) -> None:
        self.touched, optimizer, network = touched, touched.optimizer, touched.learner.network
        assert isinstance(optimizer, Adam)
        self.optimizer, self.dtype = optimizer, network.dtype
        self._shared, self.threads = threads, int(threads.all[PARTS])
        number = self.dtype.type
        self._targets = number(on), number(off), is_sigmoid
        weights, biases = network.blocks
        self._factors = optimizer.factor_at(weights.start), optimizer.factor_at(biases.start)
        self._weights = tuple(weights.view(vector) for vector in touched.vectors)
        self._biases = tuple(biases.view(vector) for vector in touched.vectors)
        words = -(-weights.shape[0] // 64)
        self._bits, self._ranks = np.zeros((self.threads, words), np.int64), np.zeros(words + 1, np.int32)
        self._far = np.zeros(MOST + 1, self.dtype)
        self._powers = tuple(np.asarray(powers).astype(self.dtype) for powers in touched.missed.powers)
        self._of_inputs, self._of_rows = self._room_for_inputs(0), self._room_for_rows(0)
        self._places = np.empty((self.threads, 0), np.int32)
        self._left = -1  # steps of the epoch, after the last one that was taken for all weights

    def take(
        self, X: csr_array, rows: NDArray[np.integer], y: NDArray[np.int64], size: int, rates: Array, plan: Plan
    ) -> Taken:
        """Take a step for each `size` of some rows of X, of the classes y (n,), at those rates, which the `plan`
        begins with. Return what those came to that were taken: all, or the first ones; none where the first may come to
        numbers that are not finite."""
        lengths = X.indptr[rows + 1] - X.indptr[rows]
        entries = np.add.reduceat(lengths, np.arange(0, len(rows), size))
        are_many = entries * FEW_WEIGHTS >= self._weights[0].size
        # once a step of an epoch is taken for all weights, so are the others: to change the way takes long
        if is_whole := bool(are_many[0]) or self._left == plan[0]:
            self.touched.catch_up_all()
            n = len(rates)
        else:
            n = self.touched.planned(rates[: int(are_many.argmax()) or len(rates)], plan)
        if size > len(self._of_rows[0]):
            self._of_rows = self._room_for_rows(size)
        found = Taken(np.zeros(n), np.zeros(n, np.int64), np.zeros(n))
        X = X if X.has_sorted_indices else X.sorted_indices()
        of_rows = (X.data, X.indices, X.indptr), rows[: n * size], y, size, self._targets, self._constants(rates[:n])
        if is_whole:
            *own, scores, places = self._of_rows
            room = self._room_for_all, float(np.finfo(self.dtype).max), scores, places, tuple(own)
            done: int = whole_step_loops.take_whole_steps(
                self._shared.all, *of_rows, self._weights, self._biases, *room, found
            )
            self._left = plan[0] - done
        else:
            done = self._take_touched(of_rows, int(entries[:n].max()), int(lengths.max()), found)
        self.optimizer.t += done
        return Taken(found.losses[:done], found.right[:done], found.squares[:done])

    def _take_touched(self, of_rows: tuple[Any, ...], most: int, longest: int, found: Taken) -> int:
        """Take steps that have `most` entries each, or fewer, in rows of which the `longest` has so many."""
        missed = self.touched.missed
        if longest > self._places.shape[1]:
            self._places = np.empty((self.threads, longest), np.int32)
        if (most := min(most, len(self._weights[0]))) > self._of_inputs[1].shape[0]:
            self._of_inputs = self._room_for_inputs(most)
        inputs, *taken = self._of_inputs
        done: int = step_loops.take_steps(
            self._shared,
            *of_rows,
            self._weights,
            self._biases,
            (missed.last, missed.ahead, missed.coasts, missed.now),
            self._powers,
            (self._bits, self._ranks, inputs, self._places, self._far, *taken),
            self._of_rows[:-2],
            found,
        )
        missed.now += done
        return done

    def _constants(self, rates: Array) -> tuple[Array, Array, Array, Array, object, object]:
        """Return what Adam multiplies by in each step, for weights and for biases, its ε before the first and in each,
        and below what its vectors are 0; and β₁ and β₂."""
        number, adam = self.dtype.type, self.optimizer
        t = adam.t + np.arange(len(rates) + 1)
        c2 = np.sqrt((1 - adam.beta2) / (1 - adam.beta2 ** np.maximum(t, 1)))  # see Adam
        c1 = (1 - adam.beta1) / (1 - adam.beta1 ** t[1:])
        of_all = rates * c1 / c2[1:]
        least = np.where(t[1:] % FLUSH_STEPS == 0, NEGLIGIBLE, 0)
        of_weights, of_biases = (factor * of_all for factor in self._factors)
        vectors = of_weights, of_biases, adam.eps / c2, least
        return *(vector.astype(self.dtype) for vector in vectors), number(adam.beta1), number(adam.beta2)

    @functools.cached_property
    def _room_for_all(self) -> Array:
        """Return room for the gradient of all weights (d, h), which is 0 between two steps."""
        return zeros(self._weights[0].shape, self.dtype)

    def _room_for_inputs(self, most: int) -> tuple[Array, ...]:
        """Return room for so many inputs of a step: for the numbers of those of each part; for their rows of the
        weights and of Adam's vectors, for the gradient of each part, and for what rows are made up by."""
        h, shape = self._weights[0].shape[1], (most, self._weights[0].shape[1])
        rows = [zeros(shape, self.dtype) for _ in range(3)]
        few = h * most if h <= FEW else 0
        inputs = np.zeros((self.threads, most + 3), np.int32)
        return inputs, *rows, zeros((self.threads, *shape), self.dtype), zeros((3, few), self.dtype)

    def _room_for_rows(self, size: int) -> tuple[Array, ...]:
        """Return room for the rows of a step: Z, dZ, losses, and which are right; for ∂b and ‖g‖² of each part; and for
        what each part adds to the scores, and where its entries begin and end."""
        h, parts = self._weights[0].shape[1], self.threads
        of_scores = (zeros((size, h), self.dtype) for _ in range(2))
        of_rows = *of_scores, np.zeros(size), np.zeros(size, np.bool_), zeros((parts, h), self.dtype), np.zeros(parts)
        return *of_rows, zeros((parts, size, h), self.dtype), np.zeros((parts, size, 2), np.int64)
