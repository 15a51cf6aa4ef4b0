"""Write files whole or not at all, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import IO, NamedTuple

from nncli.errors import OutputError
from nncli.system.addresses import address_problem
from nncli.system.os_errors import FOLDER_REMOVED, NO_FILES, remedy_for
from nncli.system.owned_folders import NO_SURPRISE, is_new

REMEDY = "Choose another place with {}"
PREFIX, SUFFIX = ".nncli-", ".tmp"
NAME = r"\.nncli-([0-9a-f]{16})-([0-9a-f]{16})(\.old)?\.tmp"  # the second is a digest of the first
STDERR = "/dev/fd/2"
HEAD_BYTES = 64  # of a file, by which it is known


def begins_model(head: bytes) -> bool:
    """Tell whether a file that begins so is a model: a zip file whose first member is meta.npy."""
    return head.startswith(b"PK\3\4") and head[30:38] == b"meta.npy"


class Replaceable(NamedTuple):
    """A kind of file that a new one may replace: it begins like one, or is empty. `reason` is why others may not."""

    begins: Callable[[bytes], bool]
    reason: str


THERE = "there is a file of that name, and it is no"
MODEL = Replaceable(begins_model, f"{THERE} model")
LOG = Replaceable(lambda head: head.startswith((b'{"number": ', b"number,train_loss,")), f"{THERE} log of nncli")
GUARD = Replaceable(lambda head: head.startswith(b'{\n  "model": "'), f"{THERE} report of --guard")
NO_MODEL = Replaceable(lambda head: not begins_model(head), "it is a model")


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to write to; it gets its name when the block ends without an error.

    Until then it has another name in the same folder. It is on the disk before it has its name, and the name is before
    this returns. If anything fails, what was at `path` stays and nothing is left behind; a failure of the file system
    is an OutputError. What a killed program has left is removed with the next file in that folder.

    A device or a named pipe is written to directly, once it has a reader; if the reader goes away, that is a
    BrokenPipeError with the name of the pipe.
    """
    try:
        if path.is_dir():
            raise OutputError(str(path), "cannot write: it is a folder", "Choose another place")
        if is_stream(path):
            file = BufferedWriter(FileIO(path, "wb"))
            try:
                yield file
                file.flush()
            finally:
                file.raw.close()  # without what is left in the buffer: nobody may be there to take it
            return
        target = Path(os.path.realpath(path))  # a symbolic link stays one
        _remove_abandoned(target.parent)
        with contextlib.ExitStack() as temporaries:
            temporary, whole = _new(target.parent, temporaries)
            yield whole
            whole.flush()
            _permit(whole.fileno(), target)
            os.fsync(whole.fileno())
            _rename(temporary, target, temporaries)
    except BrokenPipeError as error:
        error.filename = str(path)
        raise
    except OSError as error:
        if error.errno in NO_FILES:  # which no other place would help
            raise
        remedy = remedy_for(error, "choose another place")
        raise OutputError(str(path), f"cannot write: {error.strerror}", remedy) from None


def is_stream(path: Path) -> bool:
    """Tell whether what is written there goes to a reader or a device, and replaces nothing."""
    return path.exists() and not path.is_file() and not path.is_dir()


def as_stdout(name: str | None) -> str | None:
    """Return `-` for any name of stdout, such as /dev/stdout or the file that it goes to; else the name."""
    with contextlib.suppress(OSError, ValueError):
        there, stdout = Path(name or "").stat(), os.fstat(1)
        if os.path.samestat(there, stdout) and not stat.S_ISCHR(stdout.st_mode):
            return "-"
    return name


def same_file(one: str, other: str) -> bool:
    """Tell whether two names mean one file, existing or not: through links of both kinds, or as stdin (`-`)."""
    found = _identity(one)
    return found is not None and found == _identity(other)


def _identity(name: str) -> tuple[int, int, str] | None:
    """Return what all names of a file have in common; None for a terminal or another device."""
    with contextlib.suppress(OSError, ValueError):
        status = os.fstat(0) if name == "-" else Path(name).stat()
        return None if stat.S_ISCHR(status.st_mode) else (status.st_dev, status.st_ino, "")
    with contextlib.suppress(OSError, ValueError):  # it does not exist yet, or the name cannot be one
        path = Path(os.path.realpath(name))
        status = path.parent.stat()
        return status.st_dev, status.st_ino, path.name
    return None


