"""Decide how to read the columns of a file that says by itself what its names and cells are: Parquet, Arrow, JSON Lines
and Excel, unlike text."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from nncli.data.csv.alignment import aligned
from nncli.data.csv.column_layout import MORE_ROWS, layout_of, sample_rows
from nncli.data.csv.column_names import column_names, typed
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.positions import Known
from nncli.data.dataset import Schema
from nncli.data.row_blocks import Layout
from nncli.data.spellings import Spelling

Columns = Sequence[Sequence[str]]  # the cells of each


def layout_to_learn(
    found: Sequence[str],
    sample: Callable[[int], Columns],
    options: CsvOptions,
    dtype: str,
    where: str,
    not_numbers: Mapping[str, str] = {},
    codes: Mapping[str, str] = {},
) -> tuple[Layout, list[str]]:
    """Lay out columns to learn from, by their names and a sample of so many rows; also return notes. Raises DataError
    and OptionError, as `layout_of` does, and OptionError for an option of text."""
    names, told = column_names(found, header=True, tell=False)
    rows = sample(sample_rows(len(names)))
    more: dict[str, Any] = {"not_numbers": {typed(name): why for name, why in not_numbers.items()}, "codes": codes}
    layout, notes = layout_of(names, rows, options.of_table(), dtype, where, lambda: sample(MORE_ROWS), **more)
    return layout, [*told, *notes]


def layout_for_model(
    names: Sequence[str],
    expected: Schema,
    dtype: str,
    keep: Sequence[str] | Literal["all"],
    with_target: bool,
    place: str,
    known: Known | None,
) -> tuple[Layout, list[str]]:
    """Lay out the columns that a model expects; also return notes. Raises DataError and OptionError, as `aligned`."""
    layout, notes = aligned(names, True, expected, dtype, keep, with_target, place, known)
    spellings = dict(layout.spellings)
    if expected.numeric_target and expected.decimal != ".":  # whose cells are handed on as the model reads them
        spellings.setdefault(expected.target, Spelling(decimal=expected.decimal))
    return dataclasses.replace(layout, delimiter=",", decimal=".", spellings=spellings), notes
