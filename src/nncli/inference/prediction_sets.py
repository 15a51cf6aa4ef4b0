"""Prediction intervals, and prediction sets: the classes of a row that are likely enough. They hold the truth with a
given probability."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.errors import OptionError, mention
from nncli.model.conformal import MOST_SCORES, rows_needed
from nncli.model.model import Model
from nncli.system.output import counted

SEPARATOR = "|"  # between the classes of a set, in CSV
SHARE = 0.9  # of the rows, whose class the sets that `eval` looks at should hold


def half_width(model: Model, share: float) -> float:
    """Return how far the interval of a prediction goes on both sides; OptionError for too few validation rows."""
    found = model.of_numbers.half_width(share)
    if found is None:
        raise _too_few("an interval", model, share, len(model.of_numbers.errors))
    return found


def least_probability(model: Model, share: float) -> float:
    """Return the probability from which on a class is in a prediction set; OptionError for too few validation rows."""
    found = model.least_probability(share)
    if found is None:
        raise _too_few("a prediction set", model, share, len(model.own_probabilities))
    return found


def _too_few(what: str, model: Model, share: float, n: int) -> OptionError:
    """Return the error for a model that knows of `n` validation rows, too few for that share."""
    if n:
        problem = f"{what} of {share:g} rests on {counted(needed := rows_needed(share), 'validation row')} or more"
        problem += f", and the model has {n:,}"
        if needed > MOST_SCORES:
            return OptionError("interval", f"{problem}: no more than {MOST_SCORES:,} are kept", "Ask for 0.999 or less")
        return OptionError("interval", problem, f"Ask for less, or train with more {mention('val')}")
    problem = f"{what} rests on predictions of validation rows, and the model file has none"
    options = model.config.options
    if options.refit or options.folds is not None:
        remedy = f"Train it again without {mention('refit' if options.refit else 'folds')}"
    else:
        remedy = f"Train it again, with {mention('val', '0.15')}"
    return OptionError("interval", problem, remedy)


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
