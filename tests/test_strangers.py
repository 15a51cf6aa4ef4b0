"""A cluster whose worker means no good: the program ends in a line, and nothing of it is run, printed or believed."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli_errors import BAD_DATA
from clusters import done_so_far, running
from nncli.wire import nothing_unpickled, pack, unpack
from nncli.workers import Killed

Run = Callable[..., Any]
SWEEP = ["sweep", "digits", "--lr", "0.02,0.01", "--epochs", "25", "-q"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class Attacker:
    """A scheduler whose only worker attacks: its address, and a folder of what it is to do and has done."""

    address: str
    folder: Path
    names: dict[int, str]  # by process

    def order(self, attack: str) -> None:
        (self.folder / "attack").write_text(attack)
        (self.folder / "deeds").write_text("")

    def deceived(self) -> set[str]:
        """Which processes ran the code of its objects."""
        return {self.names[int(line)] for line in (self.folder / "deeds").read_text().split()}


@pytest.fixture(scope="module")
def attacker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacker]:
    folder = tmp_path_factory.mktemp("attacker")
    with running(folder, names="") as (address, [scheduler]):
        words = [str(Path(__file__).parent / "evil_worker.py"), str(folder), address, "--nthreads", "1", "--no-nanny"]
        words += ["--no-dashboard", "--local-directory", str(folder / "worker")]
        quiet = subprocess.DEVNULL
        worker = subprocess.Popen([sys.executable, *words], stdout=quiet, stderr=quiet)
        try:
            yield Attacker(address, folder, {os.getpid(): "client", scheduler.pid: "scheduler", worker.pid: "worker"})
        finally:
            worker.kill()
            worker.wait()


@pytest.mark.parametrize(
    "attack", ["version", "version-error", "result", "exception", "exception-object", "number", "record", "state"]
)
def test_no_worker_runs_code_in_the_client(nncli: Run, attacker: Attacker, attack: str) -> None:
    """Whatever it sends instead of its version, a result or an error, there is one line, and no file of a stranger."""
    attacker.order(attack)
    outcome = nncli(*SWEEP, "--cluster", attacker.address, "--insecure")
    assert "client" not in attacker.deceived()
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (BAD_DATA, "", 1)
    assert "version" in attack or outcome.err == (
        f"{attacker.address}: expected the result of some work, found that a worker could not begin it, or sent "
        "something else. Look at the log of the workers, and at who can join the cluster.\n"
    )
    assert done_so_far("sweep.jsonl") == []


def test_no_worker_prints_in_the_client(nncli: Run, attacker: Attacker) -> None:
    attacker.order("events")
    outcome = nncli(*SWEEP, "--cluster", attacker.address, "--insecure", "--json")
    assert attacker.deceived() <= {"worker"}
    assert "from a worker" not in outcome.out
    assert outcome.err.count("\n") == 1


def test_a_pickle_names_no_code_while_a_cluster_is_connected() -> None:
    plain = {"a": [1, 2.5, None, "b"], "c": b"bytes"}
    with nothing_unpickled():
        assert pickle.loads(pickle.dumps(plain)) == plain
        for what in (print, Path("x"), ValueError("x"), Killed):
            with pytest.raises(AttributeError):
                pickle.loads(pickle.dumps(what))
    assert pickle.loads(pickle.dumps(Path("x"))) == Path("x")


@pytest.mark.parametrize("value", [None, True, 1 << 60, 0.1 + 0.2, "größe \udcff", b"\0\xff", [{"a": [1, "b", 2.0]}]])
def test_plain_values_cross_as_they_are(value: object) -> None:
    assert unpack(pack(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"", "text", None, b"\xc1", pack([1])[:-1], pack(1) + b"x", pack(math.nan), pack([math.inf]), pack({1: 2}),
        b"\x91" * 5000 + b"\x00",  # lists in lists
        b"\xd4\x05\x00",  # an extension type
        b"\xd6\xff\0\0\0\0",  # a time
        b"\xdd\xff\xff\xff\xff",  # a list that says it has 4 billion items
        b"\xa1\xff",  # text that is not UTF-8
    ],
)  # fmt: skip
def test_other_bytes_are_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(data)


def test_a_scheduler_without_encryption_is_told(nncli: Run, attacker: Attacker) -> None:
    tls = Path(__file__).parent / "tls"
    files = ["--tls-ca", tls / "cert.pem", "--tls-cert", tls / "cert.pem", "--tls-key", tls / "key.pem"]
    outcome = nncli(*SWEEP, "--cluster", attacker.address.replace("tcp", "tls"), *files)
    assert outcome.code == BAD_DATA
    assert ": no encrypted connection: wrong version number. Look at whether the scheduler has tls://.\n" in outcome.err
