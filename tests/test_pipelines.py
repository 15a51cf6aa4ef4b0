"""predict as a filter among other programs: real processes, joined by real pipes, where it takes them."""

from __future__ import annotations

import gzip
import os
import select
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_process import PROGRAM, answers
from nncli.cli.main import main
from short_and_long import some_short

Run = Callable[..., Any]

ROWS = 40_000  # some blocks of them
PATIENCE = 20  # seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """rows.csv, many rows with numbers in order; signs.npz, which answers whether x is above 0.5."""
    path = tmp_path_factory.mktemp("pipes")
    learn = "x,city,class\n" + "".join(f"{i / 100},{'ab'[i % 2]},{'high' if i > 50 else 'low'}\n" for i in range(100))
    (path / "learn.csv").write_text(learn)
    rows = "".join(f"{i},{i * 7 % 100 / 100},{'ab'[i % 2]},{'z' * 30}\n" for i in range(ROWS))
    (path / "rows.csv").write_text(f"id,x,city,note\n{rows}")
    (path / "rows.csv.gz").write_bytes(gzip.compress((path / "rows.csv").read_bytes(), 1))
    train = ["train", "learn.csv", "--model", "logistic", "--optimizer", "lbfgs", "--val", "0", "-q", "-o", "signs.npz"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        assert main(train) == 0
    return path


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """The line as bash runs it, and the exit code of the program, wherever it stands in it."""
    program = f'nncli() {{ {shlex.join(PROGRAM)} "$@"; echo $? >code; }}; '
    done = subprocess.run(["bash", "-c", program + line], cwd=folder, capture_output=True, timeout=60, check=False)
    done.returncode = int((folder / "code").read_text())
    return done


@pytest.mark.parametrize(
    "before",
    some_short(
        [
            "cat rows.csv.gz",
            "gzip -dc rows.csv.gz",
            "dd if=rows.csv bs=777 status=none",  # rows cut anywhere
            "cat rows.csv",
            "(head -1 rows.csv; tail -n +2 rows.csv)",
            "tee copy.csv <rows.csv",
        ],
        3,
    ),
)
def test_whatever_writes_the_rows_each_is_answered_in_order(before: str, folder: Path) -> None:
    done = shell(f"{before} | nncli predict signs.npz --keep id", folder)
    assert (done.returncode, done.stderr) == (0, b"")
    found = answers(done.stdout)
    assert [int(row["id"]) for row in found] == list(range(ROWS))
    clear = [i for i in range(ROWS) if abs(i * 7 % 100 - 50) > 5]  # what is far from the border
    assert [found[i]["prediction"] for i in clear] == ["high" if i * 7 % 100 > 50 else "low" for i in clear]


@pytest.mark.parametrize(
    ("after", "lines"), some_short([("head -3", 3), ("head -1", 1), ("true", 0), ("sed 5q", 5)], 2)
)
def test_a_reader_that_has_had_enough_ends_it_without_a_word(after: str, lines: int, folder: Path) -> None:
    done = shell(f"cat rows.csv | nncli predict signs.npz --keep id | {after}", folder)
    assert (done.returncode, done.stderr) == (141, b"")
    assert done.stdout.count(b"\n") == lines


def test_two_of_them_in_a_row(nncli: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = "head -101 rows.csv | nncli predict signs.npz --keep x,city,id"
    done = shell(f"{first} | nncli predict signs.npz --keep id | cut -d, -f2 | sort | uniq -c", folder)
    counts = {line.split()[1]: int(line.split()[0]) for line in done.stdout.decode().splitlines()}
    assert counts.pop("prediction") == 1
    assert sum(counts.values()) == 100
    monkeypatch.chdir(folder)
    done = nncli("predict", "signs.npz", "--keep", "prediction", stdin="x,city,prediction\n0.9,a,high\n")
    assert "the input has a column 'prediction', and so has the output" in done.err


def test_a_full_disk_behind_it_is_one_line_and_a_code(folder: Path) -> None:
    done = shell("cat rows.csv | nncli predict signs.npz >/dev/full", folder)
    assert (done.returncode, done.stderr) == (1, b"stdout: cannot write: No space left on device.\n")


def test_what_is_appended_to_a_file_is_answered_as_it_comes(folder: Path) -> None:
    growing = folder / "growing.csv"
    growing.write_text("id,x,city\n1,0.9,a\n")
    follow = shutil.which("tail")
    assert follow
    with (
        subprocess.Popen([follow, "-n", "+1", "-f", "growing.csv"], cwd=folder, stdout=subprocess.PIPE) as tail,
        subprocess.Popen(
            [*PROGRAM, "predict", "signs.npz", "--keep", "id"], cwd=folder, stdin=tail.stdout, stdout=subprocess.PIPE
        ) as predict,
    ):
        received = until(predict, 2, b"")
        for i in (2, 3):
            with growing.open("a") as file:
                file.write(f"{i},0.{i},a\n{'' if i == 3 else '9,0.9,b'}")  # half a row is none yet
            received = until(predict, 1 + i, received)
            if i == 2:
                with growing.open("a") as file:
                    file.write("9\n")
                received = until(predict, 4, received)
                received = received.replace(b"9,high\n", b"")
        tail.terminate()
        assert predict.wait(PATIENCE) == 0
    assert received == b"id,prediction\n1,high\n2,low\n3,low\n"


def until(process: subprocess.Popen[bytes], lines: int, received: bytes) -> bytes:
    assert process.stdout
    while received.count(b"\n") < lines:
        assert select.select([process.stdout], [], [], PATIENCE)[0], f"no line number {lines}"
        received += os.read(process.stdout.fileno(), 1000)
    return received


def test_a_writer_that_dies_in_the_middle_of_a_row_is_told(folder: Path) -> None:
    done = shell("head -c 100003 rows.csv | nncli predict signs.npz --keep id", folder)
    text = (folder / "rows.csv").read_bytes()[:100003]
    whole, last = text.count(b"\n"), text.rsplit(b"\n", 1)[1]
    if last.count(b",") == 3:  # the row is there but for some letters of a note that nobody reads
        assert (done.returncode, done.stdout.count(b"\n")) == (0, whole + 1)
    else:
        assert done.returncode == 1
        assert done.stderr.startswith(f"stdin:{whole + 1}: expected 4 columns, found {last.count(b',') + 1}".encode())
        assert done.stdout.count(b"\n") == whole


def test_categories_that_are_new_are_answered_and_counted(
    nncli: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    rows = "x,city\n0.9,a\n0.9,new\n0.9,\n0.1,newer\n"
    for more, files in (([], ["-"]), (["--jobs", "2"], ["n.csv", "n.csv"])):
        (folder / "n.csv").write_text(rows)
        done = nncli("predict", "signs.npz", *files, *more, stdin=rows)
        n = 2 * len(files)
        assert done.out.count("\n") == 1 + 4 * len(files)
        unseen, missing = done.err.splitlines()
        assert unseen == f"column 'city': {n} cells with a category that the model has not seen"
        cells = f"{len(files)} cell{'s' * (len(files) > 1)}"
        assert f": values are missing where none was in training: 'city' ({cells}); each counts as an unseen" in missing


def test_a_slow_writer_waits_for_nothing_but_its_own_rows(folder: Path) -> None:
    """Each row alone, its answer at once: the next is written only then, so that it could not be waited for."""
    command = [*PROGRAM, "predict", "signs.npz"]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin
        process.stdin.write(b"x,city\n")
        received = until(process, 1, b"")
        for i in range(30):
            for part in (f"0.{i}", f",{'ab'[i % 2]}", "\n"):  # in pieces, too
                process.stdin.write(part.encode())
                time.sleep(0.001)
            received = until(process, 2 + i, received)
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
