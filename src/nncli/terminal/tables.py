"""Tables on a terminal or in a file. Only this room imports rich."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nncli.system.output import counted, one_line, put, told_apart

PARTS = (("training", "train"), ("validation", "val"), ("test", "test"))  # with their names in the figures

MOST_SHOWN, NARROW = 4, 12  # columns of a row, and characters of each
LONG_TEXT, LEAST_TEXT, BETWEEN = 24, 4, 3  # characters of a long text at least, of any, and between two columns
WIDEST = 10_000  # columns that anybody can want


class _Table(Table):
    """A table whose cells are plain text: a name from a file is no markup, moves no cursor and begins no line."""

    def add_row(self, *cells: Any, **style: Any) -> None:
        super().add_row(*map(_cell, cells), **style)


def _cell(cell: str | Text) -> Text:
    return Text(one_line(cell)) if isinstance(cell, str) else Text(one_line(cell.plain), cell.style)


def new_table(*header: str, align: str = "right") -> Table:
    """Make a table with these titles; its first column is aligned to the left, the others as `align` says."""
    table = _Table(box=SIMPLE_HEAD, show_header=any(header), pad_edge=False, padding=(0, 1))
    first, *others = (Text("\n".join(map(one_line, title.split("\n")))) for title in header)
    table.add_column(first, justify="left", no_wrap=True)
    for title in others:
        table.add_column(title, justify="left" if align == "left" else "right", overflow="fold")
    return table


def new_table_of_files(*header: str) -> Table:
    """Make a table whose first column has names of files, which may be long: they are folded, and no figure is."""
    table = new_table("file", *header)
    table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"
    for column in table.columns[1:]:
        column.no_wrap = True
    return table


def new_console(stderr: bool = False) -> Console:
    """Return the console of stdout, or of stderr: of a file or a pipe as wide as COLUMNS says, or 100 columns."""
    console = Console(stderr=stderr)
    if not console.is_terminal:
        columns = os.environ.get("COLUMNS", "")
        console.width = int(columns) if columns.isdecimal() and 0 < int(columns) <= WIDEST else 100
    return console


def show(table: Table) -> None:
    """Print a table without the empty space around it."""
    console = new_console()
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip().removeprefix(" ") for line in capture.get().splitlines()]
    print("\n".join(line for line in lines if line))


def fits(table: Table) -> bool:
    """Tell whether a table is printed without a cell that is broken."""
    return width_of(table) <= new_console().width


def show_rows(header: Sequence[str], said: Sequence[Sequence[str]], cells: Mapping[str, Sequence[str]]) -> None:
    """Print rows of data: first what is `said` of each, below a header, then as many of the first few columns of their
    cells, by name, as a line has room for; long texts have what the others leave, and are cut."""
    table = new_table(*header)
    for row in said:
        table.add_row(*row)
    room = new_console().width - width_of(table)
    names = [*cells][:MOST_SHOWN]
    longest = {name: max(len(one_line(cell)) for cell in (name, *cells[name])) for name in names}
    widths = dict[str, int]()
    for name in names:
        wanted = min(longest[name], LONG_TEXT if longest[name] > 2 * LONG_TEXT else NARROW)
        if room < wanted + BETWEEN and widths:
            break
        widths[name] = max(LEAST_TEXT, min(wanted, room - BETWEEN))
        room -= widths[name] + BETWEEN
    table = new_table(*header, *cut_names([*widths], NARROW))
    for column, name in zip(table.columns[len(header) :], widths, strict=True):
        if longest[name] > 2 * LONG_TEXT:
            more = max(0, min(room, longest[name] - widths[name]))
            widths[name], room, column.justify = widths[name] + more, room - more, "left"
    for i, row in enumerate(said):
        table.add_row(*row, *(cut(cells[name][i], width) for name, width in widths.items()))
    show(table)
    if left_out := len(names) - len(widths):
        put(f"{counted(left_out, 'more column')} would be too wide for these lines; --json has all")


def width_of(table: Table) -> int:
    """Return how wide a table is without a cell that is broken."""
    console = new_console()
    return console.measure(table, options=console.options.update(width=WIDEST)).maximum


def cut_names(names: Sequence[str], most: int = 30) -> list[str]:
    """Return names on one line each, shortened to `most` characters so that they can still be told apart."""
    return told_apart([*map(one_line, names)], most)


def cut(text: str, most: int = 30) -> str:
    """Return a text on one line, shortened to `most` characters."""
    text = one_line(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def first_names(names: Sequence[str], most: int = 10) -> str:
    """Return the first names, and how many more there are."""
    return ", ".join(map(cut, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")
