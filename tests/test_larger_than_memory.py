"""--memory: tables parsed once into files, and trained on from there; the model is the same, byte for byte."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv as pyarrow_csv
from pyarrow import parquet

import cli_process
from ledgers import trials
from nncli import scratch
from nncli.data import cache, collect, csv, matrix, stored
from nncli.data.bundled import path_of
from nncli.model import EVAL_ROWS

Run = Callable[..., Any]
ROWS, WINDOW = 3000, 250


@pytest.fixture(autouse=True)
def _little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and a cache of its own, and blocks and parts of files that are small beside the tables here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(stored, "PART", 5000)
    monkeypatch.setattr(csv, "BLOCK_BYTES", 20_000)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of those that are read, which are small beside the tables here."""
    sizes: list[int] = []
    read, begin = matrix.Windowed._read, matrix.Windowed.__init__

    def small(self: matrix.Windowed, table: Any, width: int, transform: Any, size: int) -> None:
        begin(self, table, width, transform, min(size, WINDOW))

    monkeypatch.setattr(matrix.Windowed, "__init__", small)

    def counted(self: matrix.Windowed, rows: Any) -> matrix.Matrix:
        sizes.append(len(rows))
        return read(self, rows)

    monkeypatch.setattr(matrix.Windowed, "_read", counted)
    return sizes


def mixed(rows: int = ROWS, seed: int = 0) -> str:
    """Numbers with gaps, categories, dates, weights, two classes."""
    rng = np.random.default_rng(seed)
    lines = ["a,w,b,city,day,class"]
    for _ in range(rows):
        a, b = rng.normal(size=2)
        gap = "" if rng.random() < 0.05 else f"{b:.6g}"
        city, day = (
            ["rome", "", "oslo", "zürich"][rng.integers(4)],
            f"20{rng.integers(10, 25)}-0{rng.integers(1, 10)}-15",
        )
        lines.append(f"{a:.6g},{rng.random():.2f},{gap},{city},{day},{'yes' if a * b > rng.normal() / 4 else 'no'}")
    return "\n".join(lines) + "\n"


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
    ("mixed", "--dropout 0.3 --batch-size 77"),
    ("pixels", "--input-dropout 0.1 --hidden 20x10"),
    ("pixels", "--weight pixel_2_4"),
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_model_is_that_of_a_training_in_memory(name: str, options: str, nncli: Run, windows: list[int]) -> None:
    Path("d.csv").write_text(TABLES[name](), "utf-8")
    Path("other.csv").write_text(mixed(300, 1), "utf-8")
    command = ["train", "d.csv", "--epochs", 3, "-q", "--json", *options.split()]
    assert nncli(*command, "-o", "memory.npz").code == 0
    assert not windows
    assert nncli(*command, "-o", "disk.npz", "--memory", "300MB").code == 0
    assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()
    assert max(windows) <= EVAL_ROWS < 0.7 * min(ROWS, 1797)  # the training rows were never there all at once
    assert sum(windows) >= 3 * 0.7 * ROWS
    for data in ([], ["other.csv"]) if name == "mixed" else ([],):
        judged = [nncli("eval", "disk.npz", *data, "--json", "-q", *more) for more in ([], ["--memory", "300MB"])]
        assert judged[0].json == judged[1].json
    expected = 2 if name == "mixed" else 1
    assert len(cache.entries()) == expected + ("--val-data" in options and "--weight" in options)


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


