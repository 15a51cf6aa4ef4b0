"""The learning rate of each step: the one that is asked for, times the factor of the schedule."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from nncli.nn.kernels.plain import Plan
from nncli.nn.schedules import Schedule


class LearningRate:
    """The rate α f(t) at step t of a run, from 0. Whoever changes `base`, α, changes that of all steps to come."""

    def __init__(self, base: float, schedule: Schedule, steps: int) -> None:
        self.base, self.schedule = base, schedule
        schedule.start(steps)

    def at(self, step: int) -> float:
        """Return the rate at a step."""
        return self.base * self.schedule.factor(step)

    def planned(self, step: int, n: int) -> NDArray[np.float64]:
        """Return the rates of n steps from one on, (n,)."""
        return self.base * self.schedule.factors(step, n)

    def plan(self, step: int, left: int) -> Plan:
        """Return how many steps of the epoch are left from one on, and what tells their rates."""
        return left, functools.partial(self.planned, step)
