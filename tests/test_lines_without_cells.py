"""Empty lines at the end of a table are no rows, however many there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from nncli.data.csv.whole_rows import _before_empty_lines

Run = Callable[..., Any]


def one_by_one(data: bytes) -> int:
    """Take off one empty line after another."""
    end = len(data)
    while data[:end].endswith((b"\n\n", b"\n\r\n")) or data[:end] in (b"\n", b"\r\n"):
        end -= 2 if data[:end].endswith(b"\r\n") else 1
    return end


@given(st.lists(st.sampled_from(["x", "\n", "\r\n", "\r", "\n\n"]), max_size=12).map("".join))
@example("x\r\r\n\n")
@example("\r\r\n\n")
@example("x\n\r\r\n\r\n")
def test_empty_lines_are_taken_off_at_once_as_one_by_one(text: str) -> None:
    rows = text.encode() + b"\n"  # rows end with a line end
    assert _before_empty_lines(rows, len(rows)) == one_by_one(rows)


def test_millions_of_empty_lines_take_no_time_to_speak_of(nncli: Run, iris_model: Path, tmp_path: Path) -> None:
    """Four million of them took six seconds, and twice as many four times as long."""
    header = "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm"
    (tmp_path / "few.csv").write_text(f"{header}\n5,4,3,2\n\n")
    (tmp_path / "many.csv").write_text(f"{header}\n5,4,3,2\n" + "\n" * 4_000_000)
    few, before = nncli("predict", iris_model, tmp_path / "few.csv"), time.process_time()
    many = nncli("predict", iris_model, tmp_path / "many.csv")
    assert (many.code, many.out) == (0, few.out)
    assert time.process_time() - before < 2
