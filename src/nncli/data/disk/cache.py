"""Tables on the disk: parsed once, block by block, and found again by later runs.

Each has a folder, named by all that it depends on: its files as they are now, how they are read, and the form of what
is in it, which `table_files.py` describes. A folder has its name only once it is whole and on the disk. All are in a
folder of their own, in which nothing is removed but what nncli has written.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import stat
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from nncli import __version__
from nncli.data.disk import table_files
from nncli.data.disk.sparse_rows import DiskSparseNumbers
from nncli.data.disk.table_files import DiskStorage, Origin
from nncli.data.sources import title
from nncli.data.table_builder import RawDataset, Storage
from nncli.errors import DataError, NncliWarning, OptionError, OutputError, mention
from nncli.system import owned_folders, scratch
from nncli.system.atomic import sync_folder

T = TypeVar("T")
VARIABLE = "NNCLI_CACHE"
TABLES = "tables"
NAME = re.compile("table-[0-9a-f]{32}")
LEAST_MEMORY = 250_000_000  # bytes, that reading takes
TEXT_SHARE = 4  # of the memory, that the distinct texts may take


def folder() -> Path:
    """Tell where the folder of tables is: $NNCLI_CACHE, or else nncli in the cache folder of the user."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "nncli"
    except RuntimeError:
        raise OutputError("the cache", "cannot be found: there is no home folder", f"Set {VARIABLE}") from None


class Entry(NamedTuple):
    """A table. It is current as long as its files are as they were, and it can be used again."""

    path: Path
    files: tuple[str, ...]
    rows: int
    columns: int
    bytes: int
    state: Literal["current", "outdated", "damaged"]


def entries() -> list[Entry]:
    """List all tables, those used last first."""
    area, found = _area(), []
    for path in area.glob("table-*") if area else ():
        with suppress(OSError):  # gone meanwhile
            if owned_folders.is_own(path, NAME):
                size = sum(file.lstat().st_size for file in path.iterdir())
                found.append((path.stat().st_mtime, _entry(path, size)))
    return [entry for _, entry in sorted(found, key=lambda one: -one[0])]


def clear() -> tuple[int, int, list[Path]]:
    """Remove all tables, and what killed runs have left; return how many there were, their bytes, and those that
    stay, as there is more in them than nncli has written. A run that has one open continues with it."""
    there = entries()
    stay = [entry.path for entry in there if not _remove(entry.path)]
    gone = [entry.bytes for entry in there if entry.path not in stay]
    area = _area()
    if area is not None:
        scratch.sweep_up(area)
    return len(gone), sum(gone), stay


def read_stored(
    files: Sequence[Path], how: str, where: str, memory: int, read: Callable[[Storage], RawDataset], tables: int
) -> RawDataset:
    """Return what `read` gives, with its arrays on the disk; from an earlier run if the files are as they were.

    `how` is all that it depends on beside the files; `memory`, in bytes, is shared by so many `tables`. Raises
    OutputError where the disk is full or may not be written to, DataError where a file changes meanwhile or is no file,
    and OptionError for too little memory to read with.
    """
    check_memory_to_read(memory)
    for name in files:  # what comes through a pipe, or has no name, cannot be known again
        if not Path(os.path.realpath(name)).is_file():
            where = title((str(name),))
            raise DataError(where, f"expected a file, as {mention('memory')} keeps its table", "Write it to one first")
    origin, most_text = _origin(files, how), memory // TEXT_SHARE // tables
    found = _found(origin.key, where, most_text)
    if found is not None:
        return found
    area = _made_area()
    for entry in entries():  # those that can never be used again
        if entry.state != "current":
            _remove(entry.path)
    with _writing(), scratch.folder(area) as made:
        rows = read(DiskStorage(made, most_text))
        if _origin(files, how) != origin:
            raise DataError(where, "changed while it was read", "Try again when nobody writes to it")
        try:
            table_files.write(made, rows, origin)
        except ValueError:
            problem = "too many files and columns for a table on the disk"
            raise OptionError("memory", problem, "Leave it out") from None
        sync_folder(made)
        try:
            made.rename(area / f"table-{origin.key}")
        except OSError:  # another run was faster, and has written the same
            return _found(origin.key, where, most_text) or rows
        table_files.moved(rows, area / f"table-{origin.key}")
        sync_folder(area)
        return rows


