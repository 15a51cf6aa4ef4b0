"""Print a check of data: columns, classes and findings."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.diagnostics.data_check import DataReport
from nncli.system.output import counted, percent, put, quantity
from nncli.terminal.tables import cut, cut_names, new_table, show

MOST_COLUMNS, MOST_CLASSES = 40, 30  # that are shown; --json has all
BAR, LONGEST, SHORTER = 30, 24, 12  # characters of a bar, of a name, and of one of several values


def print_data_check(report: DataReport) -> None:
    """Print the columns, the classes, and what one should look at."""
    columns = report.columns[:MOST_COLUMNS]
    any_missing = ["missing"] if any(column["missing"] for column in columns) else []  # room for the others
    table = new_table("column", "kind", *any_missing, "distinct", "range", "becomes", align="left")
    table.padding = (0, 1, 0, 0)
    names = cut_names([column["name"] for column in columns], LONGEST)
    for name, column in zip(names, columns, strict=True):
        missing = [f"{column[name]:,}" if column[name] else "" for name in any_missing]
        cells = f"{column['distinct']:,}", _range(column), column["becomes"]
        table.add_row(name, column["kind"], *missing, *cells)
    show(table)
    _more(len(report.columns), MOST_COLUMNS, "columns")
    put()
    if report.target is None:
        _print_classes(report)
    else:
        table = new_table("target", "distinct", "mean", "sd", "least", "median", "largest")
        figures = [quantity(report.target[key]) for key in ("mean", "sd", "least", "median", "largest")]
        table.add_row("a number", f"{report.target['distinct']:,}", *figures)
        show(table)
    put()
    size = f"{counted(report.rows, 'row')}, {counted(len(report.columns), 'column')}"
    predicts = f"{len(report.classes):,} classes" if report.target is None else "numbers to predict"
    put(f"{report.source}: {size}, {predicts}")
    found = report.findings
    if not found and report.refusal is None:
        found = [f"no problems found: {report.passed}"]
    for heading, lines in (("how the data were read", report.notes), ("what to look at", found)):
        if lines:
            put()
            put(f"{heading}:")
        for line in lines:
            put(f"  {line.removeprefix('warning: ')}")


def _print_classes(report: DataReport) -> None:
    """Print how many rows each class has."""
    most = max(report.classes.values())
    table = new_table("class", "rows", "share", "", align="left")
    shown = [*report.classes.items()][:MOST_CLASSES]
    for name, (_, rows) in zip(cut_names([name for name, _ in shown], LONGEST), shown, strict=True):
        bar = "█" * max(1, round(BAR * rows / most))
        table.add_row(name, f"{rows:,}", percent(rows / report.rows), bar)
    show(table)
    _more(len(report.classes), MOST_CLASSES, "classes")


def _range(column: dict[str, Any]) -> str:
    """Return the range of a column of numbers or dates, or the most frequent texts."""
    if column["often"]:
        more = ["…"] if column["distinct"] > len(column["often"]) else []
        return ", ".join([*(cut(text, SHORTER) for text in column["often"]), *more])
    if column["low"] is None:
        return ""
    ends = column["low"], column["high"]
    if column["kind"] == "date":
        return " to ".join(str(np.datetime64(int(np.floor(days)), "D")) for days in ends)
    return " to ".join(f"{end:g}" for end in ends)


def _more(total: int, shown: int, noun: str) -> None:
    if total > shown:
        put(f"and {total - shown:,} more {noun}; --json has all")
