"""Judged rows: rows whose class is known, with what a model says of them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELLS_AT_ONCE = 1 << 21  # scores of rows × classes that are worked on at a time
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoredRows:
    """n rows of K classes, and what a model says of them; with K = 0, y and predicted are numbers, float64, and there
    are no logits.

    y, predicted: the true and the predicted class, (n,).
    logits: (n, K), an array or, of many rows and classes, `StoredLogits`; or (n, 1) where 0 is that of the first of two
    classes. If `probabilistic`, P = softmax(logits); else they are scores. Figures come from them and not from P, which
    rounds to 0 and 1.
    positive: the positive class, of two.
    costs: of a row of each class, if each class is predicted, (K, K); None where nobody said.
    groups: the group of each row, (n,), where rows of one group have much in common; None where they do not.
    losses: what training minimises, (n,), so that their mean is the loss; None where nobody asks for it.
    """

    y: NDArray[Any]
    predicted: NDArray[Any]
    K: int
    logits: Any
    probabilistic: bool
    losses: Floats | None = None
    positive: int = 1
    costs: Floats | None = None
    groups: NDArray[np.int64] | None = None

    @classmethod
    def of_numbers(
        cls, y: Floats, predicted: Floats, losses: Floats | None = None, groups: NDArray[np.int64] | None = None
    ) -> ScoredRows:
        """Make rows of numbers y (n,), of which a model says the numbers predicted (n,)."""
        return cls(y, predicted, 0, np.empty((len(y), 0)), False, losses, groups=groups)

    def __len__(self) -> int:
        return len(self.y)

    def take(self, which: NDArray[np.bool_]) -> ScoredRows:
        """Return some of the rows, those of which `which` (n,) is true."""
        return dataclasses.replace(
            self,
            y=self.y[which],
            predicted=self.predicted[which],
            logits=self.logits[which],
            losses=None if self.losses is None else self.losses[which],
            groups=None if self.groups is None else self.groups[which],
        )

    @functools.cached_property
    def oriented(self) -> ScoredRows:
        """Return the same rows with the positive one of two classes as the second, which is what metrics expect."""
        if self.K != 2 or self.positive == 1:
            return self
        logits = -self.logits if self.logits.shape[1] == 1 else self.logits[:, ::-1]
        costs = None if self.costs is None else self.costs[::-1, ::-1]
        return dataclasses.replace(
            self, y=1 - self.y, predicted=1 - self.predicted, logits=logits, costs=costs, positive=1
        )

    @functools.cached_property
    def present(self) -> NDArray[np.int64]:
        """Return the classes that have rows, in order."""
        return np.flatnonzero(np.bincount(self.y, minlength=self.K))

    @functools.cached_property
    def confusions(self) -> NDArray[np.int64]:
        """Return (true class, predicted class, rows) for each pair that occurs, (pairs, 3)."""
        pairs, counts = np.unique(self.y * self.K + self.predicted, return_counts=True)
        return np.stack([pairs // self.K, pairs % self.K, counts], axis=1)

    @functools.cached_property
    def _peaks(self) -> tuple[Floats, Floats]:
        """Return the highest logit, and how far what stands against it is above that: log Σ exp of the others, without
        probabilities the best of them; (n,) each.

        Rows whose logits differ only in their order, or by one shift, are ties to the last digit.
        """
        n = len(self)
        high, against = np.empty(n), np.empty(n)
        for part, Z in self.blocks():
            Z.sort(axis=1)
            high[part] = Z[:, -1]
            against[part] = Z[:, -2] - Z[:, -1]
            if self.probabilistic:
                Z = Z[:, :-1] - Z[:, -2:-1]
                against[part] += np.log(np.exp(Z, out=Z).sum(axis=1))
        return high, against

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Yield the logits (some, K) of some rows at a time, in float64, with where these rows stand."""
        for part in self.parts():
            Z = self.logits[part].astype(np.float64)
            yield part, np.hstack([np.zeros_like(Z), Z]) if Z.shape[1] == 1 else Z

    def parts(self) -> Iterator[slice]:
        """Yield where some rows stand, as many as are worked on at a time."""
        at_once = max(1, CELLS_AT_ONCE // self.K)
        return (slice(start, start + at_once) for start in range(0, len(self), at_once))

    def probabilities(self) -> Iterator[tuple[slice, Floats]]:
        """Yield P (some, K) of some rows at a time, with where these rows stand."""
        for part, Z in self.blocks():
            Z -= Z.max(axis=1, keepdims=True)
            P = np.exp(Z, out=Z)
            P /= P.sum(axis=1, keepdims=True)
            yield part, P

    def lead(self, k: int) -> Floats:
        """Return how far class k is ahead, (n,): log (p_k / (1 − p_k)); without probabilities, its score minus the best
        of the others."""
        if self.logits.shape[1] == 1:
            z = self.logits[:, 0].astype(np.float64)
            return z if k else -z
        high, against = self._peaks
        z = self.logits[:, k].astype(np.float64) - high
        is_top = z == 0
        if not self.probabilistic:
            return np.where(is_top, -against, z)
        log_p = np.where(is_top, -np.inf, z - np.logaddexp(0, against))
        # log (1 − p) would be −∞ where p rounds to 1, which only the highest can
        return np.where(is_top, -against, log_p - np.log1p(-np.exp(log_p)))

    def log_p(self) -> Floats:
        """Return the logarithm of the probability of the true class, (n,): finite, however small it is, and exact,
        however near to 0.

        log p_y = −log Σ_k e^(a_k), where a_k is how far class k is ahead of y; with a, the most of these, it is
        −a − log (e^−a + Σ_{k≠y} e^(a_k − a)).
        """
        if self.K == 2:
            first, second = (0, self.logits[:, 0]) if self.logits.shape[1] == 1 else self.logits.T
            z = np.subtract(second, first, dtype=np.float64)
            ahead = np.where(self.y, -z, z)
            return -np.maximum(ahead, 0) - np.log1p(np.exp(-np.abs(ahead)))
        found = np.empty(len(self))
        for part in self.parts():
            y, Z = self.y[part], self.logits[part].T.astype(np.float64, order="C")  # (K, some): few and long sums
            rows = np.arange(len(y))
            Z -= Z[y, rows]  # a_k
            most = Z.max(axis=0)  # a ≥ 0, as that of y is 0
            Z -= most
            Z[y, rows] = -np.inf
            others = np.exp(Z, out=Z).sum(axis=0)
            np.negative(most + np.log1p(np.expm1(-most) + others), out=found[part])
        return found
