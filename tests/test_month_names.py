"""Dates with the name of a month are read in the languages of western Europe."""

from __future__ import annotations

from datetime import date

import pytest

from csv_reading import blocks, complaint, load
from nncli.data.month_names import ENGLISH, NUMBERS
from spelled_tables import notes_of, table

DATES = {  # how they are written → as day, month, year; and as which format they are said to be read
    "German": (["5. Jan 2024", "7. März 2024", "4. Dez 2023"], "5/1/24 7/3/24 4/12/23", "%d. %b %Y"),
    "German in full": (["5. Januar 2024", "7. August 2024", "9. Mai 2024"], "5/1/24 7/8/24 9/5/24", "%d. %B %Y"),
    "German with points": (["5. Okt. 2024", "7. Sept. 2023"], "5/10/24 7/9/23", "%d. %b %Y"),
    "German with dashes": (["5-Okt-2024", "17-Mai-2023"], "5/10/24 17/5/23", "%d-%b-%Y"),
    "French": (["5 janv. 2024", "1er févr. 2024", "24 août 2023"], "5/1/24 1/2/24 24/8/23", "%d %b %Y"),
    "French in full": (["5 janvier 2024", "1er mai 2024", "3 juillet 2023"], "5/1/24 1/5/24 3/7/23", "%d %b %Y"),
    "Spanish": (["5 de enero de 2024", "1 de octubre de 2023"], "5/1/24 1/10/23", "%d %b %Y"),
    "Italian": (["5 gen 2024", "1 mag 2024", "9 ott 2023"], "5/1/24 1/5/24 9/10/23", "%d %b %Y"),
    "Portuguese": (["5 out 2024", "1 fev 2024", "9 dez 2023"], "5/10/24 1/2/24 9/12/23", "%d %b %Y"),
    "English": (["Jan. 5, 2024", "Sept. 7, 2024", "May 9, 2023"], "5/1/24 7/9/24 9/5/23", "%b %d, %Y"),
    "English in full": (["5 January 2024", "7 August 2023"], "5/1/24 7/8/23", "%d %B %Y"),
}  # fmt: skip


def days_of(text: str) -> list[int]:
    """Write days as 5/1/24 as days since 1970, which began on day 719163 of our calendar."""
    parts = [[*map(int, one.split("/"))] for one in text.split()]
    return [date(2000 + year, month, day).toordinal() - 719163 for day, month, year in parts]


@pytest.mark.parametrize("case", DATES)
def test_dates_are_read_in_several_languages(case: str) -> None:
    cells, days, form = DATES[case]
    found = load(table([f'"{cell}"' for cell in cells * 10]))
    assert found.table.dates["a"][: len(cells)].tolist() == days_of(days)
    day = date.fromordinal(days_of(days)[0] + 719163)
    assert f"column 'a': dates, read as {form}; '{cells[0]}' is {day}" in notes_of(found)
    [block] = blocks(f'a,b\n"{cells[0]}",1\n', found.schema)
    assert block.table.dates["a"].tolist() == days_of(days)[:1]
    told = load(table([f'"{cell}"' for cell in cells * 10]), date_format=form)
    assert told.table.dates["a"][: len(cells)].tolist() == days_of(days)


def test_months_of_years_are_read_by_the_format_that_is_advised() -> None:
    cells = ["März 2024", "Mai 2023", "Dez 2023"] * 10
    assert notes_of(load(table(cells)))[0].endswith("add --date-format '%b %Y' to learn from them")
    assert load(table(cells), date_format="%b %Y").table.dates["a"][:3].tolist() == days_of("1/3/24 1/5/23 1/12/23")


@pytest.mark.parametrize("cells", [["12. Straße 1999", "3. Gasse 2001"], ["5 mag 2024 rot", "7 set 2023 blau"]])
def test_other_words_are_no_months(cells: list[str]) -> None:
    assert "a" in load(table(cells * 10)).table.texts


def test_what_can_be_short_or_in_full_is_still_asked() -> None:
    assert "'5 May 2024' can be 2024-05-05 (%d %b %Y) or 2024-05-05 (%d %B %Y)" in complaint(
        table(["5 May 2024", "7 May 2024"] * 10)
    )


def test_no_name_of_another_language_is_that_of_another_month_in_english() -> None:
    for i, english in enumerate(ENGLISH):
        for short in (english.lower(), english[:3].lower()):
            assert NUMBERS.get(short, i) == i
