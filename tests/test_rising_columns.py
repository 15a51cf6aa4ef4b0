"""Columns that rise from row to row: in rows sorted by class they tell the class by the place in the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset

Run = Callable[..., Any]
N = 120
LEFT_OUT = (
    "warning: column 'nr': left out, as its whole numbers {} from row to row, and the rows are sorted by class: "
    "it tells the class of these rows and of no others (--numeric nr keeps it)"
)
KEPT = "column 'nr': kept, though its whole numbers rise from row to row as those of an index (--drop nr leaves it out)"
IN_BLOCKS = (
    "warning: column 'nr' rises from row to row, and {}: "
    "if it tells the class of these rows and of no others, --drop nr leaves it out"
)
SORTED, TOGETHER = "the rows are sorted by class", "rows of a class follow one another"


def gaps(n: int = N) -> np.ndarray:
    return np.cumsum(np.random.default_rng(0).integers(1, 5, n))


def table(nr: Sequence[Any], classes: Sequence[Any]) -> str:
    noise = np.random.default_rng(1).normal(size=len(classes))
    rows = zip(nr, noise, classes, strict=True)
    return "nr,x,class\n" + "".join(f"{number},{x:.2f},{its}\n" for number, x, its in rows)


def in_runs(n_classes: int, run: int) -> list[str]:
    return [f"c{i // run % n_classes}" for i in range(N)]


CASES = {
    "two classes": (gaps(), in_runs(2, 60), LEFT_OUT.format("rise")),
    "three classes": (gaps(), in_runs(3, 40), LEFT_OUT.format("rise")),
    "six classes": (gaps(), in_runs(6, 20), LEFT_OUT.format("rise")),
    "falling": (gaps()[::-1], in_runs(3, 40), LEFT_OUT.format("fall")),
    "large numbers": (gaps() + 10**9, in_runs(3, 40), LEFT_OUT.format("rise")),
    "small numbers": (2 * np.arange(1, N + 1), in_runs(3, 40), LEFT_OUT.format("rise")),
    "rows in another order": (gaps(), in_runs(3, 1), KEPT),
    "rows in blocks": (gaps(), in_runs(3, 10), IN_BLOCKS.format(TOGETHER)),
    "counted in each class": (
        [*range(1, 61), *range(1, 41), *range(1, 21)], ["c0"] * 60 + ["c1"] * 40 + ["c2"] * 20,
        "column 'nr': kept, though it counts the rows of each class, and so tells the larger ones "
        "(--drop nr leaves it out)",
    ),
    "fractions": (gaps() + 0.5, in_runs(3, 40), IN_BLOCKS.format(SORTED)),
    "dates": (np.datetime64("2020-01-01") + gaps().astype("timedelta64[D]"), in_runs(3, 40), IN_BLOCKS.format(SORTED)),
}  # fmt: skip


@pytest.mark.parametrize("memory", [None, 1 << 28], ids=["in memory", "on the disk"])
@pytest.mark.parametrize("case", CASES)
def test_what_becomes_of_a_rising_column_is_told(case: str, memory: int | None, tables_on_the_disk: None) -> None:
    nr, classes, told = CASES[case]
    Path("d.csv").write_text(table(nr, classes))
    found = load_dataset(("d.csv",), CsvOptions(), "float32", memory)
    assert [note for note in found.notes if "from row to row" in note or "rows of each class" in note] == [told]
    assert ("nr" in found.schema.names) == ("left out" not in told)
    assert [name for name, _ in found.schema.columns] == [*found.table.dates, *found.table.number_names]
    kept = load_dataset(("d.csv",), CsvOptions(only=("nr", "x")), "float32", memory)
    assert kept.schema.names == ("nr", "x")
    assert not [note for note in kept.notes if "from row to row" in note]


def test_the_whole_column_decides(tmp_path: Path) -> None:
    """2,500 rows, of which the first 1,000 are of one class, and only the last number does not rise."""
    nr, classes, path = gaps(2500), [f"c{i // 1250}" for i in range(2500)], tmp_path / "d.csv"
    for last, names in ((nr[-1], ("x",)), (3, ("nr", "x"))):
        path.write_text(table([*nr[:-1], last], classes))
        assert load_dataset((str(path),), CsvOptions(), "float32").schema.names == names


@pytest.mark.parametrize(
    ("nr", "x", "y"),
    [(gaps(), gaps() ** 2, "numbers"), (gaps(19), range(19), "few"), ([*gaps(119), ""], range(120), "missing")],
    ids=["a target of numbers", "few rows", "a missing cell"],
)
def test_other_columns_that_rise_are_inputs(nr: Sequence[Any], x: Sequence[Any], y: str, tmp_path: Path) -> None:
    target = x if y == "numbers" else [f"c{i // (len(x) // 2)}" for i in range(len(x))]
    path = tmp_path / "d.csv"
    path.write_text(table(nr, target))
    found = load_dataset((str(path),), CsvOptions(), "float32")
    assert found.schema.names == ("nr", "x")
    told = [
        "warning: column 'nr' rises from row to row, and so does the target or its reverse: --drop nr leaves it out"
    ]
    assert [note for note in found.notes if "row to row" in note] == (told if y == "numbers" else [])


def test_the_only_column_is_an_input(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("nr,class\n" + "".join(f"{nr},{its}\n" for nr, its in zip(gaps(), in_runs(3, 40), strict=True)))
    assert load_dataset((str(path),), CsvOptions(), "float32").schema.names == ("nr",)


def test_a_model_without_the_numbers_of_rows_takes_files_with_them(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text(table(gaps(), in_runs(3, 40)))
    finding = LEFT_OUT.format("rise").removeprefix("warning: ")
    assert finding in nncli("check", "d.csv", "--json").json["findings"]
    assert LEFT_OUT.format("rise") in nncli("train", "d.csv", "-m", "softmax", "--epochs", 1).err
    answers = nncli("predict", "model.npz", "d.csv").out
    rows = Path("d.csv").read_text().split("\n", 1)[1]
    assert nncli("predict", "model.npz", "-", stdin=rows).out == answers
    assert nncli("eval", "model.npz", "--json").json["n"] == 18


def test_codes_given_class_by_class_are_found_in_shuffled_rows(nncli: Run, tmp_path: Path) -> None:
    order, path = np.random.default_rng(2).permutation(600), tmp_path / "d.csv"
    rows = table(gaps(600), [f"c{i // 100}" for i in range(600)]).split("\n")
    path.write_text("\n".join([rows[0], *(rows[1 + i] for i in order)]))
    findings = nncli("check", str(path), "--json").json["findings"]
    assert any(finding.startswith("column 'nr' alone predicts ") for finding in findings)


def test_times_that_are_spelled_are_in_no_model_that_is_tested_by_them(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dates = [f"{1 + i % 28:02d}.{1 + i // 28:02d}.2020" for i in range(N)]
    Path("d.csv").write_text(table(dates, in_runs(3, 1)))
    assert nncli("train", "d.csv", "--time", "nr", "-m", "softmax", "--epochs", 1).code == 0
    evaluated = nncli("eval", "model.npz", "--json")
    assert evaluated.code == 0, evaluated.err