def check_writable(
    path: Path, reads: Iterable[str | None] = (), option: str = "-o", replaces: Replaceable | None = None
) -> None:
    """Raise OutputError now, rather than after an hour of training, if a file cannot be written.

    `reads` are the files that are read, `-` for stdin: none of them may be overwritten, nor where messages go, nor a
    file other than those that `replaces` allows.
    """
    try:
        target = Path(os.path.realpath(path))
    except FileNotFoundError:
        raise OutputError(str(path), f"cannot write: {FOLDER_REMOVED[0]}", FOLDER_REMOVED[1]) from None
    folder, problem = target.parent, ""
    if _leads_to_itself(target):
        problem = "it is a symbolic link to itself"
    elif any(other and same_file(str(path), other) for other in (*reads, STDERR)):
        problem = "it is one of the files that are read or written"
    elif path.is_dir():
        problem = "it is a folder"
    elif path.is_socket():
        problem = "it is a socket"
    elif is_stream(path):
        problem = "" if os.access(path, os.W_OK) else "no permission to write to it"
    elif address := address_problem(str(path)):
        raise OutputError(address.where, "expected a file to write, found an address", REMEDY.format(option))
    elif not folder.is_dir():
        problem = f"there is no folder {folder}"
    elif not os.access(folder, os.W_OK):
        problem = f"no permission to write to {folder}"
    elif replaces is not None and not _may_replace(path, replaces):
        problem = replaces.reason
    if problem:
        raise OutputError(str(path), f"cannot write: {problem}", REMEDY.format(option))


def _leads_to_itself(target: Path) -> bool:
    """Tell whether symbolic links lead in a circle, past which a path cannot be followed."""
    try:
        target.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def _may_replace(path: Path, replaces: Replaceable) -> bool:
    if not path.exists():
        return True
    with contextlib.suppress(OSError), path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        return not head or replaces.begins(head)
    return False  # nobody may look at it


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk, where the file system can do so."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # the error of those that cannot
            raise
    finally:
        os.close(descriptor)


def _new(folder: Path, temporaries: contextlib.ExitStack) -> tuple[Path, IO[bytes]]:
    """Open a file with a new name, and lock it; it is removed when the stack ends."""
    number = os.urandom(8).hex()
    name = folder / f"{PREFIX}{number}-{_digest(number)}{SUFFIX}"
    temporaries.callback(_remove, name)  # first, as a signal may come before the next line
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    file = temporaries.enter_context(BufferedWriter(FileIO(descriptor, "wb")))
    with contextlib.suppress(OSError):  # not every file system has locks
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return name, file


def _permit(descriptor: int, target: Path) -> None:
    """Give a file the owner and mode of the one that it replaces, or those of any new file."""
    try:
        old = target.stat()
    except FileNotFoundError:
        mask = os.umask(0o022)  # which can only be read by setting it
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        return
    with contextlib.suppress(PermissionError):  # only root can give files away
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, old.st_mode & 0o777)


def _rename(temporary: Path, target: Path, temporaries: contextlib.ExitStack) -> None:
    """Give a file its name, on the disk; if that fails, the name is that of the old file again."""
    old = temporary.with_suffix(f".old{SUFFIX}")
    temporaries.callback(_remove, old)
    had = target.exists()
    if had:
        with contextlib.suppress(OSError):  # not every file system has two names for a file
            os.link(target, old)
    temporary.replace(target)
    try:
        sync_folder(target.parent)
    except OSError:
        if old.exists():
            old.replace(target)
        elif not had:
            _remove(target)
        raise


def _remove_abandoned(folder: Path) -> None:
    """Remove what killed programs have left: unused files of this user, named as `_new` and `_rename` do."""
    for name in folder.glob(f"{PREFIX}*{SUFFIX}"):
        with contextlib.suppress(OSError):
            status, found = name.lstat(), re.fullmatch(NAME, name.name)
            if found is None or found[2] != _digest(found[1]) or is_new(status):
                continue
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                with FileIO(os.open(name, NO_SURPRISE)) as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    name.unlink()


def _digest(number: str) -> str:
    return hashlib.sha256(f"unfinished file of nncli, {number}".encode()).hexdigest()[:16]


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
