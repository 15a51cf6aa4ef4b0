"""Open zip archives, which may be damaged or made to do harm, and read what is in them."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from contextlib import ExitStack
from io import FileIO
from typing import Any, BinaryIO

BEGINS = b"PK\3\4"
END, END_64 = struct.Struct("<4s4x2H2L2x"), struct.Struct("<4s20x4Q")
LONGEST_END = END.size + 0xFFFF  # with a comment
LOCATOR_BYTES = 20  # between the two
MOST_MEMBERS, MOST_LISTED = 1000, 1 << 20  # and bytes that their list has
# what zipfile raises for a damaged file: an unknown compression and a missing password are a RuntimeError
DAMAGED = (ValueError, LookupError, EOFError, OSError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile)


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """Open a zip file. Raises ValueError for one with more than `MOST_MEMBERS` members, before they are listed."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - LONGEST_END - LOCATOR_BYTES - END_64.size))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + END.size:
        raise ValueError("its end is missing")
    counts = END.unpack_from(tail, at)[1:4]
    large = at - LOCATOR_BYTES - END_64.size
    if large >= 0 and tail.startswith(b"PK\6\6", large):
        counts = (*counts, *END_64.unpack_from(tail, large)[1:4])
    if max(counts[0::3] + counts[1::3]) > MOST_MEMBERS or max(counts[2::3]) > MOST_LISTED:
        raise ValueError(f"more than {MOST_MEMBERS} members")
    return zipfile.ZipFile(file)


def files_in(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """List the files, without those that a Mac or another program has added for itself."""
    found = (info for info in archive.infolist() if not info.is_dir())
    return [info for info in found if not any(part.startswith((".", "__MACOSX")) for part in info.filename.split("/"))]


class OnlyFile:
    """The bytes of the only file in an archive, unpacked; `raw`, the same file, is closed with it. Raises `DAMAGED`."""

    def __init__(self, path: str, raw: Any) -> None:
        self._path, self._raw, self._open = path, raw, ExitStack()
        self._stream: Any = None

    def read(self, size: int = -1, /) -> bytes:
        if self._stream is None:
            archive = open_zip(self._open.enter_context(FileIO(self._path)))
            [info] = files_in(archive)
            self._stream = self._open.enter_context(archive.open(info))
        return self._stream.read(size)

    def close(self) -> None:
        self._open.close()
        self._raw.close()
