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
class SGD(Optimizer):
    """θ ← θ − α g"""

    default_lr = 0.1

    def step(self, theta: Array, g: Array, lr: float) -> None:
        for block in blocks(len(theta)):
            g_ = g[block]
            g_ *= lr
            theta[block] -= g_  # θ ← θ − α g


@OPTIMIZERS.register("momentum")
@dataclass
class Momentum(Optimizer):
    """θ ← θ − α v, v ← μ v + g, μ = 0.9 (Polyak 1964)"""

    mu: float = 0.9
    v: Array = field(init=False, repr=False)
    t: int = field(init=False, default=0)

    default_lr = 0.02

    def __post_init__(self) -> None:
        _check_share("mu", self.mu)

    def start(self, theta: Array) -> None:
        self.v, self.t = zeros(theta.shape, theta.dtype), 0

    def step(self, theta: Array, g: Array, lr: float) -> None:
        self.t += 1
        if self.t % FLUSH_STEPS == 0:
            flush(self.v)
        for block in blocks(len(theta)):
            g_, v, theta_ = g[block], self.v[block], theta[block]
            v *= self.mu
            v += g_  # v ← μ v + g
            np.multiply(v, lr, out=g_)
            theta_ -= g_  # θ ← θ − α v


@OPTIMIZERS.register("nesterov")
@dataclass
class Nesterov(Momentum):
    """θ ← θ − α (g + μ v), v ← μ v + g, μ = 0.9: momentum that looks a step ahead (Sutskever et al. 2013)"""

    def start(self, theta: Array) -> None:
        super().start(theta)
        self._scratch = zeros(min(len(theta), BLOCK), theta.dtype)

    def step(self, theta: Array, g: Array, lr: float) -> None:
        self.t += 1
        if self.t % FLUSH_STEPS == 0:
            flush(self.v)
        for block in blocks(len(theta)):
            g_, v, theta_ = g[block], self.v[block], theta[block]
            v *= self.mu
            v += g_  # v ← μ v + g
            u = self._scratch[: len(g_)]
            np.multiply(v, self.mu, out=u)
            g_ += u  # g + μ v
            g_ *= lr
            theta_ -= g_  # θ ← θ − α (g + μ v)


@OPTIMIZERS.register("adagrad")
@dataclass
class AdaGrad(Optimizer):
    """θ ← θ − α g / (√s + ε), s ← s + g² (Duchi et al. 2011)"""

    eps: float = 1e-10
    s: Array = field(init=False, repr=False)

    default_lr = 0.05

    def __post_init__(self) -> None:
        _check_eps(self.eps)

    def start(self, theta: Array) -> None:
        self.s = zeros(theta.shape, theta.dtype)
        self._scratch = zeros(min(len(theta), BLOCK), theta.dtype)

    def step(self, theta: Array, g: Array, lr: float) -> None:
        for block in blocks(len(theta)):
            g_, s, theta_ = g[block], self.s[block], theta[block]
            u = self._scratch[: len(g_)]
            np.multiply(g_, g_, out=u)
            s += u  # s ← s + g²
            _descend(theta_, g_, s, u, lr, self.eps)


@OPTIMIZERS.register("rmsprop")
@dataclass
class RMSProp(Optimizer):
    """θ ← θ − α g / (√s + ε), s ← ρ s + (1 − ρ) g², ρ = 0.9 (Tieleman and Hinton 2012)"""

    rho: float = 0.9
    eps: float = 1e-8
    s: Array = field(init=False, repr=False)
    t: int = field(init=False, default=0)

    default_lr = 0.003

    def __post_init__(self) -> None:
        _check_share("rho", self.rho)
        _check_eps(self.eps)

    def start(self, theta: Array) -> None:
        self.s, self.t = zeros(theta.shape, theta.dtype), 0
        self._scratch = zeros(min(len(theta), BLOCK), theta.dtype)

    def step(self, theta: Array, g: Array, lr: float) -> None:
        self.t += 1
        if self.t % FLUSH_STEPS == 0:
            flush(self.s)
        for block in blocks(len(theta)):
            g_, s, theta_ = g[block], self.s[block], theta[block]
            u = self._scratch[: len(g_)]
            np.multiply(g_, g_, out=u)
            u *= 1 - self.rho
            s *= self.rho
            s += u  # s ← ρ s + (1 − ρ) g²
            _descend(theta_, g_, s, u, lr, self.eps)


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
        _check_share("beta1", self.beta1)
        _check_share("beta2", self.beta2)
        _check_eps(self.eps)

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


def _descend(theta: Array, g: Array, s: Array, u: Array, lr: float, eps: float) -> None:
    np.sqrt(s, out=u)
    u += eps
    np.divide(g, u, out=u)
    u *= lr
    theta -= u  # θ ← θ − α g / (√s + ε)


def _check_share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{name}: expected 0 ≤ {name} < 1, found {value}")


def _check_eps(eps: float) -> None:
    if not eps > 0:
        raise ValueError(f"eps: expected eps > 0, found {eps}")


def blocks(n: int) -> Iterator[slice]:
    """Slices of at most BLOCK elements that cover n."""
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))


def clip(g: Array, most: float) -> None:
    """g ← g · most / ‖g‖ where ‖g‖ > most (Pascanu et al. 2013)"""
    length = math.sqrt(np.vdot(g, g))
    if length > most:
        g *= most / length


def flush(v: Array) -> None:
    """Sets what is too small to matter to 0: the mean of gradients that have become 0 would decay into the
    denormal numbers (below 10⁻³⁸ in float32), with which processors are a hundred times slower."""
    v[np.abs(v) < NEGLIGIBLE] = 0
