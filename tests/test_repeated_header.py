"""A header that comes again among the rows is no row, however it is written there."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbooks
from csv_reading import blocks, complaint, load, strings
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.reader import open_training, read_blocks
from nncli.data.csv.strict_parser import StrictParser
from nncli.data.load import load_dataset
from nncli.data.row_blocks import RowBlock
from nncli.errors import DataError
from short_and_long import some_short

HEADERS = {
    "quoted": '"size","town","label"\n',
    "one quoted": 'size,"town",label\n',
    "blanks": "size , town\t,label \n",
    "CRLF": "size,town,label\r\n",
    "capitals": "SIZE,Town,Label\n",
    "a mark and quotes": '\ufeff"size","town","label"\n',
}


def rows(n: int, kind: str) -> str:
    sizes = {"numbers": lambda i: f"{i % 7}.5", "text": lambda i: "SML"[i % 3], "money": lambda i: f"${i % 7}.5"}
    return "".join(f"{sizes[kind](i)},t{i % 4},{'pq'[i % 2]}\n" for i in range(n))


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize("kind", ["numbers", "text", "money"])
@pytest.mark.parametrize("n", some_short([5, 600], 1))
@pytest.mark.parametrize("again", HEADERS)
def test_a_header_in_other_bytes_is_no_row(again: str, n: int, kind: str) -> None:
    part = rows(n, kind)
    plain, found = load("size,town,label\n" + 3 * part), load("size,town,label\n" + HEADERS[again].join(3 * [part]))
    assert found.notes == (*plain.notes, "data.csv: the header comes again 2 times among the rows: left out")
    assert found.classes == ("p", "q")
    assert np.array_equal(found.y, plain.y)
    assert np.array_equal(found.table.numbers, plain.table.numbers)
    assert {name: strings(its) for name, its in found.table.texts.items()} == {
        name: strings(its) for name, its in plain.table.texts.items()
    }
    bad = complaint("size,town,label\n" + HEADERS[again].join(3 * [part]) + "x\n")
    assert bad.startswith(f"data.csv:{3 * n + 4}: expected 3 columns")


def test_a_header_in_a_later_member_of_a_gzip_file_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "d.csv.gz"
    part = rows(50, "numbers")
    path.write_bytes(
        b"".join(gzip.compress((header + part).encode()) for header in ("size,town,label\n", *HEADERS.values()))
    )
    with open_training(str(path), CsvOptions(), "float32") as reader:
        assert sum(map(len, reader)) == 50 * 7
    assert "the header comes again 6 times" in reader.notes[-1]


def test_a_header_above_classes_that_are_numbers_is_none_of_them() -> None:
    part = "".join(f"{i % 7},{i % 3}\n" for i in range(3000))
    found = load(f"a,b\n{part} a,b\n{part}", target="b")
    assert (len(found), found.classes) == (6000, ("0", "1", "2"))


@pytest.mark.usefixtures("by_each_parser")
def test_rows_that_only_look_like_a_header_are_rows() -> None:
    # categories called like their columns, but never all of them in one row; and X beside a column called x
    lines = [("x", "b"), ("a", "z"), ("X", "Z"), ("a", "b")]
    found = load("x,z,label\n" + "".join(f"{x},{z},{'pq'[i % 2]}\n" for i in range(50) for x, z in lines))
    assert len(found) == 200
    assert not [note for note in found.notes if "again" in note]
    later = blocks("x,z\n" + "X,Z\nx,z\n" * 200, found.schema)
    assert [town for block in later for town in strings(block.table.texts["x"])] == ["X"] * 200
    expected = load("0,1,label\n" + "".join(f"{i % 2}.5,{i % 3},p\n{i % 2},{i % 2},q\n" for i in range(50))).schema
    assert expected.names == ("0", "1")
    read = blocks("0,1\n" + "0,1\n0.5,2\n" * 100, expected)
    assert sum(map(len, read)) == 200


def test_a_second_row_of_names_comes_again_too() -> None:
    head, part = "width,,label\nmin,max,\n", "".join(f"{i % 7},{i % 5},{'pq'[i % 2]}\n" for i in range(500))
    found = load(head + part + head.replace("width", '"width"') + part, header_rows=2)
    assert len(found) == 1000
    assert found.schema.names == ("width min", "width max")
    assert "the header comes again once" in found.notes[-1]


def test_a_header_behind_each_row_costs_no_more_than_reading_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are read in blocks, and not in a block of its own for each row between two headers."""
    calls = list[int]()
    read_rows = StrictParser.read_rows

    def counted(self: StrictParser, rows: Iterable[Any]) -> RowBlock:
        calls.append(1)
        return read_rows(self, rows)

    monkeypatch.setattr(StrictParser, "read_rows", counted)
    text = "a,b,label\n" + "".join(f"{i % 7},{i % 5},{'pq'[i % 2]}\na,b,label\n" for i in range(20000))
    assert len(load(text)) == 20000
    assert len(calls) < 50


