"""Tables of a column that is written in a way of its own, and what is read of it."""

from __future__ import annotations

from nncli.data.dataset import Dataset

OTHER = [f"{i * 7 % 11}.5" for i in range(1000)]


def table(cells: list[str], others: list[str] = OTHER, delimiter: str = "\t") -> str:
    """A table with these cells in its first column."""
    rows = (delimiter.join([cell, others[i % len(others)], "pq"[i % 2]]) for i, cell in enumerate(cells))
    return "\n".join([delimiter.join(["a", "b", "class"]), *rows]) + "\n"


def first(data: Dataset) -> list[float]:
    return [float(value) for value in data.table.numbers[:, data.table.number_names.index("a")]]


def notes_of(data: Dataset) -> list[str]:
    return [note for note in data.notes if "'a'" in note]
