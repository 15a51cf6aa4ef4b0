"""The parameters θ of a network while steps change them, and their average θ̄."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nncli.nn.elementwise import Elementwise
from nncli.nn.regularisation import Penalty
from nncli.nn.touched_rows import Learner, TouchedRows


class Parameters:
    """Holds what the steps of a run change: θ, what the optimizer keeps of each parameter, and θ̄.

    Where the steps touch few inputs each, the weights of all others are left behind, until `catch_up` does to them what
    the steps would have done: whoever looks at θ has to call that before.
    """

    def __init__(self, learner: Learner, penalty: Penalty) -> None:
        self.learner, self.penalty = learner, penalty
        self.touched: TouchedRows | None = None  # takes the steps that touch few inputs each; None: all touch all

    def begin(self, touches_few: bool) -> None:
        """Tell before the first step on some rows whether each of their steps touches few inputs."""
        self.catch_up()
        self.touched = self._untouched() if touches_few else None

    def _untouched(self) -> TouchedRows | None:
        own = self.learner.optimizer
        return TouchedRows(self.learner, own, self.penalty) if isinstance(own, Elementwise) else None

    def catch_up(self) -> None:
        """Let θ, and what else is kept of each parameter, be what it is after the steps so far."""
        if self.touched is not None:
            self.touched.catch_up_all()

    def give_up(self) -> None:
        """Leave θ as it is, as after steps to numbers that are not finite, and catch up with nothing any more."""
        self.touched = None

    def moved(self, steps: int) -> None:
        """Begin the average anew with θ as it is, which counts as much as so many steps."""
        network, average = self.learner.network, self.learner.average
        self.catch_up()
        average.start(network.theta)
        average.add(network.theta, steps)
        if self.touched is not None:
            self.touched = self._untouched()

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Have the network hold θ̄, the average of θ, which is θ itself where no other is asked for."""
        self.catch_up()
        theta, mean = self.learner.network.theta, self.learner.average.mean
        last = None if mean is theta else theta.copy()
        theta[:] = mean
        try:
            yield
        finally:
            if last is not None:
                theta[:] = last
