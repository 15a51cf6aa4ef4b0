"""Find the columns of a model in a new table, by name or else by position."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from nncli.data.byte_input import Input
from nncli.data.cells import BLANKS, is_missing
from nncli.data.csv.column_kinds import is_number
from nncli.data.csv.detection import ReadingPlan, looks_like_header, planned, unique_names
from nncli.data.csv.header import DELIMITERS, DETECTED, Head, TextOptions
from nncli.data.csv.strict_parser import split_row
from nncli.data.dataset import Schema
from nncli.data.row_blocks import Layout
from nncli.errors import DataError, OptionError, did_you_mean, listing


def plan_answering(
    stream: Input,
    expected: Schema,
    dtype: str,
    keep: Sequence[str] | str = (),
    with_target: bool = False,
    options: TextOptions = DETECTED,
) -> ReadingPlan:
    """Decide from the first line alone how to read a text table: a slow producer gets its predictions row by row.
    Raises DataError and OptionError as `aligned` does."""
    head = Head(stream, options, expected.encoding)
    wanted = set(expected.names)
    candidates = {d: _peek(head, d) for d in dict.fromkeys([expected.delimiter, *DELIMITERS])}
    widths = _widths(expected)
    best = max(candidates, key=lambda d: (len(wanted & set(candidates[d])), len(candidates[d]) in widths))
    row, first = head.split_first(best)
    header = bool(wanted & set(first)) or _is_unnamed_header(first, expected)
    layout, notes = aligned(first, header, expected, dtype, keep, with_target, head.place)
    if best != expected.delimiter:
        notes.append("delimiter: " + {"\t": "tab"}.get(best, best))
    layout = dataclasses.replace(layout, delimiter=best, encoding=head.encoding)
    return planned(layout, head, row, [*head.notes, *notes])


def aligned(
    first: Sequence[str],
    header: bool,
    expected: Schema,
    dtype: str,
    keep: Sequence[str] | str,
    with_target: bool,
    place: str,
) -> tuple[Layout, list[str]]:
    """Find the columns of a model among those of a table, by the names in its first row or else by position; also
    return notes. Raises DataError where one is missing or comes twice, OptionError where one to keep is missing."""
    notes = []
    if set(expected.names) & set(first):
        names = list(unique_names(first))  # as in training
        absent = [name for name in expected.names if name not in names]
        if absent:
            raise _absent(absent, names, expected, place)
    else:
        positions = _by_position(first, header, expected)
        if positions is None:
            if expected.header:
                raise _absent(list(expected.names), list(first), expected, place)
            raise DataError(
                place,
                f"expected {' or '.join(map(str, _widths(expected)))} columns, found {len(first)}",
                f"The model's columns are {listing(expected.names)}",
            )
        names = positions
        problem = "the header has other names" if header else "no header"
        its = expected.target
        number = f", number {names.index(its) + 1} as '{its}'" if its in names else ""
        notes.append(f"{problem}: columns are matched by position{number}")
    target = expected.target if with_target else None
    if target is not None and target not in names:
        raise DataError(place, f"the target column '{target}' is missing", _suggestion(target, names, expected))
    kept = tuple(names) if keep == "all" else tuple(keep)
    for name in kept:
        if name not in names:
            raise OptionError("keep", f"no column is called '{name}'", did_you_mean(name, names, listed="columns"))
    for name in (*expected.names, *([target] if target else [])):
        if list(first).count(name) > 1 and f"{name}_2" not in expected.names:
            raise DataError(place, f"two columns are called '{name}'", "Rename one of them")
    layout = Layout(
        names=tuple(names),
        delimiter=expected.delimiter,
        header=header,
        numeric=expected.of_kind("number"),
        text=expected.of_kind("text"),
        target=target,
        keep=kept,
        missing=expected.missing,
        decimal=expected.decimal,
        spellings=dict(expected.spellings),
        dtype="float64" if "float64" in (dtype, expected.dtype) else "float32",
        dates=expected.of_kind("date"),
    )
    return layout, notes


def _peek(head: Head, delimiter: str) -> list[str]:
    row = head.first_row(delimiter)
    try:
        return [] if row is None else [cell.strip(BLANKS) for cell in split_row(row, delimiter, "")]
    except DataError:
        return []


def _absent(absent: list[str], names: list[str], expected: Schema, where: str) -> DataError:
    quoted = ", ".join(f"'{name}'" for name in absent[:10]) + (", …" if len(absent) > 10 else "")
    problem = f"column {quoted} is missing" if len(absent) == 1 else f"columns {quoted} are missing"
    return DataError(where, problem, _suggestion(absent[0], names, expected) or f"The columns are {listing(names)}")


def _suggestion(absent: str, names: list[str], expected: Schema) -> str:
    """Ask whether another column is meant, and none that the model has found already."""
    return did_you_mean(absent, [name for name in names if name not in expected.names])


def _places(expected: Schema) -> dict[str, int]:
    """Map each column to its position in training data without header, where columns are called c0, c1, …; the labels
    of arrays from Python, called y, stand behind them."""
    target = expected.target
    position = int(target[1:]) if re.fullmatch(r"c\d+", target) else len(expected.columns)
    return {name: int(name[1:]) for name in expected.names} | {target: position}


def _full_width(expected: Schema) -> int:
    """Count the columns of a training file without header, with those that were left out."""
    return max(expected.width, 1 + max(_places(expected).values()))


def _widths(expected: Schema) -> list[int]:
    """List how many columns rows without names may have: features, features and target, the training file."""
    n = len(expected.columns)
    widths = {n}
    if not expected.header:
        widths.add(_full_width(expected))
    return sorted({*widths, n + 1})


def _by_position(first: Sequence[str], header: bool, expected: Schema) -> list[str] | None:
    """Name the columns of a file that does not name them, or None if it does not match the model."""
    width, names = len(first), list(expected.names)
    if width == len(names):
        found = names
    elif width == len(names) + 1:
        found = [*names[: expected.target_place], expected.target, *names[expected.target_place :]]
    elif not expected.header and width == _full_width(expected):
        found = [f"c{i}" for i in range(width)]
    else:
        return None
    if not expected.header:
        return found
    # A model that knows names: only if the first row is evidently not a header.
    kinds = dict(expected.columns)
    cells = [cell for cell, name in zip(first, found, strict=True) if kinds.get(name) == "number"]
    number = [is_number(cell, expected.decimal) for cell in cells]
    matches = all(its or is_missing(cell, expected.missing) for its, cell in zip(number, cells, strict=True))
    return found if matches and any(number) and not header else None


def _is_unnamed_header(first: list[str], expected: Schema) -> bool:
    """Tell whether a model trained without names meets a file that has some; only numbers can tell."""
    return not expected.header and bool(expected.of_kind("number")) and looks_like_header(first)
