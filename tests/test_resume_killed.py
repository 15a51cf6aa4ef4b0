"""A training run that was killed at any moment is resumed to the end that it would have had, to the last byte."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_process import PROGRAM, wait_for
from epoch_logs import epochs_in
from faults import Calls, injected, kills
from nncli.cli.main import main
from nncli.model import checkpoint
from short_and_long import short_and_long

Run = Callable[..., Any]
KILLS = int(os.environ.get("NNCLI_KILLS", "20"))  # make fuzz

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


COMMAND = ["train", "wine", "--hidden", "8", "--dropout", "0.2", "--epochs", "5", "--save-every", "0", "-q", "--json"]


def killed_at(n: int) -> None:
    with injected(Calls(n, kills)):
        main([*COMMAND, "-o", "m.npz", "--resume"])


@pytest.mark.parametrize("step", short_and_long(7, 1))  # a save makes ten calls: 7 strikes each kind of them
def test_killed_at_any_call_it_goes_on_to_the_same_bytes(nncli: Run, step: int) -> None:
    """At every write, flush, sync, link and rename of a training that saves at each epoch."""
    calls = Calls(None)
    with injected(calls):
        assert nncli(*COMMAND, "-o", "whole.npz").code == 0
    whole = Path("whole.npz").read_bytes()
    assert calls.seen.count("replace") == 6  # after each epoch, and at the end
    for n in range(0, len(calls.seen), step):
        Path("m.npz").unlink(missing_ok=True)
        process = multiprocessing.get_context("fork").Process(target=killed_at, args=(n,))
        process.start()
        process.join()
        assert process.exitcode == -9
        if Path("m.npz").exists():
            checkpoint.load(Path("m.npz"))
        assert nncli(*COMMAND, "-o", "m.npz", "--resume").code == 0
        assert Path("m.npz").read_bytes() == whole, f"killed at call {n}, {calls.seen[n]}"


@pytest.mark.parametrize("kills", short_and_long(1, KILLS))
def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(kills: int) -> None:
    """Real processes, killed again and again until one reaches the end."""
    words = ["train", "digits", "--hidden", "16", "--epochs", "12", "--patience", "12", "--save-every", "0", "-q"]
    words += ["--json", "--log", "log.jsonl", "-o"]
    subprocess.run([*PROGRAM, *words, "whole.npz"], check=True, capture_output=True)
    whole, log = Path("whole.npz").read_bytes(), epochs_in("log.jsonl")
    rng, killed = random.Random(0), 0

    def epochs_in_log() -> int:
        return Path("log.jsonl").read_bytes().count(b"\n") if Path("log.jsonl").exists() else 0

    while killed < kills:
        Path("m.npz").unlink(missing_ok=True)
        Path("log.jsonl").unlink()
        returncode = -signal.SIGKILL
        while returncode == -signal.SIGKILL:
            process = subprocess.Popen(
                [*PROGRAM, *words, "m.npz", "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            epochs = epochs_in_log() + rng.randint(0, 5)

            def is_time(process: subprocess.Popen[bytes] = process, epochs: int = epochs) -> bool:
                return process.poll() is not None or epochs_in_log() > epochs

            wait_for(is_time, pause=0.001)
            time.sleep(rng.uniform(0, 0.02))
            process.kill()
            _, errors = process.communicate()
            returncode = process.returncode
            killed += returncode != 0
            assert errors == b""
            if Path("m.npz").exists():
                checkpoint.load(Path("m.npz"))
        assert returncode == 0
        assert Path("m.npz").read_bytes() == whole
        assert epochs_in("log.jsonl") == log
