# ruff: noqa: E501  (a format stands on one line)
"""One clean table, compressed and in other formats: the same values."""

from __future__ import annotations

import bz2
import datetime
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

import workbooks
from clean_table import CLEAN, HEADER, A, N, check, read, zipped
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda data: zipped({"d.csv": data}),
    "gzip, in two parts": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
    "bzip2, in two parts": lambda data: bz2.compress(data[:100]) + bz2.compress(data[100:]),
    "xz, in two parts": lambda data: lzma.compress(data[:100]) + lzma.compress(data[100:]),
    "gzip, each with the header": lambda data: gzip.compress(data) + gzip.compress(HEADER.encode() + b"\n"),
    "zip beside what a Mac adds": lambda data: zipped({"x/d.csv": data, "__MACOSX/x/._d.csv": b"\0\5"}),
    "zstd": lambda data: bytes(pa.compress(data, "zstd", asbytes=True)),
}


@pytest.mark.parametrize("packer", PACKED)
def test_a_compressed_table_is_unpacked(packer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(read(PACKED[packer](CLEAN.encode()), tmp_path, monkeypatch, {}), A)


def pandas_like(dictionary: bool = False) -> pa.Table:
    """The clean table, with its types."""
    texts = {"t": [["süd", "x y", "Ost"][i % 3] for i in range(N)], "y": ["pq"[i % 2] for i in range(N)]}
    table = pa.table({"a": A, "b": [i * 7 % 11 for i in range(N)], **texts})
    if dictionary:
        for name in texts:
            i = table.column_names.index(name)
            table = table.set_column(i, name, table[name].dictionary_encode())
    return table


def lines_of(names: list[str]) -> bytes:
    rows = (dict(zip(names, row.values(), strict=True)) for row in pandas_like().to_pylist())
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def sheet(names: list[str]) -> None:
    rows = [names, *(list(row.values()) for row in pandas_like().to_pylist())]
    workbooks.write("d.csv", {"one": workbooks.sheet(rows)})


FORMATS: dict[str, Callable[[], object]] = {
    "JSON Lines": lambda: Path("d.csv").write_bytes(lines_of(["a", "b", "t", "y"])),
    "JSON Lines, what nobody sees around keys": lambda: Path("d.csv").write_bytes(lines_of(["a\u200b", "\ufeffb", "t", "y"])),
    "JSON Lines, compressed": lambda: Path("d.csv").write_bytes(gzip.compress(lines_of(["a", "b", "t", "y"]))),
    "Parquet": lambda: pq.write_table(pandas_like(), "d.csv"),
    "Parquet, categories": lambda: pq.write_table(pandas_like(dictionary=True), "d.csv"),
    "Parquet, in groups": lambda: pq.write_table(pandas_like(), "d.csv", row_group_size=7),
    "Parquet, what nobody sees around names": lambda: pq.write_table(pandas_like().rename_columns(["\ufeffa", "b\u200b", "t", "y"]), "d.csv"),
    "Parquet, an index": lambda: pq.write_table(pandas_like().append_column("__index_level_0__", pa.array(range(N))), "d.csv"),
    "Arrow": lambda: feather.write_feather(pandas_like(), "d.csv", compression="uncompressed"),
    "Excel": lambda: sheet(["a", "b", "t", "y"]),
    "Excel, what nobody sees around names": lambda: sheet(["\ufeffa", "b\u00a0", "\u200bt", "y"]),
}  # fmt: skip


@pytest.mark.parametrize("how", FORMATS)
def test_a_table_is_the_same_in_another_format(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FORMATS[how]()
    check(load_dataset(("d.csv",), CsvOptions(), "float64"), A)


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.decimal128(21, 2)], ids=str)
@pytest.mark.parametrize("write", [pq.write_table, feather.write_feather], ids=["Parquet", "Arrow"])
def test_numbers_in_a_dictionary_are_categories_as_the_file_declares(
    kind: Any, write: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    codes = [[3, 7, 11, 20][i * 7 % 4] for i in range(80)]
    classes = ["pq"[code in (7, 20)] for code in codes]
    cells = pa.array(codes, pa.int64()).cast(kind).dictionary_encode()
    write(pa.table({"z": cells, "x": [i / 7 for i in range(80)], "class": classes}), "d.file")
    trained = nncli("train", "d.file", "--epochs", 40, "--json", "-o", "m.npz")
    told = "column 'z': read as categories, as its numbers are declared to be categories in the file"
    assert f"{told} (--numeric reads numbers)" in trained.err
    assert dict(load_dataset(("d.file",), CsvOptions(numeric=("z",)), "float32").schema.columns)["z"] == "number"
    rows = "".join(f"{code},{i / 7}\n" for i, code in enumerate(codes))
    streamed = nncli("predict", "m.npz", "-", "--proba", "-q", stdin=f"z,x\n{rows}")
    assert streamed.out == nncli("predict", "m.npz", "d.file", "--proba", "-q").out
    assert [line[0] for line in streamed.out.splitlines()[1:]] == classes


@pytest.mark.parametrize("kind", [pa.time32("s"), pa.time64("ns")], ids=str)
def test_times_of_day_are_those_of_a_text(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Callable[..., Any]
) -> None:
    """As hours: 7:30 is 7.5."""
    monkeypatch.chdir(tmp_path)
    times = [datetime.time(i % 24, 30) for i in range(48)]
    pq.write_table(pa.table({"t": pa.array(times, kind), "class": ["pq"[i % 24 > 11] for i in range(48)]}), "d.parquet")
    found = load_dataset(("d.parquet",), CsvOptions(), "float32")
    assert found.table.numbers[:, 0].tolist() == [i % 24 + 0.5 for i in range(48)]
    assert nncli("train", "d.parquet", "--epochs", 40, "-q", "--json", "-o", "m.npz").code == 0
    streamed = nncli("predict", "m.npz", "-", "--proba", "-q", stdin="t\n" + "".join(f"{t:%H:%M}\n" for t in times))
    assert streamed.out == nncli("predict", "m.npz", "d.parquet", "--proba", "-q").out
