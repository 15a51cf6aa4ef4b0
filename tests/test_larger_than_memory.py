"""--memory: tables parsed once into files, and trained on from there; the model is the same, byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv as pyarrow_csv
from pyarrow import parquet

from disk_tables import ROWS, Run, complaint, mixed
from ledgers import trials
from nncli.config.train_config import TrainConfig
from nncli.data import scaled_rows
from nncli.data.bundled import path_of
from nncli.data.disk import cache
from nncli.data.formats import parquet as parquet_format
from nncli.model.network import EVAL_ROWS
from nncli.training.prepare import prepare
from short_and_long import some_short

pytestmark = pytest.mark.usefixtures("tables_on_the_disk")
WINDOW = 250


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of those that are read, which are small beside the tables here."""
    sizes: list[int] = []
    read, begin = scaled_rows.RowWindow._read, scaled_rows.RowWindow.__init__

    def small(self: scaled_rows.RowWindow, table: Any, width: int, transform: Any, size: int, *more: Any) -> None:
        begin(self, table, width, transform, min(size, WINDOW), *more)

    monkeypatch.setattr(scaled_rows.RowWindow, "__init__", small)

    def counted(self: scaled_rows.RowWindow, rows: Any) -> scaled_rows.Matrix:
        sizes.append(len(rows))
        return read(self, rows)

    monkeypatch.setattr(scaled_rows.RowWindow, "_read", counted)
    return sizes


def pixels(last: str) -> str:
    """Digits, whole numbers from 0 to 16 as far as the last row, whose first cell is given."""
    lines = path_of("digits").read_text().splitlines()
    return "\n".join([*lines[:-1], ",".join([last, *lines[-1].split(",")[1:]])]) + "\n"


def seconds() -> str:
    """Moments that float32 cannot tell apart."""
    rng = np.random.default_rng(3)
    at = 1_700_000_000 + rng.integers(1000, size=ROWS)
    return "at,x,class\n" + "".join(f"{t},{rng.normal():.4f},{'early' if t % 1000 < 500 else 'late'}\n" for t in at)


def words() -> str:
    rng = np.random.default_rng(4)
    pairs = rng.integers(3, size=(ROWS, 2))
    return "one,two,class\n" + "".join(f"{'pqr'[a]},{'xyz'[b]},{'same' if a == b else 'other'}\n" for a, b in pairs)


TABLES = {"mixed": mixed, "pixels": lambda: pixels("0"), "a late fraction": lambda: pixels("0.5"),
          "seconds": seconds, "words": words}  # fmt: skip
CASES = [
    *((name, "") for name in TABLES),
    ("mixed", "--model perceptron"),
    ("mixed", "--model averaged-perceptron"),
    ("mixed", "--model svm --calibrate --dtype float64"),
    ("mixed", "--weight w --class-weight balanced"),
    ("mixed", "--val-data other.csv --weight w"),
    ("mixed", "--test-data other.csv --scale minmax"),
    ("mixed", "--group a --weight w"),
    ("mixed", "--time day --class-weight balanced"),
    ("mixed", "--time a"),
    ("mixed", "--dropout 0.3 --batch-size 77"),
    ("pixels", "--input-dropout 0.1 --hidden 20x10"),
    ("pixels", "--distort affine:shift=0.5+elastic:sigma=2:alpha=4"),
    ("pixels", "--distort shift --scale standard"),
    ("pixels", "--weight pixel_2_4"),
    ("pixels", "--scale robust"),
    ("mixed", "--scale robust"),
]


def test_the_rows_of_all_files_together_take_what_those_of_one_may() -> None:
    for file, rows in (("d.csv", ROWS), ("val.csv", 500), ("test.csv", 400)):
        Path(file).write_text(mixed(rows, rows), "utf-8")
    alone = prepare(TrainConfig(("d.csv",)), memory=300 << 20)
    shared = prepare(TrainConfig(("d.csv",), val_data=("val.csv",), test_data=("test.csv",)), memory=300 << 20)
    assert shared.val is not None
    assert shared.test is not None
    matrices = [part.matrix for part in (alone.train, shared.train, shared.val, shared.test)]
    most, *each = [one.size for one in matrices if isinstance(one, scaled_rows.RowWindow)]
    assert len(each) == 3
    assert sum(each) <= most


