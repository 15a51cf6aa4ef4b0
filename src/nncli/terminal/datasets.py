"""Print the bundled data sets."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from nncli.terminal.tables import new_table, show


def print_datasets(rows: Sequence[Sequence[str]]) -> None:
    table = new_table("name", "rows", "columns", "classes")
    table.add_column("what it is")
    table.add_column("source")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    show(table)
