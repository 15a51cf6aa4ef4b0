"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nncli.errors import OutputError

REMEDY = "Choose another place with -o"


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, under another name in the same folder until the block ends well; then it is renamed.

    Where anything fails, what was at `path` stays as it was and nothing is left behind; a failure of
    the file system is an OutputError.
    """
    temporary = None
    try:
        target = Path(os.path.realpath(path))  # a symbolic link stays one
        if target.is_dir():
            raise OutputError(str(path), "cannot write: it is a folder", REMEDY)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
        temporary = None
    except OSError as error:
        raise OutputError(str(path), f"cannot write: {error.strerror}", REMEDY) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def check_writable(path: Path) -> None:
    """OutputError now rather than after an hour of training."""
    folder = path.resolve().parent
    if path.is_dir():
        raise OutputError(str(path), "cannot write: it is a folder", REMEDY)
    if not folder.is_dir():
        raise OutputError(str(path), f"cannot write: there is no folder {folder}", "Make it, or choose another with -o")
    if not os.access(folder, os.W_OK):
        raise OutputError(str(path), f"cannot write: no permission to write to {folder}", REMEDY)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
