"""Columns whose cells can be read as numbers, but may be meant otherwise: codes, versions, phone numbers, dates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csv_reading import complaint, load
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import Dataset
from nncli.data.load import load_dataset
from spelled_tables import notes_of, table


def kind_of(data: Dataset) -> str:
    return dict(data.schema.columns).get("a", "left out")


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["1A10", "1E10", "2E5", "3B7"], "cells are codes: '1E10' stands beside '1A10'"),
        (["1E10", "2E5", "1A10"], "cells are codes: '1E10' stands beside '1A10'"),
        (["00E1", "12E4", "FF01", "1234"], "cells are codes: '00E1' stands beside 'FF01'"),
        (["1001", "01003", "12345"], "cells begin with 0"),
        (["0", "2208", "02208", "3111"], "cells begin with 0"),
        (["00501", "94103"], "cells begin with 0"),
    ],
)
def test_codes_among_which_some_are_numbers_are_categories(cells: list[str], why: str) -> None:
    found = load(table(cells * 10))
    assert kind_of(found) == "text"
    assert notes_of(found) == [f"column 'a': read as categories, as its {why} (--numeric reads numbers)"]
    assert found.table.texts["a"].values == tuple(cells)


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (["1E10", "2E5", "3E7"], "'1E10' is read as 10000000000 (--categorical keeps codes apart)"),
        (["12", "3e4"], "'3e4' is read as 30000 (--categorical keeps codes apart)"),
        (["1.1", "1.10", "1.2"], "'1.1' and '1.10' are one number (--categorical keeps versions and codes apart)"),
        (["1.8", "1.9", "1.10"], "'1.10' is read as 1.1 (--categorical keeps versions and codes apart)"),
        (["250.01", "250.10", "250.1"], "'250.1' and '250.10' are one number "
         "(--categorical keeps versions and codes apart)"),
        (["20240131", "19991224"], "'20240131' is read as a number (--date-format %Y%m%d reads dates)"),
        (["202401", "199912"], "'202401' is read as a number (--date-format %Y%m reads dates)"),
        (["04.2022", "12.2023", "11.2022"], "'04.2022' is read as a number (--date-format %m.%Y reads months)"),
        (["4.00E+12", "8.71E+12"], "'4.00E+12' is read as 4000000000000, and several rows have it, as Excel shortens "
         "long codes: write all digits into the file, or leave the column out with --drop"),
        (["12345", "1.23E+15"], "'1.23E+15' is read as 1230000000000000, and several rows have it, as Excel shortens "
         "long codes: write all digits into the file, or leave the column out with --drop"),
        (["4.2022", "12.1999"], "'4.2022' is read as a number (--date-format %m.%Y reads months)"),
    ],
)  # fmt: skip
def test_numbers_that_may_be_something_else_are_said(cells: list[str], note: str) -> None:
    found = load(table(cells * 10))
    assert kind_of(found) == "number"
    assert f"column 'a': {note}" in notes_of(found)
    if "--categorical" in note:  # which keeps what it says
        assert load(table(cells * 10), categorical=("a",)).table.texts["a"].values == tuple(cells)


@pytest.mark.parametrize("form", ["55{:05}", "4917{:07}", "+1555{:07}", "4000123412{:06}"])
def test_phone_numbers_are_said(form: str) -> None:
    found = load(table([form.format(i * 791) for i in range(40)]))
    assert kind_of(found) == "number"
    assert any("(--drop leaves out phone numbers" in note for note in notes_of(found))


@pytest.mark.parametrize(
    "cells",
    [["1e-05", "2.5E+10", "3"], ["1.25E+10", "3.50E+09"], ["1.234E+12", "2.345E+13"],
     ["1.50", "2.25", "3.00"], ["5", "5.0", "2.5"], ["0.5", "0.05", "10.0"],
     ["250000", "1200000"], ["202413", "100001"], ["13.2022", "4.2023"],
     ["4.2022", "12.2022"], ["0", "00", "1"], ["-01", "5"]],
)  # fmt: skip
def test_plain_numbers_are_read_without_a_word(cells: list[str]) -> None:
    found = load(table(cells * 10))
    assert kind_of(found) == "number"
    assert not notes_of(found)


@pytest.mark.parametrize(
    ("form", "cell", "day"),
    [("%Y%m%d", "20240131", 19753), ("%d%m%Y", "01021970", 31), ("%m.%Y", "02.1970", 31), ("%m.%Y", "3.1970", 59)],
)
def test_dates_of_figures_are_read_where_their_format_is_told(form: str, cell: str, day: int) -> None:
    found = load(table([cell] * 20), date_format=form)
    assert found.table.dates["a"][0] == day  # 54 years with 13 leap days, and 30 days; 31 days
    assert notes_of(found) == [f"column 'a': dates, read as {form}; '{cell}' is {np.datetime64(day, 'D')}"]


def test_numbers_that_are_no_dates_of_a_format_stay_numbers() -> None:
    assert complaint(table(["20240131", "123"] * 10), date_format="%Y%m%d") == (
        "--date-format: data.csv has no column of dates written as %Y%m%d. Correct it."
    )


@pytest.mark.parametrize("form", ["{}%", "{} %", "{}.0", "{} kg", "${}"])
def test_only_whole_numbers_count_rows(form: str) -> None:
    found = load(table([form.format(i) for i in range(40)]))
    assert kind_of(found) == "number"


def test_whole_numbers_that_grow_by_one_count_rows() -> None:
    [note] = notes_of(load(table([str(i) for i in range(40)])))
    assert note == "column 'a': left out, as it counts the rows (--numeric keeps it)"


PLAIN = "write plain numbers, as 1234.5, or dates, as 2024-01-31, to learn from them"
PAIRS = "write each number into a column of its own, as 1234.5, to learn from them"
UNREAD_PAIRS = {
    "ranges": ["10-20", "20-30", "30-50"],
    "fractions": ["1/2", "3/4", "12/7"],
    "blood pressure": ["122/75", "135/90", "118/64"],
    "sizes": ["20x30 cm", "20 x 40 cm", "30×30"],
}
UNREAD = {
    "hexadecimal": ["0x1F", "0x2A", "0xFF", "0xA0"],
    "of Fortran": ["1.5D+03", "2.5D+01", "3.0D-02"],
    "limits": ["<5", "<10", ">100"],
    "feet and inches": ["5'11\"", "6'0\"", "5'8\""],
    "months of years, or days of months": ["Jan-24", "Feb-24", "Mar-23", "Dec-21"],
    "days of months": ["21 Apr", "3 Sept", "30 May", "7 June"],
    "a percent sign in front": ["%45", "%5", "%7.5"],
    "with a spread": ["1.5±0.1", "2±0.25", "3.25±1"],
    "fractions behind whole numbers": ["1 1/2", "2", "3/4", "10-1/2"],
    "of mixed lengths": ["45:10", "1:02:03", "12:30"],
}


@pytest.mark.parametrize("case", [*UNREAD, *UNREAD_PAIRS])
def test_texts_that_look_like_numbers_are_said(case: str) -> None:
    cells, advice = (UNREAD[case], PLAIN) if case in UNREAD else (UNREAD_PAIRS[case], PAIRS)
    note = f"its cells look like numbers in a form that is not read ('{cells[0]}'): {advice}"
    assert notes_of(load(table(cells * 10))) == [f"column 'a': read as categories, though {note}"]
    assert not notes_of(load(table(cells * 10), categorical=("a",)))


@pytest.mark.parametrize(
    ("form", "advice"),
    [("0x{:X}", PLAIN), ("{}.5D+03", PLAIN), ("{}/7", PAIRS), ("{}-500", PAIRS), ("{} janv. 2024", PLAIN)],
)
def test_that_texts_look_like_numbers_is_said_where_they_are_left_out(form: str, advice: str) -> None:
    [note] = notes_of(load(table([form.format(i + 10) for i in range(40)])))
    assert note.startswith("column 'a': left out, as nearly all of its texts are different (--categorical keeps it), ")
    assert note.endswith(f"though they look like numbers in a form that is not read ('{form.format(10)}'): {advice}")


@pytest.mark.parametrize("first", [7, 80618])  # with a zero in front, and without
def test_codes_that_are_left_out_are_called_codes(first: int) -> None:
    text = table([f"{i * 1009 % 90_000:05}" for i in range(first, first + 60)])
    [note] = notes_of(load(text))
    ways = "--numeric reads them as numbers, --categorical keeps them"
    why = f"nearly all of its codes, some of which begin with 0, are different ({ways})"
    assert note == f"column 'a': left out, as {why}"
    assert load(text, numeric=("a",)).table.numbers[:2, 0].tolist() == [
        first * 1009 % 90_000,
        (first + 1) * 1009 % 90_000,
    ]


@pytest.mark.parametrize(
    "cells",
    [["A1", "A2", "B1"], ["BH-98", "BH-7", "BH-12"], ["1A10", "2B5", "7C3"], ["12 Main St", "3 Side Rd", "8 High St"],
     ["2024Q1", "2024Q2"], ["1 - low", "2 - middle", "3 - high"], ["low", "1/2", "high"], ["x1F", "x2A"],
     ["Marker 2", "Mayor 1", "Decision 3"], ["+1-555-1234", "+49-171-5551", "+1-555-9876"]],
)  # fmt: skip
def test_codes_and_names_are_categories_without_a_word(cells: list[str]) -> None:
    found = load(table(cells * 10))
    assert kind_of(found) == "text"
    assert not notes_of(found)


@pytest.mark.parametrize(
    ("form", "cells", "day"),
    [
        ("%Y-%m", ["1970-02", "1999-12"], 31),
        ("%Y/%m", ["1970/03", "1999/12"], 59),
        ("'%b %Y'", ["Jan 1970", "Dec 1999"], 0),
        ("'%B %Y'", ["February 1970", "May 1999"], 31),
    ],
)
def test_months_are_said_and_what_is_advised_reads_them(form: str, cells: list[str], day: int) -> None:
    dates = f"look like dates in a form that is not read ('{cells[0]}'): add --date-format {form} to learn from them"
    assert notes_of(load(table(cells * 10))) == [f"column 'a': read as categories, though its cells {dates}"]
    found = load(table(cells * 10), date_format=form.strip("'"))
    assert found.table.dates["a"][0] == day


@pytest.mark.parametrize(
    ("cells", "words", "missing"),
    [
        (["$1.99", "$3", "Free", "$12.50", "Call us"], "'Free' and 'Call us'", "'Free,Call us'"),
        (["5 kg", "7 kg", "light"], "'light'", "light"),
        (["45%", "3%", "n. a."], "'n. a.'", "'n. a.'"),
    ],
)
def test_words_among_numbers_with_a_unit_are_said(cells: list[str], words: str, missing: str) -> None:
    numbers = f"look like numbers except {words}: add --missing {missing} to learn from them"
    assert notes_of(load(table(cells * 10))) == [f"column 'a': read as categories, though its cells {numbers}"]
    found = load(table(cells * 10), missing=tuple(missing.strip("'").split(",")))
    assert kind_of(found) == "number"


def test_dates_of_figures_in_a_file_with_types_are_said_and_read(tmp_path: Path) -> None:
    path = str(tmp_path / "d.parquet")
    pq.write_table(pa.table({"a": [20240131, 19991224] * 20, "b": [1.5, 2, 3, 4] * 10, "class": ["p", "q"] * 20}), path)
    found = load_dataset((path,), CsvOptions(), "float32")
    assert "column 'a': '20240131' is read as a number (--date-format %Y%m%d reads dates)" in found.notes
    found = load_dataset((path,), CsvOptions(date_format="%Y%m%d"), "float32")
    assert found.table.dates["a"][0] == 19753


@pytest.mark.parametrize(
    "form", ["+49 171 55{}", "(654) 555-72{}", "978-3-16-1484{}-0", "10.152.101.{}", "0171 / 55 33 {}"]
)
def test_codes_of_figures_are_not_told_to_be_written_as_numbers(form: str) -> None:
    [note] = notes_of(load(table([form.format(i + 10) for i in range(40)])))
    assert note == "column 'a': left out, as nearly all of its texts are different (--categorical keeps it)"
    cells = [form.format(i + 10) for i in range(40)]
    assert kind_of(load(table(cells), categorical=("a",))) == "text"


@pytest.mark.parametrize(
    ("cells", "numbers", "note"),
    [
        (["EUR 5.–", "EUR 7.50", "EUR 12.–"], [5, 7.5, 12], "numbers with 'EUR', which is taken off; 'EUR 5.–' is"),
        (["5.-", "7.50", "-3.-"], [5, 7.5, -3], "numbers; '5.-' is"),
        (["5,-", "1.207,-", "7,50"], [5, 1207, 7.5],
         "numbers with a point between thousands and a comma as decimal sign; '5,-' is"),
        (["5.--", "12.—", "17.50"], [5, 12, 17.5], "numbers; '5.--' is"),
    ],
)  # fmt: skip
def test_a_dash_in_the_place_of_cents_is_none(cells: list[str], numbers: list[float], note: str) -> None:
    found = load(table([f'"{cell}"' for cell in cells * 10]))
    assert found.table.numbers[:3, 0].tolist() == numbers
    assert f"column 'a': {note} read as 5" in found.notes


@pytest.mark.parametrize("cells", [["5.-a", "7.-b"], ["12.-3", "13.-4"], ["x.-", "y.-"]])
def test_another_dash_behind_a_point_is_no_such_one(cells: list[str]) -> None:
    assert kind_of(load(table(cells * 10))) == "text"
