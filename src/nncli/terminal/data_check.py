"""A survey of data → a person: tables on stdout."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.diagnostics.data_check import DataReport
from nncli.system.output import percent, put
from nncli.terminal.tables import cut, new_table, show

MOST_COLUMNS, MOST_CLASSES = 40, 30  # that are shown; --json has all
BAR, LONGEST, SHORTER = 30, 24, 12  # characters of a bar, of a name, and of a value among others


def print_data_check(found: DataReport) -> None:
    """Columns, classes, and what was found."""
    table = new_table("column", "kind", "missing", "different", "range", "becomes", align="left")
    for column in found.columns[:MOST_COLUMNS]:
        missing = f"{column['missing']:,}" if column["missing"] else ""
        table.add_row(
            cut(column["name"], LONGEST),
            column["kind"],
            missing,
            f"{column['distinct']:,}",
            _range(column),
            column["becomes"],
        )
    show(table)
    _more(len(found.columns), MOST_COLUMNS, "columns")
    put()
    most = max(found.classes.values())
    table = new_table("class", "rows", "share", "", align="left")
    for name, rows in [*found.classes.items()][:MOST_CLASSES]:
        table.add_row(
            cut(name, LONGEST), f"{rows:,}", percent(rows / found.rows), "█" * max(1, round(BAR * rows / most))
        )
    show(table)
    _more(len(found.classes), MOST_CLASSES, "classes")
    put()
    noun = "column" if len(found.columns) == 1 else "columns"
    put(f"{found.source}: {found.rows:,} rows, {len(found.columns):,} {noun}, {len(found.classes):,} classes")
    for line in found.findings or ["nothing to look at: no repeated rows, no column that gives the class away"]:
        put(line)


def _range(column: dict[str, Any]) -> str:
    if column["often"]:
        return ", ".join(cut(text, SHORTER) for text in column["often"]) + (
            ", …" if column["distinct"] > len(column["often"]) else ""
        )
    if column["low"] is None:
        return ""
    ends = column["low"], column["high"]
    if column["kind"] == "date":
        return " to ".join(str(np.datetime64(0, "D") + int(np.floor(days))) for days in ends)
    return " to ".join(f"{end:g}" for end in ends)


def _more(there: int, shown: int, noun: str) -> None:
    if there > shown:
        put(f"and {there - shown:,} more {noun}; --json has all")
