# ruff: noqa: E501  (messages and their cases stand on one line each)
"""What is in the file is what comes out, or an error says why not, at which line, and what to do."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncli.data import csv as reader_module
from nncli.data import sniff
from nncli.data.cells import DEFAULT_MISSING, Layout
from nncli.data.csv import Block, CsvOptions, CsvReader, read_blocks, read_dataset
from nncli.data.dataset import Dataset, Schema, TextColumn
from nncli.data.files import open_input, sha256_of
from nncli.data.sniff import Plan
from nncli.errors import NncliError, OptionError


@pytest.fixture(autouse=True, scope="module")
def _small_files_take_the_fast_path_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader_module, "FEW_BYTES", 0)
        yield


class Dribble(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size

    def read(self, size: int = -1, /) -> bytes:
        size = self.size if size < 0 else min(size, self.size)
        out, self.data = self.data[:size], self.data[size:]
        return out


def load(data: bytes | str, **options: Any) -> Dataset:
    dtype = options.pop("dtype", "float32")
    data = data.encode() if isinstance(data, str) else data
    return read_dataset("data.csv", CsvOptions(**options), dtype, stream=io.BytesIO(data))


def complaint(data: bytes | str, **options: Any) -> str:
    with pytest.raises(NncliError) as caught:
        load(data, **options)
    return str(caught.value)


def strings(column: TextColumn | None) -> list[str | None]:
    assert column is not None
    return [None if code < 0 else column.values[code] for code in column.codes]


def blocks(data: bytes | str, expected: Schema, size: int | None = None, **options: Any) -> list[Block]:
    data = data.encode() if isinstance(data, str) else data
    stream = io.BytesIO(data) if size is None else Dribble(data, size)
    with read_blocks("data.csv", expected, stream=stream, **options) as reader:
        return list(reader)


def read_layout(
    data: bytes, layout: Layout, by_hand: bool = False, dtype: str = "float64", **options: Any
) -> list[Block]:
    opened = open_input("data.csv", stream=io.BytesIO(b""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader_module, "FEW_BYTES", 1 << 30 if by_hand else 0)
        return list(CsvReader(opened, Plan(layout, data, 1), dtype, training=True, **options))


def schema(
    columns: tuple[tuple[str, str], ...], target: str = "label", header: bool = True, target_place: int = -1
) -> Schema:
    """What a model expects; without a place told, the target was the last column."""
    return Schema(columns, target, header, DEFAULT_MISSING, len(columns) if target_place < 0 else target_place)


IRIS = "length,width,species\n5.1,3.5,setosa\n4.9,,virginica\n6.0,2.2,setosa\n"
MODEL = schema((("age", "number"), ("city", "text")), target="label")


# What is read


def test_a_small_file_becomes_what_is_written_in_it() -> None:
    data = load(
        "length,color,width,species\n5.1,red,3.5,setosa\n4.9, blue ,,virginica\n6,NA,2.5,setosa\n", target="species"
    )
    assert data.table.number_names == ("length", "width")
    np.testing.assert_array_equal(data.table.numbers, np.float32([[5.1, 3.5], [4.9, np.nan], [6, 2.5]]))
    assert data.table.numbers.dtype == np.float32
    assert strings(data.table.texts["color"]) == ["red", "blue", None]
    assert data.classes == ("setosa", "virginica")
    assert data.y.tolist() == [0, 1, 0]
    assert data.notes == ()


def test_whole_numbers_to_255_stay_bytes() -> None:
    assert load("a,label\n0,x\n255,y\n").table.numbers.dtype == np.uint8
    assert load("a,label\n0,x\n255.0,y\n").table.numbers.tolist() == [[0], [255]]
    for cell in ("256", "-1", "0.5", ""):
        assert load(f"a,label\n0,x\n{cell},y\n").table.numbers.dtype == np.float32
    assert load("a,label\n0,x\n255,y\n", dtype="float64").table.numbers.dtype == np.uint8
    assert load("a,label\n0,x\n256,y\n", dtype="float64").table.numbers.dtype == np.float64


@pytest.mark.parametrize("late", ["256", "0.5", "NA", " NA"])
def test_bytes_become_float32_when_a_later_row_needs_it(late: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "BLOCK_BYTES", 1000)
    rows = [f"{i % 256},{i % 2}" for i in range(3000)]
    rows[2500] = f"{late},0"
    numbers = load("a,label\n" + "\n".join(rows)).table.numbers
    assert numbers.dtype == np.float32
    expected = np.float32([i % 256 for i in range(3000)])
    expected[2500] = np.nan if "NA" in late else float(late)
    np.testing.assert_array_equal(numbers[:, 0], expected)


def test_classes_are_in_numeric_order_if_all_are_numbers_else_alphabetical() -> None:
    assert load("a,y\n1,10\n2,9\n3,-1\n").classes == ("-1", "9", "10")
    assert load("a,y\n1,10\n2,9\n3,x\n").classes == ("10", "9", "x")


def test_a_class_is_kept_exactly_as_written_but_for_blanks() -> None:
    assert load("a,y\n1, 01 \n2,1.0\n").classes == ("01", "1.0")


@pytest.mark.parametrize(
    ("delimiter", "notes"), [(",", ()), (";", ("delimiter: ;",)), ("\t", ("delimiter: tab",)), ("|", ("delimiter: |",))]
)
def test_the_delimiter_is_found(delimiter: str, notes: tuple[str, ...]) -> None:
    data = load(IRIS.replace(",", delimiter), target="species")
    assert data.table.number_names == ("length", "width")
    assert data.notes == notes


def test_a_told_delimiter_is_believed_and_not_told_back() -> None:
    data = load("a:b:y\n1:2:p\n3:4:q\n", delimiter=":")
    assert data.table.numbers.tolist() == [[1, 2], [3, 4]]
    assert data.notes == ("target column: y (the only column called label, target, class or y)",)


def test_commas_in_quotes_do_not_count() -> None:
    data = load('name;y\n"a,b";1\n"c,d";2\n')
    assert strings(data.table.texts["name"]) == ["a,b", "c,d"]


def test_a_file_without_header_is_noticed() -> None:
    data = read_dataset("d", CsvOptions(target="-1"), stream=io.BytesIO(b"5.1,x,a\n4.9,z,b\n"))
    assert data.schema.target == "c2"
    assert data.notes == ("no header: the columns are called c0 to c2",)
    assert data.schema == schema((("c0", "number"), ("c1", "text")), "c2", header=False, target_place=2)


def test_header_can_be_told_either_way() -> None:
    assert len(load("a,b\nc,d\n", target="1", header=False)) == 2
    assert load("1,y\n5,a\n6,b\n", header=True).table.number_names == ("1",)


def test_the_index_column_of_pandas_gets_a_name_and_a_note() -> None:
    data = load(",a,y\n0,1.5,p\n1,2.5,q\n")
    assert data.table.number_names == ("c0", "a")
    assert data.notes[0] == "column 1 has no name in the header: it is called c0"


def test_the_only_column_called_like_a_target_is_the_target() -> None:
    assert load("a,Class\n1,p\n2,q\n").notes == (
        "target column: Class (the only column called label, target, class or y)",
    )


def test_target_by_position_drop_and_categorical() -> None:
    data = load("a,b,c,d\n1,2,3,4\n5,6,7,8\n", target="0", drop=("b",), categorical=("d",))
    assert (data.schema.target, data.table.number_names, list(data.table.texts)) == ("a", ("c",), ["d"])


def test_a_column_is_text_if_fewer_than_half_of_its_cells_are_numbers() -> None:
    assert list(load("a,y\n1,p\nx,q\nz,q\n").table.texts) == ["a"]
    assert complaint("a,y\n1,p\nx,q\n").startswith("data.csv:3: column 'a': expected a number, found 'x'.")


def test_an_entirely_missing_column_is_numeric() -> None:
    assert np.isnan(load("a,y\n,p\nNA,q\n").table.numbers).all()


@pytest.mark.parametrize("cell", ["", "NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "?", " NA ", '"NA"', '""', " "])
def test_missing_cells(cell: str) -> None:
    data = load(f"a,t,y\n1.5,v,p\n2,w,p\n{cell},{cell},q\n", target="y")
    assert np.isnan(data.table.numbers[2, 0])
    assert strings(data.table.texts["t"])[2] is None


def test_missing_tokens_are_added_and_may_be_numbers() -> None:
    data = load("a,y\n1,p\n-1,q\n -1,q\n-1.0,q\nmissing,q\n", missing=("-1", "missing"))
    np.testing.assert_array_equal(data.table.numbers[:, 0], [1, np.nan, np.nan, -1, np.nan])


def test_a_blank_last_line_a_missing_last_newline_crlf_and_bom_change_nothing() -> None:
    plain = load(IRIS, target="species")
    for text in (
        IRIS + "\n",
        IRIS + "\n\n\n",
        IRIS[:-1],
        IRIS.replace("\n", "\r\n"),
        IRIS.replace("\n", "\r\n") + "\r\n",
        "\ufeff" + IRIS,
    ):
        other = load(text, target="species")
        np.testing.assert_array_equal(other.table.numbers, plain.table.numbers)
        assert other.classes == plain.classes


def test_in_a_file_of_one_column_an_empty_line_is_a_missing_cell() -> None:
    [block] = blocks("age\n1\n\n2\n", schema((("age", "number"),)))
    np.testing.assert_array_equal(block.table.numbers[:, 0], [1, np.nan, 2])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lambda d: pa.compress(d, "zstd", asbytes=True)])
def test_compressed_files_equal_plain_ones(pack: Any, tmp_path: Path) -> None:
    plain, packed = tmp_path / "data.csv", tmp_path / "data.packed"
    plain.write_text(IRIS)
    packed.write_bytes(pack(IRIS.encode()))
    one, other = (read_dataset(str(p), CsvOptions(target="species")) for p in (plain, packed))
    np.testing.assert_array_equal(one.table.numbers, other.table.numbers)
    assert one.y.tolist() == other.y.tolist()
    assert other.sha256 == sha256_of(str(packed))


# What is refused

NUMBER_REMEDY = "Add --missing {0}, read the column as text with --categorical a, or leave it out with --drop a."
ERRORS = {
    "number": ("a,y\n1,p\nn/a,q\n", "data.csv:3: column 'a': expected a number, found 'n/a'. " + NUMBER_REMEDY.format("n/a")),
    "underscore": ("a,y\n1,p\n1_0,q\n", "data.csv:3: column 'a': expected a number, found '1_0'. " + NUMBER_REMEDY.format("1_0")),
    "hex": ("a,y\n1,p\n0x10,q\n", "data.csv:3: column 'a': expected a number, found '0x10'. " + NUMBER_REMEDY.format("0x10")),
    "arabic": ("a,y\n1,p\n٣,q\n", "data.csv:3: column 'a': expected a number, found '٣'. " + NUMBER_REMEDY.format("'٣'")),
    "-nan": ("a,y\n1,p\n-nan,q\n", "data.csv:3: column 'a': expected a number, found '-nan'. " + NUMBER_REMEDY.format("-nan")),
    "nan(1)": ("a,y\n1,p\nnan(1),q\n", "data.csv:3: column 'a': expected a number, found 'nan(1)'. " + NUMBER_REMEDY.format("'nan(1)'")),
    "inf": ("a,y\n1,p\n-Infinity,q\n", "data.csv:3: column 'a': expected a finite number, found '-Infinity'. " + NUMBER_REMEDY.format("-Infinity")),
    "too large": ("a,y\n1,p\n1e39,q\n", "data.csv:3: column 'a': '1e39' is too large for float32. Use --dtype float64, or leave the column out with --drop a."),
    "too large for all": ("a,y\n1,p\n1e999,q\n", "data.csv:3: column 'a': '1e999' is too large for float32. Correct it, or leave the cell empty."),
    "line after quoted newlines": ('a,t,y\n1,"x\n\nz",p\nn/a,x,q\n', "data.csv:5: column 'a': expected a number, found 'n/a'. " + NUMBER_REMEDY.format("n/a")),
    "missing target": ("a,y\n1,p\n2,\n", "data.csv:3: target column 'y': expected a class, found an empty cell. Fill it in, or delete the row."),
    "unknown target": ("a,y\n1,p\n2,?\n", "data.csv:3: target column 'y': expected a class, found '?'. Fill it in, or delete the row."),
    "few columns": ("a,b,y\n1,2,p\n2,q\n3,4,q\n", "data.csv:3: expected 3 columns, found 2. Look for a missing or an unquoted ','."),
    "many columns": ("a,b,y\n1,2,p\n2,3,4,q\n3,4,q\n", "data.csv:3: expected 3 columns, found 4. Look for a missing or an unquoted ','."),
    "empty line": ("a,b,y\n1,2,p\n\n2,3,q\n", "data.csv:3: expected 3 columns, found an empty line. Delete the line."),
    "empty first row": ("a,b,y\n\n2,3,q\n", "data.csv:2: expected 3 columns, found an empty line. Delete the line."),
    "empty first line": ("\na,b,y\n2,3,q\n", "data.csv:1: expected a header or a row, found an empty line. Delete the line."),
    "open quote": ('a,t,y\n1,x,p\n2,"x,q\n3,x,p\n', "data.csv:3: an open quote: it is never closed. Close it, or write a quote inside a quoted cell as \"\"."),
    "open quote at the end": ('a,t,y\n1,x,p\n2,x,"q', "data.csv:3: an open quote: it is never closed. Close it, or write a quote inside a quoted cell as \"\"."),
    "open quote in the header": ('a,"t,y\n1,x,p\n', "data.csv:1: an open quote: it is never closed. Close it, or write a quote inside a quoted cell as \"\"."),
    "text after a quote": ('a,t,y\n1,x,p\n2,"x"z,q\n', 'data.csv:3: a quoted cell goes on after its closing quote. Write a quote inside a quoted cell as "".'),
    "single CR": ("a,t,y\n1,x,p\n2,x\rz,q\n", r"data.csv:3: expected a line to end in LF or CR LF, found a single CR. Convert it with: tr '\r' '\n'."),
    "only CR": ("a,y\r1,p\r2,q\r", r"data.csv: expected lines to end in LF or CR LF, found only CR. Convert it with: tr '\r' '\n'."),
    "latin1": ("a,t,y\n1,é,p\n2,x,q\n".encode("latin1"), "data.csv:2: expected UTF-8, found the byte 0xe9. Convert it with: iconv -f latin1 -t utf-8."),
    "latin1 header": ("é,y\n1,p\n2,q\n".encode("latin1"), "data.csv:1: expected UTF-8, found the byte 0xe9. Convert it with: iconv -f latin1 -t utf-8."),
    "utf-16": (IRIS.encode("utf-16"), "data.csv: expected UTF-8, found UTF-16. Convert it with: iconv -f utf-16 -t utf-8."),
    "empty": (b"", "data.csv: the file is empty."),
    "blank": (b"\n \n", "data.csv: the file is empty."),
    "header only": ("a,b,y\n", "data.csv: no rows below the header."),
    "one class": ("a,y\n1,p\n2,p\n", "data.csv: target column 'y': expected two or more classes, found only 'p'. Choose another column with --target."),
    "no feature": ("y\np\nq\n", "data.csv: no feature column is left beside the target 'y'. Drop fewer columns."),
    "twice": ("a,a,y\n1,2,p\n", "data.csv:1: two columns are called 'a'. Rename one of them."),
    "no target": ("a,b\n1,2\n", "data.csv: expected a column called label, target, class or y; found a, b. Name the target with --target."),
    "twelve columns": (",".join("abcdefghijkl") + "\n" + "1," * 11 + "1\n", "data.csv: expected a column called label, target, class or y; found a, b, c, d, e, f, g, h, i, j, …. Name the target with --target."),
    "two targets": ("a,y,label\n1,2,3\n", "data.csv: several columns could be the target: y, label. Choose one with --target."),
    "many numbers": ("a,y\n" + "".join(f"1,{i}\n" for i in range(1001)), "data.csv: target column 'y': 1001 different numbers look like a quantity, and nncli trains classifiers. Choose another column with --target, or write classes into the file."),
    "fractions": ("a,y\n" + "".join(f"1,{i}.5\n" for i in range(21)), "data.csv: target column 'y': 21 different numbers look like a quantity, and nncli trains classifiers. Choose another column with --target, or write classes into the file."),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_each_error_has_its_text(case: str) -> None:
    data, message = ERRORS[case]
    assert complaint(data) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "speces"}, "--target: no column is called 'speces'. Did you mean 'species'?"),
        ({"target": "zzz"}, "--target: no column is called 'zzz'. There are length, width, species."),
        ({"target": "3"}, "--target: expected a position from -3 to 2, found 3."),
        ({"target": "species", "drop": ("with",)}, "--drop: no column is called 'with'. Did you mean 'width'?"),
        ({"target": "species", "categorical": ("q",)}, "--categorical: no column is called 'q'. There are length, width, species."),
        ({"target": "species", "drop": ("species",)}, "--drop: 'species' is the target column. Name another one with --target."),
        ({"target": "species", "drop": ("length", "width")}, "data.csv: no feature column is left beside the target 'species'. Drop fewer columns."),
        ({"delimiter": "ab"}, "--delimiter: expected one character such as ; or tab; found 'ab'."),
    ],
)  # fmt: skip
def test_each_option_error_has_its_text(options: dict[str, Any], message: str) -> None:
    assert complaint(IRIS, **options) == message


def test_twenty_fractions_or_a_tenth_of_the_rows_are_still_classes() -> None:
    assert len(load("a,y\n" + "".join(f"1,{i}.5\n" for i in range(20))).classes) == 20
    assert len(load("a,y\n" + "".join(f"1,{i % 30}.5\n" for i in range(300))).classes) == 30


def test_stdin_is_called_stdin() -> None:
    with pytest.raises(NncliError, match=r"^stdin:3: expected 2 columns, found 1\."):
        read_dataset("-", CsvOptions(), stream=io.BytesIO(b"a,y\n1,p\n2\n"))


# For a model


def test_columns_are_matched_by_name_whatever_their_order_and_others_ignored() -> None:
    # The extra column is not UTF-8, and 'x' would be no number: neither is looked at.
    [block] = blocks(b"x,city,label,age\nn\xe9,rome,,5\nx,paris,?,6.5\n", MODEL)
    assert block.table.numbers.tolist() == [[5], [6.5]]
    assert strings(block.table.texts["city"]) == ["rome", "paris"]
    assert block.target is None


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_the_one_that_shows_the_names(delimiter: str) -> None:
    [block] = blocks(delimiter.join(("age", "city")) + "\n" + delimiter.join(("7", "a,b;c"[:3])) + "\n", MODEL)
    assert block.table.numbers.tolist() == [[7]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Age,city\n1,x\n", "data.csv:1: column 'age' is missing. Did you mean 'Age'?"),
        ("city,q\nx,1\n", "data.csv:1: column 'age' is missing. There are city, q."),
        ("p,q\nx,1\n", "data.csv:1: columns 'age', 'city' are missing. There are p, q."),
        ("1,x,3,4\n", "data.csv:1: columns 'age', 'city' are missing. There are 1, x, 3, 4."),
        ("age,age,city\n1,1,x\n", "data.csv:1: two columns are called 'age'. Rename one of them."),
        (
            "age,city\nold,x\n",
            "data.csv:2: column 'age': expected a number, found 'old'. Correct it, or leave the cell empty.",
        ),
        ("", "data.csv: the file is empty."),
    ],
)
def test_what_does_not_fit_the_model_is_an_error(text: str, message: str) -> None:
    with pytest.raises(NncliError) as caught:
        blocks(text, MODEL)
    assert str(caught.value) == message


def test_two_ignored_columns_may_have_one_name() -> None:
    assert blocks("x,age,x,city\n1,2,3,rome\n", MODEL)[0].table.numbers.tolist() == [[2]]


def test_data_evidently_without_header_is_matched_by_position() -> None:
    for text in ("5,rome\n6,paris\n", "5,a,rome\n6,b,paris\n"):
        expected = schema(MODEL.columns, "label", target_place=1)
        with read_blocks("d", expected, stream=io.BytesIO(text.encode())) as reader:
            assert reader.notes == ("no header: columns are matched by position",)
            [block] = reader
        assert block.table.numbers.tolist() == [[5], [6]]
        assert strings(block.table.texts["city"]) == ["rome", "paris"]


def test_a_model_trained_without_header_reads_by_position() -> None:
    # trained on c0, c1 (dropped), c2 (target), c3
    model = schema((("c0", "number"), ("c3", "number")), "c2", header=False, target_place=1)
    for text in ("1,2\n", "1,p,2\n", "1,x,p,2\n", "a,b\n1,2\n", "c3,c0\n2,1\n"):
        assert blocks(text, model)[0].table.numbers.tolist() == [[1, 2]], text
    with pytest.raises(NncliError) as caught:
        blocks("1\n", model)
    assert str(caught.value) == "data.csv:1: expected 2 or 3 or 4 columns, found 1. The model's columns are c0, c3."


def test_a_trained_file_is_read_back_for_its_model() -> None:
    text = "a;t;y;b\n1.5;u;0;3\n2;v;1;4\n"
    data = read_dataset("d", CsvOptions(), stream=io.BytesIO(text.encode()))
    [block] = blocks(text, data.schema, with_target=True)
    np.testing.assert_array_equal(block.table.numbers, data.table.numbers)
    assert strings(block.table.texts["t"]) == strings(data.table.texts["t"])
    assert strings(block.target) == ["0", "1"]


def test_the_target_is_read_for_eval_and_must_be_there() -> None:
    assert strings(blocks("age,city,label\n1,x,new\n", MODEL, with_target=True)[0].target) == ["new"]
    with pytest.raises(NncliError) as caught:
        blocks("age,city,labels\n1,x,new\n", MODEL, with_target=True)
    assert str(caught.value) == "data.csv:1: the target column 'label' is missing. Did you mean 'labels'?"


def test_kept_columns_are_the_text_of_the_file() -> None:
    [block] = blocks('id,age,city\n 007, 1.50,"a ""b"", c"\nNA,2,\n', MODEL, keep="all")
    kept = {name: column.to_pylist() for name, column in block.kept.items()}
    assert kept == {"id": [" 007", "NA"], "age": [" 1.50", "2"], "city": ['a "b", c', ""]}
    with pytest.raises(OptionError) as caught:
        blocks("ids,age,city\n1,2,x\n", MODEL, keep=("id",))
    assert str(caught.value) == "--keep: no column is called 'id'. Did you mean 'ids'?"


def test_with_on_error_blank_bad_rows_are_marked_and_the_others_read() -> None:
    text = 'age,city\n1,a\nold,b\n3\n4,"x"z\n\n1e99,c\n7,d\n'
    [block] = blocks(text, MODEL, keep=("city",), on_error="blank")
    np.testing.assert_array_equal(block.table.numbers[:, 0], [1, np.nan, np.nan, np.nan, np.nan, np.nan, 7])
    assert strings(block.table.texts["city"]) == ["a", None, None, None, None, None, "d"]
    assert block.kept["city"].to_pylist() == ["a", "b", "", "", "", "c", "d"]
    assert {i: str(error).split(".", 2)[1][:12] for i, error in block.errors.items()} == {
        1: "csv:3: colum", 2: "csv:4: expec", 3: "csv:5: a quo", 4: "csv:6: expec", 5: "csv:7: colum"
    }  # fmt: skip


def test_one_bad_row_in_a_large_block_leaves_the_others_alone() -> None:
    rows = [f"{i},c{i}" for i in range(40000)]
    rows[30000] = "bad,x"
    got = blocks("age,city\n" + "\n".join(rows), MODEL, on_error="blank")
    numbers = np.concatenate([block.table.numbers[:, 0] for block in got])
    assert np.flatnonzero(np.isnan(numbers)).tolist() == [30000]
    assert np.delete(numbers, 30000).tolist() == [i for i in range(40000) if i != 30000]
    [error] = [error for block in got for error in block.errors.values()]
    assert error.where == "data.csv:30002"


def test_a_header_alone_is_no_row_and_no_error() -> None:
    assert blocks("age,city\n", MODEL) == []


def test_a_slow_producer_gets_each_row_at_once() -> None:
    out, into = os.pipe()
    with os.fdopen(out, "rb", buffering=0) as pipe, os.fdopen(into, "wb", buffering=0) as producer:
        producer.write(b"age,city\n")
        reader = iter(read_blocks("-", MODEL, stream=pipe))
        for i in range(3):
            producer.write(b"%d,rome\n" % i)
            start = time.perf_counter()
            assert next(reader).table.numbers.tolist() == [[i]]  # would wait for ever if it wanted more
            assert time.perf_counter() - start < 1
        producer.write(b"8,ro")
        producer.write(b"me\n9,pa")
        assert next(reader).table.numbers.tolist() == [[8]]
        producer.close()
        assert next(reader).table.numbers.tolist() == [[9]]


# Both paths, any cut

NASTY = 'age,t,y\r\n1,"a ""b"", c",p\n 2.5 ,"x\n\ny",q\r\n,\'5" disk\',p\n"4",é,"q"\n1e2,,p\n\n'


def rows_of(got: list[Block]) -> tuple[list[Any], ...]:
    return (
        [x for block in got for x in block.table.numbers.ravel().tolist()],
        [x for block in got for x in strings(block.table.texts["t"])],
        [x for block in got for x in strings(block.target)],
        [x for block in got for x in block.kept["t"].to_pylist()],
    )


def test_a_cut_at_any_byte_changes_nothing() -> None:
    data = NASTY.encode()
    expected = schema((("age", "number"), ("t", "text")), "y")
    whole = rows_of(blocks(data, expected, with_target=True, keep=("t",), dtype="float64"))
    assert repr(whole[0]) == "[1.0, 2.5, nan, 4.0, 100.0]"
    assert whole[1] == ['a "b", c', "x\n\ny", "'5\" disk'", "é", None]
    assert whole[2] == ["p", "q", "p", "q", "p"]
    for size in range(1, len(data) + 1):
        cut = rows_of(blocks(data, expected, size, with_target=True, keep=("t",), dtype="float64"))
        assert repr(cut) == repr(whole)


cells = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
    st.sampled_from(['"', "a,b", "x\ny", "x\r\ny", "\r", " a", "NA", '""', ";", "\n\n", "\n"]),
)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8)
)
dialects = {
    "delimiter": st.sampled_from(",;\t|"),
    "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    "ends": st.sampled_from(["\n", "\r\n"]),
}


def written(table: list[list[str]], delimiter: str, quoting: Any, ends: str) -> bytes:
    out = io.StringIO(newline="")
    if any("\r" in cell for row in table for cell in row):
        quoting = csv.QUOTE_ALL  # before 3.13 Python leaves a CR in a cell unquoted where lines end in LF
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=ends).writerows(table)
    return out.getvalue().encode()


@settings(deadline=None)
@given(table=tables, **dialects)
def test_what_pythons_csv_writer_wrote_is_read_back(
    table: list[list[str]], delimiter: str, quoting: Any, ends: str
) -> None:
    names = tuple(f"n{i}" for i in range(len(table[0])))
    data = written(table, delimiter, quoting, ends)
    got = read_layout(data, Layout(names, delimiter, False, (), names[:1], None, names))
    for i, name in enumerate(names):
        assert [cell for block in got for cell in block.kept[name].to_pylist()] == [row[i] for row in table]


@settings(deadline=None)
@given(table=tables, size=st.integers(1, 30), **dialects)
def test_what_was_written_is_read_back_from_a_pipe(
    table: list[list[str]], size: int, delimiter: str, quoting: Any, ends: str
) -> None:
    names = tuple(f"n{i}" for i in range(len(table[0])))
    data = written([list(names), *table], delimiter, quoting, ends)
    expected = schema(tuple((name, "text") for name in names))
    got = blocks(data, expected, size, keep="all")
    for i, name in enumerate(names):
        assert [cell for block in got for cell in block.kept[name].to_pylist()] == [row[i] for row in table]


raw_cells = st.one_of(
    st.sampled_from(
        [
            "1",
            "-1",
            "+1",
            "1.",
            ".5",
            ".",
            "1e5",
            "1e39",
            "1e400",
            "1e-50",
            "inf",
            "-nan",
            "nan(1)",
            "NAN",
            "NA",
            " NA",
            "0x1F",
            "1_0",
            " 5",
            "5 ",
            '"5"',
            '" 5"',
            '"',
            'a"b',
            '"a"b',
            '"a""b"',
            '"a\nb"',
            "a\rb",
            "",
            " ",
            "٣",
            "x",
            "007",
            "?",
        ]
    ),
    st.floats(width=32).map(repr),
    st.floats().map(repr),
    st.integers(0, 300).map(str),
    st.text(st.sampled_from('1.e-+"\r ,a'), max_size=4),
)


def outcome(data: bytes, layout: Layout, dtype: str, *, by_hand: bool) -> Any:
    try:
        got = read_layout(data, layout, by_hand, dtype, on_error="blank")
    except NncliError as error:
        return str(error)
    errors, n = [], 0
    for block in got:
        errors += [(n + i, str(error)) for i, error in block.errors.items()]
        n += len(block)
    return n, repr(rows_of(got)), errors


@settings(deadline=None, max_examples=400)
@given(
    rows=st.lists(st.lists(raw_cells, min_size=3, max_size=3).map(",".join), max_size=5),
    dtype=st.sampled_from(["float32", "float64"]),
    with_target=st.booleans(),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_the_fast_path_answers_like_the_slow_one(rows: list[str], dtype: str, with_target: bool, ends: str) -> None:
    data = ends.join([*rows, ""]).encode()
    layout = Layout(("a", "t", "y"), ",", False, ("a",), ("t",), "y" if with_target else None, ("t",))
    if not with_target:
        layout = Layout(("a", "t", "y"), ",", False, ("a", "y"), ("t",), None, ("t",))

    answer = outcome if with_target else outcome_without_target
    assert answer(data, layout, dtype, by_hand=False) == answer(data, layout, dtype, by_hand=True)


def outcome_without_target(data: bytes, layout: Layout, dtype: str, *, by_hand: bool) -> Any:
    try:
        got = read_layout(data, layout, by_hand, dtype, on_error="blank")
    except NncliError as error:
        return str(error)
    return [
        (
            repr(b.table.numbers.tolist()),
            strings(b.table.texts["t"]),
            b.kept["t"].to_pylist(),
            repr(b.errors),
        )
        for b in got
    ]


def test_both_paths_round_alike() -> None:
    random.seed(5)
    numbers = [repr(random.uniform(-1, 1) * 10 ** random.randint(-40, 38)) for _ in range(3000)]
    data = "".join(f"{x},a,p\n" for x in numbers).encode()
    layout = Layout(("a", "t", "y"), ",", False, ("a",), ("t",), "y", ("t",))
    for dtype in ("float32", "float64"):
        fast, slow = (
            np.concatenate([b.table.numbers for b in read_layout(data, layout, hand, dtype)]) for hand in (False, True)
        )
        np.testing.assert_array_equal(fast, slow)
        np.testing.assert_allclose(fast[:, 0], np.array([float(x) for x in numbers], dtype), rtol=1e-6, atol=1e-44)


def test_a_row_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "ROW_LIMIT", 10_000)
    with pytest.raises(NncliError, match=r"^data.csv:2: an open quote: it is never closed\."):
        blocks('age,city\n1,"' + "x\n" * 20_000, MODEL, 3000)
    with pytest.raises(NncliError, match=r"^data.csv:2: expected a row, found no end of line in 0 MiB\."):
        blocks("age,city\n1," + "x" * 20_000, MODEL, 3000)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes data.csv, which is then read in many blocks, several at a time."""
    monkeypatch.setattr(reader_module, "BLOCK_BYTES", 50_000)
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> str:
        Path("data.csv").write_text(text)
        return "data.csv"

    return write


