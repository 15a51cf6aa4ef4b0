"""An address in the place of a file is told as such by every command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_with_a_table")


DOWNLOAD = "Files are read from disk. Download it first: curl -LO"


@pytest.mark.parametrize(("address", "remedy"), [
    ("https://example.org/a.csv", f"{DOWNLOAD} https://example.org/a.csv."),
    ("https://example.org/a.csv?raw=1&b=[2]", f"{DOWNLOAD} 'https://example.org/a.csv?raw=1&b=[2]'."),
    ("s3://bucket/a.parquet", "Files are read from disk. Copy it to this computer first."),
    ("file:///data/a.csv", "Name the file itself: /data/a.csv."),
])  # fmt: skip
def test_an_address_is_no_file(nncli: Run, small_model: Path, address: str, remedy: str) -> None:
    line = f"{address}: expected a file, found an address. {remedy}\n"
    for command in (
        ["train", address],
        ["train", "d.csv", "--val-data", address],
        ["eval", small_model, address],
        ["predict", small_model, address],
        ["check", address],
        ["predict", address, "d.csv"],
        ["eval", address],
        ["info", address],
        ["explain", address],
        ["report", address],
        ["play", address],
        ["plot", address, "curve"],
        ["plot", address, "sweep"],
        ["train", "--resume", address],
        ["train", "d.csv", "-t", "label", "--cost", address],
    ):
        outcome = nncli(*command)
        assert (outcome.code, outcome.err) == (1, line)
    outcome = nncli("train", "d.csv", "--config", address)
    assert (outcome.code, outcome.err) == (2, f"--config: {line}")
    outcome = nncli("train", "d.csv", "-t", "label", "-o", address)
    assert outcome.code == 1
    assert outcome.err.startswith(f"{address}: expected a file to write, found an address. ")
