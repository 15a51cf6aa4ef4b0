# ruff: noqa: E501  (a case stands on one line)
"""Sheets of Excel files are read as the CSV that says the same; what they do not say is refused with its cell."""

from __future__ import annotations

import csv
import datetime
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import assert_same_rows
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from short_and_long import some_short
from workbooks import DATE, DATE_TIME, Raw, sheet, styled, write

Run = Callable[..., Any]
HEADER = ["n", "x", "flag", "word", "when", "label"]
DAY_1 = 46023  # of Excel: the first of January 2026, as 45658 is that of 2025
WORDS = ["a,b", 'say "no"', "größe & co", "x"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def rows(n: int = 60) -> list[list[Any]]:
    return [
        [i % 7, None if i % 11 == 3 else i / 8, i % 3 == 0, WORDS[i % 4], styled(DAY_1 + i % 30, DATE), "pq"[i % 2]]
        for i in range(n)
    ]


def write_both(n: int = 60) -> None:
    """The same table as d.xlsx and as d.csv, whose dates are written by Python."""
    write("d.xlsx", {"data": sheet([HEADER, *rows(n)])})
    with Path("d.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for i, row in enumerate(rows(n)):
            date = datetime.date(2026, 1, 1) + datetime.timedelta(i % 30)
            writer.writerow(
                [
                    "" if row[1] is None and j == 1 else v
                    for j, v in enumerate([*row[:2], str(row[2]).lower(), row[3], date, row[5]])
                ]
            )


def test_a_sheet_is_read_as_the_csv_that_says_the_same() -> None:
    write_both(700)
    found, plain = (load_dataset((name,), CsvOptions(), "float32") for name in ("d.xlsx", "d.csv"))
    assert_same_rows(found, plain)
    assert {*found.table.dates, *found.table.texts} == {"when", "flag", "word"}
    assert "sheet: data" in found.notes


def test_a_model_predicts_and_is_evaluated_on_sheets_as_on_csv(nncli: Run) -> None:
    write_both()
    assert nncli("train", "d.xlsx", "-m", "softmax", "--epochs", "3", "-q", "-o", "m.npz").code == 0
    assert (
        nncli("predict", "m.npz", "d.xlsx", "--keep", "word,n").out
        == nncli("predict", "m.npz", "d.csv", "--keep", "word,n").out
    )
    assert nncli("eval", "m.npz", "d.xlsx", "-q", "--json").json["n"] == 60
    assert nncli("eval", "m.npz", "-q", "--json").json["n"] == 9
    small = nncli("train", "d.xlsx", "-m", "softmax", "--epochs", "3", "-q", "-o", "s.npz", "--memory", "300MB")
    assert small.code == 0, small.err
    assert nncli("predict", "s.npz", "d.csv").out == nncli("predict", "m.npz", "d.csv").out


@pytest.mark.parametrize(("cells", "value"), [
    (styled(DAY_1 + 0.5, DATE_TIME), "2026-01-01 12:00:00"),
    (0.1, "0.1"),
    (12345678901, "12345678901"),
    (-3.0, "-3"),
    (True, "true"),
    ("00501", "00501"),
    (Raw('<c r="REF" t="e"><v>#N/A</v></c>'), ""),
    (Raw('<c r="REF" t="str"><f>A1</f><v>text</v></c>'), "text"),
    (Raw('<c r="REF"><f>1+1</f><v>2</v></c>'), "2"),
])  # fmt: skip
def test_a_cell_is_read_as_what_it_holds(nncli: Run, cells: Any, value: str) -> None:
    write("d.xlsx", {"s": sheet([["a", "b"], [1, 2], [3, cells], [5, 6]])})
    write("t.xlsx", {"s": sheet([["a", "label"], *([i, "pq"[i % 2]] for i in range(40))])})
    assert nncli("train", "t.xlsx", "-m", "softmax", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    out = nncli("predict", "m.npz", "d.xlsx", "--keep", "b", "-q").out
    assert out.splitlines()[2].rsplit(",", 1)[0] == value


def test_of_several_sheets_one_is_to_be_named(nncli: Run) -> None:
    table = sheet([["a", "label"], *([i, "pq"[i % 2]] for i in range(40))])
    other = sheet([["what", "who"], ["x", "y"]])
    write("one.xlsx", {"about": sheet([]), "rows": table, "old": other}, hidden=["old"])
    assert nncli("train", "one.xlsx", "-m", "softmax", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    write("two.xlsx", {"about": other, "my rows": table})
    for command in (["train"], ["eval", "m.npz"], ["predict", "m.npz"]):
        outcome = nncli(*command, "two.xlsx", "-q")
        assert (outcome.code, outcome.err) == (
            1, "two.xlsx: expected one sheet, found 'about' and 'my rows'. Choose one with --sheet, "
            "or for --val-data and --test-data save it as a file of its own.\n"
        )  # fmt: skip
        done = nncli(*command, "two.xlsx", "--sheet", "my rows", "-q")
        assert done.code == 0, done.err
    assert (
        nncli("train", "two.xlsx", "--sheet", "rows").err
        == "--sheet: two.xlsx has no sheet 'rows'. Did you mean 'my rows'?\n"
    )
    assert (
        nncli("predict", "m.npz", "iris", "--sheet", "x").err
        == "--sheet: iris is a text table, which has no sheets. Leave it out.\n"
    )
    assert (
        nncli("train", "iris", "--sheet", "x").err
        == "--sheet: iris is a text table, which has no sheets. Leave it out.\n"
    )


def test_lines_before_the_table_can_be_skipped_and_rows_are_named_as_the_sheet_counts_them(nncli: Run) -> None:
    data = [["a", "label"], *([i, "pq"[i % 2]] for i in range(40))]
    write("d.xlsx", {"s": sheet([["Report"], [None], *data], first=3)})
    assert nncli("train", "d.xlsx", "--skip-rows", "3", "-m", "softmax", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    data[9][0] = "n/a"
    write("d.xlsx", {"s": sheet(data, first=3)})
    assert (
        nncli("train", "d.xlsx")
        .err.splitlines()[-1]
        .startswith("d.xlsx:12: column 'a': expected a number, found 'n/a'.")
    )


ERROR, NO_RESULT = Raw('<c r="REF" t="e"><f>1/0</f><v>#DIV/0!</v></c>'), Raw('<c r="REF"><f>A2+1</f></c>')


@pytest.mark.parametrize(("edit", "line"), [
    (lambda d: d[4].__setitem__(0, ERROR), "d.xlsx: sheet 's', cell A5: expected a value, found #DIV/0!. Correct its formula, or clear the cell."),
    (lambda d: d[4].__setitem__(1, NO_RESULT), "d.xlsx: sheet 's', cell B5: expected a value, found a formula whose result is not in the file. "),
    (lambda d: d[4].__setitem__(0, Raw('<c r="XFD1048576"><v>1</v></c>')), "d.xlsx: the sheet takes more than 200 times the size of the file in memory. Delete the cells far from the table."),
    (lambda d: d.insert(4, [None, None]), "d.xlsx:5: expected a row, found an empty one. Delete it."),
    (lambda d: d.pop(0), "d.xlsx:1: expected a row with the names of the columns, found '0, p', as in rows below. Insert one above it."),
    (lambda d: d.__setitem__(0, [1, 2]), "d.xlsx:1: expected a row with the names of the columns, found numbers. Insert one above it."),
    (lambda d: d.clear(), "d.xlsx: expected a sheet with a table, found none. "),
])  # fmt: skip
def test_what_a_sheet_does_not_say_is_refused_with_its_cell(
    nncli: Run, edit: Callable[[list[Any]], Any], line: str
) -> None:
    data: list[list[Any]] = [["a", "label"], *([i, "pq"[i % 2]] for i in range(40))]
    edit(data)
    write("d.xlsx", {"s": sheet(data)})
    outcome = nncli("train", "d.xlsx", "-m", "softmax", "-q")
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1].startswith(line)


NO_VALUE = Raw('<c r="REF" t="e"><f>SUMM(A1)</f><v>#NAME?</v></c>')


def faulty(fault: Any, column: int, n: int = 60) -> None:
    """A sheet with a fault in the fifth row, which is row 6 there, in one of its columns a, b, c, label."""
    data: list[list[Any]] = [["a", "b", "c", "label"], *([i % 7, i % 5, f"t{i % 3}", "pq"[i % 2]] for i in range(n))]
    data[5][column] = fault
    write("d.xlsx", {"s": sheet(data)})


@pytest.mark.parametrize("fault", [ERROR, NO_RESULT, NO_VALUE], ids=["#DIV/0!", "no result", "#NAME?"])
@pytest.mark.parametrize(("column", "options", "code"), [
    (0, [], 1), (1, [], 1), (2, [], 1), (3, [], 1), (0, ["--drop", "b"], 1),
    (0, ["--drop", "a"], 0), (2, ["--drop", "c"], 0), (1, ["--only", "a,c"], 0), (3, ["--target", "c", "--only", "a"], 0),
])  # fmt: skip
@pytest.mark.parametrize("n", some_short([60, 3000], 1))
def test_a_fault_matters_in_a_column_that_is_used(
    nncli: Run, fault: Any, column: int, options: list[str], code: int, n: int
) -> None:
    faulty(fault, column, n)
    done = nncli("train", "d.xlsx", "-m", "softmax", "--epochs", "1", "-q", *options)
    assert done.code == code
    assert done.err.startswith(f"d.xlsx: sheet 's', cell {'ABCD'[column]}6: expected a value, found ") == bool(code)
    if code:
        done = nncli("train", "d.xlsx", "-m", "softmax", "--epochs", "1", "--on-error", "skip", *options)
        assert done.code == 0
        assert f"cell {'ABCD'[column]}6: left out: expected a value, found " in done.err


@pytest.mark.parametrize("fault", [ERROR, NO_RESULT, NO_VALUE], ids=["#DIV/0!", "no result", "#NAME?"])
def test_a_fault_costs_its_row_alone_in_predictions(nncli: Run, fault: Any) -> None:
    faulty("t0", 2)
    nncli("train", "d.xlsx", "--epochs", "1", "--drop", "b")
    plain = nncli("predict", "model.npz", "d.xlsx").out.splitlines()
    for column in 1, 3:  # the column that was dropped, and the labels
        faulty(fault, column)
        done = nncli("predict", "model.npz", "d.xlsx")
        assert (done.code, len(done.out.splitlines())) == (0, len(plain))
    faulty(fault, 0)
    refused = nncli("predict", "model.npz", "d.xlsx")
    assert (refused.code, len(refused.out.splitlines())) == (1, 5)  # the header, and the rows before it
    blank = nncli("predict", "model.npz", "d.xlsx", "--on-error", "blank")
    assert [*blank.out.splitlines()[:5], *blank.out.splitlines()[6:]] == [*plain[:5], *plain[6:]]
    assert blank.out.splitlines()[5] == '""'


def test_a_column_of_faults_is_not_left_out_in_silence(nncli: Run) -> None:
    """As a program that computes no formulas writes it."""
    for place in range(2):
        header = ["a", "b", "label"]
        data = [[*(NO_RESULT if place == j else i % (5 + j) for j in range(2)), "pq"[i % 2]] for i in range(60)]
        write("d.xlsx", {"s": sheet([header, *data])})
        done = nncli("train", "d.xlsx", "--epochs", "1")
        assert f"cell {'AB'[place]}2: expected a value, found a formula whose result is not in the file" in done.err
        assert nncli("train", "d.xlsx", "--epochs", "1", "--drop", header[place]).code == 0


def test_a_fault_at_the_edge_of_a_sheet_is_one_too(nncli: Run) -> None:
    data: list[list[Any]] = [["a", "label"], *([i % 7, "pq"[i % 2]] for i in range(60))]
    write("d.xlsx", {"s": sheet([*data, [None, NO_RESULT]])})
    assert "cell B62: expected a value" in nncli("train", "d.xlsx").err
    write("d.xlsx", {"s": sheet([["a", ERROR], *data[1:]])})
    assert "cell B1: expected a value" in nncli("train", "d.xlsx").err
    write("d.xlsx", {"s": sheet([[None, NO_RESULT], *data])})
    assert "cell B1: expected a value" in nncli("train", "d.xlsx").err
    assert nncli("train", "d.xlsx", "--skip-rows", "1", "--epochs", "1").code == 0
    write("d.xlsx", {"s": sheet([[NO_RESULT if i == 3 else None, *row] for i, row in enumerate(data)])})
    assert "cell A4: expected a value" in nncli("train", "d.xlsx").err
    write("d.xlsx", {"s": sheet([[ERROR, None], *data])})
    assert nncli("train", "d.xlsx", "--skip-rows", "1", "--epochs", "1").code == 0


def test_a_fault_that_no_library_reads_is_named(nncli: Run) -> None:
    faulty(Raw('<c r="REF" t="e"><v>#SPILL!</v></c>'), 1)
    done = nncli("train", "d.xlsx", "--drop", "b")
    assert done.err.startswith("d.xlsx: sheet 's', cell B6: expected a value, found #SPILL!. Correct its formula, or")


def test_damaged_files_are_refused(nncli: Run) -> None:
    write("d.xlsx", {"s": sheet([["a", "label"], *([i, "pq"[i % 2]] for i in range(40))])})
    data = Path("d.xlsx").read_bytes()
    for at in range(40, len(data), 97):
        Path("d.xlsx").write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        outcome = nncli("train", "d.xlsx", "-m", "softmax", "--epochs", "1", "-q")
        assert outcome.code in (0, 1), at
        assert outcome.err.count("\n") <= 1


def test_without_calamine_its_name_is_told(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write_both()
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    line = "d.xlsx: reading Excel files needs python-calamine. Install it with: pip install 'nncli[excel]'.\n"
    assert nncli("train", "d.xlsx", "-q").err == line


@pytest.mark.parametrize(
    ("options", "lacking"),
    {
        "--quote '": "no choice of quotes",
        "--rows 1:2": "no choice of rows",
        "--encoding latin-1": "no choice of encodings",
        "--header-rows 2": "no rows of names",
    }.items(),
)
@pytest.mark.parametrize("command", ["train", "check", "predict m.npz", "eval m.npz"])
def test_what_only_text_has_is_refused_by_every_command(command: str, options: str, lacking: str, nncli: Run) -> None:
    rows = "".join(f'{{"x": {i}, "class": "{"pq"[i % 2]}"}}\n' for i in range(30))
    Path("d.jsonl").write_text(rows)
    if "m.npz" in command:
        assert nncli("train", "d.jsonl", "-m", "softmax", "--epochs", "1", "-q", "-o", "m.npz").code == 0
    outcome = nncli(*command.split(), "d.jsonl", *options.split())
    assert (outcome.code, outcome.err) == (
        2, f"{options.split()[0]}: d.jsonl is JSON Lines, which has {lacking}. Leave it out.\n"
    )  # fmt: skip


TITLES: dict[str, list[list[Any]]] = {
    "a title": [["Report 2024"]],
    "a title and an empty row": [["Report 2024"], [None]],
    "a name and a date beside it": [["Made by", "Ann", None, None], ["on", styled(DAY_1, DATE), None, None]],
    "a year": [[2024], [None]],
    "names of groups": [[None, "first", None, "second"]],
}


@pytest.mark.parametrize("target", [[], ["-t", "sold"], ["-t", "-1"]], ids=str)
@pytest.mark.parametrize("above", TITLES)
def test_rows_above_the_names_are_refused_with_the_option_that_leaves_them_out(
    above: str, target: list[str], nncli: Run
) -> None:
    name = "sold" if target else "class"
    table = [["day", "a", "b", name], *([styled(DAY_1 + i, DATE), i % 7, f"w{i % 3}", "pq"[i % 2]] for i in range(40))]
    write("d.xlsx", {"s": sheet([*TITLES[above], *table], first=2)})
    n = len(TITLES[above]) + 1  # and an empty row 1
    advice = f"Leave the {'row' if n == 2 else 'rows'} above out with --skip-rows {n}, or for --val-data and --test-data delete"
    line = f"d.xlsx:{n + 1}: expected the names of the columns at the top, found day, a, b and {name}. {advice} them.\n"
    assert nncli("train", "d.xlsx", *target).err == line
    done = nncli("train", "d.xlsx", *target, "--skip-rows", str(n), "--epochs", "1", "-o", "m.npz")
    assert done.code == 0, done.err
    assert "data: d.xlsx, 40 rows, 3 columns, 2 classes" in done.err
    assert nncli("predict", "m.npz", "d.xlsx").err == line
    assert len(nncli("predict", "m.npz", "d.xlsx", "--skip-rows", str(n)).out.splitlines()) == 41


@pytest.mark.parametrize(
    "header",
    [["day", None, None, "class"], [None, None, None, "class"], ["day", "a", "b", "class"], ["class", "day", "a", "b"]],
    ids=str,
)
def test_a_row_of_names_at_the_top_is_one_whatever_stands_below(header: list[Any], nncli: Run) -> None:
    rows = [[f"day {i % 5}", "xyz"[i % 3], i % 7, "pq"[i % 2]] for i in range(40)]
    write("d.xlsx", {"s": sheet([header, ["text", "text", "text", "class 1"], *rows])})
    done = nncli("train", "d.xlsx", "--only", "day" if "day" in header else "c0", "--epochs", "1")
    assert "--skip-rows" not in done.err


@pytest.mark.parametrize("first", [[1, "p"], [2.5, "q"], ["", "q"]])
def test_a_row_that_is_taken_for_the_names_is_refused(nncli: Run, first: list[Any]) -> None:
    write("d.xlsx", {"s": sheet([first, *([i, "pq"[i % 2]] for i in range(40))])})
    outcome = nncli("train", "d.xlsx", "--target", str(first[1]), "-q")
    cells = f"{first[0]}, {first[1]}"
    line = f"d.xlsx:1: expected a row with the names of the columns, found '{cells}', as in rows below. Insert one above it.\n"
    assert (outcome.code, outcome.err) == (1, line)


@pytest.mark.parametrize("names", [["country", 2019, "class"], ["c0", "n", "class"], ["country", "n", "p"]])
def test_a_header_of_which_a_part_comes_again_is_one(names: list[Any]) -> None:
    write("d.xlsx", {"s": sheet([names, *([f"c{i % 3}", i * i % 17, "pq"[i % 2]] for i in range(40))])})
    found = load_dataset(("d.xlsx",), CsvOptions(target=names[-1]), "float32")
    assert ({*found.schema.names}, found.classes) == ({*map(str, names[:2])}, ("p", "q"))


def test_the_names_in_the_first_row_are_what_the_option_header_says(nncli: Run) -> None:
    write_both()
    words = ["-m", "softmax", "--epochs", "2", "--json", "-q"]
    assert nncli("train", "d.xlsx", "--header", *words).json["n_train"] == 42
    refused = nncli("train", "d.xlsx", "--no-header", *words)
    line = "--header: d.xlsx is an Excel file, which has its names of columns at the top. "
    assert (refused.code, refused.err) == (2, line + "Insert a row with names, or save it as CSV.\n")