def test_a_table_is_parsed_once_for_as_long_as_its_file_and_the_options_stay(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = []
    read = collect.rows_of

    def counted(files: Any, where: str, *more: Any) -> Any:
        parsed.append(where)
        return read(files, where, *more)

    monkeypatch.setattr("nncli.data.load.rows_of", counted)
    Path("d.csv").write_text(mixed(), "utf-8")
    train = ["train", "d.csv", "--epochs", 1, "-q", "--memory", "300MB"]
    for more, times in [
        ([], 1),
        (["--hidden", 5], 1),
        (["--missing", "rome"], 2),
        (["--dtype", "float64"], 3),
        ([], 3),
    ]:
        assert nncli(*train, *more).code == 0
        assert len(parsed) == times
    assert len(list(Path("cache").iterdir())) == 3
    before = Path("d.csv").stat()
    Path("d.csv").write_bytes(Path("d.csv").read_bytes().replace(b",yes\n", b",yea\n"))
    os.utime("d.csv", ns=(before.st_atime_ns, before.st_mtime_ns))  # of the same age and size
    changed = nncli(*train[:-3], *train[-2:], "--json")
    assert changed.json["classes"] == ["no", "yea"]
    assert len(parsed) == 4
    assert len(list(Path("cache").iterdir())) == 1  # those of the old file can never be used again
    (tmp_path / "link.csv").symlink_to("d.csv")
    assert nncli("train", "link.csv", *train[2:]).code == 0
    assert len(parsed) == 4  # it is the same file


def test_one_file_for_several_models_is_a_table_for_each(nncli: Run) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    Path("other.csv").write_text(mixed(300, 1), "utf-8")
    for options in ("", "--drop b", "--categorical a", "--dtype float64", "--missing rome"):
        command = ["train", "d.csv", "--val-data", "other.csv", "--epochs", 1, "-q", *options.split()]
        assert nncli(*command, "-o", "memory.npz").code == 0
        assert nncli(*command, "-o", "disk.npz", "--memory", "300MB").code == 0
        assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()
    assert len(cache.entries()) == 2 * 5


@pytest.mark.parametrize(
    "damage",
    [
        lambda table: (table / "numbers.npy").write_bytes((table / "numbers.npy").read_bytes()[:-50]),
        lambda table: (table / "numbers.npy").unlink(),
        lambda table: (table / "target.npy").write_bytes(b"no array"),
        lambda table: (table / "table.json").write_text("{"),
        lambda table: (table / "table.json").write_text("{}"),
        lambda table: shutil.copy(table / "date-0.npy", table / "numbers.npy"),
    ],
)
def test_a_damaged_table_is_parsed_anew(damage: Callable[[Path], object], nncli: Run) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    assert nncli("train", "d.csv", "--epochs", 2, "-q", "-o", "memory.npz").code == 0
    train = ["train", "d.csv", "--epochs", 2, "-q", "-o", "disk.npz", "--memory", "300MB"]
    assert nncli(*train).code == 0
    damage(next(Path("cache").iterdir()))
    Path("disk.npz").unlink()
    assert nncli(*train).code == 0
    assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()


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


def test_a_training_takes_the_memory_that_it_may_and_no_more(tmp_path: Path) -> None:
    """Whole processes: what the system says that they have taken at most."""
    rng = np.random.default_rng(0)
    X = rng.integers(-999, 999, (600_000, 60)) / 100
    table = pa.table({**{f"x{i}": x for i, x in enumerate(X.T)}, "class": np.where(X[:, 0] > 0, "p", "q").tolist()})
    pyarrow_csv.write_csv(table, "d.csv")
    del X, table
    code = (
        "import sys; from nncli.__main__ import run; code = run(); "
        "print(*[line for line in open('/proc/self/status') if 'VmHWM' in line], file=sys.stderr); sys.exit(code)"
    )
    peaks, models = [], []
    for more in (["--memory", "300MB"], []):
        words = ["train", "d.csv", "--epochs", "1", "-q", "--json", "-o", "m.npz", *more]
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, check=True)
        peaks.append(1024 * int(done.stderr.split()[1]))
        models.append(Path("m.npz").read_bytes())
    assert models[0] == models[1]
    assert peaks[0] < 300e6 < peaks[1]


