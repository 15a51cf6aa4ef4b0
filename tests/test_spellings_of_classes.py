"""Classes and categories that are written in more than one way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import load, strings

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("by_each_parser")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["0", "1", "0.0", "1.0"], ("0", "1")),
        (["1.0", "2.0", "1", "2"], ("1.0", "2.0")),
        (["True", "False", "TRUE", "FALSE", "true", "false"], ("False", "True")),
        (["p", "p\u00a0", "q", " q\u2003"], ("p", "q")),
        (["caf\u00e9", "tea", "cafe\u0301", "tea"], ("caf\u00e9", "tea")),
        (["007", "7", "008", "8"], ("007", "7", "008", "8")),  # codes stay apart
    ],
)
def test_one_class_may_be_written_in_several_ways(labels: list[str], classes: tuple[str, ...]) -> None:
    found = load("a,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels * 3)))
    assert found.classes == classes


def test_classes_that_differ_in_case_alone_are_warned_of() -> None:
    found = load("a,y\n1,yes\n2,Yes\n3,no\n")
    assert found.classes == ("Yes", "no", "yes")
    assert (
        "warning: classes 'yes' and 'Yes' differ only in capital letters or blanks, and are two classes" in found.notes
    )


def test_what_is_merged_is_said() -> None:
    found = load("a,y\n1,0\n2,0.0\n3,1\n")
    assert "classes '0' and '0.0' are the same class" in found.notes


def test_categories_may_be_written_in_several_ways() -> None:
    found = load("t,y\ncaf\u00e9,p\ncafe\u0301,q\ntea,p\ntea\u00a0,q\n")
    assert strings(found.table.texts["t"]) == ["caf\u00e9", "caf\u00e9", "tea", "tea"]


@pytest.mark.parametrize("cells", [["1", "0"], ["1.0", "0.0"], ["TRUE", "FALSE"], ["true", "false"]])
def test_a_flag_may_be_written_in_several_ways(
    cells: list[str], nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, yes, no in (("words", "True", "False"), ("numbers", "1", "0")):
        rows = "".join(f"{yes if i % 3 else no},{i * 7 % 5},{'on' if i % 3 else 'off'}\n" for i in range(90))
        Path(f"{name}.csv").write_text("flag,x,class\n" + rows)
        assert nncli("train", f"{name}.csv", "-q", "-o", f"{name}.npz", "--epochs", "100").code == 0
        Path("new.csv").write_text(f"flag,x\n{cells[0]},1\n{cells[1]},1\n")
        outcome = nncli("predict", f"{name}.npz", "new.csv")
        assert outcome.out.split()[1:] == ["on", "off"], outcome.err
        assert "unseen" not in outcome.err


def test_true_and_1_are_one_class() -> None:
    assert load("a,y\n1,0\n2,1\n3,True\n4,False\n").classes == ("0", "1")


def test_a_header_in_other_bytes_among_the_rows_is_no_class() -> None:
    rows = "".join(f"{'xyz'[i % 3]},{'pq'[i % 2]}\n" for i in range(40))
    found = load(f'a,y\n{rows}"a","y"\n{rows}')
    assert (len(found), found.classes) == (80, ("p", "q"))
