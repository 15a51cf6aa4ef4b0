"""Blends: networks of different kinds for the same inputs, trained one after another, that answer together."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.nn.ensemble import SeveralNetworks
from nncli.nn.layers import Array
from nncli.nn.links import LINKS
from nncli.nn.network import Network


class Blend(SeveralNetworks):
    """Z = f⁻¹(Σ_i s_i f(Z_i)), for parts with scores Z_i, each a network or an ensemble, of which the part i counts
    s_i = n_i / Σ_j n_j (Caruana et al. 2004)

    `times` are the n_i. The parameters are those of all parts, one behind the other, as views into `vectors`, θ and g.
    With `folds`, each part is an ensemble of so many members that each left out a fold of the rows, and the blend has
    scores for each fold: those of the members that left it out. Else it has those of each part.
    """

    def __init__(
        self, parts: Sequence[Network], times: Sequence[int], link: str, vectors: tuple[Array, Array], folds: int = 0
    ) -> None:
        self.parts, self.times, self.link, self.folds = list(parts), list(times), link, folds
        self.theta, self.grad = vectors
        self.dtype, self.layers = parts[0].dtype, []
        self.copies = folds or len(parts)
        self.widths = [parts[0].widths[0], parts[0].widths[-1]]
        self._link = LINKS.create(link)
        self._of_parts = np.array(times, self.dtype) / self.dtype.type(sum(times))
        self.blocks, start = [], 0
        for i, part in enumerate(parts, 1):
            self.blocks += [
                block._replace(name=f"part {i} {block.name}", start=start + block.start, stop=start + block.stop)
                for block in part.blocks
            ]
            start += part.size

    def members(self) -> list[Network]:
        return [one for part in self.parts for one in _members(part)]

    @property
    def shares(self) -> Array:
        of_each = [[share / len(_members(part))] * len(_members(part)) for share, part in self._pairs()]
        return np.concatenate(of_each).astype(self.dtype)

    @property
    def number(self) -> int:
        return sum(part.number for part in self.parts)

    @property
    def has_hidden(self) -> bool:
        return any(part.has_hidden for part in self.parts)

    def initialize(self, initializer: str | None, *rngs: np.random.Generator) -> None:
        for part in self.parts:
            part.initialize(initializer, *rngs)

    def forget_inputs(self, dead: NDArray[np.bool_]) -> None:
        for part in self.parts:
            part.forget_inputs(dead)

    def drop_with(self, rng: np.random.Generator | None) -> None:
        for part in self.parts:
            part.drop_with(rng)

    def forward(self, X: Array) -> Array:
        self._Z = self._pass(X)
        self._of_folds = self._link.mean(self._Z, self._of_parts)  # (folds, n, outputs), or (n, outputs)
        self._M = self._link.mean(self._of_folds) if self.folds else self._of_folds
        return self._M

    def scores_of_members(self, X: Array) -> Array:
        self.forward(X)
        return (self._of_folds if self.folds else self._Z).reshape(-1, self.widths[-1])

    @property
    def takes_sparse_rows(self) -> bool:
        return all(part.takes_sparse_rows for part in self.parts)

    def _pass(self, X: Array) -> Array:
        """Return the scores of the parts, (parts, n, outputs), or with folds (parts, folds, n, outputs)."""
        if not self.folds:
            return np.stack([part.forward(X) for part in self.parts])
        shape = self.folds, X.shape[0], self.widths[-1]
        return np.stack([part.scores_of_members(X).reshape(shape) for part in self.parts])

    def backward(self, dZ: Array, dX: Array | None = None) -> None:
        of_folds = self._link.mean_backward(self._of_folds, self._M, dZ) if self.folds else dZ
        of_parts = self._link.mean_backward(self._Z, self._of_folds, of_folds, self._of_parts)
        if dX is not None:
            dX[...] = 0
        for part, its in zip(self.parts, of_parts, strict=True):
            own = None if dX is None else np.empty_like(dX)
            if self.folds:
                part.backward_members(its.reshape(-1, self.widths[-1]), own)
            else:
                part.backward(its, own)
            if dX is not None and own is not None:
                dX += own  # dX = Σ_i dX_i

    def embed(self, X: Array) -> Array:
        """Return the outputs (n, h) of the last hidden layers of all parts that have some, side by side."""
        return np.hstack([part.embed(X) for part in self.parts if part.has_hidden])

    @property
    def embedded(self) -> int:
        return sum(part.embedded for part in self.parts if part.has_hidden)

    def activations(self) -> list[tuple[str, Array]]:
        of_parts = ((i, part.activations()) for i, part in enumerate(self.parts, 1))
        return [(f"part {i} {name}", A) for i, found in of_parts for name, A in found]

    def for_another_thread(self) -> Network:
        made = copy.copy(self)
        made.parts = [part.for_another_thread() for part in self.parts]
        return made

    def with_parameters(self, theta: Array) -> Network:
        ends = np.cumsum([part.size for part in self.parts])[:-1]
        made = [part.with_parameters(its) for part, its in zip(self.parts, np.split(theta, ends), strict=True)]
        return Blend(made, self.times, self.link, (theta.copy(), np.zeros_like(theta)), self.folds)

    def widths_shown(self) -> str:
        """Return how often each part counts, and its widths, such as 3 · (5 x 4-64-3) + 1 · (5 x 4-3)."""
        return " + ".join(f"{n} · ({part.widths_shown()})" for n, part in zip(self.times, self.parts, strict=True))

    def _pairs(self) -> list[tuple[float, Network]]:
        return [*zip(self._of_parts.tolist(), self.parts, strict=True)]


def _members(part: Network) -> list[Network]:
    return part.members() if isinstance(part, SeveralNetworks) else [part]
