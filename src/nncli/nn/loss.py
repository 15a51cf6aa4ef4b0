"""What a loss is; those there are stand in `losses.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.expression import add
from nncli.nn.graph import Graph
from nncli.nn.layers import Array
from nncli.nn.links import LINKS
from nncli.nn.memory import one_hot
from nncli.registry import Registry

Rows = NDArray[np.float64]  # one figure a row, (n,)


@dataclass
class Loss(ABC):
    """L_i, the loss of a row, with P = link(Z). The first of `links` is the usual one.

    `border`       a single output says the second class where z is at least this
    `smooth`       L has a derivative everywhere
    `sparse`       dL/dZ is 0 for the rows that are right, which one expects to be most
    `margin`       L is piecewise linear, and above 0 until the score of the class leads by 1
    `homogeneous`  L grows and falls in proportion to the scores, so it cannot tell which of two θ is better
    `soft`         makes sense for targets between 0 and 1
    """

    link: str = ""

    name: ClassVar[str]
    links: ClassVar[tuple[str, ...]] = ("identity",)
    smooth: ClassVar[bool] = True
    sparse: ClassVar[bool] = False
    margin: ClassVar[bool] = False
    homogeneous: ClassVar[bool] = False
    soft: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.link = self.link or self.links[0]
        if self.link not in self.links:
            others = [name for name in LOSSES if self.link in LOSSES[name].links]
            hint = f"; {self.link} is a link of {', '.join(others)}" if others else ""
            raise ValueError(f"link: expected {' or '.join(self.links)}, found '{self.link}'{hint}")
        self._link = LINKS.create(self.link)

    @property
    def border(self) -> float:
        """0 where scores are signed or go through the sigmoid; ½ between targets of 0 and 1."""
        return 0.5 if self.soft and self.link == "identity" else 0.0

    @property
    def probabilistic(self) -> bool:
        """Whether P are probabilities."""
        return self._link.probabilistic

    def outputs(self, K: int) -> int:
        """How many scores a row needs for K classes."""
        return self._link.outputs(K)

    def targets(self, K: int) -> NDArray[np.float64]:
        """The table of targets, (K, outputs): row k is the target of class k."""
        table = np.empty((K, self.outputs(K)))
        self.write_targets(np.arange(K), table)
        return table

    def write_targets(self, y: NDArray[Any], Y: Array, smoothing: float = 0) -> None:
        """Y (n, outputs) = the targets of the classes y (n,): 1 for the class, 0 elsewhere, and of that the share
        `smoothing` spread over all K classes (Szegedy et al. 2016)."""
        K = max(2, Y.shape[1])
        on, off = 1 - smoothing * (K - 1) / K, smoothing / K
        if Y.shape[1] == 1:
            Y[:, 0] = np.where(y, on, off)
        else:
            one_hot(y, Y, on, off)

    def apply_link(self, Z: Array, P: Array) -> None:
        """P = link(Z)"""
        self._link.forward(Z, P)

    @abstractmethod
    def forward(self, Z: Array, Y: Array, P: Array) -> Rows:
        """P = link(Z); returns the row losses."""

    @abstractmethod
    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        """dZ: in row i, dL_i/dz_i."""

    @abstractmethod
    def graph(self, target: Sequence[float]) -> dict[str, str]:
        """L_i as expressions, for a row of the table of targets: L in z0, z1 …, p0, p1 … and in one another."""

    def unroll(self, graph: Graph, z: Sequence[int], k: int, K: int) -> int:
        """L_i for one row of a scalar graph, of class k, by the positions of its nodes: L from z (outputs,)."""
        definitions = self._link.graph(len(z)) | self.graph(self.targets(K)[k].tolist())
        return add(graph, "L", {f"z{j}": node for j, node in enumerate(z)}, definitions)

    def classes(self, Z: Array) -> NDArray[np.int64]:
        """The class that is predicted for each row, (n,): the first of the highest; of two, the second wins a draw."""
        classes: NDArray[np.int64]
        if Z.shape[1] > 2:
            classes = Z.argmax(axis=1)
        else:
            wins = Z[:, 0] >= self.border if Z.shape[1] == 1 else Z[:, 1] >= Z[:, 0]
            classes = wins.astype(np.int64)
        return classes

    def by_class(self, Z: Array) -> Array:
        """A figure for each class, (n, K): its probability if the loss is probabilistic, else its score."""
        if Z.shape[1] == 1:
            Z = np.hstack([2 * self.border - Z, Z])
        P = np.empty_like(Z)
        self.apply_link(Z, P)
        if self._link.separate:
            P /= P.sum(axis=1, keepdims=True)  # the shares of the separate answers
        return P


LOSSES: Registry[Loss] = Registry("--loss")
