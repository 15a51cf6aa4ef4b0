"""Numeric targets: tell a quantity from classes, and read the numbers of its cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import INFINITY, as_number, quoted
from nncli.data.dataset import Schema, TextColumn
from nncli.data.spellings import Spelling
from nncli.data.task import CLASSIFICATION, REGRESSION
from nncli.errors import DataError, OptionError, mention
from nncli.system.order_statistics import distinct_of

MANY_CLASSES, MOST_CLASSES = 20, 1000  # different whole numbers that may be classes: of a column, and of labels
FEW = 5  # different numbers are classes in however few rows
SAMPLE = 2000  # different cells that show how numbers are written
MOST_ODD = 0.05  # of the rows of a quantity, that may be no numbers by mistake
LARGEST = 1e100  # so that squares, and sums of them, are finite
Vector = NDArray[np.float64]


def is_quantity(distinct: Vector, n: int, most_classes: int = MANY_CLASSES) -> bool:
    """Tell whether the different numbers of n rows measure something: they have fractions, or are many."""
    k = len(distinct)
    return bool((distinct != np.trunc(distinct)).any()) or k > most_classes or (2 * k > n and k > FEW)


class NumericTarget(NamedTuple):
    """The numbers of a target: those of its different cells (k,), NaN for a cell that is none, how cells are written
    (None: the plain way), and notes."""

    values: Vector
    spelling: Spelling | None
    notes: list[str]


class NoNumber(DataError):
    """A cell of a numeric target that is no number, in a row from 1. Whoever can read the file again, with the numbers
    written as its `spelling` says, raises the error of its line."""

    def __init__(self, where: str, name: str, target: TextColumn, code: int, spelling: Spelling | None) -> None:
        row = int(np.flatnonzero(target.codes[:] == code)[0]) + 1
        problem, remedy = _no_number(name, target.values[code])
        super().__init__(where, f"row {row:,} of the data: {problem}", remedy)
        self.spelling = spelling


def find_numeric_target(target: TextColumn, schema: Schema, task: str | None, where: str) -> NumericTarget | None:
    """Return the numbers of a target, if it is a quantity or the `task` is regression; None for classes.

    Raises DataError for a number that is too large or the same everywhere, `NoNumber` for a cell that is no number
    among many that are, OptionError for numbers that can be read in two ways.
    """
    name, told = schema.target, task == REGRESSION
    if len(target.values) < 2 and not told:
        return None
    found = _numbers(target.values, schema, told, where)
    if found is None:
        if not told:
            return None
        problem = f"target column '{name}': expected numbers, found cells such as {quoted(target.values[0])}"
        raise DataError(
            where, problem, f"Choose another column with {mention('target')}, or leave out {mention('task')}"
        )
    odd = ~(np.abs(found.values) <= LARGEST)
    distinct = distinct_of(found.values[~odd])
    if not told:
        if not is_quantity(distinct, len(target.codes)):
            return None
        wrong = int(np.isin(target.codes[:], np.flatnonzero(odd)).sum())
        if wrong > max(MOST_ODD * len(target.codes), len(distinct) > FEW):  # one is a slip in however few rows
            return None
    if odd.any():
        raise NoNumber(where, name, target, int(odd.argmax()), found.spelling)
    if len(distinct) < 2:
        problem = f"target column '{name}': expected numbers that differ, found only {distinct[0]:g}"
        raise DataError(where, problem, f"Choose another column with {mention('target')}")
    return found._replace(notes=[*found.notes, say_regression(name, distinct)])


def say_regression(name: str, distinct: Vector) -> str:
    """Say in a line that a target is predicted as a number, and how it becomes classes."""
    kind = "numbers with decimals" if (distinct != np.trunc(distinct)).any() else "whole numbers"
    are = f"target column '{name}' has {len(distinct):,} different {kind}, so numbers are predicted (regression)"
    return f"{are}; --task {CLASSIFICATION} makes each a class"


def check_number(name: str, cell: str, spelling: Spelling | None, decimal: str, where: str, or_skip: str) -> None:
    """Raise DataError for a cell of a numeric target that is no number, or too large."""
    number = spelling.number(cell) if spelling else as_number(cell, decimal)
    if number is None or not abs(float(number)) <= LARGEST:
        problem, remedy = _no_number(name, cell)
        raise DataError(where, problem, f"{remedy}{or_skip}")


def are_numbers(column: TextColumn, spelling: Spelling | None, decimal: str) -> bool:
    """Tell whether all cells of a numeric target are numbers that `check_number` lets pass."""
    from nncli.data.csv.column_kinds import values_of

    return bool((np.abs(values_of(column.values, decimal, spelling)) <= LARGEST).all())


def numbers_like(target: TextColumn, schema: Schema, where: str) -> Vector:
    """Return the numbers of a target (n,) in rows for a model. Raises DataError for a cell that is none."""
    from nncli.data.csv.column_kinds import values_of

    values = values_of(target.values, schema.decimal, dict(schema.spellings).get(schema.target))
    odd = ~(np.abs(values) <= LARGEST)
    if odd.any():
        raise DataError(where, *_no_number(schema.target, target.values[int(odd.argmax())]))
    return values[target.codes[:]]


def with_numeric_target(schema: Schema, spelling: Spelling | None) -> Schema:
    """Return the schema of a table whose target is a number, written so."""
    own = () if spelling is None else ((schema.target, spelling),)
    return dataclasses.replace(schema, numeric_target=True, spellings=(*schema.spellings, *own))


def numeric_labels(y: NDArray[Any], where: str, told: bool = False, most_classes: int = MANY_CLASSES) -> Vector | None:
    """Return the labels of arrays (n,) as numbers, if they measure something or that is `told`; None for classes.
    Raises DataError for a number that is missing, infinite or too large, or the same everywhere."""
    y = y.astype(np.float64)
    odd = ~(np.abs(y) <= LARGEST)
    distinct = distinct_of(y[~odd])
    if not told and not is_quantity(distinct, len(y), most_classes):
        return None
    if odd.any():
        row = int(odd.argmax())
        found = "a missing value" if np.isnan(y[row]) else f"{y[row]:g}"
        remedy = "Correct it, or leave the row out"
        raise DataError(where, f"row {row}: expected a number of at most {LARGEST:g}, found {found}", remedy)
    if len(distinct) < 2:
        raise DataError(where, f"expected numbers that differ, found only {distinct[0]:g}")
    return y


def _numbers(cells: Sequence[str], schema: Schema, told: bool, where: str) -> NumericTarget | None:
    """Return the numbers of different cells; None where they are mostly something else, such as codes or dates."""
    from nncli.data.csv.column_kinds import Hints, kinds_of, values_of

    name = schema.target
    hints = Hints(numeric=(name,) if told else (), decimal="," if schema.decimal == "," else None)
    sample = cells[:SAMPLE]
    try:
        kinds = kinds_of({name: sample}, hints, where)
        if kinds.of[name] != "number" and hints.decimal and not told:
            kinds = kinds_of({name: sample}, hints._replace(decimal=None), where)
    except OptionError:
        if told:
            raise
        return None
    spelling = kinds.spellings.get(name)
    if kinds.of[name] != "number" or (spelling is not None and spelling.kind != "number" and not told):
        return None
    if spelling is None and kinds.decimal != schema.decimal:
        spelling = Spelling(decimal=kinds.decimal)
    values = values_of(cells, schema.decimal, spelling)
    if np.isnan(values).all():
        return None
    own = f"column '{name}': "
    notes = [f"target {note}" if note.startswith(own) else note for place, note in kinds.notes if place == name]
    return NumericTarget(values, spelling, notes)


def _no_number(name: str, cell: str) -> tuple[str, str]:
    expected = "a number, as in the other rows"
    if INFINITY.fullmatch(cell):
        expected = "a finite number"
    elif as_number(cell, "."):
        expected = f"a number of at most {LARGEST:g}"
    return f"target column '{name}': expected {expected}, found {quoted(cell)}", "Correct it, or leave the row out"


def labels_as_numbers(classes: Sequence[str], where: str) -> Vector:
    """Return the numbers that classes are (K,), for a regression that is asked for; DataError for other classes."""
    try:
        values = np.array([*map(float, classes)])
    except ValueError:
        word = next(name for name in classes if as_number(name, ".") is None)
        problem = f"expected numbers in y, found {quoted(word)}"
        raise DataError(where, problem, f"Use {mention('task', CLASSIFICATION)}") from None
    return values
