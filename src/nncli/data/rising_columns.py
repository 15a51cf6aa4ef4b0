"""Find columns that rise or fall from row to row. Where rows are sorted by class, such a column tells the class by the
place in the file: the number of a row, even with gaps, is then left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.csv.column_kinds import LEAST_IDS
from nncli.data.dataset import Dataset, Target, measured
from nncli.data.disk.memmap import DiskArray
from nncli.data.row_columns import without_column, without_columns
from nncli.errors import flag, write_names
from nncli.system.output import in_quotes

FIRST_ROWS = 100  # which most columns neither rise nor fall in
EXACT = 2**24  # up to which float32 tells every whole number from the next
BLOCKS = 0.5  # of as many changes of the class as rows in a random order have
GIVES_AWAY = "it tells the class of these rows and of no others"


def without_row_numbers(dataset: Dataset, told: Collection[str]) -> Dataset:
    """Return the data without the columns that number the rows of a file sorted by class; notes tell of these, and of
    other columns that rise or fall all the way. The columns that options have `told` are left as they are."""
    if len(dataset.schema.columns) == 1 or len(dataset) < LEAST_IDS:
        return dataset
    found = {name: column for name, column in _rising(dataset).items() if name not in told}
    is_sorted, in_blocks = _order(dataset.y, dataset.is_numeric)
    dropped, notes = list[str](), list[str]()
    for name, column in found.items():
        is_whole = name in dataset.table.number_names and bool((column == np.trunc(column)).all())
        its, drop = f"column {in_quotes(name)}", f"{flag('drop')} {write_names([name])} leaves it out"
        way = "rise" if column[1] > column[0] else "fall"
        if is_sorted and dataset.is_numeric:
            notes.append(f"warning: {its} {way}s from row to row, and so does the target or its reverse: {drop}")
        elif is_sorted and is_whole and len(dropped) + 1 < len(dataset.schema.columns):
            why = f"its whole numbers {way} from row to row, and the rows are sorted by class: {GIVES_AWAY}"
            keep = f"{flag('numeric')} {write_names([name])} keeps it"
            notes.append(f"warning: {its}: left out, as {why} ({keep})")
            dropped.append(name)
        elif is_sorted or in_blocks:
            order = "the rows are sorted by class" if is_sorted else "rows of a class follow one another"
            notes.append(f"warning: {its} {way}s from row to row, and {order}: if {GIVES_AWAY}, {drop}")
        elif is_whole:
            notes.append(f"{its}: kept, though its whole numbers {way} from row to row as those of an index ({drop})")
    if is_sorted and not dataset.is_numeric:
        notes += [
            f"column {in_quotes(name)}: kept, though it counts the rows of each class, and so tells the larger ones "
            f"({flag('drop')} {write_names([name])} leaves it out)"
            for name in _counting_in_each(dataset)
            if name not in told and name not in found
        ]
    schema, table = dataset.schema, dataset.table
    if dropped:
        schema = without_columns(measured(schema, table), {*dropped})
        for name in dropped:
            table = without_column(table, name)
    return dataclasses.replace(dataset, table=table, schema=schema, notes=(*dataset.notes, *notes))


def _rising(dataset: Dataset) -> dict[str, NDArray[Any]]:
    """Return the columns of numbers and dates that rise or fall from each row to the next, and lack no cell."""
    table = dataset.table
    first = table.numbers[:FIRST_ROWS]
    places = [i for i, column in enumerate(first.T) if _goes_one_way(column)]
    found = {table.number_names[i]: _column(table.numbers, i) for i in places}
    found |= {name: days[:] for name, days in table.dates.items()}
    return {name: column for name, column in found.items() if _goes_one_way(column)}


def _counting_in_each(dataset: Dataset) -> list[str]:
    """Find the columns that count the rows of each class, from one number on, in rows sorted by class."""
    table, starts = dataset.table, np.flatnonzero(np.diff(dataset.y)) + 1
    n = min(FIRST_ROWS, int(starts[0]))
    if n < 2:
        return []
    found = list[str]()
    for place in np.flatnonzero((np.diff(table.numbers[:n].astype(np.float64), axis=0) == 1).all(axis=0)):
        column = _column(table.numbers, int(place)).astype(np.float64)
        steps = np.diff(column)
        if (np.delete(steps, starts - 1) == 1).all() and (column[starts] == column[0]).all():
            found.append(table.number_names[place])
    return found


def _column(numbers: Any, place: int) -> NDArray[Any]:
    column: NDArray[Any] = numbers.column(place) if isinstance(numbers, DiskArray) else numbers[:, place]
    return column


def _goes_one_way(column: NDArray[Any]) -> bool:
    """Tell whether each number is above the one before, or each below; those that float32 has rounded may be equal."""
    if column.dtype == np.float32 and np.isfinite(column[0]) and max(abs(column[0]), abs(column[-1])) > EXACT:
        rising = column[-1] > column[0]
        one_way = column[1:] >= column[:-1] if rising else column[1:] <= column[:-1]
        return bool(column[0] != column[-1] and one_way.all())
    return bool((column[1:] > column[:-1]).all() or (column[1:] < column[:-1]).all())


def _order(y: Target, is_numeric: bool) -> tuple[bool, bool]:
    """Tell whether rows are sorted by class, each of which is one run of rows, or by a number; and whether the classes
    change far more seldom than in a random order, which has (n − 1)(1 − Σ p²) changes on average."""
    if is_numeric:
        return bool((y[1:] >= y[:-1]).all() or (y[1:] <= y[:-1]).all()), False
    counts = np.bincount(y)
    n, changes = len(y), int(np.count_nonzero(y[1:] != y[:-1]))
    by_chance = (n - 1) * (1 - float(((counts / n) ** 2).sum()))
    return changes + 1 == np.count_nonzero(counts), changes < BLOCKS * by_chance
