"""Lines that end in CR CR LF, as Python on Windows writes them where newline="" was forgotten."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from csv_reading import Dribble, blocks, complaint, load, strings
from nncli.data.csv.reader import read_blocks

ROWS = [[f"{i % 7}.5", f"t{i % 3}", "pq"[i % 2]] for i in range(600)]
NOTE = "lines end in CR CR LF, which is read as one line end"


def on_windows(rows: list[list[str]], newline: str = "\r\n") -> bytes:
    """What csv.writer writes to a file that was opened as text, without newline="": each LF becomes CR LF."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=newline).writerows(rows)
    return out.getvalue().replace("\n", "\r\n").encode()


@pytest.mark.parametrize("newline", ["\r\n", "\r\r\n"])
@pytest.mark.parametrize("n", [5, 600])
def test_it_is_one_line_end_and_said(n: int, newline: str) -> None:
    rows = [["a", "t", "label"], *ROWS[:n]]
    plain, found = load(on_windows(rows, "\n")), load(on_windows(rows, newline))
    assert found.notes == (NOTE, *plain.notes)
    assert np.array_equal(found.table.numbers, plain.table.numbers)
    assert strings(found.table.texts["t"]) == [row[1] for row in ROWS[:n]]
    assert complaint(on_windows([*rows, ["x"]], newline)).startswith(f"data.csv:{n + 2}: expected 3 columns")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_pipe_may_cut_it_anywhere(size: int) -> None:
    expected = load(on_windows([["a", "t", "label"], *ROWS])).schema
    data = on_windows([["a", "t"], *(row[:2] for row in ROWS[:50])])
    towns = [town for block in blocks(data, expected, size) for town in strings(block.table.texts["t"])]
    assert towns == [row[1] for row in ROWS[:50]]
    with read_blocks("-", expected, stream=Dribble(data, size)) as reader:
        assert NOTE in reader.notes


def test_it_may_stand_in_a_quoted_cell() -> None:
    found = load(on_windows([["a", "t", "label"], ["1", "x\r\ny", "p"], ["2", "z", "q"], *ROWS[:9]]))
    assert strings(found.table.texts["t"])[:2] == ["x\ny", "z"]


def test_files_with_other_line_ends_may_be_joined_to_it() -> None:
    header = [["a", "t", "label"]]
    for first, second in ((b"\n", b"\r\r\n"), (b"\r\r\n", b"\n"), (b"\r\r\n", b"\r\n")):
        parts = [on_windows(header + ROWS[:40]).replace(b"\r\r\n", first), on_windows(ROWS).replace(b"\r\r\n", second)]
        found = load(b"".join(parts))
        assert strings(found.table.texts["t"]) == [row[1] for row in ROWS[:40] + ROWS]


def test_a_single_cr_beside_it_is_still_refused() -> None:
    data = on_windows([["a", "t", "label"], *ROWS[:9]]) + b"1,x\rz,p\r\r\n"
    assert complaint(data).startswith("data.csv:11: expected a line to end in LF or CR LF, found a single CR.")


def test_lines_that_end_in_cr_may_have_an_empty_one_at_the_end() -> None:
    """As before: old spreadsheets end lines in CR alone."""
    data = "\r".join(",".join(row) for row in [["a", "t", "label"], *ROWS[:9]]).encode()
    for end in (b"", b"\r", b"\r\r"):
        found = load(data + end)
        assert (len(found), NOTE in found.notes) == (9, False)
