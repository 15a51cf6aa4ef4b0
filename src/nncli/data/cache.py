"""Tables on the disk: parsed once, block by block, and found again by later runs.

A folder for each, named by all that it depends on: the files as they are now, how they are read, and the form of what
is here. In it are an .npy file for each array, and `table.json` with everything else. A folder has its name only once
it is whole and on the disk.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nncli import __version__, scratch
from nncli.atomic import sync_folder
from nncli.data.collect import GrowingArray, Place, Rows
from nncli.data.dataset import Schema, Table, TextColumn
from nncli.data.files import shown
from nncli.data.stored import Growing, Stored
from nncli.errors import DataError, OptionError, OutputError

VERSION = 1  # of what is in a folder
VARIABLE = "NNCLI_CACHE"
TABLE = "table.json"
LEAST_MEMORY = 250_000_000  # bytes, that reading takes
TEXT_SHARE = 4  # of the memory, that the distinct texts may take
DAMAGED = (FileNotFoundError, NotADirectoryError, EOFError, ValueError, OverflowError, LookupError, TypeError)


def folder() -> Path:
    """Where all of them are: $NNCLI_CACHE, or else nncli in the cache folder of the user."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "nncli"
    except RuntimeError:
        raise OutputError("the cache", "cannot be found: there is no home folder", f"Set {VARIABLE}") from None


@dataclass(frozen=True)
class Entry:
    """One of them. `is_current` is whether its files are as they were, and it can be used again."""

    path: Path
    source: str
    rows: int
    columns: int
    bytes: int
    is_current: bool


def entries() -> list[Entry]:
    """All that there are, those used last first."""
    found = []
    for path in _folders():
        try:
            size, used = _bytes(path), path.stat().st_mtime
        except OSError:  # gone meanwhile
            continue
        try:
            known = json.loads((path / TABLE).read_text("utf-8"))
            files = [file["path"] for file in known["files"]]
            source, columns = " ".join(files), len(known["schema"]["columns"])
            current = known["version"] == VERSION and known["files"] == _fingerprints(files)
            found.append((used, Entry(path, source, int(known["rows"]), columns, size, current)))
        except (OSError, *DAMAGED):
            found.append((used, Entry(path, "damaged", 0, 0, size, False)))
    return [entry for _, entry in sorted(found, key=lambda one: -one[0])]


def clear() -> tuple[int, int]:
    """Removes all of them, and what killed runs have left; how many there were, and their bytes. A run that has one
    open goes on with it."""
    there = entries()
    for entry in there:
        _remove(entry.path)
    scratch.sweep_up(folder())
    return len(there), sum(entry.bytes for entry in there)


