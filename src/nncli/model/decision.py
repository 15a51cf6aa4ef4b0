"""How the probabilities of a row become its class, where that is not the likeliest one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.decision_kinds import MOST_COST, NEVER
from nncli.system.output import in_quotes

Costs = tuple[tuple[float, ...], ...]  # of a row of each class, if each class is predicted


@dataclass(frozen=True)
class Decision:
    """A decision rule. Of two classes, the `positive` one is predicted from the probability `threshold` on; of more,
    the class k of the least expected cost Σ_j p_j C_jk. Without threshold and costs, it is the likeliest class."""

    positive: int  # position of the class, of two
    threshold: float | None = None
    costs: Costs = ()
    rule: str = ""  # by which the threshold was chosen on validation rows; empty: it follows from the costs

    @property
    def is_likeliest(self) -> bool:
        """Tell whether the likeliest class is predicted."""
        return self.threshold is None and not self.costs

    @property
    def cost_matrix(self) -> NDArray[np.float64] | None:
        """Return the costs as a matrix (K, K); None where nobody said them."""
        return np.array(self.costs) if self.costs else None

    def classes(self, P: NDArray[Any]) -> NDArray[np.int64]:
        """Return the position of the predicted class (n,), from the probabilities P (n, K)."""
        if self.threshold is not None:
            return chosen(P, self.positive, self.threshold)
        codes: NDArray[np.int64] = (P.astype(np.float64) @ np.array(self.costs)).argmin(axis=1)
        return codes

    def check(self, K: int) -> None:
        """Raise ValueError for a decision that no model of K classes can have."""
        is_share = self.threshold is None or 0 <= self.threshold <= NEVER
        sizes = {len(self.costs), *map(len, self.costs)}
        finite = all(math.isfinite(cost) and abs(cost) <= MOST_COST for row in self.costs for cost in row)
        if not (0 <= self.positive < K and is_share and finite and (K == 2 or self.threshold is None)):
            raise ValueError(f"a decision that no model of {K} classes can have")
        if sizes not in ({0}, {K}):
            raise ValueError("costs of other classes")


def say_threshold(threshold: float, positive: str, rule: str = "") -> str:
    """Say from which probability on a class is predicted, and by which rule that was chosen."""
    chosen_for = f", chosen for {rule} on the validation rows" if rule else ""
    if threshold == NEVER:
        return f"{in_quotes(positive)} is never predicted{chosen_for}"
    return f"{in_quotes(positive)} is predicted from the probability {threshold:.4g} on{chosen_for}"


def chosen(P: NDArray[Any], positive: int, threshold: float) -> NDArray[np.int64]:
    """Return the position of the predicted one of two classes (n,): the positive one from a probability on."""
    p = P[:, positive].astype(np.float64)  # as float32, a threshold between two of its numbers would be one of them
    codes: NDArray[np.int64] = np.where(p >= threshold, positive, 1 - positive)
    return codes
