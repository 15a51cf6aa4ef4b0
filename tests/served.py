"""What the tests of `nncli serve` share: a client of an app in this process, and a server in another one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from nncli.serve.app import App, Limits
from nncli.serve.log import Log
from nncli.serve.models import Models

HOME = "http://127.0.0.1:8000"
CSV, NDJSON = {"content-type": "text/csv"}, {"content-type": "application/x-ndjson"}
HOSTS = frozenset({"127.0.0.1", "localhost"})


def app_of(*models: Path, limits: Limits | None = None, token: str | None = None) -> App:
    return App(Models([*map(str, models)]), limits or Limits(), Log(is_json=True), token, HOSTS)


@contextlib.contextmanager
def asking(app: App) -> Iterator[TestClient]:
    with TestClient(app, base_url=HOME, raise_server_exceptions=False) as client:
        yield client
    app.threads.shutdown()


def spelled_model(folder: Path) -> Path:
    """Train a model on columns that are written in ways of their own, and are never empty."""
    from nncli.cli.main import main

    rows = (
        f"{i * 37 % 41},{i % 9} %;{1 + i % 2}.{i * 83 % 900 + 100},5;{i % 24:02}:{i * 7 % 60:02};{i % 50} kg;"
        f"{1 + i % 28:02}/{1 + i * 5 % 12:02}/2024;2024-{1 + i % 12:02}-03;{'pq'[i * 37 % 41 > 20]}\n"
        for i in range(200)
    )
    (folder / "spelled.csv").write_text("share;price;time;weight;sold;made;class\n" + "".join(rows))
    words = ["--model", "logistic", "--epochs", "5", "-q", "--json", "-o", str(folder / "spelled.npz")]
    assert main(["train", str(folder / "spelled.csv"), *words]) == 0
    return folder / "spelled.npz"


def without_warnings(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "warnings"}


@contextlib.contextmanager
def server(models: Sequence[Path], *words: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start `nncli serve` at a free port; it is ended with SIGTERM unless it has ended before."""
    command = [sys.executable, "-m", "nncli", "serve", *map(str, models), "--port", "0", *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline()
        assert address.startswith("http://"), process.communicate()[1]
        yield process, int(address.rstrip("/\n").rpartition(":")[2])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def log_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
