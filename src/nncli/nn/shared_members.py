"""Ensembles whose members share weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from nncli.nn.batched_members import BatchedMembers
from nncli.nn.ensemble import Ensemble
from nncli.nn.input_layers import InputScale
from nncli.nn.layers import Array, Dense, Dropout, Layer
from nncli.nn.member_layers import Adapter, MembersDense, Spread
from nncli.nn.network import Network, ParameterBlock


class SharedMembers(BatchedMembers):
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
        self._start()

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
