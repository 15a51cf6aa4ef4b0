"""The program as a filter: rows, answers and errors through pipes; real processes where it takes one."""

from __future__ import annotations

import csv
import io
import json
import os
import select
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_process import NASTY, PROGRAM, ROWS, TWO, answers, table
from cli_process import nncli as new_process

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("leaks_are_found_where_they_are_made")


@pytest.fixture(autouse=True)
def _in_the_folder_of_models(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)


# A filter


def test_rows_out_are_rows_in_in_order(work: Path) -> None:
    done = new_process("predict", "two.npz", "--keep", "id", stdin=TWO, cwd=work)
    assert (done.returncode, done.stderr) == (0, b"")
    rows = answers(done.stdout)
    assert [row["id"] for row in rows] == [str(i) for i in range(ROWS)]
    assert {row["prediction"] for row in rows} == {"yes", "no"}


def test_each_row_is_answered_before_the_next_is_written(work: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "predict", "two.npz"], cwd=work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin
        assert process.stdout
        received = b""

        def until(n: int) -> None:
            nonlocal received
            while received.count(b"\n") < n:
                assert select.select([process.stdout], [], [], 20)[0], f"no answer number {n}"
                received += os.read(process.stdout.fileno(), 1000)

        process.stdin.write(b"id,a,b\n")
        until(1)
        for i in range(5):
            process.stdin.write(f"{i},{i % 2}.{i},{i}\n".encode())
            until(2 + i)
        process.stdin.close()
        assert process.wait(20) == 0
    assert received.count(b"\n") == 6


