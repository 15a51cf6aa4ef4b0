"""Columns that say something of each row, and are no inputs: its weight, its group, its time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Dataset, Schema, Table, TextColumn
from nncli.data.disk.memmap import DiskArray
from nncli.data.sparse_numbers import SparseNumbers
from nncli.errors import DataError, OptionError, did_you_mean, mention
from nncli.system.output import counted, percent

PURPOSES = {"weight": "weigh rows", "group": "group rows", "time": "order rows"}
NOTES = {
    "weight": "the weights of the rows, not an input",
    "group": "the groups of the rows, not an input",
    "time": "the times of the rows, not an input",
}
LEAST_WEIGHTED, FEW_COUNTING = 20, 3  # rows with a weight, and as how many they must not count
CORRECT = "Correct it, or leave the row out"


class RowColumns(NamedTuple):
    """The columns that are no inputs; None where no option names one."""

    weight: NDArray[np.float64] | None = None  # (n,)
    group: TextColumn | None = None  # in memory, no cell missing
    time: NDArray[np.float64] | None = None  # (n,); of dates, days since 1970
    are_dates: bool = False


def set_aside(dataset: Dataset, named: Mapping[str, str]) -> tuple[Dataset, RowColumns]:
    """Return the data without the columns that options name, and those.

    OptionError where there is no such column beside others; DataError where a cell is missing or cannot be.
    """
    found: dict[str, Any] = {}
    for one, other in combinations(named, 2):
        if named[one] == named[other]:
            raise OptionError(other, f"'{named[one]}' is named by {mention(one)} too", "Name another column")
    for option, name in named.items():
        _check_name(dataset.schema, option, name)
        where = dataset.where
        if option == "weight":
            found[option] = _weights(_numbers(dataset, option, name), name, where)
            dataset = dataclasses.replace(dataset, notes=(*dataset.notes, *_few_that_count(found[option], name)))
        elif option == "group":
            found[option] = _groups(dataset.table.texts[name], name, where)
        elif name in dataset.table.dates:
            found |= {"time": _times(dataset.table.dates[name][:], name, where), "are_dates": True}
        else:
            found[option] = _times(_numbers(dataset, option, name), name, where)
        dataset = dataclasses.replace(
            dataset,
            table=without_column(dataset.table, name),
            schema=without_columns(dataset.schema, {name}),
            notes=(*dataset.notes, f"column '{name}': {NOTES[option]}"),
            hashes=None,  # which were those of this column too
        )
    return dataset, RowColumns(**found)


def without_columns(schema: Schema, names: set[str]) -> Schema:
    """Return a schema without some of its columns."""
    before_target = sum(name in names for name in schema.names[: schema.target_place])
    columns = tuple(column for column in schema.columns if column[0] not in names)
    spellings = tuple(one for one in schema.spellings if one[0] not in names or one[0] == schema.target)
    place = schema.target_place - before_target
    return dataclasses.replace(schema, columns=columns, spellings=spellings, target_place=place)


def with_column(schema: Schema, name: str) -> Schema:
    """Return a schema with one more column of the training file, in its place; as it is, where it has that column, or
    the training file had none of that name."""
    kinds = dict(schema.columns)
    order = [column.name for column in schema.profile]
    if name in kinds or name not in order:
        return schema
    columns = tuple(
        (column.name, kinds.get(column.name, column.kind))
        for column in schema.profile
        if column.name in kinds or column.name == name
    )
    place = sum(own in order[: order.index(schema.target)] for own, _ in columns)
    return dataclasses.replace(schema, columns=columns, target_place=place)


def _check_name(schema: Schema, option: str, name: str) -> None:
    if name == schema.target:
        raise OptionError(option, f"'{name}' is the target, and cannot {PURPOSES[option]} too")
    if name not in schema.names:
        raise OptionError(option, f"no column is called '{name}'", did_you_mean(name, schema.names, listed="columns"))
    if len(schema.columns) == 1:
        raise OptionError(option, f"'{name}' is the only column: nothing is left to learn from")


def without_column(table: Table, name: str) -> Table:
    """Return a table without one of its columns."""
    if name not in table.number_names:
        texts = {own: column for own, column in table.texts.items() if own != name}
        dates = {own: column for own, column in table.dates.items() if own != name}
        return dataclasses.replace(table, texts=texts, dates=dates)
    place, numbers = table.number_names.index(name), table.numbers
    by_itself = isinstance(numbers, (DiskArray, SparseNumbers))
    return dataclasses.replace(
        table,
        number_names=tuple(own for own in table.number_names if own != name),
        numbers=numbers.without(place) if by_itself else np.delete(numbers, place, axis=1),
    )


def _numbers(dataset: Dataset, option: str, name: str) -> NDArray[np.float64]:
    """Return a column of numbers; DataError for one of another kind."""
    table = dataset.table
    if name not in table.number_names:
        kinds, remedy = "numbers", ""
        if option == "time":
            another = f"Name another column with {mention('time')}"
            kinds = "dates or numbers"
            remedy = f"{another}, or say how dates are written with {mention('date_format')}"
        problem = f"column '{name}': expected {kinds}, to {PURPOSES[option]} with, found "
        raise DataError(dataset.where, problem + ("text" if name in table.texts else "dates"), remedy)
    place = table.number_names.index(name)
    numbers = table.numbers
    by_itself = isinstance(numbers, (DiskArray, SparseNumbers))
    column: NDArray[Any] = numbers.column(place) if by_itself else numbers[:, place]
    return column.astype(np.float64)


def _weights(weights: NDArray[np.float64], name: str, where: str) -> NDArray[np.float64]:
    """DataError where a weight is missing, negative or infinite, or all are 0."""
    wrong = np.flatnonzero(~((weights >= 0) & (weights < np.inf)))
    if len(wrong):
        found = "a missing value" if np.isnan(weights[wrong[0]]) else f"{weights[wrong[0]]:g}"
        problem = f"column '{name}', row {wrong[0] + 1} of the data: expected a weight of 0 or more, found {found}"
        raise DataError(where, problem, CORRECT)
    if not weights.any():
        raise DataError(where, f"column '{name}': expected a weight above 0, found only zeros")
    return weights


def _few_that_count(weights: NDArray[np.float64], name: str) -> list[str]:
    """Say how many rows do not count, and warn where so few have nearly all of the weight that the others hardly do."""
    shares = weights / weights.max()  # of which no square is too large
    counting = shares.sum() ** 2 / (shares**2).sum()  # rows of equal weight that would be worth as much
    n, notes = int(np.count_nonzero(weights)), list[str]()
    if n < len(weights):  # as in arrays; rows of files are left out when they are read
        notes = [f"column '{name}': {counted(len(weights) - n, 'row')} with a weight of 0, which are not used"]
    if n < LEAST_WEIGHTED or counting >= FEW_COUNTING:
        return notes
    row = int(weights.argmax())
    share = f"row {row + 1:,} of the data has {percent(float(1 / shares.sum()))} of the weight of {n:,} rows"
    return [*notes, f"warning: column '{name}': {share}: the others hardly count"]


def _groups(column: TextColumn, name: str, where: str) -> TextColumn:
    codes = column.codes[:]
    _refuse_missing(codes < 0, "group", name, where)
    return TextColumn(codes, column.values)


def _times(times: NDArray[np.float64], name: str, where: str) -> NDArray[np.float64]:
    _refuse_missing(np.isnan(times), "time", name, where)
    return times


def _refuse_missing(missing: NDArray[np.bool_], what: str, name: str, where: str) -> None:
    if missing.any():
        row = int(missing.argmax()) + 1
        raise DataError(
            where, f"column '{name}', row {row} of the data: expected a {what}, found a missing value", CORRECT
        )
