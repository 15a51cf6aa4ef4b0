# ruff: noqa: E501  (messages and their cases stand on one line each)
"""A file to learn from: what is in it is what comes out, or an error says why not, at which line, and what to do."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from csv_reading import IRIS, blocks, complaint, load, read_dataset, schema, strings
from nncli.data.byte_input import sha256_of
from nncli.data.csv import reader as reader_module
from nncli.data.csv.csv_options import CsvOptions
from nncli.errors import NncliError

pytestmark = pytest.mark.usefixtures("small_files_take_the_fast_path_too")


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
    assert dataclasses.replace(data.schema, profile=()) == schema(
        (("c0", "number"), ("c1", "text")), "c2", header=False, target_place=2
    )


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

OTHER_WAY = "Correct it, read the column as text with --categorical a, or leave it out with --drop a."
NUMBER_REMEDY = "Add --missing {0}, read the column as text with --categorical a, or leave it out with --drop a."
ERRORS = {
    "number": ("a,y\n1,p\nn/a,q\n", "data.csv:3: column 'a': expected a number, found 'n/a'. " + NUMBER_REMEDY.format("n/a")),
    "underscore": ("a,y\n1,p\n1_0,q\n", "data.csv:3: column 'a': expected a number, found '1_0'. " + OTHER_WAY),
    "comma": ('a,y\n1.5,p\n2.5,q\n"1,5",q\n', "data.csv:4: column 'a': expected a number, found '1,5'. " + OTHER_WAY.replace("Correct it", "Write it as 1.5, as in other cells, or leave such rows out with --on-error skip")),
    "thousands": ('a,y\n1.5,p\n2.5,q\n"1,00",q\n', "data.csv:4: column 'a': expected a number, found '1,00'. " + OTHER_WAY.replace("Correct it", "Write it as 1.00, as in other cells, or leave such rows out with --on-error skip")),
    "hex": ("a,y\n1,p\n0x10,q\n", "data.csv:3: column 'a': expected a number, found '0x10'. " + OTHER_WAY),
    "superscript": ("a,y\n1,p\n³,q\n", "data.csv:3: column 'a': expected a number, found '³'. " + OTHER_WAY),
    "-nan": ("a,y\n1,p\n-nan,q\n", "data.csv:3: column 'a': expected a number, found '-nan'. " + NUMBER_REMEDY.format("-nan")),
    "nan(1)": ("a,y\n1,p\nnan(1),q\n", "data.csv:3: column 'a': expected a number, found 'nan(1)'. " + OTHER_WAY),
    "inf": ("a,y\n1,p\n-Infinity,q\n", "data.csv:3: column 'a': expected a finite number, found '-Infinity'. " + NUMBER_REMEDY.format("-Infinity")),
    "too large": ("a,y\n1,p\n1e39,q\n", "data.csv:3: column 'a': '1e39' is too large for float32. Use --dtype float64, read the column as text with --categorical a, or leave it out with --drop a."),
    "too large for all": ("a,y\n1,p\n1e999,q\n", "data.csv:3: column 'a': '1e999' is too large for float32. Correct it, read the column as text with --categorical a, or leave it out with --drop a."),
    "line after quoted newlines": ('a,t,y\n1,"x\n\nz",p\nn/a,x,q\n', "data.csv:5: column 'a': expected a number, found 'n/a'. " + NUMBER_REMEDY.format("n/a")),
    "missing target": ("a,y\n1,p\n2,\n", "data.csv:3: target column 'y': expected a class, found an empty cell. Fill it in, or leave such rows out with --on-error skip."),
    "unknown target": ("a,y\n1,p\n2,?\n", "data.csv:3: target column 'y': expected a class, found '?'. Fill it in, or leave such rows out with --on-error skip; add --no-missing '?' if that is a class."),
    "few columns": ("a,b,y\n1,2,p\n2,q\n3,4,q\n", "data.csv:3: expected 3 columns, found 2. Look for a missing or an unquoted ',', or leave such rows out with --on-error skip."),
    "many columns": ("a,b,y\n1,2,p\n2,3,4,q\n3,4,q\n", "data.csv:3: expected 3 columns, found 4. Look for a missing or an unquoted ',', or leave such rows out with --on-error skip."),
    "empty line": ("a,b,y\n1,2,p\n\n2,3,q\n", "data.csv:3: expected 3 columns, found an empty line. Delete the line, or leave such lines out with --on-error skip."),
    "empty first row": ("a,b,y\n\n2,3,q\n", "data.csv:2: expected 3 columns, found an empty line. Delete the line, or leave such lines out with --on-error skip."),
    "open quote": ('a,t,y\n1,x,p\n2,"x,q\n3,x,p\n', "data.csv:3: an open quote: it is never closed. Close it, or write a quote inside a quoted cell as \"\"."),
    "open quote at the end": ('a,t,y\n1,x,p\n2,x,"q', "data.csv:3: an open quote: it is never closed. Close it, or write a quote inside a quoted cell as \"\"."),
    "open quote in the header": ('a,"t,y\n1,x,p\n', "data.csv:1: an open quote: it is never closed. Close it, or write a quote inside a quoted cell as \"\"."),
    "text after a quote": ('a,t,y\n1,x,p\n2,"x"z,q\n', 'data.csv:3: a quoted cell has text after its closing quote. If quotes are a part of the texts, add --quote none, else write a quote inside a quoted cell as "".'),
    "text after a quote, and a cell in quotes": ('a,t,y\n1,"a,b",p\n2,"x"z,q\n', 'data.csv:3: a quoted cell has text after its closing quote. Write a quote inside a quoted cell as "".'),
    "single CR": ("a,t,y\n1,x,p\n2,x\rz,q\n", r"data.csv:3: expected a line to end in LF or CR LF, found a single CR. Convert it with: tr '\r' '\n'."),
    "one byte that is not UTF-8": ("a,t,y\n1,ü,p\n2,ö,q\n1,é,q\n".encode().replace("é".encode(), b"\xe9"), "data.csv:4: expected UTF-8, found the byte 0xe9. Write it in UTF-8, as other cells are, or leave such rows out with --on-error skip."),
    "the same in the header": ("ü,ö,é,y\n1,2,3,p\n2,1,3,q\n".encode().replace("é".encode(), b"\xe9"), "data.csv:1: expected UTF-8, found the byte 0xe9. Name the encoding, such as --encoding latin-1, or write all files in UTF-8."),
    "utf-16 without a mark": (IRIS.encode("utf-16-le"), "data.csv: expected UTF-8, found what looks like UTF-16 without a mark. Add --encoding utf-16-le."),
    "utf-16-be without a mark": (IRIS.encode("utf-16-be"), "data.csv: expected UTF-8, found what looks like UTF-16 without a mark. Add --encoding utf-16-be."),
    "utf-32-le without a mark": (IRIS.encode("utf-32-le"), "data.csv: expected UTF-8, found what looks like UTF-32 without a mark. Add --encoding utf-32-le."),
    "utf-32-be without a mark": (IRIS.encode("utf-32-be"), "data.csv: expected UTF-8, found what looks like UTF-32 without a mark. Add --encoding utf-32-be."),
    "a zero byte in a name": ("a,b\0,y\n1,2,p\n2,1,q\n", "data.csv:1: expected text, found a zero byte in the first row. Write the file again: it is damaged, or not a text."),
    "utf-16 that is cut off": (IRIS.encode("utf-16")[:-1], "data.csv: expected text in utf-16, found other bytes. Name another one with --encoding."),
    "empty": (b"", "data.csv: the file is empty."),
    "blank": (b"\n \n", "data.csv: the file is empty."),
    "header only": ("a,b,y\n", "data.csv: no rows below the header."),
    "one class": ("a,y\n1,p\n2,p\n", "data.csv: target column 'y': expected two or more classes, found only 'p'. Choose another column with --target."),
    "no feature": ("y\np\nq\n", "data.csv: no column is left to learn from beside the target 'y'. Drop fewer columns."),
    "no target": ("a,b\n1,2\n", "data.csv: expected a column called label, target, class or y; found a and b. Name the target with --target."),
    "twelve columns": (",".join("abcdefghijkl") + "\n" + "1," * 11 + "1\n", "data.csv: expected a column called label, target, class or y; found a, b, c, d, e, f, g, h, i, j and 2 more. Name the target with --target."),
    "two targets": ("a,y,label\n1,2,3\n", "data.csv: several columns could be the target: y and label. Choose one with --target."),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_each_error_has_its_text(case: str) -> None:
    data, message = ERRORS[case]
    assert complaint(data) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "speces"}, "--target: no column is called 'speces'. Did you mean 'species'?"),
        ({"target": "zzz"}, "--target: no column is called 'zzz'. The columns are length, width and species."),
        ({"target": "3"}, "--target: expected a position from -3 to 2, found 3."),
        ({"target": "species", "drop": ("with",)}, "--drop: no column is called 'with'. Did you mean 'width'?"),
        ({"target": "species", "categorical": ("q",)}, "--categorical: no column is called 'q'. The columns are length, width and species."),
        ({"target": "species", "drop": ("species",)}, "--drop: 'species' is the target column. Name another one with --target."),
        ({"target": "species", "drop": ("length", "width")}, "data.csv: no column is left to learn from beside the target 'species'. Drop fewer columns."),
    ],
)  # fmt: skip
def test_each_option_error_has_its_text(options: dict[str, Any], message: str) -> None:
    assert complaint(IRIS, **options) == message


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "+1"), ("1", "1e0"), ("1000", "1e3"), ("0", "-0"), ("2", "2.00"), ("True", "TRUE"), ("-3", "-3.0")],
)
def test_equal_numbers_are_one_class_however_they_are_written(one: str, other: str) -> None:
    found = load("a,y\n" + f"1,{one}\n2,{other}\n3,x\n" * 5)
    assert found.classes == (one, "x")


@pytest.mark.parametrize(("one", "other"), [("01", "1"), ("1.10", "1.1"), ("1e", "1"), ("e5", "5"), ("1E400", "1")])
def test_codes_that_look_alike_stay_apart(one: str, other: str) -> None:
    assert len(load("a,y\n" + f"1,{one}\n2,{other}\n3,x\n" * 5).classes) == 3


def test_a_model_of_0_and_1_knows_false_and_true_and_the_other_way_round(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [(i, i % 2) for i in range(40)]
    Path("n.csv").write_text("a,y\n" + "".join(f"{a},{y}\n" for a, y in rows))
    Path("b.csv").write_text("a,y\n" + "".join(f"{a},{bool(y)}\n" for a, y in rows))
    for own, other in (("n.csv", "b.csv"), ("b.csv", "n.csv")):
        assert nncli("train", own, "--epochs", 3, "-q", "-o", "m.npz").code == 0
        one, two = (nncli("eval", "m.npz", file, "--json", "-q").json for file in (own, other))
        assert one["accuracy"] == two["accuracy"]
        assert one["confusion_counts"] == two["confusion_counts"]


def test_a_count_of_the_columns_above_whole_numbers_is_a_header_where_no_row_would_be_so() -> None:
    rows = [(i * 7 % 50 - 20, i * 11 % 40 - 9, 7 + i % 2) for i in range(60)]
    text = "0,1,2\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    found = load(text, target="-1")
    assert (len(found), found.schema.names, found.classes) == (60, ("0", "1"), ("7", "8"))
    small = load("0,1\n" + "".join(f"{i % 2},{i // 2 % 2}\n" for i in range(60)), target="-1")  # as of xor
    assert len(small) == 61
    assert any("the first row, 0, 1, is read as data" in note for note in small.notes)


def test_stdin_is_called_stdin() -> None:
    with pytest.raises(NncliError, match=r"^stdin:3: expected 2 columns, found 1\."):
        read_dataset("-", CsvOptions(), stream=io.BytesIO(b"a,y\n1,p\n2\n"))


@pytest.mark.parametrize(("odd", "said"), [(["3,5"], True), (["3,5", "2,25"], True), (["3,5"] * 10, False), (["0,125", "3,5"], False)])  # fmt: skip
def test_a_few_decimals_among_what_may_be_thousands_are_told(odd: list[str], said: bool) -> None:
    """Of 100 cells as 4,522 one is 3,5: a slip of the pen would make all others 1,000 times smaller."""
    cells = [f"{i % 9 + 1},{i * 7 % 900 + 100}" for i in range(100)] + odd
    notes = load("price;b;label\n" + "".join(f"{cell};{i};{'pq'[i % 2]}\n" for i, cell in enumerate(cells))).notes
    line = "is read as 1.100, as '3,5' stands among them: if 1100 is meant"
    assert any(note.startswith("warning: column 'price': '1,100' ") and line in note for note in notes) == said


@pytest.mark.parametrize(
    ("targets", "expected"),
    [("pq", "a class"), ("78", "a class or a number"), (("7.5", "8"), "a number")],
    ids=["words", "whole numbers", "fractions"],
)
def test_a_missing_target_is_asked_for_by_what_the_others_are(targets: Sequence[str], expected: str) -> None:
    rows = "".join(f"{i},{targets[i % 2]}\n" for i in range(20))
    assert f":22: target column 'y': expected {expected}, found an empty cell" in complaint(f"a,y\n{rows}3,\n")
