"""Compare a model with guessing: with probabilities that are the shares of the classes in the training rows, always."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import Floats, ScoredRows
from nncli.system.output import WARNING, number


class Guess(NamedTuple):
    """The log loss of some rows, that of guessing the shares of the classes in training, and whether the first is above
    the second by more than chance."""

    loss: float
    guessed: float
    is_sure: bool


def guess(rows: ScoredRows, counts: Sequence[int] | NDArray[np.int64]) -> Guess:
    """Compare rows with guessing, where `counts` (K,) is how many training rows each class has. A class without any is
    guessed as rarely as one of n + 1 rows."""
    of_rows = METRICS.create("log-loss").evidence(rows)[:, 0].astype(np.float64)
    guessed = -np.log(_shares(counts))[rows.y]
    loss, of_guess = float(of_rows.mean()), float(guessed.mean())
    if loss <= of_guess:
        return Guess(loss, of_guess, False)
    from nncli.metrics.paired import mean_interval  # which takes its time, and is seldom needed

    return Guess(loss, of_guess, mean_interval(of_rows - guessed, rows.groups)[0] > 0)


def loss_of_shares(counts: Sequence[int] | NDArray[np.int64]) -> float:
    """Return the log loss of guessing the training rows themselves: −Σ_k s_k log s_k of the shares s_k."""
    shares = np.asarray(counts, np.float64) / np.sum(counts)
    return -float((shares * np.log(_shares(counts))).sum())


def say_above(which: str, found: Guess) -> str:
    """Say that the log loss of some rows is above that of guessing: as a warning, if that is no chance."""
    said = f"the log loss of {which}, {number(found.loss)}, is above that of guessing the shares of the classes"
    return f"{WARNING if found.is_sure else ''}{said}, {number(found.guessed)}"


def _shares(counts: Sequence[int] | NDArray[np.int64]) -> Floats:
    n = float(np.sum(counts))
    return np.maximum(np.asarray(counts, np.float64) / n, 1 / (n + 1))
