"""Texts and sparse rows that stay on the disk: what is read from there is what was written, and the model is that of a
run in memory, byte for byte."""

from __future__ import annotations

import errno
import os
import pickle
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

import cli_process
from disk_tables import DISK, Run, complaint, reviews
from nncli.data import scaled_rows, table_builder
from nncli.data.csv import header
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import Table, TextColumn
from nncli.data.disk import pieces
from nncli.data.disk.memmap import ArrayFile, File
from nncli.data.disk.pieces import Pieces, PiecesFile
from nncli.data.disk.sparse_rows import SparseRowsFile, StackedSparseNumbers
from nncli.data.disk.texts import DiskTexts, StackedTexts, TextsFile
from nncli.data.joined import joined_tables
from nncli.data.load import load_dataset
from nncli.data.row_hashes import hash_rows
from nncli.data.sparse_numbers import SparseNumbers
from short_and_long import some_short
from sparse_files import sparse_rows, write_npz, write_svm

pytestmark = pytest.mark.usefixtures("tables_on_the_disk")
TABLES = Path("cache", "tables")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that leave memory soon, and parts and blocks of files with few of them, so that one is in several."""
    monkeypatch.setattr(header, "SAMPLE_BYTES", 20_000)  # which are the first block
    monkeypatch.setattr(table_builder, "MOST_VALUES", 100)
    monkeypatch.setattr(pieces, "AT_ONCE", 700)
    monkeypatch.setattr(pieces, "MOST_PIECES", 50)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of those that are read, which are small beside the tables here."""
    sizes: list[int] = []
    read, begin = scaled_rows.RowWindow._read, scaled_rows.RowWindow.__init__

    def small(self: scaled_rows.RowWindow, table: Any, width: int, transform: Any, size: int, *more: Any) -> None:
        begin(self, table, width, transform, min(size, 2000 if any(one is not None for one in more) else 100), *more)

    def counted(self: scaled_rows.RowWindow, rows: Any) -> Any:
        sizes.append(len(rows))
        return read(self, rows)

    monkeypatch.setattr(scaled_rows.RowWindow, "__init__", small)
    monkeypatch.setattr(scaled_rows.RowWindow, "_read", counted)
    return sizes


def pieces_of(lists: list[np.ndarray], folder: Path) -> Pieces:
    file = PiecesFile(ArrayFile(folder / "places"), folder / "pieces", lambda: File(folder / "pieces"))
    for start in range(0, len(lists), 30):
        some = lists[start : start + 30]
        file.append(np.concatenate(some), np.array([*map(len, some)]))
    return file.finish(lists[0].dtype)


def test_pieces_are_those_that_were_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lists = [rng.integers(1 << 30, size=rng.integers(0, 40) * (i % 5 > 0)).astype(np.int32) for i in range(400)]
    found = pieces_of(lists, tmp_path)
    asked = [[], [3], [399, 0, 7, 7, 7, 123], rng.permutation(400), np.arange(400), np.sort(rng.choice(400, 90))]
    for rows in (np.array(which, np.int64) for which in asked):
        elements, starts = found.read(rows)
        np.testing.assert_array_equal(elements, np.concatenate([np.zeros(0), *(lists[i] for i in rows)]))
        np.testing.assert_array_equal(np.diff(starts), [len(lists[i]) for i in rows])
    np.testing.assert_array_equal(found.read(slice(5, 77))[0], np.concatenate(lists[5:77]))
    assert sum(len(starts) - 1 for _, starts in found.parts()) == 400
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.read(slice(None))[0], np.concatenate(lists))


