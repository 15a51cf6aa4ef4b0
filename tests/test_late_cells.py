"""Cells written in another way than the first thousand of their column: named with their line, and the advice works."""

from __future__ import annotations

import re
from typing import Any

import pytest

from csv_reading import complaint, load

N = 1200
AS_TEXT = "read the column as text with --categorical p, or leave it out with --drop p."


def table(form: str, others: str, late: list[str]) -> str:
    cells = [*(form.format(1 + i % 9, 100 + i * 7 % 900) for i in range(N)), *late]
    rows = (f"{cell};{others.format(i % 7)};{'ab'[i % 2]}" for i, cell in enumerate(cells))
    return "\n".join(["p;x;class", *rows]) + "\n"


# how cells are written, and those of another column; the late cell, the number that it is, what is expected and advised
CASES = {
    "a decimal comma among thousands": (
        "{},{}", "{}.5", "1,25", 1.25, "a number (numbers with a comma between thousands)",
        "Write it as 1.25, as in other cells, or leave such rows out with --on-error skip",
    ),
    "a decimal comma among what may be decimals": (
        "{},{}", "{}", "1,25", 1.25, "a number (numbers with a comma between thousands)",
        "Write it as 1.25, or add --decimal comma if a comma is the decimal sign of all such cells",
    ),
    "millions among what may be decimals": (
        "{}.{}", "{}.5", "1.234.567", 1234567, "a number",
        "Write it as 1234567, or add --thousands point if a point stands between thousands in all such cells",
    ),
    "thousands among whole numbers": ("{}", "{}.5", "4,423", 4423, "a number", "Add --thousands comma"),
    "thousands between whole numbers alone": ("{}", "{}", "4,423", 4423, "a number", "Add --thousands comma"),
    "a blank between thousands": ("{}.{}", "{}", "1 234", 1234, "a number", "Write it as 1234"),
    "brackets": ("{}", "{}", "(5)", -5, "a number", "Write it as -5"),
}  # fmt: skip


@pytest.mark.parametrize("times", [1, 4], ids=["once", "down to the end"])
@pytest.mark.parametrize("case", CASES)
def test_a_number_in_another_form_is_told_and_each_advice_works(case: str, times: int) -> None:
    form, others, late, number, expected, advice = CASES[case]
    text = table(form, others, [late] * times)
    error = f"column 'p': expected {expected}, found '{late}'. {advice}, {AS_TEXT}"
    assert complaint(text) == f"data.csv:{N + 2}: {error}"
    for correct in re.findall(r"Write it as ([-\d.]+)", advice):
        assert load(table(form, others, [correct] * times)).table.numbers[N, 0] == number
    for option, value in re.findall(r"--(decimal|thousands) (\w+)", advice):
        sign = {"comma": ",", "point": "."}[value]
        assert load(text, **{option: sign}).table.numbers[N, 0] == number
    assert "p" in load(text, categorical=("p",)).table.texts
    assert load(text, drop=("p",)).schema.names == ("x",)
    assert len(load(text, on_error="skip")) == N


def test_words_down_to_the_end_may_be_another_table_or_missing_values() -> None:
    text = table("{}.{}", "{}.5", ["so so"] * 4)
    rows = f"If the table ends above it, read that alone with --rows 1:{N}"
    advice = f"{rows}. Add --missing 'so so', {AS_TEXT}"
    assert complaint(text) == f"data.csv:{N + 2}: column 'p': expected a number, found 'so so'. {advice}"
    assert len(load(text, rows=(1, N))) == N
    assert len(load(text, missing=("so so",))) == N + 4


@pytest.mark.parametrize("late", [[], ["900", "2,345"]], ids=["from the first", "later"])
@pytest.mark.parametrize("cells", [["4,423"], ["4,423", "1,234,567"], ["4,423", "12", "900"]])
def test_decimal_commas_are_never_proposed_for_thousands(cells: list[str], late: list[str]) -> None:
    rows = ["900"] * 1100 * bool(late) + [*(late or cells)] * 12
    text = "p,x,class\n" + "".join(f'"{cell}",{i % 7},{"ab"[i % 2]}\n' for i, cell in enumerate(rows))
    told: Any = complaint(text) if late else load(text).notes
    assert "decimal" not in str(told)
    found = load(text, thousands="," if late else None).table.numbers[:, 0]
    assert found[-1] == float(rows[-1].replace(",", ""))


@pytest.mark.parametrize(
    ("form", "late", "is_told"),
    [("{1}", "1.234", True), ("{1}", "1.23", False), ("{1}", "0.234", False), ("{1}000", "1.234", False),
     ("{0}.5", "1.234", False)],
)  # fmt: skip
def test_a_late_point_among_whole_numbers_may_stand_between_thousands(form: str, late: str, is_told: bool) -> None:
    text = table(form, "{}", [late, late])
    told = f"warning: column 'p': '{late}' is read as {late}, among whole numbers: if it is 1234, add --thousands point"
    assert (told in load(text).notes) == is_told
    if is_told:
        assert load(text, thousands=".").table.numbers[N, 0] == 1234
