"""Define what all optimizers have in common; each of them is a class in `optimizers.py`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import BLOCK, zeros
from nncli.nn.components import Configurable, State, Stateful
from nncli.nn.kernels.plain import Rates, UpdateRule
from nncli.nn.layers import Array

Again = Callable[[], float]
FLUSH_STEPS, NEGLIGIBLE = 100, 1e-30  # between two flushes, β = 0.9 decays 1e-30 to 1e-35, still a normal number


class Part(NamedTuple):
    """A part of θ whose learning rate is `factor` times α."""

    start: int
    stop: int
    factor: float = 1.0


class Optimizer(Configurable, Stateful, ABC):
    """A rule that computes the next θ from g.

    `default_lr`  α if the user gives none
    `default_l2`  λ₂ if the user gives none
    `batch`       what --batch-size must be; empty: anything
    `margin`      works with margin losses only
    `smooth`      works with smooth objectives only, the same at every step, and finds its own step length
    `exact`       goes to the optimum in one step, where that can be worked out
    `decoupled`   λ₂ shrinks the weights in a step of its own, apart from g
    `done`        no further step can lower the loss
    """

    name: ClassVar[str]
    default_lr: float
    default_l2: float = 0
    batch = ""
    margin = False
    smooth = False
    exact = False
    decoupled = False
    done = False

    @abstractmethod
    def start(self, theta: Array, parts: Sequence[Part] = ()) -> None:
        """Set the state to 0, for parameters like θ; with their parts, where these have rates of their own, which only
        an optimizer that is `Elementwise` can have."""

    @abstractmethod
    def step(
        self, theta: Array, g: Array, lr: float, loss: float = math.nan, again: Again | None = None
    ) -> float | None:
        """Replace θ with the next θ, in place, with α = lr. Overwrites g.

        `loss` is that of the batch at θ; `again()` computes the loss anew, and g in place, at the current θ. Few
        optimizers need them. Returns the loss at the next θ if it is known, and then g is the gradient there.
        """


class Elementwise(Optimizer):
    """An optimizer that treats each parameter by itself. `slots` names the vectors, as long as θ, of its state."""

    slots: tuple[str, ...] = ()
    saved = ("t",)
    fused: UpdateRule | None = None  # a loop that does what `update` does, on all of θ, if there is one

    def start(self, theta: Array, parts: Sequence[Part] = ()) -> None:
        self.t = 0  # steps done
        self.parts = _joined(parts) or [Part(0, len(theta))]
        lengths = [part.stop - part.start for part in self.parts]
        factors = np.array([part.factor for part in self.parts], theta.dtype)
        self._factors: Rates = self.parts[0].factor if len(self.parts) == 1 else factors.repeat(lengths)
        self.vectors = {slot: zeros(theta.shape, theta.dtype) for slot in self.slots}
        self._scratch, self._rates = zeros((2, min(len(theta), BLOCK)), theta.dtype)

    def factor_at(self, place: int) -> float:
        """Return the factor of the learning rate of the parameter at a place of θ."""
        return next(part.factor for part in self.parts if place < part.stop)

    def state(self) -> State:
        return {**super().state(), **self.vectors}

    def step(self, theta: Array, g: Array, lr: float, loss: float = math.nan, again: Again | None = None) -> None:
        self.t += 1
        if self.t % FLUSH_STEPS == 0:
            for vector in self.vectors.values():
                flush(vector)
        factors, vectors = self._factors, [*self.vectors.values()]
        if self.fused is not None:
            self.fused(theta, g, lr, factors, vectors)
            return
        for start in range(0, len(theta), BLOCK):
            block = slice(start, start + BLOCK)
            here, rates = theta[block], self._rates[: len(theta[block])]
            own = lr * factors if isinstance(factors, float) else np.multiply(factors[block], lr, out=rates)
            self.update(here, g[block], own, [vector[block] for vector in vectors], self._scratch[: len(here)])

    @property
    def decays(self) -> tuple[float, ...]:
        """Return what a step without a gradient multiplies each of the vectors by."""
        return (1.0,) * len(self.slots)

    @property
    def coasting(self) -> float:
        """Return γ, if θ moves on without a gradient: by −α_i γ^i p in the i-th such step, for α_i of `coast_rates` and
        p of `coast`; 0: it stays."""
        return 0.0

    def coast_rates(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the α_i of the steps behind step t, from their learning rates."""
        return rates

    def coast(self, vectors: Sequence[Array], p: Array) -> None:
        """Write p, from the vectors as they are before the first step without a gradient."""
        p[...] = 0

    def divisor(self, vectors: Sequence[Array], g: Array) -> Array | float:
        """Return what a gradient g that lasts is divided by on its way to θ, from the vectors."""
        return 1.0

    @abstractmethod
    def update(self, theta: Array, g: Array, lr: Rates, vectors: Sequence[Array], u: Array) -> None:
        """Take step number `t`, from 1, on one block of θ, g and the slots, with one α for all or one for each; u is
        scratch."""


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Return parts with neighbours of one factor as one."""
    found: list[Part] = []
    for part in parts:
        if found and (found[-1].stop, found[-1].factor) == (part.start, part.factor):
            part = found.pop()._replace(stop=part.stop)
        found.append(part)
    return found


def flush(v: Array) -> None:
    """Set numbers that are too small to matter to 0: the mean of gradients that have become 0 would decay into the
    denormal numbers (below 10⁻³⁸ in float32), with which processors are a hundred times slower."""
    v[np.abs(v) < NEGLIGIBLE] = 0
