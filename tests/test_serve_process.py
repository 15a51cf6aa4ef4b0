"""`nncli serve` as a process: under load, with hostile clients, while its model changes, and when it is to end."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from served import log_lines, server, without_warnings

Run = Callable[..., Any]
JSON, CSV, NDJSON = "application/json", "text/csv", "application/x-ndjson"
NAMES = ("sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm")
Asked = tuple[str, str, bytes]  # path, type, body


def flowers(n: int, seed: int) -> list[dict[str, float]]:
    rng = random.Random(seed)
    return [dict(zip(NAMES, (round(rng.uniform(0.1, 8), 1) for _ in NAMES), strict=True)) for _ in range(n)]


def requests() -> list[Asked]:
    """Make requests of every form and size, each of which has one answer."""
    found: list[Asked] = []
    for i in range(6):
        found.append(("/predict", JSON, json.dumps(flowers(1, i)[0]).encode()))
        found.append(("/predict?reasons=2", JSON, json.dumps(flowers(1, i)[0]).encode()))
        rows = flowers(3 + 40 * i, i)
        found.append(("/predict", JSON, json.dumps(rows).encode()))
        found.append(("/predict", JSON, json.dumps({name: [row[name] for row in rows] for name in NAMES}).encode()))
        found.append(("/predict", NDJSON, "\n".join(map(json.dumps, rows)).encode()))
        lines = [",".join(map(str, row.values())) for row in rows]
        found.append(("/predict", CSV, "\n".join([",".join(NAMES), *lines]).encode()))
    many = [",".join(map(str, row.values())) for row in flowers(10_000, 7)]
    found.append(("/predict", CSV, "\n".join([",".join(NAMES), *many]).encode()))
    return found


class Client(threading.Thread):
    """Asks over a connection that stays open, until it is told to stop or the server is gone. Answers are counted as
    good or wrong; a request is lost if it was sent over a connection that the server had accepted, and never answered.
    """

    def __init__(self, port: int, asked: Sequence[Asked], expected: dict[Asked, bytes], seed: int) -> None:
        super().__init__(daemon=True)
        self.port, self.asked, self.expected, self.random = port, asked, expected, random.Random(seed)
        self.counts, self.wrong, self.is_stopped = Counter[str](), list[str](), False
        self.may_be_refused = False

    def run(self) -> None:
        connection = self._ask()
        if connection is not None:
            connection.close()

    def _ask(self) -> http.client.HTTPConnection | None:
        """Return the connection that is left when it is told to stop."""
        connection: http.client.HTTPConnection | None = None
        is_new = False
        while not self.is_stopped:
            try:
                if connection is None:
                    is_new = True
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                    connection.connect()
            except OSError:
                return None  # the server has ended: nothing was accepted
            one = self.random.choice(self.asked)
            try:
                connection.request("POST", one[0], one[2], {"Content-Type": one[1]})
                answer = connection.getresponse()
                found = answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if is_new and self.may_be_refused:
                    return None  # the kernel had taken the connection, and the server had not
                self.counts["lost"] += 1
                self.wrong.append(f"{error!r} over a connection that was {'new' if is_new else 'used'}")
                connection = None
                continue
            is_new = False
            good = answer.status == 200 and found == self.expected[one]
            self.counts["good" if good else "wrong"] += 1
            if not good:
                self.wrong.append(f"{answer.status} {found[:200]!r} for {one[2][:100]!r}")
            if answer.getheader("connection") == "close":
                connection.close()
                connection = None
        return connection


def ask(port: int, one: Asked) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", one[0], one[2], {"Content-Type": one[1]})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def told(port: int, sent: bytes, seconds: float = 20) -> bytes:
    """Send bytes, and return all that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        client.sendall(sent)
        with contextlib.suppress(OSError):  # the server may have ended the connection already
            client.shutdown(socket.SHUT_WR)
        found = b""
        while more := client.recv(1 << 16):
            found += more
        return found


def until(port: int, line: str) -> None:
    """Wait until the metrics have a line."""
    end = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/metrics")
        found = connection.getresponse().read().decode()
        connection.close()
        if line in found.splitlines():
            return
        assert time.monotonic() < end, found
        time.sleep(0.1)


def load(port: int, clients: int, expected: dict[Asked, bytes]) -> list[Client]:
    made = [Client(port, [*expected], expected, i) for i in range(clients)]
    for one in made:
        one.start()
    return made


def let_go(clients: Sequence[Client]) -> None:
    """Tell clients that the server ends now: a new connection may be refused, and one that has been used may not."""
    for one in clients:
        one.may_be_refused = True


def total(clients: Sequence[Client]) -> Counter[str]:
    for one in clients:
        one.join(60)
        assert not one.is_alive()
    return sum((one.counts for one in clients), Counter[str]())


def expected_of(port: int) -> dict[Asked, bytes]:
    found = {}
    for one in requests():
        status, body = ask(port, one)
        assert status == 200, body
        found[one] = body
    return found


