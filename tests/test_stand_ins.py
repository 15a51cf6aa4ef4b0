"""Numbers that stand for a missing value, as 999 does, are said; what is near others is a number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from csv_reading import load


def table(cells: list[str], others: list[str]) -> str:
    rows = (f"{cell},{others[i % len(others)]},{'pq'[i % 2]}\n" for i, cell in enumerate(cells))
    return "a,b,class\n" + "".join(rows)


def notes_of(text: str) -> list[str]:
    return [note for note in load(text).notes if "far from all" in note]


HALVES = [f"{i * 7 % 11}.5" for i in range(100)]
STAND_INS = {
    "incomes": ([*map(str, range(940, 900, -2))], "99999"),
    "times": ([*map(str, range(30, 0, -2))], "-1"),
    "marks": (["1", "2", "3", "4", "5", "6", "7"] * 5, "99"),
    "answers": (["1", "2"] * 20, "9"),
    "temperatures": ([f"{i}.5" for i in range(-10, 30)], "-999"),
    "decimals": ([f"{i}.5" for i in range(40)], "-9.0"),
}


@pytest.mark.parametrize("case", STAND_INS)
def test_a_number_that_stands_for_none_is_told_and_the_advice_works(case: str) -> None:
    cells, stand_in = STAND_INS[case]
    text = table([*cells, *[stand_in] * 4], HALVES)
    advice = f"--missing {stand_in} if it stands for a missing value"
    assert notes_of(text) == [f"column 'a': '{stand_in}' is far from all other numbers ({advice})"]
    numbers = load(text, missing=(stand_in,)).table.numbers[:, 0]
    assert np.isnan(numbers).sum() == 4


def test_two_numbers_that_stand_for_none_are_told_each() -> None:
    assert len(notes_of(table([*map(str, range(20)), *["99", "-9"] * 4], HALVES))) == 2


def test_a_column_in_which_it_is_a_number_is_named() -> None:
    [note] = notes_of(table([*["1", "2", "3"] * 20, *["99"] * 5], [*map(str, range(80, 101))]))
    assert note.endswith("(--missing 99 if it stands for a missing value, also in column 'b')")


@pytest.mark.parametrize(
    "cells",
    [
        ["-1", "0", "1"],
        ["8", "9"],
        ["7", "8", "9", "5"],
        [*map(str, range(90, 100))],
        ["-1", "-2", "3", "4", "5", "6", "7"],
        ["1", "2", "100"],
    ],
)
def test_numbers_near_others_stand_for_themselves(cells: list[str]) -> None:
    assert not notes_of(table(cells * 10, HALVES))


def test_a_number_that_comes_once_is_an_outlier() -> None:
    assert not notes_of(table([*["1", "2"] * 20, "99"], HALVES))


LATE = {
    "fill": (["20.5", "31.0", "-4.25"], "-999.0", "-999, as in row 1,201, is far from all other numbers "
             "(add that cell to --missing if it stands for a missing value)"),
    "units": (["1700000000", "1701000000", "1702000000"], "1703000000000", "times since 1970 seem to be in seconds "
              "('1700000000') and in milliseconds ('1703000000000'): write all in one unit"),
}  # fmt: skip


@pytest.mark.parametrize("case", LATE)
def test_what_stands_below_the_rows_that_are_looked_at_first_is_told(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Callable[..., Any]
) -> None:
    cells, late, told = LATE[case]
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(table(cells * 400, HALVES))
    assert f"column 'a': {told.split(' ')[0]}" not in nncli("check", "t.csv").out
    Path("t.csv").write_text(table([*cells * 400, *[late] * 30], HALVES))
    assert f"column 'a': {told}" in " ".join(nncli("check", "t.csv", "--json").out.split())
    assert f"column 'a': {told}" in nncli("train", "t.csv", "--epochs", 1, "--json").err
    if case == "fill":  # as it is advised
        assert told not in nncli("train", "t.csv", "--epochs", 1, "--json", "--missing", late).err
