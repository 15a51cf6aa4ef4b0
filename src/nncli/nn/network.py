"""A network: layers in a row, with all parameters in one flat vector θ and all gradients in another."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.nn.activations import ACTIVATIONS
from nncli.nn.buffers import zeros
from nncli.nn.initializers import INITIALIZERS
from nncli.nn.input_layers import InputLayer
from nncli.nn.kernels.plain import NUMPY, Kernels
from nncli.nn.layers import Activation, Array, Dense, Dropout, Layer
from nncli.nn.sparse_rows import is_sparse

if TYPE_CHECKING:
    from nncli.nn.autodiff.graph import Graph


class ParameterBlock(NamedTuple):
    """A named part of θ: `W1` is the weights of the first dense layer, `b1` its bias. `kind` is of `BLOCK_KINDS`."""

    name: str
    shape: tuple[int, ...]
    start: int
    stop: int
    kind: str

    @property
    def is_weight(self) -> bool:
        """Tell whether regularisation shrinks it."""
        return self.kind == "weight"

    def view(self, vector: Array) -> Array:
        """Return this part of θ or g, in its shape."""
        return vector[self.start : self.stop].reshape(self.shape)


class Network:
    """Z = f_m(… f_2(f_1(X)) …)

    `theta` and `grad` are (size,) vectors of `dtype`; every W, b, dW and db is a view into them.
    The buffers for the outputs of the layers and their gradients grow to the largest batch seen. `vectors` are theta
    and grad, where they are parts of others.
    """

    is_several = False  # networks, whose answers are averaged
    copies = 1  # of the scores of a row while it is trained: an ensemble has those of each member
    kernels: Kernels = NUMPY  # that do the work of its layers
    passed = 0  # of the inputs, the first ones, which have no row in any block of θ
    independent = 1  # parts of θ, one behind the other and equally long, of which each is learned without the others

    def __init__(
        self, d: int, layers: Sequence[Layer], dtype: str = "float32", vectors: tuple[Array, Array] | None = None
    ) -> None:
        self.layers = list(layers)
        self.dtype = np.dtype(dtype)
        self.widths = [d]
        self.blocks: list[ParameterBlock] = []
        self.blocks_of_layers: list[dict[str, ParameterBlock]] = []  # by the names that the layer has for them
        number = stop = 0
        for layer in self.layers:
            number += isinstance(layer, Dense)  # activations count with the dense layer before them
            count = number or ""  # of what stands before the first one
            of_layer: dict[str, ParameterBlock] = {}
            for name, shape in layer.shapes(self.widths[-1]).items():
                start, stop = stop, stop + math.prod(shape)
                of_layer[name] = ParameterBlock(f"{name}{count}", shape, start, stop, layer.kinds[name])
            self.blocks += of_layer.values()
            self.blocks_of_layers.append(of_layer)
            self.widths.append(layer.width(self.widths[-1]))
        self.theta, self.grad = vectors or (zeros(stop, self.dtype), zeros(stop, self.dtype))
        for layer, of_layer in zip(self.layers, self.blocks_of_layers, strict=True):
            layer.bind(
                {name: block.view(self.theta) for name, block in of_layer.items()},
                {name: block.view(self.grad) for name, block in of_layer.items()},
            )
        # whose inputs may be sparse
        self._first = next((i for i, layer in enumerate(self.layers) if layer.takes_sparse_rows), 0)
        self.passed = self.layers[self._first].passed if self.layers else 0
        self._outputs = self._buffers(0)
        self._gradients = self._buffers(0)[:-1]
        self._A: list[Array] = []  # X and the output of each layer, for the last batch

    @property
    def dense(self) -> list[Dense]:
        """Return the dense layers, from the inputs to the outputs."""
        return [layer for layer in self.layers if isinstance(layer, Dense)]

    @property
    def number(self) -> int:
        """Return the number of networks: those of an ensemble or a blend, else 1."""
        return 1

    @property
    def is_linear(self) -> bool:
        """Tell whether it is one dense layer and nothing else, which draws nothing at random."""
        return type(self) is Network and [type(layer) for layer in self.layers] == [Dense]

    @property
    def has_hidden(self) -> bool:
        """Tell whether there is a hidden layer."""
        return len(self.dense) > 1

    @property
    def size(self) -> int:
        """Return the number of parameters."""
        return len(self.theta)

    def widths_shown(self) -> str:
        """Return the widths from inputs to outputs, such as 784-64-10."""
        return "-".join(map(str, [self.widths[0], *(layer.units for layer in self.dense)]))

    def initialize(self, initializer: str | None, *rngs: np.random.Generator) -> None:
        """Draw the weights; with None, each dense layer takes what suits the activation behind it. Biases are 0."""
        rng = rngs[0]  # an ensemble may have one for each member
        for layer, after in zip(self.layers, [*self.layers[1:], None], strict=True):
            layer.reset()
            if isinstance(layer, InputLayer):
                layer.draw(rng)
            if isinstance(layer, Dense):
                suited = after.initializer if isinstance(after, Activation) else "glorot"
                for W in layer.W.reshape(-1, *layer.W.shape[-2:]):  # of each member of an ensemble, where it is of one
                    INITIALIZERS.create(initializer or suited).fill(W, rng)

    def forget_inputs(self, dead: NDArray[np.bool_]) -> None:
        """Set the first parameters of the given inputs (d,) to 0: an input that is 0 in every training row never
        gets a gradient, so it would keep its random weights for the day it is not 0."""
        for layer in self.layers[: self.layers.index(self.dense[0]) + 1]:
            dead = layer.forget(dead)

    def use(self, kernels: Kernels) -> None:
        """Let some kernels do the work of the layers, where these leave it to any."""
        self.kernels = kernels
        for layer in self.layers:
            layer.kernels = kernels
            if isinstance(layer, Dense):
                layer.skips_zeros = False

    def expect_inputs(self, share: float) -> None:
        """Let the first layer skip inputs that are 0, if that is faster where such a share of all inputs is not 0."""
        first = next((layer for layer in self.layers if not isinstance(layer, Dropout)), None)
        if type(first) is Dense:
            first.skips_zeros = self.kernels.skips_zeros(share, first.units)

    @property
    def products_are_dense(self) -> bool:
        """Tell whether all matrix products are those of plain dense layers."""
        return all(type(layer) is Dense or isinstance(layer, Activation | Dropout) for layer in self.layers)

    @property
    def dropouts(self) -> list[Dropout]:
        """Return the layers that drop units or inputs."""
        return [layer for layer in self.layers if isinstance(layer, Dropout)]

    def drop_with(self, rng: np.random.Generator | None) -> None:
        """Let dropout draw from a generator, as in training; with None, nothing is dropped."""
        for layer in self.dropouts:
            layer.rng = rng

    @property
    def embedded(self) -> int:
        """Return the number of columns of what `embed` returns."""
        return self.widths[-2]

    def embed(self, X: Array) -> Array:
        """Return what the last dense layer sees of X (n, d): the output (n, h) of the layer before it, as a view."""
        self.forward(X)
        return self._A[-2]

    def activations(self) -> list[tuple[str, Array]]:
        """Return each hidden layer, as "layer 1, relu", and its output (n, h) for the batch of the last `forward`, as
        views."""
        of_layer = zip(self.layers, self._A[1:], strict=True)
        return in_order((layer.name, A) for layer, A in of_layer if isinstance(layer, Activation))

    def forward(self, X: Array) -> Array:
        """Return Z (n, outputs) for X (n, d): a view that the next call overwrites. X may be sparse rows where
        `takes_sparse_rows`."""
        n, first = X.shape[0], self._first if is_sparse(X) else 0
        if n > len(self._outputs[first]):
            self._outputs = self._buffers(n, first)
        self._A = [X]
        for i, (layer, A) in enumerate(zip(self.layers, self._outputs, strict=True)):
            if i < first and isinstance(layer, Dropout):
                self._A.append(layer.of_sparse(self._A[i]))
            else:
                layer.forward(self._A[i], A[:n])
                self._A.append(A[:n])
        return self._A[-1]

    @property
    def takes_sparse_rows(self) -> bool:
        """Tell whether inputs may be sparse rows: nothing but dropout stands before a layer that takes them."""
        return all(isinstance(layer, Dropout) for layer in self.layers[: self._first])

    def scores_of_members(self, X: Array) -> Array:
        """Return what `forward` does; of an ensemble the scores of the first member for all rows, then of the second …,
        (members · n, outputs)."""
        return self.forward(X)

    def for_another_thread(self) -> Network:
        """Return a network with the same parameters, which are not copied, and buffers of its own."""
        made = copy.copy(self)
        made.layers = [copy.copy(layer) for layer in self.layers]  # some keep what the last batch came to
        made._outputs, made._gradients, made._A = self._buffers(0), self._buffers(0)[:-1], []
        return made

    def with_parameters(self, theta: Array) -> Network:
        """Return a network of the same layers with other parameters (size,)."""
        made = self.with_inputs(self.widths[0])
        made.theta[:] = theta
        return made

    def with_inputs(self, d: int) -> Network:
        """Return a network of the same layers for d inputs, whose parameters are 0."""
        return Network(d, [copy.copy(layer) for layer in self.layers], self.dtype.name)

    def after_first(self) -> Network:
        """Return the network behind its first dense layer, with its parameters as they are now, frozen, and without
        dropout: from Z_1 (n, h) to Z."""
        behind = self.layers[self.layers.index(self.dense[0]) + 1 :]
        layers = [copy.copy(layer) for layer in behind if not isinstance(layer, Dropout)]
        units = self.dense[0].units
        rest = Network(units, layers or [ACTIVATIONS.create("identity")], self.dtype.name)
        rest.theta[:] = self.theta[self.size - rest.size :]
        for layer in rest.dense:
            layer.frozen = True
        return rest

    def backward(self, dZ: Array, dX: Array | None = None) -> None:
        """Fill `grad` with dL/dθ, from dZ (n, outputs) = dL/dZ of the batch of the last `forward`; and dX (n, d)
        with dL/dX, where it is given."""
        n, A = len(dZ), self._A
        start = self._first if is_sparse(A[0]) else 0
        if len(self._gradients) > start and len(self._gradients[start]) < len(self._outputs[start]):
            self._gradients = self._buffers(len(self._outputs[start]), start)[:-1]
        gradients = [*(dA[:n] for dA in self._gradients), dZ]  # dL/dA for the output of each layer
        if dX is not None:
            for i in reversed(range(len(self.layers))):
                self.layers[i].backward(gradients[i], A[i], A[i + 1], gradients[i - 1] if i else dX)
            return
        # training needs nothing before θ
        first, learner = next((i, one) for i, one in enumerate(self.layers) if isinstance(one, Dense | InputLayer))
        for i in reversed(range(first + 1, len(self.layers))):
            self.layers[i].backward(gradients[i], A[i], A[i + 1], gradients[i - 1])
        learner.backward(gradients[first], A[first], A[first + 1], None)

    def backward_members(self, dZ: Array, dX: Array | None = None) -> None:
        """Do what `backward` does, behind `scores_of_members`."""
        self.backward(dZ, dX)

    def unroll(self, graph: Graph, x: Sequence[int]) -> tuple[list[int], dict[str, NDArray[np.int64]]]:
        """Add the network to a scalar graph, for one row: return the nodes of z (outputs,) from those of x (d,), and
        the nodes of each block of θ, by its name, in the shape of the block."""
        positions = {}
        for block in self.blocks:
            values = block.view(self.theta)
            nodes = [graph.variable(f"{block.name}{[*i]}", float(values[i])) for i in np.ndindex(*block.shape)]
            positions[block.name] = np.array(nodes).reshape(block.shape)
        number, now = 0, list(x)
        for layer, blocks in zip(self.layers, self.blocks_of_layers, strict=True):
            now = layer.unroll(graph, now, {name: positions[block.name] for name, block in blocks.items()})
            number += isinstance(layer, Dense)
            for unit, node in enumerate(now):
                graph.call(node, f"{'Z' if isinstance(layer, Dense) else 'A'}{number}[{unit}]")
        return now, positions

    def _buffers(self, n: int, first: int = 0) -> list[Array]:
        """Make buffers (n, width) for the outputs of the layers from the first on; a layer that works in place shares
        the one before."""
        made: list[Array] = []
        for i, (layer, width) in enumerate(zip(self.layers, self.widths[1:], strict=True)):
            rows = n if i >= first else 0
            made.append(made[-1] if layer.in_place and made else zeros((rows, width), self.dtype))
        return made


def in_order(activations: Iterable[tuple[str, Array]]) -> list[tuple[str, Array]]:
    """Name the layers that activations are of, the first of them 1."""
    return [(f"layer {i}, {name}", A) for i, (name, A) in enumerate(activations, 1)]


def multilayer(
    d: int,
    hidden: Sequence[int],
    outputs: int,
    activation: str = "relu",
    dtype: str = "float32",
    dropout: float = 0,
    input_dropout: float = 0,
) -> Network:
    """Return the network X → dense → activation → … → dense → Z; without hidden layers, a linear model."""
    return Network(d, layers_of(hidden, outputs, activation, dropout, input_dropout), dtype)


def layers_of(
    hidden: Sequence[int],
    outputs: int,
    activation: str,
    dropout: float = 0,
    input_dropout: float = 0,
    input_layers: Sequence[Layer] = (),
) -> list[Layer]:
    """Return the layers of a multilayer perceptron.

    One activation stands behind every hidden layer; or one for each is given, as "relu,tanh". Units are
    dropped behind each activation, inputs before the first layer.
    """
    names = activation.split(",")
    layers: list[Layer] = [*([Dropout(input_dropout)] if input_dropout else []), *input_layers]
    for units, name in zip(hidden, names if len(names) > 1 else names * len(hidden), strict=True):
        layers += [Dense(units), ACTIVATIONS.create(name), *([Dropout(dropout)] if dropout else [])]
    return [*layers, Dense(outputs)]


def sizes_of(d: int, layers: Sequence[Layer]) -> tuple[int, int]:
    """Return how many parameters layers have for d inputs, and how many numbers each row comes to in those that have
    some."""
    parameters, numbers = 0, d
    for layer in layers:
        parameters += sum(map(math.prod, layer.shapes(d).values()))
        numbers += layer.numbers(d)
        d = layer.width(d)
    return parameters, numbers