def hostile(port: int, seconds: float = 20) -> None:
    """Send what no client should send, and see that each is answered by 4xx in one line, or by the end of the
    connection."""
    own = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\n"
    post = b"POST /predict HTTP/1.1\r\n" + own
    malformed = {
        "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        "no version": b"POST /predict\r\n\r\n",
        "two lengths": post + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "negative length": post + b"Content-Length: -2\r\n\r\n{}",
        "length and chunks": post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "bad chunk": post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "long header": post + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
        "many headers": post + b"X: y\r\n" * 5_000 + b"\r\n",
        "deep": post + b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000,
        "no body": post + b"Content-Length: 0\r\n\r\n",
        "too large": post + b"Content-Length: 99999999999\r\n\r\n{}",
        "other method": b"BREW /predict HTTP/1.1\r\n" + own + b"\r\n",
        "path": b"GET /%ff%fe/../../etc/passwd HTTP/1.1\r\n" + own + b"\r\n",
        "unicode path": "GET /größe HTTP/1.1\r\n".encode() + own + b"\r\n",
    }
    for name, sent in malformed.items():
        try:
            answer = told(port, sent, seconds)
        except ConnectionError:  # the rest of what was sent met the end of the connection
            continue
        status = int(answer.split(b" ", 2)[1]) if answer else 400
        assert 400 <= status < 500, (name, answer[:300])
        assert b"Traceback" not in answer
    one = json.dumps(flowers(1, 0)[0]).encode()
    whole = told(port, post + f"Content-Length: {len(one)}\r\n\r\n".encode() + one)  # and sends no more
    assert whole.startswith(b"HTTP/1.1 200 ")
    assert whole.endswith(b"}")
    head = told(port, b"HEAD /health HTTP/1.1\r\n" + own + b"Connection: close\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n")
    cut = told(port, post + b"Content-Length: 500\r\n\r\n{")  # the client goes away
    assert not cut or b"Traceback" not in cut


def test_every_request_is_answered_while_the_model_changes_and_the_server_ends(
    iris_model: Path, tmp_path: Path, nncli: Run
) -> None:
    path = tmp_path / "iris.npz"
    shutil.copy(iris_model, path)
    with server([path]) as (process, port):
        expected = expected_of(port)
        one = next(asked for asked in expected if asked[:2] == ("/predict", JSON))
        (tmp_path / "row.jsonl").write_bytes(one[2])
        said = nncli("predict", path, tmp_path / "row.jsonl", "--proba", "--jsonl").json
        assert without_warnings(json.loads(expected[one])) == said
        clients = load(port, 4, expected)
        time.sleep(0.3)
        other = tmp_path / "other"
        shutil.copy(iris_model, other)
        other.rename(path)  # another file with the same model
        hostile(port)
        until(port, 'nncli_model_loads_total{model="iris",result="read"} 2.0')
        path.write_bytes(b"no model")
        until(port, 'nncli_model_loads_total{model="iris",result="refused"} 1.0')
        let_go(clients)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        counts = total(clients)
    assert process.returncode == 0
    assert [one.wrong for one in clients] == [[]] * 4
    assert counts["good"] > 20
    assert "Traceback" not in err
    log = log_lines(err)
    events = [line["event"] for line in log if line["event"] not in ("request", "http")]
    assert events == ["model read", "model refused", "stopping", "stopped"]
    refused = next(line for line in log if line["event"] == "model refused")
    assert str(path) in refused["error"]
    answered = sum(line.get("path") == "/predict" and line["status"] == 200 for line in log)
    assert answered == counts["good"] + len(expected) + 1  # that of a client that sends no more


def test_a_slow_client_is_told_and_holds_up_nobody(iris_model: Path) -> None:
    with server([iris_model], "--timeout", "1", "--max-bytes", "1MB", "--host", "0.0.0.0") as (process, port):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
            slow.sendall(b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n")
            slow.sendall(b"Content-Length: 50\r\n\r\n{")
            begin = time.monotonic()
            status, _ = ask(port, ("/predict", JSON, json.dumps(flowers(1, 0)[0]).encode()))
            assert status == 200
            assert time.monotonic() - begin < 0.9  # it did not wait for the slow one
            found = b""
            while more := slow.recv(1 << 16):
                found += more
        assert found.startswith(b"HTTP/1.1 408 ")
        assert b"expected its whole body within 1 seconds, found 1 bytes" in found
        status, body = ask(port, ("/predict", JSON, b" " * 40_000_000))
        assert (status, json.loads(body)["problem"]) == (413, "expected a body of at most 1,000,000 bytes, found more")
        process.terminate()
        warning = process.communicate(timeout=60)[1].splitlines()[0]
    assert warning == "warning: whoever reaches 0.0.0.0 can ask: set NNCLI_TOKEN or --token-file"


def memory_of(pid: int) -> int:
    """Read the memory of a process, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


@pytest.mark.long
def test_a_minute_of_mixed_requests_by_32_clients(iris_model: Path, tmp_path: Path) -> None:
    with server([iris_model], "-q") as (process, port):
        expected = expected_of(port)
        clients = load(port, 32, expected)
        sizes = []
        for second in range(60):
            time.sleep(1)
            sizes.append(memory_of(process.pid))
            if second % 10 == 5:
                hostile(port, 60)
        for one in clients:
            one.is_stopped = True
        counts = total(clients)
    assert [one.wrong for one in clients if one.wrong] == []
    assert counts["good"] > 1000
    early, late = max(sizes[10:20]), max(sizes[-10:])
    assert late < 1.1 * early, sizes  # KiB


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_a_signal_under_load_loses_nothing(number: int, iris_model: Path) -> None:
    for _ in range(5):
        with server([iris_model]) as (process, port):
            expected = expected_of(port)
            clients = load(port, 32, expected)
            time.sleep(2)
            let_go(clients)
            process.send_signal(number)
            process.communicate(timeout=60)
            counts = total(clients)
        assert process.returncode == 0
        assert [one.wrong for one in clients if one.wrong] == []
        assert counts["good"] > 0
