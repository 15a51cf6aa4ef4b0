# ruff: noqa: E501  (a case stands on one line)
"""Thresholds, costs and positive classes that cannot be are refused, and no model file holds one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nncli.model.decision import Decision

Run = Callable[..., Any]
COSTS = ((0.0, 1.0), (5.0, 0.0))  # a false alarm costs 1, a missed row 5

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("breast-cancer --positive maligant", "--positive: no class is called 'maligant'. Did you mean 'malignant'?"),
        ("iris --positive setosa", "--positive: expected two classes, found 3. Leave it out."),
        ("iris --choose-threshold f1", "--choose-threshold: expected two classes, found 3. Leave it out, or say what mistakes cost, in a file for --cost."),
        ("breast-cancer --choose-threshold f2", "--choose-threshold: expected f1, mcc, cost, or a share above 0 such as recall=0.85 or precision=0.9, found 'f2'."),
        ("breast-cancer --choose-threshold recall=2", "--choose-threshold: expected f1, mcc, cost, or a share above 0 such as recall=0.85 or precision=0.9, found 'recall=2'."),
        ("breast-cancer --choose-threshold cost", "--choose-threshold: expected to know what mistakes cost. Add --cost missed=5,false-alarm=1."),
        ("breast-cancer --choose-threshold f1 --val 0", "--choose-threshold: there are no validation rows to choose on. Set --val above 0."),
        ("breast-cancer --choose-threshold f1 -m svm", "--choose-threshold: expected a model with probabilities, and svm gives scores. Add --calibrate."),
        ("breast-cancer --cost missed=5", "--cost: expected missed=5,false-alarm=1, numbers from 0 to 1e+30 of which one is above 0, found 'missed=5'."),
        ("breast-cancer --cost missed=-1,false-alarm=1", "--cost: expected missed=5,false-alarm=1, numbers from 0 to 1e+30 of which one is above 0, found 'missed=-1,false-alarm=1'."),
        ("iris --cost missed=5,false-alarm=1", "--cost: missed and false-alarm are mistakes between two classes, and there are 3. Name a CSV file with a row and a column for each class."),
        ("iris --cost nothing.csv", "nothing.csv: the costs cannot be read: No such file or directory. Write a row and a column for each of the classes setosa, versicolor and virginica, with their names."),
        ("iris --cost two.csv", "two.csv: expected a column for each class, found setosa and versicolor. Write a row and a column for each of the classes setosa, versicolor and virginica, with their names."),
        ("iris --cost words.csv", "words.csv: row 'versicolor', column 'virginica': expected a number up to 1e+30, found 'much'. Write what it costs, or 0."),
        ("iris --cost nan.csv", "nan.csv: row 'virginica', column 'setosa': expected a number up to 1e+30, found 'nan'. Write what it costs, or 0."),
        ("iris --cost empty.csv", "empty.csv: row 'setosa', column 'versicolor': expected a number up to 1e+30, found an empty cell. Write what it costs, or 0."),
        ("iris --cost large.csv", "large.csv: row 'setosa', column 'virginica': expected a number up to 1e+30, found '1e308'. Write what it costs, or 0."),
        ("iris --cost 1e308", "--cost: expected what each mistake costs, or a file with that, found the number 1e308. Name a CSV file with a row and a column for each class."),
        ("breast-cancer --cost 5", "--cost: expected what each mistake costs, or a file with that, found the number 5. Use --cost missed=5,false-alarm=1."),
        ("breast-cancer --cost missed=1e31,false-alarm=1", "--cost: expected missed=5,false-alarm=1, numbers from 0 to 1e+30 of which one is above 0, found 'missed=1e31,false-alarm=1'."),
        ("iris --cost twice.csv", "twice.csv: expected a row for each class, found setosa, setosa, versicolor and virginica. Write a row and a column for each of the classes setosa, versicolor and virginica, with their names."),
        ("iris --cost long.csv", "long.csv: row 'setosa': expected 3 costs, found 4. Write a row and a column for each of the classes setosa, versicolor and virginica, with their names."),
        ("iris --cost right.csv", "right.csv: row 'setosa': expected the right answer to cost less than a wrong one. Correct it: the cost of a right answer is usually 0."),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_is_refused_before_training(nncli: Run, options: str, line: str) -> None:
    head = ",setosa,versicolor,virginica\n"
    Path("two.csv").write_text(",setosa,versicolor\nsetosa,0,1\nversicolor,1,0\n")
    Path("words.csv").write_text(f"{head}setosa,0,1,1\nversicolor,1,0,much\nvirginica,1,1,0\n")
    Path("right.csv").write_text(f"{head}setosa,2,1,1\nversicolor,1,0,1\nvirginica,1,1,0\n")
    for name, row in {"nan": "virginica,nan,1,0", "empty": "setosa,0,,1", "large": "setosa,0,1,1e308"}.items():
        own = [row, *(one for one in ("setosa,0,1,1", "versicolor,1,0,1", "virginica,1,1,0") if one[:3] != row[:3])]
        Path(f"{name}.csv").write_text(head + "\n".join(own) + "\n")
    rows = "setosa,0,1,1\nversicolor,1,0,1\nvirginica,1,1,0\n"
    Path("twice.csv").write_text(f"{head}setosa,0,9,9\n{rows}")
    Path("long.csv").write_text(head + rows.replace("\n", ",7\n", 1))
    outcome = nncli("train", *options.split(), "-q")
    assert outcome.err == line + "\n"
    assert outcome.code in (1, 2)
    assert not Path("model.npz").exists()


@pytest.mark.parametrize(
    "changes",
    [{"positive": 2}, {"positive": -1}, {"threshold": float("nan")}, {"threshold": 3.0}, {"costs": ((0.0, 1.0),)},
     {"costs": ((0.0, float("inf")), (1.0, 0.0))}],
    ids=str,
)  # fmt: skip
def test_no_file_can_hold_a_decision_that_is_none(changes: dict[str, Any]) -> None:
    good = Decision(1, 0.5, COSTS)
    good.check(2)
    with pytest.raises(ValueError, match=r"decision that no model of 2 classes can have|costs of other classes"):
        dataclasses.replace(good, **changes).check(2)
