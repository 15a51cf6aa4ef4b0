# ruff: noqa: E501  (messages and their cases stand on one line each)
"""Where results go: pipes, devices, several names of one file. A reader gets one whole model; no input is overwritten."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_errors import contents
from cli_process import PROGRAM, TWO, wait_for
from cli_process import nncli as new_process
from nncli.model import checkpoint
from short_and_long import some_short

Run = Callable[..., Any]
TRAIN = ["train", "digits", "--hidden", "8", "--epochs", "10", "--patience", "10", "-q"]
AT_EACH_EPOCH = ["--save-every", "0"]


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@contextlib.contextmanager
def started(*argv: object, cwd: Path, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    with subprocess.Popen([*PROGRAM, *map(str, argv)], cwd=cwd, **more) as process:
        try:
            yield process
        finally:
            process.kill()


# Pipes and devices


def test_a_pipe_gets_one_whole_model_although_it_is_saved_often(nncli: Run, fifo: Path) -> None:
    with started(*TRAIN, *AT_EACH_EPOCH, "-o", fifo, cwd=fifo.parent) as process:
        data = fifo.read_bytes()
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, b"")
    assert nncli(*TRAIN, "-o", fifo.parent / "m.npz").code == 0
    assert data == (fifo.parent / "m.npz").read_bytes()
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize(
    ("name", "goes_to_a_file"), some_short(itertools.product(["-", "/dev/stdout", "/dev/fd/1"], [False, True]), 2)
)
def test_the_model_alone_goes_to_stdout(name: str, goes_to_a_file: bool, tmp_path: Path) -> None:
    more: dict[str, Any] = {}
    if goes_to_a_file:
        more["stdout"] = (tmp_path / "out.npz").open("wb")
    done = new_process("train", "iris", "--epochs", "3", "-o", name, cwd=tmp_path, **more)
    if goes_to_a_file:
        more["stdout"].close()
    else:
        (tmp_path / "out.npz").write_bytes(done.stdout)
    assert done.returncode == 0
    model, _ = checkpoint.load(tmp_path / "out.npz")
    assert model.classes == ("setosa", "versicolor", "virginica")
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_a_descriptor_of_the_shell_gets_one_whole_model(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    with started(*TRAIN, *AT_EACH_EPOCH, "-o", f"/dev/fd/{theirs}", cwd=tmp_path, pass_fds=[theirs]) as process:
        os.close(theirs)
        with os.fdopen(ours, "rb") as file:
            (tmp_path / "m.npz").write_bytes(file.read())
        assert process.wait(30) == 0
    checkpoint.load(tmp_path / "m.npz")


def test_dev_null_is_a_place_for_a_model(nncli: Run) -> None:
    done = nncli("train", "iris", "--epochs", "3", "--json", "-q", "-o", "/dev/null")
    assert (done.code, done.err) == (0, "")
    assert done.json["out"] == "/dev/null"


WAITING = {
    "model": "train iris --epochs 3 -q -o fifo",
    "log": "train iris --epochs 3 -q --log fifo",
    "answers": "predict two.npz two.csv -q -o fifo",
    "winner": "sweep iris --lr 0.1 --epochs 3 --jobs 1 -q -o fifo",
}


@pytest.fixture
def beside(fifo: Path, work: Path) -> Path:
    """A folder with a model, its data and a named pipe."""
    for name in ("two.npz", "two.csv"):
        (fifo.parent / name).write_bytes((work / name).read_bytes())
    return fifo.parent


def opens_a_pipe(process: subprocess.Popen[bytes]) -> bool:
    """Whether it waits in the kernel for somebody to open the other end."""
    return Path(f"/proc/{process.pid}/wchan").read_text() == "wait_for_partner"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
@pytest.mark.parametrize("command", some_short(WAITING, 1))
def test_the_first_signal_ends_a_wait_for_a_reader(command: str, number: signal.Signals, beside: Path) -> None:
    with started(*WAITING[command].split(), cwd=beside) as process:
        wait_for(lambda: opens_a_pipe(process))
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    line = {signal.SIGTERM: b"nncli: terminated.\n", signal.SIGINT: b"nncli: interrupted.\n"}[number]
    assert (process.returncode, errors) == (128 + number, line)


@pytest.mark.parametrize(
    "output", ["-o fifo", *(pytest.param(one, marks=pytest.mark.long) for one in ("-o -", "--log fifo")), "--log -"]
)
def test_a_signal_ends_a_training_whose_reader_takes_nothing(output: str, fifo: Path) -> None:
    """The log fills its pipe, or the model is larger than one."""
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    words = (
        "train xor --hidden 300x300 --epochs 3"
        if "-o" in output
        else "train xor --epochs 900000 --patience 900000 -o m.npz"
    )
    with started(*words.split(), "-q", *output.split(), cwd=fifo.parent) as process:
        wait_for(lambda: writes_to_a_full_pipe(process))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
        assert process.stderr
        errors = process.stderr.read()
    os.close(reader)
    assert errors == (b"nncli: terminated.\n" if "-o" in output else b"")
    if "--log" in output:  # it was asked while it trained, and not while it saved
        _, provenance = checkpoint.load(fifo.parent / "m.npz")
        assert provenance.state is not None


def writes_to_a_full_pipe(process: subprocess.Popen[bytes]) -> bool:
    """Whether it waits in the kernel for somebody to read from a pipe: in the middle of writing, or with a poll."""
    waits = ("pipe_write", "anon_pipe_write", "poll_schedule_timeout")
    return Path(f"/proc/{process.pid}/wchan").read_text().startswith(waits)


@pytest.mark.parametrize("command", ["model", "answers", pytest.param("winner", marks=pytest.mark.long)])
def test_a_reader_of_a_pipe_that_leaves_ends_it_as_one_of_stdout_would(command: str, beside: Path) -> None:
    words = WAITING[command].replace("--epochs 3", "--epochs 3 --hidden 300x300")  # more than a pipe holds
    (beside / "two.csv").write_text(TWO + "".join(TWO.splitlines(keepends=True)[1:]) * 3000)
    with started(*words.split(), cwd=beside) as process:
        with (beside / "fifo").open("rb") as reader:
            assert reader.read(1)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (141, b"")


def test_answers_in_a_pipe_are_those_on_stdout(nncli: Run, beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(beside)

    with started("predict", "two.npz", "two.csv", "-o", "fifo", cwd=beside) as process:
        found = (beside / "fifo").read_bytes()
        assert process.wait(30) == 0
    assert found.decode() == nncli("predict", "two.npz", "two.csv").out


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        ("train iris --resume -o fifo", 2, "--out: a run to resume is in a file, and not in fifo. Name the file with -o."),
        ("train iris --resume -o /dev/null", 2, "--out: a run to resume is in a file, and not in /dev/null. Name the file with -o."),
        ("train iris --resume -o /dev/stdout", 2, "--out: a run to resume is in a file, and not on stdout. Name the file with -o."),
        ("train iris --json -o /dev/stdout", 2, "--out: the model goes to stdout, where something else is to go too. Name a file with -o."),
        ("train iris -o socket", 1, "socket: cannot write: it is a socket. Choose another place with -o."),
        ("train iris --log socket", 1, "socket: cannot write: it is a socket. Choose another place with --log."),
        ("predict two.npz two.csv -o socket", 1, "socket: cannot write: it is a socket. Choose another place with -o."),
        ("train fifo -o fifo", 1, "fifo: cannot write: it is one of the files that are read or written. Choose another place with -o."),
        ("sweep iris --lr 0.1 -o /dev/stdout", 2, "--out: the table goes to stdout, and the model cannot go there too. Name a file with -o."),
        ("sweep iris --lr 0.1 --ledger /dev/stdout", 2, "--ledger: the table goes to stdout, and the ledger cannot go there too. Name a file."),
        ("sweep iris --lr 0.1 --ledger fifo", 1, "fifo: expected a file for the ledger, found something else. Name another."),
    ],
)  # fmt: skip
def test_an_output_that_cannot_be_is_one_line(
    words: str, code: int, line: str, nncli: Run, beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(beside)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("socket")
        done = nncli(*words.split(), "-q")
    assert (done.code, done.out, done.err) == (code, "", line + "\n")


# One file by several names


@pytest.fixture
def linked(folder: Path) -> Path:
    """Hard links to the data and to a model, a symbolic link to the folder, and a file of options."""
    os.link("two.csv", "link.csv")
    os.link("two.npz", "link.npz")
    (folder / "here").symlink_to(folder)
    (folder / "c.toml").write_text("epochs = 2\n")
    os.link("c.toml", "link.toml")
    (folder / "val.csv").write_text(TWO)
    os.link("val.csv", "link-val.csv")
    return folder


REFUSALS = [
    "it is one of the files that are read or written",
    "it is no model",
    "it is no log",
    "expected a ledger",
]


@pytest.mark.parametrize(
    "words",
    [
        "train two.csv -o link.csv",
        "train two.csv --log link.csv",
        "train two.csv --log here/link.csv",
        "train two.csv --val-data val.csv --log link-val.csv",
        "train two.csv --test-data val.csv --log link-val.csv",
        "train two.csv --config c.toml --log link.toml",
        "train two.csv --config c.toml -o link.toml",
        "train two.csv -o new --log here/new",
        "train two.csv -o two.npz --log link.npz",
        "train --resume two.npz --log link.npz",
        "sweep two.csv --lr 0.1 --ledger link.csv",
        "sweep two.csv --lr 0.1 -o link.csv",
        "sweep two.csv --lr 0.1 -o new --ledger here/new",
        "sweep two.csv --lr 0.1 --config c.toml --ledger link.toml",
        "predict two.npz two.csv -o link.csv",
        "predict two.npz two.csv -o link.npz",
    ],
)
def test_a_file_is_known_by_all_its_names(words: str, nncli: Run, linked: Path) -> None:
    before = contents(linked)
    done = nncli(*words.split(), "-q")
    assert done.code in (1, 2)
    assert done.err.count("\n") == 1
    assert any(refusal in done.err for refusal in REFUSALS)
    assert contents(linked) == before


@pytest.mark.parametrize(
    "words",
    some_short([
        "predict two.npz /dev/fd/0 -o link.csv",
        "predict two.npz -o link.csv",
        "predict two.npz -o two.csv",
        "train - -o two.csv",
        "train - --log link.csv",
        "train two.csv --log messages",
        "train two.csv -o messages",
    ], 3),
)  # fmt: skip
def test_a_file_that_is_stdin_or_stderr_is_known_by_all_its_names(words: str, linked: Path) -> None:
    before = contents(linked)
    with Path("two.csv").open("rb") as stdin, Path("messages").open("w+b") as stderr:
        done = new_process(*words.split(), "-q", cwd=linked, stdin_file=stdin, stderr=stderr)
        stderr.seek(0)
        errors = stderr.read().decode()
    Path("messages").unlink()
    assert done.returncode in (1, 2)
    assert errors.count("\n") == 1
    assert any(refusal in errors for refusal in REFUSALS)
    assert contents(linked) == before


@pytest.mark.parametrize("words", ["predict two.npz two.csv -o new.csv", "train two.csv --epochs 2 -o new.npz"])
def test_what_is_not_read_may_be_overwritten(words: str, linked: Path) -> None:
    """Here stdin is, but nobody asks for it."""
    out = words.split()[-1]
    old = Path("three.npz").read_bytes() if out.endswith(".npz") else b"old"
    Path(out).write_bytes(old)
    with Path(out).open("rb") as stdin:
        assert new_process(*words.split(), cwd=linked, stdin_file=stdin).returncode == 0
    assert Path(out).read_bytes() != old


# Locks


@pytest.mark.parametrize(("error", "code"), [(errno.EOPNOTSUPP, 0), (errno.ENOLCK, 0), (errno.EWOULDBLOCK, 1)])
def test_only_a_log_that_is_locked_is_in_use(
    error: int, code: int, folder: Path, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", refuse)
    found = nncli("train", "two.csv", "--epochs", "2", "-q", "--log", "log", "-o", "new.npz")
    assert found.code == code
    assert ("another training run is writing to it" in found.err) == bool(code)
    assert Path("log").read_text().count("\n") == (0 if code else 2)


# What an output may replace


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("train two.csv -o three.csv", "three.csv: cannot write: there is a file of that name, and it is no model. Choose another place with -o."),
        ("train two.csv -o arrays.npz", "arrays.npz: cannot write: there is a file of that name, and it is no model. Choose another place with -o."),
        ("sweep two.csv --lr 0.1 -o three.csv", "three.csv: cannot write: there is a file of that name, and it is no model. Choose another place with -o."),
        ("sweep two.csv --lr 0.1 --ledger three.csv", "three.csv: expected a ledger written by nncli sweep, found something else. Name another file."),
        ("train two.csv --log three.csv", "three.csv: cannot write: there is a file of that name, and it is no log of nncli. Choose another place with --log."),
        ("train two.csv --log three.npz", "three.npz: cannot write: there is a file of that name, and it is no log of nncli. Choose another place with --log."),
        ("predict two.npz two.csv -o three.npz", "three.npz: cannot write: it is a model. Choose another place with -o."),
        ("predict two.npz two.csv --guard three.csv", "three.csv: cannot write: there is a file of that name, and it is no report of --guard. Choose another place with --guard."),
        ("eval two.npz two.csv --guard other.json", "other.json: cannot write: there is a file of that name, and it is no report of --guard. Choose another place with --guard."),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_not_replaced(words: str, line: str, nncli: Run, folder: Path) -> None:
    np.savez("arrays.npz", X=np.ones((2, 2)), y=np.zeros(2))
    Path("other.json").write_text('{\n  "name": "two"\n}\n')
    before = contents(folder)
    done = nncli(*words.split(), "-q", *(["--jobs", "1"] if "sweep" in words else []))
    assert (done.code, done.out, done.err) == (1, "", line + "\n")
    assert contents(folder) == before


@pytest.mark.parametrize("old", ["an empty file", "one of its kind"])
def test_an_empty_file_and_one_of_its_kind_are_replaced(old: str, nncli: Run, folder: Path) -> None:
    words = "train two.csv --epochs 2 -q -o made.npz --log made.jsonl"
    for name in ("made.npz", "made.jsonl", "made.csv", "made.json"):
        Path(name).touch()
    if old == "one of its kind":
        assert nncli(*words.split(), "--seed", "1").code == 0
        Path("made.csv").write_text("prediction\nno\n")
    assert nncli(*words.split()).code == 0
    assert len(Path("made.jsonl").read_text().splitlines()) == 2
    assert nncli(*["predict", "made.npz", "two.csv", "-q", "-o", "made.csv"]).code == 0
    assert len(Path("made.csv").read_text().splitlines()) == 41
    for command in ("predict", "eval") if old == "one of its kind" else ("predict",):
        assert nncli(command, "made.npz", "two.csv", "-q", "--guard", "made.json").code == 0
    assert json.loads(Path("made.json").read_text())["rows"] == 40
