# ruff: noqa: E501  (each message stands on one line)
"""Sweeps on a real cluster of this machine: a scheduler and two workers, each a process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli_errors import BAD_COMMAND, BAD_DATA
from cli_process import PROGRAM
from ledgers import trials
from nncli.data.bundled import path_of
from nncli.ledger import read

Run = Callable[..., Any]
SPACE = ["digits", "--lr", "0.02,0.01,0.005", "--hidden", "8,16", "--epochs", "25", "--seeds", "2", "-q"]
SCHEDULER = "import sys; from distributed.cli.dask_scheduler import main; main(sys.argv[1:])"
WORKER = "import sys; from distributed.cli.dask_worker import main; main(sys.argv[1:])"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(code: str, *words: str) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=quiet, stderr=quiet)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and its two workers, each with one thread and no nanny to start it again."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    common = ["--no-dashboard", "--host", "127.0.0.1"]
    processes = [started(SCHEDULER, *common, "--port", str(port))]
    for name in ("one", "two"):
        folder = ["--local-directory", str(tmp_path / name)]
        processes.append(started(WORKER, address, "--nthreads", "1", "--no-nanny", *common, *folder))
    yield address, processes[1:]
    for process in processes:
        process.kill()
        process.wait()


def test_a_cluster_comes_to_what_this_machine_comes_to_also_when_a_worker_dies(
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
) -> None:
    address, workers = cluster
    words = ["sweep", *SPACE, "--cluster", address, "--ledger", "far.jsonl", "-o", "far.npz"]
    process = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:  # in the middle: some are done, and some are not
        if Path("far.jsonl").exists() and len(read(Path("far.jsonl"))[1]) >= 2:
            break
        time.sleep(0.02)
    done = len(read(Path("far.jsonl"))[1])
    os.kill(workers[0].pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=90)
    assert process.returncode == 0, errors
    assert 2 <= done < 12
    subprocess.run([*PROGRAM, "sweep", *SPACE, "--jobs", "1", "-o", "here.npz"], capture_output=True, check=True)
    assert trials("far.jsonl") == trials("sweep.jsonl")
    assert Path("far.npz").read_bytes() == Path("here.npz").read_bytes()


def test_halving_comes_to_the_same_there(nncli: Run, cluster: tuple[str, list[subprocess.Popen[bytes]]]) -> None:
    words = ["sweep", "digits", "--lr", "0.02,0.01,0.005", "--epochs", "9", "--search", "halving", "-q"]
    assert nncli(*words, "--cluster", cluster[0], "--ledger", "far.jsonl", "-o", "far.npz").code == 0
    assert nncli(*words, "--jobs", "1").code == 0
    assert trials("far.jsonl") == trials()
    assert Path("far.npz").read_bytes() == Path("model.npz").read_bytes()


def test_files_are_answered_and_judged_there_as_here(
    nncli: Run, cluster: tuple[str, list[subprocess.Popen[bytes]]], iris_model: Path
) -> None:
    files = [f"{name}.csv" for name in "dacb"]
    for i, file in enumerate(files):
        header, *rows = path_of("iris").read_text().splitlines(keepends=True)
        Path(file).write_text(header + "".join(rows[i::4]))
    there = ["--cluster", cluster[0]]
    assert (
        nncli("predict", iris_model, *files, "--proba", *there).out
        == nncli("predict", iris_model, *files, "--proba").out
    )
    here = nncli("eval", iris_model, *files, "--json", "-q").json
    far = nncli("eval", iris_model, *files, "--json", "-q", *there).json
    for part, same in zip(far["files"], here["files"], strict=True):
        assert part["data"] == str(Path(same["data"]).absolute())
        assert {**part, "data": ""} == {**same, "data": ""}
    missing = nncli("predict", iris_model, "a.csv", "none.csv", *there)
    assert missing.code == BAD_DATA
    assert missing.err.startswith("none.csv: ")


def test_workers_of_another_version_are_refused_by_name(
    nncli: Run, cluster: tuple[str, list[subprocess.Popen[bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nncli.cluster.__version__", "99.0")
    outcome = nncli("sweep", *SPACE, "--cluster", cluster[0])
    assert outcome.code == BAD_DATA
    assert outcome.err.startswith("tcp://127.0.0.1:")
    assert ": expected nncli 99.0, as here, found 0.1.0. Install the same there.\n" in outcome.err


def test_a_cluster_that_does_not_answer_is_told_in_time(nncli: Run) -> None:
    began = time.monotonic()
    outcome = nncli("sweep", *SPACE, "--cluster", f"tcp://127.0.0.1:{free_port()}")
    assert outcome.code == BAD_DATA
    assert ": cannot reach the cluster within 10 s: nobody answers. Start it.\n" in outcome.err
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--cluster tcp://192.0.2.1:8786", "--cluster: a plain connection to 192.0.2.1 leaves this machine, and anybody on the way can read and change what runs. Use tls://, or add --insecure on a network that you trust."),
        ("--cluster host:8786", "--cluster: expected tcp://host:8786 or tls://host:8786, found 'host:8786'."),
        ("--cluster tls://host:8786", "--cluster: an encrypted connection needs both a tls:// address and its files. Give --tls-ca, --tls-cert and --tls-key with tls://, and leave them out with tcp://."),
        ("--insecure", "--insecure: there is no --cluster to reach. Leave it out."),
        ("--tls-ca ca.pem", "--tls-ca: --tls-cert and --tls-key belong to it, and one is missing. Give all three."),
        ("--cluster tcp://127.0.0.1:1 --jobs 2", "--jobs: the cluster says how much is done at a time. Leave one of them out."),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(nncli: Run, words: str, line: str) -> None:
    outcome = nncli("sweep", "iris", "--lr", "0.1,0.2", *words.split())
    assert (outcome.code, outcome.err, outcome.out) == (BAD_COMMAND, line + "\n", "")
    assert not Path("model.npz").exists()
