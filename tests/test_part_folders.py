# ruff: noqa: E501  (a case stands on one line)
"""A folder of tables is one data set, as Spark writes them: empty parts count nothing, and nothing is left out silently."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from nncli.data.csv.csv_options import CsvOptions
from nncli.data.expand import expand
from nncli.data.load import load_dataset
from nncli.errors import NncliWarning

Run = Callable[..., Any]
COLUMNS = {
    "a": [i % 13 for i in range(60)],
    "word": ["xyz"[i % 3] for i in range(60)],
    "label": ["pq"[i % 2] for i in range(60)],
}
TABLE = pa.table(COLUMNS)


@pytest.fixture(autouse=True)
def _marks_of_a_finished_job(in_a_folder_of_its_own: None) -> None:
    Path("d").mkdir()
    Path("d/_SUCCESS").touch()
    Path("d/.part-00000.crc").write_bytes(b"crc")


def write(name: str, table: Any) -> None:
    path = Path("d") / name
    if name.endswith(".parquet"):
        parquet.write_table(table, path)
    else:
        columns = table.to_pydict()
        lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        data = "".join(f"{line}\n" for line in lines).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "snappy.parquet"])
@pytest.mark.parametrize("empty", [0, 2])
def test_its_parts_are_one_table(nncli: Run, ending: str, empty: int) -> None:
    bounds = [0, 30, 60]
    bounds.insert(empty // 2, bounds[empty // 2])  # an empty part, the first or the second
    for i, (start, end) in enumerate(itertools.pairwise(bounds)):
        write(f"part-{i:05}.{ending}", TABLE.slice(start, end - start))
    write("../whole.csv", TABLE)
    with pytest.warns(NncliWarning, match="d: 1 of its 3 files has no rows"):
        names = expand(["d"])
    found = load_dataset(names, CsvOptions(), "float32")
    whole = load_dataset(("whole.csv",), CsvOptions(), "float32")
    np.testing.assert_array_equal(found.table.numbers, whole.table.numbers)
    assert found.table.texts["word"].values == whole.table.texts["word"].values
    np.testing.assert_array_equal(found.y, whole.y)


def test_empty_parts_are_counted_in_a_note(nncli: Run) -> None:
    write("part-1.csv", TABLE)
    Path("d/part-0.csv").touch()
    write("part-2.csv", TABLE.slice(0, 0))
    outcome = nncli("train", "d", "-m", "softmax", "--epochs", "1", "-o", "m.npz")
    assert outcome.code == 0
    assert "d: 2 of its 3 files have no rows" in outcome.err
    assert nncli("predict", "m.npz", "d", "-q").out.count("\n") == 61
    assert nncli("eval", "m.npz", "d", "-q", "--json").json["n"] == 60
    assert nncli("check", "d", "--json").json["rows"] == 60


def test_a_row_alone_in_a_part_without_header_is_a_row() -> None:
    """Without a header, all parts may begin with different rows: a part of one line has that row."""
    for i, (start, end) in enumerate([(0, 30), (30, 31), (31, 60)]):
        rows = zip(*TABLE.slice(start, end - start).to_pydict().values(), strict=True)
        Path(f"d/part-{i}.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    assert len(load_dataset(expand(["d"]), CsvOptions(target="-1"), "float32")) == 60


def test_a_folder_that_is_called_like_a_bundled_set_is_that_folder() -> None:
    Path("d").rename("iris")
    Path("iris/part-0.csv").write_text("a,label\n1,p\n")
    assert expand(["iris"]) == ("iris/part-0.csv",)
    assert expand(["wine", "-"]) == ("wine", "-")


@pytest.mark.parametrize("words", [["d", "e.csv"], ["[de]*"]], ids=" ".join)
def test_several_folders_and_files_are_one_data_set(words: list[str]) -> None:
    write("part-0.csv", TABLE)
    write("../e.csv", TABLE)
    assert len(load_dataset(expand(words), CsvOptions(), "float32")) == 120


@pytest.mark.parametrize(("more", "line"), [
    (["d/part-1.parquet"], "d: expected tables of one kind in that folder, found part-0.csv and part-1.parquet. Name those to read: 'd/*.csv'."),
    (["d/readme.md"], "d: expected tables of one kind in that folder, found part-0.csv and readme.md. Name those to read: 'd/*.csv'."),
    (["d/more/part-1.csv"], "d: expected a folder of tables, found the folder more in it. Name the files."),
    (["d/year=2026/part-1.csv"], "d: expected a folder of tables, found the folder year=2026 in it. Its name would be a column: write that into the files."),
    (["d/_delta_log/0.json"], "d: expected a folder of tables, found one whose log (_delta_log) says which of its files count. Write the table as one Parquet or CSV file."),
])  # fmt: skip
def test_what_would_be_left_out_is_refused(nncli: Run, more: list[str], line: str) -> None:
    write("part-0.csv", TABLE)
    for name in more:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("x\n")
    outcome = nncli("train", "d")
    assert (outcome.code, outcome.err) == (1, f"{line}\n")
    if "'d/*.csv'" in line:
        assert nncli("train", "d/*.csv", "-m", "softmax", "--epochs", "1", "-q").code == 0


def test_a_folder_of_nothing_is_refused(nncli: Run) -> None:
    line = "d: expected a folder of tables, pictures or MNIST-style IDX files, found none in it. Name a file in it.\n"
    assert nncli("train", "d").err == line