def check_memory_to_read(memory: int) -> None:
    """Raise OptionError for less memory, in bytes, than reading takes."""
    if memory < LEAST_MEMORY:
        raise OptionError("memory", f"expected at least {LEAST_MEMORY // 10**6:,}MB, found {memory // 10**6:,}MB")


@contextmanager
def working_folder() -> Iterator[Path]:
    """Make a folder beside the tables, and remove it at the end; files that are open stay readable. Raises OutputError
    where the disk is full or may not be written to."""
    area = _made_area()
    with _writing(), scratch.folder(area) as made:
        yield made


def kept(write: Callable[[Path], T], numbers_of: Callable[[T], Any]) -> T:
    """Return what `write` makes in a folder, which stays as long as the numbers in it, and no longer than this process:
    others find them there. Raises OutputError where the disk is full or may not be written to."""
    with ExitStack() as stack:
        found = write(stack.enter_context(working_folder()))
        numbers = numbers_of(found)
        file = numbers.pieces.file if isinstance(numbers, DiskSparseNumbers) else numbers.file
        weakref.finalize(file, stack.pop_all().close)
    return found


def _found(key: str, where: str, most_text: int) -> RawDataset | None:
    """Find the table of a key, if there is one. A damaged one is removed, with a warning."""
    area = _area()
    path = area and area / f"table-{key}"
    if path is None or not os.path.lexists(path):
        return None
    if not owned_folders.is_own(path, NAME):
        raise _in_the_way(path)
    try:
        rows = table_files.read(path, key, most_text)
    except table_files.DAMAGED:
        if os.path.lexists(path):  # else it was removed meanwhile
            if not _remove(path):
                raise _in_the_way(path) from None
            warnings.warn(f"{where}: its table on the disk is damaged, and the file is read again", NncliWarning, 4)
        return None
    with suppress(OSError):
        os.utime(path)
    return rows


def _in_the_way(path: Path) -> OutputError:
    problem = "expected a table, found what nncli has not written"
    return OutputError(str(path), problem, f"Remove it, or set {VARIABLE} to another folder")


def _area() -> Path | None:
    """Find the folder of tables, if there is one. OutputError if it is a link, or another user's."""
    path, another = folder() / TABLES, f"et {VARIABLE} to another folder"
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(str(path), f"cannot be read: {error.strerror}", f"S{another}") from None
    if not stat.S_ISDIR(status.st_mode):
        raise OutputError(str(path), "expected a folder of tables, found something else", f"S{another}")
    if status.st_uid != os.geteuid():
        raise OutputError(str(path), "the folder belongs to another user, whose tables are not trusted", f"S{another}")
    if owned_folders.others_may_write(status):
        remedy = f"Take this permission away with chmod -R go-w {shlex.quote(str(path))}, or s{another}"
        raise OutputError(str(path), "other users may change the tables in it", remedy)
    return path


def _made_area() -> Path:
    path = folder() / TABLES
    with _writing():
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
    return _area() or path


def _entry(path: Path, size: int) -> Entry:
    try:
        known = table_files.describe(path)
    except table_files.DAMAGED:
        return Entry(path, (), 0, 0, size, "damaged")
    files = tuple(known["files"])
    try:
        current = known["fingerprint"] == _fingerprint(files)
    except (OSError, ValueError):  # one is gone, or has a name that no file can have
        current = False
    columns = len(known["schema"]["columns"])
    return Entry(path, files, known["rows"], columns, size, "current" if current else "outdated")


def _remove(path: Path) -> bool:
    return owned_folders.remove(path, NAME, table_files.FILES)


def _writing() -> AbstractContextManager[None]:
    """Explain what goes wrong while a table is written."""
    return owned_folders.writing(folder(), "the table", VARIABLE)


def _origin(files: Sequence[Path], how: str) -> Origin:
    names = tuple(os.path.realpath(file) for file in files)
    fingerprint = _fingerprint(names)
    return Origin(hashlib.sha256(f"{fingerprint} {how}".encode()).hexdigest()[:32], names, fingerprint)


def _fingerprint(files: Sequence[str]) -> str:
    """Take a digest of what changes when files or the program do: a write moves the time of change, which nobody can
    set. OSError for a file that is not there."""
    found: list[Any] = [table_files.VERSION, __version__, sys.byteorder]
    for file in files:
        status = Path(file).stat()
        found.append([file, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns])
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()
