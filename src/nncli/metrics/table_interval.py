"""How sure a figure of the table of true and predicted classes is: what the table may be in truth, and the figure of
that. Resampled rows do not tell: of a kind of mistake that is not among few rows, they never have one."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.metric import Metric
from nncli.metrics.rows import Floats, ScoredRows

DRAWS, SEED = 2000, 0
CELLS = 1 << 22  # draws × cells; with many cells, fewer draws


def drawn_values(metric: Metric, rows: ScoredRows) -> tuple[float, Floats]:
    """Return the value of a metric at the centre of the tables that are drawn, and its values for each of them.

    The shares of the cells have a Dirichlet distribution, the posterior of the counts and half a row more of each class
    that is right, and half a row that is wrong: so the recall of a class has the one of Jeffreys. That wrong half row
    is predicted as the next class; of two classes, it is the other.
    """
    present, following = rows.present, next_class(rows)
    y, predicted, counts = rows.confusions.T
    cells = dataclasses.replace(
        rows,
        y=np.concatenate([y, present, present]),
        predicted=np.concatenate([predicted, present, following]),
        logits=rows.logits[:0],
    )
    known = np.concatenate([counts, np.full(2 * len(present), 0.5)])  # a cell that is there twice is drawn in two parts
    evidence = metric.evidence(cells)
    centre = float(metric.values(evidence, cells.y, known[None])[0])
    return centre, metric.values(evidence, cells.y, drawn_tables(known))


def next_class(rows: ScoredRows) -> NDArray[np.int64]:
    """Return, for each class that has rows, the next one of them: what a wrong row of it is predicted as."""
    present = rows.present
    return np.roll(present, -1) if len(present) > 1 else (present + 1) % rows.K


def drawn_tables(known: Floats) -> Floats:
    """Draw the cells of tables, (draws, cells), from how many rows are known of each."""
    return _tables(known.tobytes())


@functools.lru_cache(maxsize=1)  # one for all metrics of the same rows
def _tables(known: bytes) -> Floats:
    counts = np.frombuffer(known)
    times = max(100, min(DRAWS, CELLS // len(counts)))
    return np.random.default_rng(SEED).standard_gamma(counts, (times, len(counts)))


def around(value: float, centre: float, ends: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of the values that were drawn about a centre, or those about the value that was found, where they
    are farther out: the half rows draw the figure of many classes to one side."""
    shift = value - centre
    return min(value, ends[0] + min(shift, 0)), max(value, ends[1] + max(shift, 0))
