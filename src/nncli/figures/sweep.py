"""The figure of a sweep: how good the model is for each value of each option."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nncli.errors import DataError
from nncli.figures.figure import Axis, Figure, Floats, Panel, Points
from nncli.figures.kinds import FIGURES, OfLedger, Trials
from nncli.metrics.definitions import METRICS
from nncli.sweep.ranking import RankedConfig, importance, varied

MOST_VALUES = 8  # of an option, that stand beside one another
WIDE = 100  # between the least and the most: then powers of ten are as far from one another


@FIGURES.register("sweep")
class MetricByOption(OfLedger):
    """metric by each option, of the ledger of a sweep"""

    def build(self, of: Trials) -> Figure:
        whole, names = varied_trials(of)
        metric, shares = METRICS.create(of.ranking[0].metric), importance(of.ranking)
        factor = 100 if metric.in_percent else 1
        values = np.array([one.mean for one in whole]) * factor
        label = f"{metric.label(None)} on validation rows{', %' if metric.in_percent else ''}"
        y = Axis.around(label, values)
        panels = []
        for name in sorted(names, key=lambda name: -shares.get(name, 0)):
            x, places = axis_of_option(name, whole)
            marks = Points(places[1:], values[1:], "others"), Points(places[:1], values[:1], "the best")
            panels.append(Panel(x, y, marks))
        return Figure(f"Sweep of {len(whole):,} configurations, {of.file}", tuple(panels))


def varied_trials(of: Trials) -> tuple[list[RankedConfig], Sequence[str]]:
    """Return the configurations that have a value, and the options in which they differ; DataError where there are
    none."""
    whole = [one for one in of.ranking if one.values]
    names = varied([one.config for one in whole])
    if not names:
        raise DataError(of.file, "expected trials that differ in an option, found none")
    return whole, names


def axis_of_option(name: str, configs: Sequence[RankedConfig]) -> tuple[Axis, Floats]:
    """Return the axis of an option, and the place of each configuration on it: few values stand beside one another,
    many numbers at equal steps or, over a wide range, at equal factors."""
    values: list[Any] = [getattr(one.config, name) for one in configs]
    title, written = (
        name.replace("_", " "),
        {value: one.written(name) for value, one in zip(values, configs, strict=True)},
    )
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(written) > MOST_VALUES and len(numbers) == len(values):
        places = np.array(numbers, np.float64)
        if places.min() > 0 and places.max() > WIDE * places.min():
            return Axis.around(f"log10 of {title}", np.log10(places)), np.log10(places)
        return Axis.around(title, places), places
    order = sorted(written, key=_rank)
    return Axis.of_names(title, [written[value] for value in order]), np.array(
        [float(order.index(value)) for value in values]
    )


def _rank(value: Any) -> tuple[Any, ...]:
    """Return the key that sorts values of one option: none, numbers and sizes by size, names by the alphabet."""
    size = sum(value) if isinstance(value, tuple) and all(isinstance(one, int) for one in value) else value
    if isinstance(size, int | float):
        return (0, float(size), str(value))
    return (1, math.inf, str(value)) if value is not None else (0, -math.inf, "")
