"""The folder for what processes share: it does not outlive those that use it, however they end."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from nncli import scratch


@pytest.fixture(autouse=True)
def _temporary_files_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def abandoned(path: Path, seconds: float) -> Path:
    """A folder of a command that was killed so long ago."""
    path.mkdir()
    (path / "data").write_bytes(b"some")
    (path / scratch.LOCK).touch()
    then = time.time() - seconds
    os.utime(path / scratch.LOCK, (then, then))
    return path


def test_it_is_gone_at_the_end(tmp_path: Path) -> None:
    with scratch.folder() as folder:
        (folder / "data").write_bytes(b"some")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_command_left_goes_and_nothing_else(tmp_path: Path) -> None:
    old = abandoned(tmp_path / "nncli-old", 3600)
    young = abandoned(tmp_path / "nncli-young", 1)  # it may not have its lock yet
    other = abandoned(tmp_path / "other-old", 3600)
    without_lock = tmp_path / "nncli-notes"
    without_lock.mkdir()
    with scratch.folder() as used:
        past = time.time() - 3600
        os.utime(used / scratch.LOCK, (past, past))
        with scratch.folder() as second:
            assert set(tmp_path.iterdir()) == {young, other, without_lock, used, second}
    assert not old.exists()
