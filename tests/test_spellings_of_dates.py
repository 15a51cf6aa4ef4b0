"""Dates and times as people write them."""

from __future__ import annotations

import pytest

from csv_reading import complaint, load
from spelled_tables import notes_of, table

pytestmark = pytest.mark.usefixtures("by_each_parser")

DATES: dict[str, tuple[list[str], list[float]]] = {
    "month first": (["4/21/2026", "1/2/1970"], [20564, 1]),  # 20564: 2026-04-21, 56 years with 14 leap days + 110
    "day first": (["21/4/2026", "2/1/1970"], [20564, 1]),
    "two figures for the year": (["4/21/26", "1/2/70"], [20564, 1]),
    "with points": (["21.04.26", "2.1.70"], [20564, 1]),
    "with points, and a time": (["21.04.26 18:00", "02.01.70 06:00"], [20564.75, 1.25]),
    "with lines": (["21-04-26", "02-01-70"], [20564, 1]),
    "month first, with lines": (["04-21-26", "01-02-70"], [20564, 1]),
    "year first, with lines": (["26-04-21", "70-01-02"], [20564, 1]),
    "with a time": (["4/21/2026 18:00", "1/2/1970 06:00"], [20564.75, 1.25]),
    "as a spreadsheet of the USA": (["4/21/2026 6:00 PM", "1/2/1970 6:00 AM"], [20564.75, 1.25]),
    "months by name": (["21 Apr 2026", "2 Jan 1970"], [20564, 1]),
    "months by name, first": (["April 21, 2026", "January 2, 1970"], [20564, 1]),
    "a zone by name": (["2026-04-21 18:00:00 UTC", "1970-01-02 06:00:00 UTC"], [20564.75, 1.25]),
}


@pytest.mark.parametrize("case", DATES)
def test_dates_are_read_as_people_write_them(case: str) -> None:
    cells, days = DATES[case]
    assert load(table(cells * 10)).table.dates["a"].tolist() == days * 10


def test_a_date_that_could_be_either_is_asked_about() -> None:
    cells = ["4/5/2026", "3/2/2026"] * 10
    assert complaint(table(cells)) == (
        "--date-format: data.csv: column 'a': '4/5/2026' can be 2026-04-05 (%m/%d/%Y) or 2026-05-04 (%d/%m/%Y). "
        "Add --date-format %m/%d/%Y, or the other."
    )
    assert load(table(cells), date_format="%d/%m/%Y").table.dates["a"][0] == 20577  # 4 May: 13 days later
    assert load(table(cells), categorical=("a",)).schema.columns[0] == ("a", "text")


def test_the_date_that_is_asked_about_has_two_meanings() -> None:
    assert "'4/5/2026' can be 2026-04-05 (%m/%d/%Y) or 2026-05-04" in complaint(table(["1/1/2026", "4/5/2026"] * 10))


def test_lines_between_two_figures_each_are_asked_about() -> None:
    cells = ["05-01-24", "06-02-23"] * 10
    assert complaint(table(cells)) == (
        "--date-format: data.csv: column 'a': '05-01-24' can be 2024-01-05 (%d-%m-%y) or "
        "2024-05-01 (%m-%d-%y) or 2005-01-24 (%y-%m-%d). "
        "Add --date-format %d-%m-%y, or another of these."
    )
    assert (
        load(table(cells), date_format="%y-%m-%d").table.dates["a"][0] == 12807
    )  # 2005-01-24: 35 years, 9 leap days, 23 days


@pytest.mark.parametrize("form", ["{day:02}-05-26", "26-05-{day:02}", "{day:02}.05.26", "26.05.{day:02}"])
def test_a_column_has_more_days_than_years(form: str) -> None:
    found = load(table([form.format(day=day) for day in range(1, 25)]))
    assert found.table.dates["a"][3] == 20577  # 4 May 2026


def test_a_format_of_dates_that_no_column_has_is_refused() -> None:
    # dates that are read without it too: 2 and 3 February 2026
    for iso in (["2026-02-02", "2026-02-03"], ["2026-2-2", "2026-2-3"], ["2026-02-02 00:00", "2026-02-03 00:00"]):
        form = "%Y-%m-%d %H:%M" if ":" in iso[0] else "%Y-%m-%d"
        found = load(table(iso * 10), date_format=form)
        assert [*found.table.dates["a"][:2]] == [20486, 20487]
        assert f"column 'a': dates, read as {form}; '{iso[0]}' is 2026-02-02" in found.notes
    assert [*load(table(["2026-02-03"] * 10), date_format="%Y-%d-%m").table.dates["a"][:1]] == [20514]  # 2 March
    assert complaint(table(["4/21/2026", "1/2/2026"] * 10), date_format="%Y") == (
        "--date-format: data.csv has no column of dates written as %Y. Correct it."
    )


@pytest.mark.parametrize("beyond", ["24:01", "25:00", "31:30"])
def test_only_the_end_of_a_day_is_a_time_of_one(beyond: str) -> None:
    [note] = notes_of(load(table(["07:45", "18:30", beyond] * 10)))
    assert note == "column 'a': durations m:s, read as minutes"
