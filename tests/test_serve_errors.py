"""What `nncli serve` refuses: always with one line in four parts, never with a traceback."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from nncli.serve.app import Limits
from served import CSV, NDJSON, app_of, asking

Run = Callable[..., Any]
JSON = {"content-type": "application/json"}
ROW = {"sepal_length_cm": 5.1, "sepal_width_cm": 3.5, "petal_length_cm": 1.4, "petal_width_cm": 0.2}
HEADER = ",".join(ROW)


@pytest.fixture
def client(iris_model: Path) -> Iterator[TestClient]:
    with asking(app_of(iris_model)) as client:
        yield client


def refused(answer: Any, status: int, *parts: str) -> dict[str, str]:
    """Check an answer that refuses a request: its parts, and that they make the line."""
    assert answer.status_code == status, answer.text
    found: dict[str, str] = answer.json()
    assert [*found] == ["error", "where", "problem", "remedy"]
    assert found["error"].startswith(f"{found['where']}: {found['problem']}.")
    assert found["remedy"] in found["error"]
    assert not re.search(r"Traceback|\n|\x00", found["error"])
    for part in parts:
        assert part in found["error"]
    return found


BROKEN = {
    "nothing": b"",
    "blank": b" \n ",
    "word": b"iris",
    "number": b"5.1",
    "text": b'"5.1"',
    "null": b"null",
    "open-object": b'{"sepal_length_cm": 5.1',
    "open-list": b'[{"sepal_length_cm": 5.1}',
    "open-text": b'{"sepal_length_cm',
    "two-objects": b'{"sepal_length_cm": 5.1} {"sepal_length_cm": 5.1}',
    "behind-list": b'[{"sepal_length_cm": 5.1}] x',
    "behind-columns": b'{"sepal_length_cm": [5.1]} x',
    "no-comma": b'[{"sepal_length_cm": 5.1} {"sepal_length_cm": 5.1}]',
    "end-comma": b'[{"sepal_length_cm": 5.1},]',
    "columns-end-comma": b'{"sepal_length_cm": [5.1],}',
    "columns-no-colon": b'{"a": [1], "b" [2]}',
    "columns-no-name": b'{"a": [1], 5: [2]}',
    "quotes": b"{'sepal_length_cm': 5.1}",
    "deep-list": b"[" * 100_000,
    "deep-object": b'{"a":' * 100_000,
    "deep-column": b'{"a": [' + b"[" * 100_000,
    "latin-1": '{"größe": 5.1}'.encode("latin-1"),
    "utf-16": json.dumps(ROW).encode("utf-16"),
    "zeros": bytes(100),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=[*BROKEN])
def test_what_is_no_json_is_refused(body: bytes, client: TestClient) -> None:
    found = refused(client.post("/predict", content=body, headers=JSON), 400, "JSON" if body.strip(b" \n") else "")
    assert found["where"] == "request"


def test_a_key_that_never_ends_is_soon_read(client: TestClient) -> None:
    """A pattern that may go back at every character takes seconds and 1.4 GB for these 12 MB."""
    before = time.process_time()
    refused(client.post("/predict", content=b'{"' + b"a" * 12_000_000, headers=JSON), 413, "text/csv")
    assert time.process_time() - before < 1


def changed(**values: Any) -> dict[str, Any]:
    return {**ROW, **values}


WRONG: dict[str, tuple[Any, str]] = {
    "no-keys": ({}, "one without keys"),
    "no-number": (
        changed(petal_width_cm="n/a!"),
        "request:1: column 'petal_width_cm': expected a number, found 'n/a!'",
    ),
    "infinite": (changed(petal_width_cm="inf"), "expected a finite number"),
    "too-large": (json.dumps(ROW).replace("5.1", "1e400"), "too large"),
    "list": (changed(petal_width_cm=[1]), "found a list"),
    "object": (changed(petal_width_cm={"cm": 1}), "found an object"),
    "other-keys": ({"petal": 1, "sepal": 2}, "columns 'sepal_length_cm'"),
    "near-key": ({**changed(), "Petal width cm": 2, "petal_width_cm": 1} | {}, ""),
    "misspelt-key": (
        {name.replace("petal_width_cm", "petal_widht_cm"): value for name, value in ROW.items()},
        "Did you mean 'petal_widht_cm'?",
    ),
    "twice": ('{"sepal_length_cm": 1, "sepal_length_cm": 2}', "comes twice"),
    "half-a-character": (changed(petal_width_cm="\ud800"), "request:1: expected text, found half a character: \\ud800"),
    "half-a-word": (json.dumps(ROW).replace("0.2", '"2\\udfff"'), "found half a character: \\udfff"),
    "list-of-lists": ([[5.1, 3.5, 1.4, 0.2]], "request:1: expected an object"),
    "list-of-numbers": ([5.1, 3.5], "request:1: expected an object"),
    "second-row": ([ROW, changed(sepal_width_cm="x")], "request:2: column 'sepal_width_cm'"),
    "other-lengths": ({"sepal_length_cm": [1, 2], "sepal_width_cm": [1]}, "2 values for 'sepal_length_cm' and 1 for"),
    "column-and-number": ({"sepal_length_cm": [1], "sepal_width_cm": 1}, "key 'sepal_width_cm': expected a list"),
    "column-twice": ('{"a": [1], "a": [1]}', "key 'a' comes twice"),
    "list-in-column": ({name: [[1]] for name in ROW}, "found a list"),
    "text-in-column": ({name: ["x"] for name in ROW}, "expected a number, found 'x'"),
}


@pytest.mark.parametrize(("sent", "said"), WRONG.values(), ids=[*WRONG])
def test_rows_that_cannot_be_read_are_refused(sent: Any, said: str, client: TestClient) -> None:
    body = sent if isinstance(sent, str) else json.dumps(sent)
    answer = client.post("/predict", content=body, headers=JSON)
    if not said:  # a key in another way beside the right one is another column
        assert answer.status_code == 200
        return
    refused(answer, 422, said)
    # also once the keys are known
    assert client.post("/predict", json=ROW).status_code == 200
    refused(client.post("/predict", content=body, headers=JSON), 422, said)
    assert client.post("/predict", json=ROW).status_code == 200


def test_not_a_number_is_a_missing_value_as_in_files(client: TestClient) -> None:
    answers = [
        client.post("/predict", content=json.dumps(changed(petal_width_cm=value)), headers=JSON).json()
        for value in (float("nan"), None, "NA", "")
    ]
    assert all(answer == answers[0] for answer in answers)
    infinite = json.dumps(changed(petal_width_cm=float("-inf")))  # -Infinity, which is no JSON
    refused(client.post("/predict", content=infinite, headers=JSON), 422, "finite number")


TABLES = {
    "missing-column": ("sepal_length_cm,petal_width_cm\n5,1\n", 422, "columns 'sepal_width_cm', 'petal_length_cm'"),
    "other-columns": ("a,b\n1,2\n", 422, ""),
    "no-number": (f"{HEADER}\n5,4,3,x\n", 422, "request:2: column 'petal_width_cm': expected a number, found 'x'"),
    "short-row": (f"{HEADER}\n5,4,3\n", 422, "request:2: expected 4 columns, found 3"),
    "open-quote": (f'{HEADER}\n5,4,3,"1\n', 422, "request:2"),
    "nothing": ("", 422, ""),
    "zero-byte": (f"{HEADER}\n5,4,3,\x001\n", 422, ""),
    "html": ("<!doctype html><html><body>Sign in</body></html>", 422, ""),
}


@pytest.mark.parametrize(("text", "status", "said"), TABLES.values(), ids=[*TABLES])
def test_tables_that_cannot_be_read_are_refused(text: str, status: int, said: str, client: TestClient) -> None:
    refused(client.post("/predict", content=text, headers=CSV), status, said)


def test_what_is_no_csv_is_told_its_type(client: TestClient) -> None:
    found = refused(client.post("/predict", json=ROW, headers=CSV), 415, "expected CSV, found JSON Lines")
    assert found["remedy"] == "Send it as application/json or application/x-ndjson"
    found = refused(client.post("/predict", content=b"PAR1\x15\x04", headers=CSV), 415, "found a Parquet file")
    assert found["remedy"] == "Send it as CSV"


def test_a_line_is_shown_as_it_was_sent(client: TestClient) -> None:
    refused(
        client.post("/predict", content='[{"a": 1}]\n', headers=NDJSON), 422, "request:1", """found '[{"a": 1}]'."""
    )


def test_lines_that_cannot_be_read_are_refused(client: TestClient) -> None:
    good = json.dumps(ROW)
    for text, said in ((f"{good}\n{{\n", "request:2"), ("[1]\n", "request:1"), (f"{good}\n\n{good}\n", "request:2")):
        refused(client.post("/predict", content=text, headers=NDJSON), 422, said)


def test_as_much_is_refused_as_predict_refuses(
    iris_model: Path, tmp_path: Path, nncli: Run, client: TestClient
) -> None:
    """Each text is refused by both with the same words, or by none of them."""
    texts = [text for name, (text, _, _) in TABLES.items() if name != "html"]  # predict looks at the file first
    texts += [f"{HEADER}\n1,2,3,4\n{HEADER}\n1,2,3,4\n", f"{HEADER};\n1,2,3,4\n", f"{HEADER}\n1;2;3;4\n", "1,2,3,4\n"]
    texts += [f"{HEADER}\n1,2,3,\n", f"{HEADER}\n,,,\n", f"{HEADER}\n1,2,3,4,\n", f"{HEADER}\n1,2,3,1e99\n"]
    for text in texts:
        (tmp_path / "request").write_text(text)
        told = nncli("predict", iris_model, tmp_path / "request")
        answer = client.post("/predict", content=text, headers=CSV)
        assert (answer.status_code == 200) == (told.code == 0), text
        if told.code:
            where = f"{tmp_path}/request"
            assert (
                answer.json()["error"].split(". ")[0]
                == told.err.splitlines()[-1].replace(where, "request").split(". ")[0]
            )


def test_types_of_bodies(client: TestClient) -> None:
    body = json.dumps(ROW)
    for kind in ("application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"'):
        assert client.post("/predict", content=body, headers={"content-type": kind}).status_code == 200
    for kind in (
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/xml",
        "",
        "multipart/form-data; boundary=x",
    ):
        refused(
            client.post("/predict", content=body, headers={"content-type": kind}), 415, "application/json, text/csv"
        )
    refused(client.post("/predict", content=body), 415, "found none", "-H 'Content-Type: application/json'")
    refused(
        client.post("/predict", content=body, headers={"content-type": "application/json; charset=latin-1"}),
        415,
        "latin-1",
    )
    wrong = client.post("/predict", content=HEADER, headers={"content-type": "text/csv; charset=klingon"})
    refused(wrong, 400, "klingon")


def test_compressed_bodies_are_refused_unread(client: TestClient) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    refused(
        client.post("/predict", content=bomb, headers={**JSON, "content-encoding": "gzip"}), 415, "compressed by gzip"
    )
    for headers in (JSON, CSV, NDJSON):
        refused(client.post("/predict", content=bomb, headers=headers), 415, "compressed by gzip")


def test_addresses_and_methods_that_there_are_not(client: TestClient) -> None:
    refused(client.get("/predictions"), 404, "/predict, or /models/NAME/predict of several")
    refused(client.get("/predict/"), 404)
    refused(client.post("/models/iris/predictions", json=ROW), 404)
    answer = client.get("/predict")
    refused(answer, 405, "expected POST, found GET")
    assert answer.headers["allow"] == "POST"
    refused(client.delete("/model"), 405)


PARAMETERS = {
    "unknown": ("reason=3", "?reason", "Did you mean 'reasons'?"),
    "word": ("reasons=three", "?reasons", "a whole number from 1, found 'three'"),
    "too-many": ("reasons=5", "?reasons", "at most 4 columns"),
    "share": ("interval=90", "?interval", "a share between 0 and 1"),
    "empty": ("interval=", "?interval", "found ''"),
    "twice": ("reasons=1&reasons=2", "?reasons", "it comes twice. Give it once"),
    "of-csv": ("skip_rows=1", "?skip_rows", "JSON was sent"),
}


@pytest.mark.parametrize(("query", "where", "said"), PARAMETERS.values(), ids=[*PARAMETERS])
def test_parameters_that_there_are_not(query: str, where: str, said: str, client: TestClient) -> None:
    for sent in (ROW, [ROW, ROW]):
        assert refused(client.post(f"/predict?{query}", json=sent), 400, said)["where"] == where


def test_advice_names_parameters_and_works(client: TestClient) -> None:
    text = f"{HEADER}\n'5.1','3.5','1.4','it''s'\n"
    found = client.post("/predict", content=text, headers=CSV).json()
    assert "--" not in found["error"]
    if "?quote=" in found["remedy"]:
        assert "%27" in found["remedy"]


def test_bodies_and_rows_have_limits(iris_model: Path) -> None:
    with asking(app_of(iris_model, limits=Limits(bytes=2000, rows=3))) as client:
        assert client.post("/predict", json=[ROW] * 3).status_code == 200
        lines = "\n".join([HEADER, *["5,4,3,2"] * 4])
        for answer in (
            client.post("/predict", json=[ROW] * 4),
            client.post("/predict", json={name: [1] * 4 for name in ROW}),
            client.post("/predict", content=lines, headers=CSV),
            client.post("/predict", content="\n".join([json.dumps(ROW)] * 4), headers=NDJSON),
        ):
            refused(answer, 413, "at most 3 rows")
        refused(client.post("/predict", content=b" " * 2001, headers=JSON), 413, "at most 2,000 bytes")
        parts = (b" " * 1000 for _ in range(3))  # of unknown length
        answer = client.post("/predict", content=parts, headers=JSON)
        refused(answer, 413, "at most 2,000 bytes")
        assert answer.headers["connection"] == "close"


def test_bodies_that_come_together_do_not_fill_the_memory(iris_model: Path) -> None:
    """Four of the largest size are held, also while they are being received; short ones are answered all the same."""
    app, held = app_of(iris_model, limits=Limits(bytes=100_000)), asyncio.Event()

    async def post(*parts: bytes, waits: bool = False) -> int:
        left, statuses = [*parts], list[int]()

        async def receive() -> dict[str, Any]:
            if not left:
                await held.wait()
            return {"type": "http.request", "body": left.pop(0) if left else b"", "more_body": waits or bool(left)}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": headers}
        await app(scope, receive, send)
        return statuses[0]

    async def all_of_them() -> list[int]:
        large = [asyncio.create_task(post(b" " * 99_000, json.dumps(ROW).encode())) for _ in range(2)]
        assert [await one for one in large] == [200, 200]  # and are held no longer
        open_ones = [asyncio.create_task(post(b" " * 99_000, waits=True)) for _ in range(4)]
        await asyncio.sleep(0)
        found = [await post(b" " * 50_000, b" " * 40_000), await post(json.dumps(ROW).encode())]
        for one in open_ones:
            one.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)
        return [*found, await post(b" " * 50_000, b" " * 40_000, json.dumps(ROW).encode())]

    assert asyncio.run(all_of_them()) == [503, 200, 200]
    app.threads.shutdown()


def test_a_token_is_needed_where_there_is_one(iris_model: Path) -> None:
    with asking(app_of(iris_model, token="s3cret")) as client:
        for given in ("", "Bearer s3cre", "Bearer s3cretx", "s3cret", "Basic s3cret"):
            for path in ("/model", "/models", "/metrics", "/openapi.json", "/nowhere"):
                answer = client.get(path, headers={"authorization": given} if given else {})
                refused(answer, 401, "expected the token of this server")
                assert answer.headers["www-authenticate"] == "Bearer"
                assert "s3cre" not in answer.text
        refused(client.post("/predict", json=ROW), 401)
        own = {"authorization": "Bearer s3cret"}
        for scheme in ("Bearer", "bearer"):
            headers = {"authorization": f"{scheme} s3cret"}
            assert client.post("/predict", json=ROW, headers=headers).status_code == 200
        assert client.get("/health").json() == {"status": "ok"}
        described = client.get("/openapi.json", headers=own).json()
        assert described["security"] == [{"token": []}]
        assert client.post("/predict", json=ROW, headers={**own, "host": "models.example"}).status_code == 200


def test_without_a_token_the_host_has_to_be_this_machine(client: TestClient) -> None:
    """Else a page from elsewhere could ask, by way of a name of its own for 127.0.0.1."""
    for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""):
        refused(client.post("/predict", json=ROW, headers={"host": host}), 403)
    for host in ("127.0.0.1", "localhost:8000", "LOCALHOST"):
        assert client.post("/predict", json=ROW, headers={"host": host}).status_code == 200


def test_a_bug_is_told_without_a_traceback(
    iris_model: Path, monkeypatch: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    app = app_of(iris_model)
    monkeypatch.setattr(app, "_served", lambda request: 1 / 0)
    with asking(app) as client:
        for path in ("/predict", "/models/iris/predict"):
            found = refused(client.post(path, json=ROW), 500, "ZeroDivisionError")
            assert found["remedy"] == "The log of the server says more"
            [line] = map(json.loads, capfd.readouterr().err.splitlines())
            assert (line["level"], line["status"]) == ("error", 500)
            assert "1 / 0" in line["traceback"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x.npz"], "cannot read the model"),
        (["{iris}", "{iris}"], "two models are called 'iris'"),
        (["-"], "Name a file"),
        (["{iris}", "--port", "x"], "--port: expected a whole number from 0 to 65535, found 'x'"),
        (["{iris}", "--host", "203.0.113.1"], "cannot listen"),
        (["{iris}", "--host", "no such host"], "--host: expected an address of this machine"),
        (["{iris}", "--max-rows", "0"], "--max-rows"),
        (["{iris}", "--timeout", "0"], "--timeout: expected a number of seconds above 0"),
        (["{iris}", "--max-bytes", "many"], "--max-bytes: expected a size such as 500MB"),
        (["{iris}", "--token-file", "none.txt"], "--token-file: cannot read none.txt"),
        (["{iris}", "--token-file", "empty.txt"], "Make one with: openssl"),
    ],
    ids=["file", "twice", "stdin", "port", "host", "host-name", "rows", "timeout", "bytes", "token", "empty-token"],
)
def test_what_the_command_line_cannot_mean(
    words: list[str], said: str, iris_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n")
    outcome = nncli("serve", *(word.format(iris=iris_model) for word in words))
    assert outcome.code == (1 if words == ["x.npz"] else 2)
    assert outcome.out == ""
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


def test_what_is_not_installed_is_said(iris_model: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run) -> None:
    from nncli.cli import serve as command

    monkeypatch.setattr(command, "NEEDED", ("starlette", "no_such_package"))
    outcome = nncli("serve", iris_model)
    assert (outcome.code, outcome.err) == (
        1, "nncli serve: it needs no-such-package. Install it with: pip install 'nncli[serve]'.\n"
    )  # fmt: skip
