"""What leaves the program: lines on stderr, JSON on stdout, and files written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from nncli.errors import OutputError

REMEDY = "Choose another place with {}"


def one_line(text: str) -> str:
    """The text with line breaks and other signs that move the cursor made visible."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def say(line: str, quiet: bool = False) -> None:
    """A note for the person: one line on stderr. That nobody can read it is no reason to stop."""
    if not quiet:
        with contextlib.suppress(OSError):
            print(one_line(line), file=sys.stderr, flush=True)


def print_json(document: Any) -> None:
    """What scripts read."""
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.3g}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to: under another name in the same folder until the block ends well, then renamed.

    A device or a named pipe is written to as it is. Where anything fails, what was at `path` stays as
    it was and nothing is left behind; a failure of the file system is an OutputError.
    """
    temporary = None
    try:
        target = Path(os.path.realpath(path))  # a symbolic link stays one
        if target.is_dir():
            raise OutputError(str(path), "cannot write: it is a folder", REMEDY.format("-o"))
        if target.exists() and not target.is_file():  # a device or a pipe is written to, not replaced
            with target.open("wb") as file:
                yield file
            return
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
        raise OutputError(str(path), f"cannot write: {error.strerror}", REMEDY.format("-o")) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def check_writable(path: Path, reads: Iterable[str | None] = (), option: str = "-o") -> None:
    """OutputError now rather than after an hour of training, also where `path` is a file that is read."""
    folder = path.resolve().parent
    problem = ""
    if any(other and path.resolve() == Path(other).resolve() for other in reads):
        problem = "it is one of the files that are read or written"
    elif path.is_dir():
        problem = "it is a folder"
    elif not folder.is_dir():
        problem = f"there is no folder {folder}"
    elif not os.access(folder, os.W_OK):
        problem = f"no permission to write to {folder}"
    if problem:
        raise OutputError(str(path), f"cannot write: {problem}", REMEDY.format(option))


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
