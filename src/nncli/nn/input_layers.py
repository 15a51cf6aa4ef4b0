"""Layers before the first dense one. Each of them can be written as a dense layer, and `plain.py` does so."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import ones
from nncli.nn.layers import Array, Layer

if TYPE_CHECKING:
    from nncli.nn.autodiff.graph import Graph

USUAL_WORDS = 1000  # different n-grams of a text


class InputKinds(NamedTuple):
    """The inputs of a network: so many numbers, then for each column of text one input for each category, of which
    one is 1 and the others are 0, and at last those that words are hashed to. Some numbers, by their place, have edges
    of bins that tell their values apart. Where most are 0 and not stored, `not_zero` is how many of a row are, on
    average, if that is known."""

    numbers: int
    categories: tuple[int, ...] = ()
    bins: tuple[tuple[int, tuple[float, ...]], ...] = ()
    words: int = 0
    not_zero: float | None = None

    @property
    def width(self) -> int:
        """Count the inputs."""
        return self.numbers + sum(self.categories) + self.words

    @property
    def stored(self) -> int:
        """Return about how many inputs of a row are in memory: of those that words are hashed to, what is not 0."""
        if self.not_zero is not None:
            return min(self.width, math.ceil(self.not_zero))
        return self.width - self.words + min(self.words, USUAL_WORDS)


class InputLayer(Layer):
    """A layer before the first dense one, with parameters that regularisation does not shrink."""

    @abstractmethod
    def backward(self, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        """Write the gradients of the parameters; and dX, where it is given."""

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> None:
        """Set all parameters to what they start from."""

    @abstractmethod
    def take(self, other: Layer, before: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take the parameters of the same layer for other inputs, where input i is like the input before[i] of that
        one; return the same of the outputs. ValueError where it has no such parameters."""


class InputScale(InputLayer):
    """A = X ∘ s: the scale s of each input is learned, from 1 (Holzmüller, Grinsztajn, Steinwart 2024)"""

    kinds: ClassVar[Mapping[str, str]] = {"scale": "input"}

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"scale": (d,)}

    def bind(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.s, self.ds = parameters["scale"], gradients["scale"]

    def draw(self, rng: np.random.Generator) -> None:
        self.s[...] = 1

    def take(self, other: Layer, before: NDArray[np.int64]) -> NDArray[np.int64]:
        assert isinstance(other, InputScale)
        self.s[...] = other.s[before]
        return before

    def forward(self, X: Array, A: Array) -> None:
        np.multiply(X, self.s, out=A)  # A = X ∘ s                          (n, d)

    def backward(self, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        np.matmul(ones(len(X), X.dtype), dA * X, out=self.ds)  # ds = Σ_i da_i ∘ x_i    (d,)
        if dX is not None:
            np.multiply(dA, self.s, out=dX)  # dX = dA ∘ s                        (n, d)

    def unroll(self, graph: Graph, x: Sequence[int], parameters: Mapping[str, NDArray[np.int64]]) -> list[int]:
        return [graph.apply("multiply", one, scale) for one, scale in zip(x, parameters["scale"].tolist(), strict=True)]
