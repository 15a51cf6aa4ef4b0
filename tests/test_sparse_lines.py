"""Lines of sparse text are parsed as scikit-learn parses them: plain ones at once, all others one by one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_svmlight_file

from nncli.data.formats import libsvm
from nncli.data.formats.sparse_line_parser import parsed_line_by_line
from nncli.data.formats.sparse_lines import parsed_at_once
from nncli.errors import DataError

NUMBERS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1", "-0", "1e5", "1E-3", ".5", "5.", "1e+05", "00.50", "3.4028234e38"]),
)
LABELS = st.sampled_from(["0", "1", "-1", "+1", "2.0", "-1.5", "+.5"])


@st.composite
def plain_lines(draw: st.DrawFn) -> str:
    places = sorted(draw(st.sets(st.integers(0, 3_000_000), max_size=5)))
    pairs = [f"{place}:{draw(NUMBERS)}" for place in places]
    query, blank = draw(st.sampled_from([[], [], ["qid:3"]])), draw(st.sampled_from([" ", " ", "  ", "\t"]))
    words = blank.join([draw(LABELS), *query, *pairs])
    return (
        draw(st.sampled_from(["", "", " ", "# nothing\n", "\n"]))
        + words
        + draw(st.sampled_from(["", " ", "  # a comment: 1", " \r", "\r"]))
    )


def same(text: bytes, found: Any) -> None:
    X, y = load_svmlight_file(io.BytesIO(text), dtype=np.float32, zero_based=True)
    assert found[0].shape == X.shape
    np.testing.assert_array_equal(found[0].indptr, X.indptr)
    np.testing.assert_array_equal(found[0].indices, X.indices)
    np.testing.assert_array_equal(found[0].data, X.data)
    np.testing.assert_array_equal(found[1], y)


@given(st.lists(plain_lines(), min_size=1, max_size=5))
def test_plain_lines_are_parsed_as_scikit_learn_does(lines: list[str]) -> None:
    text = "\n".join(lines).encode()
    found = parsed_at_once(text)
    assert found is not None
    same(text, found)


@given(st.text(alphabet="01.:+-e# \t\r\nqiadnfx,_", max_size=20))
def test_what_is_parsed_at_once_is_what_scikit_learn_says(text: str) -> None:
    """Of any text at all: what that refuses, and what it reads in another way, is left to it."""
    found = parsed_at_once(text.encode())
    if found is not None:
        same(text.encode(), found)


@given(st.lists(plain_lines(), min_size=1, max_size=5))
def test_lines_are_parsed_one_by_one_as_scikit_learn_does(lines: list[str]) -> None:
    text = "\n".join(lines).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nncli.data.formats.sparse_line_parser.MOST_FEATURES", 3_000_000)
        same(text, parsed_line_by_line(text.split(b"\n"), 1, "d.svm"))


@given(st.text(alphabet="01.:+-e# \t\r\nqiadnfx,_", max_size=20))
def test_what_is_parsed_one_by_one_is_what_scikit_learn_says(text: str) -> None:
    """Of any text at all; what scikit-learn refuses is refused, but for features that are not in order."""
    lines = text.encode().split(b"\n")
    try:
        found = parsed_line_by_line(lines, 1, "d.svm")
    except DataError:
        return
    if all(np.all(np.diff(places) > 0) for places in map(places_of, lines)):
        same(text.encode(), found)


def places_of(line: bytes) -> list[int]:
    pairs = line.partition(b"#")[0].split()[1:]
    return [int(pair.partition(b":")[0]) for pair in pairs if not pair.startswith(b"qid")]


def test_features_may_come_in_any_order_and_the_mark_of_unicode_first(tmp_path: Path) -> None:
    plain, tabs, other = (
        "1 qid:3 1:1 2:-2 7:3\n0 2:5\n",
        "1\tqid:3\t1:1 2:-2 7:3\n0 2:5\n",
        "\ufeff1 qid:3 7:3 1:1 2:-2\n0 2:5\n",
    )
    found = []
    for text in (plain, tabs, other):
        (tmp_path / "d.svm").write_text(text, "utf-8")
        found.append(libsvm.read(tmp_path / "d.svm"))
    np.testing.assert_array_equal(found[0].table.numbers, [[1, -2, 0, 0, 0, 0, 3], [0, 5, 0, 0, 0, 0, 0]])
    for its in found[1:]:
        np.testing.assert_array_equal(its.table.numbers, found[0].table.numbers)
        assert sum("numbers of queries (qid:) are left out" in note for note in its.notes) == 1


@pytest.mark.parametrize(
    "line",
    ["1:2 3", "1 2", "1 2:", "1 :2", "1 2:3:4", "1 2 3:4", "1 3:1 2:1", "1 2:1 2:1", "1 -2:3",
     "1 2.0:3", "1 2:nan", "nan 2:1", "1 2:1e39", "1,2 3:4", "1 2:3x", "1 2:0x3", "1 2:1_0",
     "1 9999999999:1", "1 2:3 qid:4", "1 qid:x 2:3", "1\x0b2:3", "\ufeff1 2:3", '1 2:"3"', "x 1:1", "1 2: 3"],
    ids=repr,
)  # fmt: skip
def test_other_lines_are_left_alone(line: str) -> None:
    assert parsed_at_once(f"1 1:1\n{line}\n0 1:2".encode()) is None
