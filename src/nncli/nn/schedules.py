"""Learning-rate schedules: α at each step, as a factor of --lr. To add one, write one class here."""

from __future__ import annotations

import math

from nncli.registry import Registry


class Schedule:
    """`progress` is the share of the planned steps that are done, from 0 to 1."""

    name: str

    def factor(self, progress: float) -> float:
        raise NotImplementedError


SCHEDULES: Registry[Schedule] = Registry("--schedule")


@SCHEDULES.register("constant")
class Constant(Schedule):
    """α stays as it is"""

    def factor(self, progress: float) -> float:
        return 1.0


@SCHEDULES.register("cosine")
class Cosine(Schedule):
    """α falls to 0 along half a cosine, (1 + cos π t) / 2, over the planned epochs (Loshchilov and Hutter 2017)"""

    def factor(self, progress: float) -> float:
        return (1 + math.cos(math.pi * progress)) / 2
