"""Ensembles: networks of N members, which are trained together."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import zeros
from nncli.nn.kernels.plain import Kernels
from nncli.nn.layers import Array, Dense, Dropout, Layer
from nncli.nn.links import LINKS
from nncli.nn.member_layers import MembersDense
from nncli.nn.network import Network, ParameterBlock, sizes_of
from nncli.system.side_by_side import Share, one_after_another


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
        self.link, self.copies, self._link, self._template = link, members, LINKS.create(link), [*layers]
        self._build(d, layers, dtype, vectors)

    @abstractmethod
    def _build(self, d: int, layers: Sequence[Layer], dtype: str, vectors: tuple[Array, Array] | None) -> None:
        """Make the layers and their parameters, from the layers of one member."""

    @property
    def number(self) -> int:
        return self.copies

    def forward(self, X: Array) -> Array:
        self._of_members = self.scores_of_members(X).reshape(self.copies, X.shape[0], -1)
        self._Z = self._link.mean(self._of_members)
        return self._Z

    def backward(self, dZ: Array, dX: Array | None = None) -> None:
        self.backward_members(self._link.mean_backward(self._of_members, self._Z, dZ).reshape(-1, dZ.shape[1]), dX)

    def with_inputs(self, d: int) -> Network:
        return type(self)(d, self._template, self.copies, self.link, self.dtype.name)

    def for_another_thread(self) -> Network:
        made = copy.copy(self)
        made.layers = [copy.copy(layer) for layer in self.layers]
        return made

    def widths_shown(self) -> str:
        """Return the number of members and their widths, such as 8 x 784-64-10."""
        return f"{self.copies} x {super().widths_shown()}"


class SeparateMembers(Ensemble):
    """An ensemble whose members have nothing in common: θ is θ_1, then θ_2 …, each as a network by itself has it"""

    def _build(self, d: int, layers: Sequence[Layer], dtype: str, vectors: tuple[Array, Array] | None) -> None:
        N, (size, _) = self.copies, sizes_of(d, layers)
        self.dtype, self.independent = np.dtype(dtype), N
        self.theta, self.grad = vectors or (zeros(N * size, self.dtype), zeros(N * size, self.dtype))
        parts = [slice(i * size, (i + 1) * size) for i in range(N)]
        self._members = [
            Network(d, [layer.of_member(i) for layer in layers], dtype, (self.theta[part], self.grad[part]))
            for i, part in enumerate(parts)
        ]
        self.blocks = [
            block._replace(
                name=f"member {i} {block.name}", start=part.start + block.start, stop=part.start + block.stop
            )
            for i, (part, member) in enumerate(zip(parts, self._members, strict=True), 1)
            for block in member.blocks
        ]

    def _dense_of_members(self, units: int, blocks: Mapping[str, ParameterBlock]) -> MembersDense:
        """Return a dense layer of all members, from the blocks of the first one."""
        dense = MembersDense(units, self.copies)
        of_theta, of_grad = (
            {name: _members_view(vector, self.copies, block) for name, block in blocks.items()}
            for vector in (self.theta, self.grad)
        )
        dense.bind(of_theta, of_grad)
        return dense

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


class WideMembers(SeparateMembers):
    """Separate members, each of which takes its steps as a network by itself: what it needs stays in the cache, and
    threads share the members out, by `side_by_side`. `layers` are the dense ones, each of all members.
    """

    side_by_side: Share = staticmethod(one_after_another)  # has the members do something; of one thread or several

    def _build(self, d: int, layers: Sequence[Layer], dtype: str, vectors: tuple[Array, Array] | None) -> None:
        super()._build(d, layers, dtype, vectors)
        one = self._members[0]
        self.widths, pairs = one.widths, zip(one.layers, one.blocks_of_layers, strict=True)
        self.layers = [
            self._dense_of_members(layer.units, blocks) for layer, blocks in pairs if isinstance(layer, Dense)
        ]

    def use(self, kernels: Kernels) -> None:
        self.kernels = kernels
        for member in self._members:
            member.use(kernels)

    def expect_inputs(self, share: float) -> None:
        for member in self._members:
            member.expect_inputs(share)

    @property
    def takes_sparse_rows(self) -> bool:
        return self._members[0].takes_sparse_rows

    @property
    def products_are_dense(self) -> bool:
        return self._members[0].products_are_dense

    @property
    def dropouts(self) -> list[Dropout]:
        return [layer for member in self._members for layer in member.dropouts]

    def drop_with(self, rng: np.random.Generator | None) -> None:
        """Let the dropout of each member draw from a generator of its own, whose seed comes from the given one."""
        seeds = None if rng is None else rng.integers(2**63, size=self.copies)
        for i, member in enumerate(self._members):
            member.drop_with(None if seeds is None else np.random.default_rng(seeds[i]))

    def scores_of_members(self, X: Array) -> Array:
        Z = np.empty((self.copies, X.shape[0], self.widths[-1]), self.dtype)

        def of_member(i: int) -> None:
            Z[i] = self._members[i].forward(X)

        self.side_by_side(of_member, self.copies)
        return Z.reshape(-1, self.widths[-1])

    def backward_members(self, dZ: Array, dX: Array | None = None) -> None:
        of_members = dZ.reshape(self.copies, -1, self.widths[-1])
        of_inputs = None if dX is None else np.empty((self.copies, *dX.shape), dX.dtype)

        def of_member(i: int) -> None:
            self._members[i].backward(of_members[i], None if of_inputs is None else of_inputs[i])

        self.side_by_side(of_member, self.copies)
        if dX is not None and of_inputs is not None:
            np.sum(of_inputs, axis=0, out=dX)  # dX = Σ_i dX_i

    def embed(self, X: Array) -> Array:
        """Return what the last dense layers of all members see of X (n, d), side by side: (n, N h)."""
        return np.hstack([member.embed(X) for member in self._members])

    @property
    def embedded(self) -> int:
        return self.copies * self.widths[-2]

    def activations(self) -> list[tuple[str, Array]]:
        of_layers = zip(*(member.activations() for member in self._members), strict=True)
        return [(of_layer[0][0], np.hstack([A for _, A in of_layer])) for of_layer in of_layers]

    def for_another_thread(self) -> Network:
        made = super().for_another_thread()
        assert isinstance(made, WideMembers)
        made.side_by_side = one_after_another
        return made


def _members_view(vector: Array, members: int, block: ParameterBlock) -> Array:
    """Return a block of all members, (N, …), as a view into θ or g."""
    return vector.reshape(members, -1)[:, block.start : block.stop].reshape(members, *block.shape)
