"""`train --from MODEL` refuses rows that are not for the model, and options that it cannot change, in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from months import numbers

Run = Callable[..., Any]
QUICK = ("--epochs", "12", "-q")


CHANGES = "Leave it out, or train another model without --from."


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        ("--hidden 9", 2, f"--hidden: the model of --from has its own, '64', which cannot change. {CHANGES}"),
        ("--model softmax", 2, f"--model: the model of --from has its own, 'mlp', which cannot change. {CHANGES}"),
        ("--target city", 2, f"--target: the model of --from has its own, 'level', which cannot change. {CHANGES}"),
        ("--ensemble 3", 2, f"--ensemble: the model of --from has its own, which cannot change. {CHANGES}"),
        ("--learn-scale", 2, f"--learn-scale: the model of --from has its own, which cannot change. {CHANGES}"),
        ("--folds 5", 2, "--folds: it trains models from the beginning, and --from goes on with one."),
        ("--refit", 2, "--refit: it trains models from the beginning, and --from goes on with one."),
        ("--resume", 2, "--resume: a run that goes on with --from is not saved on its way"),
        ("--keep-state", 2, "--keep-state: a run that goes on with --from"),
        ("--replay-share 0.5", 2, "--replay-share: there are no rows of before. Name them with --replay."),
        ("--replay jan.csv --replay-share 1", 2, "--replay-share: expected a share between 0 and 1, found '1'."),
        ("--replay feb.csv", 1, "feb.csv: expected rows of before, found the new ones of feb.csv. Leave them out."),
        ("--replay gone.csv", 1, "gone.csv: no such file."),
        ("-o jan.npz", 1, "jan.npz: cannot write: it is one of the files that are read or written."),
        ("-o jan.csv --replay jan.csv", 1, "jan.csv: cannot write: it is one of the files that are read or written."),
    ],
)
@pytest.mark.usefixtures("january")
def test_bad_options_are_refused_in_one_line(words: str, code: int, problem: str, nncli: Run) -> None:
    outcome = nncli("train", "--from", "jan.npz", "feb.csv", "-o", "new.npz", *words.split())
    assert outcome.code == code
    assert outcome.err.splitlines()[-1].startswith(problem), outcome.err
    assert not Path("new.npz").exists()


HEADER = "a,b,city,level\n"
BAD_ROWS = {
    "a column by another name": (
        "a,B,city,level\n1,2,Graz,low\n",
        "new.csv:1: column 'b' is missing. Did you mean 'B'?",
    ),
    "a column too few": ("a,city,level\n1,Graz,low\n", "new.csv:1: column 'b' is missing."),
    "no target": ("a,b,city\n1,2,Graz\n", "new.csv:1: the target column 'level' is missing."),
    "numbers for classes": (
        HEADER + "".join(f"{i},2,Graz,{i / 7:.3f}\n" for i in range(40)),
        "new.csv: target column 'level': expected classes, as the model predicts them, found numbers.",
    ),
    "a class with a full stop": (
        HEADER + "1,2,Graz,low\n" * 9 + "1,2,Graz,low.\n" * 9,
        "new.csv: column 'level': expected a class, found 'low.'. Write it as 'low'",
    ),
    "a class in capitals": (
        HEADER + "1,2,Graz,low\n" * 9 + "1,2,Graz,LOW\n" * 9,
        "new.csv: column 'level': expected a class, found 'LOW'. Write it as 'low'.",
    ),
    "a new class of one row": (
        HEADER + "1,2,Graz,low\n" * 20 + "1,2,Graz,hihg\n",
        "new.csv: class 'hihg': expected at least 3 rows of a class that is new, found 1.",
    ),
    "one row": (
        HEADER + "1,2,Graz,low\n",
        "new.csv: expected at least 3 rows, one for each of the 3 parts of the split, "
        "found 1. Get more rows, or set --val 0 or --test 0.",
    ),
    "what it was trained on": ("", "new.csv: expected new rows, found the data that jan.npz was trained on."),
}


@pytest.mark.parametrize("name", BAD_ROWS)
@pytest.mark.usefixtures("january")
def test_bad_rows_are_refused_in_one_line(name: str, nncli: Run) -> None:
    text, problem = BAD_ROWS[name]
    Path("new.csv").write_text(text or Path("jan.csv").read_text())
    outcome = nncli("train", "--from", "jan.npz", "new.csv", "-o", "new.npz")
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1].startswith(problem), outcome.err
    assert not Path("new.npz").exists()


@pytest.mark.usefixtures("january")
def test_classes_for_a_model_of_numbers_are_refused(nncli: Run) -> None:
    Path("old.csv").write_text(numbers(60, 1))
    assert nncli("train", "old.csv", "-t", "price", *QUICK, "-o", "price.npz").code == 0
    Path("new.csv").write_text("a,b,price\n" + "1,2,cheap\n" * 30)
    outcome = nncli("train", "--from", "price.npz", "new.csv", "-o", "new.npz")
    assert (outcome.code, outcome.err.startswith("new.csv:2: target column 'price': expected a number")) == (1, True)


@pytest.mark.parametrize("words", ["", "--replay jan.csv", "--refit-scaling", "--replay-share 0.5"])
@pytest.mark.usefixtures("january")
def test_what_needs_a_model_or_rows_says_so(words: str, nncli: Run) -> None:
    before_it = ["--from", "jan.npz"] if not words else ["feb.csv"]
    outcome = nncli("train", *before_it, *words.split())
    told = (
        "DATA: expected new rows to learn from, found none."
        if not words
        else f"{words.split()[0]}: it is for rows that"
    )
    assert (outcome.code, outcome.err.startswith(told)) == (2, True), outcome.err
