"""The folder for what processes share: it does not outlive those that use it, however they end."""

from __future__ import annotations

import errno
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import cli_process
from nncli.data.bundled import path_of
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from nncli.errors import DataError, OutputError
from nncli.sweep.trial import DataInFile
from nncli.system import owned_folders, scratch


@pytest.fixture(autouse=True)
def _temporary_files_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def abandoned(path: Path, seconds: float = 3600) -> Path:
    """A folder of a command that was killed so long ago."""
    with owned_folders.make(path):
        (path / "data").write_bytes(b"some")
        then = time.time() - seconds
        os.utime(path / owned_folders.MARKER, (then, then))
    return path


def named(digit: str) -> str:
    """A name that nncli could have given."""
    return f"nncli-{digit * 16}"


def test_a_scratch_folder_is_gone_at_the_end(tmp_path: Path) -> None:
    with scratch.folder() as folder:
        (folder / "data").write_bytes(b"some")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_command_left_goes_and_what_is_in_use_or_young_stays(tmp_path: Path) -> None:
    old = abandoned(tmp_path / named("a"))
    young = abandoned(tmp_path / named("b"), 1)  # it may not have its lock yet
    with scratch.folder() as used:
        past = time.time() - 3600
        os.utime(used / owned_folders.MARKER, (past, past))
        with scratch.folder() as second:
            assert set(tmp_path.iterdir()) == {young, used, second}
    assert not old.exists()


def another_owner(path: Path) -> None:
    os.chown(path, 65534, 65534)


# each a reason for which a folder is not, or not certainly, one that nncli has made
DOUBTS: dict[str, Callable[[Path], object]] = {
    "no marker": lambda path: (path / owned_folders.MARKER).unlink(),
    "a marker with other words": lambda path: (path / owned_folders.MARKER).write_bytes(owned_folders.CONTENT + b"!"),
    "an empty marker": lambda path: os.truncate(path / owned_folders.MARKER, 0),
    "a pipe as its marker": lambda path: (
        (path / owned_folders.MARKER).unlink(),
        os.mkfifo(path / owned_folders.MARKER),
    ),
    "a file of another name": lambda path: (path / "thesis.tex").write_text("years of work"),
    "a folder in it": lambda path: (path / "7").mkdir(),
    "another name": lambda path: path.rename(path.with_name("nncli-notes")),
    "capitals in its name": lambda path: path.rename(path.with_name(named("A"))),
    "others may write to it": lambda path: path.chmod(0o777),
    "others may write to its marker": lambda path: (path / owned_folders.MARKER).chmod(0o666),
}


def pulled_out(path: Path) -> None:
    """The folder is elsewhere, and a link is in its place."""
    path.rename(path.parent / "elsewhere")
    path.symlink_to(path.parent / "elsewhere")


DOUBTS["a link to a folder"] = pulled_out
DOUBTS["a link as its marker"] = lambda path: (
    (path / owned_folders.MARKER).rename(path.parent / "m"),
    (path / owned_folders.MARKER).symlink_to(path.parent / "m"),
)
if os.getuid() == 0:
    DOUBTS |= {
        "another owner": another_owner,
        "a marker of another owner": lambda path: another_owner(path / owned_folders.MARKER),
    }


def everything(folder: Path) -> list[tuple[str, int, int, bytes]]:
    return sorted(
        (str(path), path.lstat().st_mode, path.lstat().st_ino, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    )


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_nncli_may_not_have_made_stays_as_it_is(doubt: str, tmp_path: Path) -> None:
    path = abandoned(tmp_path / named("a"))
    past = time.time() - 3600
    DOUBTS[doubt](path)
    for one in tmp_path.rglob("*"):
        os.utime(one, (past, past), follow_symlinks=False)
    before = everything(tmp_path)
    with scratch.folder():
        pass
    assert everything(tmp_path) == before


def test_links_in_it_are_removed_and_not_what_they_lead_to(tmp_path: Path) -> None:
    path = abandoned(tmp_path / named("a"))
    (tmp_path / "precious").mkdir()
    (path / "7").symlink_to(tmp_path / "precious")
    with scratch.folder():
        assert not path.exists()
    assert (tmp_path / "precious").is_dir()


def test_a_user_whose_mask_permits_everything_has_them_removed_all_the_same(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        with scratch.folder() as folder:
            (folder / "data").touch()
    finally:
        os.umask(mask)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (errno.ENOSPC, "Make room there, or set TMPDIR to another folder."),
        (errno.EMFILE, "Allow more with ulimit -n 4000."),
        (errno.EROFS, "Set TMPDIR to another folder."),
    ],
)
def test_what_cannot_be_written_is_blamed_on_the_folder(
    error: int, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object) -> int:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(resource, "getrlimit", lambda which: (100, 4000))
    monkeypatch.setattr(owned_folders, "private", fails)
    with pytest.raises(OutputError) as found, scratch.folder():
        pass
    assert str(found.value) == f"{tmp_path}: cannot write temporary files: {os.strerror(error)}. {remedy}"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("sweep d.csv --lr 0.1,0.2 --jobs 2", marks=pytest.mark.long),  # the data, for other processes
        "sweep iris --lr 0.1,0.2,0.3,0.4 --hidden 300x300 --search halving --epochs 9 --jobs 1",  # states of trainings
        "predict MODEL d.csv d.csv --proba --jobs 2",  # the answers
    ],
)
def test_a_full_temporary_folder_is_the_reason_that_is_named(
    command: str, digits_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    digits = path_of("digits").read_text()
    Path("d.csv").write_text(digits)
    done = cli_process.nncli(
        *command.replace("MODEL", str(digits_model)).split(), "-q", cwd=tmp_path,
        environment=os.environ | {"TMPDIR": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.decode() == (
        f"{tmp_path}: cannot write temporary files: File too large. Allow larger files with ulimit -f, or set TMPDIR "
        "to another folder.\n"
    )
    assert not list(tmp_path.glob("nncli-*"))


def test_a_failure_of_another_file_is_not_blamed_on_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"), scratch.folder() as folder, scratch.writing(folder):
        (tmp_path.parent / "absent").read_bytes()


def test_data_for_other_processes_that_were_cut_short_are_one_line(tmp_path: Path) -> None:
    """To touch what a mapped file lacks would end the worker with a signal."""
    shared = DataInFile.write({"float32": load_dataset(("iris",), CsvOptions(), "float32")}, tmp_path / "data")
    assert len(shared.open()["float32"]) == 150
    os.truncate(tmp_path / "data", 100)
    with pytest.raises(DataError, match="data: the data of the sweep were changed while it ran"):
        shared.open()
