"""Optimizers: θ ← θ − …, on flat vectors. To add one, write one dataclass here: its fields are its settings."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from nncli.nn.buffers import BLOCK, zeros
from nncli.nn.components import Configurable, State, Stateful, positive, setting, share
from nncli.nn.kernels.plain import UpdateRule
from nncli.nn.layers import Array
from nncli.registry import Registry

Again = Callable[[], float]
FLUSH_STEPS, NEGLIGIBLE = 100, 1e-30  # between two flushes, β = 0.9 decays 1e-30 to 1e-35, still a normal number


class Part(NamedTuple):
    """A part of θ whose learning rate is `factor` times α."""

    start: int
    stop: int
    factor: float = 1.0


class Optimizer(Configurable, Stateful, ABC):
    """A rule that computes the next θ from g.

    `default_lr`  α if the user gives none
    `default_l2`  λ₂ if the user gives none
    `batch`       what --batch-size must be; empty: anything
    `margin`      works with margin losses only
    `smooth`      works with smooth objectives only, the same at every step, and finds its own step length
    `exact`       goes to the optimum in one step, where that can be worked out
    `decoupled`   λ₂ shrinks the weights in a step of its own, apart from g
    `done`        no further step can lower the loss
    """

    name: ClassVar[str]
    default_lr: float
    default_l2: float = 0
    batch = ""
    margin = False
    smooth = False
    exact = False
    decoupled = False
    done = False

    @abstractmethod
    def start(self, theta: Array, parts: Sequence[Part] = ()) -> None:
        """Set the state to 0, for parameters like θ; with their parts, where these have rates of their own, which only
        an optimizer that is `Elementwise` can have."""

    @abstractmethod
    def step(
        self, theta: Array, g: Array, lr: float, loss: float = math.nan, again: Again | None = None
    ) -> float | None:
        """Replace θ with the next θ, in place, with α = lr. Overwrites g.

        `loss` is that of the batch at θ; `again()` computes the loss anew, and g in place, at the current θ. Few
        optimizers need them. Returns the loss at the next θ if it is known, and then g is the gradient there.
        """


class Elementwise(Optimizer):
    """An optimizer that treats each parameter by itself. `slots` names the vectors, as long as θ, of its state."""

    slots: tuple[str, ...] = ()
    saved = ("t",)
    fused: UpdateRule | None = None  # a loop that does what `update` does, on whole parts, if there is one

    def start(self, theta: Array, parts: Sequence[Part] = ()) -> None:
        self.t = 0  # steps done
        self.parts = [*parts] or [Part(0, len(theta))]
        self._parts = [(slice(part.start, part.stop), part.factor) for part in self.parts]
        self._blocks = [
            (slice(start, min(start + BLOCK, part.stop)), factor)
            for part, factor in self._parts
            for start in range(part.start, part.stop, BLOCK)
        ]
        self.vectors = {slot: zeros(theta.shape, theta.dtype) for slot in self.slots}
        self._scratch = zeros(min(len(theta), BLOCK), theta.dtype)

    def factor_at(self, place: int) -> float:
        """Return the factor of the learning rate of the parameter at a place of θ."""
        return next(part.factor for part in self.parts if place < part.stop)

    def state(self) -> State:
        return {**super().state(), **self.vectors}

    def step(self, theta: Array, g: Array, lr: float, loss: float = math.nan, again: Again | None = None) -> None:
        self.t += 1
        if self.t % FLUSH_STEPS == 0:
            for vector in self.vectors.values():
                flush(vector)
        if self.fused is not None:
            for part, factor in self._parts:
                vectors = [vector[part] for vector in self.vectors.values()]
                self.fused(theta[part], g[part], lr * factor, vectors)
            return
        for block, factor in self._blocks:
            here = theta[block]
            vectors = [vector[block] for vector in self.vectors.values()]
            self.update(here, g[block], lr * factor, vectors, self._scratch[: len(here)])

    @abstractmethod
    def update(self, theta: Array, g: Array, lr: float, vectors: Sequence[Array], u: Array) -> None:
        """Take step number `t`, from 1, on one block of θ, g and the slots; u is scratch."""


def flush(v: Array) -> None:
    """Set numbers that are too small to matter to 0: the mean of gradients that have become 0 would decay into the
    denormal numbers (below 10⁻³⁸ in float32), with which processors are a hundred times slower."""
    v[np.abs(v) < NEGLIGIBLE] = 0


FLAT = 1e-8  # where no component of the gradient is larger, L-BFGS is done

OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")


@OPTIMIZERS.register("sgd")
class SGD(Elementwise):
    """θ ← θ − α g"""

    default_lr = 0.1

    def update(self, theta: Array, g: Array, lr: float, vectors: Sequence[Array], u: Array) -> None:
        g *= lr
        theta -= g  # θ ← θ − α g


@OPTIMIZERS.register("mira")
class MIRA(SGD):
    """θ ← θ − τ g, τ = min(α, L / ‖g‖²), the least step that mends the row, up to α (Crammer and Singer 2003)"""

    default_lr = 0.01
    batch = "1"
    margin = True

    def length(self, lr: float, loss: float, square: float) -> float:
        """Return τ, from α, L and ‖g‖²."""
        return min(lr, loss / square) if square else 0.0

    def step(self, theta: Array, g: Array, lr: float, loss: float = math.nan, again: Again | None = None) -> None:
        super().step(theta, g, self.length(lr, loss, float(np.vdot(g, g))))


@OPTIMIZERS.register("momentum")
@dataclass
class Momentum(Elementwise):
    """θ ← θ − α v, v ← μ v + g, μ = 0.9 (Polyak 1964)"""

    mu: float = share(0.9)

    default_lr = 0.02
    slots = ("v",)

    def update(self, theta: Array, g: Array, lr: float, vectors: Sequence[Array], u: Array) -> None:
        [v] = vectors
        v *= self.mu
        v += g  # v ← μ v + g
        np.multiply(v, lr, out=u)
        theta -= u  # θ ← θ − α v


@OPTIMIZERS.register("nesterov")
@dataclass
class Nesterov(Momentum):
    """θ ← θ − α (g + μ v), v ← μ v + g, μ = 0.9: momentum that looks a step ahead (Sutskever et al. 2013)"""

    def update(self, theta: Array, g: Array, lr: float, vectors: Sequence[Array], u: Array) -> None:
        [v] = vectors
        v *= self.mu
        v += g  # v ← μ v + g
        np.multiply(v, self.mu, out=u)
        u += g  # g + μ v
        u *= lr
        theta -= u  # θ ← θ − α (g + μ v)


@OPTIMIZERS.register("adagrad")
@dataclass
class AdaGrad(Elementwise):
    """θ ← θ − α g / (√s + ε), s ← s + g² (Duchi et al. 2011)"""

    eps: float = positive(1e-10)

    default_lr = 0.05
    slots = ("s",)

    def update(self, theta: Array, g: Array, lr: float, vectors: Sequence[Array], u: Array) -> None:
        [s] = vectors
        np.multiply(g, g, out=u)
        s += u  # s ← s + g²
        _descend(theta, g, lr, s, self.eps, u)


@OPTIMIZERS.register("rmsprop")
@dataclass
class RMSProp(Elementwise):
    """θ ← θ − α g / (√s + ε), s ← ρ s + (1 − ρ) g², ρ = 0.9 (Tieleman and Hinton 2012)"""

    rho: float = share(0.9)
    eps: float = positive(1e-8)

    default_lr = 0.003
    slots = ("s",)

    def update(self, theta: Array, g: Array, lr: float, vectors: Sequence[Array], u: Array) -> None:
        [s] = vectors
        np.multiply(g, g, out=u)
        u *= 1 - self.rho
        s *= self.rho
        s += u  # s ← ρ s + (1 − ρ) g²
        _descend(theta, g, lr, s, self.eps, u)


@OPTIMIZERS.register("adam")
@dataclass
class Adam(Elementwise):
    """θ ← θ − α m̂ / (√v̂ + ε), m̂ and v̂ the bias-corrected running means of g and g² (Kingma and Ba 2015)"""

    beta1: float = share(0.9)
    beta2: float = share(0.999)
    eps: float = positive(1e-8)

    default_lr = 0.005
    slots = ("m", "v")

    def update(self, theta: Array, g: Array, lr: float, vectors: Sequence[Array], u: Array) -> None:
        # The vectors are m / (1 − β₁) and v / (1 − β₂), which saves three passes over memory:
        #   m̂ = c₁ m,  v̂ = c₂² v,  so  α m̂ / (√v̂ + ε) = (α c₁ / c₂) m / (√v + ε / c₂)
        m, v = vectors
        c1 = (1 - self.beta1) / (1 - self.beta1**self.t)
        c2 = math.sqrt((1 - self.beta2) / (1 - self.beta2**self.t))
        m *= self.beta1
        m += g  # m ← β₁ m + g
        np.multiply(g, g, out=g)  # g, no longer needed, is the scratch: one vector fewer in the cache
        v *= self.beta2
        v += g  # v ← β₂ v + g²
        np.sqrt(v, out=g)
        g += self.eps / c2
        np.divide(m, g, out=g)
        g *= lr * c1 / c2
        theta -= g  # θ ← θ − α m̂ / (√v̂ + ε)


@OPTIMIZERS.register("adamw")
@dataclass
class AdamW(Adam):
    """Adam, and weights w ← w − α λ w apart from it, λ = 0.01 or --l2 (Loshchilov and Hutter 2019)"""

    default_l2 = 0.01
    decoupled = True


@OPTIMIZERS.register("lbfgs")
@dataclass
class LBFGS(Optimizer):
    """θ ← θ + t p, p = −H g, H the inverse Hessian as the last memory = 10 steps show it (Liu and Nocedal 1989)

    t is 1, or shorter until the loss falls as Armijo asks. `done` where no step along −g lowers it any more.
    """

    memory: int = setting(10, "a number of steps from 1 to 1,000", lambda value: 1 <= value <= 1000)

    default_lr = 1.0
    batch = "full"
    smooth = True
    saved = ("t", "done", "s", "y")

    def start(self, theta: Array, parts: Sequence[Part] = ()) -> None:
        self.t = 0
        self.s, self.y = (zeros((self.memory, len(theta)), theta.dtype) for _ in range(2))
        self.done = False

    def step(
        self, theta: Array, g: Array, lr: float, loss: float = math.nan, again: Again | None = None
    ) -> float | None:
        assert again is not None
        before, g_before = theta.copy(), g.copy()
        p = self._direction(g)
        slope = float(np.vdot(p, g))  # dL/dt at t = 0
        t = 1.0 if self.t else min(1.0, 1 / float(np.abs(g).sum() or 1))
        eps = float(np.finfo(theta.dtype).eps)
        tiny = 0.01 * eps * max(abs(loss), eps)  # a fall that the loss could not show, not even one rounded to 0
        while t * -slope > tiny and float(np.abs(g_before).max()) > FLAT:
            np.multiply(p, t, out=theta)
            theta += before  # θ ← θ + t p
            found = again()
            rise = found - loss
            if rise <= 1e-4 * t * slope:
                break
            # the lowest point of the parabola through what is known, not too near and not too far
            t *= min(max(0.5 * t * slope / (t * slope - rise), 0.1), 0.5) if math.isfinite(rise) else 0.1
        else:
            theta[:], g[:] = before, g_before
            self.done = self.t == 0  # along −g itself; else what is remembered misleads, and is forgotten
            self.t = 0
            return None
        s, y = theta - before, g - g_before
        if np.vdot(s, y) > 1e-10 * np.vdot(y, y):  # else L does not bend upwards there, as H must
            self.s[self.t % self.memory], self.y[self.t % self.memory] = s, y
            self.t += 1
        return found

    def _direction(self, g: Array) -> Array:
        """Return −H g, by two loops over the remembered steps s and changes of the gradient y."""
        q: Array = -g
        newest_first = [i % self.memory for i in range(self.t - 1, max(self.t - self.memory, 0) - 1, -1)]
        a = {}
        for i in newest_first:
            s, y = self.s[i], self.y[i]
            a[i] = np.vdot(s, q) / np.vdot(s, y)
            q -= a[i] * y
        if newest_first:
            s, y = self.s[newest_first[0]], self.y[newest_first[0]]
            q *= np.vdot(s, y) / np.vdot(y, y)
        for i in reversed(newest_first):
            s, y = self.s[i], self.y[i]
            q += (a[i] - np.vdot(y, q) / np.vdot(s, y)) * s
        return q


@OPTIMIZERS.register("exact")
@dataclass
class Exact(LBFGS):
    """θ = argmin L at once, for linear regression: (XᵀX + n λ₂ I) w = Xᵀy, centred; of quantiles a linear program

    A trainer takes that step, see `least_squares.py` and `quantile_regression.py`; those of this class are of L-BFGS.
    """

    exact = True


def _descend(theta: Array, g: Array, lr: float, s: Array, eps: float, u: Array) -> None:
    np.sqrt(s, out=u)
    u += eps
    np.divide(g, u, out=u)
    u *= lr
    theta -= u  # θ ← θ − α g / (√s + ε)