@pytest.mark.parametrize("argv", [["predict", "two.npz", "many.csv"], ["predict", "two.npz", "-"]], ids=repr)
def test_a_reader_that_leaves_ends_it_quietly(argv: list[str], work: Path) -> None:
    head, *rows = TWO.splitlines(keepends=True)
    (work / "many.csv").write_text(head + "".join(rows) * 5000)  # 300,000 rows: more than a pipe holds
    with (
        (work / "many.csv").open("rb") as stdin,
        subprocess.Popen(
            [*PROGRAM, *argv], cwd=work, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
    ):
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"prediction\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) in (141, -signal.SIGPIPE)


@pytest.mark.parametrize("argv", [["predict", "two.npz", "two.csv"], ["info", "two.npz"], ["--help"]], ids=repr)
def test_full_disk_is_told_in_one_line(argv: list[str], work: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = new_process(*argv, cwd=work, stdout=full)
    assert (done.returncode, done.stderr) == (1, b"stdout: cannot write: No space left on device.\n")


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_stream_is_no_traceback(closed: int, work: Path) -> None:
    shell = '"$@" ' + {0: "0<&-", 1: "1>&-", 2: "2>&-"}[closed]
    argv = ["sh", "-c", shell, "sh", *PROGRAM, "predict", "two.npz", "-" if closed == 0 else "two.csv"]
    done = subprocess.run(argv, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert done.returncode == (0 if closed == 2 else 1)
    assert done.stderr.count(b"\n") == (0 if closed == 2 else 1)
    assert b"Traceback" not in done.stderr


def test_without_stderr_nothing_of_it_reaches_stdout(work: Path, tmp_path: Path) -> None:
    argv = ["sh", "-c", '"$@" 2>&-', "sh", *PROGRAM]
    train = ["train", str(work / "two.csv"), "--epochs", "2", "--json", "-o", "m.npz"]
    done = subprocess.run([*argv, *train], cwd=tmp_path, stdout=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["out"] == "m.npz"


def test_no_rows_are_answered_by_a_header(nncli: Run) -> None:
    done = nncli("predict", "two.npz", "--proba", stdin="id,a,b\n")
    assert (done.code, done.out, done.err) == (0, "prediction,p_no,p_yes\n", "")


def test_nothing_on_stdin_is_an_error(nncli: Run) -> None:
    done = nncli("predict", "two.npz")
    assert (done.code, done.out, done.err) == (1, "", "stdin: the file is empty.\n")


# What the columns hold


def test_keep_all_puts_the_input_first(nncli: Run) -> None:
    done = nncli("predict", "two.npz", "two.csv", "--keep", "all")
    lines = done.out.splitlines()
    assert [line.rpartition(",")[0] for line in lines] == TWO.splitlines()
    assert lines[0] == "id,a,b,label,prediction"


def test_probabilities_sum_to_one_and_agree_with_the_prediction(nncli: Run) -> None:
    done = nncli("predict", "nasty.npz", "nasty.csv", "--proba")
    rows = answers(done.out)
    assert len(rows) == 80
    for row in rows:
        P = {name.removeprefix("p_"): float(p) for name, p in row.items() if name != "prediction"}
        assert sorted(P) == sorted(NASTY)
        assert abs(sum(P.values()) - 1) < 1e-5
        assert max(P, key=lambda name: P[name]) == row["prediction"]


@pytest.mark.parametrize("threshold", ["0", "0.3", "0.9"])
def test_threshold_is_that_of_the_second_class(nncli: Run, threshold: str) -> None:
    rows = answers(nncli("predict", "two.npz", "two.csv", "--proba", "--threshold", threshold).out)
    assert len(rows) == ROWS
    for row in rows:
        assert row["prediction"] == ("yes" if float(row["p_yes"]) >= float(threshold) else "no")


def test_blank_answers_for_unreadable_rows_are_counted(nncli: Run) -> None:
    lines = TWO.splitlines(keepends=True)
    lines[5], lines[9], lines[20] = "4,zero,4,yes\n", "8,1.0\n", '19,1.9,"\xff",no\n'
    data = "".join(lines).encode("latin-1")
    blank = nncli("predict", "two.npz", "--on-error", "blank", stdin=data)
    whole = nncli("predict", "two.npz", stdin=TWO)
    assert blank.code == 0
    expected = whole.out.splitlines()
    for bad in (5, 9, 20):
        expected[bad] = '""'
    assert blank.out.splitlines() == expected
    told = blank.err.splitlines()
    assert told[0].startswith("stdin:6: column 'a': expected a number, found 'zero'.")
    assert told[-1] == "3 rows could not be read and got an empty prediction"


def test_lines_of_json_say_what_the_csv_says(nncli: Run) -> None:
    nasty = table([["id", "a", "b"], *([cell, str(i), "x" if i == 2 else "1"] for i, cell in enumerate(NASTY))])
    words = ["predict", "two.npz", "--proba", "--keep", "id", "--on-error", "blank", "-q"]
    plain = answers(nncli(*words, stdin=nasty).out)
    found = [json.loads(line) for line in nncli(*words, "--jsonl", stdin=nasty).out.splitlines()]
    assert [row["id"] for row in found] == NASTY
    assert found[2] == {"id": NASTY[2], "prediction": None, "p_no": None, "p_yes": None}
    for row, cells in zip(found, plain, strict=True):
        as_csv = {name: "" if value is None else value for name, value in row.items()}
        assert {name: float(v) if v and name[:2] == "p_" else v for name, v in cells.items()} == as_csv
    labels = nncli("predict", "two.npz", "two.csv", "--jsonl").out.splitlines()
    assert set(labels) == {'{"prediction":"no"}', '{"prediction":"yes"}'}
    refused = nncli("predict", "two.npz", "two.csv", "--jsonl", "--escape-formulas")
    assert refused.err == "--escape-formulas: a spreadsheet does not read JSON. Leave it out.\n"


@pytest.mark.parametrize("rows", [30, 30_000])
def test_rows_before_a_bad_one_are_answered(nncli: Run, rows: int) -> None:
    """Be they in the same block or not."""
    header, *lines = TWO.splitlines(keepends=True)
    good = "".join(lines[i % 40] for i in range(rows))
    done = nncli("predict", "two.npz", "--keep", "id", stdin=header + good + "4,zero,4,yes\n" + good)
    assert done.code == 1
    assert done.err.startswith(f"stdin:{rows + 2}: column 'a': expected a number, found 'zero'.")
    assert [row["id"] for row in answers(done.out)] == [lines[i % 40].split(",")[0] for i in range(rows)]


def test_blank_answers_have_blank_probabilities(nncli: Run) -> None:
    argv = ["predict", "two.npz", "--on-error", "blank", "--proba", "--keep", "id", "-q"]
    done = nncli(*argv, stdin="id,a,b\n1,x,2\n2,0.5,3\n")
    assert done.err == ""
    first, second = answers(done.out)
    assert first == {"id": "1", "prediction": "", "p_no": "", "p_yes": ""}
    assert second["prediction"] in ("no", "yes")


def test_an_error_midway_leaves_the_old_file_and_nothing_else(nncli: Run, tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text("old")
    data = "".join(TWO.splitlines(keepends=True)[:1] + TWO.splitlines(keepends=True)[1:] * 2000) + "x,y,z,w\n"
    done = nncli("predict", "two.npz", "-o", tmp_path / "answers.csv", stdin=data)
    assert done.code == 1
    assert done.err.startswith("stdin:120002: column 'a': expected a number, found 'y'.")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"answers.csv": "old"}


def test_output_to_a_file_equals_that_to_stdout(nncli: Run, tmp_path: Path) -> None:
    done = nncli("predict", "two.npz", "two.csv", "-o", tmp_path / "answers.csv")
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / "answers.csv").read_text() == nncli("predict", "two.npz", "two.csv").out


def test_output_to_a_pipe_in_the_file_system_does_not_replace_it(nncli: Run, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        for argv in (["predict", "two.npz", "two.csv"], ["train", "two.csv", "-q", "--epochs", "2"]):
            nncli(*argv, "-o", fifo)
            assert stat.S_ISFIFO(fifo.stat().st_mode)
    finally:
        os.close(reader)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_odd_class_names_come_back_exactly(nncli: Run, delimiter: str) -> None:
    rows = [["colour, of it", "x", "note"]]
    rows += [[NASTY[(i + 3) % 8], str(i % 8), NASTY[(i * 5) % 8]] for i in range(16)]
    done = nncli("predict", "nasty.npz", "--keep", "all", stdin=table(rows, delimiter))
    assert done.code == 0, done.err
    back = list(csv.reader(io.StringIO(done.out, newline="")))
    assert [row[:3] for row in back] == rows
    assert [row[3] for row in back] == ["prediction", *(NASTY[i % 8] for i in range(16))]


def test_order_extra_columns_and_the_target_change_nothing(nncli: Run) -> None:
    expected = nncli("predict", "two.npz", "--proba", stdin=TWO).out
    rows = [line.split(",") for line in TWO.splitlines()]
    shuffled = table([[b, "extra", a, i] for i, a, b, _ in rows])
    bare = table([row[:3] for row in rows])
    for data in (shuffled.replace("extra", "é", 1), bare):
        done = nncli("predict", "two.npz", "--proba", stdin=data)
        assert (done.code, done.out) == (0, expected)


def test_an_input_column_called_prediction_is_not_confused_with_ours(nncli: Run) -> None:
    done = nncli(
        "predict", "two.npz", "--keep", "all", stdin="id,a,b,prediction\n1,2,3,old\n"
    )  # fmt: skip
    if done.code == 0:
        header = done.out.splitlines()[0].split(",")
        assert len(set(header)) == len(header)
    else:
        assert done.err.count("\n") == 1


# Train and eval in pipes


def test_training_on_stdin_is_training_on_the_file(nncli: Run, tmp_path: Path) -> None:
    piped = nncli("train", "-", "--epochs", "3", "--json", "-q", "-o", tmp_path / "m.npz", stdin=TWO)
    named = nncli("train", "two.csv", "--epochs", "3", "--json", "-q", "-o", tmp_path / "m.npz")
    assert (piped.code, piped.err) == (0, "")
    one, other = json.loads(piped.out), json.loads(named.out)
    assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_eval_on_stdin_is_eval_on_the_file(nncli: Run) -> None:
    piped = nncli("eval", "two.npz", "-", "--json", stdin=TWO)
    named = nncli("eval", "two.npz", "two.csv", "--json")
    assert piped.code == 0
    assert piped.out.replace("of stdin", "of two.csv") == named.out


def test_the_rows_of_an_evaluation_are_part_of_its_result(nncli: Run) -> None:
    for words, rows in ((["two.csv"], "all 60 rows of two.csv"), ([], "the 9 test rows of two.csv")):
        printed = nncli("eval", "two.npz", *words, "-q")
        assert printed.out.splitlines()[0] == f"evaluated on {rows}"
        assert json.loads(nncli("eval", "two.npz", *words, "--json", "-q").out)["evaluated_on"] == rows


PARTS = ["train", "val", "test"]
TRAIN_KEYS = ["model", "out", "classes", "n_train", "n_val", "n_test", "epochs", "best_epoch", "seconds", *PARTS]
EVAL_KEYS = ["n", "accuracy", "accuracy_interval", "balanced_accuracy", "log_loss", "f1_macro", "f1_weighted"]
EVAL_KEYS += ["roc_auc", "ece", "per_class", "confusion_matrix", "confusion_matrix_omitted", "confusion_counts"]
EVAL_KEYS += ["classes"]


@pytest.mark.parametrize(
    ("argv", "keys"),
    [
        (["train", "two.csv", "--epochs", "2", "-o", "m.npz"], [*TRAIN_KEYS, "baseline_accuracy"]),
        (["train", "two.csv", "--dry-run"], []),
        (["eval", "two.npz", "two.csv"], EVAL_KEYS),
        (["info", "two.npz"], []),
    ],
    ids=lambda value: " ".join(value[:2]),
)
def test_json_is_one_document_with_the_promised_keys(nncli: Run, argv: list[str], keys: list[str]) -> None:
    done = nncli(*argv, "--json")
    assert done.code == 0
    document = json.loads(done.out)
    assert set(keys) <= set(document)
    for part in PARTS:
        if part in keys:
            assert set(document[part]) >= {"loss", "accuracy"}
    if keys is EVAL_KEYS:
        assert len(document["accuracy_interval"]) == 2
        assert np.sum(document["confusion_matrix"]) == document["n"]
        assert list(document["per_class"]) == document["classes"]


@pytest.mark.parametrize(
    "argv",
    [
        ["train", "two.csv", "--epochs", "2", "-o", "m.npz"],
        ["train", "two.csv", "--epochs", "2", "-o", "m.npz", "--val", "0", "--test", "0"],
        ["eval", "two.npz", "new.csv"],
        ["predict", "two.npz", "bare.csv"],
        ["predict", "two.npz", "broken.csv", "--on-error", "blank"],
    ],
    ids=" ".join,
)
def test_quiet_says_nothing(nncli: Run, argv: list[str], work: Path) -> None:
    (work / "bare.csv").write_text("".join(line.partition(",")[2] for line in TWO.splitlines(keepends=True)[1:]))
    (work / "broken.csv").write_text(TWO + "x,x,x,x\n")
    (work / "new.csv").write_text("a;b;label\n0.5;0.25;yes\n0.25;0.5;no\n")
    loud, quiet = nncli(*argv), nncli(*argv, "-q")
    assert loud.err != ""  # or the test would show nothing
    assert (quiet.code, quiet.err) == (0, "")
