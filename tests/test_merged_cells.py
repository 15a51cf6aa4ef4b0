"""Columns that are filled in the first row of each block alone, as of merged cells, are told; sparse ones are not."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest

from csv_reading import complaint, load
from nncli.data.csv.merged_cells import NOTE


def table(cells: list[str]) -> str:
    rows = (f"{cell},{i * 7 % 11},{'xy'[i // 3 % 2]}\n" for i, cell in enumerate(cells))
    return "a,b,class\n" + "".join(rows)


def blocks(values: list[str], sizes: list[int]) -> list[str]:
    """Write each value above so many rows less one that are empty."""
    return [cell for value, size in zip(values, cycle(sizes), strict=False) for cell in [value, *[""] * (size - 1)]]


def notes(cells: list[str]) -> list[str]:
    return [note for note in load(table(cells), only=("a", "b")).notes if "merging cells" in note]


MERGED = {
    "groups": [f"G{i}" for i in range(20)],
    "regions that come again": ["North", "South", "East"] * 5,
    "years": [*map(str, range(2001, 2021))],
    "days": [f"2024-01-{i:02d}" for i in range(1, 20)],
}


@pytest.mark.parametrize("sizes", [[5], [2], [2, 3, 7]], ids=str)
@pytest.mark.parametrize("case", MERGED)
def test_a_column_of_merged_cells_is_told(case: str, sizes: list[int]) -> None:
    assert notes(blocks(MERGED[case], sizes)) == [f"warning: column 'a': {NOTE}"]


def test_it_is_told_of_a_column_that_is_left_out() -> None:
    assert f"warning: column 'a': {NOTE}" in load(table(blocks(MERGED["groups"], [6]))).notes


RANDOM = np.random.default_rng(3)
SPARSE = {
    "filled down": [cell for cell in MERGED["groups"] for _ in range(5)],
    "a weekly measurement": blocks([f"{x:.1f}" for x in RANDOM.normal(size=20)], [7]),
    "a weekly count": blocks([str(x) for x in RANDOM.integers(1, 90, 20)], [7]),
    "few values": blocks(["one", "two", "three"], [20]),
    "the same again": blocks(["late"] * 20, [5]),
    "values in the last row of each block": blocks(MERGED["groups"], [5])[::-1],
    "comments": ["comment 0", *(f"comment {i}" if RANDOM.random() < 0.2 else "" for i in range(1, 200))],
    "missing otherwise": [cell or "NA" for cell in blocks(MERGED["groups"], [5])],
}


@pytest.mark.parametrize("case", SPARSE)
def test_a_sparse_column_is_none(case: str) -> None:
    assert not notes(SPARSE[case])


def test_a_group_that_is_written_once_is_to_be_filled_down() -> None:
    cells = blocks(MERGED["groups"], [5, 1])
    advice = (
        "Correct it, fill the cells down where a group is written once, or leave such rows out with --on-error skip."
    )
    assert (
        complaint(table(cells), group="a") == f"data.csv:3: column 'a': expected a group, found an empty cell. {advice}"
    )
    filled = [*cells]
    for i in range(1, len(filled)):
        filled[i] = filled[i] or filled[i - 1]
    assert len(load(table(filled), group="a")) == len(cells)
    assert ". Correct it, or leave such rows" in complaint(table(["A", "?", "B", "B"] * 9), group="a")
