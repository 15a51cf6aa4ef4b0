"""`nncli serve` beside a server with FastAPI, joblib and scikit-learn: one row a request, over connections that stay
open; and its tables beside `nncli predict`. Servers have one core, and the client has another if there is one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from measure import Comparison, Crashed, process, rounds
from nncli.data.bundled import path_of
from nncli.inference.predict import OutputSink, predict_source
from nncli.inference.predict_options import PredictOptions
from nncli.model import checkpoint
from shown import heading, show

PEER = Path(__file__).parent / "peers" / "serve_fastapi.py"
NNCLI = [sys.executable, "-m", "nncli"]
ROUNDS, SECONDS = 5, 2.0
CONNECTIONS = 8
LATENCY_MS, REQUESTS, TIMES = 1.0, 2000, 2  # promised: at most, at least, and at least as often as the peer
ROWS, SHARE = 10_000, 0.6  # of a table, and the least share of the rows a second of predict
ROW = {"sepal_length_cm": 5.1, "sepal_width_cm": 3.5, "petal_length_cm": 1.4, "petal_width_cm": 0.2}


class Load(NamedTuple):
    """What a client has seen, in milliseconds: the median of the time of a request, the whole time for each request,
    and the processor time for each."""

    wait: float
    each: float
    cpu: float


def serving(data: Any, folder: Path, peers: set[str]) -> None:
    process([*NNCLI, "train", "iris", "-q", "--hidden", "64", "-o", "iris.npz"], folder)
    _tables(folder)
    if not {"fastapi", "pandas"} <= peers:
        return
    process([sys.executable, str(PEER), "iris.joblib"], folder)
    body = json.dumps(ROW).encode()
    with (
        _server([*NNCLI, "serve", "iris.npz", "--port"], folder) as ours,
        _server([sys.executable, str(PEER), "iris.joblib"], folder) as theirs,
    ):
        for connections in (1, CONNECTIONS):
            heading(f"serve one row of iris, JSON, {connections} connection{'s' * (connections > 1)}, one core")
            ask = partial(_load, body=body, kind="application/json", connections=connections)
            found = rounds({"nncli": partial(ask, ours), "fastapi": partial(ask, theirs)}, ROUNDS)
            if connections == 1:
                show(_compared("median", "wait", found, most=LATENCY_MS))
            else:
                show(_compared("each", "each", found, most=1000 / REQUESTS))
            show(_compared("each", "each", found, 1 / TIMES))
            show(_compared("processor", "cpu", found, 1 / TIMES))


def _compared(
    what: str, field: str, found: Mapping[str, Sequence[Load]], limit: float | None = None, most: float | None = None
) -> Comparison:
    ours, theirs = ([getattr(one, field) for one in found[name]] for name in ("nncli", "fastapi"))
    return Comparison(what, "ms", "FastAPI, joblib", ours, theirs, limit, most=most)


def _tables(folder: Path) -> None:
    """Rows a second in large requests, beside those of predict in a process that has loaded all that it needs."""
    heading(f"serve a CSV of {ROWS:,} rows of iris, with probabilities")
    header, *lines = path_of("iris").read_text().splitlines(keepends=True)
    rows = [line.rpartition(",")[0] + "\n" for line in lines]
    text = header.rpartition(",")[0] + "\n" + "".join(rows * (ROWS // len(rows) + 1))
    text = "".join(text.splitlines(keepends=True)[: ROWS + 1])
    (folder / "rows.csv").write_text(text)
    model, _ = checkpoint.load(folder / "iris.npz")

    def predict() -> float:
        began = time.perf_counter()
        sink = OutputSink(io.BytesIO(), quiet=True)
        predict_source(model, str(folder / "rows.csv"), PredictOptions(proba=True), sink)
        return (time.perf_counter() - began) * 1000

    with _server([*NNCLI, "serve", "iris.npz", "--port"], folder, cores=None) as server:
        turns = {
            "nncli": lambda: _load(server, text.encode(), "text/csv", 1, SECONDS).wait,
            "predict": lambda: statistics.median(predict() for _ in range(30)),
        }
        found = rounds(turns, ROUNDS)
    show(Comparison("time", "ms", "nncli predict", found["nncli"], found["predict"], 1 / SHARE))


class _Running(NamedTuple):
    pid: int
    port: int


@contextlib.contextmanager
def _server(command: Sequence[str], folder: Path, cores: int | None = 1) -> Iterator[_Running]:
    """Start a server at a free port, on one core, and wait until it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = sorted(os.sched_getaffinity(0))[:cores]
    running = subprocess.Popen(
        [*command, str(port)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, own),
    )  # fmt: skip
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if running.poll() is not None:
                raise Crashed(f"{' '.join(command)}: exit code {running.returncode}")
            time.sleep(0.1)
        yield _Running(running.pid, port)
    finally:
        running.terminate()
        running.wait()


def _load(server: _Running, body: bytes, kind: str, connections: int, seconds: float = SECONDS) -> Load:
    """Ask again and again over connections that stay open, each as soon as it has its answer."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(own)})
    request = (
        f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    selector, clients = selectors.DefaultSelector(), list[_Client]()
    waits: list[float] = []
    try:
        for _ in range(connections):
            clients.append(_Client(socket.create_connection(("127.0.0.1", server.port))))
            clients[-1].socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(clients[-1].socket, selectors.EVENT_READ, clients[-1])
        start, before = time.perf_counter(), _processor(server.pid)
        for client in clients:
            client.ask(request)
        while (now := time.perf_counter()) - start < seconds or not waits:
            for key, _ in selector.select():
                client = key.data
                if client.has_answer():
                    waits.append(1000 * (time.perf_counter() - client.began))
                    client.ask(request)
        taken, processor = now - start, _processor(server.pid) - before
        return Load(statistics.median(waits), 1000 * taken / len(waits), 1000 * processor / len(waits))
    finally:
        for client in clients:
            client.socket.close()
        selector.close()
        os.sched_setaffinity(0, own)


class _Client:
    """One connection, and the answer that is coming over it."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket, self.answer, self.began = connected, bytearray(), 0.0

    def ask(self, request: bytes) -> None:
        self.answer.clear()
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def has_answer(self) -> bool:
        """Take what has come, and tell whether that is a whole answer."""
        self.answer += self.socket.recv(1 << 20)
        head, gap, rest = self.answer.partition(b"\r\n\r\n")
        length = head.lower().rpartition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not (gap and len(rest) >= int(length)):
            return False
        if not self.answer.startswith(b"HTTP/1.1 200 "):
            raise Crashed(self.answer.decode())
        return True


def _processor(pid: int) -> float:
    """Return the seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
