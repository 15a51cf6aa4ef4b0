"""Print an evaluation: the metrics, those of each class, and which classes are confused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from nncli.errors import listing
from nncli.inference.metrics import OBJECTIVE, shown
from nncli.metrics.definitions import METRICS
from nncli.metrics.metric import Metric
from nncli.model.decision import say_threshold
from nncli.system.output import number, percent, put, say
from nncli.terminal.folds import writer_of
from nncli.terminal.tables import (
    NARROW,
    cut,
    cut_names,
    fits,
    new_console,
    new_table,
    new_table_of_files,
    show,
    show_rows,
)

if TYPE_CHECKING:
    from rich.table import Table

    from nncli.inference.compare import Comparison
    from nncli.inference.evaluate import Evaluation

MOST_CLASSES = 20  # that are listed, and that a confusion matrix is shown for
MOST_CONFUSIONS, BETWEEN = 10, 6  # and the blanks between their columns and at the ends
CHANCE = 0.05
BASELINE = "  baseline"  # the most frequent class for all rows, or the cheapest one
# characters of a class above a column of the confusion matrix, and whether columns stand closer: the first that fits
NAMES = ((12, False), (12, True), (8, True), (6, True), (4, True))
BRIEF = 1e6  # below it, a number has six figures


def print_evaluation(evaluation: Evaluation, quiet: bool = False) -> None:
    """Print which rows the model was evaluated on, its metrics, those of each class, and the confusions."""
    put(f"evaluated on {evaluation.evaluated_on}")
    metrics = evaluation.metrics
    absent = sum(not row["n"] for row in metrics["per_class"].values())
    table = new_table("", "", "95 % interval", "", align="left")
    asked = evaluation.headline
    figures = ({asked["name"]: asked} if asked else {}) | shown(metrics)  # what is asked for stands first
    for name, one in figures.items():
        metric, value = METRICS.create("loss" if name == OBJECTIVE else name), one["value"]
        figure = percent if metric.in_percent else number
        interval, method = " to ".join(map(figure, one["interval"] or ())), one["method"] or ""
        if value is None:
            of_probabilities = metric.needs == "probabilities"
            why = "scores are not probabilities" if of_probabilities else "a class has no rows"
            method = f"not defined: {why}"
        table.add_row(
            OBJECTIVE if name == OBJECTIVE else cut(metric.label(metrics["positive"])),
            "·" if value is None else figure(value),
            interval,
            method,
            style="bold" if asked and name == asked["name"] else "",
        )
        if name in metrics["baseline"]:
            table.add_row(BASELINE, figure(metrics["baseline"][name]), "", "", style="dim")
    show(table)
    decision = evaluation.decision
    if decision is not None and decision["threshold"] is not None:
        put(say_threshold(**decision))
    if (found := evaluation.sets) is not None:
        _print_sets(found)
    if absent:
        kinds = len(metrics["classes"])
        put(f"macro averages and balanced accuracy: over the {kinds - absent:,} of {kinds:,} classes that have rows")
    _print_classes(metrics, quiet)
    print_confusions(metrics, quiet)


def _print_sets(found: dict[str, Any]) -> None:
    """Print how many of the sets of classes that `predict --interval` gives hold the true one, and how large they
    are."""
    low, high = map(percent, found["coverage_interval"])
    put(f"predict --interval {found['share']:g}: the sets of classes hold the true one in {percent(found['coverage'])}")
    put(f"of these rows (95 % interval {low} to {high}), with {found['mean_size']:.2f} classes on average")


def _print_classes(metrics: dict[str, Any], quiet: bool) -> None:
    """Print the metrics of each class; if there are many, of those with the lowest F1."""
    classes = list(metrics["per_class"].items())
    if len(classes) > MOST_CLASSES:
        say(f"the {MOST_CLASSES} worst of {len(classes):,} classes; --json has all", quiet)
        classes = sorted(classes, key=lambda item: (item[1]["f1"] is None, item[1]["f1"]))[:MOST_CLASSES]
    table = new_table("class", "rows", "precision", "recall", "F1")
    for name, (_, row) in zip(cut_names([name for name, _ in classes]), classes, strict=True):
        cells = ("·",) * 3
        if row["n"]:
            cells = percent(row["precision"]), percent(row["recall"]), f"{row['f1']:.4f}"
        table.add_row(name, f"{row['n']:,}", *cells)
    show(table)


def print_confusions(metrics: dict[str, Any], quiet: bool = False) -> None:
    """Print the confusion matrix; of many classes, or where lines are too short, the most frequent confusions."""
    if (matrix := _matrix(metrics)) is not None:
        show(matrix)
    else:
        _print_most_frequent(metrics, quiet)


def _matrix(metrics: dict[str, Any]) -> Table | None:
    """Return the confusion matrix, with names of classes as long as there is room for; None of many classes, or where a
    line is too short for a column of each."""
    classes, counts = metrics["classes"], metrics["confusion_matrix"]
    if len(classes) > MOST_CLASSES:
        return None
    for most, is_close in NAMES:
        above = cut_names(classes, most)
        if len({*above}) < len({*classes}):
            return None
        table = new_table("true \\ predicted", *above)
        for name, (i, row) in zip(cut_names(classes, 16), enumerate(counts), strict=True):
            styles = ["bold" if i == j else "red" if count else "dim" for j, count in enumerate(row)]
            cells = [Text(str(count or "·"), style) for count, style in zip(row, styles, strict=True)]
            table.add_row(name, *cells)
        table.collapse_padding = is_close
        if fits(table):
            return table
    return None


def _print_most_frequent(metrics: dict[str, Any], quiet: bool) -> None:
    """Print the most frequent confusions, and say what is left out."""
    K, wrong = len(metrics["classes"]), [(i, j, n) for i, j, n in metrics["confusion_counts"] if i != j]
    if K <= MOST_CLASSES:
        say(f"the confusion matrix of {K:,} classes is too wide for these lines; --json has it", quiet)
    if not wrong:
        return
    if len(wrong) > MOST_CONFUSIONS:
        say(f"the {MOST_CONFUSIONS} most frequent of {len(wrong):,} confusions; --json has all", quiet)
    wrong = sorted(wrong, key=lambda one: -one[2])[:MOST_CONFUSIONS]
    counts = [f"{n:,}" for _, _, n in wrong]
    room = (new_console().width - max(len("rows"), *map(len, counts)) - BETWEEN) // 2  # for a name
    classes = cut_names(metrics["classes"], max(4, min(30, room)))
    table = new_table("true", "predicted", "rows", align="left")
    for (i, j, _), count in zip(wrong, counts, strict=True):
        table.add_row(classes[i], classes[j], count)
    show(table)


def print_evaluations(sources: Sequence[str], parts: Sequence[dict[str, Any]], together: dict[str, Any]) -> None:
    """Print one line for each file, and one for all of them."""
    table = new_table_of_files("rows", "accuracy", "95 % interval", "balanced", "log loss")
    for source, metrics in zip([*sources, f"all {len(sources):,}"], [*parts, together], strict=True):
        low, high = metrics["accuracy_interval"]
        loss = "" if metrics["log_loss"] is None else number(metrics["log_loss"])
        accuracy, balanced = percent(metrics["accuracy"]), percent(metrics["balanced_accuracy"])
        cells = f"{metrics['n']:,}", accuracy, f"{percent(low)} to {percent(high)}", balanced, loss
        table.add_row(source, *cells, style="bold" if metrics is together else "")
    show(table)


def print_comparison(found: Comparison) -> None:
    """Print the figures of two models side by side, and whether they differ by more than chance."""
    put(f"evaluated on {found.evaluated_on}")
    table = _of_two(found)
    if is_narrow := not fits(table):  # and an interval in two lines is hard to read
        table = _of_two(found, is_brief=True)
    show(table)
    if is_narrow:
        metrics = map(METRICS.create, found.figures)
        names = [metric.label(found.positive) for metric in metrics if not metric.higher_is_better]
        put(f"diff. is the difference, p the p-value{f'; of {listing(names)}, less is better' * bool(names)}")
    first, figure = next(iter(found.figures.items()))
    metric = METRICS.create(first)
    what = metric.label(found.positive)
    if figure["p_value"] >= CHANCE:
        put(f"in {what}, they differ by no more than chance on these rows")
    else:
        better = found.files[0 if (figure["difference"] > 0) == metric.higher_is_better else 1]
        put(f"in {what}, {better} is better by more than chance on these rows")


def _of_two(found: Comparison, is_brief: bool = False) -> Table:
    """Make a table of the figures of two models, with long titles, names and p-values, or with short ones."""
    titles = ("diff.", "95 % interval", "p") if is_brief else ("difference", "95 % interval", "p-value")
    less, table = "" if is_brief else " (less is better)", new_table("", *cut_names(found.files), *titles)
    for name, figure in found.figures.items():
        metric = METRICS.create(name)
        write = writer_for(metric)
        interval = " to ".join(signed(write, end) for end in figure["interval"] or ())
        cells = (*map(write, figure["values"]), signed(write, figure["difference"]))
        label = cut(metric.label(found.positive)) + ("" if metric.higher_is_better else less)
        p = figure["p_value"]
        table.add_row(label, *cells, interval, "<1e-4" if is_brief and p < 1e-4 else f"{p:.2g}")
    return table


def writer_for(metric: Metric) -> Callable[[float], str]:
    """Return what writes a value of a metric."""
    return percent if metric.in_percent else writer_of(metric)


def signed(write: Callable[[float], str], value: float) -> str:
    """Write a difference with its sign."""
    return f"{'−' if value < 0 else '+'}{write(abs(value))}"


def print_worst(rows: Sequence[dict[str, Any]]) -> None:
    """Print the most wrong rows, with as many of their columns as are easily read."""
    if not rows:
        put("no row is wrong")
        return
    said_of = "p_class" if "p_class" in rows[0] else "score_class"
    header = "row", "class", "prediction", said_of.replace("_", " of ")
    said = [
        (f"{one['row']:,}", cut(one["class"], NARROW), cut(one["prediction"], NARROW), f"{one[said_of]:.4g}")
        for one in rows
    ]
    show_rows(header, said, cells_of(rows))


def cells_of(rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the cells of rows, as they are shown, by the names of the columns."""
    cells = {name: [one["columns"][name] for one in rows] for name in rows[0]["columns"]}
    return {name: ["" if cell is None else brief_cell(cell) for cell in its] for name, its in cells.items()}


def brief_cell(value: Any) -> str:
    """Write a cell of a column so that it takes little room."""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:.6g}" if abs(value) < BRIEF else f"{value:.15g}"