def test_texts_are_those_that_were_written(tmp_path: Path) -> None:
    texts = [f"{'äé東x'[i % 4] * (i % 9)} {i} \ud800" for i in range(300)] + ["", "0", ""]
    file = TextsFile(PiecesFile(ArrayFile(tmp_path / "ends"), tmp_path / "texts", lambda: File(tmp_path / "texts")))
    assert [file.append(texts[:200]), file.append(texts[200:])] == [0, 200]
    found = file.finish()
    assert [*found] == texts
    assert (found[7], found[-2], found[295:], len(found)) == (texts[7], "0", tuple(texts[295:]), 303)
    cells = TextColumn(np.array([300, -1, 5, 302, 5], np.int32), found).take(np.array([4, 0, 1, 3]))
    assert [None if code < 0 else cells.values[code] for code in cells.codes] == [texts[5], "", None, ""]
    assert len(cells.values) == 2  # each once
    both = StackedTexts([("a", "b"), found])
    assert (both.at(np.array([1, 9, 0])), len(both), [*both][:3]) == (["b", texts[7], "a"], 305, ["a", "b", texts[0]])


def test_sparse_rows_are_those_that_were_written(tmp_path: Path) -> None:
    X = csr_array(random_array((500, 90), density=0.1, rng=np.random.default_rng(0), dtype=np.float32, format="csr"))
    file = SparseRowsFile(tmp_path, X.dtype)
    for start in range(0, 500, 90):
        file.append(X[start : start + 90])
    found, whole = file.finish(90), SparseNumbers(X)
    assert (found.shape, found.dtype, found.nnz, len(found)) == (X.shape, X.dtype, X.nnz, 500)
    rows = np.random.default_rng(1).permutation(500)[:77]
    for some in (rows, slice(30, 300), np.arange(500) % 3 == 0):
        np.testing.assert_array_equal(found[some], whole[some])
    place = int(X.indices[X.indptr[77]])
    assert found[77, place] == whole[77, place] != 0
    np.testing.assert_array_equal(found.column(8), whole.column(8))
    np.testing.assert_array_equal(found.without(8).without(0)[rows], whole.without(8).without(0)[rows])
    np.testing.assert_array_equal(found.deviation(rows), whole.deviation(rows))
    np.testing.assert_array_equal(np.concatenate([block.data for block in found.blocks()]), X.data)
    both = joined_tables([Table(("a",), numbers) for numbers in (found, whole)]).numbers
    assert isinstance(both, StackedSparseNumbers)
    order = np.array([700, 3, 999, 499])
    np.testing.assert_array_equal(both[order], whole[order % 500])


OPTIONS = [
    "", "--ngrams words:1,chars:2-3 --hash-bits 10", "--hidden 6 --dropout 0.2", "--model perceptron", "--embedding 4",
    "--optimizer lbfgs", "--val-data other.csv", "--test-data other.csv", "--group id", "--folds 3", "--vocabulary",
    "--dtype float64 --weight price", "--ensemble folds:3", "--keep-state",
]  # fmt: skip


@pytest.mark.parametrize("options", some_short(OPTIONS, 2))
def test_the_model_of_texts_is_that_of_a_training_in_memory(options: str, nncli: Run, windows: list[int]) -> None:
    reviews("d.csv")
    reviews("other.csv", 300, 1)
    small = [] if "--hash-bits" in options else ["--hash-bits", 12]
    train = ["train", "d.csv", "--epochs", 2, "-q", "--json", *options.split(), *small, "-o"]
    assert nncli(*train, "memory.npz").code == 0
    assert not windows
    for _ in range(2):  # written, and found again
        assert nncli(*train, "disk.npz", *DISK).code == 0
        assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()
        Path("disk.npz").rename("last.npz")
    assert sum(size < 300 for size in windows) > 5  # the training rows were not there all at once
    assert all(path.stat().st_size > 5000 for path in TABLES.glob("table-*/texts"))
    for data in ([], ["other.csv"]):
        judged = [nncli("eval", "last.npz", *data, "--json", "-q", *more) for more in ((), DISK)]
        assert judged[0].json == judged[1].json
    assert all(path.name.startswith("table-") for path in TABLES.iterdir())


