"""Later rows in another unit than those of training are warned of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
# in milliseconds since 1970, in an hour
TABLE = "ts,b,label\n" + "".join(f"{1_700_000_000_000 + 60_000 * i},{i % 7},{'pq'[i % 2]}\n" for i in range(60))
KNOWN = "its range (1700000000000 to 1700003540000 in the training rows): another unit?"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Run) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text(TABLE)
    assert nncli("train", "d.csv", "--numeric", "ts", "--epochs", 1, "-q", "--json", "-o", "m.npz").code == 0
    return Path("m.npz")


@pytest.mark.parametrize(
    ("times", "warning"),
    [
        (["1700000060", "1700000120"], "2 of the first 2 rows are far outside"),
        (["1700000060", "1700000120", "1700000060000"], "2 of the first 3 rows are far outside"),
        (["1700000060"], "1 of the first 1 row is far outside"),
        (["1700000060", "1700000060000"], ""),  # one of two is an outlier
        (["1700000060000", "NA"], ""),
        (["1700020000000"], ""),  # later than all, and not by so much
    ],
)
def test_rows_in_another_unit_are_told(model: Path, nncli: Run, times: list[str], warning: str) -> None:
    rows = "".join(f"{time},3\n" for time in times)
    found = nncli("predict", model, "-", "-q", stdin=f"ts,b\n{rows}")
    assert (found.code, found.out.count("\n")) == (0, len(times) + 1)
    assert found.err == (f"warning: stdin: column 'ts': {warning} {KNOWN}\n" if warning else "")
    Path("new.csv").write_text("ts,b,label\n" + "".join(f"{time},3,{'pq'[i % 2]}\n" for i, time in enumerate(times)))
    assert ("another unit?" in nncli("eval", model, "new.csv", "-q").err) == bool(warning)
