"""Print the figures of models that predict numbers."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nncli.metrics.definitions import METRICS
from nncli.metrics.reported import OF_NUMBERS
from nncli.system.output import percent, put, quantity, say
from nncli.terminal.evaluation import cells_of
from nncli.terminal.folds import print_folds, writer_of
from nncli.terminal.tables import NARROW, PARTS, cut, cut_names, fits, new_table, new_table_of_files, show, show_rows

if TYPE_CHECKING:
    from rich.table import Table

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
    if reference := figures["reference"]:
        from nncli.training.reference_of_numbers import NAMES, say_comparison_of_numbers

        table.add_row(f"reference ({NAMES[reference['name']]})", "", *_cells(reference), style="dim")
    for name, title in BASELINES.items():
        table.add_row(title, "", *_cells(figures["baseline"][name]), style="dim")
    show(table)
    if reference:
        for line in say_comparison_of_numbers(reference):
            put(line)
    if figures["folds"]:
        print_folds(figures["folds"], None, figures["metric"])
    elif not (figures["val"] or figures["test"]):
        say("note: no rows were held out, so these figures do not say how good the model is on new rows", quiet)


def _cells(found: dict[str, float | None]) -> list[str]:
    return [written(name, found[name.replace("-", "_")]) for name in OF_NUMBERS]


def print_evaluation_of_numbers(evaluation: EvaluationOfNumbers) -> None:
    """Print which rows the model was evaluated on, and its metrics with their intervals beside the baselines."""
    put(f"evaluated on {evaluation.evaluated_on}")
    table = _of_one(evaluation, with_methods=True)
    show(table if fits(table) else _of_one(evaluation, with_methods=False))
    put("mean, median: the figures of always predicting those of the training rows")
    if (found := evaluation.interval) is not None:
        low, high = map(percent, found["coverage_interval"])
        held = f"it holds {percent(found['coverage'])} of these {evaluation.n:,} rows (95 % interval {low} to {high})"
        put(f"prediction ± {quantity(found['half_width'])} is an interval of {percent(found['share'])}:")
        put(held)


def _of_one(evaluation: EvaluationOfNumbers, with_methods: bool) -> Table:
    """Make a table of the metrics with their intervals, and how these were found, beside the baselines."""
    table = new_table("", "", "95 % interval", *[""] * with_methods, *BASELINES, align="left")
    for name, one in evaluation.figures.items():
        metric = METRICS.create(name)
        interval = " to ".join(written(name, end) for end in one["interval"] or ())
        guesses = [evaluation.baseline[key].get(name.replace("-", "_")) for key in BASELINES]
        cells = ["" if name == "loss" else written(name, guess) for guess in guesses]
        how = [one["method"] or ""] * with_methods
        table.add_row(metric.title, written(name, one["value"]), interval, *how, *cells)
    return table


def print_evaluations_of_numbers(
    sources: Sequence[str], parts: Sequence[EvaluationOfNumbers], together: dict[str, Any]
) -> None:
    """Print one line for each file, and one for all of them."""
    table = new_table_of_files("rows", "RMSE", "95 % interval", "MAE", "R²")
    for source, part in zip(sources, parts, strict=True):
        rmse, mae, r2 = (part.figures[name] for name in ("rmse", "mae", "r2"))
        interval = " to ".join(written("rmse", end) for end in rmse["interval"] or ())
        figures = written("rmse", rmse["value"]), interval, written("mae", mae["value"]), written("r2", r2["value"])
        table.add_row(source, f"{part.n:,}", *figures)
    figures = written("rmse", together["rmse"]), "", written("mae", together["mae"]), written("r2", together["r2"])
    table.add_row(f"all {len(sources):,}", f"{together['n']:,}", *figures, style="bold")
    show(table)


def print_groups_of_numbers(column: str, groups: Sequence[dict[str, Any]]) -> None:
    """Print the metrics of each group of rows, and which groups stand out."""
    names = [*groups[0]["metrics"]]
    together = f"interval (95 %\nfor all {len(groups) * len(names)})"
    for name in names:
        title = "\n".join(textwrap.wrap(METRICS.create(name).title, NARROW))
        table = new_table(cut(column, 2 * NARROW), "rows", title, together, "")
        for label, group in zip(cut_names([one["group"] for one in groups], 2 * NARROW), groups, strict=True):
            one = group["metrics"][name]
            interval = " to ".join(written(name, end) for end in one["interval"] or ())
            mark = "stands out" if one["stands_out"] else ""
            table.add_row(label, f"{group['n']:,}", written(name, one["value"]), interval, mark)
        show(table)


def print_worst_numbers(rows: Sequence[dict[str, Any]]) -> None:
    """Print the rows that are the farthest off, with as many of their columns as are easily read."""
    said = list[tuple[str, ...]]()
    for one in rows:
        error = f"{'−' if one['error'] < 0 else '+'}{quantity(abs(one['error']))}"
        said.append((f"{one['row']:,}", quantity(one["target"]), quantity(one["prediction"]), error))
    show_rows(("row", "true", "prediction", "error"), said, cells_of(rows))
