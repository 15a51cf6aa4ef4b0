"""What an optimizer is, and how one that treats each parameter by itself goes through θ.

Vectors longer than `BLOCK` are worked on block by block: all the passes of an update over one block find
it in the cache, where one sweep after the other would go to memory.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from nncli.nn.layers import Array
from nncli.nn.memory import zeros

Again = Callable[[], float]
BLOCK = 65_536  # elements; four vectors of float32 of this length are 1 MiB, within the second-level cache of most
FLUSH_STEPS, NEGLIGIBLE = 100, 1e-30  # between two flushes, β = 0.9 decays 1e-30 to 1e-35, still a normal number


class Optimizer(ABC):
    """A rule that makes the next θ from g.

    `default_lr`  α where the user gives none
    `default_l2`  λ₂ where the user gives none
    `batch`       what --batch-size must be; empty: anything
    `margin`      works with margin losses only
    `smooth`      works with smooth objectives only, the same at every step, and finds its own step length
    `decoupled`   λ₂ makes a step of its own, apart from g
    `done`        no further step can lower the loss
    """

    name: ClassVar[str]
    default_lr: float
    default_l2: float = 0
    batch = ""
    margin = False
    smooth = False
    decoupled = False
    done = False

    @abstractmethod
    def start(self, theta: Array) -> None:
        """Sets the state to 0."""

    @abstractmethod
    def step(
        self, theta: Array, g: Array, lr: float, loss: float = math.nan, again: Again | None = None
    ) -> float | None:
        """θ ← the next θ, in place, with α = lr. Overwrites g.

        `loss` is that of the batch at θ; `again()` works out the loss anew, and g in place, where θ is
        by then. Few need them. Returns the loss at the next θ, with g that there, if `again` was the last to look.
        """


class Elementwise(Optimizer):
    """One that treats each parameter by itself. `slots` names the vectors, as long as θ, that make the state."""

    slots: tuple[str, ...] = ()

    def start(self, theta: Array) -> None:
        self.t = 0  # steps done
        self.state = {slot: zeros(theta.shape, theta.dtype) for slot in self.slots}
        self._scratch = zeros(min(len(theta), BLOCK), theta.dtype)

    def step(self, theta: Array, g: Array, lr: float, loss: float = math.nan, again: Again | None = None) -> None:
        self.t += 1
        if self.t % FLUSH_STEPS == 0:
            for vector in self.state.values():
                flush(vector)
        for start in range(0, len(theta), BLOCK):
            block = slice(start, start + BLOCK)
            here = theta[block]
            state = [vector[block] for vector in self.state.values()]
            self.update(here, g[block], lr, state, self._scratch[: len(here)])

    @abstractmethod
    def update(self, theta: Array, g: Array, lr: float, state: Sequence[Array], u: Array) -> None:
        """The step number `t`, from 1, on one block of θ, g and the slots; u is scratch."""


def flush(v: Array) -> None:
    """Sets what is too small to matter to 0: the mean of gradients that have become 0 would decay into the
    denormal numbers (below 10⁻³⁸ in float32), with which processors are a hundred times slower."""
    v[np.abs(v) < NEGLIGIBLE] = 0
