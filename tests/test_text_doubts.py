"""Texts, codes and weights that are probably not meant as they are: each is said in a note."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from csv_reading import blocks, load, strings
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import Dataset
from nncli.data.load import load_dataset
from nncli.data.row_columns import set_aside

Run = Callable[..., Any]


def table(cells: list[str]) -> str:
    return "a,x,class\n" + "".join(f"{cell},{i * 7 % 5},{'pq'[i % 2]}\n" for i, cell in enumerate(cells))


def read(text: str, path: Path, **options: Any) -> Dataset:
    (path / "d.csv").write_text(text)
    return load_dataset((str(path / "d.csv"),), CsvOptions(**options), "float32")


def about(found: Dataset, name: str = "a") -> list[str]:
    return [note for note in found.notes if f"column '{name}'" in note and not note.startswith("target")]


@pytest.mark.parametrize(
    ("cells", "pair"),
    [
        (["North", "north", "South"], "'North' and 'north'"),
        (["North", "North  East", "North East"], "'North  East' and 'North East'"),
        (["New York", "NewYork", "NEW_YORK"], "'New York' and 'NewYork' (and 1 more)"),
        (["C01", "c 01"], "'C01' and 'c 01'"),
    ],
)
def test_categories_and_groups_that_differ_in_case_or_blanks_are_told(
    cells: list[str], pair: str, tmp_path: Path
) -> None:
    end = f"{pair} differ only in capital letters or blanks, and are kept apart"
    assert about(read(table(cells * 10), tmp_path)) == [f"column 'a': categories {end}"]
    assert about(read(table(cells * 10), tmp_path, group="a")) == [f"warning: column 'a': groups {end}"]


@pytest.mark.parametrize("cells", [["a 1 1", "a 11"], ["A+", "A-"], ["True", "TRUE", "true"], ["north ", "north"]])
def test_what_is_one_category_or_another_is_not(cells: list[str], tmp_path: Path) -> None:
    assert about(read(table(cells * 10), tmp_path)) == []


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["T", "F", "true", "false"], "true and false stand beside t and f"),
        (["Yes", "No", "Y", "N"], "yes and no stand beside y and n"),
        (["yes", "no", "y"], ""),
        (["yes", "no", "y", "n", "maybe"], ""),
        (["1", "0", "True", "False"], ""),  # which are one
    ],
    ids=["t for true", "y for yes", "half a pair", "a third answer", "1 for true"],
)
def test_yes_and_no_in_two_pairs_of_words_are_told(cells: list[str], told: str, tmp_path: Path) -> None:
    whole = f"column '{{}}': {told}, and are kept apart: if they mean the same, write one pair"
    if "1" not in cells:  # among which True is no number
        assert about(read(table(cells * 10), tmp_path)) == [whole.format("a")] * bool(told)
    classes = "x,class\n" + "".join(f"{i * 7 % 5},{cell}\n" for i, cell in enumerate(cells * 10))
    warnings = [note for note in read(classes, tmp_path).notes if "kept apart" in note]
    assert warnings == [f"warning: {whole.format('class')}"] * bool(told)


def test_classes_that_differ_in_blanks_are_warned_of() -> None:
    found = load("a,y\n" + "1,New York\n2,NewYork\n3,Rome\n" * 10)
    assert (
        "warning: classes 'New York' and 'NewYork' differ only in capital letters or blanks, and are two classes"
        in found.notes
    )


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize("word", ["München", "café", "“so”", "5 €", "Åse", "Łódź", "北京"])
def test_utf_8_that_was_read_as_another_encoding_is_told(word: str, encoding: str, tmp_path: Path) -> None:
    try:
        garbled = word.encode().decode(encoding)
    except UnicodeDecodeError:  # a byte that Windows-1252 does not have
        return
    if encoding == "latin-1" and not garbled.isprintable():
        return  # control characters
    told = f"'{garbled}' looks like '{word}' in a wrong encoding: correct it in the file"
    assert about(read(table([garbled, "Bern"] * 10), tmp_path)) == [f"warning: column 'a': {told}"]


@pytest.mark.parametrize("word", ["München", "SÃO", "Ângela", "Île", "Ñandú", "5 €", "“so”", "Ærø", "北京"])
def test_words_of_other_languages_are_not(word: str, tmp_path: Path) -> None:
    assert about(read(table([word, "Bern"] * 10), tmp_path)) == []


def test_a_garbled_class_is_told(tmp_path: Path) -> None:
    found = read("x,class\n" + "1,ZÃ¼rich\n2,Bern\n" * 10, tmp_path)
    assert about(found, "class")[-1].startswith("warning: column 'class': 'ZÃ¼rich' looks like 'Zürich'")


# Texts for Excel


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize(("start", "end"), [('="', '"'), ('"=""', '"""')])
def test_texts_for_excel_are_the_texts_in_them(start: str, end: str) -> None:
    cells = ["00501", "94103", "10001"] * 10
    quoted = [f"{start}{cell}{end}" for cell in cells]
    found = load(table(quoted))
    assert dict(found.schema.columns)["a"] == "text"  # which Excel takes them for
    assert strings(found.table.texts["a"]) == cells
    [block] = blocks(f"a,x\n{quoted[0]},1\n00501,2\n", found.schema)
    assert strings(block.table.texts["a"]) == ["00501", "00501"]
    numbers = load(table(quoted), numeric=("a",)).table.numbers[:, 0]
    assert numbers.tolist() == [501, 94103, 10001] * 10
    classes = load("x,class\n" + "".join(f"{i},{start}{i % 2}{end}\n" for i in (1, 2, 4, 7) * 5)).classes
    assert classes == ("0", "1")


