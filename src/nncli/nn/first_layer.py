"""Split a network behind its first dense layer: Z_1 = X W + b, then the rest. An ensemble has the units of all its
members there, side by side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nncli.nn.ensemble import SeveralNetworks
from nncli.nn.layers import Array
from nncli.nn.links import LINKS
from nncli.nn.network import Network
from nncli.nn.plain import plain


class FirstLayer(NamedTuple):
    """The weights W (d, h) and biases b (h,) of a first dense layer."""

    W: Array
    b: Array


class RestOfMembers:
    """The members of several networks behind their first dense layers, from Z_1 (n, h) of all of them to Z. As those of
    `Network.after_first`, its parameters are frozen."""

    def __init__(self, network: SeveralNetworks) -> None:
        self.members = [plain(one).after_first() for one in network.members()]
        self.link, self.shares = LINKS.create(network.link), network.shares
        ends = np.cumsum([one.widths[0] for one in self.members]).tolist()
        self.parts = [slice(start, stop) for start, stop in zip([0, *ends], ends, strict=False)]
        self.size = sum(one.size for one in self.members)

    def forward(self, Z1: Array) -> Array:
        """Return Z (n, outputs) for Z_1 (n, h)."""
        pairs = zip(self.members, self.parts, strict=True)
        self._of_members = np.stack([one.forward(np.ascontiguousarray(Z1[:, part])) for one, part in pairs])
        self._Z = self.link.mean(self._of_members, self.shares)
        return self._Z

    def backward(self, dZ: Array, dZ1: Array) -> None:
        """Write dL/dZ_1 (n, h), from dL/dZ (n, outputs) of the batch of the last `forward`."""
        of_members = self.link.mean_backward(self._of_members, self._Z, dZ, self.shares)
        for one, part, its in zip(self.members, self.parts, of_members, strict=True):
            found = np.empty((len(dZ), part.stop - part.start), dZ1.dtype)
            one.backward(its, found)
            dZ1[:, part] = found


def split(network: Network) -> tuple[FirstLayer, Network | RestOfMembers]:
    """Return the first dense layer of a network, as `plain` writes it, and the rest, with buffers of its own."""
    if isinstance(network, SeveralNetworks):
        firsts = [plain(one).dense[0] for one in network.members()]
        first = FirstLayer(np.hstack([one.W for one in firsts]), np.concatenate([one.b for one in firsts]))
        return first, RestOfMembers(network)
    network = plain(network)
    return FirstLayer(network.dense[0].W, network.dense[0].b), network.after_first()
