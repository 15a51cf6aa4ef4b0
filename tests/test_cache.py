"""Tables on the disk: found again as long as they are those of their files, never half-written, listed and cleared."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cli_process
from disk_tables import ROWS, Run, complaint, mixed
from nncli.data import table_builder
from nncli.data.csv import reader
from nncli.data.disk import cache, memmap
from nncli.system import owned_folders
from short_and_long import some_short

pytestmark = pytest.mark.usefixtures("tables_on_the_disk")
TABLES = Path("cache", "tables")


def test_a_table_is_parsed_once_for_as_long_as_its_file_and_the_options_stay(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = []
    read = table_builder.read_files

    def counted(files: Any, where: str, *more: Any) -> Any:
        parsed.append(where)
        return read(files, where, *more)

    monkeypatch.setattr(table_builder, "read_files", counted)
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
    assert len(list(TABLES.iterdir())) == 3
    before = Path("d.csv").stat()
    Path("d.csv").write_bytes(Path("d.csv").read_bytes().replace(b",yes\n", b",yea\n"))
    os.utime("d.csv", ns=(before.st_atime_ns, before.st_mtime_ns))  # of the same age and size
    changed = nncli(*train[:-3], *train[-2:], "--json")
    assert changed.json["classes"] == ["no", "yea"]
    assert len(parsed) == 4
    assert len(list(TABLES.iterdir())) == 1  # those of the old file can never be used again
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


def swapped(path: Path, old: bytes, new: bytes) -> None:
    """Changes bytes of a file, and not its size if they are as many."""
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))


@pytest.mark.parametrize(
    "damage",
    some_short(
        [
            lambda table: os.truncate(table / "numbers", 50),
            lambda table: os.truncate(table / "table.json", 1 << 40),
            lambda table: os.truncate(table / "values", 1 << 40),
            lambda table: (table / "numbers").unlink(),
            lambda table: (table / "columns").write_bytes(b"no array"),
            lambda table: (table / "table.json").write_text("{"),
            lambda table: (table / "table.json").write_text("{}"),
            lambda table: (table / "table.json").write_text("[" * 1_000_000),
            lambda table: swapped(table / "table.json", b'"city"', b'"ctiy"'),
            lambda table: swapped(table / "table.json", b'"header":true', b'"header":false'),
            lambda table: swapped(table / "values", b"rome", b"roma"),
            lambda table: swapped(table / "SHA256SUMS", b"columns", b"numbers"),
            lambda table: shutil.copy(table / "columns", table / "numbers"),
            lambda table: (
                (table / "numbers").rename("elsewhere"),
                (table / "numbers").symlink_to(Path("elsewhere").absolute()),
            ),
            lambda table: ((table / "values").unlink(), os.mkfifo(table / "values")),
            lambda table: (table / "columns").chmod(0o666),
        ],
        4,
    ),
)
def test_a_damaged_table_is_parsed_anew(damage: Callable[[Path], object], nncli: Run) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    assert nncli("train", "d.csv", "--epochs", 2, "-q", "-o", "memory.npz").code == 0
    train = ["train", "d.csv", "--epochs", 2, "-q", "-o", "disk.npz", "--memory", "300MB"]
    assert nncli(*train).code == 0
    [table] = TABLES.iterdir()
    damage(table)
    Path("disk.npz").unlink()
    assert nncli("info", "--cache").code == 0
    again = nncli(*[word for word in train if word != "-q"])
    assert again.code == 0
    assert again.err.splitlines()[0] == "d.csv: its table on the disk is damaged, and the file is read again"
    assert [one["state"] for one in nncli("info", "--cache", "--json").json["tables"]] == ["current"]
    assert nncli(*train).err == ""
    assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()


def test_a_file_that_changes_while_it_is_read_is_refused(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    hexdigest = reader.CsvReader.hexdigest

    def after_another_row(self: reader.CsvReader) -> str:
        with Path("d.csv").open("a") as file:
            file.write("1,1,1,rome,2026-01-01,yes\n")
        return hexdigest(self)

    monkeypatch.setattr(reader.CsvReader, "hexdigest", after_another_row)
    assert complaint(nncli, "train", "d.csv", "--memory", "300MB") == (
        "d.csv: changed while it was read. Try again when nobody writes to it."
    )
    assert list(TABLES.iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    Path("d.csv").write_text(mixed(20_000), "utf-8")
    done = cli_process.nncli(
        "train", "d.csv", "--memory", "1GB", "-q", cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )  # fmt: skip
    assert done.returncode == 1
    expected = (
        f"{tmp_path}/cache: cannot write the table: {os.strerror(errno.EFBIG)}. Allow larger files with ulimit -f, or "
        "set NNCLI_CACHE to another folder."
    )
    assert done.stderr.decode().strip() == expected
    assert list(TABLES.iterdir()) == []


@pytest.mark.long
def test_a_table_may_have_more_columns_of_text_and_dates_than_a_process_may_have_files(tmp_path: Path) -> None:
    lines = [[f"t{i}" for i in range(150)] + [f"d{i}" for i in range(50)] + ["class"]]
    for i in range(60):
        dates = [f"2026-0{j % 9 + 1}-{(i * j) % 28 + 1:02}" for j in range(50)]
        lines.append(["abc"[i * j % 3] for j in range(150)] + dates + ["pq"[i % 2]])
    Path("d.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    train = ["train", "d.csv", "--epochs", "20", "-q", "--json", "-o"]
    assert cli_process.nncli(*train, "memory.npz", cwd=tmp_path).returncode == 0
    for _ in range(2):  # written, and found again
        done = cli_process.nncli(
            *train, "disk.npz", "--memory", "300MB", cwd=tmp_path,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        assert Path("disk.npz").read_bytes() == Path("memory.npz").read_bytes()
        Path("disk.npz").unlink()


def test_too_few_open_files_are_named_with_what_helps(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")

    def fails(*args: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(resource, "getrlimit", lambda which: (100, 4000))
    monkeypatch.setattr(memmap, "append", fails)
    assert complaint(nncli, "train", "d.csv", "--memory", "300MB") == (
        f"{tmp_path}/cache: cannot write the table: Too many open files. Allow more with ulimit -n 4000."
    )
    assert list(TABLES.iterdir()) == []


def test_a_folder_that_may_not_be_written_to_is_one_line(tmp_path: Path) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    Path("cache").mkdir(mode=0o500)
    done = cli_process.nncli(
        "train", "d.csv", "--memory", "1GB", "-q", cwd=tmp_path, preexec_fn=cli_process.without_privileges
    )
    assert done.returncode == 1
    expected = f"{tmp_path}/cache: cannot write the table: Permission denied. Set NNCLI_CACHE to another folder."
    assert done.stderr.decode().strip() == expected


@pytest.mark.long
def test_a_run_that_is_killed_leaves_no_table_and_one_at_the_same_time_is_not_in_the_way(tmp_path: Path) -> None:
    Path("d.csv").write_text(mixed(), "utf-8")
    rows = mixed(2000).split("\n", 1)
    Path("long.csv").write_text(rows[0] + "\n" + rows[1] * 100, "utf-8")
    killed = subprocess.Popen([*cli_process.PROGRAM, "train", "long.csv", "--memory", "1GB", "-q"])
    cli_process.wait_for(lambda: list(TABLES.glob("nncli-*/numbers")), pause=0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert cache.entries() == []
    [left] = TABLES.iterdir()
    command = [*cli_process.PROGRAM, "train", "d.csv", "--memory", "1GB", "-q", "--epochs", "2", "-o"]
    both = [subprocess.Popen([*command, name], stdout=subprocess.DEVNULL) for name in ("one.npz", "two.npz")]
    assert [one.wait() for one in both] == [0, 0]
    assert Path("one.npz").read_bytes() == Path("two.npz").read_bytes()
    assert [entry.rows for entry in cache.entries()] == [ROWS]
    old = time.time() - 3600
    os.utime(left / owned_folders.MARKER, (old, old))
    assert cache.clear()[0] == 1
    assert list(TABLES.iterdir()) == []  # what was left is gone too


def test_the_tables_are_listed_and_cleared(nncli: Run, tmp_path: Path) -> None:
    assert nncli("info", "--cache").out == f"0 tables in {tmp_path}/cache, 0.0 MB\n"
    Path("d.csv").write_text(mixed(), "utf-8")
    train = nncli("train", "d.csv", "--epochs", 1, "--memory", "1GB")
    assert (
        train.err.splitlines()[0] == "data: d.csv, 3,000 rows, 5 columns, 2 classes, on the disk (nncli info --cache)"
    )
    listed = nncli("info", "--cache").out.splitlines()
    assert listed[0].split() == ["MB", "rows", "columns", "table"]
    assert "".join("".join(listed[2:-1]).split()) == f"0.13,0005{tmp_path}/d.csv"  # which may take several lines
    found = nncli("info", "--cache", "--json").json
    assert found["folder"] == f"{tmp_path}/cache"
    assert [(one["files"], one["rows"], one["state"]) for one in found["tables"]] == [
        ([f"{tmp_path}/d.csv"], ROWS, "current")
    ]
    on_disk = sum(file.stat().st_size for file in TABLES.rglob("*") if file.is_file())
    assert found["tables"][0]["bytes"] == on_disk
    Path("d.csv").unlink()
    assert "outdated: its file has changed or is gone" in " ".join(nncli("info", "--cache").out.split())
    assert nncli("info", "--cache", "--clear").out == "1 table removed, 0.1 MB\n"
    assert list(TABLES.iterdir()) == []
    assert nncli("info", "--clear").err == "--clear: it goes with --cache. Add --cache.\n"
    assert nncli("info").err == "MODEL: expected a model, or --cache in its place. See nncli info --help.\n"
    assert nncli("info", "model.npz", "--cache").code == 2