def test_an_empty_text_for_excel_is_a_missing_cell_and_other_formulas_stay() -> None:
    found = load(table(['="5"', '=""', "=A1", '="'] * 5), quote="")
    assert strings(found.table.texts["a"])[:4] == ["5", None, "=A1", '="']


# Codes


@pytest.mark.parametrize("name", ["zip", "ZIP code", "home_zip", "plz", "Postal Code", "product_code"])
def test_figures_that_are_called_codes_are_told(name: str) -> None:
    cells = ["1001", "10001", "94103"] * 10
    [note] = about(load(table(cells).replace("a,", f"{name},", 1)), name)
    lost = "'1001' beside '10001' may have lost a zero; --categorical keeps codes apart"
    assert note == f"column '{name}': its codes are read as numbers ({lost})"
    [note] = about(load(table(cells[1:3] * 10).replace("a,", f"{name},", 1)), name)
    assert note == f"column '{name}': its codes are read as numbers (--categorical keeps codes apart)"
    assert about(load(table(cells).replace("a,", f"{name},", 1), categorical=(name,)), name) == []


@pytest.mark.parametrize(("name", "cells"), [("pay", ["1001", "10001"]), ("code", ["1", "2"]), ("zip", ["1.5", "2"])])
def test_other_numbers_are_no_codes(name: str, cells: list[str]) -> None:
    assert about(load(table(cells * 10).replace("a,", f"{name},", 1)), name) == []


# Weights


@pytest.mark.parametrize(
    ("weights", "row"),
    [([1.0] * 20 + [1e30] + [1.0] * 20, 21), ([1e200, 1e200] + [1.0] * 30, 1), ([1e-9] * 25 + [1.0], 26)],
)
def test_a_few_rows_with_all_of_the_weight_are_told(weights: list[float], row: int) -> None:
    text = "w,x,class\n" + "".join(f"{w!r},{i % 5},{'pq'[i % 2]}\n" for i, w in enumerate(weights))
    found, columns = set_aside(load(text, weight="w", dtype="float64"), {"weight": "w"})
    [note] = [note for note in found.notes if note.startswith("warning")]
    assert note.startswith(f"warning: column 'w': row {row} of the data has ")
    assert note.endswith(f" of the weight of {len(weights)} rows: the others hardly count")
    assert columns.weight is not None
    np.testing.assert_array_equal(columns.weight, weights)


@pytest.mark.parametrize("weights", [[1.0, 2.0] * 20, [float(i % 9) for i in range(40)], [1.0, 100.0] * 10, [1.0] * 5])
def test_other_weights_are_not(weights: list[float]) -> None:
    text = "w,x,class\n" + "".join(f"{w!r},{i % 5},{'pq'[i % 2]}\n" for i, w in enumerate(weights))
    found, _ = set_aside(load(text, weight="w"), {"weight": "w"})
    assert not [note for note in found.notes if note.startswith("warning")]
