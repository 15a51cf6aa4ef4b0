"""Prints how good a model is: its figures, those of each class, and which classes it confuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from nncli.system.output import number, percent, say
from nncli.terminal.tables import cut, new_table, show

MOST_CLASSES = 20  # that a confusion matrix is shown for


MOST_CONFUSIONS = 10


def print_evaluation(metrics: dict[str, Any], quiet: bool = False) -> None:
    """Print the figures of a model, those of each class, and which classes it takes for which."""
    low, high = metrics["accuracy_interval"]
    table = new_table("", "", align="left")
    table.add_row("rows", f"{metrics['n']:,}")
    table.add_row("accuracy", f"{percent(metrics['accuracy'])}   (95 % interval {percent(low)} to {percent(high)})")
    table.add_row("balanced accuracy", percent(metrics["balanced_accuracy"]))
    no_probabilities = "not defined: the model gives scores, not probabilities"
    log_loss, ece = metrics["log_loss"], metrics["ece"]
    table.add_row("log loss", no_probabilities if log_loss is None else number(log_loss))
    table.add_row("F1, macro / weighted", f"{metrics['f1_macro']:.4f} / {metrics['f1_weighted']:.4f}")
    auc = metrics["roc_auc"]
    table.add_row("ROC AUC", "not defined: a class has no rows" if auc is None else f"{auc:.4f}")
    table.add_row("calibration error", no_probabilities if ece is None else f"{ece:.4f}")
    show(table)
    table = new_table("class", "rows", "precision", "recall", "F1")
    shown = sorted(metrics["per_class"].items(), key=lambda item: item[1]["f1"])
    if len(shown) > MOST_CLASSES:
        say(f"the {MOST_CLASSES} worst of {len(shown):,} classes; --json has all", quiet)
        shown = shown[:MOST_CLASSES]
    else:
        shown = list(metrics["per_class"].items())
    for name, row in shown:
        table.add_row(
            cut(name, 30), f"{row['n']:,}", percent(row["precision"]), percent(row["recall"]), f"{row['f1']:.4f}"
        )
    show(table)
    if len(metrics["classes"]) > MOST_CLASSES:
        _print_confusions(metrics, quiet)
    else:
        _print_matrix(metrics)


def _print_matrix(metrics: dict[str, Any]) -> None:
    classes = metrics["classes"]
    table = new_table("true \\ predicted", *(cut(name, 12) for name in classes))
    for i, row in enumerate(metrics["confusion_matrix"]):
        cells = [
            Text(str(count) if count else "·", style="bold" if i == j else "red" if count else "dim")
            for j, count in enumerate(row)
        ]
        table.add_row(cut(classes[i], 16), *cells)
    show(table)


def _print_confusions(metrics: dict[str, Any], quiet: bool) -> None:
    """Print the most frequent confusions, where the matrix would be too large to be read."""
    classes = metrics["classes"]
    wrong = [(i, j, count) for i, j, count in metrics["confusion_counts"] if i != j]
    if not wrong:
        return
    if len(wrong) > MOST_CONFUSIONS:
        say(f"the {MOST_CONFUSIONS} most frequent of {len(wrong):,} confusions; --json has all", quiet)
    table = new_table("true", "predicted", "rows", align="left")
    for i, j, count in sorted(wrong, key=lambda one: -one[2])[:MOST_CONFUSIONS]:
        table.add_row(cut(classes[i]), cut(classes[j]), f"{count:,}")
    show(table)


def print_evaluations(found: Sequence[dict[str, Any]], together: dict[str, Any]) -> None:
    """A line for each file, and one for all of them."""
    table = new_table("file", "rows", "accuracy", "95 % interval", "balanced", "log loss")
    for metrics in [*found, {"data": f"all {len(found):,}", **together}]:
        low, high = metrics["accuracy_interval"]
        loss = metrics["log_loss"]
        table.add_row(
            metrics["data"], f"{metrics['n']:,}", percent(metrics["accuracy"]),
            f"{percent(low)} to {percent(high)}", percent(metrics["balanced_accuracy"]),
            "" if loss is None else number(loss), style="" if metrics in found else "bold",
        )  # fmt: skip
    show(table)