def test_a_group_of_rows_of_parquet_may_be_larger_than_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pa.table({f"x{i}": rng.normal(size=250_000) for i in range(60)})
    table = table.append_column("class", pa.array(["p", "q"] * 125_000))
    parquet.write_table(table, "d.parquet", row_group_size=250_000)
    code = (
        "from nncli.data.load import *; load_dataset('d.parquet', CsvOptions(), 'float32', 300_000_000); "
        "print(*[line for line in open('/proc/self/status') if 'VmHWM' in line])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    peak = 1024 * int(done.stdout.split()[1])
    assert peak < 420e6  # and not the 550 of the whole group: the pages of 60 columns take 2 MB each


def complaint(nncli: Run, *argv: object) -> str:
    outcome = nncli(*argv, "-q")
    assert outcome.code in (1, 2)
    assert not Path("model.npz").exists()
    return str(outcome.err.strip())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--memory 30", "--memory: expected a size such as 500MB or 2GB, found '30'."),
        ("--memory much", "--memory: expected a size such as 500MB or 2GB, found 'much'."),
        ("--memory -1GB", "--memory: expected a size such as 500MB or 2GB, found '-1GB'."),
        ("--memory 9999999999GB", "--memory: expected a size such as 500MB or 2GB, found '9999999999GB'."),
        ("--memory 249MB", "--memory: expected at least 250MB, found 249MB."),
        # 16 million parameters of 4 bytes, nine times; 1,024 rows of 8,000 units, three times; and 180 MB
        ("--memory 300MB --hidden 4000x4000", "--memory: 3,000 rows in batches of 64 need 851MB, found 300MB. Allow so "
         "much."),
        # 3,000 rows of 4,016 numbers of 4 bytes, three times; and 177 MB
        ("--memory 300MB --hidden 4000 --batch-size full", "--memory: 3,000 rows in batches of 3,000 need 322MB, found "
         "300MB. Allow so much, or set a smaller --batch-size."),
    ],
)  # fmt: skip
def test_too_little_memory_is_one_line(options: str, expected: str, nncli: Run) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    assert complaint(nncli, "train", "d.csv", *options.split()) == expected


