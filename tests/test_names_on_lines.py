"""A name of several lines, or with no-break spaces, has a blank there: so it can be told in an option."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csv_reading import blocks, complaint, load, schema
from nncli.config.file_kinds import Columns
from nncli.data.csv.column_names import typed
from workbooks import sheet, write

Run = Callable[..., Any]
LINES = [
    "Net\r\nprice (€)",
    "Net\nprice (€)",
    "Net \n price (€)",
    "Net\u00a0price (€)",
    "Net\u202f\u00a0price (€)",
    "Net\tprice (€)",
]
NAME = "Net price (€)"


def table(name: str) -> str:
    rows = "".join(f"{i * 7 % 31},{i},{'xy'[i // 2 % 2]}\n" for i in range(40))
    return f'"{name}",b,class\n{rows}n.c.,3,x\n'


@pytest.mark.parametrize("name", LINES)
def test_the_column_is_left_out_or_kept_as_advised(name: str) -> None:
    error = complaint(table(name), only=(NAME,))
    assert f"column '{NAME}': expected a number, found 'n.c.'" in error
    for option in ("categorical", "drop"):
        [given] = Columns().read(shlex.split(re.findall(rf"--{option} ('.*?')", error)[0])[0])
        assert load(table(name), **{option: (given,)}).schema.target == "class"


@pytest.mark.parametrize("name", LINES)
def test_a_model_finds_it_however_it_is_broken(name: str) -> None:
    expected = schema(((NAME, "number"), ("city", "text")))
    [block] = blocks(f'city,"{name}"\nrome,5\n', expected, keep="all")
    assert block.table.numbers.tolist() == [[5]]
    assert [*block.kept] == ["city", NAME]


def test_so_does_a_model_that_has_the_break_in_the_name() -> None:
    expected = schema((("Net\r\nprice (€)", "number"), ("city", "text")))
    [block] = blocks('city,"Net\nprice (€)"\nrome,5\n', expected)
    assert block.table.numbers.tolist() == [[5]]


def test_two_columns_do_not_become_one() -> None:
    text = '"a\nb",a b,class\n' + "".join(f"{i * 7 % 31},{i % 9},{'xy'[i // 2 % 2]}\n" for i in range(40))
    found = load(text)
    assert found.schema.names == ("a b", "a b_2")
    assert "column 2 has the same name as an earlier column: it is called a b_2" in found.notes


def test_the_target_and_a_column_to_keep_may_be_called_so(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [[i % 7, i % 3, "pq"[i % 2]] for i in range(60)]
    header = ["Net\nprice", "Number\r\nof rooms", "Sold\nor not"]
    write("d.xlsx", {"data": sheet([header, *rows])})
    Path("d.jsonl").write_text("".join(json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in rows))
    columns = {name: [*cells] for name, cells in zip(header, zip(*rows, strict=True), strict=True)}
    pq.write_table(pa.table(columns), "d.parquet")
    for file in ("d.xlsx", "d.jsonl", "d.parquet"):
        done = nncli("train", file, "-t", "Sold or not", "--epochs", "1", "-o", "m.npz")
        assert done.code == 0, done.err
        done = nncli("predict", "m.npz", file, "--keep", "Sold or not,Net price")
        assert done.out.splitlines()[0] == "Sold or not,Net price,prediction"


@pytest.mark.parametrize("name", ["a b", "a  b", "größe", "a_b", ""])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert typed(name) == name


@pytest.mark.parametrize("above", ["", "Report 2024\n\n", '5" pipes\n', '"Report\nof 2024"\n'])
@pytest.mark.parametrize("name", ['"a\nb"', '"a\r\n\r\nb"', '"a\n, b"', "a b"])
def test_the_first_line_of_a_broken_name_is_no_line_above_the_table(above: str, name: str) -> None:
    rows = "".join(f"{i * 7 % 31},{i % 9},{'xy'[i // 2 % 2]}\n" for i in range(40))
    found = load(f"{above}{name},c,class\n{rows}")
    assert found.schema.names == ("a , b" if "," in name else "a b", "c")
    assert len(found) == 40
