"""What nncli has not made, it does not touch: in the cache, the home, the temporary and the working folder."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from cli_process import PROGRAM
from disk_tables import Run, mixed
from nncli.data.csv import reader
from nncli.data.disk import cache, memmap
from nncli.system import owned_folders

HEX = "0123456789abcdef"


def plant(folder: Path) -> None:
    """Folders and files of all sorts: some that any user has, some that look like nncli's own and are not."""
    contents = {
        ".ssh/id_ed25519": b"a key",
        "documents/thesis.tex": b"years of work",
        "documents/old/draft.tex": b"more years",
        "a project/table.json": b'{"version": 1, "files": [], "rows": 3, "schema": {"columns": []}}',
        "tables of mine/table.json": b"{",
        f"{HEX * 2}/table.json": b"not JSON at all",
        f"{HEX * 2}/numbers.npy": b"an array",
        f"table-{HEX * 2}/table.json": b"{}",
        f"table-{HEX * 2}/numbers": b"an array of another program",
        f"nncli-{HEX}/in-use": b"",
        f"nncli-{HEX}/data": b"precious",
        "nncli-x/in-use": b"",
        "nncli-x/notes": b"about nncli",
        "nncli-paper/nncli-folder": owned_folders.CONTENT,  # the marker, and not the name
        "nncli-paper/paper.tex": b"a paper",
        f"nncli-{HEX[::-1]}/nncli-folder": owned_folders.CONTENT,  # the name and the marker, and a file of somebody's
        f"nncli-{HEX[::-1]}/mine.txt": b"mine",
        f"table-{HEX[::-1] * 2}/nncli-folder": owned_folders.CONTENT,
        f"table-{HEX[::-1] * 2}/inside/mine.txt": b"mine",
        ".nncli-mine.tmp": b"not abandoned",
        "letter.txt": b"a letter",
        "read only/file": b"read only",
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "empty").mkdir()
    (folder / f"nncli-{HEX[1:]}f").mkdir()
    (folder / f"table-{'f' * 32}").mkdir()
    (folder / "link").symlink_to(folder / "documents")
    (folder / f"table-{'a' * 32}").symlink_to(folder / "documents")
    (folder / f"nncli-{'a' * 16}").symlink_to(folder / f"nncli-{HEX[::-1]}")
    (folder / f"table-{'b' * 32}").symlink_to("nowhere")
    os.mkfifo(folder / "fifo")
    os.mkfifo(folder / f"table-{'c' * 32}")
    (folder / "read only").chmod(0o500)
    (folder / "letter.txt").chmod(0o640)
    for path in folder.rglob("*"):  # older than anything that may still be in use
        os.utime(path, (time.time() - 9999,) * 2, follow_symlinks=False)


def seen(paths: set[Path]) -> dict[Path, tuple[object, ...]]:
    """Everything about them, but for when a folder that also holds other things was last written to."""
    found = {}
    for path in paths:
        status = path.lstat()
        content: object = None
        if path.is_symlink():
            content = path.readlink()
        elif path.is_file():
            content = (path.read_bytes(), status.st_mtime_ns)
        found[path] = (status.st_mode, status.st_uid, status.st_ino, status.st_nlink * path.is_file(), content)
    return found


