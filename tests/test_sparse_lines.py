"""Plain lines of sparse text are parsed at once as scikit-learn parses them; all others are left to it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_svmlight_file

from nncli.data.formats.sparse_lines import parsed_at_once

NUMBERS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1", "-0", "1e5", "1E-3", ".5", "5.", "1e+05", "00.50", "3.4028234e38"]),
)
LABELS = st.sampled_from(["0", "1", "-1", "+1", "2.0", "-1.5", "+.5"])


@st.composite
def plain_lines(draw: st.DrawFn) -> str:
    places = sorted(draw(st.sets(st.integers(0, 3_000_000), max_size=5)))
    pairs = [f"{place}:{draw(NUMBERS)}" for place in places]
    return " ".join([draw(LABELS), *pairs]) + draw(st.sampled_from(["", " ", "  # a comment: 1", " \r", "\r"]))


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


@pytest.mark.parametrize(
    "line",
    ["1:2 3", "1 2", "1 2:", "1 :2", "1 2:3:4", "1 2 3:4", " 1 2:3", "1  2:3", "1 3:1 2:1", "1 2:1 2:1", "1 -2:3",
     "1 2.0:3", "1 2:nan", "nan 2:1", "1 2:1e39", "1,2 3:4", "1 2:3x", "1 2:0x3", "1 2:1_0", "1\t2:3", "1 qid:1 2:3",
     "1 9999999999:1", "", "# nothing", '1 2:"3"', "x 1:1", "1 2: 3"],
    ids=repr,
)  # fmt: skip
def test_other_lines_are_left_alone(line: str) -> None:
    assert parsed_at_once(f"1 1:1\n{line}\n0 1:2".encode()) is None
