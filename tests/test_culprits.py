# ruff: noqa: E501  (messages and their cases stand on one line each)
"""What the system refuses is told in one line, and of what it refused it to."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_process import PROGRAM, TWO, wait_for
from nncli.data.byte_input import open_raw
from nncli.errors import NncliError
from nncli.model import checkpoint
from nncli.system.processes import Processes
from short_and_long import more_of_each, some_short

Run = Callable[..., Any]
COMMANDS = {
    "train": "train two.csv --epochs 2 -q -o new.npz",
    "train-log": "train two.csv --epochs 2 -q -o new.npz --log log",
    "eval": "eval two.npz two.csv",
    "eval-files": "eval two.npz two.csv two.csv",
    "predict": "predict two.npz two.csv",
    "predict-out": "predict two.npz two.csv -o out.csv",
    "predict-files": "predict two.npz two.csv two.csv --jobs 2 -q",
    "sweep": "sweep two.csv --lr 0.02,0.01 --epochs 2 --jobs 1 -q --ledger new.jsonl -o new.npz",
    "info": "info two.npz",
    "check": "check two.csv",
    "gradcheck": "gradcheck two.csv --model softmax",
    "graph": "graph (a+b)^2 --at a=1,b=2",
    "datasets": "datasets",
    "help": "train --help",
    "version": "--version",
}
WITHOUT_FILES = ("graph", "datasets", "help", "version")


def run(
    words: str, folder: Path, preexec_fn: Callable[[], None] | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *words.split()], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
        env={**os.environ, **environment}, preexec_fn=preexec_fn,
    )  # fmt: skip


@pytest.fixture
def at_work(work: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("two.npz", "two.csv"):
        (folder / name).write_bytes((work / name).read_bytes())
    return folder


@pytest.mark.parametrize("allowed", some_short([6, 13], 1))
@pytest.mark.parametrize("command", some_short([name for name in COMMANDS if name not in WITHOUT_FILES], 3))
def test_too_few_descriptors_are_told_with_how_many_there_are(command: str, allowed: int, at_work: Path) -> None:
    limits = (allowed, 1000)
    done = run(COMMANDS[command], at_work, lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits))
    errors = done.stderr.decode()
    assert done.returncode in (0, 1), errors
    if done.returncode == 1:
        assert errors in (
            f"nncli: too many files are open: {allowed} are allowed. Allow more with ulimit -n 1000.\n",
            "--jobs: expected room for the processes, found that too many files are open. Ask for fewer processes, or "
            "allow more with ulimit -n.\n",
        )


def test_a_file_is_not_blamed_where_no_file_can_be_opened(at_work: Path) -> None:
    """Whichever file meets the limit first: this depends on the version of Python."""
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for read in (lambda: open_raw(str(at_work / "two.csv")), lambda: checkpoint.load(at_work / "two.npz")):
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, most))
        try:
            with pytest.raises(NncliError) as error:
                read()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
        assert error.value.where == "nncli"
        assert error.value.problem == f"too many files are open: {free} are allowed"


@pytest.fixture
def without_a_folder(at_work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder is gone."""
    (at_work / "gone").mkdir()
    monkeypatch.chdir(at_work / "gone")
    (at_work / "gone").rmdir()


