"""Every command in every kind of surroundings: the right exit code, at most a line, no traceback."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from cli_process import PROGRAM, wait_for, without_privileges, workers_of
from short_and_long import more_of_each, some_short

COMMANDS = {  # with what they print; those that could, go on for long
    "train": "train digits --epochs 9000 --patience 9000 -o new.npz --log -",
    "eval": "eval two.npz two.csv",
    "predict": "predict two.npz two.csv",
    "predict-files": "predict two.npz two.csv two.csv --jobs 2",
    "sweep": "sweep digits --lr 0.02,0.01 --epochs 9000 --patience 9000 --jobs 2 -o new.npz --ledger long.jsonl",
    "info": "info two.npz",
    "gradcheck": "gradcheck --all",
    "graph": "graph (a+b)^2 --at a=1,b=2",
    "datasets": "datasets",
    "help": "train --help",
    "version": "--version",
}
SHORT = COMMANDS | {
    "train": "train iris --epochs 3 -o new.npz",
    "sweep": "sweep iris --lr 0.02,0.01 --epochs 3 --jobs 2 -o new.npz",
    "gradcheck": "gradcheck iris --model softmax",
}
WRITES = {"train", "sweep"}
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def run(
    words: str,
    cwd: Path,
    stdout: int | IO[bytes] = subprocess.PIPE,
    env: dict[str, str] | None = None,
    preexec_fn: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Without a terminal: in a session of its own, with nothing on stdin."""
    return subprocess.Popen(
        [*PROGRAM, *words.split()], cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, env=env,
        start_new_session=True, preexec_fn=preexec_fn,
    )  # fmt: skip


def no_traceback(errors: bytes) -> bool:
    return b"Traceback" not in errors and b"Warning" not in errors


@pytest.mark.parametrize("command", some_short(COMMANDS, 3))
def test_a_closed_stdout_ends_it_quietly(command: str, work: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    process = run(SHORT[command], work, stdout=theirs)
    os.close(theirs)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 141
    assert no_traceback(errors)
    assert b"cannot write" not in errors


@pytest.mark.parametrize("command", some_short(COMMANDS, 3))
def test_stdout_is_full(command: str, work: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = run(SHORT[command], work, stdout=full)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines()[-1] == b"stdout: cannot write: No space left on device."
    assert no_traceback(errors)


@pytest.mark.parametrize("command", some_short(COMMANDS, 3))
def test_there_is_neither_terminal_nor_home_nor_locale(command: str, work: Path, tmp_path: Path) -> None:
    process = run(SHORT[command], work, env={"LC_ALL": "C"})
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert out
    assert b"\x1b" not in out + errors


@pytest.mark.parametrize(("struck", "moments"), more_of_each(itertools.product(COMMANDS, SIGNALS), 3, short=1, long=3))
def test_a_signal_comes_at_any_moment(struck: tuple[str, signal.Signals], moments: int, work: Path) -> None:
    """While it is loaded the signal ends it as it would any program; after that, with a line, or a model."""
    command, number = struck
    rng = random.Random(command + number.name)
    for _ in range(moments):
        process = run(COMMANDS[command], work)
        time.sleep(rng.uniform(0.1, 1.2))
        process.send_signal(number)
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode in (0, 128 + number, -number), errors
        assert no_traceback(errors)
        if process.returncode == 128 + number:
            assert errors
    assert not list(work.glob("*.tmp"))


@pytest.mark.parametrize(("command", "number"), some_short(itertools.product(["train", "sweep"], SIGNALS), 2))
def test_a_signal_comes_while_it_is_at_work(command: str, number: signal.Signals, work: Path) -> None:
    """It would go on for minutes."""
    process = run(COMMANDS[command], work)
    try:
        if command == "train":
            assert process.stdout
            assert process.stdout.readline()
        else:
            wait_for(lambda: len(workers_of(process.pid)) == 2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + number
    assert errors
    assert no_traceback(errors)
    assert not list(work.glob("*.tmp"))


@pytest.fixture
def read_only(work: Path, tmp_path: Path) -> Callable[[], Path]:
    def made() -> Path:
        folder = tmp_path / "read-only"
        folder.mkdir()
        for name in ("two.npz", "two.csv"):
            (folder / name).write_bytes((work / name).read_bytes())
        folder.chmod(0o555)
        return folder

    return made


@pytest.mark.parametrize("command", some_short(COMMANDS, 3))
def test_the_folder_cannot_be_written_to(command: str, read_only: Callable[[], Path]) -> None:
    folder = read_only()
    process = run(SHORT[command], folder, preexec_fn=without_privileges)
    out, errors = process.communicate(timeout=60)
    if command in WRITES:
        assert (process.returncode, out) == (1, b"")
        assert errors.count(b"\n") == 1
        assert b": cannot write: no permission to write to " in errors
    else:
        assert process.returncode == 0, errors
        assert out
    assert sorted(path.name for path in folder.iterdir()) == ["two.csv", "two.npz"]
