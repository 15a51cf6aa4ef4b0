"""Whole numbers read all at once: what `re` and `int` make of the same bytes, or nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nncli.data.bundled import path_of
from nncli.data.csv import uint8_parser

PLAIN = re.compile(rb"0|[1-9][0-9]{0,2}")


def expected(data: bytes, columns: int, delimiter: bytes) -> list[list[int]] | None:
    """Cell by cell."""
    *lines, rest = data.split(b"\n")
    rows = [line.split(delimiter) for line in lines]
    plain = all(PLAIN.fullmatch(cell) and int(cell) <= 255 for row in rows for cell in row)
    if rest or not rows or not plain or any(len(row) != columns for row in rows):
        return None
    return [[int(cell) for cell in row] for row in rows]


def found(data: bytes, columns: int, delimiter: str = ",") -> list[list[int]] | None:
    numbers = uint8_parser.read(data, columns, delimiter)
    assert numbers is None or numbers.dtype == np.uint8
    return None if numbers is None else numbers.tolist()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_number_at_every_place(delimiter: str) -> None:
    rows = [[k, 255 - k, k // 10, k // 100] for k in range(256)]
    data = "".join(delimiter.join(map(str, row)) + "\n" for row in rows).encode()
    assert found(data, 4, delimiter) == rows
    assert found(data, 5, delimiter) is None


@pytest.mark.parametrize(
    "cell",
    ["256", "300", "999", "1000", "00", "07", "007", "099", "", " 1", "1 ", "-1", "+1", "1.0", "x", '"1"', "1\r", "é"],
)
@pytest.mark.parametrize("place", range(4))
def test_anything_else_anywhere_is_left_to_others(cell: str, place: int) -> None:
    cells = ["1", "20", "3", "104"]
    cells[place] = cell
    assert found("{},{}\n{},{}\n".format(*cells).encode(), 2) is None


@pytest.mark.parametrize(
    "data",
    [
        "1,2\n3,4",
        "1,2\n3",
        "1\n2\n",
        "1;2\n",
        "1.2\n",
        "1,2\n\n3,4\n",
        "1,2,3\n4\n",
        "1\n2,3,4\n",
        "\n1,2\n",
        ",1,2\n",
        "1,2\n3,\n",
    ],
)
def test_lines_that_are_no_rows_are_left_to_others(data: str) -> None:
    assert found(data.encode(), 2) is None


@given(
    st.lists(st.lists(st.integers(0, 300), min_size=2, max_size=2), min_size=1, max_size=5),
    st.integers(0, 30),
    st.sampled_from([b"", b",", b"\n", b"0", b"9", b"-", b".", b"\r", b'"', b"\xff"]),
    st.integers(0, 2),
    st.sampled_from([2, 4, 8, 16, uint8_parser.PIECE_BYTES]),
)
@example([[5, 12]], 1, b"\n", 1, 2)  # a piece shorter than what is looked at before each byte
def test_whatever_is_put_anywhere_it_agrees_with_reading_cell_by_cell(
    rows: list[list[int]], place: int, written: bytes, over: int, piece: int
) -> None:
    data = b"".join(b"%d,%d\n" % tuple(row) for row in rows)
    data = data[:place] + written + data[place + over :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uint8_parser, "PIECE_BYTES", piece)
        for columns in (1, 2) if data else ():
            assert found(data, columns) == expected(data, columns, b",")


def test_the_whole_digits_file_is_read_right() -> None:
    header, data = path_of("digits").read_bytes().split(b"\n", 1)
    assert found(data, header.count(b",") + 1) == expected(data, header.count(b",") + 1, b",")