def test_a_file_is_read_several_blocks_at_a_time(file: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    parse = reader_module.CsvReader._parse

    def watched(self: Any, data: bytes, regular: bool) -> Any:
        seen.add(threading.get_ident())
        return parse(self, data, regular)

    monkeypatch.setattr(reader_module.CsvReader, "_parse", watched)
    read_dataset(file("age,label\n" + "1,a\n2,b\n" * 400_000), CsvOptions())
    assert threading.get_ident() not in seen


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            "x,a\n" + "1,a\n" * 3000 + '1,"open\n',
            "600002: column 'age': expected a number, found 'x'",
        ),  # not the second
        ('1,"open\n' + "1,a\n" * 3000, "600002: an open quote: it is never closed"),
        ("1,a,b\n" + "1,a\n" * 3000, "600002: expected 2 columns, found 3"),
    ],
)
def test_an_error_far_down_a_file_names_its_line(file: Callable[[str], str], bad: str, message: str) -> None:
    with pytest.raises(NncliError, match=f"^data.csv:{message}"):
        read_dataset(file("age,label\n" + "1,a\n2,b\n" * 300_000 + bad), CsvOptions())


def test_lines_inside_quotes_count_as_lines_of_the_file(file: Callable[[str], str]) -> None:
    with pytest.raises(NncliError, match=r"^data.csv:600002: column 'age': expected a number, found 'x'"):
        read_dataset(file("age,label\n" + '1,"a\n2"\n' * 300_000 + "x,a\n"), CsvOptions())


