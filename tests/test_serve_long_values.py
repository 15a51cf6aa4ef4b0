"""The decoder of Python holds up all threads until it has a whole value, so `nncli serve` takes none that is long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from nncli.serve import json_values
from nncli.serve.bodies import Kind, read_body
from nncli.serve.json_values import MOST_VALUE
from nncli.serve.problems import Problem
from served import CSV, NDJSON, app_of, asking

JSON = {"content-type": "application/json"}
NAMES = ("sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm")
ROW = dict.fromkeys(NAMES, 1.5)
SMALL = 60  # characters, in place of millions
cells = st.one_of(st.integers(), st.text(max_size=30), st.none(), st.booleans())
rows = st.lists(st.dictionaries(st.text(max_size=5), cells, max_size=6), max_size=30)


@pytest.fixture(scope="module")
def client(iris_model: Path) -> Iterator[TestClient]:
    with asking(app_of(iris_model)) as found:
        yield found


def long_row(length: int) -> str:
    """The text of a row that has so many characters."""
    text = json.dumps(ROW | {"note": ""})
    return text.replace('""', f'"{"x" * (length - len(text))}"')


LONG: dict[str, tuple[str, dict[str, str], str]] = {
    "row": (long_row(MOST_VALUE + 1), JSON, "row"),
    "row-in-a-list": (f"[{json.dumps(ROW)}, {long_row(MOST_VALUE + 1)}, {json.dumps(ROW)}]", JSON, "row"),
    "row-without-end": ('{"a": "' + "x" * 2 * MOST_VALUE, JSON, "row"),
    "column": ('{"a": [' + "1," * (MOST_VALUE // 2) + "1]}", JSON, "column"),
    "name": ('{"a": [1], "' + "x" * MOST_VALUE + '": [1]}', JSON, "name of a column"),
    "line": (f"{json.dumps(ROW)}\n{long_row(MOST_VALUE + 1)}\n{json.dumps(ROW)}\n", NDJSON, "row"),
}


@pytest.mark.parametrize(("sent", "headers", "what"), LONG.values(), ids=[*LONG])
def test_a_long_value_is_refused_with_what_to_send(
    sent: str, headers: dict[str, str], what: str, client: TestClient
) -> None:
    answer = client.post("/predict", content=sent, headers=headers)
    problem = f"expected at most 2,097,152 characters of JSON in a {what}, found more"
    remedy = "Send the rows as text/csv" + ", or in several requests" * (what == "column")
    assert (answer.status_code, answer.json()["problem"], answer.json()["remedy"]) == (413, problem, remedy)


def test_a_value_of_just_that_length_is_answered_and_so_is_a_longer_one_of_csv(client: TestClient) -> None:
    for sent, headers in ((long_row(MOST_VALUE), JSON), (f"[{long_row(MOST_VALUE)}]", JSON)):
        assert client.post("/predict", content=sent, headers=headers).status_code == 200
    assert client.post("/predict", content=long_row(MOST_VALUE) + "\n" + json.dumps(ROW), headers=NDJSON).is_success
    as_csv = f"{','.join(NAMES)},note\n1.5,1.5,1.5,1.5,{'x' * MOST_VALUE}\n"
    assert client.post("/predict", content=as_csv, headers=CSV).status_code == 200


def test_many_short_values_may_be_long_together(client: TestClient) -> None:
    row = json.dumps(ROW | {"note": "x" * 10_000})
    answer = client.post("/predict", content=f"[{','.join([row] * 300)}]", headers=JSON)  # 3 MB
    assert (answer.status_code, len(answer.json())) == (200, 300)


def found_in(text: str, kind: Kind) -> tuple[Any, ...]:
    """What is found in a body, or what is wrong with it."""
    try:
        return tuple(read_body(text.encode(), kind, 100))
    except Problem as problem:
        return problem.status, str(problem)


@settings(max_examples=50)
@given(rows, st.sampled_from([",", " ,\n"]), st.sampled_from(["", "]", "x", "1", '"', "{", '{"a":1']))
def test_texts_are_read_part_by_part_as_they_are_as_a_whole(sent: list[Any], comma: str, behind: str) -> None:
    """With a limit of 60 characters: the same rows, or the same error at the same place."""
    texts = [json.dumps(row, ensure_ascii=False) for row in sent]
    body = "[" + comma.join(texts) + ("]" if behind != "]" else "") + behind
    expected = found_in(body, "json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "MOST_VALUE", SMALL)
        patch.setattr(json_values, "STEP", SMALL // 4)
        found = found_in(body, "json")
        line_by_line = found_in("\n".join(texts), "ndjson")
    if max(map(len, texts), default=0) <= SMALL:
        assert found == expected
    else:
        assert (found[0], "at most 60 characters of JSON in a row" in found[1]) == (413, True)
    assert (line_by_line[0] == 413) == (max((len(text.encode()) for text in texts), default=0) > SMALL)
