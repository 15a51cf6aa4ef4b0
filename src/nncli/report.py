"""Results → a person: tables on stdout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.text import Text
from rich.tree import Tree

from nncli.gradcheck import Check, Kind
from nncli.nn.differences import TOLERANCE
from nncli.nn.graph import Graph
from nncli.output import number, percent, put, say
from nncli.tables import PARTS, cut, listing, new_console, new_table, show

LOG_SCALE = "1e-16   1"  # of the bars below it
UNPROVED = {
    "zero": "all derivatives found are 0; other rows may have others",
    "kink": "there is nothing but kinks",
    "lost": "the derivatives are too small, as those of saturated units are",
}
MOST_FAILURES = 10  # networks that are named
MOST_CLASSES = 20  # that a confusion matrix is shown for
MOST_CONFUSIONS = 10


def print_training(figures: dict[str, Any], quiet: bool = False) -> None:
    """The final figures, beside what always guessing the commonest class would get."""
    table = new_table("", "rows", "loss", "accuracy")
    for title, part in PARTS:
        if figures[part]:
            table.add_row(
                title, f"{figures[f'n_{part}']:,}", number(figures[part]["loss"]), percent(figures[part]["accuracy"])
            )
    judged = next(title for title, part in reversed(PARTS) if figures[part])
    table.add_row("always the commonest class", "", "", percent(figures["baseline_accuracy"]), style="dim")
    show(table)
    if judged == "training":
        say("note: no rows were held out, so these figures do not say how good the model is on new rows", quiet)


def print_plan(plan: dict[str, Any]) -> None:
    """What `train --dry-run` found out."""
    table = new_table("", "", align="left")
    for key in ("n_train", "n_val", "n_test", "inputs", "parameters"):
        table.add_row(key, f"{plan[key]:,}")
    table.add_row("classes", listing(plan["classes"]))
    for key, value in plan["config"].items():
        if value not in (None, [], "") and value is not False:
            table.add_row(key, "full" if key == "batch_size" and value == 0 else str(value))
    show(table)


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


def print_check(check: Check) -> None:
    """What a gradient check found, a line for each block, and what it means."""
    extra = [name for name in ("kinks", "lost") if any(getattr(block, name) for block in check.blocks)]
    rows = []
    for block in check.blocks:
        worst = block.worst
        found = ["", "", "", "", ""]
        if worst is not None:
            place = "[:]" if worst.index is None else f"[{', '.join(map(str, worst.index))}]"
            found = [
                f"{worst.error:.0e}",
                place,
                f"{worst.analytic:.3g}",
                f"{worst.numeric:.3g}",
                _log_bar(worst.error),
            ]
        others = [str(getattr(block, name) or "") for name in extra]
        shape = "×".join(map(str, block.shape))
        rows.append([block.name, shape, f"{block.entries:,}", *found, block.verdict, *others])
    titles = ["block", "shape", "checked", "worst\nerror", "at", "back-\nprop", "differ-\nences", LOG_SCALE, "", *extra]
    widths = [max(len(cell) for row in [titles, *rows] for cell in row[i].split("\n")) for i in range(len(titles))]
    drawn = sum(widths) + 2 * len(widths) <= new_console().width  # numbers before pictures
    table = new_table(*(title for title in titles if drawn or title != LOG_SCALE))
    table.padding = (0, 1, 0, 0)
    for block, row in zip(check.blocks, rows, strict=True):
        style = {"ok": "green", "wrong": "bold red"}.get(block.verdict, "yellow")
        cells = [Text(cell, style if i in (7, 8) else "") for i, cell in enumerate(row) if drawn or i != 7]
        table.add_row(*cells)
    show(table)
    directions = max(block.directions for block in check.blocks)
    put(f"[:] is a random direction through a whole block; up to {directions} of each were checked too")
    if "kinks" in extra:
        put("kinks: no derivative to compare with, which counts neither as right nor as wrong")
    if "lost" in extra:
        put("lost: too small to be told from rounding, which counts neither as right nor as wrong")
    named = {verdict: ", ".join(b.name for b in check.blocks if b.verdict == verdict) for verdict in UNPROVED}
    for verdict, why in UNPROVED.items():
        if named[verdict]:
            put(f"nothing is proved of {named[verdict]}: {why}")
    wrong = ", ".join(block.name for block in check.blocks if block.verdict == "wrong")
    verdict = "passed" if check.passed else f"failed, the gradient of {wrong} is wrong" if wrong else "failed"
    error = check.max_relative_error
    found_error = "no errors to compare" if math.isnan(error) else f"worst relative error {error:.1e}"
    put(f"{found_error}, with {TOLERANCE:g} allowed: {verdict}")


def print_checks(results: Sequence[tuple[Kind, Check]]) -> None:
    """The worst error of each activation with each loss, over all their networks; in as many tables as fit."""
    worst: dict[tuple[str, str], list[Check]] = {}
    for kind, check in results:
        worst.setdefault((kind.activation or "linear", kind.loss), []).append(check)
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*worst, strict=True))
    width = new_console().width
    fitting = max(1, (width - 12) // 11)
    n_tables = -(-len(columns) // fitting)
    at_once = -(-len(columns) // n_tables)
    for start in range(0, len(columns), at_once):
        part = columns[start : start + at_once]
        table = new_table("", *(name.replace("-", "-\n").replace(":link=", "\n") for name in part))
        for row in rows:
            cells = []
            for column in part:
                checks = worst[row, column]
                error = max(check.max_relative_error for check in checks)
                passed = all(check.passed for check in checks)
                cells.append(Text(f"{error:.0e}" if passed else f"{error:.0e} !", "green" if passed else "bold red"))
            table.add_row(row, *cells)
        show(table)
    failed = [(kind, check) for kind, check in results if not check.passed]
    for kind, check in failed[:MOST_FAILURES]:
        names = ", ".join(block.name for block in check.blocks if block.verdict == "wrong")
        put(f"wrong: {names} of {kind}")
    if len(failed) > MOST_FAILURES:
        put(f"and {len(failed) - MOST_FAILURES:,} more; --json has all")
    zero = sum(block.verdict == "zero" for _, check in results for block in check.blocks)
    if zero:
        blocks = sum(len(check.blocks) for _, check in results)
        put(f"{zero:,} of {blocks:,} blocks are 0, as those behind step and sign are")
    kind, check = max(results, key=lambda result: result[1].max_relative_error)
    put(
        f"{len(results):,} networks, {len(results) - len(failed):,} right; worst relative error "
        f"{check.max_relative_error:.1e}, of {TOLERANCE:g} allowed: {kind}"
    )


def _log_bar(error: float) -> str:
    """Two powers of ten a sign, from 1e-16 to 1; a mark stands at the tolerance."""
    filled = round(min(max(math.log10(max(error, 1e-300)) + 16, 0), 16) / 2)
    mark = round((math.log10(TOLERANCE) + 16) / 2)
    signs = "█" * filled + "·" * (8 - filled)
    return signs[:mark] + "│" + signs[mark:]


def print_graph(graph: Graph) -> None:
    """Every node with its value and its derivative, as Algorithm 1 leaves them; then the same as a tree."""
    table = new_table("node", "is", align="left")
    for title in ("value", "∂/∂node", "local derivatives"):
        table.add_column(Text(title), justify="right" if title != "local derivatives" else "left")
    for i, node in enumerate(graph.nodes):
        partials: dict[int, list[str]] = {}  # of an operand that is used twice, two
        for j, partial in zip(node.operands, node.partials, strict=True):
            partials.setdefault(j, []).append(_signed(partial))
        locals_ = [f"∂u{i + 1}/∂u{j + 1} = {' + '.join(both)}" for j, both in partials.items()]
        table.add_row(f"u{i + 1}", str(node), _signed(node.value), _signed(node.grad), ", ".join(locals_))
    show(table)
    put()
    new_console().print(_tree(graph, len(graph.nodes) - 1, set()))


def _tree(graph: Graph, i: int, shown: set[int]) -> Tree:
    """The node and what it was made from; what has been shown is not unfolded again."""
    node = graph.nodes[i]
    again = " (above)" if i in shown and node.operands else ""
    value = "" if str(node) == _signed(node.value) else f" = {_signed(node.value)}"
    tree = Tree(Text(f"u{i + 1} = {node}{value}   ∂ {_signed(node.grad)}{again}"))
    if not again:
        shown.add(i)
        for j in dict.fromkeys(node.operands):
            tree.children.append(_tree(graph, j, shown))
    return tree


def _signed(value: float) -> str:
    return f"{value + 0.0:.6g}"  # −0 is 0


def print_datasets(rows: Sequence[Sequence[str]]) -> None:
    table = new_table("name", "rows", "columns", "classes")
    table.add_column("what it is")
    table.add_column("source")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    show(table)
