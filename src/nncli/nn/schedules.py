"""Learning-rate schedules: α at each step, as a factor of --lr. To add one, write one class here.

All have `warmup`: over that many first steps α rises in a straight line to where the schedule begins, unless that is 0.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.components import Configurable, Stateful, factor, setting
from nncli.registry import Registry


@dataclass
class Schedule(Configurable, Stateful, ABC):
    """A function of t, the share of the planned steps after the warm-up that is done, from 0 to 1."""

    warmup: int = setting(0, "a number of steps from 0", lambda value: value >= 0)

    name: ClassVar[str]
    needs_validation = False

    def start(self, steps: int) -> None:
        """Take the number of planned steps, which must be more than `warmup`."""
        self.steps = steps

    def factor(self, step: int) -> float:
        """Return α / --lr at the given step, from 0."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1) * self.shape(0)
        return self.shape((step - self.warmup) / (self.steps - self.warmup))

    def factors(self, step: int, n: int) -> NDArray[np.float64]:
        """Return the factors of n steps from the given one on, (n,)."""
        return np.array([self.factor(i) for i in range(step, step + n)])

    @abstractmethod
    def shape(self, t: float) -> float:
        """Return the factor at t."""

    def observe(self, val_loss: float) -> None:
        """Take, after each epoch, what the best epoch has least of: the validation loss, or the share of errors."""


SCHEDULES: Registry[Schedule] = Registry("schedule")


@SCHEDULES.register("constant")
class ConstantRate(Schedule):
    """α stays as it is"""

    def shape(self, t: float) -> float:
        return 1.0

    def factors(self, step: int, n: int) -> NDArray[np.float64]:
        return np.ones(n) if step >= self.warmup else super().factors(step, n)


@SCHEDULES.register("step")
@dataclass
class StepDecay(Schedule):
    """α is multiplied by gamma = 0.1 whenever a share every = 1/3 of the steps is done"""

    every: float = setting(1 / 3, "a share of the steps above 0, up to 1", lambda value: 0 < value <= 1)
    gamma: float = factor(0.1)

    def shape(self, t: float) -> float:
        return math.pow(self.gamma, int(t / self.every))


@SCHEDULES.register("exponential")
@dataclass
class ExponentialDecay(Schedule):
    """α falls to gamma = 0.01 of itself along an exponential, gamma^t"""

    gamma: float = factor(0.01)

    def shape(self, t: float) -> float:
        return math.pow(self.gamma, t)


@SCHEDULES.register("cosine")
class CosineDecay(Schedule):
    """α falls to 0 along half a cosine, (1 + cos π t) / 2, over the planned epochs (Loshchilov and Hutter 2017)"""

    def shape(self, t: float) -> float:
        return (1 + math.cos(math.pi * t)) / 2


@SCHEDULES.register("flat-cos")
class FlatCosine(Schedule):
    """α stays for half of the steps, then falls to 0 by a cosine, (1 + cos π(2t − 1)) / 2 (Holzmüller et al. 2024)"""

    def shape(self, t: float) -> float:
        return 1.0 if t < 0.5 else (1 + math.cos(math.pi * (2 * t - 1))) / 2


@SCHEDULES.register("coslog4")
@dataclass
class LogarithmicCosine(Schedule):
    """α rises and falls four times, each twice as slowly, (1 − cos 2π log₂(1 + 15t)) / 2 (Holzmüller et al. 2024)"""

    warmup: int = setting(0, "0, as α rises from 0 without it", lambda value: value == 0)

    def shape(self, t: float) -> float:
        return (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t))) / 2


@SCHEDULES.register("one-cycle")
@dataclass
class OneCycle(Schedule):
    """α rises from 1/25 to 1 over a share rise = 0.3 of the steps, then falls to 0, along cosines (Smith 2018)"""

    rise: float = setting(0.3, "a share of the steps between 0 and 1", lambda value: 0 < value < 1)

    def shape(self, t: float) -> float:
        if t < self.rise:
            return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * t / self.rise)) / 2
        return (1 + math.cos(math.pi * (t - self.rise) / (1 - self.rise))) / 2


@SCHEDULES.register("plateau")
@dataclass
class Plateau(Schedule):
    """α is multiplied by gamma = 0.1 whenever `patience` = 5 epochs were no better on the validation rows"""

    gamma: float = factor(0.1)
    patience: int = setting(5, "a number of epochs from 1", lambda value: value >= 1)

    needs_validation = True
    saved = ("level", "lowest", "waited")

    def start(self, steps: int) -> None:
        super().start(steps)
        self.level, self.lowest, self.waited = 1.0, math.inf, 0

    def shape(self, t: float) -> float:
        return self.level

    def observe(self, val_loss: float) -> None:
        self.waited += 1
        if val_loss < self.lowest:
            self.lowest, self.waited = val_loss, 0
        elif self.waited == self.patience:
            self.level, self.waited = self.level * self.gamma, 0
