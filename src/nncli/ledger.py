"""The ledger of a sweep: what is known of it, in a file that survives a stop at any moment.

A header, then one JSON object on a line for each finished trial, each with a checksum. Lines are only ever
appended, and are on the disk before anybody hears of them. One program writes to it at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nncli.atomic import sync_folder
from nncli.errors import DataError, OutputError

KIND, FORMAT = "nncli sweep", 1
SUM = ',"sum":"'


class Ledger:
    """`header` and `records`, by their keys, as they are in the file; a new file gets the given header.

    DataError for a file that is no ledger or is damaged, OutputError where it cannot be written, or another program
    writes to it. A last line that was not written to its end is taken off: `torn` says so.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path = path
        self.torn = False
        if path.exists() and not path.is_file():  # a device would be read without an end
            raise OutputError(str(path), "expected a file for the ledger, found something else", "Name another")
        try:
            self.file = path.open("a+b", buffering=0)  # what cannot be written does not wait for the end
        except OSError as error:
            raise OutputError(
                str(path), f"cannot write: {error.strerror}", "Choose another place with --ledger"
            ) from None
        try:
            self._open(header)
        except BaseException:
            self.close()
            raise

    def _open(self, header: dict[str, Any]) -> None:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutputError(
                str(self.path), "another sweep is writing to it", "Wait for it, or name another file with --ledger"
            ) from None
        lines = self._read()
        if not lines:
            lines = [{"kind": KIND, "format": FORMAT, **header}]
            self._write(lines)
            sync_folder(self.path.parent)
        self.header = lines[0]
        self.records = {line["trial"]: line for line in lines[1:]}

    def close(self) -> None:
        """Lets others write to it."""
        self.file.close()

    def append(self, records: Iterable[dict[str, Any]]) -> None:
        """Adds finished trials; they are on the disk when this returns."""
        new = [record for record in records if record["trial"] not in self.records]
        self._write(new)
        self.records.update({record["trial"]: record for record in new})

    def _write(self, records: Iterable[dict[str, Any]]) -> None:
        data = b"".join(_line(record) for record in records)
        try:
            while data:
                data = data[self.file.write(data) or 0 :]
            os.fsync(self.file.fileno())
        except OSError as error:
            raise OutputError(str(self.path), f"cannot write: {error.strerror}") from None

    def _read(self) -> list[dict[str, Any]]:
        self.file.seek(0)
        data = self.file.read()
        lines, end = parse(data, self.path)
        if end < len(data):
            self.torn = True
            self.file.truncate(end)
            self.file.seek(0, os.SEEK_END)
        return lines


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The header and the trials of a ledger that somebody may be writing to; DataError for what is none."""
    try:
        lines, _ = parse(path.read_bytes(), path)
    except OSError as error:
        raise DataError(str(path), f"cannot read the ledger: {error.strerror}") from None
    if not lines:
        raise DataError(str(path), "expected a ledger written by nncli sweep, found an empty file")
    return lines[0], lines[1:]


def parse(data: bytes, path: Path) -> tuple[list[dict[str, Any]], int]:
    """The lines of a ledger, and where the last whole one ends. DataError for what is none."""
    found: list[dict[str, Any]] = []
    end = 0
    lines = data.split(b"\n")
    for number, line in enumerate(lines[:-1], 1):  # behind the last line feed is nothing, or a torn line
        try:
            record = _checked(line)
        except (ValueError, KeyError):
            if number == 1:
                raise DataError(
                    str(path), "expected a ledger written by nncli sweep, found something else",
                    "Name another file with --ledger",
                ) from None  # fmt: skip
            raise DataError(
                f"{path}:{number}", "a damaged line: its checksum is not that of its text",
                "Take the line out, and its trial runs again",
            ) from None  # fmt: skip
        found.append(record)
        end += len(line) + 1
    if not found and data:
        whole = _line({"kind": KIND, "format": FORMAT})[:20]
        if not whole.startswith(data[:20]):
            raise DataError(
                str(path), "expected a ledger written by nncli sweep, found something else",
                "Name another file with --ledger",
            )  # fmt: skip
    if found and (found[0].get("kind"), found[0].get("format")) != (KIND, FORMAT):
        raise DataError(
            str(path), f"expected a ledger of {KIND} in format {FORMAT}, found another", "Name another file"
        )
    return found, end


def _line(record: dict[str, Any]) -> bytes:
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f'{text[:-1]}{SUM}{zlib.crc32(text.encode()):08x}"}}\n'.encode()


def _checked(line: bytes) -> dict[str, Any]:
    """The record of a line; ValueError if it is not as it was written."""
    text, mark, tail = line.decode().rpartition(SUM)
    record: dict[str, Any] = json.loads(f"{text}}}")
    checksum = zlib.crc32(f"{text}}}".encode())
    if not mark or tail != f'{checksum:08x}"' + "}":
        raise ValueError("checksum")
    return record
