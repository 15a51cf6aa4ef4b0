"""What is advised about a cell that cannot be read leads out, and does not do harm."""

from pathlib import Path

import pytest

from csv_reading import complaint, load
from nncli.data.csv.torn_cell import torn_text

CITY = "a,city,b,class\n" + "".join(f"{i * 7 % 31},Rome,{i * i % 17},{'xy'[i // 2 % 2]}\n" for i in range(60))
TORN = (
    "column 'b': expected a number, found 'FR'. If 'Paris,{}FR' is one cell, quote it, and look for the cell that is "
    "missing behind it, or leave such rows out with --on-error skip, read the column as text with --categorical b, or "
    "leave it out with --drop b."
)


@pytest.mark.parametrize("blank", [" ", ""])
def test_a_text_that_its_comma_cut_in_two_is_no_missing_value(blank: str) -> None:
    text = CITY.replace("21,Rome,9,y\n", f"21,Paris,{blank}FR,9\n")
    assert text != CITY
    assert complaint(text) == "data.csv:5: " + TORN.format(blank)
    assert len(load(text, on_error="skip")) == 59  # as advised
    assert len(load(text.replace(f"Paris,{blank}FR,9", f'"Paris,{blank}FR",9,y'))) == 60


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("11,Rome,none,x", ""),  # the others are in their places
        ("11,Rome, none,x", "Rome, none"),
        ("11,Rome,none,7", "Rome,none"),
        ("11, Rome, none,x", ""),  # so are all cells written there
        ("11,Rome,none,", ""),
        ("none,Rome,11,x", ""),
    ],
)
def test_a_row_is_torn_only_where_it_shows(row: str, found: str) -> None:
    cells = row.split(",")
    place = next(i for i, cell in enumerate(cells) if "none" in cell)
    assert torn_text(cells, place, ["number", "text", "number", "text"], ",", ".") == found


@pytest.mark.parametrize(
    ("cell", "advice"),
    [
        ("3M", "Write it as a plain number, without 'M'"),
        ("5 kg", "Write it as a plain number, without 'kg'"),
        ("$7", "Write it as a plain number, without '$'"),
        ("<5", "Correct it"),
        ("none", "Add --missing none"),
        ("not known", "Add --missing 'not known'"),
        ("=#REF!", "Add --missing '=#REF!'"),
    ],
)
def test_a_number_with_a_unit_is_no_missing_value(cell: str, advice: str) -> None:
    text = CITY.replace("21,Rome,9,y\n", f"{cell},Rome,9,y\n")
    as_text = "read the column as text with --categorical a, or leave it out with --drop a."
    assert complaint(text) == f"data.csv:5: column 'a': expected a number, found '{cell}'. {advice}, {as_text}"


def test_nor_is_it_in_a_column_of_categories() -> None:
    rows = ["2.5K", "2500", "2M", "2.5k"] * 10
    text = "size,b,class\n" + "".join(f"{cell},{i},{'xy'[i // 4 % 2]}\n" for i, cell in enumerate(rows))
    [note] = [note for note in load(text, only=("size",)).notes if "'size': read" in note]
    assert "--missing" not in note
    assert "'2500'" not in note  # which is a plain number
    assert "write plain numbers, as 1234.5" in note


def test_rows_in_another_encoding_than_the_rest_are_to_be_written_in_that(tmp_path: Path) -> None:
    """To read all of them as Latin-1 would make ZÃ¼rich of the others."""
    good = [f"{'Zürich' if i % 2 else 'Genève'},{i},{'xy'[i // 2 % 2]}\n".encode() for i in range(40)]
    bad = [*good[:9], "Zürich,9,y\n".encode("latin-1"), *good[10:]]
    text = b"city,pop,class\n" + b"".join(bad)
    advice = "Write it in UTF-8, as other cells are, or leave such rows out with --on-error skip."
    assert complaint(text) == f"data.csv:11: expected UTF-8, found the byte 0xfc. {advice}"
    assert len(load(text, on_error="skip")) == 39
    assert len(load(text.replace(bad[9], good[9]))) == 40