def test_a_number_that_means_missing_is_missing_among_small_whole_numbers() -> None:
    rows = ["9,5,a", "1,2,b"] * 3000
    data = load("x,z,label\n" + "\n".join(rows) + "\n", missing=("9",))
    np.testing.assert_array_equal(data.table.numbers[:2], [[np.nan, 5], [1, 2]])


@pytest.mark.parametrize("cell", ["0x10", "0X10"])
def test_hexadecimal_numbers_are_no_numbers(cell: str) -> None:
    found = complaint("x,label\n" + "1,a\n2,b\n" * 3000 + f"{cell},a\n")
    assert found.startswith(f"data.csv:6002: column 'x': expected a number, found '{cell}'")


def test_a_long_header_does_not_ask_for_more_room_than_the_file_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header of almost the whole first sample leaves a few bytes of rows in it."""
    asked = []
    empty = np.empty
    monkeypatch.setattr(np, "empty", lambda shape, *more, **rest: asked.append(shape) or empty(shape, *more, **rest))
    names = [f"ENSG{i:011d}" for i in range(5000)]
    path = tmp_path / "genes.csv"
    path.write_text(",".join([*names, "label"]) + "\n" + "".join("0.25," * 5000 + f"{k % 2}\n" for k in range(100)))
    monkeypatch.setattr(sniff, "SAMPLE_BYTES", len(names[0]) * 5000 + 5000 + 10)
    assert len(read_dataset(str(path), CsvOptions()).y) == 100
    assert max(np.prod(shape, dtype=float) for shape in asked) <= 2 * 100 * 5000


def test_a_row_in_error_keeps_no_block_of_rows_alive() -> None:
    [block] = blocks("age,city\n1,a\nbad,b\n", MODEL, on_error="blank")
    assert [error.__traceback__ for error in block.errors.values()] == [None]


def test_rows_that_get_shorter_or_longer_are_all_kept(tmp_path: Path) -> None:
    long, short = ["000000789.25,some long text,a"] * 60_000, ["1,t,b"] * 200_000
    for rows in (long + short, short + long):  # the room made by the first rows is too small, then too large
        path = tmp_path / "data.csv"
        path.write_text("x,t,label\n" + "\n".join(rows) + "\n")
        got = read_dataset(str(path), CsvOptions())
        np.testing.assert_array_equal(got.table.numbers[:, 0], [float(row.split(",")[0]) for row in rows])
        assert strings(got.table.texts["t"]) == [row.split(",")[1] for row in rows]
        assert [got.classes[k] for k in got.y] == [row[-1] for row in rows]