@pytest.mark.usefixtures("without_a_folder")
def test_no_process_begins_where_the_working_folder_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Python 3.13.0 the helper process of loky dies there, of which each of its semaphores warns at its own end."""
    begun = list[object]()
    monkeypatch.setattr("loky.ProcessPoolExecutor", lambda *given, **named: begun.append(given))
    with pytest.raises(FileNotFoundError):
        Processes(1, "json")
    assert not begun


@pytest.mark.usefixtures("without_a_folder")
@pytest.mark.parametrize("command", COMMANDS)
def test_what_has_its_whole_name_needs_no_working_folder(command: str, nncli: Run, at_work: Path) -> None:
    words = COMMANDS[command].replace("two.", f"{at_work}/two.")
    for option in ("-o", "--log", "--ledger"):
        words = words.replace(f"{option} ", f"{option} {at_work}/")
    done = nncli(*words.split())
    if "--jobs 2" in words:  # other processes begin there
        line = "nncli: the working folder has been removed. Go to another with cd.\n"
        assert (done.code, done.err) == (1, line)
    else:
        assert done.code == 0, done.err
        assert "cannot" not in done.err


@pytest.mark.usefixtures("without_a_folder")
@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("train iris", "model.npz: cannot write: the working folder has been removed. Go to another with cd."),
        ("train iris -o /dev/null --log log", "log: cannot write: the working folder has been removed. Go to another with cd."),
        ("sweep iris --lr 0.1", "model.sweep.jsonl: cannot write: the working folder has been removed. Go to another with cd."),
        ("predict HERE/two.npz -o out.csv", "out.csv: cannot write: the working folder has been removed. Go to another with cd."),
        ("predict HERE/two.npz two.csv", "two.csv: no such file."),
        ("info two.npz", "two.npz: cannot read the model: No such file or directory. Make one with: nncli train."),
    ],
)  # fmt: skip
def test_a_working_folder_that_is_gone_is_told(words: str, line: str, nncli: Run, at_work: Path) -> None:
    done = nncli(*words.replace("HERE", str(at_work)).split())
    assert (done.code, done.out, done.err) == (1, "", line + "\n")


@pytest.mark.parametrize(
    ("most", "line"),
    [
        (
            0,
            "TMPDIR: expected a folder for temporary files that can be written to, found none. Make room in one, or set "
            "the variable to another.",
        ),
        (
            100,
            "TMP: cannot write temporary files: File too large. Allow larger files with ulimit -f, or set TMPDIR to "
            "another folder.",
        ),
    ],
)
def test_a_full_folder_of_temporary_files_is_told(most: int, line: str, at_work: Path) -> None:
    temporary = at_work / "temporary"
    temporary.mkdir()
    limit = (most, most)
    words = COMMANDS["predict-files"]
    done = run(words, at_work, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit), TMPDIR=str(temporary))
    assert (done.returncode, done.stderr.decode()) == (1, line.replace("TMP:", f"{temporary}:") + "\n")
    assert not list(temporary.iterdir())


def test_a_pipe_that_does_not_wait_gets_all(at_work: Path) -> None:
    """Whoever shares stdout may have made it so."""
    (at_work / "many.csv").write_text(TWO + "".join(TWO.splitlines(keepends=True)[1:]) * 2000)
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with subprocess.Popen([*PROGRAM, "predict", "two.npz", "many.csv"], cwd=at_work, stdout=theirs) as process:
        os.close(theirs)
        wait_for(lambda: "poll" in Path(f"/proc/{process.pid}/wchan").read_text())  # until it is empty again
        with os.fdopen(ours, "rb") as file:
            found = file.read()
        assert process.wait(30) == 0
    assert found.count(b"\n") == 1 + 60 * 2001


def limited(megabytes: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))


@pytest.mark.parametrize(
    ("command", "limits"),
    more_of_each(
        ["train", "predict", "info", "datasets", "eval"],
        2,
        short=(100, 290, 1400),
        long=(60, 100, 140, 250, 290, 350, 700, 1400),
    ),
)
def test_too_little_memory_for_the_libraries_is_one_line(command: str, limits: tuple[int, ...], at_work: Path) -> None:
    """What they would print or do by themselves is another thing at each limit."""
    codes = []
    for megabytes in limits:
        done = run(COMMANDS[command], at_work, limited(megabytes))
        codes.append(done.returncode)
        if done.returncode:
            found = (done.returncode, done.stderr)
            assert found == (1, b"nncli: there is not enough memory for this.\n"), megabytes
    assert codes == sorted(codes, reverse=True)
    assert codes[0] > codes[-1] == 0


def test_what_loads_no_library_needs_no_room(at_work: Path) -> None:
    for words in ("--help", "--version"):
        assert run(words, at_work, limited(60)).returncode == 0
