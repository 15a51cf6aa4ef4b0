"""How dates are meant is said: the century of two figures, the zone of a time, a date that stands for none."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csv_reading import blocks, load
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import Dataset
from nncli.data.load import load_dataset
from nncli.data.spellings import spelling_of


def table(cells: list[str]) -> str:
    return "d,x,class\n" + "".join(f"{cell},{i * 7 % 5},{'pq'[i % 2]}\n" for i, cell in enumerate(cells))


def years(found: Dataset) -> list[int]:
    return [date.fromordinal(719163 + int(days)).year for days in found.table.dates["d"]]  # that of 1970-01-01


def about(found: Dataset) -> list[str]:
    return [note for note in found.notes if note.startswith("column 'd'")]


CENTURIES = {
    # year of two figures → year; and the years that are told
    "births": ([36, 60, 75, 99, 0, 5], [1936, 1960, 1975, 1999, 2000, 2005], "1936 to 2035"),
    "old births": ([20, 28, 37, 49, 60, 72, 84, 96, 5], [1920, 1928, 1937, 1949, 1960, 1972, 1984, 1996, 2005], "19"),
    "our days": ([10, 19, 27], [2010, 2019, 2027], "1936 to 2035"),
    "what will be": ([24, 31, 40], [2024, 2031, 2040], "1950 to 2049"),
    "last century": ([55, 68, 72, 99], [1955, 1968, 1972, 1999], "1936 to 2035"),
    "all of a century": ([*range(0, 100, 5)], [*range(2000, 2036, 5), *range(1940, 2000, 5)], "1936 to 2035"),
}


@pytest.mark.parametrize("form", ["03/21/{:02}", "21-Mar-{:02}"])
@pytest.mark.parametrize("case", CENTURIES)
def test_years_of_two_figures_stay_together(case: str, form: str) -> None:
    short, expected, told = CENTURIES[case]
    found = load(table([form.format(year) for year in short * 10]))
    assert years(found) == expected * 10
    [note] = about(found)
    assert f", with years from {told}" in note


def test_later_rows_are_of_the_same_century_on_whatever_day() -> None:
    found = load(table([f"03/21/{year:02}" for year in [36, 60, 75, 99, 0, 5] * 10]))
    [block] = blocks("d,x\n03/21/68,1\n03/21/34,1\n03/21/36,1\n", found.schema)
    assert [date.fromordinal(719163 + int(days)).year for days in block.table.dates["d"]] == [1968, 2034, 1936]


def test_the_century_is_stored_and_one_that_none_has_is_refused() -> None:
    stored = dict(load(table(["03/21/68"] * 20)).schema.spellings)["d"]
    assert spelling_of(vars(stored)) == stored
    with pytest.raises(ValueError, match="century"):
        spelling_of({**vars(stored), "last_year": 99})


def test_a_format_that_is_told_has_a_century_too() -> None:
    cells = [f"4/5/{year}" for year in (36, 60, 75, 99)] * 10
    assert years(load(table(cells), date_format="%d/%m/%y")) == [1936, 1960, 1975, 1999] * 10
    assert years(load(table(["360405", "600405"] * 10), date_format="%y%m%d")) == [1936, 1960] * 10


ZONES = {
    "a day later": ("2024-01-01T23:30:00-05:00", "2024-01-02 04:30:00"),
    "a day before": ("2026-03-01 00:30+02:00", "2026-02-28 22:30:00"),
    "the same day": ("2026-03-01 10:30+0200", "2026-03-01 08:30:00"),
}


@pytest.mark.parametrize("case", ZONES)
def test_times_of_another_zone_are_told_to_be_read_in_utc(case: str) -> None:
    cell, utc = ZONES[case]
    found = load(table([cell, cell.replace("30", "45", 1)] * 10))
    assert found.table.dates["d"][0] == (datetime.fromisoformat(utc) - datetime(1970, 1, 1)).total_seconds() / 86400
    assert about(found) == [
        f"column 'd': times with a zone are read in UTC: '{cell}' is {utc} "
        "(delete the zones from the file to use local times)"
    ]
    mixed = load(table([cell, "2024-01-05 10:00"] * 10))
    assert "and those without one count as UTC" in about(mixed)[0]


@pytest.mark.parametrize(
    "cell", ["2024-01-01T23:30:00Z", "2024-01-01T23:30:00+00:00", "2024-01-01T23:30", "2024-01-01"]
)
def test_of_times_in_utc_nothing_is_to_be_told(cell: str) -> None:
    assert about(load(table([cell, cell.replace("01", "02", 1)] * 10))) == []


def test_zones_in_other_formats_are_told(tmp_path: Path) -> None:
    cells = ["21.03.2026 23:30 -0500", "22.03.2026 23:30 -0500"] * 10
    assert (
        "'21.03.2026 23:30 -0500' is 2026-03-22 04:30:00"
        in about(load(table(cells), date_format="%d.%m.%Y %H:%M %z"))[1]
    )
    path = tmp_path / "d.parquet"
    times = pa.array([datetime(2026, 3, day + 1, 23) for day in range(20)], pa.timestamp("us", "America/Lima"))
    pq.write_table(pa.table({"d": times, "x": [1, 2] * 10, "class": ["p", "q"] * 10}), path)
    found = load_dataset((str(path),), CsvOptions(), "float32")
    assert about(found) == ["column 'd': its times are in the zone America/Lima, and are read in UTC"]


STAND_INS = {
    "no end": (["9999-12-31"], ["9999-12-31"]),
    "both ends": (["9999-12-31", "1900-01-01"], ["9999-12-31", "1900-01-01"]),
    "day first": (["31.12.9999"], ["31.12.9999"]),
    "not in a list": (["2222-03-04"], ["2222-03-04"]),
    "the first day of 1970": (["1970-01-01"], ["1970-01-01"]),
}


@pytest.mark.parametrize("case", STAND_INS)
def test_a_date_that_stands_for_none_is_told_and_the_advice_works(case: str) -> None:
    cells, told = STAND_INS[case]
    good = [f"20{year}-0{year % 9 + 1}-11" for year in range(10, 26)] * 3
    found = load(table([*good, *cells]))
    assert about(found) == [
        f"column 'd': '{cell}' is far from all other dates (--missing {cell} if it stands for a missing date)"
        for cell in told
    ]
    again = load(table([*good, *cells]), missing=tuple(told))
    assert about(again) == []
    assert int(np.isnan(again.table.dates["d"]).sum()) == len(cells)


@pytest.mark.parametrize(
    "cells",
    [
        ["1900-01-01", "1901-05-05", "1950-01-01", "2001-02-03"],  # old people
        ["2020-01-01", "2024-05-05", "2020-06-01"],
        ["1970-01-01", "1971-01-01", "1999-12-31"],
        ["2024-01-01", "9999-12-31"],  # a flag of two values
    ],
)
def test_dates_near_others_stand_for_themselves(cells: list[str]) -> None:
    assert about(load(table(cells * 10))) == []
