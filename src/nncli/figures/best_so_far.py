"""The figure of a sweep that runs: each trial, and the best one so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncli.figures.figure import Axis, Figure, Line, Panel, Points
from nncli.figures.kinds import thinned
from nncli.metrics.definitions import METRICS


def best_so_far(values: Sequence[float], metric_name: str, title: str) -> Figure:
    """Return the figure of the values of a metric for one or more finished trials, in the order they were finished."""
    metric = METRICS.create(metric_name)
    y, x = np.array(values) * (100 if metric.in_percent else 1), np.arange(1.0, len(values) + 1)
    best = (np.fmax if metric.higher_is_better else np.fmin).accumulate(y)
    axis = Axis.around(f"{metric.label(None)} on validation rows{', %' if metric.in_percent else ''}", y)
    steps = np.repeat(x, 2)[1:], np.repeat(best, 2)[:-1]  # it stays until a better one is there
    marks = (Points(*thinned(x, y), "a trial"), Line(*thinned(*steps), "the best so far"))
    return Figure(title, (Panel(Axis("trial", 0.5, len(x) + 0.5), axis, marks),))
