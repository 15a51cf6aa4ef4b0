"""A first row of whole numbers, as years are: names or data, and what was decided is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import load

Run = Callable[..., Any]
NAMES, DATA = "the first row names the columns: {} (--no-header reads it as data)", "the first row, {}, is read as data"


def rows(form: str = "{:.3f},{:.3f},{}", classes: str = "ab") -> str:
    numbers = ((i * 37 % 101 / 101, i * 53 % 103 / 103, classes[i % 2]) for i in range(60))
    return "".join(form.format(*row) + "\n" for row in numbers)


@pytest.mark.parametrize(
    ("first", "body", "names", "listed"),
    [
        ("2019,2020,class", rows(), ("2019", "2020"), "2019, 2020 and class"),
        ("2019,2020,species", rows(), ("2019", "2020"), "2019, 2020 and species"),
        ("2019,2020,2021", rows(), ("2019", "2020"), "2019, 2020 and 2021"),
        ("10,20,30", rows(classes="01"), ("10", "20"), "10, 20 and 30"),
        ("1,2,class", rows(), ("1", "2"), "1, 2 and class"),
        ("2019;2020;kind", rows("{:.3f};{:.3f};{}").replace(".", ","), ("2019", "2020"), "2019, 2020 and kind"),
    ],
)
def test_whole_numbers_above_fractions_are_names_and_that_is_said(
    first: str, body: str, names: tuple[str, ...], listed: str
) -> None:
    target = first.replace(";", ",").rpartition(",")[2]
    found = load(f"{first}\n{body}", target=target)
    assert found.schema.names == names
    assert len(found) == 60
    assert NAMES.format(listed) in found.notes
    data = load(f"{first}\n{body}", target="c2", header=False)  # as advised
    assert len(data) == 61


@pytest.mark.parametrize(
    ("first", "body", "is_said"),
    [
        ("5,0,a", rows(), False),  # a class that comes again
        ("0,1,c", rows(), False),  # within the range of the others
        ("2019,0.4,c", rows(), False),  # a fraction
        ("2019,2019,c", rows(), False),  # one name twice
        ("12,7,1", rows("{:.2f},{:.2f},{}", "01"), True),
    ],
)
def test_a_first_row_that_may_be_data_is_data(first: str, body: str, is_said: bool) -> None:
    found = load(f"{first}\n{body}", target="c2")
    assert len(found) == 61
    told = DATA.format(", ".join(first.split(",")))
    assert any(note.startswith(told) for note in found.notes) == is_said
    if is_said:
        assert len(load(f"{first}\n{body}", target="1", header=True)) == 60


def test_a_model_of_years_reads_files_with_those_names(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("2019,2020,kind\n" + rows())
    Path("turned.csv").write_text("2020,2019\n" + rows("{1:.3f},{0:.3f}"))
    assert nncli("train", "d.csv", "-t", "kind", "-m", "softmax", "--epochs", 2).code == 0
    answers = nncli("predict", "model.npz", "d.csv").out
    assert answers.count("\n") == 61
    refused = nncli("predict", "model.npz", "turned.csv")
    assert (refused.code, refused.out) == (1, "")
    assert "may be a row of data, or a header in another order than in training" in refused.err
    assert nncli("predict", "model.npz", "-", stdin=rows("{:.3f},{:.3f}")).out == answers