def test_texts_and_rows_without_zeros_have_the_same_hashes_wherever_they_are() -> None:
    reviews("d.csv", columns="text title colour label")
    how = {"options": CsvOptions(), "dtype": "float32"}
    memory, disk = (load_dataset(("d.csv",), memory=most, **how) for most in (None, 300_000_000))
    assert {name: type(column.values) for name, column in disk.table.texts.items()} == {
        "text": DiskTexts, "title": DiskTexts, "colour": tuple,
    }  # fmt: skip
    np.testing.assert_array_equal(hash_rows(disk.table), hash_rows(memory.table))
    assert disk.notes == memory.notes


def test_groups_with_long_names_are_as_many_as_in_memory(nncli: Run) -> None:
    reviews("d.csv", columns="title text label")
    lines = Path("d.csv").read_text("utf-8").splitlines()
    Path("d.csv").write_text("\n".join([*lines, *lines[1:]]) + "\n", "utf-8")
    train = ["train", "d.csv", "--group", "title", "--epochs", 1, "--hash-bits", 12, "-q", "-o"]
    assert nncli(*train, "memory.npz").code == 0
    assert nncli(*train, "disk.npz", *DISK).code == 0
    [table] = TABLES.iterdir()
    assert (table / "texts").exists()
    assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()


def test_rows_are_told_apart_by_texts_as_in_memory(nncli: Run) -> None:
    """One text comes in each block, and is one group."""
    reviews("d.csv", columns="text label")
    lines = Path("d.csv").read_text("utf-8").splitlines()
    often = [line if i % 3 else f"the most frequent of all texts,{line[-1]}" for i, line in enumerate(lines[1:])]
    Path("d.csv").write_text("\n".join([lines[0], *often]) + "\n", "utf-8")
    assert nncli("train", "d.csv", "--epochs", 1, "--hash-bits", 12, "-q", "-o", "m.npz").code == 0
    memory, disk = (nncli("eval", "m.npz", "d.csv", "--by", "text", "--json", "-q", *more).json for more in ((), DISK))
    assert max(group["n"] for group in memory["by"]["groups"] if group["group"].startswith("the most")) == 300
    assert disk == memory


def test_a_damaged_file_of_texts_is_read_anew(nncli: Run) -> None:
    reviews("d.csv")
    train = ["train", "d.csv", "--epochs", 1, "--hash-bits", 12, "-o", "m.npz", *DISK]
    assert nncli(*train).code == 0
    before = Path("m.npz").read_bytes()
    [table] = TABLES.iterdir()
    content = (table / "texts").read_bytes()
    (table / "texts").write_bytes(content.replace(b"lovely", b"loveli", 1))
    assert nncli(*train).err.startswith("d.csv: its table on the disk is damaged, and the file is read again\n")
    assert Path("m.npz").read_bytes() == before


