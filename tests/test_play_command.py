"""The command play: what it refuses, and how a signal ends it while a page trains."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nncli.cli import play as command

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no.csv"], "no.csv: "),
        (["-"], "DATA: the playground may read its data again, and stdin can be read once. Name a file.\n"),
        (["--port", "99999"], "--port: expected a whole number from 0 to 65535, found '99999'.\n"),
        (["iris", "--epochs", "3"], "nncli play: No such option: --epochs"),
        (["iris", "--hidden", "9999x9999"], "--hidden: expected a network of at most 2,000,000 parameters"),
    ],
    ids=["file", "stdin", "port", "epochs", "size"],
)
def test_bad_words_are_told_in_a_line(words: list[str], said: str, nncli: Run) -> None:
    done = nncli("play", *words)
    assert done.code in (1, 2)
    assert done.err.splitlines()[-1].startswith(said.rstrip("\n"))
    assert not done.out


def test_an_occupied_port_is_told(nncli: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = nncli("play", "--port", port)
    assert done.code == 2
    expected = (
        f"--port: cannot listen at port {port} of 127.0.0.1: address already in use. Name another, or leave --port out."
    )
    assert done.err.splitlines()[-1] == expected


def test_without_its_libraries_it_says_how_to_get_them(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "uvicorn" else object())
    done = nncli("play")
    assert (done.code, done.err) == (1, "nncli play: it needs uvicorn. Install it with: pip install 'nncli[play]'.\n")


def started(folder: Path, *words: str) -> tuple[subprocess.Popen[str], str]:
    environment = os.environ | {"TMPDIR": str(folder)}
    made = subprocess.Popen(
        [sys.executable, "-m", "nncli", "play", "--no-browser", "--port", "0", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder,
    )  # fmt: skip
    assert made.stdout is not None
    return made, made.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_a_signal_ends_it_cleanly_while_a_page_trains(number: signal.Signals, tmp_path: Path) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect
    from websockets.typing import Origin

    process, address = started(tmp_path)
    try:
        with urllib.request.urlopen(address) as page:
            assert page.status == 200
        where, home = address.replace("http", "ws") + "talk", address[: address.index("/", 8)]
        with connect(where, origin=Origin(home), close_timeout=1) as gone:
            gone.recv()
            gone.send(json.dumps({"do": "open", "data": "bundled:moons", "options": {}, "noise": 0, "columns": []}))
            gone.send(json.dumps({"do": "play"}))
            for _ in range(5):
                gone.recv()
        # that browser has gone away in the middle; another comes
        with connect(where, origin=Origin(home), max_size=None, close_timeout=1) as talk:
            talk.recv()
            with contextlib.suppress(ConnectionClosed):  # at once, or while so much is being sent
                talk.send("x" * (1 << 20))
            with pytest.raises(ConnectionClosed):
                talk.recv()
        with connect(where, origin=Origin(home), close_timeout=1) as talk:
            talk.recv()
            talk.send(json.dumps({"do": "open", "data": "bundled:moons", "options": {}, "noise": 0, "columns": []}))
            talk.send(json.dumps({"do": "play"}))
            for _ in range(5):
                talk.recv()
            began = time.monotonic()
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
            assert time.monotonic() - began < 10
    finally:
        process.kill()
    assert process.returncode == 128 + number
    assert out == ""
    assert err.splitlines()[-1] == f"nncli: {'interrupted' if number == signal.SIGINT else 'terminated'}."
    assert "Traceback" not in err
    assert not [*tmp_path.iterdir()]  # no temporary file is left
