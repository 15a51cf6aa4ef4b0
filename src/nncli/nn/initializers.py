"""Initial weights. Biases start at 0. To add an initialiser, write one class here."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from nncli.nn.layers import Array
from nncli.registry import Registry


class Initializer(ABC):
    """A rule to fill W (d inputs, h units) before training."""

    name: ClassVar[str]

    @abstractmethod
    def fill(self, W: Array, rng: np.random.Generator) -> None:
        """Write W."""


INITIALIZERS: Registry[Initializer] = Registry("init")


@INITIALIZERS.register("zeros")
class Zeros(Initializer):
    """W = 0; right for models without hidden layers, whose loss is convex"""

    def fill(self, W: Array, rng: np.random.Generator) -> None:
        W[...] = 0


@INITIALIZERS.register("glorot")
class Glorot(Initializer):
    """W uniform in ±√(6 / (d + h)); keeps the variance through tanh and sigmoid (Glorot and Bengio 2010)"""

    def fill(self, W: Array, rng: np.random.Generator) -> None:
        d, h = W.shape
        limit = math.sqrt(6 / (d + h))
        W[...] = rng.uniform(-limit, limit, W.shape)


@INITIALIZERS.register("he")
class He(Initializer):
    """W normal with variance 2 / d; keeps the variance through ReLU (He et al. 2015)"""

    def fill(self, W: Array, rng: np.random.Generator) -> None:
        d, _ = W.shape
        W[...] = rng.normal(0, math.sqrt(2 / d), W.shape)


@INITIALIZERS.register("lecun")
class LeCun(Initializer):
    """W normal with variance 1 / d; keeps the variance through SELU (LeCun et al. 1998)"""

    def fill(self, W: Array, rng: np.random.Generator) -> None:
        d, _ = W.shape
        W[...] = rng.normal(0, math.sqrt(1 / d), W.shape)
