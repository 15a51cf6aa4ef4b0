"""Cells between marks that are no quotes here, such as “a, b”, are refused where they would be read wrongly."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import load
from nncli.errors import DataError

MARKS = {
    "English": "“”",
    "German": "„“",
    "Polish": "„”",
    "Swedish": "””",
    "French": "«»",
    "single": "‘’",
    "backticks": "``",
    "accents": "´´",
    "Chinese": "「」",
    "wide": "＂＂",
}


def rows(cell: str, n: int = 20) -> str:
    return "".join(f"{cell},{i % 7},{'pq'[i % 2]}\n" for i in range(n))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("header", ["", "name,first,x,label\n", "name,x,label\n"], ids=["none", "as wide", "narrower"])
@pytest.mark.parametrize("marks", MARKS)
def test_a_delimiter_between_them_is_refused_and_the_advice_works(marks: str, header: str) -> None:
    first, last = MARKS[marks]
    text = header + rows(f"{first}Smith, J{last}")
    options = {} if header else {"target": "-1"}
    with pytest.raises(DataError, match=f"found one between {first}.*: {first}Smith, J{last}") as error:
        load(text, **options)
    Path("d.csv").write_text(text)
    advice = error.value.remedy.partition(": ")[2].replace("FILE", "d.csv")
    subprocess.run(advice, shell=True, check=True)
    if "first" not in header:
        assert load(Path("quoted.csv").read_text(), **options).table.texts.popitem()[1].values == ("Smith, J",)


def test_numbers_between_them_are_refused() -> None:
    with pytest.raises(DataError, match="found one between “ and ”: “3”"):
        load("a,b,label\n" + rows("“3”"))


@pytest.mark.parametrize(
    "cell", ["“yes” he said", "“yes”", "5´", "`a`", "‘tis", "rock ‘n’ roll", "x “a"], ids=lambda cell: str(cell)
)
def test_texts_with_such_marks_stay_as_they_are(cell: str) -> None:
    assert load("a,x,label\n" + rows(cell), categorical=("a",)).table.texts["a"].values == (cell,)


def test_one_text_with_a_mark_too_few_is_no_quoted_cell() -> None:
    text = "a,x,b,label\n" + "u,1,v,p\nw,2,z,q\n" * 9 + "“u,1,v”,q\n"
    assert "“u" in load(text).table.texts["a"].values


def test_a_first_row_without_header_is_refused_for_a_model(nncli: Callable[..., Any]) -> None:
    Path("d.csv").write_text("a,b,x,label\n" + rows("Smith,J"))
    assert nncli("train", "d.csv", "-m", "softmax", "--epochs", 1, "-q", "-o", "m.npz").code == 0
    found = nncli("predict", "m.npz", stdin="“Smith, J”,1\n")
    assert (found.code, found.out) == (1, "")
    assert "found one between “ and ”: “Smith, J”" in found.err


PLAIN = {
    "text after it": '"Good" he said',
    "two": '"Good." "Bad."',
    "never closed": '"Good he said',
    "behind a blank": ' "Good" he said',
}


@pytest.mark.parametrize("cell", PLAIN.values(), ids=PLAIN)
def test_quotes_that_are_a_part_of_texts_are_told_with_an_option_that_works(
    cell: str, nncli: Callable[..., Any]
) -> None:
    some = [f"{'pq'[i % 2]}\t{cell if i == 20 else f'words of {i}'}\n" for i in range(40)]
    Path("d.tsv").write_text("class\ttext\n" + "".join(some))
    refused = nncli("train", "d.tsv", "--text", "text", "-q", "--epochs", 1)
    assert refused.code == 1
    assert refused.err.startswith("d.tsv:22: ")
    assert ". If quotes are a part of the texts, add --quote none, else " in refused.err
    assert nncli("train", "d.tsv", "--text", "text", "-q", "--epochs", 1, "--quote", "none").code == 0
    told = nncli("predict", "model.npz", "d.tsv", "--quote", "none", "--keep", "text", "-q", "--jsonl")
    assert json.loads(told.out.splitlines()[20])["text"] == cell


@pytest.mark.parametrize("cell", ['"a\tb"', 'a ""b"" c"'], ids=["a tab", "doubled ones"])
def test_where_quotes_do_quote_something_they_are_no_part_of_texts(cell: str, nncli: Callable[..., Any]) -> None:
    some = [f"{'pq'[i % 2]}\t{ {3: cell, 20: PLAIN['two']}.get(i, f'words of {i}') }\n" for i in range(40)]
    Path("d.tsv").write_text("class\ttext\n" + "".join(some))
    refused = nncli("train", "d.tsv", "--text", "text", "-q")
    assert refused.code == 1
    assert "--quote none" not in refused.err
