"""Codes whose first leading zero stands further down than the rows by which the kinds of columns are decided."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import load
from nncli.data.csv import header, reader
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import Dataset
from nncli.data.load import load_dataset
from short_and_long import some_short
from spelled_tables import notes_of, table

PLAIN = ["10001", "20002", "94103", "70112"] * 300
NOTE = "column 'a': read as categories, as its cell '{}' begins with 0 (--numeric reads numbers)"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def little_is_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a file far larger than a megabyte: its last rows are not there when the columns are decided."""
    monkeypatch.setattr(header, "SAMPLE_BYTES", 1 << 13)
    monkeypatch.setattr(reader, "BLOCK_BYTES", 1 << 13)


def kind_of(data: Dataset) -> str:
    return dict(data.schema.columns)["a"]


def of_files(*texts: str, **options: Any) -> Dataset:
    names = [f"{i}.csv" for i in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        Path(name).write_text(text)
    return load_dataset(names, CsvOptions(**options), "float32")


@pytest.mark.parametrize(
    ("cells", "late"), [(PLAIN, "00501"), (["12", "45", "77"] * 400, "07"), (["12", "450", "7"] * 400, "012")]
)
def test_codes_in_what_is_read_ahead_are_categories(cells: list[str], late: str) -> None:
    assert kind_of(load(table(cells))) == "number"
    found = load(table([*cells, late, cells[0]]))
    assert kind_of(found) == "text"
    assert NOTE.format(late) in notes_of(found)
    assert late in found.table.texts["a"].values
    assert kind_of(load(table([*cells, late]), numeric=("a",))) == "number"


@pytest.mark.usefixtures("little_is_read_ahead", "by_each_parser")
@pytest.mark.parametrize("late", ["00501", "07030"])
def test_codes_far_below_have_the_column_read_again(late: str) -> None:
    found = of_files(table([*PLAIN, *[late] * 9, *PLAIN]))
    assert kind_of(found) == "text"
    assert NOTE.format(late) in notes_of(found)
    assert {*found.table.texts["a"].values} == {*PLAIN, late}


WIDTHS = {
    "zip and zip+4": (["10001", "941031234", "70112"], "070301234"),
    "goods": (["12345", "123456", "1234"], "012345"),
    "counts beside": (["12", "450", "7", "0"], "012"),
}


@pytest.mark.usefixtures("little_is_read_ahead", "by_each_parser")
@pytest.mark.parametrize(("form", "delimiter"), some_short(itertools.product(["{}", '"{}"', "{} "], ",\t;|"), 4))
@pytest.mark.parametrize("name", WIDTHS)
def test_codes_of_several_widths_far_below_have_the_column_read_again(name: str, form: str, delimiter: str) -> None:
    cells, late = WIDTHS[name]
    found = of_files(table([*cells * 400, form.format(late), *cells * 400], delimiter=delimiter))
    assert kind_of(found) == "text"
    assert NOTE.format(late) in notes_of(found)
    assert {*found.table.texts["a"].values} == {*cells, late}


BESIDE = {
    "codes": "0{i}",
    "in quotes": '"0{i}, new"',
    "words": "x 0{i} y",
    "times": "07:{i}",
    "dates": "0{i}/04/21",
    "fractions": "0.0{i}",
    "between points": "1.0{i}.3",
}


@pytest.mark.usefixtures("little_is_read_ahead", "by_each_parser")
@pytest.mark.parametrize("last", [False, True], ids=["no late code", "a late code"])
@pytest.mark.parametrize("beside", BESIDE)
def test_zeros_in_other_columns_neither_make_nor_hide_codes(beside: str, last: bool) -> None:
    others = [BESIDE[beside].format(i=i % 10) for i in range(1200)]
    cells = [*["70", "12345", "940"] * 399, "070301" if last else "70301"]
    found = of_files(table(cells, others))
    assert kind_of(found) == ("text" if last else "number")


@pytest.mark.usefixtures("little_is_read_ahead", "by_each_parser")
@pytest.mark.parametrize("late", ["501", "0", "50101", "3.5", "", "-1"])
def test_numbers_far_below_stay_numbers(late: str) -> None:
    found = of_files(table([*PLAIN, *[late] * 9, *PLAIN]))
    assert kind_of(found) == "number"
    assert not [note for note in notes_of(found) if "begins with 0" in note]


@pytest.mark.usefixtures("little_is_read_ahead")
def test_codes_in_another_file_make_all_of_them_codes() -> None:
    assert kind_of(of_files(table(PLAIN[:40]), table(["00501", "10001"] * 20))) == "text"
    assert kind_of(of_files(table(PLAIN[:40]), table(["501", "10001"] * 20))) == "number"


@pytest.mark.usefixtures("little_is_read_ahead")
def test_a_pipe_that_cannot_be_read_again_is_refused_with_options_that_work(nncli: Callable[..., Any]) -> None:
    text = table([*PLAIN, *["00501"] * 9])
    command = ("train", "-", "--epochs", 1, "-q", "--json", "-o", "m.npz")
    found = nncli(*command, stdin=text)
    assert (found.code, found.out, Path("m.npz").exists()) == (1, "", False)
    assert found.err == (
        "stdin:1202: column 'a': '00501' begins with 0, so the numbers above it may be codes. "
        "Add --categorical a to read codes, or --numeric a to read numbers.\n"
    )
    for option in ("--categorical", "--numeric"):
        assert nncli(*command, option, "a", stdin=text).code == 0
