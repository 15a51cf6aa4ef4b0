"""`eval --on-error skip` evaluates on the rows that can be read, and says which it leaves out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ROWS = [f"{i * i % 17},{i % 5},{'pq'[i * i % 17 > 6]}" for i in range(100)]
DAMAGED = {10: "1,2,3,p", 20: "x,2,p", 30: "1,2,", 40: "1,2,r", 50: '1,"2,p'}  # row → what stands in its place
FOUND = {
    10: "expected 3 columns, found 4",
    20: "column 'a': expected a number, found 'x'",
    30: "target column 'class': expected a class, found an empty cell",
    40: "column 'class': expected a class that the model knows (p, q), found 'r'",
    50: "an open quote: it is never closed",
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run) -> None:
    monkeypatch.chdir(tmp_path)
    for name, rows in {
        "good": ROWS,
        "bad": [DAMAGED.get(i, row) for i, row in enumerate(ROWS)],
        "left": [row for i, row in enumerate(ROWS) if i not in DAMAGED],
    }.items():
        Path(f"{name}.csv").write_text("a,b,class\n" + "\n".join(rows) + "\n")
    assert nncli("train", "good.csv", "--epochs", "3", "-q", "-o", "m.npz").code == 0


def test_the_figures_are_those_of_the_other_rows(nncli: Run) -> None:
    found = nncli("eval", "m.npz", "bad.csv", "--on-error", "skip", "--json")
    assert found.code == 0
    lines = [f"bad.csv:{row + 2}: left out: {problem}\n" for row, problem in FOUND.items()]
    assert "warning: left out 5 of 100 rows, which cannot be read\n" + "".join(lines) in found.err
    skipped, without = json.loads(found.out), json.loads(nncli("eval", "m.npz", "left.csv", "--json").out)
    assert skipped.pop("evaluated_on") == "all 95 rows of bad.csv that can be read"
    assert without.pop("evaluated_on") == "all 95 rows of left.csv"
    assert skipped["warnings"].pop(0) == "left out 5 of 100 rows, which cannot be read"
    assert skipped == without
    quiet = nncli("eval", "m.npz", "bad.csv", "--on-error", "skip", "--json", "-q")
    assert "left out 5 of 100 rows" in quiet.err


def test_a_table_of_small_whole_numbers_has_it_too(nncli: Run) -> None:
    """Such a table, as of pixels, is read in a way of its own where it is large, which knows no classes."""
    rows = [f"{i * i % 17},{i % 5},{3 + (i * i % 17 > 6)}" for i in range(8_000)]
    for name, more in {"whole": [], "other": ["1,2,7"]}.items():
        Path(f"{name}.csv").write_text("a,b,class\n" + "\n".join(rows + more) + "\n")
    assert nncli("train", "whole.csv", "--epochs", "3", "-q", "-o", "whole.npz").code == 0
    problem = "column 'class': expected a class that the model knows (3, 4), found '7'"
    refused = nncli("eval", "whole.npz", "other.csv")
    remedy = "Correct it, or leave such rows out with --on-error skip."
    assert (refused.code, refused.err) == (1, f"other.csv:8002: {problem}. {remedy}\n")
    skipped = nncli("eval", "whole.npz", "other.csv", "--on-error", "skip", "--json")
    assert f"other.csv:8002: left out: {problem}\n" in skipped.err
    assert skipped.json["accuracy"] == nncli("eval", "whole.npz", "whole.csv", "--json", "-q").json["accuracy"]


def test_without_it_the_first_such_row_is_refused_and_the_option_named(nncli: Run) -> None:
    for words in ([], ["--on-error", "fail"]):
        found = nncli("eval", "m.npz", "bad.csv", *words)
        remedy = "Look for a missing or an unquoted ',', or leave such rows out with --on-error skip."
        assert (found.code, found.err) == (1, f"bad.csv:12: {FOUND[10]}. {remedy}\n")


def test_several_files_have_it_too_and_each_row_is_named_once(nncli: Run) -> None:
    found = nncli("eval", "m.npz", "bad.csv", "left.csv", "--on-error", "skip", "--json")
    assert [one["n"] for one in json.loads(found.out)["files"]] == [95, 95]
    assert f"\nbad.csv:12: left out: {FOUND[10]}\n" in found.err


def test_numbers_of_rows_are_said_to_leave_them_out(nncli: Run) -> None:
    note = "the numbers of rows do not count rows that are left out"
    assert note in nncli("eval", "m.npz", "bad.csv", "--on-error", "skip", "--judged", "rows.csv").err
    assert note not in nncli("eval", "m.npz", "bad.csv", "--on-error", "skip").err
    assert note not in nncli("eval", "m.npz", "good.csv", "--worst", "2").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["m.npz"], "--on-error: its own data are read as in training. Leave it out.\n"),
        (["m.npz", "m.npz", "bad.csv"], "--on-error: two models are compared as they are. Leave it out, or name one "
         "model.\n"),
        (["m.npz", "x.svm"], "--on-error: x.svm is neither a table nor a folder"),
    ],
)  # fmt: skip
def test_where_there_is_nothing_to_leave_out_it_is_refused(words: list[str], message: str, nncli: Run) -> None:
    Path("x.svm").write_text("1 1:3 2:1\n")
    found = nncli("eval", *words, "--on-error", "skip")
    assert (found.code, found.err[: len(message)]) == (2, message)
