"""Optimizers: θ ← θ − …, on flat vectors. To add one, write one dataclass here: its fields are its settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import zeros
from nncli.nn.components import positive, setting, share
from nncli.nn.elementwise import Again, Elementwise, Optimizer, Part
from nncli.nn.kernels.plain import Rates
from nncli.nn.layers import Array
from nncli.registry import Registry

FLAT = 1e-8  # where no component of the gradient is larger, L-BFGS is done

OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")


@OPTIMIZERS.register("sgd")
class SGD(Elementwise):
    """θ ← θ − α g"""

    default_lr = 0.1

    def update(self, theta: Array, g: Array, lr: Rates, vectors: Sequence[Array], u: Array) -> None:
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

    @property
    def decays(self) -> tuple[float, ...]:
        return (self.mu,)

    @property
    def coasting(self) -> float:
        return self.mu

    def coast(self, vectors: Sequence[Array], p: Array) -> None:
        np.copyto(p, vectors[0])

    def divisor(self, vectors: Sequence[Array], g: Array) -> float:
        return 1 - self.mu  # α λ w (1 + μ + μ² + …)

    def update(self, theta: Array, g: Array, lr: Rates, vectors: Sequence[Array], u: Array) -> None:
        [v] = vectors
        v *= self.mu
        v += g  # v ← μ v + g
        np.multiply(v, lr, out=u)
        theta -= u  # θ ← θ − α v


@OPTIMIZERS.register("nesterov")
@dataclass
class Nesterov(Momentum):
    """θ ← θ − α (g + μ v), v ← μ v + g, μ = 0.9: momentum that looks a step ahead (Sutskever et al. 2013)"""

    def coast_rates(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.mu * rates

    def update(self, theta: Array, g: Array, lr: Rates, vectors: Sequence[Array], u: Array) -> None:
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

    def divisor(self, vectors: Sequence[Array], g: Array) -> Array:
        return np.sqrt(vectors[0] + g * g) + self.eps

    def update(self, theta: Array, g: Array, lr: Rates, vectors: Sequence[Array], u: Array) -> None:
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

    @property
    def decays(self) -> tuple[float, ...]:
        return (self.rho,)

    def divisor(self, vectors: Sequence[Array], g: Array) -> Array:
        return np.sqrt(vectors[0] + g * g) + self.eps

    def update(self, theta: Array, g: Array, lr: Rates, vectors: Sequence[Array], u: Array) -> None:
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

    @property
    def decays(self) -> tuple[float, ...]:
        return self.beta1, self.beta2

    @property
    def coasting(self) -> float:
        # m falls as β₁^i and √v as β₂^(i/2); where m does not fall faster, θ would go far, and is left where it is
        return self.beta1 / math.sqrt(self.beta2) if self.beta1**2 < self.beta2 else 0.0

    def coast_rates(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        t = self.t + 1 + np.arange(len(rates))
        c1 = (1 - self.beta1) / (1 - self.beta1**t)
        c2 = np.sqrt((1 - self.beta2) / (1 - self.beta2**t))
        return rates * c1 / c2

    def coast(self, vectors: Sequence[Array], p: Array) -> None:
        m, v = vectors
        np.sqrt(v, out=p)
        p += self.eps / self.c2  # as if ε fell as √v does: exact where it is small
        np.divide(m, p, out=p)

    def divisor(self, vectors: Sequence[Array], g: Array) -> Array:
        return np.sqrt(self.c2**2 * vectors[1] + g * g) + self.eps

    @property
    def c2(self) -> float:
        """Return what √v is multiplied by in √v̂, after `t` steps."""
        return math.sqrt((1 - self.beta2) / (1 - self.beta2 ** max(self.t, 1)))

    def update(self, theta: Array, g: Array, lr: Rates, vectors: Sequence[Array], u: Array) -> None:
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
    `first_h` multiplies by the H that the steps begin with, where one is known; None: by a multiple of I.
    """

    memory: int = setting(10, "a number of steps from 1 to 1,000", lambda value: 1 <= value <= 1000)

    default_lr = 1.0
    batch = "full"
    smooth = True
    saved = ("t", "done", "s", "y")

    def start(self, theta: Array, parts: Sequence[Part] = ()) -> None:
        self.t = 0
        self.first_h: Callable[[Array], Array] | None = None  # see `FirstCurvature`
        self.s, self.y = (zeros((self.memory, len(theta)), theta.dtype) for _ in range(2))
        self.done = False

    def step(
        self, theta: Array, g: Array, lr: float, loss: float = math.nan, again: Again | None = None
    ) -> float | None:
        assert again is not None
        start, g_start = theta.copy(), g.copy()
        p = self._direction(g)
        slope = float(np.vdot(p, g))  # dL/dt at t = 0
        t = 1.0 if self.t or self.first_h is not None else min(1.0, 1 / float(np.abs(g).sum() or 1))
        eps = float(np.finfo(theta.dtype).eps)
        tiny = 0.01 * eps * max(abs(loss), eps)  # a fall that the loss could not show, not even one rounded to 0
        found: float | None = None
        while t * -slope > tiny and float(np.abs(g_start).max()) > FLAT:
            np.multiply(p, t, out=theta)
            theta += start  # θ ← θ + t p
            found = again()
            rise = found - loss
            if rise <= 1e-4 * t * slope:
                break
            # the lowest point of the parabola through what is known, not too near and not too far
            t *= min(max(0.5 * t * slope / (t * slope - rise), 0.1), 0.5) if math.isfinite(rise) else 0.1
        else:
            theta[:], g[:] = start, g_start
            self.done = self.t == 0  # with no steps behind it; else what is remembered misleads, and is forgotten
            self.t = 0
            return loss if found is None else None  # None after a trial, which has also changed the sums of the rows
        s, y = theta - start, g - g_start
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
        if self.first_h is not None:
            q = self.first_h(q)
        if newest_first:
            s, y = self.s[newest_first[0]], self.y[newest_first[0]]
            q *= np.vdot(s, y) / np.vdot(y, y if self.first_h is None else self.first_h(y))
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

    memory: int = field(default=10, init=False)  # no setting, as that step has no use for it
    exact = True


def _descend(theta: Array, g: Array, lr: Rates, s: Array, eps: float, u: Array) -> None:
    np.sqrt(s, out=u)
    u += eps
    np.divide(g, u, out=u)
    u *= lr
    theta -= u  # θ ← θ − α g / (√s + ε)
