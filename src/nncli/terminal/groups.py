"""Print the figures of groups of rows, as many groups beside one another as a terminal has room for."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from nncli.metrics.definitions import METRICS
from nncli.system.output import number, percent, put
from nncli.terminal.tables import cut, cut_names, new_console, new_table, show

LONGEST_LABEL, LONGEST_NAME, NARROW = 20, 48, 13  # characters of a metric, of a group, and of a line of its name
APART = 3  # columns between two cells
STANDS_OUT = "!"


def print_groups(column: str, metric: str | None, groups: Sequence[dict[str, Any]], positive: str | None) -> None:
    """Print the metrics of each group of a column with their intervals, and which ones stand out: `metric` is bold."""
    specs = [*groups[0]["metrics"]]
    labels = [cut(METRICS.create(spec).label(positive), LONGEST_LABEL) for spec in specs]
    names = ["\n".join(textwrap.wrap(name, NARROW)) for name in cut_names([g["group"] for g in groups], LONGEST_NAME)]
    cells = [[_cells(spec, group["metrics"][spec]) for spec in specs] for group in groups]
    title = "\n".join(textwrap.wrap(cut(column, LONGEST_NAME), LONGEST_LABEL))
    widest = max(len(line) for of_group in cells for both in of_group for line in both)
    widest = max(widest, *(len(line) for name in names for line in name.split("\n")))
    left = max(map(len, [*labels, *title.split("\n")]))
    most = max(1, (new_console().width - left) // (widest + APART))
    blocks = -(-len(groups) // most)
    for block in range(blocks):  # of about as many groups
        some = range(block * len(groups) // blocks, (block + 1) * len(groups) // blocks)
        table = new_table(title, *(names[i] for i in some))
        table.add_row("rows", *(f"{groups[i]['n']:,}" for i in some))
        for place, (label, spec) in enumerate(zip(labels, specs, strict=True)):
            table.add_row(label, *(cells[i][place][0] for i in some), style="bold" if spec == metric else "")
            if any(cells[i][place][1] for i in some):
                table.add_row("", *(cells[i][place][1] for i in some), style="dim")
        show(table)
    put(f"below each figure, its interval: all {len(groups) * len(specs):,} together are of 95 %")
    if any(one["stands_out"] for group in groups for one in group["metrics"].values()):
        put(f"{STANDS_OUT} stands out: the interval leaves out the figure of all rows")


def _cells(spec: str, one: dict[str, Any]) -> tuple[str, str]:
    """Write a figure, and its interval."""
    is_share, mark = METRICS.create(spec).in_percent, f" {STANDS_OUT}" if one["stands_out"] else ""
    write = percent if is_share else number
    if one["value"] is None:
        return "·", ""
    if one["interval"] is None:
        return _signed(write(one["value"])) + mark, ""
    low, high = one["interval"]
    between = f"{100 * low:.1f}–{100 * high:.1f} %" if is_share else f"{_short(low)}–{_short(high)}"
    return _signed(write(one["value"])) + mark, between


def _short(value: float) -> str:
    return _signed(f"{value:.3f}" if abs(value) < 10 else number(value))


def _signed(text: str) -> str:
    return text.replace("-", "−", 1) if text.startswith("-") else text
