"""Write a network as dense layers and activations alone, for all that explains, draws or exports one."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nncli.nn.activations import Activation
from nncli.nn.embeddings import CategoryEmbedding, PeriodicLayer
from nncli.nn.input_layers import InputLayer, InputScale
from nncli.nn.layers import Array, Dense, Dropout
from nncli.nn.network import Network

Linear = tuple[NDArray[np.float64], NDArray[np.float64]]  # X M + c: M (d, e), c (e,)


class SomeCosines(Activation):
    """A = cos Z for the units with s = 1, A = Z for those with s = 0: what is a constant here is called a slope"""

    name = "cosines"
    graph = "slope*cos(z) + (1 - slope)*z"
    kinds: ClassVar[Mapping[str, str]] = {"slope": "slope"}

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"slope": (d,)}

    def bind(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.s, self.ds = parameters["slope"], gradients["slope"]

    def forward(self, Z: Array, A: Array) -> None:
        np.copyto(A, np.where(self.s == 1, np.cos(Z), Z))

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        self.ds[...] = 0  # it is a constant
        np.multiply(dA, np.where(self.s == 1, -np.sin(Z), 1), out=dZ)


def plain(network: Network) -> Network:
    """Return a network of dense layers and activations that computes the same as one with input layers, but for
    rounding; a network without these as it is.

    The input layers are X → F → F M + c, where F is X itself, or X U + v and then the cosines of some of it. M and c go
    into the first dense layer: (F M + c) W + b = F (M W) + (c W + b).
    """
    first = network.layers.index(network.dense[0])
    before = [layer for layer in network.layers[:first] if isinstance(layer, InputLayer)]
    if not before:
        return network
    d = network.widths[0]
    (M, c), periods = (np.eye(d), np.zeros(d)), None
    for layer in before:
        match layer:
            case PeriodicLayer():  # which stands first
                periods, (M, c) = layer, _from_cosines(layer, d)
            case CategoryEmbedding():
                N = _from_categories(layer, M.shape[1])
                M, c = M @ N, c @ N
            case InputScale():
                M, c = M * layer.s, c * layer.s
    W, b = (array.astype(np.float64) for array in (network.dense[0].W, network.dense[0].b))
    behind = [copy.copy(layer) for layer in network.layers[first + 1 :] if not isinstance(layer, Dropout)]
    cosines = SomeCosines()
    front = [] if periods is None else [Dense(len(M)), cosines]
    found = Network(d, [*front, Dense(W.shape[1]), *behind], network.dtype.name)
    if periods is not None:
        found.dense[0].W[...], found.dense[0].b[...] = _to_cosines(periods, d)
        cosines.s[...] = np.arange(len(M)) < periods.w.size
    last = found.dense[len(front) // 2]
    last.W[...], last.b[...] = M @ W, c @ W + b
    start = next(block.stop for block in network.blocks if block.name == "b1")
    found.theta[found.size - (network.size - start) :] = network.theta[start:]
    return found


def _to_cosines(layer: PeriodicLayer, d: int) -> Linear:
    """Return U and v: 2π w x + b for each frequency of each number, then X itself."""
    m, k = layer.w.shape
    U, v = np.zeros((d, m * k + d)), np.zeros(m * k + d)
    for j in range(m):
        U[j, j * k : (j + 1) * k] = 2 * math.pi * layer.w[j].astype(np.float64)
    U[:, m * k :] = np.eye(d)
    v[: m * k] = layer.b.ravel()
    return U, v


def _from_cosines(layer: PeriodicLayer, d: int) -> Linear:
    """Return M and c: for each number itself and its cosines times V, plus c; then the other inputs."""
    m, k = layer.w.shape
    size = layer.size
    M, c = np.zeros((m * k + d, layer.width(d))), np.zeros(layer.width(d))
    for j in range(m):
        M[m * k + j, j * size] = 1
        M[j * k : (j + 1) * k, j * size + 1 : (j + 1) * size] = layer.V[j]
        c[j * size + 1 : (j + 1) * size] = layer.c[j]
    M[m * k + m :, m * size :] = np.eye(d - m)
    return M, c


def _from_categories(layer: CategoryEmbedding, d: int) -> NDArray[np.float64]:
    """Return M: the vectors of the categories, and all other inputs as they are."""
    M = np.zeros((d, layer.width(d)))
    for here, there, rows in layer.columns:
        M[here, there] = np.eye(here.stop - here.start) if rows is None else layer.E[rows]
    return M