OTHER_ORDERS = {
    "other order": ("size,town,label", "town,size,label", "t1,9.5,p"),
    "class first": ("size,town,label", '"label","size","town"', "p,9.5,t1"),
    "numbers alone": ("a,b,class", "b,a,class", "7,3,1"),
    "texts alone": ("shop,town,label", "town,shop,label", "t1,s2,p"),
    "two columns": ("size,label", "Label , Size", "1,9"),
    "one of them renamed": ("size,town,label", "label,size,village", "p,9.5,t1"),
}


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize("n", [12, 600])
@pytest.mark.parametrize("case", OTHER_ORDERS)
def test_the_names_in_another_order_end_the_table_whatever_is_skipped(case: str, n: int) -> None:
    header, again, below = OTHER_ORDERS[case]
    cells = {"size": "2.5 1.5", "town": "t1 t2", "label": "p q", "class": "0 1", "a": "1 2", "b": "3 1.5"}
    cells |= {"shop": "s1 s2"} | ({"label": "0 1"} if case == "two columns" else {})
    part = "".join(",".join(cells[name].split()[i % 2] for name in header.split(",")) + "\n" for i in range(n))
    table = f"{header}\n{part}{again}\n" + f"{below}\n" * 5
    for on_error in ("fail", "skip"):
        told = complaint(table, on_error=on_error)
        assert told.startswith(f"data.csv:{n + 2}: expected a row, found the names of the columns in another order")
        assert told.endswith(f"--rows 1:{n}.")
        assert len(load(table, on_error=on_error, rows=(1, n))) == n
    expected, found = load(f"{header}\n{part}").schema, list[RowBlock]()
    with (
        read_blocks("data.csv", expected, stream=io.BytesIO(table.encode()), on_error="blank") as reader,
        pytest.raises(DataError, match=rf"data\.csv:{n + 2}: .*another order"),
    ):
        found.extend(reader)
    assert sum(map(len, found)) == n  # those above are answered


def test_numbers_letters_and_few_names_in_other_places_are_data() -> None:
    ranks = load("1,2,3,y\n" + "3,2,1,y\n2,1,3,n\n2,3,1,y\n" * 20, header=True, target="y")
    assert len(ranks) == 60
    assert len(load("x,z\n" + "z,x\nx,q\n" * 30, target="z")) == 60
    words = load("shop,town,label\n" + "town,shop,p\nt1,s1,q\nshop,town,p\n" * 20)
    assert len(words) == 60


def test_sheets_with_the_names_in_another_order_are_refused(tmp_path: Path) -> None:
    rows = [["a", "b", "class"], *([[i % 7, i % 5, "pq"[i % 2]] for i in range(30)])]
    path = tmp_path / "d.xlsx"
    workbooks.write(path, {"one": workbooks.sheet([*rows, ["b", "a", "class"], *rows[1:]])})
    with pytest.raises(DataError, match=r"d\.xlsx:32: .*another order"):
        load_dataset((str(path),), CsvOptions(on_error="skip"), "float32")


@pytest.mark.parametrize("on_error", ["fail", "skip"])
@pytest.mark.parametrize(
    ("names", "other"),
    [("size,village,label", "'village' differs"), ("length,town,label", "'length' differs"),
     ("size,town,kind", "'kind' differs"), ("size,town,Kind ", "'Kind ' differs")],
)  # fmt: skip
def test_a_second_table_of_which_one_name_differs_is_refused_with_that_name(
    names: str, other: str, on_error: str
) -> None:
    rows = "".join(f"{i % 7}.5,t{i % 3},{'pq'[i % 2]}\n" for i in range(40))
    table = f"size,town,label\n{rows}{names}\n{rows}"
    assert complaint(table, on_error=on_error) == (
        f"data.csv:42: expected a row, found names of columns, of which {other} from size, town and label. Delete the "
        "line if the rows below it are of the same columns, or write them to a file of its own. "
        "Read the rows above with --rows 1:40."
    )
    assert len(load(table, rows=(1, 40))) == 40
    assert len(load(table.replace(f"{names}\n", ""))) == 80


def test_few_rows_without_numbers_are_no_names() -> None:
    rows = [f"{i % 7}.5,t{i % 3},{'pq'[i % 2]}" for i in range(40)]
    found = load("\n".join(["size,town,label", *rows[:20], "NA,t1,p", *rows[20:]]) + "\n")
    assert (len(found), found.schema.names) == (41, ("size", "town"))
    text = ["red,small,p", *(f"{c},{s},{k}" for c in ("red", "blue") for s in ("small", "large") for k in "pq")] * 5
    assert len(load("\n".join(text) + "\n", target="c2")) == 45
