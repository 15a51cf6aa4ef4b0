"""nncli check: what a file is, and what in it could fool somebody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def write(rows: list[str], header: str = "a,b,class") -> None:
    Path("d.csv").write_text("\n".join([header, *rows]) + "\n")


def findings(nncli: Run, *words: str) -> list[str]:
    found: list[str] = nncli("check", "d.csv", *words, "--json").json["findings"]
    return found


def test_columns_are_told_with_what_becomes_of_them(nncli: Run) -> None:
    rows = [f"{i % 7 / 2},{['x', 'y', 'z', ''][i % 4]},2026-01-{i % 28 + 1:02},1,{i},{'pq'[i % 2]}" for i in range(196)]
    rows[3] = "?" + rows[3][rows[3].index(",") :]
    write(rows, "number,text,date,same,id,class")
    outcome = nncli("check", "d.csv", "--json")
    assert outcome.code == 0
    assert outcome.err == "target column: class (the only column called label, target, class or y)\n" + (
        "column 'id': left out, as it counts the rows (--numeric keeps it)\n"
    )
    found = {column["name"]: column for column in outcome.json["columns"]}
    assert outcome.json["classes"] == {"p": 98, "q": 98}
    assert [(c["kind"], c["missing"], c["distinct"]) for c in found.values()] == [
        ("number", 1, 7), ("text", 49, 3), ("date", 0, 28), ("number", 0, 1)
    ]  # fmt: skip
    assert (found["number"]["low"], found["number"]["high"]) == (0, 3)
    assert found["number"]["becomes"] == "standardised; if missing: 1.5, the median"
    assert found["text"]["becomes"] == "5 inputs: 3 values, missing, any other"
    assert found["same"]["becomes"] == "not used: the same in all training rows"
    shown = nncli("check", "d.csv", "-q").out
    assert "2026-01-01 to 2026-01-28" in shown
    assert "d.csv: 196 rows, 4 columns, 2 classes" in shown


def test_duplicate_rows_are_reported(nncli: Run) -> None:
    rows = [f"{i * 37 % 401},{i * i % 11},{'pq'[i % 2]}" for i in range(200)]
    write(rows)
    assert not [line for line in findings(nncli) if "duplicate" in line or "another class" in line]
    write([*rows, *rows[:20]])
    [before, *parts] = [line for line in findings(nncli) if "row" in line]
    assert before == "20 of 220 rows are duplicates of an earlier row with the same class (--dedupe keeps the first)"
    assert parts
    assert all("rows have the same values as a training row: the " in part for part in parts)
    write([*rows, rows[0][:-1] + "q"])
    assert "1 row has the same values as an earlier row and another class: no model can learn both" in findings(nncli)


def test_a_column_that_gives_the_class_away(nncli: Run) -> None:
    numbers = np.random.default_rng(0).permutation(300)  # multiples of one number in turn may give a class away too
    write([f"{a},{'won' if i % 3 else 'lost'},{i % 3 and 1}" for i, a in enumerate(numbers)])
    [line] = findings(nncli)
    assert line == (
        "column 'b' alone predicts 100.0 % of each class, on average: will you know it when you predict? "
        "If not, leave it out with --drop b"
    )
    write([f"{i * 37 % 997},{i * 53 % 97},{int(i * 37 % 997 > 500)}" for i in range(300)])
    [line] = findings(nncli)
    assert line.startswith("column 'a' alone predicts ")


def test_outliers_and_rare_classes_are_found(nncli: Run) -> None:
    rows = [f"{i % 10},{i * 7 % 31},{'pq'[i * 3 % 7 > 2]}" for i in range(300)]
    rows[17] = "99999,1,p"
    rows += [f"3,{i},r" for i in range(12)]
    write(rows)
    found = findings(nncli)
    assert "column 'a' reaches 99999, while half of its values lie between 2 and 7" in found
    assert "class 'r' has 12 of 312 rows: --class-weight balanced gives all classes equal weight" in found


@pytest.mark.parametrize("last", ["", "1,maybe\n"], ids=["trained", "refused"])
@pytest.mark.parametrize(("rows", "becomes"), [(199, "standardised"), (201, "by median and quartiles")])
def test_columns_become_what_the_model_of_so_many_rows_makes_of_them(
    rows: int, becomes: str, last: str, nncli: Run
) -> None:
    """A class of one row is refused, which does not change what its model would be."""
    n = rows - bool(last)
    Path("d.csv").write_text("a,label\n" + "".join(f"{i / 7:.3f},{'pq'[i % 2]}\n" for i in range(n)) + last)
    outcome = nncli("check", "d.csv", "--json")
    assert outcome.code == (1 if last else 0)
    [column] = outcome.json["columns"]
    assert column["becomes"] == becomes


def test_what_train_would_refuse_is_told_behind_the_tables(nncli: Run) -> None:
    write([f"{i % 9},{i * 7 % 31},{'pq'[i % 2]}" for i in range(40)] + ["1,2,r"])
    outcome = nncli("check", "d.csv")
    refused = nncli("train", "d.csv", "-q")
    assert outcome.code == refused.code == 1
    assert outcome.err.splitlines()[-1] == refused.err.strip()
    assert "d.csv: 41 rows, 2 columns, 3 classes" in outcome.out
    broken = nncli("check", "elsewhere.parquet")
    assert (broken.code, broken.out, broken.err) == (1, "", "elsewhere.parquet: no such file.\n")


def test_check_takes_only_options_that_matter_to_it(nncli: Run) -> None:
    assert nncli("check", "iris", "--lr", "0.1").code == 2
    assert nncli("check", "iris", "--drop", "sepal_width_cm", "-q").code == 0


@pytest.mark.parametrize("name", ["digits", "wine", "breast-cancer", "xor", "digits-idx"])
def test_bundled_sets_are_fine(name: str, nncli: Run) -> None:
    assert nncli("check", name, "-q").code == 0


def with_damage(bad: int, cell: str = "x") -> None:
    """Write 100 rows, of which so many have no number in column a."""
    rows = [f"{cell if i < bad else i * 7 % 31},{i * i % 17},{'pq'[i % 2]}" for i in range(100)]
    Path("d.csv").write_text("a,b,class\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize(("bad", "is_large"), [(1, False), (5, False), (6, True), (40, True)])
def test_rows_that_are_left_out_are_a_problem_and_many_a_large_one(bad: int, is_large: bool, nncli: Run) -> None:
    with_damage(bad)
    first, *lines = findings(nncli, "--on-error", "skip", "--numeric", "a")
    assert first.startswith(f"left out {bad} of 100 rows, which cannot be read")
    assert lines[0] == "d.csv:2: left out: column 'a': expected a number, found 'x'"
    assert sum(": left out: " in line for line in lines) == min(bad, 10)
    told = f"{bad}.0 % of the rows are left out, and the others may not be like them: read without --on-error to see "
    assert (told + "what to do about the first" in lines) is is_large
    words = ["d.csv", "--numeric", "a", "-q"]
    assert ("may not be like" in nncli("train", *words, "--on-error", "skip", "--epochs", "1").err) is is_large
    assert "no problems found" not in nncli("check", "d.csv", "--on-error", "skip", "--numeric", "a").out
    if is_large:  # as advised
        assert nncli("train", *words).err.startswith(
            "d.csv:2: column 'a': expected a number, found 'x'. Add --missing x"
        )


@pytest.mark.parametrize("words", [["--weight", "a"], ["--group", "nobody"], ["--time", "class"]])
def test_what_is_refused_is_no_data_without_problems(words: list[str], nncli: Run) -> None:
    with_damage(100, "0")
    found = nncli("check", "d.csv", *words)
    assert found.code > 0
    assert "no problems found" not in found.out


def test_classes_that_differ_in_case_are_a_problem(nncli: Run) -> None:
    rows = [f"{i * i % 17},{'North' if i % 2 else 'north' if i % 4 else 'South'}" for i in range(60)]
    Path("d.csv").write_text("a,class\n" + "\n".join(rows) + "\n")
    assert "classes 'North' and 'north' differ only in capital letters or blanks, and are two classes" in findings(
        nncli
    )


def test_a_class_without_a_row_in_a_file_of_test_rows_is_to_be_looked_at(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("x,label\n" + "".join(f"{i * 7 % 31}.5,{'pqr'[i % 3]}\n" for i in range(60)))
    Path("b.csv").write_text("x,label\n" + "".join(f"{i * 5 % 37}.25,{'pq'[i % 2]}\n" for i in range(20)))
    told = nncli("check", "a.csv", "--test-data", "b.csv").out
    assert "  class 'r': there is no row of it in --test-data, so that their figures say nothing about it" in told
