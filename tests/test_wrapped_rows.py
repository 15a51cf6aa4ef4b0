"""Rows that are one quoted cell each, as a program writes lines of a table into a table, under any names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import blocks, complaint, load

Run = Callable[..., Any]
ROWS = [(f"{i % 7}.5", f"north{{}} w{i % 3}", "pq"[i % 2]) for i in range(40)]
HEADERS = {
    "bare names": "x{0}town{0}label",
    "names in one cell": '"x{0}town{0}label"',
    "quoted names": '"x"{0}"town"{0}"label"',
}


def wrapped(delimiter: str, header: str, rows: list[tuple[str, ...]] = ROWS) -> str:
    written = [f'"{x}{delimiter}""{town.format(delimiter)}""{delimiter}{label}"' for x, town, label in rows]
    return "\n".join([*([header.format(delimiter)] if header else []), *written]) + "\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
@pytest.mark.parametrize("header", [*HEADERS.values(), ""], ids=[*HEADERS, "no names"])
def test_rows_that_are_one_quoted_cell_are_read(header: str, delimiter: str) -> None:
    found = load(wrapped(delimiter, header), target=None if header else "c2")
    assert found.table.numbers[:, 0].tolist() == [float(x) for x, _, _ in ROWS]
    [column] = found.table.texts.values()
    assert column.values == tuple(f"north{delimiter} w{i}" for i in range(3))
    assert "each row is one quoted cell: its quotes are taken off" in found.notes


def test_few_rows_without_those_quotes_are_read_too() -> None:
    text = wrapped(",", HEADERS["bare names"])
    assert len(load(text + '3,"south, w1",q\n')) == 41


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_model_reads_such_rows(header: str, nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plain = "x,town,label\n" + "".join(f'{x},"{town.format(",")}",{label}\n' for x, town, label in ROWS)
    Path("d.csv").write_text(plain)
    Path("w.csv").write_text(wrapped(",", header))
    assert nncli("train", "d.csv", "-m", "softmax", "--epochs", 2).code == 0
    answers = nncli("predict", "model.npz", "d.csv").out
    assert answers.count("\n") == 41
    assert nncli("predict", "model.npz", "w.csv").out == answers
    assert nncli("predict", "model.npz", "-", stdin=wrapped(",", header)).out == answers


def test_a_late_row_of_that_kind_is_told_how_to_be_written() -> None:
    text = "x,town,label\n" + "".join(f"{x},w{i % 3},{label}\n" for i, (x, _, label) in enumerate(ROWS))
    last = "1,w2,p\n"
    error = complaint(text + '"3,""w, 1"",q"\n' + last)
    assert error == (
        "data.csv:42: expected 3 columns, found 1. Take the quotes around the row away, and write those within it "
        "once, or leave such rows out with --on-error skip."
    )
    assert len(load(text + '3,"w, 1",q\n' + last)) == 42


def test_a_part_of_a_row_shows_no_quotes_around_it() -> None:
    """A pipe may have come to the end of `"00,"` when the names are read, and the row goes on."""
    expected = load("a,b,label\n" + "".join(f"x{i % 3},y,{'pq'[i % 2]}\n" for i in range(40))).schema
    [block] = blocks('a,b\n"00,",y\n', expected, 9, keep=("a",))
    assert block.kept["a"].to_pylist() == ["00,"]
