"""Averages of θ over the steps of training: what is evaluated and saved in place of the last θ.

To add one, write one class here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import zeros
from nncli.nn.components import Configurable, Stateful, factor
from nncli.nn.kernels.plain import NUMPY, Kernels
from nncli.nn.layers import Array
from nncli.registry import Registry


class Average(Configurable, Stateful, ABC):
    """θ̄, a weighted mean of the θ after each step so far."""

    name: ClassVar[str]
    mean: Array  # θ̄
    kernels: Kernels = NUMPY  # that do its work

    @abstractmethod
    def start(self, theta: Array) -> None:
        """Forget all θ seen so far."""

    @abstractmethod
    def add(self, theta: Array, steps: int = 1) -> None:
        """Count θ after one step; or the mean of θ over several steps (see `RunningAverage.within`)."""


class RunningAverage(Average):
    """An average that moves θ̄ at each step, and so keeps no earlier θ."""

    saved = ("steps", "mean")

    def start(self, theta: Array) -> None:
        self.steps = 0
        self.mean = zeros(theta.shape, theta.dtype)
        self._scratch = zeros(theta.shape, theta.dtype)

    def add(self, theta: Array, steps: int = 1) -> None:
        self.steps += steps
        self.kernels.approach(self.mean, theta, self.share(steps), self._scratch)

    @abstractmethod
    def share(self, steps: int) -> float:
        """Return the weight of the last `steps` of all `self.steps` steps together."""

    @property
    @abstractmethod
    def growth(self) -> float:
        """Return how many times the weight of the step before it a step has."""

    @abstractmethod
    def weight(self, steps: NDArray[np.integer], now: int) -> NDArray[np.float64]:
        """Return the weights of steps, from 1, in θ̄ after `now` steps, (any,)."""

    @abstractmethod
    def kept(self, before: NDArray[np.integer], now: int) -> NDArray[np.float64]:
        """Return the weight of all steps up to each of some, in θ̄ after `now` steps, (any,)."""

    @abstractmethod
    def within(self, steps: int) -> NDArray[np.float64]:
        """Return the weights of the last `steps` steps among themselves, (steps,); their sum is 1."""


AVERAGES: Registry[Average] = Registry("average")


@AVERAGES.register("none")
class NoAverage(Average):
    """θ̄ = θ"""

    def start(self, theta: Array) -> None:
        self.mean = theta

    def add(self, theta: Array, steps: int = 1) -> None:
        pass


@AVERAGES.register("mean")
class MeanOfAll(RunningAverage):
    """θ̄ = (1/t) Σ_s θ_s over all t steps (Freund and Schapire 1999; Polyak and Juditsky 1992)"""

    def share(self, steps: int) -> float:
        return steps / self.steps

    @property
    def growth(self) -> float:
        return 1.0

    def weight(self, steps: NDArray[np.integer], now: int) -> NDArray[np.float64]:
        return np.full(len(steps), 1 / now)

    def kept(self, before: NDArray[np.integer], now: int) -> NDArray[np.float64]:
        return np.asarray(before / now, np.float64)

    def within(self, steps: int) -> NDArray[np.float64]:
        return np.full(steps, 1 / steps)


@AVERAGES.register("exponential")
@dataclass
class ExponentialAverage(RunningAverage):
    """θ̄ = (1 − β) Σ_s β^(t−s) θ_s / (1 − β^t), decay β = 0.999 at each step"""

    decay: float = factor(0.999)

    def share(self, steps: int) -> float:
        return (1 - self.decay**steps) / (1 - self.decay**self.steps)

    @property
    def growth(self) -> float:
        return 1 / self.decay

    def weight(self, steps: NDArray[np.integer], now: int) -> NDArray[np.float64]:
        weight = (1 - self.decay) * self.decay ** (now - steps) / (1 - self.decay**now)
        return np.asarray(weight, np.float64)

    def kept(self, before: NDArray[np.integer], now: int) -> NDArray[np.float64]:
        weight = (self.decay ** (now - before) - self.decay**now) / (1 - self.decay**now)
        return np.asarray(weight, np.float64)

    def within(self, steps: int) -> NDArray[np.float64]:
        weights = self.decay ** np.arange(steps - 1, -1, -1)
        return weights / weights.sum()
