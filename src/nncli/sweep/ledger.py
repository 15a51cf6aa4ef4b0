"""The ledger of a sweep: a file with its finished trials, which survives a stop at any moment.

It has a header, then one line of JSON for each trial, all with checksums. Lines are only appended, and are on the disk
before they count. One program writes to it at a time. `ledger_lines.py` says what is in a line.
"""

from __future__ import annotations

import errno
import fcntl
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from nncli import __version__
from nncli.config.train_config import TrainConfig
from nncli.errors import DataError, OutputError, mention
from nncli.sweep.ledger_lines import FORMAT, KIND, UnknownOptions, header_of, in_memory, to_json, trial_of
from nncli.sweep.units import units_in
from nncli.system import plain_json
from nncli.system.addresses import address_problem
from nncli.system.atomic import sync_folder

ELSEWHERE = "Name another file"
SUM = b',"sum":"'
MOST_LINE = plain_json.MOST_BYTES + 100  # bytes of a line with its checksum
BEGINNING = b'{"kind":"nncli sweep'
LOCKED = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)  # any other error means that the file system has no locks


def begins_ledger(path: Path) -> bool:
    """Tell whether a file begins as a ledger does."""
    try:
        with path.open("rb") as file:
            return file.read(len(BEGINNING)) == BEGINNING
    except OSError:  # whoever reads it says what is wrong
        return False


class Ledger:
    """An open ledger: its `header`, and its `records` by their keys. A new file gets the given header.

    An incomplete last line is removed, which sets `torn`. `unlocked` is set if the file system has no locks. Raises
    DataError for a file that is no ledger or is damaged, OutputError where it cannot be written or is in use.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path = path
        self.torn = self.unlocked = False
        first = header_of({"kind": KIND, "format": FORMAT, **header})
        try:
            was_there = path.exists()
            if was_there and not path.is_file():  # a device may have no end
                raise OutputError(str(path), "expected a file for the ledger, found something else", "Name another")
            self.file = path.open("a+b", buffering=0)  # unbuffered: an error shows at once
        except OSError as error:
            problem = f"cannot write: {error.strerror}"
            raise OutputError(str(path), problem, f"Choose another place with {mention('ledger')}") from None
        try:
            self._open(first, was_there)
        except BaseException:
            self.close()
            raise

    def _open(self, first: dict[str, Any], was_there: bool) -> None:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in LOCKED:
                remedy = f"Wait for it, or name another file with {mention('ledger')}"
                raise OutputError(str(self.path), "another sweep is writing to it", remedy) from None
            self.unlocked = True
        with os.fdopen(os.dup(self.file.fileno()), "rb") as file:
            file.seek(0)
            header, self.records, end = _read(file, self.path)
            size = file.seek(0, os.SEEK_END)
        self.torn = end < size
        if self.torn:
            self.file.truncate(end)
        if header is None:
            try:
                self._write(_line(first))
                sync_folder(self.path.parent)
            except BaseException:
                if size == 0 and not was_there:
                    self.path.unlink(missing_ok=True)
                raise
        self.header = header or first

    def close(self) -> None:
        """Close the file, and let others write to it."""
        self.file.close()

    def append(self, records: Iterable[dict[str, Any]]) -> None:
        """Add finished trials; they are on the disk when this returns."""
        new = [record for record in records if record["trial"] not in self.records]
        try:
            lines = b"".join(_line(to_json(record)) for record in new)
        except ValueError as error:
            problem = f"a trial does not fit in a line: {error}"
            raise OutputError(str(self.path), problem, f"Validate by fewer rows, with {mention('val')}") from None
        self._write(lines)
        self.records.update({record["trial"]: in_memory(record) for record in new})

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[self.file.write(data) or 0 :]
            os.fsync(self.file.fileno())
        except OSError as error:
            raise OutputError(str(self.path), f"cannot write: {error.strerror}") from None


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the header and the trials of a ledger, which may be in use; DataError for a file that is none."""
    try:
        if path.exists() and not path.is_file():  # a device may have no end
            raise DataError(str(path), "expected a ledger written by nncli sweep, found no file", "Name another")
        with path.open("rb") as file:
            header, records, _ = _read(file, path)
    except OSError as error:
        if problem := address_problem(str(path)):
            raise DataError(*problem) from None
        raise DataError(str(path), f"cannot read the ledger: {error.strerror}") from None
    if header is None:
        raise DataError(str(path), "expected a ledger written by nncli sweep, found an empty file")
    return header, [*records.values()]