def test_categories_that_are_too_many_are_told(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    reviews("d.csv")
    monkeypatch.setattr("nncli.data.disk.cache.TEXT_SHARE", 10_000)
    said = complaint(nncli, "train", "d.csv", "--categorical", "text", *DISK)
    assert said.startswith("d.csv: column 'text': ")
    assert said.endswith("too many for that memory. Leave the column out with --drop, or allow more --memory.")


KINDS = {"svm": write_svm, "npz": write_npz}


@pytest.mark.parametrize(
    ("name", "options"),
    some_short(
        [
            (f"{kind}{dense}", options)
            for options in ("", "--scale standard", "--hidden 4", "--model perceptron", "--val-data o", "--folds 3")
            for kind in KINDS
            for dense in ("", " with zeros")
        ],
        4,
    ),
)
def test_the_model_of_sparse_rows_is_that_of_a_training_in_memory(
    name: str, options: str, nncli: Run, windows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, _, dense = name.partition(" ")
    monkeypatch.setattr("nncli.data.formats.sparse_npz.VALUES_AT_ONCE", 300)
    monkeypatch.setattr("nncli.data.disk.sparse_rows.CELLS_AT_ONCE", 5000)
    X, y = sparse_rows(500, 40 if dense else 1200)
    KINDS[kind](f"d.{kind}", X, y)
    KINDS[kind](f"o.{kind}", *sparse_rows(90, 40 if dense else 1200, seed=1))
    train = ["train", f"d.{kind}", "--epochs", 2, "-q", "--json", *options.replace(" o", f" o.{kind}").split(), "-o"]
    assert nncli(*train, "memory.npz").code == 0
    assert nncli(*train, "disk.npz", *DISK).code == 0
    assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()
    assert sum(size < 300 for size in windows) > 1
    for data in ([], [f"o.{kind}"]):
        judged = [nncli("eval", "disk.npz", *data, "--json", "-q", *more) for more in ((), DISK)]
        assert judged[0].json == judged[1].json


@pytest.mark.long
def test_a_sweep_of_sparse_rows_in_several_processes_finds_the_same(nncli: Run) -> None:
    write_svm("d.svm", *sparse_rows(300))
    for name, more in (("memory", ()), ("disk", DISK)):
        sweep = ["sweep", "d.svm", "--lr", "0.1,0.01", "--epochs", 2, "--jobs", 2, "-q", "--ledger", f"{name}.jsonl"]
        assert nncli(*sweep, "-o", f"{name}.npz", *more).code == 0
    assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()


def test_new_rows_and_those_of_before_may_be_on_the_disk(nncli: Run) -> None:
    write_svm("d.svm", *sparse_rows(300))
    write_svm("new.svm", *sparse_rows(90, seed=1))
    reviews("d.csv")
    reviews("new.csv", 400, 1)
    for kind, more in (("svm", []), ("csv", ["--hash-bits", 12])):
        assert nncli("train", f"d.{kind}", *more, "--epochs", 1, "-q", "-o", "old.npz").code == 0
        for name, how in (("memory.npz", ()), ("disk.npz", DISK)):
            again = ["train", f"new.{kind}", "--from", "old.npz", "--replay", f"d.{kind}", "--epochs", 1, "-q"]
            assert nncli(*again, "-o", name, *how).code == 0
        assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()


def test_rows_with_all_zeros_that_are_no_table_are_refused_in_one_line(nncli: Run) -> None:
    np.savez("d.npz", X=np.eye(20), y=np.arange(20) % 2)
    assert complaint(nncli, "train", "d.npz", *DISK) == (
        "--memory: d.npz is neither a table nor a sparse matrix, and only these can stay on the disk. Leave it out."
    )


@pytest.mark.parametrize("name", ["d.csv", "d.svm"])
def test_a_full_disk_is_told_in_one_line(
    name: str, nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviews("d.csv", 300)
    write_svm("d.svm", *sparse_rows(100))

    def fails(path: Path, data: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(pieces, "append", fails)
    said = complaint(nncli, "train", name, *DISK)
    assert said.startswith(f"{tmp_path}/cache: cannot write the table: {os.strerror(errno.ENOSPC)}.")
    assert [*TABLES.iterdir()] == []


@pytest.mark.long
@pytest.mark.parametrize("name", ["d.csv", "d.svm"])
def test_a_full_disk_is_one_line_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    reviews("d.csv", 4000)
    write_svm("d.svm", *sparse_rows(4000))
    done = cli_process.nncli(
        "train", name, "--memory", "1GB", "-q", cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert done.returncode == 1
    said = (
        f"{tmp_path}/cache: cannot write the table: {os.strerror(errno.EFBIG)}. Allow larger files with ulimit -f, or"
    )
    assert done.stderr.decode().strip() == f"{said} set NNCLI_CACHE to another folder."
    assert not [path for path in TABLES.iterdir() if path.name.startswith("nncli-")]