@pytest.mark.parametrize(
    "place", ["cache", *(pytest.param(name, marks=pytest.mark.long) for name in ("work", "home", "tmp"))]
)
def test_no_command_touches_files_of_others(
    place: str, nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / name for name in ("cache", "work", "home", "tmp")]
    (tmp_path / place / "tables").mkdir(parents=True, mode=0o700)
    for folder in (*folders, tmp_path / place / "tables"):
        folder.mkdir(exist_ok=True)
        plant(folder)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv(cache.VARIABLE, "." if place == "work" else str(tmp_path / place))
    monkeypatch.setattr(memmap, "PART", 5000)
    monkeypatch.setattr(reader, "BLOCK_BYTES", 20_000)
    before = seen(set(tmp_path.rglob("*")))
    assert len(before) > 5 * 40
    Path("d.csv").write_text(mixed(200), "utf-8")
    memory = ["--memory", "300MB", "-q"]
    jobs = 2 if place == "cache" else 1
    for command in (
        ["train", "d.csv", "--epochs", 1, *memory],
        ["eval", "model.npz", *memory],
        ["sweep", "d.csv", "--lr", "0.1,0.2", "--epochs", 1, "--jobs", jobs, "-o", "best.npz", *memory],
        [
            "sweep",
            "d.csv",
            "--lr",
            "0.1,0.3",
            "--epochs",
            1,
            "--jobs",
            1,
            "-q",
            "--ledger",
            "2.jsonl",
            "-o",
            "best.npz",
        ],
        ["predict", "model.npz", "d.csv", "d.csv", "--jobs", jobs, "-q", "-o", "answers.csv"],
        ["info", "--cache"],
        ["train", "d.csv", "--epochs", 1, "--dtype", "float64", *memory],
    ):
        assert nncli(*command).code == 0
        assert seen(set(before)) == before, command
    assert len(nncli("info", "--cache", "--json").json["tables"]) == 3  # those two, and one that stays
    cleared = nncli("info", "--cache", "--clear")
    assert cleared.out.startswith("2 tables removed")
    name = Path("tables", f"table-{HEX[::-1] * 2}")
    assert f"{name}: stays, as it holds what nncli has not written\n" in cleared.err
    assert seen(set(before)) == before


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda tables: tables.symlink_to(tables.parents[1]), "expected a folder of tables, found something else. "),
        (lambda tables: tables.write_bytes(b"a file"), "expected a folder of tables, found something else. "),
        (lambda tables: tables.mkdir() or tables.chmod(0o777), "other users may change the tables in it. Take this "),
    ],
)
def test_a_folder_of_tables_that_is_not_the_users_own_is_refused(
    spoil: object, expected: str, nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cache").mkdir()
    tables = tmp_path / "cache" / "tables"
    assert callable(spoil)
    spoil(tables)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    Path("d.csv").write_text(mixed(200), "utf-8")
    train = ["train", "d.csv", "--epochs", 1, "-q", "--memory", "300MB"]
    for command in (train, ["info", "--cache"], ["info", "--cache", "--clear"]):
        refused = nncli(*command)
        assert (refused.code, refused.out) == (1, "")
        assert refused.err.startswith(f"{tables}: {expected}")
        assert refused.err.endswith("et NNCLI_CACHE to another folder.\n")
    if "chmod" in refused.err:
        os.system(refused.err.partition("with ")[2].partition(", or")[0])
    else:
        monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "another"))
    assert nncli(*train).code == 0


def test_a_folder_of_tables_of_another_user_is_refused(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tables = tmp_path / "cache" / "tables"
    tables.mkdir(parents=True)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    Path("d.csv").write_text(mixed(200), "utf-8")
    train = ["train", "d.csv", "--epochs", 1, "-q", "--memory", "300MB"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: tables.stat().st_uid + 1)
        for command in (train, ["info", "--cache"], ["info", "--cache", "--clear"]):
            refused = nncli(*command)
            assert (refused.code, refused.out) == (1, "")
            problem = "the folder belongs to another user, whose tables are not trusted"
            assert refused.err == f"{tables}: {problem}. Set NNCLI_CACHE to another folder.\n"
    assert nncli(*train).code == 0


def test_what_is_in_the_place_of_a_table_is_named_and_stays(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    Path("d.csv").write_text(mixed(200), "utf-8")
    train = ["train", "d.csv", "--epochs", 1, "-q", "--memory", "300MB"]
    assert nncli(*train).code == 0
    [table] = (tmp_path / "cache" / "tables").iterdir()
    (table / owned_folders.MARKER).unlink()
    refused = nncli(*train)
    assert refused.err == (
        f"{table}: expected a table, found what nncli has not written. Remove it, or set NNCLI_CACHE to another "
        "folder.\n"
    )
    assert {file.name for file in table.iterdir()} == {"numbers", "columns", "values", "table.json", "SHA256SUMS"}
    table.rename("elsewhere")
    assert nncli(*train).code == 0


@pytest.mark.parametrize(("named", "problem"), [("file", "Not a directory"), ("file/below", "Not a directory")])
def test_a_cache_that_can_be_no_folder_is_one_line(
    named: str, problem: str, nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"a file")
    Path("d.csv").write_text(mixed(200), "utf-8")
    monkeypatch.setenv(cache.VARIABLE, named)
    for command in (["train", "d.csv", "--memory", "300MB", "-q"], ["info", "--cache"]):
        refused = nncli(*command)
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == f"{named}/tables: cannot be read: {problem}. Set NNCLI_CACHE to another folder.\n"


def test_an_empty_variable_means_the_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "nncli"


def test_a_folder_whose_marker_cannot_be_written_does_not_stay(tmp_path: Path) -> None:
    """Nobody would know it as nncli's later."""
    environment = {**os.environ, "NNCLI_CACHE": str(tmp_path / "cache")}
    words = [*PROGRAM, "train", "iris", "--memory", "300MB", "--epochs", "1", "-q"]
    done = subprocess.run(
        words, cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )  # fmt: skip
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert list((tmp_path / "cache" / "tables").iterdir()) == []
