"""Parquet and Arrow files with anything in them: read, or refused in a line, in bounded memory; never a signal."""

from __future__ import annotations

import io
import os
import random
import resource
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

import cli_process
from nncli.data import cells
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.formats.parquet import ParquetFile
from nncli.data.load import load_dataset
from nncli.errors import DataError

Run = Callable[..., Any]
N = 60
TABLE = pa.table({
    "n": [i % 7 for i in range(N)],
    "x": pa.array([None if i % 11 == 3 else i / 3 for i in range(N)], pa.float32()),
    "word": [["a,b", "größe", None][i % 3] for i in range(N)],
    "kind": pa.array(["u", "vv", None] * (N // 3)).dictionary_encode(),
    "pair": [[1, 2]] * N,
    "class": ["pq"[i % 2] for i in range(N)],
})  # fmt: skip

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def arrow_file(table: Any, compression: str | None = None) -> bytes:
    out = io.BytesIO()
    with ipc.new_file(out, table.schema, options=ipc.IpcWriteOptions(compression=compression)) as file:
        file.write_table(table, max_chunksize=40)
    return out.getvalue()


def parquet_file(table: Any, **how: Any) -> bytes:
    out = io.BytesIO()
    parquet.write_table(table, out, **how)
    return out.getvalue()


KINDS = {
    "arrow": lambda: arrow_file(TABLE),
    "arrow with lz4": lambda: arrow_file(TABLE, "lz4"),
    "arrow with zstd": lambda: arrow_file(TABLE, "zstd"),
    "parquet": lambda: parquet_file(TABLE, row_group_size=40),
    "parquet, plain": lambda: parquet_file(TABLE, use_dictionary=False, compression="none"),
    "parquet, second version": lambda: parquet_file(TABLE, data_page_version="2.0", compression="gzip"),
}


def changed(data: bytes, rng: random.Random) -> bytes:
    edited = bytearray(data)
    for _ in range(rng.choice([1, 2, 5, 20])):
        place = rng.randrange(len(edited))
        value = rng.choice([bytes([rng.randrange(256)]), b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f"])
        edited[place : place + len(value)] = value
    return bytes(edited)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_changed_bytes_are_read_or_refused_in_a_line(kind: str) -> None:
    data, rng, path = KINDS[kind](), random.Random(1), Path("d.table")
    path.write_bytes(data)
    assert len(load_dataset(("d.table",), CsvOptions(), "float32")) == N
    child = os.fork()
    if child == 0:  # in which a signal ends no more than this
        try:
            for _ in range(100):
                path.write_bytes(changed(data, rng))
                with suppress(DataError):
                    load_dataset(("d.table",), CsvOptions(target="class"), "float32")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("name", ["d.arrow", "d.parquet"])
def test_text_that_is_no_utf_8_is_refused(name: str, nncli: Run) -> None:
    data = KINDS["arrow" if name == "d.arrow" else "parquet, plain"]()
    Path(name).write_bytes(data.replace("größe".encode(), b"gr\xff\xff\xff\xffe"))
    outcome = nncli("train", name, "-q")
    assert outcome.code == 1
    assert outcome.err.startswith(f"{name}: the file is damaged: In column 2: Invalid: Invalid UTF8 sequence")
    assert outcome.err.count("\n") == 1


def memory_of(*words: str) -> tuple[int, str, int]:
    """Exit code, standard error and the most memory in MiB, of the program in a process of its own."""
    child = (
        "import re, sys; from nncli.cli.main import main; code = main(sys.argv[1:]);"
        "print(int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]) >> 10); sys.exit(code)"
    )  # resource.getrusage counts this process too, from before the other program began
    limit = 4 << 30
    done = cli_process.subprocess.run(
        [sys.executable, "-c", child, *words], capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    return done.returncode, done.stderr, int(done.stdout.split()[-1])


@pytest.mark.long
def test_a_long_text_in_a_dictionary_is_never_unpacked() -> None:
    """20 kB that are 100 GB: unpacked, a row group's first rows alone would be a quarter of a gigabyte."""
    n = 100_000
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["x" * (1 << 20)]))
    table = pa.table({"s": column, "class": pa.array(np.arange(n) % 2)})
    Path("d.parquet").write_bytes(parquet_file(table, compression="zstd", store_schema=False))
    assert Path("d.parquet").stat().st_size < 30_000
    code, _, memory = memory_of("train", "d.parquet", "-q", "--epochs", "1")
    assert code == 0
    assert memory < 300
    code, error, memory = memory_of("train", "d.parquet", "-q", "--numeric", "s")
    assert code == 1
    assert error.startswith("d.parquet:1: column 's': expected a number, found 'xxx")
    assert len(error) < 300
    assert memory < 300
    Path("d.parquet").write_bytes(parquet_file(table.slice(0, 300), compression="zstd", store_schema=False))
    code, _, memory = memory_of("predict", "model.npz", "d.parquet", "--keep", "s", "-o", "answers.csv")
    assert (code, memory < 300) == (0, True)


def test_rows_that_are_stored_together_and_unpack_to_too_much_are_refused() -> None:
    numbers = pa.table({"x": np.zeros(40_000_000), "class": np.zeros(40_000_000, np.int8)})
    out = io.BytesIO()
    with ipc.new_file(out, numbers.schema, options=ipc.IpcWriteOptions(compression="zstd")) as file:
        file.write_table(numbers)
    Path("d.arrow").write_bytes(out.getvalue())
    code, error, memory = memory_of("train", "d.arrow", "-q")
    assert code == 1
    assert error == (
        "d.arrow: a batch of rows takes more than 4 times the size of the file in memory. "
        "Write it with fewer rows in each group or batch.\n"
    )
    assert memory < 200


def test_a_row_of_endless_text_is_refused(nncli: Run) -> None:
    Path("d.arrow").write_bytes(arrow_file(pa.table({"x": ["1", "2", "y" * (17 << 20)], "class": [0, 1, 1]})))
    outcome = nncli("train", "d.arrow", "-q")
    assert (outcome.code, outcome.err) == (
        1,
        "d.arrow:3: expected a row of at most 16 MiB, found one of 17. Leave the long texts out of the file.\n",
    )


@pytest.mark.parametrize("write", [arrow_file, parquet_file])
def test_more_columns_than_a_table_has_are_refused(
    write: Callable[[Any], bytes], nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "MOST_COLUMNS", 100)
    Path("d").write_bytes(write(pa.table({f"c{i}": [0, 1] for i in range(101)})))
    outcome = nncli("train", "d", "-q")
    assert (outcome.code, outcome.err) == (1, "d: expected at most 100 columns, found 101.\n")


@pytest.mark.long
def test_texts_in_a_thousand_lengths_are_all_written(nncli: Run) -> None:
    """Blocks of text are cut where they grow long, and nothing is lost there."""
    words = [chr(97 + i % 26) * (i * 7919 % 90_000) or "-" for i in range(400)]
    table = pa.table({"word": words, "n": list(range(400)), "class": [i % 2 for i in range(400)]})
    for data in (arrow_file(table), parquet_file(table), parquet_file(table, column_encoding={
        "word": "DELTA_BYTE_ARRAY", "n": "PLAIN", "class": "PLAIN"}, use_dictionary=False)):  # fmt: skip
        Path("d.table").write_bytes(data)
        found = load_dataset(("d.table",), CsvOptions(categorical=("word",), numeric=("n",)), "float32")
        column = found.table.texts["word"]
        assert [column.values[code] for code in column.codes] == words
        assert found.table.numbers[:, 0].tolist() == list(range(400))


def test_numbers_are_read_many_rows_at_a_time_however_they_are_packed() -> None:
    n = 20_000
    for how in ({}, {"use_dictionary": False}, {"data_page_version": "2.0"}):
        table = pa.table({f"c{i}": np.arange(n) % 200 for i in range(20)})
        Path("d.parquet").write_bytes(parquet_file(table, **how))
        file = ParquetFile("d.parquet", "d.parquet")
        assert [batch.num_rows for batch in file.batches(table.column_names, 16_384, lambda _: None)] == [16_384, 3616]


def test_an_arrow_file_whose_footer_leaves_a_batch_out_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of batches is a number as any other: one bit less, and rows would be missing without a word."""
    monkeypatch.chdir(tmp_path)
    table = pa.table({"a": [float(i) for i in range(60)], "class": ["p", "q"] * 30})
    with pa.OSFile("d.arrow", "wb") as file, ipc.new_file(file, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=20):
            writer.write_batch(batch)
    assert len(load_dataset(("d.arrow",), CsvOptions(), "float32")) == 60
    data = bytearray(Path("d.arrow").read_bytes())
    (length,) = struct.unpack_from("<i", data, len(data) - 10)
    footer = len(data) - 10 - length
    places = [i for i in range(footer, len(data) - 14, 4) if struct.unpack_from("<I", data, i)[0] == 3]
    refused = 0
    for place in places:  # one of them is the number of batches
        struct.pack_into("<I", data, place, 2)
        Path("d.arrow").write_bytes(data)
        with pytest.raises(DataError, match="damaged"):
            load_dataset(("d.arrow",), CsvOptions(), "float32")
        refused += 1
        struct.pack_into("<I", data, place, 3)
    assert refused
