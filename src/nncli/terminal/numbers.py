"""Print the figures of models that predict numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nncli.metrics.definitions import METRICS
from nncli.metrics.reported import OF_NUMBERS
from nncli.system.output import percent, put, quantity, say
from nncli.terminal.folds import print_folds, writer_of
from nncli.terminal.tables import PARTS, new_table, show

if TYPE_CHECKING:
    from nncli.inference.evaluate_numbers import EvaluationOfNumbers

BASELINES = {"mean": "baseline (mean)", "median": "baseline (median)"}  # of the training rows, for all rows


def written(name: str, value: float | None) -> str:
    """Write a figure by the name of its metric; a dot where it is not defined."""
    return "·" if value is None else writer_of(METRICS.create(name))(value)


def print_training_of_numbers(figures: dict[str, Any], quiet: bool = False) -> None:
    """Print the final figures beside those of always predicting the mean, or the median, of the training rows."""
    table = new_table("", "rows", *(METRICS[name].title for name in OF_NUMBERS))
    for title, part in PARTS:
        if found := figures[part]:
            table.add_row(title, f"{figures[f'n_{part}']:,}", *_cells(found))
    for name, title in BASELINES.items():
        table.add_row(title, "", *_cells(figures["baseline"][name]), style="dim")
    show(table)
    if figures["folds"]:
        print_folds(figures["folds"], None, figures["metric"])
    elif not (figures["val"] or figures["test"]):
        say("note: no rows were held out, so these figures do not say how good the model is on new rows", quiet)


def _cells(found: dict[str, float | None]) -> list[str]:
    return [written(name, found[name.replace("-", "_")]) for name in OF_NUMBERS]


def print_evaluation_of_numbers(evaluation: EvaluationOfNumbers) -> None:
    """Print which rows the model was evaluated on, and its metrics with their intervals beside the baselines."""
    put(f"evaluated on {evaluation.evaluated_on}")
    table = new_table("", "", "95 % interval", "", *BASELINES, align="left")
    for name, one in evaluation.figures.items():
        metric = METRICS.create(name)
        interval = " to ".join(written(name, end) for end in one["interval"] or ())
        guesses = [evaluation.baseline[key].get(name.replace("-", "_")) for key in BASELINES]
        cells = ["" if name == "loss" else written(name, guess) for guess in guesses]
        table.add_row(metric.title, written(name, one["value"]), interval, one["method"] or "", *cells)
    show(table)
    put("mean, median: the figures of always predicting those of the training rows")
    if (found := evaluation.interval) is not None:
        low, high = map(percent, found["coverage_interval"])
        held = f"it holds {percent(found['coverage'])} of these {evaluation.n:,} rows (95 % interval {low} to {high})"
        put(f"prediction ± {quantity(found['half_width'])} is an interval of {percent(found['share'])}: {held}")
