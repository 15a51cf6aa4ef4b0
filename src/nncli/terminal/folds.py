"""Print the figures of cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncli.metrics.definitions import METRICS
from nncli.metrics.metric import Metric
from nncli.metrics.reported import OF_NUMBERS
from nncli.system.output import number, percent, put, quantity
from nncli.terminal.tables import cut, new_table, show


def writer_of(metric: Metric) -> Callable[[float], str]:
    """Return what writes a figure: five figures of one in the unit of the target, four decimal places of others."""
    return quantity if metric.needs == "numbers" and metric.name != "r2" else number


def print_folds(found: dict[str, Any], positive: str | None, asked: dict[str, Any] | None) -> None:
    """Print what models of the other folds say of each row: the metric that was asked for, and the first ones."""
    from nncli.training.cross_validation import FIRST

    times = "" if found["repeats"] == 1 else f", drawn {found['repeats']} times"
    put(f"{found['n']:,} rows, each judged by a model that has not seen it, in {found['folds']} folds{times}:")
    table = new_table("", "all rows", "95 % interval", "", "mean of folds", "sd")
    table.columns[3].justify = "left"  # how the interval was found
    for name in dict.fromkeys([*([asked["name"]] if asked else []), *FIRST, *OF_NUMBERS]):
        if name not in found["metrics"]:
            continue
        one, metric = found["metrics"][name], METRICS.create(name)
        write = percent if metric.in_percent else writer_of(metric)
        low_to_high = "" if one["interval"] is None else " to ".join(map(write, one["interval"]))
        cells = ["·" if one[key] is None else write(one[key]) for key in ("value", "mean", "sd")]
        table.add_row(cut(metric.label(positive)), cells[0], low_to_high, one["method"] or "", *cells[1:])
    show(table)
