"""The playground's door: who is let in, what may be asked, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from nncli.config.train_config import TrainConfig
from nncli.model import checkpoint
from nncli.play import protocol, server
from nncli.play.server import Playground
from nncli.play.session import Session
from nncli.play.shelf import Shelf

Run = Callable[..., Any]
PORT = 8517
HOME, SOCKET = f"http://127.0.0.1:{PORT}", f"ws://127.0.0.1:{PORT}"


@pytest.fixture
def playground(tmp_path: Path) -> Playground:
    (tmp_path / "dropped").mkdir()
    shelf = Shelf(tmp_path / "dropped")
    return Playground(shelf, shelf.items["bundled:xor"], TrainConfig(), PORT)


@pytest.fixture
def browser(playground: Playground) -> Iterator[TestClient]:
    with TestClient(playground.app, base_url=HOME, headers={"origin": HOME}) as client:
        yield client


def hear(talk: Any, kind: str) -> Any:
    while (said := talk.receive_json())["kind"] != kind:
        assert said["kind"] != "error", said
    return said


def test_the_page_and_all_that_it_loads_are_small_and_from_here(playground: Playground, browser: TestClient) -> None:
    page = browser.get(f"/{playground.token}/")
    assert page.status_code == 200
    size, loaded, waiting = 0, set[str](), {""}
    while waiting:
        name = waiting.pop()
        loaded.add(name)
        answer = browser.get(f"/{playground.token}/{name}")
        assert answer.status_code == 200, name
        size += len(answer.content)
        links = re.findall(r'(?:src|href)="([^"#]+)"|from "\./([^"]+)"', answer.text) if name != "icon.svg" else []
        waiting |= {one or other for one, other in links} - loaded
    assert {"page.css", "app.js", "network.js", "icon.svg"} <= loaded
    assert size < 500_000
    assert loaded - {""} == playground.files.keys() - {"page.html"}
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"  # or the token would be told


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/page.css", {}),
        ("/{no}/", {}),
        ("/{no}/page.css", {}),
        ("/{token}/", {"host": "evil.example"}),
        ("/{token}/", {"host": f"evil.example:{PORT}"}),
        ("/{token}/", {"host": "127.0.0.1:1"}),
        ("/{token}/", {"origin": "http://evil.example"}),
        ("/{token}/", {"origin": "null"}),
        ("/{token}/", {"origin": "http://127.0.0.1:1"}),
    ],
    ids=["nothing", "file", "token", "token-file", "host", "host-port", "port", "origin", "null", "origin-port"],
)
def test_who_is_no_page_of_this_playground_is_refused(
    path: str, headers: dict[str, str], playground: Playground, browser: TestClient
) -> None:
    path = path.format(token=playground.token, no="x" * len(playground.token))
    answer = browser.get(path, headers=headers)
    assert (answer.status_code, answer.text) == (403, server.REFUSED)
    where = path.rpartition("/")[0]
    posted = browser.post(f"{where}/drop?name=a.csv", content=b"a,class\n1,x\n2,y\n", headers=headers)
    assert posted.status_code == 403
    with pytest.raises(WebSocketDisconnect), browser.websocket_connect(f"{SOCKET}{where}/talk", headers=headers):
        pass


def test_what_changes_something_has_to_say_where_it_comes_from(playground: Playground) -> None:
    with TestClient(playground.app, base_url=HOME) as program:
        assert program.get(f"/{playground.token}/").status_code == 200  # an address that is typed has no origin
        assert program.post(f"/{playground.token}/drop?name=a.csv", content=b"x").status_code == 403
        with pytest.raises(WebSocketDisconnect), program.websocket_connect(f"{SOCKET}/{playground.token}/talk"):
            pass


def test_tokens_are_random_and_compared_whole(playground: Playground, browser: TestClient) -> None:
    other = Playground(playground.shelf, playground.first, TrainConfig(), PORT)
    assert other.token != playground.token
    assert len(playground.token) == 32  # 24 random bytes in base64
    for token in (playground.token[:-1], playground.token + "x", playground.token.swapcase(), "é"):
        assert browser.get(f"/{token}/").status_code == 403


@pytest.mark.parametrize("path", ["../setup.py", "..%2fsetup.py", "%2e%2e/%2e%2e/setup.py", "/etc/passwd", "setup.py"])
def test_no_other_file_is_sent(path: str, playground: Playground, browser: TestClient) -> None:
    answer = browser.get(f"/{playground.token}/{path}")
    assert answer.status_code in (403, 404)
    assert "import" not in answer.text


OPEN = {"do": "open", "data": "bundled:xor", "options": {}, "noise": 0, "columns": []}
MESSAGES = {
    "text": "no JSON",
    "list": "[]",
    "deep": "[" * 50_000,
    "megabyte": json.dumps({**OPEN, "data": "x" * (1 << 20)}),
    "path": json.dumps({**OPEN, "options": {"data": "/etc/passwd"}}),
    "path of rows": json.dumps({**OPEN, "options": {"val_data": "/etc/passwd"}}),
    "number": json.dumps({**OPEN, "options": {"hidden": 4}}),
    "noise": json.dumps({**OPEN, "noise": 99}),
    "nan": json.dumps({**OPEN, "noise": float("nan")}),
    "private": json.dumps({"do": "_begin"}),
    "unknown": json.dumps({"do": "model"}),
    "more": json.dumps({"do": "play", "more": 1}),
    "step": json.dumps({"do": "step", "of": "year"}),
    "one column": json.dumps({"do": "look", "columns": ["a"]}),
    "large weight": json.dumps({"do": "weight", "layer": 0, "input": 0, "unit": 0, "value": 1e300}),
    "row before the first": json.dumps({"do": "row", "row": -1}),
    "form": json.dumps({"do": ["play"]}),
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_any_other_message_ends_the_talk(message: str, playground: Playground, browser: TestClient) -> None:
    with pytest.raises(ValueError, match=r"."):
        protocol.read(message)
    with browser.websocket_connect(f"{SOCKET}/{playground.token}/talk") as talk:
        assert talk.receive_json()["kind"] == "hello"
        talk.send_text(message)
        with pytest.raises(WebSocketDisconnect) as closed:
            talk.receive_json()
    assert closed.value.code == (1009 if len(message) > protocol.MOST_BYTES else 1008)


def test_a_page_opens_trains_drops_a_file_and_saves(
    playground: Playground, browser: TestClient, tmp_path: Path
) -> None:
    home = f"/{playground.token}"
    with browser.websocket_connect(f"{SOCKET}{home}/talk") as talk:
        hello = hear(talk, "hello")
        assert hello["first"] == "bundled:xor"
        assert {one["value"] for one in hello["choices"]["model"]} >= {"mlp", "perceptron", "mira"}
        tasks = {one["value"]: one["tasks"] for one in hello["choices"]["loss"]}
        assert (tasks["mse"], tasks["huber"], tasks["hinge"]) == (
            ["classification", "regression"], ["regression"], ["classification"],
        )  # fmt: skip
        rows = "".join(f"{i % 9},{i % 7},{'ab'[i % 9 > 4]}\n" for i in range(90))
        dropped = browser.post(f"{home}/drop?name=..%2F..%2Fflowers.csv", content=f"u,v,kind\n{rows}".encode()).json()
        assert dropped["key"] == "dropped:flowers.csv"
        talk.send_json({"do": "open", "data": dropped["key"], "options": {}, "noise": 0, "columns": []})
        state = hear(talk, "state")
        assert (state["target"], state["classes"], state["numbers"]) == ("kind", ["a", "b"], ["u", "v"])
        assert "nobody has said which column to predict: the last one, 'kind', is taken" in state["notes"]
        hear(talk, "frame")
        unsaved = browser.get(f"{home}/model/{hello['session']}")
        assert (unsaved.status_code, unsaved.text) == (
            409,
            "save: a model is saved after its first epoch. Train one.\n",
        )
        talk.send_json({"do": "play"})
        while hear(talk, "frame")["epoch"] < 5:
            pass
        talk.send_json({"do": "pause"})
        while (frame := hear(talk, "frame"))["playing"]:
            pass
        saved = browser.get(f"{home}/model/{hello['session']}")
        (tmp_path / "model.npz").write_bytes(saved.content)
        model, provenance = checkpoint.load(tmp_path / "model.npz")
        np.testing.assert_allclose(model.network.dense[0].W, frame["weights"][0]["W"], atol=1e-5)
        assert provenance.source == ("flowers.csv",)
    assert not playground.sessions
    assert browser.get(f"{home}/model/{hello['session']}").status_code == 404


def test_a_file_may_have_any_name(playground: Playground, browser: TestClient, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40) / ("path" * 40)
    folder.mkdir(parents=True)
    path = folder / os.fsdecode(b"caf\xe9 <b>.csv")  # no UTF-8
    path.write_text("a,class\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(40)))
    playground.first = playground.shelf.add_given((str(path),), None, ())
    with browser.websocket_connect(f"{SOCKET}/{playground.token}/talk") as talk:
        hello = hear(talk, "hello")
        talk.send_text(json.dumps({**OPEN, "data": hello["first"], "options": {"numeric": "a"}}))
        state = hear(talk, "state")
        assert state["name"].endswith("caf\udce9 <b>.csv")
        assert hear(talk, "frame")["command"].startswith("nncli train '/")


def test_what_cannot_be_read_is_said_and_not_kept(playground: Playground, browser: TestClient) -> None:
    damaged = b"PK\3\4" + bytes(26) + b"meta.npy" + bytes(100)
    answer = browser.post(f"/{playground.token}/drop?name=m.npz", content=damaged)
    assert answer.status_code in (200, 422)
    if answer.status_code == 422:
        assert answer.json()["error"].startswith("m.npz: ")
        assert not [*playground.shelf.folder.iterdir()]


def test_a_file_that_is_too_large_is_refused(
    playground: Playground, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_UPLOAD", 1 << 20)
    answer = browser.post(f"/{playground.token}/drop?name=big.csv", content=bytes(2 << 20))
    assert answer.status_code == 413
    assert answer.json()["error"] == "big.csv: expected at most 1 MiB, found more. Name it: nncli play big.csv."
    assert not [*playground.shelf.folder.iterdir()]


def test_of_files_that_were_dropped_the_last_few_stay(playground: Playground, browser: TestClient) -> None:
    for i in range(12):
        browser.post(f"/{playground.token}/drop?name={i}.csv", content=b"a,class\n1,x\n2,y\n")
    assert len([*playground.shelf.folder.iterdir()]) == 8
    assert next(one for one in playground.shelf.items if one.startswith("dropped:")) == "dropped:4.csv"


def test_no_more_than_a_few_pages_are_open(playground: Playground, browser: TestClient) -> None:
    first = next(iter(playground.shelf.items.values()))
    opened = (Session(playground.shelf, first, TrainConfig()) for _ in range(server.MOST_PAGES))
    playground.sessions.update({one.id: one for one in opened})
    with (
        browser.websocket_connect(f"{SOCKET}/{playground.token}/talk") as talk,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        talk.receive_json()
    assert closed.value.code == 1013


@pytest.mark.parametrize("number", server.ENDING, ids=lambda one: one.name)
def test_a_signal_is_raised_again_when_no_loop_runs_any_more(number: signal.Signals, playground: Playground) -> None:
    """An exception of its handler within the loop would be told as an error of a task, or be lost."""
    ran_in: list[bool] = []

    def heard(number: int, frame: object) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            ran_in.append(False)
        else:
            ran_in.append(True)

    def interrupt(port: int) -> None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/x/").close()
        except urllib.error.HTTPError as refused:  # 403: it answers
            refused.close()
        finally:
            os.kill(os.getpid(), number)

    before = signal.signal(number, heard)
    try:
        opened = server.listen_at(0)
        with opened:
            sender = threading.Thread(target=interrupt, args=opened.getsockname()[1:])
            sender.start()
            server.serve(playground, opened)
            sender.join()
        assert signal.getsignal(number) is heard
    finally:
        signal.signal(number, before)
    assert ran_in == [False]
