"""Folders of nncli's own: the only ones that it reads tables from, and the only ones that it removes.

One is known by the form of its name, by a marker in it, and by its owner. Whatever lacks one of the three belongs to
somebody else, and is never touched. Everything is looked at through descriptors that follow no symbolic link, so that
nothing can take the place of a folder between the look and the act.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path

from nncli.errors import OutputError
from nncli.system.os_errors import remedy_for

MARKER = "nncli-folder"
CONTENT = b"nncli has made this folder, and removes it, with the files in it that it has written.\n"
OTHERS_WRITE = 0o022
NO_SURPRISE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # no link, and no waiting for a pipe


def make(path: Path) -> FileIO:
    """Makes the folder, and returns its marker, locked for as long as it is open; where that fails, there is none."""
    path.mkdir(mode=0o700)
    with ExitStack() as undo:  # without its marker nobody would ever know the folder as nncli's
        undo.callback(path.rmdir)
        marker = FileIO(path / MARKER, "xb", opener=private)
        undo.callback((path / MARKER).unlink)
        undo.callback(marker.close)
        with suppress(OSError):  # not every file system has locks
            fcntl.flock(marker, fcntl.LOCK_EX)  # which ends with this process, however that ends
        if marker.write(CONTENT) != len(CONTENT):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        undo.pop_all()
    return marker


def private(name: str, flags: int) -> int:
    """Opens a file that nobody else may read or write, whatever the user's mask permits; for `open`."""
    return os.open(name, flags | os.O_NOFOLLOW, 0o600)


def is_own(path: Path, name: re.Pattern[str]) -> bool:
    """Tells whether the folder is nncli's own, with a name of that form."""
    with ExitStack() as stack:
        return _opened(path, name, stack) is not None


def remove(path: Path, name: re.Pattern[str], files: re.Pattern[str], unused_for: float | None = None) -> bool:
    """Removes a folder of nncli's own, and tells whether it is gone. One that holds anything but files of such names
    stays as it is. With `unused_for`, one stays also if a process has it locked, or if it is younger, in seconds."""
    with ExitStack() as stack, suppress(OSError):
        found = _opened(path, name, stack)
        if found is None:
            return False
        folder, marker = found
        if unused_for is not None:
            if time.time() - os.fstat(marker).st_mtime < unused_for:
                return False
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with os.scandir(folder) as listed:
            inside = [one for one in listed if one.name != MARKER]
            if not all(files.fullmatch(one.name) and not one.is_dir(follow_symlinks=False) for one in inside):
                return False
        for one in [*(one.name for one in inside), MARKER]:  # as long as the marker is there, the rest is nncli's
            os.unlink(one, dir_fd=folder)
        path.rmdir()
        return True
    return False


def others_may_write(status: os.stat_result) -> bool:
    """Tells whether another user could have changed a file or folder: its owner, or one whom its mode permits."""
    return status.st_uid != os.geteuid() or bool(status.st_mode & OTHERS_WRITE)


@contextmanager
def writing(where: Path, what: str, variable: str) -> Iterator[None]:
    """Blame a failure of the file system on the folder that was written to, unless it is about a file elsewhere.
    `variable` is the one that names the folder."""
    try:
        yield
    except OSError as error:
        at = Path(error.filename) if isinstance(error.filename, str) else where
        if not (at.is_relative_to(where) or where.is_relative_to(at)):
            raise
        remedy = remedy_for(error, f"set {variable} to another folder")
        raise OutputError(str(where), f"cannot write {what}: {error.strerror or error}", remedy) from None


def _opened(path: Path, name: re.Pattern[str], stack: ExitStack) -> tuple[int, int] | None:
    """The descriptors of the folder and of its marker, until the stack ends; None for one that is not nncli's own."""
    if not name.fullmatch(path.name):
        return None
    try:
        folder = os.open(path, NO_SURPRISE | os.O_DIRECTORY)
        stack.callback(os.close, folder)
        marker = os.open(MARKER, NO_SURPRISE, dir_fd=folder)
        stack.callback(os.close, marker)
    except OSError:
        return None
    looks = [os.fstat(folder), os.fstat(marker)]
    if any(map(others_may_write, looks)) or not stat.S_ISREG(looks[1].st_mode):
        return None
    return (folder, marker) if os.read(marker, len(CONTENT) + 1) == CONTENT else None
