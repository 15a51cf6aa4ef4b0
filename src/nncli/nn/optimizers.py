"""Optimizers: θ ← θ − …, on flat vectors. To add one, write one dataclass here: its fields are its settings.

`step` may overwrite g. Vectors longer than `BLOCK` are worked on block by block: all the passes of
an update over one block find it in the cache, where one sweep after the other would go to memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from nncli.nn.layers import Array
from nncli.nn.memory import zeros
from nncli.registry import Registry

BLOCK = 65_536  # elements; four vectors of float32 of this length are 1 MiB, within the second-level cache of most
FLUSH_STEPS, NEGLIGIBLE = 100, 1e-30  # between two flushes, β = 0.9 decays 1e-30 to 1e-35, still a normal number


class Optimizer:
    """Holds its state as flat vectors of the length of θ. `default_lr` is α where the user gives none."""

    name: str
    default_lr: float

    def start(self, theta: Array) -> None:
        """Allocates the state."""

    def step(self, theta: Array, g: Array, lr: float) -> None:
        """θ ← the next θ, in place, with α = lr."""
        raise NotImplementedError


OPTIMIZERS: Registry[Optimizer] = Registry("--optimizer")


@OPTIMIZERS.register("sgd")
@dataclass
class SGD(Optimizer):
    """θ ← θ − α v with v ← μ v + g (momentum μ); Nesterov: θ ← θ − α (g + μ v)"""

    momentum: float = 0.0
    nesterov: bool = False
    v: Array = field(init=False, repr=False)
    t: int = field(init=False, default=0)

    default_lr = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum: expected 0 ≤ momentum < 1, found {self.momentum}")
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=true needs a momentum, for example sgd:momentum=0.9:nesterov=true")

    def start(self, theta: Array) -> None:
        self.v, self.t = zeros(theta.shape, theta.dtype) if self.momentum else theta[:0], 0

    def step(self, theta: Array, g: Array, lr: float) -> None:
        self.t += 1
        if self.t % FLUSH_STEPS == 0:
            flush(self.v)
        for block in blocks(len(theta)):
            g_, theta_ = g[block], theta[block]
            if self.momentum:
                v = self.v[block]
                v *= self.momentum
                v += g_  # v ← μ v + g
                if self.nesterov:
                    g_ += self.momentum * v  # g + μ v
                else:
                    np.copyto(g_, v)
            g_ *= lr
            theta_ -= g_  # θ ← θ − α v


@OPTIMIZERS.register("adam")
@dataclass
class Adam(Optimizer):
    """θ ← θ − α m̂ / (√v̂ + ε), m̂ and v̂ the bias-corrected running means of g and g² (Kingma and Ba 2015)"""

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    m: Array = field(init=False, repr=False)
    v: Array = field(init=False, repr=False)
    t: int = field(init=False, default=0)

    default_lr = 0.005

    def __post_init__(self) -> None:
        for name, beta in (("beta1", self.beta1), ("beta2", self.beta2)):
            if not 0 <= beta < 1:
                raise ValueError(f"{name}: expected 0 ≤ {name} < 1, found {beta}")
        if not self.eps > 0:
            raise ValueError(f"eps: expected eps > 0, found {self.eps}")

    def start(self, theta: Array) -> None:
        self.m, self.v, self.t = zeros(theta.shape, theta.dtype), zeros(theta.shape, theta.dtype), 0

    def step(self, theta: Array, g: Array, lr: float) -> None:
        # The state holds m / (1 − β₁) and v / (1 − β₂), which saves three passes over memory:
        #   m̂ = c₁ m,  v̂ = c₂² v,  so  α m̂ / (√v̂ + ε) = (α c₁ / c₂) m / (√v + ε / c₂)
        self.t += 1
        if self.t % FLUSH_STEPS == 0:
            flush(self.m)
        c1 = (1 - self.beta1) / (1 - self.beta1**self.t)
        c2 = math.sqrt((1 - self.beta2) / (1 - self.beta2**self.t))
        for block in blocks(len(theta)):
            g_, m, v, theta_ = g[block], self.m[block], self.v[block], theta[block]
            m *= self.beta1
            m += g_  # m ← β₁ m + g
            np.multiply(g_, g_, out=g_)
            v *= self.beta2
            v += g_  # v ← β₂ v + g²
            np.sqrt(v, out=g_)
            g_ += self.eps / c2
            np.divide(m, g_, out=g_)
            g_ *= lr * c1 / c2
            theta_ -= g_  # θ ← θ − α m̂ / (√v̂ + ε)


def blocks(n: int) -> Iterator[slice]:
    """Slices of at most BLOCK elements that cover n."""
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))


def flush(v: Array) -> None:
    """Sets what is too small to matter to 0: the mean of gradients that have become 0 would decay into the
    denormal numbers (below 10⁻³⁸ in float32), with which processors are a hundred times slower."""
    v[np.abs(v) < NEGLIGIBLE] = 0
