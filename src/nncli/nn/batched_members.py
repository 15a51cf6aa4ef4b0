"""Ensembles whose members take their steps together: each layer of all of them is one batched product."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from nncli.nn.buffers import zeros
from nncli.nn.ensemble import Ensemble, SeparateMembers
from nncli.nn.input_layers import InputLayer
from nncli.nn.layers import Activation, Array, Dense, Dropout, Layer
from nncli.nn.member_layers import EachMember, MemberLayer, MembersDense, Spread
from nncli.nn.network import Network, in_order


class BatchedMembers(Ensemble):
    """An ensemble whose layers are those of all members at once

    Layers that are the same for all members, as activations, see what comes behind a `MemberLayer` as N · n rows.
    """

    def _start(self) -> None:
        """Take the layers, which are there now."""
        self._rows, self._gradient_rows = 0, 0
        self._flat_outputs, self._flat_gradients = list[Array](), list[Array]()
        spread, self._is_spread = False, list[bool]()
        for layer in self.layers:
            spread = spread or isinstance(layer, MemberLayer)
            self._is_spread.append(spread)

    @property
    def takes_sparse_rows(self) -> bool:
        return isinstance(self.layers[0], MembersDense)

    def scores_of_members(self, X: Array) -> Array:
        self._A = self._pass(X)
        return self._A[-1].reshape(-1, self.widths[-1])

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
        made = super().for_another_thread()
        assert isinstance(made, BatchedMembers)
        made._flat_outputs, made._flat_gradients, made._rows, made._A = [], [], 0, []
        return made


class NarrowMembers(BatchedMembers, SeparateMembers):
    """Separate members that take their steps together, as calls are what takes the time of small products"""

    def _build(self, d: int, layers: Sequence[Layer], dtype: str, vectors: tuple[Array, Array] | None) -> None:
        super()._build(d, layers, dtype, vectors)
        self.layers, self.widths = [], [d]
        one = self._members[0]
        for i, (layer, blocks) in enumerate(zip(one.layers, one.blocks_of_layers, strict=True)):
            if isinstance(layer, Dropout) and not any(isinstance(its, MemberLayer) for its in self.layers):
                self._add(Spread())
            if isinstance(layer, Dense):
                self._add(self._dense_of_members(layer.units, blocks))
            elif layer.kinds:
                self._add(EachMember([member.layers[i] for member in self._members]))
            else:
                self._add(copy.copy(layer))
        self._start()

    def _add(self, layer: Layer) -> None:
        self.layers.append(layer)
        self.widths.append(layer.width(self.widths[-1]))


def _flat(A: Array) -> Array:
    return A if A.ndim == 2 else A.reshape(-1, A.shape[-1])


def _side_by_side(A: Array) -> Array:
    """Return the outputs A (N, n, h) of the members as (n, N h)."""
    return A.transpose(1, 0, 2).reshape(A.shape[1], -1)
