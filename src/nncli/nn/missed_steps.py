"""What steps that do not touch a row do to it, made up for when it is touched next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.nn.averages import Average
from nncli.nn.layers import Array
from nncli.nn.optimizers import Elementwise
from nncli.nn.regularisation import Penalty


class MissedSteps:
    """The steps that each row has missed. Those of SGD and AdaGrad do nothing to it."""

    def __init__(self, d: int, optimizer: Elementwise, average: Average, factor: float) -> None:
        self.are_none = True

    def is_planned(self, lr: float) -> bool:
        return True

    def plan(self, rates: Callable[[int], Array] | None) -> None:
        pass

    def add(self, inputs: NDArray[np.intp], penalty: Penalty, lr: float, steps: int) -> None:
        pass

    def catch_up(self, vectors: Sequence[Array], inputs: NDArray[np.intp] | slice) -> None:
        pass

    def forget(self) -> None:
        pass