@pytest.mark.parametrize(("name", "options"), some_short(CASES, 4))
def test_the_model_is_that_of_a_training_in_memory(name: str, options: str, nncli: Run, windows: list[int]) -> None:
    Path("d.csv").write_text(TABLES[name](), "utf-8")
    Path("other.csv").write_text(mixed(300, 1), "utf-8")
    command = ["train", "d.csv", "--epochs", 3, "-q", "--json", *options.split()]
    assert nncli(*command, "-o", "memory.npz").code == 0
    assert not windows
    trained = nncli(*command, "-o", "disk.npz", "--memory", "300MB").json["n_train"]
    assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()
    assert max(windows) <= EVAL_ROWS < 0.7 * min(ROWS, 1797)  # the training rows were never there all at once
    assert sum(windows) >= 3 * trained
    for data in ([], ["other.csv"]) if name == "mixed" else ([],):
        judged = [nncli("eval", "disk.npz", *data, "--json", "-q", *more) for more in ([], ["--memory", "300MB"])]
        assert judged[0].json == judged[1].json
    expected = 2 if name == "mixed" else 1
    with_groups = "--group" in options  # a column read beside
    assert len(cache.entries()) == expected + with_groups


def test_parquet_and_several_files_are_parsed_once_too(nncli: Run) -> None:
    lines = mixed().splitlines(keepends=True)
    Path("p1.csv").write_text("".join(lines[:600]), "utf-8")
    Path("p2.csv").write_text("".join([lines[0], *lines[600:]]), "utf-8")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 3))
    table = pa.table({"a": X[:, 0], "b": X[:, 1], "class": np.where(X[:, 0] > X[:, 1], "p", "q").tolist()})
    parquet.write_table(table, "t.parquet", row_group_size=400)
    for data in (["p*.csv"], ["p1.csv", "p2.csv"], ["t.parquet"]):
        for name, more in (("memory.npz", []), ("disk.npz", ["--memory", "300MB"])):
            assert nncli("train", *data, "--epochs", 2, "-q", "-o", name, *more).code == 0
        assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()


@pytest.mark.long
def test_a_sweep_finds_the_same_and_its_winner_is_the_same(nncli: Run) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    found = {}
    for name, more in (("memory", []), ("disk", ["--memory", "300MB"])):
        sweep = ["sweep", "d.csv", "--lr", "0.1,0.01", "--model", "mlp,perceptron", "--epochs", 2, "--folds", 3]
        assert nncli(*sweep, "--jobs", 2, "-q", "--ledger", f"{name}.jsonl", "-o", f"{name}.npz", *more).code == 0
        found[name] = trials(f"{name}.jsonl")
    assert len(found["disk"]) == 12
    assert found["disk"] == found["memory"]
    assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()


def test_a_training_goes_on_from_the_disk_as_from_memory(nncli: Run) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    assert nncli("train", "d.csv", "--epochs", 6, "--schedule", "constant", "-q", "-o", "whole.npz").code == 0
    begin = ["train", "d.csv", "--epochs", 3, "--schedule", "constant", "-q", "--keep-state", "-o", "two.npz"]
    assert nncli(*begin, "--memory", "300MB").code == 0
    assert nncli("train", "--resume", "two.npz", "--epochs", 6, "-q", "--memory", "300MB").code == 0
    assert Path("two.npz").read_bytes() == Path("whole.npz").read_bytes()


@pytest.mark.parametrize("size", [(300_000, 250), (600_000, 300)])
@pytest.mark.long
def test_a_training_takes_the_memory_that_it_may_and_no_more(size: tuple[int, int], tmp_path: Path) -> None:
    """Whole processes: what the system says that they have taken at most."""
    rows, megabytes = size
    rng = np.random.default_rng(0)
    X = rng.integers(-999, 999, (rows, 60)) / 100
    table = pa.table({**{f"x{i}": x for i, x in enumerate(X.T)}, "class": np.where(X[:, 0] > 0, "p", "q").tolist()})
    pyarrow_csv.write_csv(table, "d.csv")
    del X, table
    code = (
        "import sys; from nncli.__main__ import run; code = run(); "
        "print(*[line for line in open('/proc/self/status') if 'VmHWM' in line], file=sys.stderr); sys.exit(code)"
    )
    peaks, models = [], []
    for more in (["--memory", f"{megabytes}MB"], []):
        words = ["train", "d.csv", "--epochs", "1", "-q", "--json", "-o", "m.npz", *more]
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, check=True)
        peaks.append(1024 * int(done.stderr.split()[1]))
        models.append(Path("m.npz").read_bytes())
    assert models[0] == models[1]
    assert peaks[0] < megabytes * 1e6 < peaks[1]


