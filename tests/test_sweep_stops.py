"""Sweeps that are killed, whose workers are killed, and that are stopped: nothing is lost, nothing is left running."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli_process import PROGRAM, children_of, is_running, wait_for
from clusters import done_so_far
from nncli.sweep.ledger import read
from nncli.system import workers
from nncli.system.processes import Processes
from nncli.system.workers import ChunkQueue, ProcessDeath, Stop, Work, in_order, never, run_chunk

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.mark.parametrize("kills", [12])
@pytest.mark.long
def test_killed_at_any_moment_it_goes_on(kills: int) -> None:
    """Nothing is lost, nothing is run twice, and no process is left behind."""
    left: set[int] = set()
    words = ["sweep", "digits", "--lr", "0.02,0.01,0.005,0.001", "--hidden", "8,16,24", "--epochs", "150"]
    words += ["--patience", "150", "--jobs", "2"]
    rng = random.Random(0)
    finished: dict[str, Any] = {}
    for _ in range(kills):
        process = subprocess.Popen([*PROGRAM, *words, "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda process=process: process.poll() is not None or children_of(process.pid))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0, 1.2))
        if process.poll() is None:
            left |= set(children_of(process.pid))
            process.send_signal(signal.SIGKILL)
            process.wait()
        data = Path("model.sweep.jsonl").read_bytes() if Path("model.sweep.jsonl").exists() else b""
        lines = data.split(b"\n")[1:-1]
        now = {json.loads(line)["trial"]: line for line in lines}
        assert len(now) == len(lines), "a trial was run twice"
        assert {key: now[key] for key in finished} == finished, "a trial was lost, or run again"
        finished = now
    assert left
    wait_for(lambda: not any(map(is_running, left)))
    done = subprocess.run([*PROGRAM, *words, "-q", "--json"], capture_output=True, check=True)
    assert json.loads(done.stdout)["trials"] == 12
    assert len(read(Path("model.sweep.jsonl"))[1]) == 12


@pytest.mark.long
def test_a_killed_worker_costs_nothing(tmp_path: Path) -> None:
    """Of 99 pieces, one kills its process each time, one only the first time: 98 are done, one is given up. They take
    no time, so that they go in bundles by then."""
    found: dict[int, Any] = {}
    pieces = iter(range(99))
    with Processes(2, __name__) as processes:
        for results in processes.run(Work(murderous, str(tmp_path), lambda: next(pieces, None))):
            for number, result in results:
                assert number not in found
                found[number] = result
    # once among others, and three times alone
    assert (tmp_path / "deaths of 40").read_text() == "xxxx"
    assert found == {number: ProcessDeath(3) if number == 40 else 10 * number for number in range(99)}


def test_a_bundle_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pieces go together, more and more of them; where long ones follow, what was not begun is handed out again,
    and nothing is done twice."""
    taken = iter([0.0] * 40 + [0.06] * 20)
    sizes, done, now = [], [], [0.0]
    monkeypatch.setattr(workers, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def take_time(piece: float, shared: None, stop: Stop = never) -> None:
        now[0] += piece

    bundles = ChunkQueue(lambda: next(taken, None))
    while bundle := bundles():
        sizes.append(len(bundle))
        done += [number for number, _ in bundles.done(bundle, run_chunk(take_time, bundle, None))]
    assert sizes[:6] == [1, 2, 4, 8, 16, 29]
    assert sizes[6:] == [1] * 19
    assert sorted(done) == list(range(60))


def test_results_come_in_order_and_few_are_in_memory() -> None:
    """The first piece takes longest, and those that overtake it are not many: 2 jobs × 2 handed out × 2."""
    taken: list[int] = []

    def pieces() -> Iterator[int]:
        for number in range(40):
            taken.append(number)
            yield number

    with Processes(2, __name__) as processes:
        found = []
        for piece, result in in_order(processes, slow_at_first, None, pieces()):
            assert len(taken) <= len(found) + 8
            found.append((piece, result))
    assert found == [(number, 10 * number) for number in range(40)]


def murderous(piece: int, folder: str, stop: Stop = never) -> int:
    """Stands in for work that the system ends, as it does when memory runs out."""
    deaths = Path(folder) / f"deaths of {piece}"
    if piece == 40 or (piece == 70 and not deaths.exists()):
        with deaths.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    return 10 * piece


def slow_at_first(piece: int, shared: None, stop: Stop = never) -> int:
    time.sleep(0 if piece else 0.5)
    return 10 * piece


@pytest.mark.long
def test_ctrl_c_keeps_what_is_done_and_leaves_nothing_running() -> None:
    words = ["sweep", "digits", "--lr", "0.01,0.02", "--epochs", "1,900000", "--patience", "900000"]
    process = subprocess.Popen(
        [*PROGRAM, *words, "--jobs", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: len(done_so_far("model.sweep.jsonl")) == 2)  # and the other two would take hours
    children = children_of(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "stopped; model.sweep.jsonl has 2 trials, and the same command resumes it"
    wait_for(lambda: not any(map(is_running, children)))
