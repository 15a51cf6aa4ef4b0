"""What an activation is; those there are stand in `activations.py`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.expression import add
from nncli.nn.graph import Graph
from nncli.nn.layers import Layer


class Activation(Layer):
    """A layer that keeps its width, A = f(Z) for each unit by itself. `initializer` is what suits the layer before it.

    `graph` is f once more, as an expression for `nncli graph`, in z, the settings and the parameters of the unit. One
    whose derivative is 0 wherever there is one sets `differentiable` to False, and has none: nothing before it can
    learn.
    """

    graph: ClassVar[str]
    initializer = "glorot"
    differentiable = True

    def unroll(self, graph: Graph, x: Sequence[int], parameters: Mapping[str, NDArray[np.int64]]) -> list[int]:
        settings: dict[str, Any] = dataclasses.asdict(self) if dataclasses.is_dataclass(self) else {}
        numbers = {name: repr(value) for name, value in settings.items()}
        a = []
        for unit, z in enumerate(x):
            nodes = {name: int(positions[unit]) for name, positions in parameters.items()}
            a.append(add(graph, self.graph, {"z": z, **nodes}, numbers))
        return a
