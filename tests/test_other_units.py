"""Later rows in another unit, or in other words, than those of training are warned of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
# in milliseconds since 1970, in an hour
TABLE = "ts,b,label\n" + "".join(f"{1_700_000_000_000 + 60_000 * i},{i % 7},{'pq'[i % 2]}\n" for i in range(60))
KNOWN = "its range (1700000000000 to 1700003540000 in the training rows): another unit?"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text(TABLE)
    assert nncli("train", "d.csv", "--numeric", "ts", "--epochs", 1, "-q", "--json", "-o", "m.npz").code == 0
    return Path("m.npz")


@pytest.mark.parametrize(
    ("times", "warning"),
    [
        (["1700000060", "1700000120"], "2 of the first 2 rows are far outside"),
        (["1700000060", "1700000120", "1700000060000"], "2 of the first 3 rows are far outside"),
        (["1700000060"], "1 of the first 1 row is far outside"),
        (["1700000060", "1700000060000"], ""),  # one of two is an outlier
        (["1700000060000", "NA"], ""),
        (["1700020000000"], ""),  # later than all, and not by so much
    ],
)
def test_rows_in_another_unit_are_told(model: Path, nncli: Run, times: list[str], warning: str) -> None:
    rows = "".join(f"{time},3\n" for time in times)
    found = nncli("predict", model, "-", "-q", stdin=f"ts,b\n{rows}")
    assert (found.code, found.out.count("\n")) == (0, len(times) + 1)
    told = [line for line in found.err.splitlines() if "another unit?" in line]
    assert told == ([f"warning: stdin: column 'ts': {warning} {KNOWN}"] if warning else [])
    Path("new.csv").write_text("ts,b,label\n" + "".join(f"{time},3,{'pq'[i % 2]}\n" for i, time in enumerate(times)))
    assert ("another unit?" in nncli("eval", model, "new.csv", "-q").err) == bool(warning)


@pytest.mark.parametrize(
    ("words", "cells"),
    [
        (("yes", "no"), 12),  # for True and False
        (("T", "F"), 12),
        (("True", "no"), 0),  # some are known
        (("1", "0"), 0),  # all are
        (("", "yes"), 10),  # 20 rows, of which half are missing
    ],
    ids=["yes and no", "T and F", "some known", "1 and 0", "missing ones"],
)
def test_a_column_of_which_no_category_is_known_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run, words: tuple[str, str], cells: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("flag,b,label\n" + "".join(f"{i % 3 > 0},{i % 7},{'pq'[i % 2]}\n" for i in range(60)))
    assert nncli("train", "d.csv", "--epochs", 1, "-q", "--json", "-o", "m.npz").code == 0
    n = 20 if "" in words else 12
    Path("new.csv").write_text("flag,b,label\n" + "".join(f"{words[i % 2]},{i % 7},{'pq'[i % 2]}\n" for i in range(n)))
    told = f"none of its first {cells} cells has a category that the model knows (false and true)"
    for command in "predict", "eval":
        assert (told in nncli(command, "m.npz", "new.csv", "-q").err) == bool(cells)


def test_a_few_new_categories_may_be_so_by_chance(model: Path, nncli: Run) -> None:
    Path("t.csv").write_text("city,label\n" + "".join(f"{'abc'[i % 3]},{'pq'[i % 2]}\n" for i in range(60)))
    assert nncli("train", "t.csv", "--epochs", 1, "-q", "--json", "-o", "t.npz").code == 0
    assert nncli("predict", "t.npz", "-q", stdin="city\n" + "new\n" * 9).err == ""
    assert "none of its first 10 cells" in nncli("predict", "t.npz", "-q", stdin="city\n" + "new\n" * 10).err


def test_of_many_columns_the_first_three_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run) -> None:
    """Of five numbers and five texts, each is in another unit, or in other words."""
    monkeypatch.chdir(tmp_path)
    names = ",".join([*(f"x{i}" for i in range(5)), *(f"t{i}" for i in range(5)), "label"]) + "\n"
    rows = [f"{f'{k % 9},' * 5}{','.join(['uv'[k % 2]] * 5)},{'pq'[k // 5 % 2]}\n" for k in range(60)]
    Path("d.csv").write_text(names + "".join(rows))
    assert nncli("train", "d.csv", "--epochs", 1, "-q", "--json", "-o", "m.npz").code == 0
    Path("new.csv").write_text(names + ("90000," * 5 + "w," * 5 + "p\n") * 12)
    for command in ("predict", "eval"):
        told = nncli(command, "m.npz", "new.csv", "-q").err.splitlines()
        assert sum(line.endswith("another unit?") for line in told) == 3
        assert sum(line.endswith("written in another way?") for line in told) == 3
        assert any(line.endswith("2 more columns have numbers far outside their range too") for line in told)
        assert any(line.endswith("2 more columns have no category that the model knows too") for line in told)