def stored(files: Sequence[Path], how: str, where: str, memory: int, read: Callable[[Place], Rows]) -> Rows:
    """What `read` gives, with its arrays on the disk; from an earlier run if the files are as they were. `how` is all
    that it depends on beside the files.

    OutputError where the disk is full or may not be written to; DataError where a file changes meanwhile, or is none;
    OptionError for too little memory to read with.
    """
    if memory < LEAST_MEMORY:
        raise OptionError("--memory", f"expected at least {LEAST_MEMORY // 10**6:,}MB, found {memory // 10**6:,}MB")
    for name in files:  # what comes through a pipe, or has no name, cannot be known again
        if not Path(os.path.realpath(name)).is_file():
            raise DataError(shown(str(name)), "expected a file, as --memory keeps its table", "Write it to one first")
    before = _fingerprints(list(map(str, files)))
    key = hashlib.sha256(json.dumps([VERSION, __version__, before, how]).encode()).hexdigest()[:32]
    path = folder() / key
    found = _opened(path)
    if found is not None:
        with suppress(OSError):
            os.utime(path)
        return found
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_outdated()
        with scratch.folder(folder()) as made, ExitStack() as files_open:
            table = made / "table"
            table.mkdir(mode=0o700)
            rows = read(_OnDisk(table, memory // TEXT_SHARE, files_open))
            if _fingerprints(list(map(str, files))) != before:
                raise DataError(where, "changed while it was read", "Try again when nobody writes to it")
            (table / TABLE).write_text(json.dumps(_described(rows, before)), "utf-8")
            with (table / TABLE).open("rb") as file:
                os.fsync(file.fileno())
            sync_folder(table)
            try:
                table.rename(path)
            except OSError:  # another run was faster, and has written the same
                return _opened(path) or rows
            for array in _arrays(rows):
                array.path = path / array.path.name
            sync_folder(folder())
            return rows
    except OSError as error:
        raise OutputError(
            str(folder()), f"cannot write the table: {error.strerror}", f"Set {VARIABLE} to another folder"
        ) from None


class _OnDisk:
    """The place where the arrays of a new one grow."""

    def __init__(self, path: Path, most_text: int, files_open: ExitStack) -> None:
        self.path, self.most_text, self.files_open = path, most_text, files_open

    def grow(self, name: str, times: Callable[[], float]) -> GrowingArray:
        growing = Growing(self.path / f"{name}.npy")
        self.files_open.callback(growing.close)
        return growing


def _described(rows: Rows, files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    table = rows.table
    return {
        "version": VERSION,
        "files": files,
        "sha256": rows.sha256,
        "rows": len(table),
        "schema": dataclasses.asdict(rows.schema),
        "numbers": table.number_names,
        "dtype": table.numbers.dtype.name,
        "texts": {name: column.values for name, column in table.texts.items()},
        "dates": list(table.dates),
        "target": rows.target.values,
        "notes": rows.notes,
        "arrays": {array.path.name: array.sha256() for array in _arrays(rows)},
    }


def _arrays(rows: Rows) -> list[Stored]:
    table = rows.table
    codes = [column.codes for column in (*table.texts.values(), rows.target)]
    return [array for array in (table.numbers, *codes, *table.dates.values()) if isinstance(array, Stored)]


def _opened(path: Path) -> Rows | None:
    """None where there is none, or a damaged one, which goes."""
    if not path.is_dir():
        return None
    try:
        known = json.loads((path / TABLE).read_text("utf-8"))
        schema = known["schema"]
        schema |= {"columns": tuple(map(tuple, schema["columns"])), "missing": tuple(schema["missing"])}
        n, numbers = known["rows"], tuple(known["numbers"])
        table = Table(
            numbers,
            _array(path, "numbers", (n, len(numbers))) if numbers else np.empty((n, 0), known["dtype"]),
            {
                name: TextColumn(_array(path, f"text-{i}", (n,)), tuple(values))
                for i, (name, values) in enumerate(known["texts"].items())
            },
            {name: _array(path, f"date-{i}", (n,)) for i, name in enumerate(known["dates"])},
        )
        target = TextColumn(_array(path, "target", (n,)), tuple(known["target"]))
        rows = Rows(table, target, Schema(**schema), known["sha256"], tuple(known["notes"]))
        if {array.path.name: array.sha256() for array in _arrays(rows)} != known["arrays"]:
            raise ValueError("its arrays are not those that were written")
        return rows
    except DAMAGED:
        _remove(path)
        return None


def _array(path: Path, name: str, shape: tuple[int, ...]) -> Stored:
    found = Stored(path / f"{name}.npy")
    if found.shape != shape:
        raise ValueError(name)
    return found


def _fingerprints(files: Sequence[str]) -> list[dict[str, Any]]:
    """What of files changes when they do: a write moves the time of change, which nobody can set. OSError for one that
    is not there."""
    found: list[dict[str, Any]] = []
    for file in files:
        path = os.path.realpath(file)
        status = Path(path).stat()
        found.append(
            {"path": path, "device": status.st_dev, "inode": status.st_ino, "bytes": status.st_size,
             "modified": status.st_mtime_ns, "changed": status.st_ctime_ns}
        )  # fmt: skip
    return found


def _folders() -> Iterator[Path]:
    """Those of tables, whole or damaged ones."""
    return (path for path in folder().glob("*") if path.is_dir() and not path.name.startswith(scratch.PREFIX))


def _remove_outdated() -> None:
    """Those whose files are gone or have changed can never be used again."""
    for entry in entries():
        if not entry.is_current:
            _remove(entry.path)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir())
