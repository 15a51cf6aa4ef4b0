"""Define what all losses have in common: a link, targets, and the classes that scores stand for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import one_hot
from nncli.nn.components import Configurable
from nncli.nn.layers import Array
from nncli.nn.links import LINKS

if TYPE_CHECKING:
    from nncli.nn.autodiff.graph import Graph

RowLosses = NDArray[np.float64]  # one for each row, (n,)


def smoothed(outputs: int, smoothing: float) -> tuple[float, float]:
    """Return the target of the class of a row, and that of each other class."""
    K = max(2, outputs)
    return 1 - smoothing * (K - 1) / K, smoothing / K


@dataclass
class Loss(Configurable, ABC):
    """L_i, the loss of row i, with P = link(Z). The first of `links` is the default.

    `border`       a single output z predicts the second class if z is at least this
    `smooth`       L has a derivative everywhere
    `sparse`       dL/dZ is 0 for rows that are predicted right, which should be most
    `margin`       L is piecewise linear, and above 0 until the score of the true class leads by 1
    `homogeneous`  L is proportional to the scores, so it cannot tell which of two θ is better
    `soft`         targets may lie between 0 and 1
    `power`        L is also one of numbers, by the identity link: in twice as large units, 2^power times as small;
                   0: it is of classes alone
    `bend`         the most that d²L/dz² can be along a score, with the first of the links; 0: not known
    `for_classes`  L can tell classes apart; if not, it is of numbers alone
    """

    link: str = ""

    name: ClassVar[str]
    links: ClassVar[tuple[str, ...]] = ("identity",)
    smooth: ClassVar[bool] = True
    sparse: ClassVar[bool] = False
    margin: ClassVar[bool] = False
    homogeneous: ClassVar[bool] = False
    soft: ClassVar[bool] = True
    power: ClassVar[int] = 0
    bend: ClassVar[float] = 0
    for_classes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.link = self.link or self.links[0]
        if self.link not in self.links:
            others = [loss.name for loss in Loss.__subclasses__() if self.link in loss.links]
            hint = f"; {self.link} is a link of {', '.join(others)}" if others else ""
            raise ValueError(f"link: expected {' or '.join(self.links)}, found '{self.link}'{hint}")
        self._link = LINKS.create(self.link)

    @property
    def border(self) -> float:
        """Return 0 where scores are signed or go through the sigmoid, and ½ between targets of 0 and 1."""
        return 0.5 if self.soft and self.link == "identity" else 0.0

    @property
    def probabilistic(self) -> bool:
        """Tell whether P are probabilities."""
        return self._link.probabilistic

    @property
    def separate(self) -> bool:
        """Tell whether the score of a class says nothing of the others."""
        return self._link.separate

    def is_log_loss(self, K: int) -> bool:
        """Tell whether L_i = −log p_i, p_i the probability of the true class, one of K: so the mean is the log loss."""
        return False

    def outputs(self, K: int) -> int:
        """Return the number of scores of a row for K classes; K = 0 where a number is predicted."""
        return self._link.outputs(K)

    def targets(self, K: int) -> NDArray[np.float64]:
        """Return the table of targets, (K, outputs): row k is the target of class k."""
        table = np.empty((K, self.outputs(K)))
        self.write_targets(np.arange(K), table)
        return table

    def write_targets(self, y: NDArray[Any], Y: Array, smoothing: float = 0) -> None:
        """Write Y (n, outputs), the targets of the classes y (n,): 1 for the class and 0 elsewhere, of which the share
        `smoothing` is spread over all K classes (Szegedy et al. 2016). Numbers y, float64, are targets as they are."""
        if y.dtype.kind == "f":
            Y[:, 0] = y
            return
        on, off = smoothed(Y.shape[1], smoothing)
        if Y.shape[1] == 1:
            Y[:, 0] = np.where(y, on, off) if smoothing else y
        else:
            one_hot(y, Y, on, off)

    @abstractmethod
    def forward(self, Z: Array, Y: Array, P: Array) -> RowLosses:
        """Write P = link(Z), and return the row losses."""

    @abstractmethod
    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        """Write dZ: dL_i/dz_i in row i."""

    @abstractmethod
    def graph(self, target: Sequence[float]) -> dict[str, str]:
        """Return the loss of a row as expressions for `nncli graph`, from a row of the table of targets: L in z0, z1 …,
        p0, p1 … and in one another."""

    def unroll(self, graph: Graph, z: Sequence[int], target: Sequence[float]) -> int:
        """Add the loss of a row with a target to a scalar graph: return the node of L, from those of z (outputs,)."""
        from nncli.nn.autodiff.expression import add

        definitions = self._link.graph(len(z)) | self.graph(target)
        return add(graph, "L", {f"z{j}": node for j, node in enumerate(z)}, definitions)

    def classes(self, Z: Array) -> NDArray[np.int64]:
        """Return the predicted class of each row, (n,): the first of the highest; of two equal scores, the second."""
        if Z.shape[1] > 2:
            return np.asarray(Z.argmax(axis=1), np.int64)
        wins = Z[:, 0] >= self.border if Z.shape[1] == 1 else Z[:, 1] >= Z[:, 0]
        return np.asarray(wins, np.int64)

    def tied(self, Z: Array) -> NDArray[np.bool_]:
        """Tell of each row, (n,), whether two classes have the same highest score, so that `classes` takes one."""
        if Z.shape[1] == 1:
            return np.asarray(Z[:, 0] == self.border)
        return np.asarray(np.count_nonzero(Z.max(axis=1, keepdims=True) == Z, axis=1) > 1)

    def by_class(self, Z: Array) -> Array:
        """Return a number for each class, (n, K): its probability if the loss is probabilistic, else its score."""
        if Z.shape[1] == 1:
            Z = np.hstack([2 * self.border - Z, Z])
        P = np.empty_like(Z)
        self._link.forward(Z, P)
        if self.separate:
            P /= P.sum(axis=1, keepdims=True)  # as shares of their sum
        return P

    def logits(self, Z: Array) -> Array:
        """Return ℓ, (n, K), or (n, 1) where that of the first of two classes is 0: P = softmax ℓ if the loss is
        probabilistic, else scores. It says what `by_class` does, and never rounds to 0 or 1."""
        if self.separate and Z.shape[1] > 1:
            return -np.logaddexp(0, -Z.astype(np.float64))  # log σ(z), as P are shares of Σ σ(z)
        return Z
