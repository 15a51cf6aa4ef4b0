"""Prediction intervals, and prediction sets: the classes of a row that are likely enough. They hold the truth with a
given probability."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.model.model import Model

SEPARATOR = "|"  # between the classes of a set, in CSV
SHARE = 0.9  # of the rows, whose class the sets that `eval` looks at should hold


def sets_of(P: NDArray[Any], least: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the different sets of the rows with the probabilities P (n, K), and which of them each row has (n,). A set
    is the positions of the classes with at least the probability `least`, the likeliest first, then −1s."""
    sizes = (np.asarray(least, P.dtype) <= P).sum(axis=1)
    most = max(1, int(sizes.max(initial=0)))
    order = np.argsort(-P, axis=1, kind="stable")[:, :most]
    order[np.arange(most) >= sizes[:, None]] = -1
    found, of_row = np.unique(order, axis=0, return_inverse=True)
    return found, of_row.reshape(-1)


def as_cell(classes: Sequence[str]) -> str:
    """Write a set as one cell: its classes with | between them; one with a | or a quote in it is quoted as in CSV."""
    quoted = ('"' + one.replace('"', '""') + '"' if SEPARATOR in one or '"' in one else one for one in classes)
    return SEPARATOR.join(quoted)


def as_json(classes: Sequence[str]) -> str:
    """Write a set as a list of JSON."""
    return json.dumps(list(classes), ensure_ascii=False, separators=(",", ":"))


class JudgedSets:
    """How many rows have a set that holds their class, and how large the sets are; rows come block by block."""

    def __init__(self, least: float) -> None:
        self.least = least
        self._held, self._sizes = list[NDArray[np.bool_]](), list[NDArray[np.int64]]()

    @classmethod
    def of(cls, model: Model) -> JudgedSets | None:
        """Return what judges the sets of a model; None where too few validation rows tell what is likely enough."""
        least = model.least_probability(SHARE)
        return None if least is None else cls(least)

    def add(self, P: NDArray[Any], y: NDArray[np.int64]) -> None:
        """Take rows of the classes y (m,) with the probabilities P (m, K)."""
        is_in = np.asarray(self.least, P.dtype) <= P
        self._held.append(is_in[np.arange(len(y)), y])
        self._sizes.append(is_in.sum(axis=1))

    def to_json(self, groups: NDArray[np.int64] | None) -> dict[str, Any]:
        """Return the share of rows held and the mean size, with their 95 % intervals, and how many sets are empty."""
        from nncli.metrics.paired import mean_interval
        from nncli.metrics.student import share_interval

        held, sizes = np.concatenate(self._held), np.concatenate(self._sizes).astype(np.float64)
        n, of_held = len(held), held.astype(np.float64)
        interval = share_interval(held.sum(), n) if groups is None else mean_interval(of_held, groups)
        return {
            "share": SHARE,
            "least_probability": self.least,
            "held": int(held.sum()),
            "coverage": float(of_held.mean()),
            "coverage_interval": list(map(float, interval)),
            "mean_size": float(sizes.mean()),
            "mean_size_interval": list(map(float, mean_interval(sizes, groups))),
            "empty": int((sizes == 0).sum()),
        }
