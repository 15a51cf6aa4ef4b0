"""Rows that sum up others are no cases: they are told, by what they are called and by arithmetic."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from nncli.data.totals import is_total, sums_of_others
from nncli.errors import DataError

Run = Callable[..., Any]
N = 24


def cases(n: int = N) -> list[tuple[str, int, float, str]]:
    """Write sales of shops, each of which comes again."""
    return [(f"shop {i % 4}", i * 37 % 90 + 5, i * 53 % 71 + 0.25, "ab"[i % 2]) for i in range(n)]


def told(rows: list[tuple[object, ...]], path: Path, **options: Any) -> list[str]:
    lines = ["shop,units,price,class", *(",".join(map(str, row)) for row in rows)]
    (path / "d.csv").write_text("\n".join(lines) + "\n")
    notes = load_dataset((str(path / "d.csv"),), CsvOptions(**options), "float32").notes
    return [note.removeprefix("warning: ").partition(" of the data")[0] for note in notes if "sum up" in note]


def total(rows: list[tuple[str, int, float, str]], name: str = "shop 1", label: str = "a") -> tuple[object, ...]:
    return name, sum(row[1] for row in rows), sum(row[2] for row in rows), label


@pytest.mark.parametrize(
    "name",
    ["Average", "Mean:", "Durchschnitt", "moyenne", "avg.", "Shop 2 Total", "Total shop 1", "Grand Total", "Subtotal"],
)
def test_a_row_is_told_by_its_name(name: str, tmp_path: Path) -> None:
    some = (name, 50, 51, "a")
    assert told([*cases(), some, *cases()], tmp_path) == [f"row 25 ('{name}')"]
    if not is_total([name]):
        assert told([*cases(), some], tmp_path) == [f"row 25 ('{name}')"]


def test_a_text_is_no_name(tmp_path: Path) -> None:
    """Nobody calls a total by more than a line; and a long text takes long to look through."""
    for length, found in ((90, 1), (99, 0)):  # of the name of a shop, which " total" makes longer
        rows: list[tuple[object, ...]] = [
            ("x" * length, *row[1:]) if i % 4 == 1 else row for i, row in enumerate(cases())
        ]
        assert len(told([*rows, ("x" * length + " total", 50, 51, "a")], tmp_path)) == found


@pytest.mark.parametrize(
    "name", ["Total", "TOTALS:", "Total générale", "Total général", "Gesamtsumme", "Sub-total", "合計"]
)
def test_a_total_in_the_last_row_is_refused_and_among_others_told(name: str, tmp_path: Path) -> None:
    some = (name, 999, 999, "a")
    with pytest.raises(DataError, match="--rows 1:24, or keep it with --rows 1:25"):
        told([*cases(), some], tmp_path)
    assert told([*cases(), some, *cases(), some], tmp_path) == [f"rows 25 ('{name}') and 50 ('{name}')"]


@pytest.mark.parametrize("name", ["average", "Total", "mean", "sum"])
def test_a_category_that_is_common_or_comes_twice_in_turn_is_one(name: str, tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [(name if i % 3 == 0 else row[0], *row[1:]) for i, row in enumerate(cases())]
    assert told(rows, tmp_path) == []
    assert told([*cases(), (name, 1, 2, "a"), (name, 3, 4, "b"), *cases()], tmp_path) == []


@pytest.mark.parametrize("name", ["", "shop 1"])
def test_sums_are_told_without_a_name(name: str, tmp_path: Path) -> None:
    assert told([*cases(), total(cases(), name)], tmp_path) == ["row 25"]
    assert told([*cases(), total(cases(), name), *cases()], tmp_path) == ["row 25"]
    assert told([*cases(), (name, total(cases())[1], "", "b")], tmp_path) == ["row 25"]
    mean = sum(row[2] for row in cases()) / N
    assert told([*cases(), (name, total(cases())[1], mean, "b")], tmp_path) == ["row 25"]
    parts = [cases()[:8], cases()[8:16], cases()[16:]]
    every: list[tuple[object, ...]] = [row for part in parts for row in (*part, total(part, name))]
    assert told([*every, total(cases(), name)], tmp_path) == ["rows 9, 18, 27 and 28"]


@pytest.mark.parametrize("name", ["", "shop 1"])
def test_sums_above_what_they_sum_up_are_told(name: str, tmp_path: Path) -> None:
    assert told([total(cases(), name), *cases()], tmp_path) == ["row 1"]
    assert told([(name, total(cases())[1], "", "b"), *cases()], tmp_path) == ["row 1"]
    parts = [cases()[:8], cases()[8:16], cases()[16:]]
    every: list[tuple[object, ...]] = [row for part in parts for row in (total(part, name), *part)]
    assert told(every, tmp_path) == ["rows 1, 10 and 19"]
    assert told([(name, total(cases())[1] + 1, total(cases())[2], "a"), *cases()], tmp_path) == []


@pytest.mark.parametrize("names", ["mean max min", "media alta baja", "Mean Std Median", "average high low"])
def test_a_mean_beside_other_categories_is_one(names: str, tmp_path: Path) -> None:
    mean, *others = names.split()
    rows: list[tuple[object, ...]] = [(others[i % 2], *row[1:]) for i, row in enumerate(cases())]
    assert told([*rows[:9], (mean, 50, 51, "a"), *rows[9:]], tmp_path) == []
    footer: list[tuple[object, ...]] = [(mean, 50, 51, "a"), *((name, 5, 6, "a") for name in others)]
    assert told([*cases(), *footer], tmp_path) == [f"row 25 ('{mean}')"]


def test_a_last_row_with_a_lone_number_is_told(tmp_path: Path) -> None:
    rows = [row[::3] + row[1:2] for row in cases()]
    assert told([*((shop, units, "", label) for shop, label, units in rows), ("", 2950, "", "a")], tmp_path) == [
        "row 25"
    ]
    assert told([*((shop, units, "", label) for shop, label, units in rows), ("", 60, "", "a")], tmp_path) == []


def test_small_counts_and_running_sums_are_no_totals() -> None:
    random.seed(0)
    for _ in range(300):
        counts = [[float(int(random.expovariate(0.7))), float(random.random() < 0.1)] for _ in range(60)]
        assert sums_of_others(np.array(counts)) == []
        assert sums_of_others(np.array(counts)[::-1]) == []
    assert sums_of_others(np.cumsum(np.ones((50, 2)), axis=0)) == []
    assert sums_of_others(np.array([[2.0**i, 3.0**i] for i in range(40)])) == []
    assert sums_of_others(np.zeros((40, 3))) == []


@pytest.mark.parametrize("name", ["Average", "Total", "Summe"])
def test_a_name_in_a_column_that_is_left_out_is_told_too(name: str, tmp_path: Path) -> None:
    rows = [(f"no. {i}", *row[1:]) for i, row in enumerate(cases())]
    lines = [",".join(map(str, row)) for row in (*rows, (name, 50, 51, "a"))]
    (tmp_path / "d.csv").write_text("\n".join(["shop,units,price,class", *lines]) + "\n")
    notes = load_dataset((str(tmp_path / "d.csv"),), CsvOptions(), "float32").notes
    assert "column 'shop': left out, as nearly all of its texts are different (--categorical keeps it)" in notes
    told = f"'{name}' says that its row is a total of others: delete it unless that is wrong"
    assert f"warning: column 'shop': {told}" in notes


def test_train_and_check_tell_it(nncli: Run, tmp_path: Path) -> None:
    told([*cases(), total(cases())], tmp_path)
    line = "row 25 of the data seems to sum up others: delete it unless it is a case of its own"
    trained = nncli("train", str(tmp_path / "d.csv"), "-q", "--epochs", "1", "-o", str(tmp_path / "m.npz"))
    assert f"warning: {line}" in trained.err
    assert line in nncli("check", str(tmp_path / "d.csv")).out
