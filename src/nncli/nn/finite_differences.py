"""Derivatives by finite differences, to check backpropagation with.

For a direction v and a step h, let L₊, L₀ and L₋ be the loss at θ + h v, θ and θ − h v:

    D(h) = (L₊ − L₋) / 2h            the derivative along v, with an error that falls as h²
    S(h) = (L₊ − 2 L₀ + L₋) / h      how much steeper L is ahead than behind, which falls as h

Where L is smooth, half the step leaves D as it is and halves S. Where a kink lies within the step, at least one
of D(h) − D(h/2) and 2 S(h/2) − S(h) is as large as the error that the kink causes in D, within a factor of 2.5: no
larger error can be blamed on the kink. (Several kinks at θ itself can hide one another: relu(w) − relu(−w) = w has no
kink at 0, though backpropagation meets two. So the caller checks a θ nearby as well.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nncli.nn.layers import Array

TOLERANCE = 1e-6  # of the relative error
# Shorter ones where the first is too long for the curve, or reaches a kink. Powers of two, so that θ ± h v is exact.
STEPS = (2.0**-17, 2.0**-23, 2.0**-29, 2.0**-35)
ENTRIES = 200  # of a block that are checked one by one; of a larger block, so many at random
DIRECTIONS = 4  # through all entries of a block at once
FAULT_OF_KINK = 4.0  # an error is at most this many times what a kink shows of itself, if it is the kink's
LOST = 1e-3  # where rounding hides errors of this share of the derivative, nothing is said about it


@dataclass(frozen=True)
class Comparison:
    """The derivative along one direction, by backpropagation and by differences.

    `index` is the place of a single entry; None: a direction through all of them. `error` is |analytic − numeric| over
    the largest of the two, of the root mean square of the block's gradient, and of the smallest that rounding allows
    to compare with. The verdict is ok, wrong, kink, or lost (in rounding).
    """

    index: tuple[int, ...] | None
    analytic: float
    numeric: float
    error: float
    verdict: str


@dataclass(frozen=True)
class BlockCheck:
    """The comparisons of one block of numbers. `worst` has the largest error of those that are ok or wrong.

    The verdict is ok or wrong; or zero if all derivatives are 0, kink or lost if there are no others: these three prove
    nothing. `moved` tells that they were made near the numbers that were asked about, as at these all derivatives are 0
    within rounding, which they are at an optimum.
    """

    name: str
    shape: tuple[int, ...]
    entries: int
    directions: int
    wrong: int
    kinks: int
    lost: int
    worst: Comparison | None
    moved: bool = False

    @property
    def verdict(self) -> str:
        if self.worst is None:
            return "kink" if self.kinks >= self.lost else "lost"
        nothing = self.worst.analytic == self.worst.numeric == self.worst.error == 0
        return "zero" if nothing else self.worst.verdict


class Differences:
    """Derivatives of a loss L, the sum of terms().

    `terms` returns them, (any,), for the current numbers, which `block` moves and puts back. Differences are taken term
    by term: they are much smaller than L, and would be lost in its rounding. `size` is that of the largest numbers that
    L is computed from, times their weight: the rounding of a difference is at least theirs.
    """

    def __init__(self, terms: Callable[[], Array], size: float) -> None:
        self.terms = terms
        self.rounding = 4 * float(np.finfo(np.float64).eps) * size
        self.middle = terms()

    def block(self, name: str, values: Array, gradient: Array, rng: np.random.Generator) -> BlockCheck:
        """Compare the gradient with the differences: each entry of a small block, a sample of a large one, and some
        directions through all of it. `values` is contiguous, of any shape, and so is its gradient."""
        self.values, self.gradient = values.reshape(-1), gradient.reshape(-1)
        assert np.shares_memory(self.values, values), "a copy would be moved in place of the block"
        self.shape, size = values.shape, values.size
        self.typical = float(np.sqrt(np.mean(self.gradient * self.gradient)))
        chosen = np.arange(size) if size <= ENTRIES else np.sort(rng.choice(size, ENTRIES, replace=False))
        entries = [self._compare(int(i), np.float64(1)) for i in chosen]
        length = 2.0 ** round(math.log2(1 / math.sqrt(size)))  # of each step, so that the whole one is about h long
        ways = [length * rng.choice([-1.0, 1.0], size) for _ in range(DIRECTIONS if size > 1 else 0)]
        directions = [self._compare(slice(0, size), v) for v in ways]
        if not any(one.verdict == "wrong" for one in entries):
            entries += [self._locate(v) for v, one in zip(ways, directions, strict=True) if one.verdict == "wrong"][:1]
        every = entries + directions
        of = {verdict: [one for one in every if one.verdict == verdict] for verdict in ("ok", "wrong", "kink", "lost")}
        wrong = [one for one in of["wrong"] if one.index is not None] or of["wrong"]  # an entry says more
        worst = max(wrong or of["ok"], key=lambda one: (one.error, abs(one.analytic)), default=None)
        return BlockCheck(
            name, values.shape, len(chosen), len(ways), len(of["wrong"]), len(of["kink"]), len(of["lost"]), worst
        )

    def _compare(self, where: int | slice, v: Array | np.float64) -> Comparison:
        base = self.values[where].copy()
        analytic = float(np.sum(self.gradient[where] * v))
        for h, shorter in zip(STEPS, (*STEPS[1:], 0.0), strict=True):
            D, S = [], []
            for step in (h, h / 2):
                self.values[where] = base + step * v
                ahead = self.terms()
                self.values[where] = base - step * v
                behind = self.terms()
                D.append(float((ahead - behind).sum()) / (2 * step))
                S.append(float(((ahead - self.middle) - (self.middle - behind)).sum()) / step)
            self.values[where] = base
            size = max(abs(analytic), abs(D[0]), self.typical)
            scale = max(size, 10 * self.rounding / h / TOLERANCE)
            kink = max(abs(D[0] - D[1]), abs(2 * S[1] - S[0])) / scale
            if FAULT_OF_KINK * kink <= TOLERANCE or not shorter or self.rounding / shorter > TOLERANCE * scale:
                break
        error = abs(analytic - D[0]) / scale
        if not error <= max(TOLERANCE, FAULT_OF_KINK * kink):
            verdict = "wrong"
        elif FAULT_OF_KINK * kink > TOLERANCE:
            verdict = "kink"
        else:
            verdict = "lost" if TOLERANCE * scale > LOST * size > 0 else "ok"
        index = tuple(map(int, np.unravel_index(where, self.shape))) if isinstance(where, int) else None
        return Comparison(index, analytic, D[0], math.inf if math.isnan(error) else error, verdict)

    def _locate(self, v: Array) -> Comparison:
        """Find the entry with most of the error along v, by halves."""
        low, high = 0, len(v)
        while high - low > 1:
            middle = (low + high) // 2
            parts = [slice(low, middle), slice(middle, high)]
            left, right = (self._compare(part, v[part]) for part in parts)
            if abs(left.analytic - left.numeric) >= abs(right.analytic - right.numeric):
                high = middle
            else:
                low = middle
        return self._compare(low, np.float64(1))
