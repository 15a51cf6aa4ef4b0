"""Penalties and limits on weights and gradients. Dropout is a layer, and stands in `layers.py`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nncli.nn.layers import Array
from nncli.nn.network import Network

AT_ONCE = 65_536  # weights, so that they are still in the cache for the next pass


@dataclass(frozen=True)
class Penalty:
    """The objective is L + ½ λ₂ Σ w² + λ₁ Σ |w|, over all weights but no biases.

    `decoupled`: the square's part is a step of its own, w ← w − α λ₂ w, which no optimizer rescales
    (Loshchilov and Hutter 2019).
    """

    l1: float = 0
    l2: float = 0
    decoupled: bool = False

    def value(self, network: Network) -> float:
        """Return ½ λ₂ Σ w² + λ₁ Σ |w|, without what is decoupled."""
        return float(self.terms(network).sum(dtype=np.float64))

    def terms(self, network: Network) -> Array:
        """Return ½ λ₂ w² + λ₁ |w| for each weight, one after the other; nothing where there is nothing to add."""
        l2 = 0 if self.decoupled else self.l2
        if not (self.l1 or l2):
            return np.zeros(0, network.dtype)
        w = np.concatenate([layer.W.reshape(-1) for layer in network.dense])
        return 0.5 * l2 * w * w + self.l1 * np.abs(w)

    def add_gradient(self, network: Network) -> None:
        """Replace g with g + λ₂ w + λ₁ sign w."""
        l2 = 0 if self.decoupled else self.l2
        if not (self.l1 or l2):
            return
        scratch = np.empty(min(AT_ONCE, network.size), network.dtype)
        for block in network.blocks:
            if not block.is_weight:
                continue
            for start in range(block.start, block.stop, AT_ONCE):
                part = slice(start, min(start + AT_ONCE, block.stop))
                w, g = network.theta[part], network.grad[part]
                u = scratch[: len(w)]
                if l2:
                    np.multiply(w, l2, out=u)
                    g += u  # g ← g + λ₂ w
                if self.l1:
                    np.sign(w, out=u)
                    u *= self.l1
                    g += u  # g ← g + λ₁ sign w

    def decay(self, network: Network, lr: float) -> None:
        """Replace w with w − α λ₂ w, if it is decoupled."""
        if self.decoupled and self.l2:
            for layer in network.dense:
                layer.W *= 1 - lr * self.l2


def limit_norms(network: Network, most: float) -> None:
    """Shorten the incoming weights w of each unit to `most`, if they are longer (Srebro and Shraibman 2005)."""
    for layer in network.dense:
        squares = np.einsum("...ij,...ij->...j", layer.W, layer.W)
        if squares.max() > most * most:
            layer.W *= most / np.sqrt(np.maximum(squares, most * most))[..., None, :]


def clip(g: Array, most: float) -> None:
    """Replace g with g · most / ‖g‖ if ‖g‖ > most (Pascanu et al. 2013)."""
    length = math.sqrt(np.vdot(g, g))
    if math.isinf(length):  # only the squares are too large
        length = float(np.linalg.norm(g.astype(np.float64)))
    if length > most:
        g *= most / length
