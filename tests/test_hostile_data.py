"""Data files that want all of the memory, or all of the time, get a line."""

from __future__ import annotations

import gzip
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

Run = Callable[..., Any]
ROWS = b"1,2,x\n3,4,y\n"

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def refused(nncli: Run, line: str, *words: str) -> None:
    began = time.process_time()
    outcome = nncli(*words)
    assert time.process_time() - began < 5
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == line + "\n"


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_bomb_of_rows_is_refused(kind: str, nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.data.byte_input.BOMB_BYTES", 8 << 20)
    with pa.output_stream("d.csv", compression=kind) as out:
        out.write(b"a,b,class\n" + ROWS * (2 << 20))
    line = f"d.csv: the {kind} data takes more than 200 times the size of the file in memory. Unpack it by hand first."
    refused(nncli, line, "train", "d.csv", "-q")


def test_what_is_packed_as_well_and_small_is_read(nncli: Run) -> None:
    Path("d.csv").write_bytes(gzip.compress(b"a,b,class\n" + ROWS * 50_000))
    assert Path("d.csv").stat().st_size * 200 < 50_000 * len(ROWS)
    assert nncli("train", "d.csv", "--model", "softmax", "--epochs", "1", "-q", "--json").code == 0


def test_sparse_rows_that_go_to_the_disk_may_be_packed_as_well_as_they_can(
    nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 3 MB in memory there are 10 kB in the file."""
    monkeypatch.setattr("nncli.data.byte_input.BOMB_BYTES", 1 << 20)
    line = " ".join(f"{place}:0.5" for place in range(2000, 2050))
    lines = "".join(f"{i % 2} {i % 2 + 1}:1 {line}\n" for i in range(5_000))
    Path("d.svm.gz").write_bytes(gzip.compress(lines.encode()))
    words = ("train", "d.svm.gz", "--model", "logistic", "--epochs", "1", "-q", "-o", "m.npz")
    assert nncli(*words).err.startswith("d.svm.gz: the sparse data takes more than 200 times")
    assert nncli(*words, "--memory", "500MB").code == 0


def test_the_answers_to_a_bomb_need_no_memory(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`predict` forgets as it reads, so there is nothing to refuse."""
    monkeypatch.setattr("nncli.data.byte_input.BOMB_BYTES", 1 << 20)
    Path("d.csv").write_bytes(b"a,b,class\n" + ROWS * 10)
    assert nncli("train", "d.csv", "--model", "softmax", "--epochs", "1", "-q", "--json", "-o", "m.npz").code == 0
    Path("d.csv").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 500_000))
    assert nncli("predict", "m.npz", "d.csv").out.count("\n") == 500_001


def test_a_window_of_two_gibibytes_is_not_opened(nncli: Run) -> None:
    """Bits 3 to 7 of the third part of a zstd frame: a window of 2^(10 + 21) bytes."""
    Path("d.csv").write_bytes(b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([21 << 3]) + b"\x01\x00\x00" + ROWS)
    refused(nncli, "d.csv: the zstd data is damaged or cut short. Fetch or compress it again.", "train", "d.csv")


@pytest.mark.long
@pytest.mark.parametrize("first", [b"", b"a,b,class\n"], ids=["header", "row"])
def test_a_line_without_an_end_is_refused(first: bytes, nncli: Run) -> None:
    Path("d.csv").write_bytes(zlib.compress(first + bytes(80 << 20), level=1, wbits=31))
    least = "d.csv:2: expected a row, found no end of line in 64 MiB." if first else (
        "d.csv:1: expected the end of a line, found none in 16 MiB."
    )  # fmt: skip
    refused(nncli, least, "train", "d.csv")


def test_a_million_columns_are_refused(nncli: Run) -> None:
    Path("d.csv").write_text(",".join(f"c{i}" for i in range(10**6)) + ",class\n" + "1," * 10**6 + "x\n")
    refused(nncli, "d.csv:1: expected at most 100,000 columns, found 1,000,001.", "train", "d.csv")


def test_images_beyond_what_a_file_can_hold_are_refused(nncli: Run) -> None:
    shape = struct.pack(">BBBBIII", 0, 0, 8, 3, 2**31 - 1, 28, 28)
    Path("x-images-idx3-ubyte.gz").write_bytes(gzip.compress(shape + bytes(20 << 20)))
    Path("x-labels-idx1-ubyte.gz").write_bytes(gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 9) + bytes(9)))
    line = (
        "x-images-idx3-ubyte.gz: the gzip data takes more than 200 times the size of the file in memory. "
        "Download or copy it again."
    )
    refused(nncli, line, "train", "x-images-idx3-ubyte.gz")


def test_what_follows_the_images_is_not_read_into_memory(nncli: Run) -> None:
    Path("x-labels-idx1-ubyte").write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, 9) + bytes(9))
    with Path("x-images-idx3-ubyte").open("wb") as file:
        file.write(struct.pack(">BBBBIII", 0, 0, 8, 3, 9, 2, 2))
        file.truncate(1 << 40)  # takes no room on the disk
    refused(nncli, "x-images-idx3-ubyte: expected 52 bytes, as its header says, found more. Download or copy it again.",
            "train", "x-images-idx3-ubyte")  # fmt: skip
