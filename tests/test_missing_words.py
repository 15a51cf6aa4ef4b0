"""Words for a missing value among numbers and dates: one error names them all, and its advice is enough."""

from __future__ import annotations

import re
import shlex
from typing import Any

import numpy as np
import pytest

from csv_reading import complaint, load
from nncli.config.file_kinds import Columns
from nncli.data.csv.missing_words import stands_for_missing


def table(first: list[str], second: list[str]) -> str:
    """Write a table whose columns a and b begin with these cells."""
    numbers = [str(i * 7 % 30) for i in range(30)]
    rows = [*zip(first, second, strict=True), *zip(numbers, numbers, strict=True)]
    return "a,b,class\n" + "".join(f"{a},{b},{'xy'[i // 2 % 2]}\n" for i, (a, b) in enumerate(rows))


CASES = {
    "errors of a spreadsheet": (["#N/A", "5", "#DIV/0!"], ["1", "#REF!", "2"], "#N/A,#DIV/0!,#REF!"),
    "errors of a German one": (["#NV", "5", "#WERT!"], ["1", "#BEZUG!", "2"], "#NV,#WERT!,#BEZUG!"),
    "a column that was too narrow": (["#####", "5", "6"], ["1", "2", "3"], "#####"),
    "words of five sorts": (["unknown", "-", "k.A."], ["missing", ".", "n.c."], "unknown,-,k.A.,missing,.,n.c."),
    "another word that comes again": (["raté", "n/a", "raté"], ["1", "2", "3"], "raté,n/a"),
    "a word with a comma": (["n/a", "no, sir", "no, sir"], ["1", "2", "3"], 'n/a,"no, sir"'),
}


@pytest.mark.parametrize("case", CASES)
def test_all_words_for_a_missing_number_are_told_at_once(case: str) -> None:
    first, second, words = CASES[case]
    text = table([f'"{cell}"' for cell in first], second)
    error = complaint(text)
    assert error.startswith(f"data.csv:2: column 'a': expected a number, found '{first[0]}'. Add --missing ")
    given = Columns().read(shlex.split(re.findall(r"--missing ('.*?'|\S+)(?: for|, read)", error)[0])[0])
    assert {*given} == {*Columns().read(words)}
    found = load(text, missing=given).table.numbers
    digits = [[cell if cell.isdigit() else "nan" for cell in cells] for cells in (first, second)]
    np.testing.assert_array_equal(found[:3], np.array(digits, float).T)


def test_they_are_told_of_dates_too() -> None:
    text = "a,b,class\n" + "".join(f"2024-01-{i + 1:02d},{i},{'xy'[i % 2]}\n" for i in range(20))
    text += "-,#N/A,x\n?,k.A.,y\n"
    assert "Add --missing '#N/A,k.A.,-' for all such words, " in complaint(text)
    assert len(load(text, missing=("-", "#N/A", "k.A."))) == 22


def test_words_far_below_are_told_too() -> None:
    rows = [("n/a" if i == 5 else "none" if i == 1800 else i, i * 7 % 11, "xy"[i % 2]) for i in range(2000)]
    text = "a,b,class\n" + "".join(f"{a},{b},{y}\n" for a, b, y in rows)
    assert "Add --missing n/a,none for all such words, " in complaint(text)


def test_what_is_no_word_for_a_missing_value_is_not_told() -> None:
    """A word that comes once may be a fault, a total is no row, and nothing is told that is missing already."""
    error = complaint(table(["n/a", "O", "NA"], ["1", "2", "3"]) + "Total,9,x\n")
    assert "Add --missing n/a, read" in error
    cities = table(["Bern", "Rom", "Bern"], ["n/a", "2", "3"])
    assert "Add --missing Bern,n/a for all such words, " in complaint(cities)


def test_a_word_of_another_column_is_told_only_if_it_stands_for_a_missing_value() -> None:
    assert "Add --missing n/a, read" in complaint(table(["n/a", "2", "3"], ["Bern", "Bern", "4"]))


def test_a_comment_among_the_rows_is_still_one() -> None:
    row = "#the second part,3,x"
    assert "it seems to be a comment" in complaint(table(["1"], ["2"]) + row + "\n")


