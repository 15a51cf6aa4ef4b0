"""Files written whole or not at all: with every call of the operating system failing, or being the last one."""

from __future__ import annotations

import errno
import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from faults import Calls, fails, injected, kills
from nncli.errors import OutputError
from nncli.system import atomic, owned_folders
from nncli.system.atomic import atomic_file

OLD, NEW = b"precious" * 1000, b"the new one" * 5000
LEFT = ".nncli-0123456789abcdef-27c1d48ecb1bf3be.tmp"  # as a killed program leaves one; its second part is a digest
IN_VAIN = {"flock", "fchown", "link"}  # without them it is as safe as the file system allows


def write(path: Path) -> None:
    with atomic_file(path) as file:
        file.write(NEW[:20000])
        file.write(NEW[20000:])


def calls_of(path: Path) -> list[str]:
    """Those of a writing in which nothing goes wrong."""
    calls = Calls(None)
    with injected(calls):
        write(path)
    return calls.seen


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EXDEV, errno.EDQUOT])
@pytest.mark.parametrize("before", [True, False], ids=["over-a-file", "new"])
def test_every_call_can_fail_and_nothing_is_lost(before: bool, error: int, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    is_full = error in (errno.ENOSPC, errno.EDQUOT)
    remedy = "Make room there, or choose another place." if is_full else "Choose another place."
    if before:
        path.write_bytes(OLD)
    names = calls_of(path)
    assert {"open", "write", "fsync", "replace"} <= set(names)
    for n, name in enumerate(names):
        path.unlink()
        if before:
            path.write_bytes(OLD)
        with injected(Calls(n, fails(error))):
            if name in IN_VAIN and not (name == "fchown" and error != errno.EACCES):
                write(path)
                assert path.read_bytes() == NEW
            else:
                with pytest.raises(OutputError) as found:
                    write(path)
                assert str(found.value) == f"{path}: cannot write: {os.strerror(error)}. {remedy}"
                assert (path.read_bytes() if path.exists() else None) == (OLD if before else None), f"{n}: {name}"
        assert [*tmp_path.iterdir()] == ([path] if path.exists() else []), f"{n}: {name} left something behind"
        path.touch()


def test_what_is_written_in_part_is_written_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that takes only some of the bytes, as a full pipe or a signal makes it, is followed by another."""

    class Short(atomic.FileIO):
        def write(self, data: Any) -> int:
            return super().write(memoryview(data)[:777])

    monkeypatch.setattr(atomic, "FileIO", Short)
    write(tmp_path / "m.npz")
    assert (tmp_path / "m.npz").read_bytes() == NEW


def test_data_and_permissions_are_on_the_disk_before_the_name_is_and_that_before_anybody_hears(tmp_path: Path) -> None:
    path, calls = tmp_path / "m.npz", Calls(None)
    path.write_bytes(OLD)
    with injected(calls), atomic_file(path) as file:
        file.write(b"few, which a buffer holds")
    assert calls.seen == ["open", "flock", "write", "fchown", "fchmod", "fsync", "link", "replace", "open", "fsync"]


def killed_at(n: int, path: Path) -> None:
    with injected(Calls(n, kills)):
        write(path)


def test_killed_at_any_call_either_file_is_there_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(OLD)
    names = calls_of(path)
    found = []
    for n in range(len(names)):
        path.write_bytes(OLD)
        process = multiprocessing.get_context("fork").Process(target=killed_at, args=(n, path))
        process.start()
        process.join()
        assert process.exitcode == -9
        found.append(path.read_bytes())
        assert found[-1] in (OLD, NEW), f"killed at {names[n]}"
    assert found[0] == OLD
    assert found[-1] == NEW
    # what they left behind goes with the next one, once nobody can be at it any more
    left = [one for one in tmp_path.iterdir() if one != path]
    assert left
    monkeypatch.setattr(owned_folders, "YOUNG", -1)
    write(path)
    assert [*tmp_path.iterdir()] == [path]


def test_what_another_program_is_writing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.npz"
    with atomic_file(path) as file:
        [other] = tmp_path.iterdir()
        file.write(b"slow")
        file.flush()
        monkeypatch.setattr(owned_folders, "YOUNG", -1)
        write(path)
        assert other.exists()
    assert path.read_bytes() == b"slow"  # the last one to end


def test_what_only_looks_like_one_left_behind_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned_folders, "YOUNG", -1)
    os.mkfifo(tmp_path / LEFT)  # to open it would take for ever
    (tmp_path / LEFT.replace(".tmp", ".old.tmp")).mkdir()
    write(tmp_path / "m.npz")
    assert (tmp_path / "m.npz").read_bytes() == NEW


@pytest.mark.parametrize(
    "name",
    [".nncli-notes.tmp", ".nncli-0123456789abcdef.tmp", f"{LEFT}.tmp", LEFT.upper(), LEFT.replace("cdef-", "cdee-")],
)
def test_what_has_another_name_than_one_left_behind_stays(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owned_folders, "YOUNG", -1)
    (tmp_path / name).write_bytes(OLD)
    write(tmp_path / "m.npz")
    assert (tmp_path / name).read_bytes() == OLD


def test_what_another_user_left_behind_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned_folders, "YOUNG", -1)
    left = tmp_path / LEFT
    left.write_bytes(OLD)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
        write(tmp_path / "m.npz")
    assert left.read_bytes() == OLD
    write(tmp_path / "m.npz")
    assert not left.exists()  # its own user takes it away


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for attempt in (write, atomic.check_writable):
        with pytest.raises(OutputError, match="a: cannot write: "):
            attempt(tmp_path / "a")


def test_a_file_system_that_cannot_sync_folders_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", sync)
    write(tmp_path / "m.npz")
    assert (tmp_path / "m.npz").read_bytes() == NEW


def test_the_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(OLD)

    def write_half(error: BaseException) -> None:
        with atomic_file(path) as file:
            file.write(b"half of it")
            raise error

    for error in (ValueError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            write_half(error)
        assert path.read_bytes() == OLD
        assert [*tmp_path.iterdir()] == [path]


def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write(link)
    assert link.is_symlink()
    assert real.read_bytes() == NEW
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "m.npz")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m.npz").stat().st_mode) == 0o640


def test_a_dangling_link_gets_its_file(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "absent")
    write(link)
    assert (tmp_path / "absent").read_bytes() == NEW
    assert link.is_symlink()