def _read(file: BinaryIO, path: Path) -> tuple[dict[str, Any] | None, dict[str, dict[str, Any]], int]:
    """Return the header, if there is one, the trials by their keys, and where the last whole line ends."""
    header: dict[str, Any] | None = None
    records: dict[str, dict[str, Any]] = {}
    n_val: dict[int, int] = {}  # of each fold
    like: TrainConfig | None = None
    end = 0
    while True:
        line, number = file.readline(MOST_LINE), len(records) + (2 if header else 1)
        if not line.endswith(b"\n"):
            if len(line) < MOST_LINE and (header or BEGINNING.startswith(line[: len(BEGINNING)])):
                return header, records, end  # only an incomplete line is left
            if header is None:
                raise _no_ledger(path)
            raise _wrong(path, number, f"a line of more than {plain_json.MOST_BYTES >> 20} MiB")
        if header is None:
            header = _header(line, path)
            units = units_in(header)
            n_val |= {} if units is None else dict(enumerate(units.sizes.tolist()))
        else:
            record = _trial(line, header, like, path, number)
            like = like or record["config"]
            if record["trial"] in records:
                raise _wrong(path, number, "a duplicate of a trial further up")
            if "n_val" in record and n_val.setdefault(record["fold"], record["n_val"]) != record["n_val"]:
                raise _wrong(path, number, "other validation rows than those of the lines further up")
            records[record["trial"]] = record
        end += len(line)


def _header(line: bytes, path: Path) -> dict[str, Any]:
    try:
        document = _document(line)
    except ValueError:
        document = None
    if document is None or document.get("kind") != KIND:
        raise _no_ledger(path)
    if document.get("format") != FORMAT:
        problem = f"expected a ledger in format {FORMAT}, found one of an older or newer nncli"
        raise DataError(str(path), problem, ELSEWHERE)
    try:
        return header_of(document)
    except ValueError as error:
        raise DataError(f"{path}:1", f"expected the header of a ledger: {error}", ELSEWHERE) from None


def _trial(line: bytes, header: dict[str, Any], like: TrainConfig | None, path: Path, number: int) -> dict[str, Any]:
    try:
        document = _document(line)
        if document is None:
            raise _wrong(path, number, "a damaged line: its checksum does not match")
        return trial_of(document, header, like)
    except ValueError as error:
        if isinstance(error, UnknownOptions) and header["nncli"] != __version__:
            problem = f"options that this version does not have: the ledger was written by nncli {header['nncli']}"
            raise DataError(f"{path}:{number}", problem, "Use that version, or name another file") from None
        raise _wrong(path, number, f"expected a trial: {error}") from None


def _no_ledger(path: Path) -> DataError:
    return DataError(str(path), "expected a ledger written by nncli sweep, found something else", ELSEWHERE)


def _wrong(path: Path, number: int, problem: str) -> DataError:
    return DataError(f"{path}:{number}", problem, "Remove the line, and its trial runs again")


def _line(document: dict[str, Any]) -> bytes:
    """Write a document as a line; ValueError if it is too large."""
    text = plain_json.encode(document)
    return text[:-1] + SUM + b'%08x"}\n' % zlib.crc32(text)


def _document(line: bytes) -> dict[str, Any] | None:
    """Return the JSON of a line, None if its checksum does not match; ValueError for what is no JSON object."""
    text, mark, tail = line.rpartition(SUM)
    text += b"}"
    if not mark or tail != b'%08x"}\n' % zlib.crc32(text):
        return None
    return plain_json.decode(text, dict)
