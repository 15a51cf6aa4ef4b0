"""Numbers as people write them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csv_reading import blocks, complaint, load
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import measured, schema_of
from nncli.data.load import load_dataset
from nncli.errors import NncliError
from spelled_tables import first, notes_of, table

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("by_each_parser")
WHOLE = ["7", "3", "11", "5"]
READ: dict[str, tuple[list[str], list[float]]] = {
    "commas between thousands": (["900", "1,011", "3,083,000"], [900, 1011, 3083000]),
    "and a decimal point": (["1,234.5", "2.25", "12"], [1234.5, 2.25, 12]),
    "decimal commas": (["2,5", "1,25", "3"], [2.5, 1.25, 3]),
    "three decimals behind a comma, with a zero in front": (["0,125", "3,5", "1,011"], [0.125, 3.5, 1.011]),
    "points between thousands, twice": (["1.761.485", "-3.201", "12"], [1761485, -3201, 12]),
    "points between thousands, and a decimal comma": (["1.234,5", "7,25", "2"], [1234.5, 7.25, 2]),
    "blanks between thousands": (["1 234", "12 000 000", "5"], [1234, 12000000, 5]),
    "no-break blanks": (["1\u00a0234", "12\u202f000", "5"], [1234, 12000, 5]),
    "apostrophes": (["1'234.5", "2’000", "3"], [1234.5, 2000, 3]),
    "a unit": (["31 kg", "40kg", "5.5 kg"], [31, 40, 5.5]),
    "another unit": (["7 km/h", "12 km/h", "9.5 km/h"], [7, 12, 9.5]),
    "dollars": (["$3,954", "$12.50", "-$5"], [3954, 12.5, -5]),
    "euros behind": (["3.954,10 €", "12 €", "5,50 €"], [3954.1, 12, 5.5]),
    "a code of a currency": (["USD 5", "USD 1,000", "USD 2"], [5, 1000, 2]),
    "percent": (["45%", "3.5%", "100 %"], [45, 3.5, 100]),
    "a minus of typographers": (["−5", "3", "−2.5"], [-5, 3, -2.5]),
    "a dash for minus": (["–5", "3", "–2.5"], [-5, 3, -2.5]),
    "blanks of other kinds around": (["\u00a05", "3\u2003", "2.5"], [5, 3, 2.5]),
    "times of day": (["07:45", "18:30", "00:00"], [7.75, 18.5, 0]),
    "times of day up to the end of one": (["07:45", "24:00", "00:00"], [7.75, 24, 0]),
    "times of day up to the end of one, with seconds": (["07:45:36", "24:00:00", "0:00:00"], [7.76, 24, 0]),
    "times of day in German": (["07:45 Uhr", "18:30 Uhr", "0:00"], [7.75, 18.5, 0]),
    "times of day with seconds": (["07:45:36", "18:30:00", "0:00:00"], [7.76, 18.5, 0]),
    "twelve hours": (["7:45 AM", "12:30 pm", "12:00 am"], [7.75, 12.5, 0]),
    "negative in brackets": (["(5)", "3", "(2.5)"], [-5, 3, -2.5]),
    "negative in brackets, with thousands": (["(1,234)", "3", "12,000"], [-1234, 3, 12000]),
    "a currency before brackets": (["$(5)", "$3", "$(12)"], [-5, 3, -12]),
    "a currency within brackets": (["($5)", "$3", "($12.50)"], [-5, 3, -12.5]),
    "percent behind brackets": (["(5)%", "3%", "(2.5%)"], [-5, 3, -2.5]),
    "a minus behind": (["1,234.50-", "5.00", "7.00-"], [-1234.5, 5, -7]),
    "a minus behind, with decimal commas": (["1.234,50-", "5,00", "7,00-"], [-1234.5, 5, -7]),
    "hundreds of thousands as in India": (["1,00,000", "12,34,567", "5,000"], [100000, 1234567, 5000]),
    "and tens of millions, with decimals": (["1,00,00,000.5", "-90,000", "7"], [10000000.5, -90000, 7]),
    "rupees": (["₹1,50,000", "₹900", "₹12,345.5"], [150000, 900, 12345.5]),
    "hours beyond a day": (["37:15:00", "12:30:00", "101:00:36"], [37.25, 12.5, 101.01]),
    "minutes and seconds": (["45:15", "12:30", "03:06"], [45.25, 12.5, 3.1]),
    "Arabic digits": (["٥", "-٣", "٢٫٥"], [5, -3, 2.5]),
    "Arabic digits and thousands": (["١٬٢٣٤", "٩٠٠", "٣٬٠٠٠٬٥٠٠"], [1234, 900, 3000500]),
    "Devanagari digits among others": (["५", "3", "२.5"], [5, 3, 2.5]),
    "signs of full width": (["－５", "＋３", "２．５"], [-5, 3, 2.5]),
    "euros in brackets": (["(3.954,10 €)", "12 €", "(5,50 €)"], [-3954.1, 12, -5.5]),
    "times of laps": (["1:15.6", "0:30", "1:45.000"], [1.26, 0.5, 1.75]),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_numbers_are_read_as_people_write_them(case: str) -> None:
    cells, values = READ[case]
    found = load(table(cells * 10))
    assert first(found) == [float(np.float32(value)) for value in values * 10]
    assert notes_of(found) or {*"".join(cells)} <= {*"0123456789.\u00a0\u2003"}  # what is not plain is said


def test_what_is_decided_is_said() -> None:
    assert notes_of(load(table(["900", "1,011"] * 10))) == ["column 'a': numbers with a comma between thousands"]
    assert notes_of(load(table(["3 kg", "4 kg"] * 10))) == ["column 'a': numbers with 'kg', which is taken off"]
    assert notes_of(load(table(["07:45", "18:30"] * 10))) == ["column 'a': times of day, read as hours"]
    assert notes_of(load(table(["٥", "3"] * 10))) == ["column 'a': numbers in the digits of another script"]
    [note] = notes_of(load(table(["747", "1.854"] * 10)))  # which cannot be known
    assert note == "column 'a': '1.854' is read as 1.854; if it is 1854, add --thousands point"
    assert first(load(table(["747", "1.854"] * 10), thousands="."))[:2] == [747, 1854]
    assert not notes_of(load(table(["0.747", "1.854"] * 10)))


@pytest.mark.parametrize(
    ("cells", "others", "delimiter", "is_likely"),
    [
        (["2.747", "1.854"], WHOLE, ";", True),  # between semicolons, people write decimal commas
        (["-747", "1.854"], WHOLE, ",", True),
        (["2.747", "1.854"], WHOLE, ",", False),
        (["747", "1.854"], ["0.5", "1.25"], ";", False),  # other decimals have points
        (["1747", "1.854"], WHOLE, ";", False),  # 1747 has no separator
    ],
)
def test_points_that_probably_stand_between_thousands_are_warned_of(
    cells: list[str], others: list[str], delimiter: str, is_likely: bool
) -> None:
    text = table(cells * 10, others, delimiter)
    reading = "column 'a': '1.854' is read as 1.854; if it is 1854, add --thousands point"
    [note] = notes_of(load(text))
    assert note.replace("2.747", "1.854").replace("2747", "1854") == (
        f"warning: {reading}, else --decimal point" if is_likely else reading
    )
    assert not notes_of(load(text, decimal="."))


def test_quoted_commas_before_three_figures_each_stand_between_thousands_unless_told() -> None:
    cells = ['"7,425"', '"12,000"', "5"] * 10
    found = load(table(cells, delimiter=","))
    assert notes_of(found) == ["column 'a': numbers with a comma between thousands"]
    assert first(found)[:3] == [7425, 12000, 5]
    assert first(load(table(cells, delimiter=","), decimal=","))[:3] == [np.float32(7.425), 12, 5]


def test_lists_of_answers_that_are_read_as_decimals_are_warned_of() -> None:
    cells = ['"2,4"', '"3,5"', "2", '"1,10"'] * 10
    note = "warning: column 'a': '2,4' is read as 2.4, and not as 2 and 4 (--categorical a keeps lists)"
    assert note in notes_of(load(table(cells, delimiter=",")))
    assert load(table(cells, delimiter=","), categorical=("a",)).table.texts["a"].values == ("2,4", "3,5", "2", "1,10")


@pytest.mark.parametrize(
    "cells", [['"2,4"', '"5,3"', '"1,7"'], ['"1,25"', '"1,5"', '"2,125"'], ['"0,4"', '"1,5"', '"2,7"']]
)
def test_decimal_commas_in_quotes_are_no_lists(cells: list[str]) -> None:
    found = load(table(cells * 10, delimiter=","))
    assert not [note for note in notes_of(found) if "lists" in note]
    assert found.schema.columns[0] == ("a", "number")


def test_what_makes_a_number_negative_is_said() -> None:
    assert notes_of(load(table(["(5)", "3"] * 10))) == [
        "column 'a': numbers with − or brackets for minus; '(5)' is read as -5"
    ]
    assert notes_of(load(table(["$3", "$1,234-"] * 10))) == [
        "column 'a': numbers with a comma between thousands and '$', which is taken off; '$1,234-' is read as -1234"
    ]
    assert notes_of(load(table(["45:10", "12:30"] * 10))) == ["column 'a': durations m:s, read as minutes"]
    assert notes_of(load(table(["37:15:00", "2:00:00"] * 10))) == ["column 'a': durations h:m:s, read as hours"]


def test_a_dash_for_a_missing_number_is_no_minus() -> None:
    found = load(table(["1,234", "900", "-", "3,083", "12", "7", "8", "9", "10", "11"] * 10), missing=("-",))
    assert first(found)[:2] == [1234, 900]
    assert "Add --missing -" in complaint(table(["1,234", *map(str, range(90, 110)), "-"]))


@pytest.mark.parametrize("cells", [["(1)", "(2)", "(3)"], ["²", "½"], ["1-", "2-", "2+", "2"]])
def test_numbers_of_items_and_marks_are_not_negative(cells: list[str]) -> None:
    found = load(table([*cells, *cells, "x", "y"] * 10), categorical=())
    assert found.schema.columns[0] == ("a", "text")


def test_a_comma_that_could_be_either_is_asked_about() -> None:
    cells, others = ["900", "1,011"] * 10, ["2,5", "3,75"]
    assert complaint(table(cells, others)) == (
        "--thousands: data.csv: column 'a': '1,011' can be 1011 or 1.011. Add --thousands comma, or --decimal comma."
    )
    assert first(load(table(cells, others), decimal=","))[:2] == [900, float(np.float32(1.011))]
    assert first(load(table(cells, others), thousands=","))[:2] == [900, 1011]


def test_thousands_in_a_file_with_decimal_commas_have_points() -> None:
    found = load(table(["900", "1.011"] * 10, ["2,5", "3,75"]))
    assert first(found)[:2] == [900, 1011]
    assert found.table.numbers[1, 1] == 3.75


def test_what_later_rows_need_can_be_told() -> None:
    late = ["900"] * 1500 + ["1,011"]
    assert complaint(table(late)) == (
        "data.csv:1502: column 'a': expected a number, found '1,011'. Add --thousands comma, read the column as text "
        "with --categorical a, or leave it out with --drop a."
    )
    assert first(load(table(late), thousands=","))[-1] == 1011


@pytest.mark.parametrize(
    "cells",
    [["BH-98", "BH-7"], ["12 Main St", "3 Side Rd"], ["31 kg", "40 lb"], ["1a", "2b"], ["3 x 4", "2 x 5"],
     ["25:10", "31:70"], ["5-10", "11-20"], ["<5", "5"], ["1,01", "1.01"], ["(1)", "(2)"], ["2-", "1+"],
     ["1(5)", "(5)3"], ["5(", "5)"], ["(5", "5 -"], ["-(5)", "(-5)"], ["45:10", "1:02:03"],
     ["1,0000", "2,3456,789"], ["10,00,00", "1,00"]],
)  # fmt: skip
def test_what_is_no_number_stays_text(cells: list[str]) -> None:
    found = load(table([*cells, "x", "y"] * 10))
    assert found.schema.columns[0] == ("a", "text")


def test_a_unit_is_that_of_later_rows_too(nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = [f"{20 + i % 40} kg" for i in range(200)]
    rows = "".join(f"{cell},{'heavy' if int(cell[:2]) > 40 else 'light'}\n" for cell in cells)
    Path("d.csv").write_text("w,class\n" + rows)
    assert nncli("train", "d.csv", "-q", "-o", "m.npz", "--epochs", "200").code == 0
    Path("new.csv").write_text("w\n58 kg\n58\n21 kg\n21kg\n")
    assert nncli("predict", "m.npz", "new.csv", "-q").out.split()[1:] == ["heavy", "heavy", "light", "light"]
    Path("bad.csv").write_text("w\n58 kg\n128 lb\n")
    outcome = nncli("predict", "m.npz", "bad.csv")
    assert outcome.code == 1
    assert (
        "bad.csv:3: column 'w': expected a number (numbers with 'kg', which is taken off), found '128 lb'"
        in outcome.err
    )


def test_several_units_are_said() -> None:
    assert notes_of(load(table(["31 kg", "40 lb", "12 kg"] * 10))) == [
        "column 'a': read as categories, as its numbers have several units: kg, lb"
    ]
    assert not notes_of(load(table(["31 kg", "heavy", "light"] * 10)))


def test_a_percent_sign_may_not_be_left_out() -> None:
    schema = load(table(["45%", "5%"] * 10)).schema
    [block] = blocks("a,b\n30%,1\n", schema)
    assert block.table.numbers[0, 0] == 30
    with pytest.raises(NncliError, match="expected a number"):
        blocks("a,b\n0.3,1\n", schema)


def test_leading_zeros_say_code() -> None:
    assert load(table(["00501", "94103"] * 10)).schema.columns[0] == ("a", "text")
    assert load(table(["501", "94103"] * 10)).schema.columns[0] == ("a", "number")
    assert load(table(["0", "1"] * 10)).schema.columns[0] == ("a", "number")
    assert load(table(["00501", "94103"] * 10), numeric=("a",)).schema.columns[0] == ("a", "number")


@pytest.mark.parametrize("dictionary", [False, True])
def test_text_in_a_file_with_types_is_text(dictionary: bool, tmp_path: Path) -> None:
    cells = pa.array(["501", "94103", "10001"] * 10)
    cells = cells.dictionary_encode() if dictionary else cells
    path = tmp_path / "d.parquet"
    pq.write_table(pa.table({"zip": cells, "x": list(range(30, 0, -1)), "class": ["p", "q"] * 15}), path)
    found = load_dataset((str(path),), CsvOptions(), "float32")
    assert dict(found.schema.columns)["zip"] == "text"
    assert dict(load_dataset((str(path),), CsvOptions(numeric=("zip",)), "float32").schema.columns)["zip"] == "number"


def test_whole_numbers_beside_decimal_commas_are_plain() -> None:
    found = load(table([str(i % 9) for i in range(40)], ["2,5", "3,75"]))
    assert not notes_of(found)
    assert not found.schema.spellings
    [block] = blocks("a;b\n1,5;2,5\n", found.schema)
    assert block.table.numbers.tolist() == [[1.5, 2.5]]


@pytest.mark.parametrize(
    "cells", [["123.121.192.143", "10.0.0.1", "8.8.8.8"], ["7.134.12", "8.1.2", "7.0.123"], ["4.0K", "14K", "2M"]]
)
def test_addresses_versions_and_magnitudes_are_no_thousands(cells: list[str]) -> None:
    found = load(table(cells * 10))
    assert found.schema.columns[0] == ("a", "text")
    assert found.schema.decimal == "."


@pytest.mark.parametrize(("trained", "later"), [(["8.900", "12.000"], "8,900"), (["1,234", "12,000"], "1.234")])
def test_thousands_of_another_sign_are_refused_later(trained: list[str], later: str) -> None:
    others = ["2,5", "3,75"] if "." in trained[0] else ["2.5", "3.75"]
    data = load(table(trained * 10, others))
    low_high = dataclasses.replace(data.schema, profile=measured(data.schema, data.table).profile)
    with pytest.raises(NncliError, match="expected a whole number, as all were in training"):
        blocks(f"a\tb\n{later}\t{others[0]}\n", low_high)


@pytest.mark.parametrize(
    ("trained", "later"),
    [
        (["(5)", "3", "(2.5)"], {"(7)": -7, "-7": -7, "12": 12}),
        (["37:15:00", "12:30:00"], {"100:45:00": 100.75}),
        (["1,00,000", "5,000"], {"12,00,000": 1200000, "(3)": -3, "1,000,000": 1000000}),
    ],
)
def test_later_rows_are_read_as_those_of_training(trained: list[str], later: dict[str, float]) -> None:
    schema = schema_of(dataclasses.asdict(load(table(trained * 10)).schema))  # as a model has it
    for cell, number in later.items():
        [block] = blocks(f"a\tb\n{cell}\t1.5\n", schema)
        assert block.table.numbers[0, 0] == number
