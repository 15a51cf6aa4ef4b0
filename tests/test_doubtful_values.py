"""Values that are probably not meant as they are written: each is said in a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import load


def table(cells: list[str], delimiter: str = ",") -> str:
    """Write a column of numbers beside these cells and two classes."""
    rows = [f"{i * 37 % 101}{delimiter}{cell}{delimiter}{'pq'[i % 2]}\n" for i, cell in enumerate(cells)]
    return delimiter.join(["a", "b", "label"]) + "\n" + "".join(rows)


def warnings(text: str) -> list[str]:
    return [note for note in load(text).notes if note.startswith("warning: ")]


@pytest.mark.parametrize("fill", ["1e20", "9.96921e36", "-1E30"])
def test_a_huge_number_that_fills_gaps_is_warned_of(fill: str) -> None:
    cells = [fill if i == 7 else f"{i * 13 % 29}.5" for i in range(60)]
    [warning] = warnings(table(cells))
    told = f"'{fill}' is far from all other numbers (--missing {fill} if it stands for a missing value)"
    assert warning == f"warning: column 'b': {told}"
    assert not warnings(table([f"{i * 13 % 29}.5e20" for i in range(60)]))  # all are so large


@pytest.mark.parametrize(
    ("factors", "units"),
    [
        ((1, 1000), "in seconds ('1700000001') and in milliseconds ('1700500000000')"),
        ((1000, 1_000_000), "in milliseconds ('1700000001000') and in microseconds ('1700500000000000')"),
    ],
)
def test_times_in_two_units_are_warned_of(factors: tuple[int, int], units: str) -> None:
    cells = [str((1_700_000_000 + i * 500_000) * factors[i % 2]) for i in range(60)]
    cells[0] = str(1_700_000_001 * factors[0])
    assert warnings(table(cells)) == [
        f"warning: column 'b': times since 1970 seem to be {units}: write all in one unit"
    ]
    assert not warnings(table([str(1_700_000_000 + i * 500_000) for i in range(60)]))


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("cat", "c\u0430t", "latin small letter a, cyrillic small letter a"),
        ("A-1", "A\u20131", "hyphen-minus, en dash"),
        ("ON", "\u039fN", "latin capital letter o, greek capital letter omicron"),
        ("red", "r\u200bed", "latin small letter e, zero width space"),
    ],
)
def test_classes_that_look_alike_are_warned_of(one: str, other: str, why: str) -> None:
    text = "a,label\n" + "".join(f"{i * 37 % 101},{(one, other, 'dog')[i % 3]}\n" for i in range(60))
    [warning] = warnings(text)
    told = f"'{one}' and '{other}' look alike, but have other letters or signs ({why})"
    assert warning.replace("\\u200b", "\u200b") == f"warning: classes {told}, and are two classes"


def test_classes_that_are_one_number_with_its_decimals_are_warned_of() -> None:
    rows = "".join(f"{i * 37 % 101},5;{('1', '1,0', '2')[i % 3]}\n" for i in range(60))
    assert warnings(f"a;label\n{rows}") == [
        "warning: classes '1' and '1,0' are one number where ',' is the decimal sign, and two classes"
    ]


@pytest.mark.parametrize("names", ["", "u,v,label\n"], ids=["a model without names", "a model with names"])
def test_a_first_row_that_counts_the_columns_is_refused_above_fractions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Callable[..., Any], names: str
) -> None:
    """As a table without names has it when it is written with its header."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{i * 37 % 101 / 10},{i * 13 % 29 / 4},{'pq'[i % 2]}\n" for i in range(60)]
    Path("t.csv").write_text(names + "".join(rows))
    assert nncli("train", "t.csv", "-t", 2, "--epochs", 1, "-q", "--json").code == 0
    for count in ("0,1", "1,2"):
        Path("new.csv").write_text(f"{count}\n0.5,1.5\n2.5,3.25\n")
        found = nncli("predict", "model.npz", "new.csv")
        assert (found.code, found.out) == (1, "")
        doubt = "may be a row of data, or a header that numbers the columns"
        assert f"new.csv:1: the first row, '{count.replace(',', ', ')}', {doubt}" in found.err
    Path("new.csv").write_text("0.0,1\n0.5,1.5\n")  # as the message advises
    assert nncli("predict", "model.npz", "new.csv").out.count("\n") == 3


def test_what_is_advised_for_such_a_row_has_the_decimal_sign_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i * 37 % 101},5;{i * 13 % 29},25;{'pq'[i % 2]}\n" for i in range(60))
    Path("t.csv").write_text("u;v;label\n" + rows)
    assert nncli("train", "t.csv", "--epochs", 1, "-q", "--json").code == 0
    assert "or write 0,0 if it is one." in nncli("predict", "model.npz", stdin="0;1\n5,5;1,25\n").err
    assert nncli("predict", "model.npz", stdin="0,0;1\n5,5;1,25\n").out.count("\n") == 3


def test_a_first_row_that_counts_the_columns_above_whole_numbers_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i * 37 % 101},{i * 13 % 29},{'pq'[i % 2]}\n" for i in range(60))
    Path("t.csv").write_text("u,v,label\n" + rows)
    assert nncli("train", "t.csv", "--epochs", 1, "-q", "--json").code == 0
    told = nncli("predict", "model.npz", stdin="0,1\n5,7\n")
    assert told.out.count("\n") == 3
    assert "the first row, '0, 1', is read as data: delete it if it only numbers the columns" in told.err
    assert "only numbers the columns" not in nncli("predict", "model.npz", stdin="1,0\n5,7\n").err
