"""Write a network as dense layers and activations alone, for all that explains, draws or exports one."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.nn.bins import BinnedNumbers
from nncli.nn.embeddings import CategoryEmbedding, PeriodicLayer
from nncli.nn.input_layers import InputScale
from nncli.nn.layers import Activation, Array, Dense, Dropout, Layer
from nncli.nn.network import Network
from nncli.nn.word_embedding import WordEmbedding

Matrix = NDArray[np.float64]
ITSELF, COSINE, BIN = 0, 1, 2  # what a unit makes of z: z, cos z, and z cut off at 0 and 1


class InputUnits(Activation):
    """A = Z, cos Z or min(max(Z, 0), 1), as the kind of the unit says, a constant that exports know as its slope"""

    name = "input-units"
    graph = "(1 - slope)*(2 - slope)*0.5*z + slope*(2 - slope)*cos(z) + slope*(slope - 1)*0.5*(1 - relu(1 - relu(z)))"
    kinds: ClassVar[Mapping[str, str]] = {"slope": "slope"}

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"slope": (d,)}

    def bind(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.s, self.ds = parameters["slope"], gradients["slope"]

    def forward(self, Z: Array, A: Array) -> None:
        A[...] = np.select([self.s == COSINE, self.s == BIN], [np.cos(Z), np.clip(Z, 0, 1)], Z)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        self.ds[...] = 0  # it is a constant
        within = ((Z > 0) & (Z < 1)).astype(Z.dtype)
        np.multiply(dA, np.select([self.s == COSINE, self.s == BIN], [-np.sin(Z), within], 1), out=dZ)


class _Inputs(NamedTuple):
    """Layers before the first dense one, as F M + c: F are units of X U + v, each of its kind."""

    U: Matrix  # (d, units)
    v: Matrix
    kinds: NDArray[np.int64]
    M: Matrix  # (units, inputs of the dense layer)
    c: Matrix

    def then(self, layer: Layer) -> _Inputs:
        """Return the same with one more layer."""
        match layer:
            case BinnedNumbers():
                return self._binned(layer)
            case PeriodicLayer():
                return self._periodic(layer)
            case CategoryEmbedding():
                N = _from_categories(layer, self.M.shape[1])
                return self._replace(M=self.M @ N, c=self.c @ N)
            case InputScale():
                return self._replace(M=self.M * layer.s, c=self.c * layer.s)
        return self

    def _with_units(self, U: Matrix, v: Matrix, kind: int) -> _Inputs:
        more = len(v)
        kinds = np.append(self.kinds, np.full(more, kind))
        M = np.vstack([self.M, np.zeros((more, self.M.shape[1]))])
        return self._replace(U=np.hstack([self.U, U]), v=np.append(self.v, v), kinds=kinds, M=M)

    def _binned(self, layer: BinnedNumbers) -> _Inputs:
        m, bins = layer.m, len(layer.low)
        U = np.zeros((len(self.U), bins))
        U[layer.number, np.arange(bins)] = 1 / layer.width_of
        made = self._with_units(U, -layer.low / layer.width_of, BIN)
        one_each = np.vstack([np.zeros((len(self.kinds), bins)), np.eye(bins)])
        M, c = np.hstack([made.M[:, :m], one_each, made.M[:, m:]]), made.c
        return made._replace(M=M, c=np.concatenate([c[:m], np.zeros(bins), c[m:]]))

    def _periodic(self, layer: PeriodicLayer) -> _Inputs:
        (m, k), size = layer.w.shape, layer.size
        U = np.zeros((len(self.U), m * k))
        for j in range(m):
            U[j, j * k : (j + 1) * k] = 2 * math.pi * layer.w[j].astype(np.float64)
        made = self._with_units(U, layer.b.ravel().astype(np.float64), COSINE)
        of_numbers, c = np.zeros((len(made.kinds), m, size)), np.zeros((m, size))
        of_numbers[:, :, 0], c[:, 0] = made.M[:, :m], made.c[:m]
        for j in range(m):
            first = len(self.kinds) + j * k
            of_numbers[first : first + k, j, 1:], c[j, 1:] = layer.V[j], layer.c[j]
        M = np.hstack([of_numbers.reshape(len(made.kinds), m * size), made.M[:, m:]])
        return made._replace(M=M, c=np.append(c.ravel(), made.c[m:]))


def plain(network: Network) -> Network:
    """Return a network of dense layers and activations that computes the same as one with layers before the first dense
    one, but for rounding; a network without these as it is.

    These are X → F M + c, where F are units of X U + v. M and c go into the first dense layer: (F M + c) W + b =
    F (M W) + (c W + b).
    """
    assert not network.is_several, "expected one network"
    first = network.layers.index(network.dense[0])
    before = [layer for layer in network.layers[:first] if not isinstance(layer, Dropout)]
    if not before:
        return network
    if isinstance(layer := before[-1], WordEmbedding):  # alone: nothing else stands beside words
        assert len(before) == 1
        return _with_words(network, layer)
    d = network.widths[0]
    inputs = _Inputs(np.eye(d), np.zeros(d), np.full(d, ITSELF), np.eye(d), np.zeros(d))
    for layer in before:
        inputs = inputs.then(layer)
    U, v, kinds, M, c = inputs
    W, b = (array.astype(np.float64) for array in (network.dense[0].W, network.dense[0].b))
    behind = [copy.copy(layer) for layer in network.layers[first + 1 :] if not isinstance(layer, Dropout)]
    units = InputUnits()
    front = [Dense(len(kinds)), units] if kinds.any() else []
    found = Network(d, [*front, Dense(W.shape[1]), *behind], network.dtype.name)
    if front:
        found.dense[0].W[...], found.dense[0].b[...] = U, v
        units.s[...] = kinds
    last = found.dense[len(front) // 2]
    last.W[...], last.b[...] = M @ W, c @ W + b
    start = next(block.stop for block in network.blocks if block.name == "b1")
    found.theta[found.size - (network.size - start) :] = network.theta[start:]
    return found


def _with_words(network: Network, layer: WordEmbedding) -> Network:
    """Return the network with x_others and x_words E in one product with W: those of words come to E W."""
    d, k, first = network.widths[0], layer.passed, network.dense[0]
    behind = network.layers[network.layers.index(first) :]
    found = Network(d, [copy.copy(one) for one in behind if not isinstance(one, Dropout)], network.dtype.name)
    W = found.dense[0].W
    W[:k], W[k:] = first.W[:k], layer.E @ first.W[k:]
    start = next(block.start for block in network.blocks if block.name == "b1")
    found.theta[found.size - (network.size - start) :] = network.theta[start:]
    return found


def _from_categories(layer: CategoryEmbedding, d: int) -> Matrix:
    """Return M: the vectors of the categories, and all other inputs as they are."""
    M = np.zeros((d, layer.width(d)))
    for here, there, rows in layer.columns:
        M[here, there] = np.eye(here.stop - here.start) if rows is None else layer.E[rows]
    return M