@pytest.mark.parametrize("word", ["low", "red", "Bern", "m", "#3", "# a comment", "A/B", "no", "yes", "€/kg"])
def test_other_words_stand_for_themselves(word: str) -> None:
    assert not stands_for_missing(word)


CODES = ["DE", "FR", "ZA", "NA"] * 20


def notes_of_codes(cells: list[str], others: list[str], **options: Any) -> list[str]:
    rows = [f"{cell},{others[i % len(others)]},{'xy'[i // 3 % 2]}\n" for i, cell in enumerate(cells)]
    found = load("a,b,class\n" + "".join(rows), **options)
    return [note for note in found.notes if "--no-missing" in note]


def test_a_country_that_is_called_na_is_told_and_the_advice_reads_it() -> None:
    told = "'NA' is read as a missing value, and all others are codes of two letters (--no-missing NA if it is one)"
    assert notes_of_codes(CODES, ["1", "5", "3"]) == [f"column 'a': {told}"]
    assert not notes_of_codes(CODES, ["1", "5", "3"], no_missing=("NA",))
    far = [*["EU", "AS", "SA"] * 500, *CODES]
    assert notes_of_codes(far, ["1", "5", "3"]) == [f"column 'a': {told}"]
    states = notes_of_codes(CODES, ["BY", "BE", "NA"])
    assert [note.partition(":")[0] for note in states] == ["column 'a'", "column 'b'"]


@pytest.mark.parametrize(
    ("cells", "others"),
    [
        (["DE", "NA"] * 20, ["1", "5"]),  # one code alone
        (["De", "Fr", "NA"] * 20, ["1", "5"]),
        (["DE", "CHE", "NA"] * 20, ["1", "5"]),
        (["DE", "FR", "ZA"] * 20, ["1", "5"]),
        (["DE", "FR", "", "N/A"] * 20, ["1", "5"]),
        (CODES, ["1", "5", "NA"]),  # as R writes missing values
        (CODES, ["fine", "good", "NA"]),
        (["1", "2", "NA"] * 20, ["1", "5"]),
    ],
)
def test_na_among_other_texts_is_missing_without_a_word(cells: list[str], others: list[str]) -> None:
    assert not notes_of_codes(cells, others)


def test_a_group_that_is_called_na_is_read_as_advised() -> None:
    text = "a,b,class\n" + "".join(f"{cell},{i * 7 % 11},{'xy'[i // 3 % 2]}\n" for i, cell in enumerate(CODES))
    assert complaint(text, group="a").endswith("--on-error skip; add --no-missing NA if that is a group.")
    assert len(load(text, group="a", no_missing=("NA",))) == 80
    assert "--no-missing" not in complaint(text.replace("DE", "1").replace("FR", "2").replace("ZA", "3"), weight="a")


def test_an_error_value_among_texts_is_told_and_the_advice_works() -> None:
    text = "a,b,class\n" + "".join(
        f"{'#DIV/0!' if i % 9 == 0 else '#N/A' if i % 9 == 3 else 'uv'[i % 2]},{i % 5},{'xy'[i // 2 % 2]}\n"
        for i in range(60)
    )
    assert "column 'a': '#DIV/0!' is read as a category (--missing '#DIV/0!,#N/A' if it is missing)" in load(text).notes
    found = load(text, missing=("#DIV/0!", "#N/A"))
    assert not [note for note in found.notes if "category" in note]
    assert (found.table.texts["a"].codes < 0).sum() == 14
    classes = text.replace(",x\n", ",#N/A\n", 5)
    told = "'#N/A' is read as a class (--missing '#N/A' --on-error skip leaves its rows out)"
    assert f"warning: target column 'class': {told}" in load(classes).notes
    assert load(classes, missing=("#N/A",), on_error="skip").classes == ("x", "y")


@pytest.mark.parametrize("text", ["#1", "#", "##", "#fun", "C#", "#blessed!!"])
def test_other_texts_with_a_hash_are_texts(text: str) -> None:
    rows = "".join(f"{[text, 'u', 'v'][i % 3]},{i % 5},{'xy'[i // 2 % 2]}\n" for i in range(60))
    assert not [note for note in load("a,b,class\n" + rows).notes if "category" in note]


def test_the_error_of_a_terminal_is_no_comment() -> None:
    assert "Add --missing '#N/A N/A'" in complaint(table(["#N/A N/A"], ["1"]))
