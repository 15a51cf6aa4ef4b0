"""Requests as the description of the server has them, and worse ones: each is answered, as the description says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from starlette.testclient import TestClient

from served import app_of, asking
from short_and_long import for_examples, short_and_long

NAMES = ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"]
TYPES = ["application/json", "text/csv", "application/x-ndjson", "text/tab-separated-values", "application/jsonl"]
numbers = st.one_of(st.integers(), st.floats(), st.sampled_from(["1e400", "-0", "007", "3,5", "1 000", "½", "٣"]))
cells = st.one_of(
    numbers, st.none(), st.booleans(), st.text(max_size=8), st.sampled_from(["NA", "nan", "", "inf", '="1"'])
)
values = st.recursive(
    cells, lambda its: st.lists(its, max_size=3) | st.dictionaries(st.text(max_size=3), its, max_size=3)
)
good_rows = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, st.one_of(st.integers(-9, 9), st.floats(0, 9))))
keys = st.one_of(st.sampled_from(NAMES), st.text(max_size=6))
rows = st.one_of(
    st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, cells)), st.dictionaries(keys, values, max_size=6)
)
columns = st.dictionaries(keys, st.lists(values, max_size=4) | values, max_size=6)
documents = st.one_of(rows, st.lists(rows, max_size=5), columns, values)


@st.composite
def tables(draw: st.DrawFn) -> str:
    """Make a CSV with a header that is right or nearly so."""
    sign = draw(st.sampled_from([",", ";", "\t", "|"]))
    names = draw(st.one_of(st.permutations(NAMES), st.lists(st.sampled_from([*NAMES, "id", ""]), max_size=6)))
    lines = draw(st.lists(st.lists(st.one_of(cells.map(str), st.text(max_size=5)), max_size=6), max_size=5))
    end = draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n"]))
    return end.join([sign.join(names), *map(sign.join, lines)])


parameters = st.dictionaries(
    st.sampled_from(["reasons", "interval", "encoding", "skip_rows", "quote", "escape", "header_rows", "rows", "x"]),
    st.sampled_from(["-1", "0", "1", "3", "9", "0.9", "1:2", "latin-1", "utf-16", "'", '"', "none", "single"]),
    max_size=2,
)
TEXTS = {
    "application/json": st.one_of(good_rows, st.lists(good_rows, max_size=5), documents).map(json.dumps),
    "application/x-ndjson": st.lists(st.one_of(good_rows, rows), max_size=4).map(
        lambda its: "\n".join(map(json.dumps, its))
    ),
    "text/csv": tables(),
}


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes, dict[str, str]]:
    """Make the type of a body, the body, whole or cut or damaged, and parameters."""
    kind = draw(st.sampled_from([*TEXTS]))
    body = draw(TEXTS[kind]).encode("utf-8", "surrogatepass")
    what = draw(st.integers(0, 9))
    if what == 0 and body:
        at = draw(st.integers(0, len(body) - 1))
        body = draw(st.sampled_from([body[:at], body[:at] + bytes([draw(st.integers(0, 255))]) + body[at + 1 :]]))
    elif what == 1:
        kind = draw(st.sampled_from(TYPES))
    return kind, body, draw(parameters) if what in (2, 3) else {}


@pytest.fixture(scope="module")
def client(iris_model: Path) -> Iterator[TestClient]:
    with asking(app_of(iris_model)) as client:
        yield client


@pytest.fixture(scope="module")
def described(client: TestClient) -> Any:
    return client.get("/openapi.json").json()


def check_answer(answer: Any, schema: Any) -> None:
    """Check an object against the schema of answers, without a library: types, what is required, and the classes."""
    assert {*schema["required"]} <= {*answer}
    for name, its in schema["properties"].items():
        kind = {"number": (int, float), "string": str, "array": list}[its["type"]]
        assert isinstance(answer[name], kind)
        assert "enum" not in its or answer[name] in its["enum"]


@pytest.mark.parametrize("count", short_and_long(60, 2000))
def test_every_request_is_answered_as_the_description_says(count: int, client: TestClient, described: Any) -> None:
    responses = described["paths"]["/predict"]["post"]["responses"]
    schema = described["components"]["schemas"]["Answer"]
    seen = set[int]()

    def ask(request: tuple[str, bytes, dict[str, str]]) -> None:
        kind, body, query = request
        answer = client.post("/predict", params=query, content=body, headers={"content-type": kind})
        seen.add(answer.status_code)
        assert str(answer.status_code) in responses, answer.text
        if answer.status_code != 200:
            found = answer.json()
            assert [*found] == ["error", "where", "problem", "remedy"]
            assert found["error"].isprintable()
            assert "Traceback" not in found["error"]
        elif kind == "application/json" and body.lstrip()[:1] != b"[" and isinstance(found := answer.json(), dict):
            if isinstance(found["prediction"], str):
                check_answer(found, schema)
            else:
                assert len({*map(len, found.values())}) == 1

    for_examples(count, ask, request=requests())
    assert {200, 400, 422} <= seen
