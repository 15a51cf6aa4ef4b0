"""Folders that nncli has made: the only ones that it reads tables from, and the only ones that it removes.

Such a folder has a name of a certain form, a marker file and the right owner. A folder that lacks one of the three
belongs to somebody else, and is never touched. Folders are examined through descriptors that follow no symbolic link,
so that none can be exchanged between the examination and the removal.
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
YOUNG = 60  # seconds in which a new file may not have its lock yet
NO_SURPRISE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # no link, and no waiting for a pipe


def make(path: Path) -> FileIO:
    """Make a folder, and return its marker, which is locked while it is open; if that fails, no folder is left."""
    path.mkdir(mode=0o700)
    with ExitStack() as undo:  # without its marker, the folder would never be removed
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
    """Open a file that nobody else may read or write, whatever the umask allows; an `opener` for `open`."""
    return os.open(name, flags | os.O_NOFOLLOW, 0o600)


def is_own(path: Path, name: re.Pattern[str]) -> bool:
    """Tell whether nncli has made the folder, and its name has the form `name`."""
    with ExitStack() as stack:
        return _opened(path, name, stack) is not None


def remove(path: Path, name: re.Pattern[str], files: re.Pattern[str], abandoned: bool = False) -> bool:
    """Remove a folder that nncli has made, and return whether it is gone.

    It stays if it holds anything but files whose names match `files`; with `abandoned`, also if it is in use.
    """
    with ExitStack() as stack, suppress(OSError):
        found = _opened(path, name, stack)
        if found is None:
            return False
        folder, marker = found
        if abandoned:
            if is_new(os.fstat(marker)):
                return False
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with os.scandir(folder) as listed:
            inside = [one for one in listed if one.name != MARKER]
            if not all(files.fullmatch(one.name) and not one.is_dir(follow_symlinks=False) for one in inside):
                return False
        for one in [*(one.name for one in inside), MARKER]:  # the marker last: until then, the rest is known as nncli's
            os.unlink(one, dir_fd=folder)
        path.rmdir()
        return True
    return False


def is_new(status: os.stat_result) -> bool:
    """Tell whether a file is so new that the program that made it may not have locked it yet."""
    return time.time() - status.st_mtime < YOUNG


def others_may_write(status: os.stat_result) -> bool:
    """Tell whether another user may have changed a file or folder: its owner, or anybody whom its mode allows."""
    return status.st_uid != os.geteuid() or bool(status.st_mode & OTHERS_WRITE)


@contextmanager
def writing(where: Path, what: str, variable: str) -> Iterator[None]:
    """Blame a failure of the file system on a folder, which `variable` names, unless it is about a file elsewhere."""
    try:
        yield
    except OSError as error:
        at = Path(error.filename) if isinstance(error.filename, str) else where
        if not (at.is_relative_to(where) or where.is_relative_to(at)):
            raise
        remedy = remedy_for(error, f"set {variable} to another folder")
        raise OutputError(str(where), f"cannot write {what}: {error.strerror or error}", remedy) from None


def _opened(path: Path, name: re.Pattern[str], stack: ExitStack) -> tuple[int, int] | None:
    """Open a folder and its marker until the stack ends; return None if nncli has not made the folder."""
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
