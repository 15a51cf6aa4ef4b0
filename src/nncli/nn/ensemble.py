"""Ensembles: networks of N members, which are trained together, each layer of all of them as one batched product.

Layers that are the same for all members, as activations, see what comes behind a `MemberLayer` as N · n rows.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import zeros
from nncli.nn.input_layers import InputLayer, InputScale
from nncli.nn.layers import Activation, Array, Dense, Dropout, Layer
from nncli.nn.links import LINKS
from nncli.nn.member_layers import Adapter, EachMember, MemberLayer, MembersDense, Spread
from nncli.nn.network import Network, ParameterBlock, in_order, sizes_of


class SeveralNetworks(Network):
    """Z = f⁻¹(Σ_i s_i f(Z_i)), for members with scores Z_i and shares s_i, and the link f: their P are averaged

    Whoever uses it sees one vector of scores for each row.
    """

    link: str
    is_several = True

    @abstractmethod
    def members(self) -> list[Network]:
        """Return the members, each as a network of its own, with its parameters as they are now."""

    @property
    def shares(self) -> Array | None:
        """Return the share s of each member in the mean; None: all have the same."""
        return None


class Ensemble(SeveralNetworks):
    """Z = f⁻¹(1/N Σ_i f(Z_i)), for N members of the same layers, which are trained together

    Training sees the scores of each member, by `scores_of_members`. `vectors` are theta and grad, where they are parts
    of others.
    """

    def __init__(
        self,
        d: int,
        layers: Sequence[Layer],
        members: int,
        link: str,
        dtype: str,
        vectors: tuple[Array, Array] | None = None,
    ) -> None:
        self.link, self.copies = link, members
        self._link, self._rows, self._gradient_rows = LINKS.create(link), 0, 0
        self._flat_outputs, self._flat_gradients = list[Array](), list[Array]()
        self._template = [*layers]
        self._build(d, layers, dtype, vectors)
        spread, self._is_spread = False, list[bool]()
        for layer in self.layers:
            spread = spread or isinstance(layer, MemberLayer)
            self._is_spread.append(spread)

    @property
    def number(self) -> int:
        return self.copies

    @abstractmethod
    def _build(self, d: int, layers: Sequence[Layer], dtype: str, vectors: tuple[Array, Array] | None) -> None:
        """Make the layers and their parameters, from the layers of one member."""

    def forward(self, X: Array) -> Array:
        self._A = self._pass(X)
        self._Z = self._link.mean(self._A[-1])
        return self._Z

    def scores_of_members(self, X: Array) -> Array:
        self._A = self._pass(X)
        return self._A[-1].reshape(-1, self.widths[-1])

    def backward(self, dZ: Array, dX: Array | None = None) -> None:
        self.backward_members(self._link.mean_backward(self._A[-1], self._Z, dZ).reshape(-1, dZ.shape[1]), dX)

    def backward_members(self, dZ: Array, dX: Array | None = None) -> None:
        A, layers = self._A, self.layers
        if len(self._flat_gradients) == 0 or self._gradient_rows < self._rows:
            self._flat_gradients, self._gradient_rows = self._flat_buffers(self._rows)[:-1], self._rows
        n = A[0].shape[0]
        gradients = [self._view(i, buffer, n) for i, buffer in enumerate(self._flat_gradients)]
        gradients.append(dZ.reshape(self.copies, n, -1))  # dL/dA for the output of each layer
        learner = next(i for i, one in enumerate(layers) if isinstance(one, Dense | InputLayer | EachMember))
        for i in reversed(range(0 if dX is not None else learner, len(layers))):
            before = gradients[i - 1] if i else dX
            self._backward(layers[i], gradients[i], A[i], A[i + 1], None if dX is None and i == learner else before)

    def _backward(self, layer: Layer, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        if not isinstance(layer, MemberLayer):
            dA, X, A, dX = _flat(dA), _flat(X), _flat(A), None if dX is None else _flat(dX)
        if isinstance(layer, Dense | InputLayer | EachMember):
            layer.backward(dA, X, A, dX)
        else:
            assert dX is not None
            layer.backward(dA, X, A, dX)

    @property
    def takes_sparse_rows(self) -> bool:
        return isinstance(self.layers[0], MembersDense)

    def _pass(self, X: Array) -> list[Array]:
        """Return X and the output of each layer."""
        n = X.shape[0]
        if n > self._rows or not self._flat_outputs:
            self._flat_outputs, self._rows = self._flat_buffers(n), n
        found = [X]
        for i, layer in enumerate(self.layers):
            A = self._view(i, self._flat_outputs[i], n)
            if isinstance(layer, MemberLayer):
                layer.forward(found[-1], A)
            else:
                layer.forward(_flat(found[-1]), _flat(A))
            found.append(A)
        return found

    def _view(self, i: int, buffer: Array, n: int) -> Array:
        """Return the beginning of a flat buffer as the output of layer i for n rows, with no gaps between members."""
        shape = (self.copies, n, self.widths[i + 1]) if self._is_spread[i] else (n, self.widths[i + 1])
        return buffer[: int(np.prod(shape))].reshape(shape)

    def _flat_buffers(self, n: int) -> list[Array]:
        made: list[Array] = []
        for layer, width, spread in zip(self.layers, self.widths[1:], self._is_spread, strict=True):
            size = n * width * (self.copies if spread else 1)
            made.append(made[-1] if layer.in_place and made else zeros(size, self.dtype))
        return made

    def embed(self, X: Array) -> Array:
        """Return what the last dense layers of all members see of X (n, d), side by side: (n, N h)."""
        A = self._pass(X)[-2]
        return A if A.ndim == 2 else _side_by_side(A)

    @property
    def embedded(self) -> int:
        return self.widths[-2] * (self.copies if self._is_spread[-2:-1] == [True] else 1)

    def activations(self) -> list[tuple[str, Array]]:
        found = []
        for layer, A in zip(self.layers, self._A[1:], strict=True):
            one = layer.layers[0] if isinstance(layer, EachMember) else layer
            if isinstance(one, Activation):
                found.append((one.name, _side_by_side(A)))
        return in_order(found)

    def for_another_thread(self) -> Network:
        made = copy.copy(self)
        made.layers = [copy.copy(layer) for layer in self.layers]
        made._flat_outputs, made._flat_gradients, made._rows, made._A = [], [], 0, []
        return made

    def with_inputs(self, d: int) -> Network:
        return type(self)(d, self._template, self.copies, self.link, self.dtype.name)

    def widths_shown(self) -> str:
        """Return the number of members and their widths, such as 8 x 784-64-10."""
        return f"{self.copies} x {super().widths_shown()}"


class SeparateMembers(Ensemble):
    """An ensemble whose members have nothing in common: θ is θ_1, then θ_2 …, each as a network by itself has it."""

    def _build(self, d: int, layers: Sequence[Layer], dtype: str, vectors: tuple[Array, Array] | None) -> None:
        N, (size, _) = self.copies, sizes_of(d, layers)
        self.dtype, self.independent = np.dtype(dtype), N
        self.theta, self.grad = vectors or (zeros(N * size, self.dtype), zeros(N * size, self.dtype))
        parts = [slice(i * size, (i + 1) * size) for i in range(N)]
        self._members = [
            Network(d, [copy.copy(layer) for layer in layers], dtype, (self.theta[part], self.grad[part]))
            for part in parts
        ]
        self.blocks = [
            block._replace(
                name=f"member {i} {block.name}", start=part.start + block.start, stop=part.start + block.stop
            )
            for i, (part, member) in enumerate(zip(parts, self._members, strict=True), 1)
            for block in member.blocks
        ]
        self.layers, self.widths = [], [d]
        one = self._members[0]
        for i, (layer, blocks) in enumerate(zip(one.layers, one.blocks_of_layers, strict=True)):
            if isinstance(layer, Dropout) and not any(isinstance(its, MemberLayer) for its in self.layers):
                self._add(Spread())
            if isinstance(layer, Dense):
                dense = MembersDense(layer.units, N)
                of_theta, of_grad = (
                    {name: _members_view(vector, N, block) for name, block in blocks.items()}
                    for vector in (self.theta, self.grad)
                )
                dense.bind(of_theta, of_grad)
                self._add(dense)
            elif layer.kinds:
                self._add(EachMember([member.layers[i] for member in self._members]))
            else:
                self._add(layer)

    def _add(self, layer: Layer) -> None:
        self.layers.append(layer)
        self.widths.append(layer.width(self.widths[-1]))

    def members(self) -> list[Network]:
        return self._members

    def initialize(self, initializer: str | None, *rngs: np.random.Generator) -> None:
        """Draw the weights of each member from a generator of its own; from one, where there is no other."""
        for i, member in enumerate(self._members):
            member.initialize(initializer, rngs[i] if len(rngs) > 1 else rngs[0])

    def forget_inputs(self, dead: NDArray[np.bool_]) -> None:
        for member in self._members:
            member.forget_inputs(dead)

    def for_another_thread(self) -> Network:
        made = super().for_another_thread()
        assert isinstance(made, SeparateMembers)
        made._members = [member.for_another_thread() for member in self._members]
        return made


class SharedMembers(Ensemble):
    """An ensemble whose members share all parameters, but for the signs and scales r of their inputs, before the first
    dense layer, and for the last dense layer (Gorishniy, Kotelnikov, Babenko 2025: TabM-mini)"""

    def _build(self, d: int, layers: Sequence[Layer], dtype: str, vectors: tuple[Array, Array] | None) -> None:
        N = self.copies
        first = next(i for i, layer in enumerate(layers) if isinstance(layer, Dense))
        *behind, last = (copy.copy(layer) for layer in layers[first:])
        assert isinstance(last, Dense)
        before = [copy.copy(layer) for layer in layers[:first]]
        spread = [Spread()] if any(isinstance(layer, Dropout) for layer in before) else []
        made = [*spread, *before, Adapter(N), *behind, MembersDense(last.units, N)]
        super(Ensemble, self).__init__(d, made, dtype, vectors)
        self.blocks = [one for block in self.blocks for one in _each(block, N)]

    def initialize(self, initializer: str | None, *rngs: np.random.Generator) -> None:
        super().initialize(initializer, rngs[0])

    def members(self) -> list[Network]:
        [adapter] = [layer for layer in self.layers if isinstance(layer, Adapter)]
        found = []
        for i in range(self.copies):
            layers: list[Layer] = []
            for layer in self._template:
                if isinstance(layer, Dense) and not any(isinstance(one, Dense) for one in layers):
                    layers.append(InputScale())
                layers.append(copy.copy(layer))
            member = Network(self.widths[0], layers, self.dtype.name)
            own = [layer for layer in self.layers if not isinstance(layer, Spread)]
            for ours, blocks in zip(own, member.blocks_of_layers, strict=True):
                for name, block in blocks.items():
                    if isinstance(ours, Adapter):
                        block.view(member.theta)[...] = adapter.r[i]
                    elif isinstance(ours, MembersDense):
                        block.view(member.theta)[...] = getattr(ours, name)[i]
                    else:
                        its = self.blocks_of_layers[self.layers.index(ours)][name]
                        block.view(member.theta)[...] = its.view(self.theta)
            found.append(member)
        return found


def own_numbers(d: int, layers: Sequence[Layer], members: int) -> int:
    """Return how many parameters an ensemble whose members share weights has beyond those of one of them."""
    first, count = -1, 0
    for layer in layers:
        if isinstance(layer, Dense):
            first = d if first < 0 else first
            count = sum(int(np.prod(shape, dtype=object)) for shape in layer.shapes(d).values())  # of the last
        d = layer.width(d)
    return members * first + (members - 1) * count


def _each(block: ParameterBlock, members: int) -> list[ParameterBlock]:
    """Return the parts of a block that belong to one member each; the block itself, where all share it."""
    if not (block.kind in ("weight", "bias") and len(block.shape) == (3 if block.kind == "weight" else 2)):
        return [block]
    size = (block.stop - block.start) // members
    starts = range(block.start, block.stop, size)
    return [
        block._replace(name=f"member {i} {block.name}", shape=block.shape[1:], start=start, stop=start + size)
        for i, start in enumerate(starts, 1)
    ]


def _members_view(vector: Array, members: int, block: ParameterBlock) -> Array:
    """Return a block of all members, (N, …), as a view into θ or g."""
    return vector.reshape(members, -1)[:, block.start : block.stop].reshape(members, *block.shape)


def _flat(A: Array) -> Array:
    return A if A.ndim == 2 else A.reshape(-1, A.shape[-1])


def _side_by_side(A: Array) -> Array:
    """Return the outputs A (N, n, h) of the members as (n, N h)."""
    return A.transpose(1, 0, 2).reshape(A.shape[1], -1)
