"""Ensembles whose members share weights: each layer of all of them is one batched product."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from nncli.nn.buffers import zeros
from nncli.nn.ensemble import Ensemble
from nncli.nn.input_layers import InputLayer, InputScale
from nncli.nn.layers import Activation, Array, Dense, Dropout, Layer
from nncli.nn.member_layers import Adapter, MemberLayer, MembersDense, Spread
from nncli.nn.network import Network, ParameterBlock, in_order


class SharedMembers(Ensemble):
    """An ensemble whose members share all parameters, but for the signs and scales r of their inputs, before the first
    dense layer, and for the last dense layer (Gorishniy, Kotelnikov, Babenko 2025: TabM-mini)

    Layers that are the same for all members, as activations, see what comes behind a `MemberLayer` as N · n rows.
    """

    def _build(self, d: int, layers: Sequence[Layer], dtype: str, vectors: tuple[Array, Array] | None) -> None:
        N, self._rows, self._gradient_rows = self.copies, 0, 0
        self._flat_outputs, self._flat_gradients = list[Array](), list[Array]()
        first = next(i for i, layer in enumerate(layers) if isinstance(layer, Dense))
        *behind, last = (copy.copy(layer) for layer in layers[first:])
        assert isinstance(last, Dense)
        before = [copy.copy(layer) for layer in layers[:first]]
        spread = [Spread()] if any(isinstance(layer, Dropout) for layer in before) else []
        made = [*spread, *before, Adapter(N), *behind, MembersDense(last.units, N)]
        super(Ensemble, self).__init__(d, made, dtype, vectors)
        self.blocks = [one for block in self.blocks for one in _each(block, N)]
        behind_one, self._is_spread = False, list[bool]()
        for layer in self.layers:
            behind_one = behind_one or isinstance(layer, MemberLayer)
            self._is_spread.append(behind_one)

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

    def scores_of_members(self, X: Array) -> Array:
        self._A = self._pass(X)
        return self._A[-1].reshape(-1, self.widths[-1])

    def backward_members(self, dZ: Array, dX: Array | None = None) -> None:
        A, layers = self._A, self.layers
        if len(self._flat_gradients) == 0 or self._gradient_rows < self._rows:
            self._flat_gradients, self._gradient_rows = self._flat_buffers(self._rows)[:-1], self._rows
        n = len(A[0])
        gradients = [self._view(i, buffer, n) for i, buffer in enumerate(self._flat_gradients)]
        gradients.append(dZ.reshape(self.copies, n, -1))  # dL/dA for the output of each layer
        learner = next(i for i, one in enumerate(layers) if isinstance(one, Dense | InputLayer))
        for i in reversed(range(0 if dX is not None else learner, len(layers))):
            before = gradients[i - 1] if i else dX
            self._backward(layers[i], gradients[i], A[i], A[i + 1], None if dX is None and i == learner else before)

    def _backward(self, layer: Layer, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
        if not isinstance(layer, MemberLayer):
            dA, X, A, dX = _flat(dA), _flat(X), _flat(A), None if dX is None else _flat(dX)
        if isinstance(layer, Dense | InputLayer):
            layer.backward(dA, X, A, dX)
        else:
            assert dX is not None
            layer.backward(dA, X, A, dX)

    def _pass(self, X: Array) -> list[Array]:
        """Return X and the output of each layer."""
        n = len(X)
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
            if isinstance(layer, Activation):
                found.append((layer.name, _side_by_side(A)))
        return in_order(found)

    def for_another_thread(self) -> Network:
        made = copy.copy(self)
        made.layers = [copy.copy(layer) for layer in self.layers]
        made._flat_outputs, made._flat_gradients, made._rows, made._A = [], [], 0, []
        return made


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


def _flat(A: Array) -> Array:
    return A if A.ndim == 2 else A.reshape(-1, A.shape[-1])


def _side_by_side(A: Array) -> Array:
    """Return the outputs A (N, n, h) of the members as (n, N h)."""
    return A.transpose(1, 0, 2).reshape(A.shape[1], -1)
