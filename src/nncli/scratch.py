"""A folder for what is of use only while a command runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "nncli-"
LOCK = "in-use"
YOUNG = 60  # seconds in which a folder may not have its lock yet


@contextlib.contextmanager
def folder(within: Path | None = None) -> Iterator[Path]:
    """A new folder in that one, or else among the temporary files, gone at the end. Those of commands that were killed
    go as well."""
    sweep_up(within or Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=within) as made, (Path(made) / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # which ends with this process, however that ends
        yield Path(made)


def sweep_up(within: Path) -> None:
    """Removes what killed commands have left in that folder."""
    for old in within.glob(f"{PREFIX}*/{LOCK}"):
        with contextlib.suppress(OSError):  # that of another user, or gone
            if old.is_symlink() or old.stat().st_uid != os.getuid() or time.time() - old.stat().st_mtime < YOUNG:
                continue
            with old.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old.parent, ignore_errors=True)
