"""`predict` and `eval` of many files: in order, and the same for any number of processes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

from cli_errors import BAD_COMMAND, BAD_DATA
from nncli.data.bundled import path_of
from short_and_long import some_short

Run = Callable[..., Any]
HEADER, *ROWS = path_of("iris").read_text().splitlines(keepends=True)
FILES = ["c.csv", "a.csv", "e.csv", "b.csv", "d.csv"]  # in the order of the command line, not of their names
OF_FILE = "caaeeebbbbddddd"  # which of fifteen rows are whose: 10, 20, 30, 40 and 50 in all


def rows_of(file: str) -> list[str]:
    return [row for i, row in enumerate(ROWS) if OF_FILE[i % 15] == file[0]]


@pytest.fixture(autouse=True)
def _parts_of_iris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, iris_model: Path) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(iris_model, "m.npz")
    for file in FILES:
        Path(file).write_text(HEADER + "".join(rows_of(file)))


def one_by_one(nncli: Run, *options: str) -> str:
    """What the files come to, each with a command of its own."""
    parts = [nncli("predict", "m.npz", file, *options).out for file in FILES]
    header = parts[0].splitlines(keepends=True)[0]
    return header + "".join(part.removeprefix(header) for part in parts)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_answers_come_in_the_order_of_the_files_under_one_header(nncli: Run, jobs: str) -> None:
    expected = one_by_one(nncli, "--keep", "petal_length_cm")
    assert expected.count("\n") == 151
    outcome = nncli("predict", "m.npz", *FILES, "--keep", "petal_length_cm", "--jobs", jobs)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == expected


@pytest.mark.long
def test_figures_are_the_same_for_any_number_of_jobs(nncli: Run) -> None:
    alone = nncli("predict", "m.npz", *FILES, "--proba")
    several = nncli("predict", "m.npz", *FILES, "--proba", "--jobs", "3", "-o", "out.csv")
    assert (alone.code, several.code, several.out) == (0, 0, "")
    assert Path("out.csv").read_text() == alone.out
    assert alone.out.startswith("prediction,p_")


@pytest.mark.long
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_row_that_cannot_be_read_ends_it_in_its_place(nncli: Run, jobs: str) -> None:
    """The files before it are answered, those after it are not; of an output file nothing is written."""
    expected = nncli("predict", "m.npz", *FILES[:2]).out
    Path(FILES[2]).write_text(HEADER + "1,2,x,4,setosa\n")
    outcome = nncli("predict", "m.npz", *FILES, "--jobs", jobs)
    assert outcome.code == BAD_DATA
    assert outcome.out == expected
    assert outcome.err.startswith("e.csv:2: ")
    assert outcome.err.count("\n") == 1
    Path("out.csv").write_text("before")
    assert nncli("predict", "m.npz", *FILES, "--jobs", jobs, "-o", "out.csv").code == BAD_DATA
    assert Path("out.csv").read_text() == "before"


@pytest.mark.parametrize("jobs", some_short(["1", "2"], 1))
def test_blank_predictions_of_all_files_are_counted(nncli: Run, jobs: str) -> None:
    for file in FILES[1:4]:
        Path(file).write_text(HEADER + "1,2,x,4,setosa\n" * 7 + ROWS[0])
    outcome = nncli("predict", "m.npz", *FILES, "--jobs", jobs, "--on-error", "blank")
    assert outcome.code == 0
    assert outcome.out.splitlines()[11:19] == ['""'] * 7 + ["setosa"]
    lines = outcome.err.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == ["a.csv"] * 7 + ["e.csv"] * 3  # ten are told
    assert lines[-1] == "21 rows could not be read and got an empty prediction"


@pytest.mark.parametrize("jobs", some_short(["1", "2"], 1))
def test_other_columns_to_keep_are_refused(nncli: Run, jobs: str) -> None:
    cells = [row.rstrip("\n") for row in [HEADER, *ROWS[:3]]]
    Path("b.csv").write_text("".join(f"{row},{'note' if i == 0 else i}\n" for i, row in enumerate(cells)))
    outcome = nncli("predict", "m.npz", *FILES, "--keep", "all", "--jobs", jobs)
    assert outcome.code == BAD_DATA
    assert outcome.err.startswith("b.csv: expected the columns of c.csv to keep, '")
    assert outcome.err.endswith("Name with --keep only columns that all files have.\n")
    assert outcome.out.count("\n") == 61  # the three files before


@pytest.mark.long
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_each_file_is_evaluated_and_all_of_them(nncli: Run, jobs: str) -> None:
    outcome = nncli("eval", "m.npz", *FILES, "--json", "--jobs", jobs, "-q")
    assert outcome.code == 0, outcome.err
    found = outcome.json
    assert [part.pop("data") for part in found["files"]] == FILES
    for part, file in zip(found["files"], FILES, strict=True):
        alone = nncli("eval", "m.npz", file, "--json", "-q").json
        assert alone["evaluated_on"] == f"all {part['n']} rows of {file}"
        assert part == alone
    # all of them, by scikit-learn from the answers
    lines = [line.split(",") for line in nncli("predict", "m.npz", *FILES, "--proba").out.splitlines()]
    truth = [row.strip().split(",")[-1] for file in FILES for row in rows_of(file)]
    predicted, P = [line[0] for line in lines[1:]], [[*map(float, line[1:])] for line in lines[1:]]
    together = found["all"]
    assert together["n"] == 150
    assert together["accuracy"] == sum(map(str.__eq__, truth, predicted)) / 150
    assert together["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, predicted), rel=1e-12)
    assert together["log_loss"] == pytest.approx(log_loss(truth, np.float32(P)), rel=1e-5)


def test_the_table_has_a_line_for_each_file(nncli: Run) -> None:
    outcome = nncli("eval", "m.npz", *FILES, "-q")
    assert [line.split()[0] for line in outcome.out.splitlines()[2:]] == [*FILES, "all"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("predict m.npz - a.csv", "-: stdin cannot be one of several files, nor read by other processes. Name files."),
        ("eval m.npz a.csv -", "-: stdin cannot be one of several files, nor read by other processes. Name files."),
        ("predict m.npz a.csv b.csv --jobs 0", "--jobs: expected a whole number from 1, found '0'."),
        ("eval m.npz --cluster tcp://127.0.0.1:1 --insecure", "--cluster: there are no files to share out. Name some."),
    ],
)
def test_what_cannot_be_is_refused(nncli: Run, words: str, line: str) -> None:
    outcome = nncli(*words.split())
    assert (outcome.code, outcome.out) == (BAD_COMMAND, "")
    assert outcome.err == line + "\n"


def test_a_second_table_in_one_of_several_files_is_not_cut_off_with_an_option_that_cuts_all(
    tmp_path: Path, nncli: Callable[..., Any]
) -> None:
    rows = "".join(f"{i},{i * i % 17},{'pq'[i // 2 % 2]}\n" for i in range(40))
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("a,b,class\n" + rows)
    two.write_text("a,b,class\n" + rows + "\nx,y\n1,2\n1,2\n1,2\n")
    alone = nncli("train", two, "-q", "--epochs", "1", "-o", tmp_path / "m.npz")
    assert alone.err.endswith(", of 2 columns. Read the first one with --rows 1:40.\n")
    swapped = nncli("train", two, one, "-q", "--epochs", "1", "-o", tmp_path / "m.npz")
    assert swapped.err.endswith(", of 2 columns. Put it in a file of its own.\n")
    both = nncli("train", one, two, "-q", "--epochs", "1", "-o", tmp_path / "m.npz")
    assert both.err.endswith(", of 2 columns. Put it in a file of its own.\n")
    part = nncli("train", one, "--val-data", two, "-q", "--epochs", "1", "-o", tmp_path / "m.npz")
    assert part.err.endswith(", of 2 columns. Put it in a file of its own.\n")
    two.write_text("a,b,class\n" + rows)  # as advised
    assert nncli("train", one, two, "-q", "--epochs", "1", "-o", tmp_path / "m.npz").code == 0