def test_what_cannot_be_on_the_disk_says_so(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert complaint(nncli, "train", "digits-idx", "--memory", "1GB") == (
        "--memory: digits-idx is no table, and those alone can stay on the disk. Leave it out."
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
    assert complaint(nncli, "sweep", "--lr", "1,2", "--memory", "1GB", "--cluster", "tcp://127.0.0.1:1") == (
        "--memory: the workers of a cluster have the data in memory. Leave it out."
    )
    ids = "".join(f"{i},u{i % 2700:05},{'pq'[i % 2]}\n" for i in range(ROWS))
    Path("d.csv").write_text(f"x,user,class\n{ids}")
    monkeypatch.setattr(cache, "TEXT_SHARE", 3000)
    assert complaint(nncli, "train", "d.csv", "--memory", "300MB") == (
        "d.csv: column 'user': 2,700 different texts so far, too many for that memory. Leave the column out with "
        "--drop, or allow more --memory."
    )
    assert list(Path("cache").iterdir()) == []


def test_a_file_that_changes_while_it_is_read_is_refused(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    hexdigest = csv.CsvReader.hexdigest

    def after_another_row(self: csv.CsvReader) -> str:
        with Path("d.csv").open("a") as file:
            file.write("1,1,1,rome,2026-01-01,yes\n")
        return hexdigest(self)

    monkeypatch.setattr(csv.CsvReader, "hexdigest", after_another_row)
    assert complaint(nncli, "train", "d.csv", "--memory", "300MB") == (
        "d.csv: changed while it was read. Try again when nobody writes to it."
    )
    assert list(Path("cache").iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    Path("d.csv").write_text(mixed(20_000), "utf-8")
    done = cli_process.nncli(
        "train", "d.csv", "--memory", "1GB", "-q", cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )  # fmt: skip
    assert done.returncode == 1
    expected = (
        f"{tmp_path}/cache: cannot write the table: {os.strerror(errno.EFBIG)}. Set NNCLI_CACHE to another folder."
    )
    assert done.stderr.decode().strip() == expected
    assert list(Path("cache").iterdir()) == []


def test_a_folder_that_may_not_be_written_to_is_one_line(tmp_path: Path) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    Path("cache").mkdir(mode=0o500)
    done = cli_process.nncli(
        "train", "d.csv", "--memory", "1GB", "-q", cwd=tmp_path, preexec_fn=cli_process.without_privileges
    )
    assert done.returncode == 1
    expected = f"{tmp_path}/cache: cannot write the table: Permission denied. Set NNCLI_CACHE to another folder."
    assert done.stderr.decode().strip() == expected


def test_a_run_that_is_killed_leaves_no_table_and_one_at_the_same_time_is_not_in_the_way(tmp_path: Path) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    rows = mixed(2000).split("\n", 1)
    Path("long.csv").write_text(rows[0] + "\n" + rows[1] * 100, "utf-8")
    killed = subprocess.Popen([*cli_process.PROGRAM, "train", "long.csv", "--memory", "1GB", "-q"])
    until = time.monotonic() + 20
    while not list(Path("cache").glob("*/table/numbers.npy")) and time.monotonic() < until:
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert cache.entries() == []
    [left] = Path("cache").iterdir()
    command = [*cli_process.PROGRAM, "train", "d.csv", "--memory", "1GB", "-q", "--epochs", "2", "-o"]
    both = [subprocess.Popen([*command, name], stdout=subprocess.DEVNULL) for name in ("one.npz", "two.npz")]
    assert [one.wait() for one in both] == [0, 0]
    assert Path("one.npz").read_bytes() == Path("two.npz").read_bytes()
    assert [entry.rows for entry in cache.entries()] == [ROWS]
    old = time.time() - 3600
    os.utime(left / scratch.LOCK, (old, old))
    assert cache.clear()[0] == 1
    assert list(Path("cache").iterdir()) == []  # what was left is gone too


def test_the_tables_are_listed_and_cleared(nncli: Run, tmp_path: Path) -> None:
    assert nncli("info", "--cache").out == f"0 tables in {tmp_path}/cache, 0.0 MB\n"
    Path("d.csv").write_text(mixed(), "utf-8")
    train = nncli("train", "d.csv", "--epochs", 1, "--memory", "1GB")
    assert (
        train.err.splitlines()[0] == "data: d.csv, 3,000 rows, 5 columns, 2 classes, on the disk (nncli info --cache)"
    )
    listed = nncli("info", "--cache").out.splitlines()
    assert listed[0].split() == ["MB", "rows", "columns", "table"]
    assert " ".join(listed[2:-1]).split() == ["0.1", "3,000", "5", f"{tmp_path}/d.csv"]
    found = nncli("info", "--cache", "--json").json
    assert found["folder"] == f"{tmp_path}/cache"
    assert [(one["source"], one["rows"], one["is_current"]) for one in found["tables"]] == [
        (f"{tmp_path}/d.csv", ROWS, True)
    ]
    on_disk = sum(file.stat().st_size for file in Path("cache").rglob("*.*"))
    assert found["tables"][0]["bytes"] == on_disk
    Path("d.csv").unlink()
    assert "of no use any more: its file has changed, or is gone" in " ".join(nncli("info", "--cache").out.split())
    assert nncli("info", "--cache", "--clear").out == "1 table removed, 0.1 MB\n"
    assert list(Path("cache").iterdir()) == []
    assert nncli("info", "--clear").err == "--clear: it goes with --cache. Add --cache.\n"
    assert nncli("info").err == "MODEL: expected a model, or --cache in its place. See nncli info --help.\n"
    assert nncli("info", "model.npz", "--cache").code == 2


def test_rows_of_a_stored_array_are_those_of_the_array(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for shape in ((700,), (700, 3), (700, 1)):
        whole = rng.normal(size=shape).astype(np.float32)
        growing = stored.Growing(tmp_path / "a.npy")
        for start in range(0, 700, 90):
            growing.append(whole[start : start + 90])
        found = growing.finished()
        assert (np.load(tmp_path / "a.npy") == whole).all()
        assert (found.shape, found.dtype, len(found)) == (shape, np.dtype(np.float32), 700)
        for rows in ([], [0], [699], [5, 5, 5], [699, 0, 350, 350], rng.permutation(700), np.arange(700)):
            assert (found[np.array(rows, np.int32)] == whole[np.array(rows, np.int32)]).all()
        assert (found[:] == whole).all()
        assert (found[10:600] == whole[10:600]).all()
    for place in range(3):
        table = stored.Stored(tmp_path / "b.npy") if (tmp_path / "b.npy").exists() else None
        if table is None:
            np.save(tmp_path / "b.npy", rng.normal(size=(700, 3)))
            table = stored.Stored(tmp_path / "b.npy")
        values = np.load(tmp_path / "b.npy")
        assert (table.column(place) == values[:, place]).all()
        assert (table.without(place)[np.array([3, 600, 2])] == np.delete(values, place, axis=1)[[3, 600, 2]]).all()
        assert (table.without(place).without(0)[:] == np.delete(np.delete(values, place, axis=1), 0, axis=1)).all()
    with pytest.raises(IndexError):
        found[np.array([700])]
    assert sys.getsizeof(found) < 1000
