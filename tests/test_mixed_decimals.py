"""Decimal points beside decimal commas: what is refused is named with its line, and each advice leads out."""

import re
from pathlib import Path

import pytest

from csv_reading import complaint, load

AS_TEXT = "read the column as text with --categorical a, or leave it out with --drop a."
WRITE = "data.csv:{}: column 'a': expected a number, found '{}'. Write it as {}, as in other cells, or leave "
WRITE += f"such rows out with --on-error skip, {AS_TEXT}"


def table(cells: list[str], others: str = "{}.25") -> str:
    rows = (f"{cell};{others.format(i % 9)};{'pq'[i // 2 % 2]}" for i, cell in enumerate(cells))
    return "\n".join(["a;b;class", *rows]) + "\n"


HALF = ["4.59", "5,36", "8.24", "5,59"] * 20
WHOLE = [str(i * 7 % 31) for i in range(80)]


@pytest.mark.parametrize(
    ("cells", "others", "told", "line", "found", "right"),
    [
        (HALF, "{}", None, 3, "5,36", "5.36"),
        (HALF, "{}", ",", 2, "4.59", "4,59"),  # the option that used to be advised, whose error advised the other
        (HALF, "{}", ".", 3, "5,36", "5.36"),
        ([*WHOLE[:40], "5,36", *WHOLE[41:]], "{}.25", None, 42, "5,36", "5.36"),
        ([*WHOLE[:40], "5.36", *WHOLE[41:]], "{},25", None, 42, "5.36", "5,36"),
        (["1.5"] * 79 + ["2,25"], "{}", None, 81, "2,25", "2.25"),
    ],
)
def test_a_cell_with_the_other_sign_is_refused_with_its_line(
    cells: list[str], others: str, told: str | None, line: int, found: str, right: str
) -> None:
    text = table(cells, others)
    assert complaint(text, decimal=told) == WRITE.format(line, found, right)
    # as advised, in each of the four ways
    sign, other = (",", ".") if "," in right else (".", ",")
    corrected = re.sub(rf"(?m)^(\d+)\{other}(\d+);", rf"\1{sign}\2;", text)
    value = float(right.replace(",", "."))
    assert round(float(load(corrected, decimal=told).table.numbers[line - 2, 0]), 4) == value
    bad = sum(other in cell for cell in cells)
    assert len(load(text, decimal=told, on_error="skip")) == len(cells) - bad
    assert "a" in load(text, decimal=told, categorical=("a",)).table.texts
    assert load(text, decimal=told, drop=("a",)).schema.names == ("b",)


def test_where_no_other_number_shows_the_sign_the_option_is_advised_and_works() -> None:
    cells = [str(i * 7 % 31) for i in range(5000)]
    cells[4000] = "5,36"
    found = complaint(table(cells, "{}"))
    assert found == f"data.csv:4002: column 'a': expected a number, found '5,36'. Set --decimal comma, {AS_TEXT}"
    assert round(float(load(table(cells, "{}"), decimal=",").table.numbers[4000, 0]), 4) == 5.36
    cells[4500] = "5.36"  # and then it is not turned round
    assert complaint(table(cells, "{}"), decimal=",") == WRITE.format(4502, "5.36", "5,36")


@pytest.mark.parametrize(
    ("cells", "others"),
    [
        (["2,5" if i % 5 == 0 else str(i) for i in range(80)], "{}.25"),  # a fifth are no mistake
        (["2,5", "3", "4"] * 3, "{}.25"),
        (["2,5", *WHOLE[1:]], "{}"),  # nothing speaks against it
    ],
)
def test_columns_with_a_sign_of_their_own_are_read_as_before(cells: list[str], others: str) -> None:
    found = load(table(cells, others))
    assert float(found.table.numbers[0, 0]) == 2.5
    assert {"column 'a': numbers with a comma as decimal sign", "decimal sign: ,"}.intersection(found.notes)


def test_the_sign_of_most_numbers_is_that_of_the_file(tmp_path: Path) -> None:
    """One point in a column of whole numbers does not outvote eighty commas."""
    cells = ["5.36", *WHOLE[1:]]
    assert complaint(table(cells, "{},25")) == WRITE.format(2, "5.36", "5,36")
