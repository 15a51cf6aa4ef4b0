"""Of a table of damaged rows, the first is told at once: nobody waits until the ends of all others are found."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
HEADER = "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm\n5,4,3,2\n"


@pytest.mark.parametrize("row", ['1,2,3,"4', '""'], ids=["open-quote", "too-few"])
def test_the_first_of_many_damaged_rows_is_told_at_once(
    row: str, nncli: Run, iris_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20,000 of them took six seconds and more, in which a server does nothing else in that thread."""
    monkeypatch.chdir(tmp_path)
    found = []
    for n in (50, 20_000):
        Path("new.csv").write_text(HEADER + f"{row}\n" * n)
        before = time.process_time()
        found.append(nncli("predict", iris_model, "new.csv"))
    assert time.process_time() - before < 3
    assert found[0] == found[1]
    assert found[0].code == 1
    assert found[0].err.startswith("new.csv:3: ")
