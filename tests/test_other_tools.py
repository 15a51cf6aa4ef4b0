"""Files of texts as other tools read them are no table, and the error says what to make of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")

FASTTEXT = "__label__yes a good, long film\n__label__no dull, and bad\n"  # by commas, its lines are cells too


@pytest.mark.parametrize(
    ("lines", "tool"),
    [
        (FASTTEXT, "fastText"),
        ("__label__a __label__b two labels\n__label__a one label\n", "fastText"),
        ("1 |t a good film\n-1 |t dull and bad\n", "Vowpal Wabbit"),
        ("1 | a good film\n2 | dull and bad\n", "Vowpal Wabbit"),
        ("1 0.5 'first|t a good film\n2 2.0 'second|t dull and bad\n", "Vowpal Wabbit"),
    ],
    ids=["fastText", "labels", "namespace", "none", "weight and tag"],
)
def test_lines_of_other_tools_are_told(lines: str, tool: str, nncli: Run) -> None:
    Path("lines.txt").write_text(lines * 20)
    outcome = nncli("train", "lines.txt", "-q")
    assert outcome.code == 1
    assert f"expected a table, found lines of {tool}: " in outcome.err


def test_the_table_that_is_advised_is_read(nncli: Run) -> None:
    cells = [line.removeprefix("__label__").split(" ", 1) for line in (FASTTEXT * 20).splitlines()]
    Path("lines.tsv").write_text("label\ttext\n" + "".join(f"{label}\t{text}\n" for label, text in cells))
    outcome = nncli("check", "lines.tsv", "--quote", "none", "--json")
    assert outcome.json["classes"] == {"no": 20, "yes": 20}


@pytest.mark.parametrize("lines", ["1|2|3\n4|5|6\n", "1|New York|3\n2|Paris|4\n", "__label__,y\n1,a\n2,b\n"])
def test_tables_are_no_such_lines(lines: str, nncli: Run) -> None:
    """Where a table has no target that is known, or has one, that is what the error is about, if there is any."""
    Path("table.csv").write_text(lines * 3)
    assert "found lines of" not in nncli("check", "table.csv").err


@pytest.mark.parametrize("cell", ["ACGT" * 1000, "1" * 200_000, "a b" * 20_000], ids=["letters", "digits", "words"])
def test_a_long_first_cell_takes_no_time(cell: str, nncli: Run) -> None:
    """A pattern that tries every way to cut such a cell takes minutes."""
    Path("table.csv").write_text(f"{cell}|b|c\n3|{cell}|5\n" * 3)
    began = time.process_time()
    assert "found lines of" not in nncli("check", "table.csv").err
    Path("table.csv").write_text(f"3|{cell}|5\n" * 3)
    assert "found lines of" not in nncli("check", "table.csv").err
    assert time.process_time() - began < 5