@pytest.mark.long
def test_a_group_of_rows_of_parquet_may_be_larger_than_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pa.table({f"x{i}": rng.normal(size=250_000) for i in range(60)})
    table = table.append_column("class", pa.array(["p", "q"] * 125_000))
    parquet.write_table(table, "d.parquet", row_group_size=250_000)
    code = (
        "from nncli.data.load import *; load_dataset(('d.parquet',), CsvOptions(), 'float32', 300_000_000); "
        "print(*[line for line in open('/proc/self/status') if 'VmHWM' in line])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    peak = 1024 * int(done.stdout.split()[1])
    assert peak < 420e6  # and not the 550 of the whole group: the pages of 60 columns take 2 MB each


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--memory 30", "--memory: expected a size such as 500MB or 2GB, found '30'."),
        ("--memory much", "--memory: expected a size such as 500MB or 2GB, found 'much'."),
        ("--memory -1GB", "--memory: expected a size such as 500MB or 2GB, found '-1GB'."),
        ("--memory 9999999999GB", "--memory: expected a size such as 500MB or 2GB, found '9999999999GB'."),
        ("--memory 249MB", "--memory: expected at least 250MB, found 249MB."),
        # 16 million parameters of 4 bytes, nine times; 2^21 / 4,000 = 524 rows of 8,000 units, three times; and 180 MB
        ("--memory 300MB --hidden 4000x4000", "--memory: expected at least 1,060MB to train on 3,000 rows in "
         "batches of 64, found 300MB. Allow that much."),
    ],
)  # fmt: skip
def test_too_little_memory_is_one_line(options: str, expected: str, nncli: Run) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    assert complaint(nncli, "train", "d.csv", *options.split()) == expected


def test_what_cannot_be_on_the_disk_says_so(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert complaint(nncli, "train", "digits-idx", "--memory", "1GB") == (
        "--memory: digits-idx is neither a table nor a sparse matrix, and only these can stay on the disk. "
        "Leave it out."
    )
    no_file = "expected a file, as --memory keeps its table. Write it to one first."
    assert complaint(nncli, "train", "-", "--memory", "1GB") == f"stdin: {no_file}"
    os.mkfifo("pipe.csv")
    assert complaint(nncli, "train", "pipe.csv", "--memory", "1GB") == f"pipe.csv: {no_file}"
    with tempfile.TemporaryFile() as file:
        file.write(mixed().encode())
        unnamed = f"/dev/fd/{file.fileno()}"
        assert complaint(nncli, "train", unnamed, "--memory", "1GB") == f"{unnamed}: {no_file}"
    assert complaint(nncli, "train", "absent.csv", "--memory", "1GB").startswith("absent.csv: no such file.")
    assert complaint(
        nncli, "sweep", "--lr", "1,2", "--memory", "1GB", "--cluster", "tcp://127.0.0.1:1", "--insecure"
    ) == ("--memory: the workers of a cluster have the data in memory. Leave it out.")
    ids = "".join(f"{i},u{i % 2700:05},{'pq'[i % 2]}\n" for i in range(ROWS))
    Path("d.csv").write_text(f"x,user,class\n{ids}")
    monkeypatch.setattr(cache, "TEXT_SHARE", 3000)
    assert complaint(nncli, "train", "d.csv", "--memory", "300MB") == (
        "d.csv: column 'user': 2,700 different texts so far, too many for that memory. Leave the column out with "
        "--drop, or allow more --memory."
    )
    assert list(Path("cache", "tables").iterdir()) == []


def test_tables_share_the_memory(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the windows of training, validation and test rows take together is no more than one alone would take."""
    sizes: list[int] = []
    begin = scaled_rows.RowWindow.__init__

    def recorded(self: scaled_rows.RowWindow, table: Any, width: int, transform: Any, size: int, *more: Any) -> None:
        sizes.append(size)
        begin(self, table, width, transform, size, *more)

    monkeypatch.setattr(scaled_rows.RowWindow, "__init__", recorded)
    Path("d.csv").write_text(mixed(), "utf-8")
    Path("other.csv").write_text(mixed(), "utf-8")
    train = ["train", "d.csv", "--epochs", 1, "-q", "--memory", "300MB"]
    assert nncli(*train).code == 0
    (alone,) = sizes
    sizes.clear()
    assert nncli(*train, "--val-data", "other.csv", "--test-data", "other.csv").code == 0
    assert len(sizes) == 3
    assert sum(sizes) <= alone


def test_long_texts_of_a_parquet_file_come_a_few_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of rows may unpack to gigabytes; without a dictionary, each text takes its own place."""
    notes, path = [f"{i:05d}" * 1000 for i in range(2000)], str(tmp_path / "d.parquet")
    parquet.write_table(pa.table({"note": notes}), path, use_dictionary=False, row_group_size=2000)
    monkeypatch.setattr(parquet_format, "BATCH_BYTES", 1 << 20)
    batches = list(parquet_format.ParquetFile(path, path).batches(["note"], 1 << 14, lambda size: None))
    assert [note for batch in batches for note in batch["note"].to_pylist()] == notes
    assert max(batch.nbytes for batch in batches) <= 1.1 * (1 << 20)  # of 10 MB in all
