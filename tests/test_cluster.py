# ruff: noqa: E501  (each message stands on one line)
"""Sweeps on a real cluster of this machine: a scheduler and two workers, each a process."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import piecework
from cli_errors import BAD_COMMAND, BAD_DATA
from cli_process import PROGRAM, wait_for
from clusters import done_so_far, free_port, running
from ledgers import trials
from nncli.data.bundled import path_of
from nncli.sweep.ledger import read
from nncli.system.cluster import connect
from nncli.system.workers import ProcessDeath, Work

Run = Callable[..., Any]
SPACE = ["digits", "--lr", "0.02,0.01,0.005", "--hidden", "8,16", "--epochs", "25", "--seeds", "2", "-q"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A cluster of which a test may kill what it likes: its address, and its processes."""
    with running(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a cluster that all tests share."""
    with running(tmp_path_factory.mktemp("cluster")) as (found, _):
        yield found


@pytest.mark.long
def test_a_cluster_comes_to_what_this_machine_comes_to_also_when_a_worker_dies(
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
) -> None:
    address, [_, *workers] = cluster
    words = ["sweep", *SPACE, "--cluster", address, "--insecure", "--ledger", "far.jsonl", "-o", "far.npz"]
    process = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(done_so_far("far.jsonl")) >= 2)  # in the middle: some are done, and some are not
    done = len(read(Path("far.jsonl"))[1])
    os.kill(workers[0].pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=90)
    assert process.returncode == 0, errors
    assert 2 <= done < 12
    subprocess.run([*PROGRAM, "sweep", *SPACE, "--jobs", "1", "-o", "here.npz"], capture_output=True, check=True)
    assert trials("far.jsonl") == trials("here.sweep.jsonl")
    assert Path("far.npz").read_bytes() == Path("here.npz").read_bytes()


@pytest.mark.long
def test_halving_comes_to_the_same_there(nncli: Run, address: str) -> None:
    words = ["sweep", "digits", "--lr", "0.02,0.01,0.005", "--epochs", "9", "--search", "halving", "-q"]
    assert nncli(*words, "--cluster", address, "--insecure", "--ledger", "far.jsonl", "-o", "far.npz").code == 0
    assert nncli(*words, "--jobs", "1").code == 0
    assert trials("far.jsonl") == trials()
    assert Path("far.npz").read_bytes() == Path("model.npz").read_bytes()


def test_folds_that_are_drawn_repeatedly_come_to_the_same_there(nncli: Run, address: str) -> None:
    words = ["sweep", "wine", "--lr", "0.02,0.0001", "--epochs", "3", "--folds", "3x2", "-q", "--json"]
    far = nncli(*words, "--cluster", address, "--insecure", "--ledger", "far.jsonl", "-o", "far.npz").json["standings"]
    here = nncli(*words, "--jobs", "1").json["standings"]
    assert trials("far.jsonl") == trials()
    assert [(one["values"], one["chance"]) for one in far] == [(one["values"], one["chance"]) for one in here]


def test_files_are_predicted_and_evaluated_there_as_here(nncli: Run, address: str, iris_model: Path) -> None:
    files = [f"{name}.csv" for name in "dacb"]
    for i, file in enumerate(files):
        header, *rows = path_of("iris").read_text().splitlines(keepends=True)
        Path(file).write_text(header + "".join(rows[i::4]))
    there = ["--cluster", address, "--insecure"]
    assert (
        nncli("predict", iris_model, *files, "--proba", *there).out
        == nncli("predict", iris_model, *files, "--proba").out
    )
    here = nncli("eval", iris_model, *files, "--json", "-q").json
    far = nncli("eval", iris_model, *files, "--json", "-q", *there).json
    assert far == here
    missing = nncli("predict", iris_model, "a.csv", "none.csv", *there)
    assert missing.code == BAD_DATA
    assert missing.err.startswith("none.csv: ")


@pytest.mark.long
def test_a_scheduler_that_dies_ends_it_in_one_line_and_another_goes_on(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, [scheduler, *_] = cluster
    words = ["sweep", *SPACE, "--ledger", "far.jsonl", "--insecure", "--cluster"]
    process = subprocess.Popen([*PROGRAM, *words, address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(done_so_far("far.jsonl")) >= 1)
    scheduler.kill()
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (BAD_DATA, "")
    assert errors == f"{address}: the scheduler went away. The same command resumes from what is done.\n"
    before = trials("far.jsonl")
    (tmp_path / "again").mkdir()
    with running(tmp_path / "again") as (another, _):
        subprocess.run([*PROGRAM, *words, another], capture_output=True, check=True)
    assert len(trials("far.jsonl")) == 12
    assert all(record in trials("far.jsonl") for record in before)


@pytest.mark.long
def test_what_kills_its_workers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    folders = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(folders))  # of the workers
    pieces = ["live"] * 25 + ["die"] + ["live"] * 15  # by the 26th they go in bundles
    with running(tmp_path, names="abc") as (address, _), connect(address, None, insecure=True) as workers:
        work = workers.run(Work(piecework.mortal, 7, functools.partial(next, iter(pieces), None)))
        found = [one for some in work for one in some]
    assert sorted(found, key=lambda one: one[0]) == [(i, ProcessDeath(None) if i == 25 else 7) for i in range(41)]


@pytest.mark.long
def test_an_encrypted_connection_is_one_and_strangers_are_kept_out(nncli: Run, tmp_path: Path) -> None:
    """Each side refuses a certificate of another authority than its own, and it is said which of them is wrong."""
    tls = Path(__file__).parent / "tls"
    cert, key, other, other_key = (str(tls / f"{name}.pem") for name in ("cert", "key", "other", "other-key"))
    for_dask = ["--tls-ca-file", cert, "--tls-cert", cert, "--tls-key", key]
    words = ["sweep", "iris", "--lr", "0.02,0.01", "--epochs", "3", "-q"]

    def ours(ca: str, cert: str, key: str) -> list[str]:
        return ["--tls-ca", ca, "--tls-cert", cert, "--tls-key", key]

    with running(tmp_path, "tls", *for_dask) as (address, _):
        outcome = nncli(*words, "--cluster", address, *ours(cert, cert, key))
        assert (outcome.code, outcome.err) == (0, "")
        assert len(trials()) == 2
        stranger = nncli(*words, "--cluster", address, *ours(cert, other, other_key))
        trusting = nncli(*words, "--cluster", address, *ours(other, other, other_key))
        plain = nncli(*words, "--cluster", address.replace("tls", "tcp"), "--insecure")
    for refused in (stranger, trusting, plain):
        assert (refused.code, refused.out, refused.err.count("\n")) == (BAD_DATA, "", 1)
    assert stranger.err == (
        f"{address}: the scheduler refuses the certificate in {other}: tlsv1 alert unknown ca. Give one of the "
        "authority of the cluster, with --tls-cert and --tls-key.\n"
    )
    assert trusting.err == (
        f"{address}: the certificate of the scheduler is not signed by the authority in {other}: self-signed certificate. "
        "Give the --tls-ca that it was started with.\n"
    )
    assert "or one that wants tls://" in plain.err
    outcome = nncli(*words, "--cluster", address, *ours(cert, cert, other_key))
    assert outcome.code == BAD_COMMAND
    assert "expected a certificate and its key in " in outcome.err


def test_something_else_that_answers_is_no_cluster(nncli: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def chatter() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as one:
                        one.sendall(b"\xff" * 64)

        threading.Thread(target=chatter, daemon=True).start()
        outcome = nncli("sweep", *SPACE, "--cluster", f"tcp://127.0.0.1:{port}", "--insecure")
    assert outcome.code == BAD_DATA
    assert "expected a Dask scheduler, found something else" in outcome.err
    assert outcome.err.count("\n") == 1


def test_workers_of_another_version_are_refused_by_name(
    nncli: Run, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nncli.system.cluster.__version__", "99.0")
    outcome = nncli("sweep", *SPACE, "--cluster", address, "--insecure")
    assert outcome.code == BAD_DATA
    assert outcome.err.startswith("tcp://127.0.0.1:")
    assert ": expected nncli 99.0, as here, found 0.1.0. Install the same version there.\n" in outcome.err


def test_a_cluster_that_does_not_answer_is_told_in_time(nncli: Run) -> None:
    outcome = nncli("sweep", *SPACE, "--cluster", f"tcp://127.0.0.1:{free_port()}", "--insecure")
    assert outcome.code == BAD_DATA
    assert ": cannot reach the cluster within 10 s: no reply (connection refused). Start it.\n" in outcome.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--cluster tcp://192.0.2.1:8786", "--cluster: anybody who can reach a tcp:// port, such as every user of its machine, can join the cluster, read the data and run programs on the workers. Use tls://, or add --insecure if you trust all of them."),
        ("--cluster tcp://127.0.0.1:8786", "--cluster: anybody who can reach a tcp:// port, such as every user of its machine, can join the cluster, read the data and run programs on the workers. Use tls://, or add --insecure if you trust all of them."),
        ("--cluster host:8786", "--cluster: expected tcp://host:8786 or tls://host:8786, found 'host:8786'."),
        ("--cluster tls://host:8786", "--cluster: an encrypted connection needs both a tls:// address and its files. Give --tls-ca, --tls-cert and --tls-key with tls://, and leave them out with tcp://."),
        ("--cluster tcp://127.0.0.1", "--cluster: expected tcp://host:8786 or tls://host:8786, found 'tcp://127.0.0.1'."),
        ("--cluster tcp://[::1", "--cluster: expected tcp://host:8786 or tls://host:8786, found 'tcp://[::1'."),
        ("--cluster tcp://localhost:1", "--cluster: anybody who can reach a tcp:// port, such as every user of its machine, can join the cluster, read the data and run programs on the workers. Use tls://, or add --insecure if you trust all of them."),
        ("--cluster tcp://127.0.0.1:1 --insecure --val-data v.csv", "--val-data: the workers of a cluster look for it in another folder. Give its whole path, from /."),
        ("--insecure", "--insecure: there is no --cluster to reach. Leave it out."),
        ("--tls-ca ca.pem", "--tls-ca: --tls-cert and --tls-key belong to it, and one is missing. Give all three."),
        ("--cluster tcp://127.0.0.1:1 --insecure --jobs 2", "--jobs: the cluster says how much is done at a time. Leave one of them out."),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(nncli: Run, words: str, line: str) -> None:
    outcome = nncli("sweep", "iris", "--lr", "0.1,0.2", *words.split())
    assert (outcome.code, outcome.err, outcome.out) == (BAD_COMMAND, line + "\n", "")
    assert not Path("model.npz").exists()
