"""Processes that the system has no room for, or ends: one line that says why, or the work goes on."""

from __future__ import annotations

import errno
import functools
import os
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli_errors import BAD_DATA
from cli_process import PROGRAM, children_of, wait_for
from clusters import done_so_far
from nncli.data.bundled import path_of
from nncli.errors import NncliError
from nncli.system.processes import Processes
from nncli.system.workers import Stop, Work, never

ERRORS: dict[str, Exception] = {
    "descriptors": OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    "threads": RuntimeError("can't start new thread"),
    "processes": OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)),
    "memory": MemoryError(),
    "address space": ImportError("libarrow.so.2600: failed to map segment from shared object"),
}
TOO_LITTLE = {
    "descriptors": "too many files are open. Ask for fewer processes, or allow more with ulimit -n.",
    "threads": "no more processes or threads can begin. Ask for fewer processes, or allow more with ulimit -u or -v.",
    "processes": "no more processes or threads can begin. Ask for fewer processes, or allow more with ulimit -u or -v.",
    "memory": "there is not enough memory. Ask for fewer processes, or allow more with ulimit -v.",
    "address space": "there is not enough memory. Ask for fewer processes, or allow more with ulimit -v.",
}

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def raise_it(piece: str, shared: None, stop: Stop = never) -> None:
    raise ERRORS[piece]


@pytest.mark.parametrize("want", ERRORS)
def test_what_a_process_has_too_little_of_is_said(want: str) -> None:
    with Processes(1, __name__) as processes, pytest.raises(NncliError) as caught:
        list(processes.run(Work(raise_it, None, functools.partial(next, iter([want]), None))))
    assert str(caught.value) == f"--jobs: expected room for the processes, found that {TOO_LITTLE[want]}"


def test_an_error_of_the_work_stays_what_it_is() -> None:
    with Processes(1, __name__) as processes, pytest.raises(KeyError):
        list(processes.run(Work(raise_it, None, functools.partial(next, iter(["no such error"]), None))))


def test_processes_that_end_before_they_begin_are_no_fault_of_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No piece is given up for it, which a ledger would keep."""
    (tmp_path / "deadly.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with Processes(2, "deadly") as processes, pytest.raises(NncliError) as caught:
        list(processes.run(Work(raise_it, None, functools.partial(next, iter(["memory"]), None))))
    assert str(caught.value).startswith("--jobs: expected processes that start, found that each of them ")


@pytest.mark.parametrize("words", ["sweep iris --lr 0.1,0.2 --seeds 2", "predict MODEL FILES", "eval MODEL FILES"])
def test_few_descriptors_are_one_line(words: str, iris_model: Path) -> None:
    words = words.replace("MODEL", str(iris_model)).replace("FILES", " ".join(4 * [str(path_of("iris"))]))
    done = subprocess.run(
        [*PROGRAM, *words.split(), "--jobs", "4"], capture_output=True, text=True,
        check=False, timeout=60, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16)),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (BAD_DATA, "")
    assert done.stderr == f"--jobs: expected room for the processes, found that {TOO_LITTLE['descriptors']}\n"


@pytest.mark.long
def test_a_killed_resource_tracker_costs_nothing() -> None:
    """It tidies up behind a program that was killed; another takes its place, and nobody needs to hear of it."""
    words = ["sweep", "digits", "--lr", "0.02,0.01", "--hidden", "8,16", "--epochs", "25", "--jobs", "2", "-q"]
    process = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: done_so_far("model.sweep.jsonl"))
    trackers = [child for child in children_of(process.pid) if "resource_tracker" in command_of(child)]
    for tracker in trackers:
        os.kill(tracker, signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert trackers
    assert (process.returncode, errors) == (0, "")
    assert len(done_so_far("model.sweep.jsonl")) == 4


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_workers_have_nowhere_to_print(capfd: Any) -> None:
    with Processes(1, __name__) as processes:
        list(processes.run(Work(print_it, None, functools.partial(next, iter([1, 2]), None))))
    print("here")
    assert capfd.readouterr() == ("here\n", "")


def print_it(piece: int, shared: None, stop: Stop = never) -> None:
    os.write(1, b"out")
    os.write(2, b"error")
