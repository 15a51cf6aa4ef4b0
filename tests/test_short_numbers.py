"""Columns of short whole numbers, found by a look at all cells at once: what `re` and `int` make of each cell, and a
plan that is the same as by a look at each column."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncli.data.csv import column_layout, short_numbers
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.late_codes import widths_of
from nncli.errors import NncliError

PLAIN = re.compile("0|[1-9][0-9]{0,4}")
SOME_CELLS = (
    "",
    "0",
    "7",
    "00",
    "07",
    "-1",
    "9",
    "99",
    "255",
    "2024",
    "99999",
    "100000",
    "1.5",
    "1\n2",
    "٣",
    "²",
    " 5",
)


def columns_of(rows: int) -> st.SearchStrategy[list[list[str]]]:
    plain, any_cell = st.integers(0, 99_999).map(str), st.sampled_from(SOME_CELLS)
    cells = st.lists(plain, min_size=rows, max_size=rows) | st.lists(any_cell, min_size=rows, max_size=rows)
    return st.lists(cells, min_size=1, max_size=5)


@given(st.integers(1, 5).flatmap(columns_of))
def test_they_are_found_as_cell_by_cell(columns: list[list[str]]) -> None:
    named = {f"x{i}": cells for i, cells in enumerate(columns)}
    expected = {name: cells for name, cells in named.items() if all(map(PLAIN.fullmatch, cells))}
    if any("\n" in cell for cells in columns for cell in cells):  # then fewer may be found, or none
        expected = {name: expected[name] for name in short_numbers.short_numbers(named, lambda name: False).names}
    found = short_numbers.short_numbers(named, lambda name: False)
    assert {name: values.tolist() for name, values in found.values.items()} == {
        name: [*map(int, cells)] for name, cells in expected.items()
    }
    assert found.widths == widths_of(expected)
    assert found.counting() == {
        name for name, cells in expected.items() if all(int(b) - int(a) == 1 for a, b in itertools.pairwise(cells))
    }


def _whole(n: int, of: Sequence[int]) -> list[str]:
    return [str(of[i % len(of)]) for i in range(n)]


COLUMNS = {
    "pixels": _whole(30, [0, 3, 255, 17]),
    "counting": [str(i + 5) for i in range(30)],
    "names of an index": [str(7 * i % 97) for i in range(30)],
    "nines among small ones": _whole(30, [1, 2, 3, 999]),
    "hardly different": _whole(30, [99_990, 99_991]),
    "all the same": ["7"] * 30,
    "zeros in front": [*_whole(29, [1, 12]), "012"],
    "three figures": _whole(30, [120, 455, 207]),
    "years": _whole(30, [1990, 2001, 2020]),
    "long": _whole(30, [20_240_131, 20_240_201]),
    "gaps": [*_whole(20, [4, 5]), *[""] * 10],
    "fractions": [f"{i / 8}" for i in range(30)],
    "commas": [f"{i},5" for i in range(30)],
    "points between thousands": [*_whole(30, [1, 2])[:29], "1.500"],
}


@pytest.mark.parametrize(
    "options",
    [{}, {"decimal": ","}, {"thousands": "."}, {"missing": ("999",)}, {"date_format": "%Y"}, {"numeric": ("id",)}],
    ids=["none", "decimal", "thousands", "missing", "dates", "numeric"],
)
@pytest.mark.parametrize("name", ["x", "id", "zip code"])
def test_the_plan_is_the_same_as_by_a_look_at_each_column(
    options: Mapping[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(first: list[str], second: list[str]) -> Any:
        names, columns = ("id" if name != "id" else "x", name, "y"), [first, second, ["a", "b"] * 15]
        try:
            given_options = CsvOptions(delimiter=";", header=True, target="y", **options)
            layout, notes = column_layout.layout_of(names, columns, given_options, "float32", "f.csv", lambda: columns)
        except NncliError as error:
            return str(error)
        return layout, [*layout.codes.widths.items()], notes

    cells = [*COLUMNS.values()]
    pairs = [(cells[i], cells[i - k]) for k in (0, 1, 5) for i in range(len(cells))]
    found = [plan(*pair) for pair in pairs]
    none = short_numbers.ShortNumbers((), np.empty((0, 1)), np.empty((0, 1), np.intp))
    monkeypatch.setattr(column_layout, "short_numbers", lambda columns, is_known: none)
    assert found == [plan(*pair) for pair in pairs]
