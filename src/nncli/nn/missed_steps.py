"""Make up for the steps that missed a row of the first weights, when that row is touched next.

A step without a gradient at a row w moves it on by what the optimizer keeps, shrinks it by the penalties, and counts it
in the average θ̄. After m such steps, for the vectors s of the optimizer, which each decay by a factor ρ, and p and γ of
`Elementwise.coasting`:

    w ← w − p Σ_i α_i γ^i           exact for a step as in `momentum`, and for Adam where ε is small
    s ← ρ^m s
    w ← w Π_i (1 − α_i λ₂)           of SGD, and of a decay apart from g; of the others w exp(−Σ_i α_i λ₂ / c),
                                    with the `divisor` c in the middle of them
    w ← w − λ₁ Σ_i α_i / c sign w    as far as 0
    w̄ ← k w̄ + Σ_i a_i w_i            a_i is the weight of a step in θ̄ now, k that of all before the first of them:
                                    exact where w stays or moves as above, else as if it shrank at once

Any other order of these comes to the same but for products of two of their changes. The learning rates α_i of a row
have the factor of its part of θ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from nncli.nn.averages import Average, RunningAverage
from nncli.nn.elementwise import Elementwise
from nncli.nn.layers import Array
from nncli.nn.optimizers import SGD
from nncli.nn.regularisation import Penalty

MOST = 4096  # steps until all rows are caught up, so that little is kept of each step; int16 counts them
NOTHING = 1e-30  # less is 0, as products with it would be slow to work out
Rates = Callable[[int], NDArray[np.float64]]


class MissedSteps:
    """The steps that each of d rows has missed, and what they come to. `factor` is that of the rows' learning rate."""

    def __init__(self, d: int, optimizer: Elementwise, average: Average, penalty: Penalty, factor: float) -> None:
        self.optimizer, self.average, self.factor = optimizer, average, factor
        self.averages, self.shrinks = isinstance(average, RunningAverage), bool(penalty.l1 or penalty.l2)
        self.gamma, steps = optimizer.coasting, np.arange(MOST + 1)
        self.powers = [None if decay == 1 else _powers(decay, steps) for decay in optimizer.decays]
        self.coasts = _powers(self.gamma, steps)
        self.is_needed = self.averages or self.shrinks or self.gamma > 0 or any(one is not None for one in self.powers)
        self.last = np.zeros(d if self.is_needed else 0, np.int16)  # step of each row, of the `now` that are counted
        self.now = self.planned = self.before = 0
        self.rates = self.ahead = self.ahead_mean = np.zeros(0)
        # by what a step in which θ moves on counts less than the one before
        self.fading = self.gamma * average.growth if isinstance(average, RunningAverage) else 0.0
        self.fades = _powers(self.fading, steps) if self.fading < 1 else self.coasts
        # sums over the steps before each: of α λ₂ or the logarithm of what remains, and of what λ₁ takes
        self.shrink, self.taken = np.zeros((2, MOST + 1))

    @property
    def are_none(self) -> bool:
        """Tell whether no row has missed any."""
        return self.now == 0 or not self.is_needed

    def are_planned(self, lr: float, steps: int) -> bool:
        """Tell whether the next steps, at the rate lr, are as planned; if not, all rows have to be caught up first."""
        return self.now + steps <= self.planned and (self.gamma == 0 or bool(self.rates[self.now] == lr))

    def plan(self, steps: int, rates: Rates) -> None:
        """Plan so many steps at most, the first n of which have the learning rates `rates(n)`."""
        self.now, self.planned = 0, min(steps, MOST)
        if isinstance(self.average, RunningAverage):
            self.before = self.average.steps
        if self.gamma:
            self.rates = rates(self.planned)
            a = self.factor * self.optimizer.coast_rates(self.rates)
            # Σ_i α_i γ^i over all steps from each on
            ahead = accumulate(a[::-1].tolist(), lambda rest, rate: self.gamma * (rate + rest), initial=0.0)
            self.ahead = np.array([*ahead])[::-1]
            if 0 < self.fading < 1:
                # Σ_i (a_i / a_0) γ^i (what is ahead after i more steps)
                far = self.ahead[:0:-1].tolist()
                later = accumulate(far, lambda rest, one: self.fading * (one + rest), initial=0.0)
                self.ahead_mean = np.array([*later])[::-1]

    def add(self, penalty: Penalty, lr: float, steps: int) -> None:
        """Count steps, at the rate lr; rows that were touched in them have missed none then."""
        if not self.is_needed:
            return
        now = self.now
        self.now += steps
        if self.shrinks:
            alpha = lr * self.factor
            if penalty.decoupled or isinstance(self.optimizer, SGD):
                kept = 1 - (lr if penalty.decoupled else alpha) * penalty.l2
                self.shrink[self.now] = self.shrink[now] + np.log(max(kept, NOTHING))
            else:
                self.shrink[self.now] = self.shrink[now] - alpha * penalty.l2
            # what λ₁ took before shrinks too, where it does so in the same way for all
            remains = max(1 - alpha * penalty.l2, 0) if isinstance(self.optimizer, SGD) else 1
            self.taken[self.now] = self.taken[now] * remains + alpha * penalty.l1

    def catch_up(self, vectors: Sequence[Array], inputs: NDArray[np.intp] | slice, penalty: Penalty) -> None:
        """Do to the rows of `inputs` what the steps that they have missed do: to θ, to the vectors of the optimizer,
        and to θ̄, where it is another vector. They are still counted as missed."""
        if self.are_none:
            return
        last = self.last[inputs].astype(np.intp)
        m = self.now - last
        theta, slots, dtype = vectors[0], vectors[1 : 1 + len(self.powers)], vectors[0].dtype
        later = np.zeros(0)  # the share of the missed steps in θ̄
        if isinstance(self.average, RunningAverage):
            mean = vectors[-1]
            later = 1 - self.average.kept(self.before + last, self.before + self.now)
            mean += (theta - mean) * later.astype(dtype)[:, None]  # as if w had stayed
        if self.gamma:
            p, far = np.empty_like(theta), self.ahead.take(last) - self.coasts.take(m) * self.ahead[self.now]
            self.optimizer.coast(slots, p)
            if self.averages:
                mean -= p * self._far_in_mean(last, m, later, far).astype(dtype)[:, None]
            p *= far.astype(dtype)[:, None]
            theta -= p
        g = theta
        divisor: Array | float = 1.0  # of the penalties, where they have one
        if self.shrinks and (penalty.l1 or not penalty.decoupled):
            g = (0 if penalty.decoupled else penalty.l2) * np.abs(theta) + penalty.l1
            divisor = self.optimizer.divisor(slots, g)
        for vector, powers in zip(slots, self.powers, strict=True):
            if powers is not None:
                vector *= powers.take(m).astype(dtype)[:, None]
        if self.shrinks:
            w = theta.copy()
            if isinstance(divisor, np.ndarray):
                divisor = np.sqrt(divisor * self.optimizer.divisor(slots, g))  # as half of the steps ago
            self._shrink(theta, divisor, last, penalty)
            if self.averages:
                mean += (theta - w) * later.astype(dtype)[:, None]

    def far(self) -> NDArray[np.float64]:
        """Return Σ_i α_i γ^i over all steps behind each of those so far, from none on, (now + 1,)."""
        now = self.now
        return self.ahead[: now + 1] - self.coasts[now::-1] * self.ahead[now]

    def forget(self) -> None:
        """Begin anew, as all rows are caught up."""
        self.last[:] = 0
        self.now = self.planned = 0

    def _far_in_mean(
        self, last: NDArray[np.intp], m: NDArray[np.intp], later: NDArray[np.float64], far: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return Σ_i a_i times how far θ has moved after i steps, which in the end is `far`, in units of p."""
        if self.fading >= 1:  # θ̄ forgets steps sooner than θ comes to rest
            return later * far
        assert isinstance(self.average, RunningAverage)
        weight = self.average.weight(self.before + last, self.before + self.now)
        still_ahead = self.ahead_mean[last] - self.fades[m] * self.ahead_mean[self.now]
        return later * self.ahead[last] - weight * still_ahead

    def _shrink(self, theta: Array, divisor: Array | float, last: NDArray[np.intp], penalty: Penalty) -> None:
        log, is_sgd = (self.shrink[self.now] - self.shrink[last])[:, None], isinstance(self.optimizer, SGD)
        theta *= np.exp(log if is_sgd or penalty.decoupled else log / divisor).astype(theta.dtype)
        if penalty.l1:
            remains = np.exp(log[:, 0]) if is_sgd else 1
            taken = (self.taken[self.now] - remains * self.taken[last])[:, None] / divisor
            np.copysign(np.maximum(np.abs(theta) - taken, 0), theta, out=theta, casting="same_kind")


def _powers(base: float, exponents: NDArray[np.int64]) -> NDArray[np.float64]:
    found = base ** exponents.astype(np.float64)
    found[found < NOTHING] = 0
    return found
