"""Columns that tell the rows apart at first are confirmed in all rows before they are left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nncli.data.csv import header, late_repeats, reader
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import Dataset
from nncli.data.load import load_dataset

NOTE = (
    "column 'hour': kept, as its numbers differ in all rows at first, and come again further down "
    "(--drop hour leaves it out)"
)
LEFT_OUT = "column 'hour': left out, as it counts the rows (--numeric keeps it)"
ROWS = 3000


@pytest.fixture(autouse=True)
def _little_is_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a file far larger than a megabyte: its last rows are not there when the columns are decided."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(header, "SAMPLE_BYTES", 1 << 13)
    monkeypatch.setattr(reader, "BLOCK_BYTES", 1 << 13)
    monkeypatch.setattr(reader, "FEW_BYTES", 0)


def table(hours: list[Any]) -> str:
    return "hour,a,label\n" + "".join(f"{hour},{i * 7 % 11}.5,{'pq'[i % 2]}\n" for i, hour in enumerate(hours))


def loaded(*texts: str, **options: Any) -> Dataset:
    names = [f"{i}.csv" for i in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        Path(name).write_text(text)
    return load_dataset(names, CsvOptions(**options), "float32")


@pytest.mark.parametrize("period", [1500, 1501, 2999], ids=str)
def test_hours_that_begin_again_are_kept(period: int) -> None:
    found = loaded(table([i % period for i in range(ROWS)]))
    assert [name for name, _ in found.schema.columns] == ["hour", "a"]
    assert found.table.numbers[:, 0].tolist() == [i % period for i in range(ROWS)]
    assert NOTE in found.notes
    assert LEFT_OUT not in found.notes


def test_a_number_that_comes_twice_is_no_count() -> None:
    assert NOTE in loaded(table([*range(2900), 2899, *range(2901, ROWS)])).notes


HARMLESS: dict[str, list[Any]] = {
    "to the end": [*range(ROWS)],
    "with a gap": [*range(2000), *range(2100, ROWS)],
    "with an empty cell": [*range(2000), "", *range(2001, ROWS)],
    "in another order": [*range(2000), *reversed(range(2000, ROWS))],
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_numbers_that_differ_to_the_end_are_left_out(kind: str) -> None:
    found = loaded(table(HARMLESS[kind]))
    assert [name for name, _ in found.schema.columns] == ["a"]
    assert LEFT_OUT in found.notes


def customers(n: int) -> str:
    """Make rows of n customers, each of whom comes once, in no order, and then all of them again: 7919 is prime."""
    return table([100 + i * 7919 % n for i in range(n)] * 2).replace("hour", "customer_id", 1)


def test_codes_that_come_again_are_kept() -> None:
    found = loaded(customers(1500))
    assert [name for name, _ in found.schema.columns] == ["customer_id", "a"]
    assert NOTE.replace("hour", "customer_id") in found.notes


def test_codes_that_come_again_are_found_among_too_many_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_repeats, "MOST_KEPT", 100)
    assert NOTE.replace("hour", "customer_id") in loaded(customers(1500)).notes


@pytest.mark.parametrize("value", [0, 7])
def test_a_number_that_comes_very_often_is_found(value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_repeats, "MOST_KEPT", 100)
    assert NOTE in loaded(table([*range(1500), *[value] * 1500])).notes


def test_an_empty_cell_hides_no_repeat() -> None:
    assert NOTE in loaded(table([*range(2900), "", *range(2900, 2950), 2949, *range(2951, 2999)])).notes


def test_each_file_may_begin_again() -> None:
    found = loaded(table([*range(ROWS)]), table([*range(ROWS)]))
    assert [name for name, _ in found.schema.columns] == ["a"]


def test_a_pipe_that_cannot_be_read_again_is_refused_with_options_that_work(nncli: Callable[..., Any]) -> None:
    text = table([i % 1500 for i in range(ROWS)])
    command = ("train", "-", "--epochs", 1, "-q", "--json", "-o", "m.npz")
    found = nncli(*command, stdin=text)
    assert (found.code, found.out, Path("m.npz").exists()) == (1, "", False)
    assert found.err == (
        "stdin: column 'hour': its numbers differ in all rows at first, and come again further down. "
        "Add --numeric hour to learn from it, or --drop hour.\n"
    )
    for option in ("--numeric", "--drop"):
        assert nncli(*command, option, "hour", stdin=text).code == 0
