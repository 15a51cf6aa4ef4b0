"""Set what dropout drops, and how strong the L2 penalty is, at each step of a run."""

from __future__ import annotations

import dataclasses

from nncli.nn.network import Network
from nncli.nn.regularisation import Penalty
from nncli.nn.schedules import SCHEDULES


class RegularisationSchedules:
    """The shares p f(t) that are dropped, and λ₂ g(t), by the schedules f and g over the planned steps. All follows
    from the number of the step, so that there is nothing to save."""

    def __init__(self, network: Network, penalty: Penalty, dropout: str, decay: str, steps: int) -> None:
        self.penalty = penalty
        self.layers = network.dropouts
        self.dropout, self.decay = SCHEDULES.create(dropout), SCHEDULES.create(decay)
        self.dropout.start(steps)
        self.decay.start(steps)

    def at(self, step: int) -> Penalty:
        """Let the layers drop what they do at a step, from 0, and return the penalty of that step."""
        for layer in self.layers:
            layer.strength = self.dropout.factor(step)
        factor = self.decay.factor(step)
        return self.penalty if factor == 1 else dataclasses.replace(self.penalty, l2=self.penalty.l2 * factor)
