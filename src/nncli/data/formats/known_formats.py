"""List the file formats that can be read, and tell them apart by the first bytes, which are looked at once.

To add a format, write a module beside this one and add a line to `FORMATS`. A matrix format is a module with `read`
and `row_blocks`, as `idx.py` is; a table format is a class that yields Arrow batches, as `arrow.py` has.
"""

from __future__ import annotations

import importlib
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nncli.data.byte_input import Input, open_raw
from nncli.data.decompression import MAGIC
from nncli.errors import DataError

HEAD_BYTES = 4096  # that tell
NUMBER = rb"[+-]?[\d.]+(?:[eE][+-]?\d+)?"
SPARSE_LINE = rb"(?:#[^\n]*\n)*%b(?: qid:\d+)?(?: +\d+:%b)+ *(?:#[^\n]*)?\r?(?:\n|$)" % (NUMBER, NUMBER)


@dataclass(frozen=True)
class Format:
    """A kind of file. `reader` is its module, or a class in it; empty for what is no data that can be read."""

    name: str  # with its article, as messages have it
    begins: bytes  # a pattern
    reader: str = ""
    is_matrix: bool = False  # numbers and labels without column names
    is_text: bool = False

    def matches(self, head: bytes) -> bool:
        """Tell whether a file of this format may begin so."""
        if self.is_text and b"\n" not in head:  # a long line, which may be cut within a number
            head = head[: head.rfind(b" ")]
        return re.match(self.begins, head, re.DOTALL) is not None

    def load(self) -> Any:
        """Import the reader."""
        module, _, name = self.reader.partition(":")
        found = importlib.import_module(f"nncli.data.{module}")
        return getattr(found, name) if name else found


MODEL = Format("a model", rb"PK\x03\x04.{26}meta\.npy")
NPZ = Format("an npz file", rb"PK\x03\x04", "formats.npz", is_matrix=True)  # with an array X
ZIP = Format("a zip or npz file", NPZ.begins)
IDX = Format("an IDX file", rb"\x00\x00[\x08\x09\x0b-\x0e][\x01-\x04]", "formats.idx", is_matrix=True)
SPARSE = Format("sparse text", SPARSE_LINE, "formats.libsvm", is_matrix=True, is_text=True)
TEXT = Format("a text table", b"", "csv.reader", is_text=True)
FORMATS = (
    Format("a Parquet file", b"PAR1", "formats.parquet:ParquetFile"),
    Format("an Arrow file", b"ARROW1", "formats.arrow:ArrowFile"),
    Format("an Arrow stream, which is read as an Arrow file alone", rb"\xff{4}"),
    MODEL,
    ZIP,
    IDX,
    SPARSE,
    TEXT,
)


def format_of_bytes(head: bytes) -> Format:
    """Return the format of what begins with these bytes, decompressed."""
    return next(one for one in FORMATS if one.matches(head))


def format_of(path: Path) -> Format:
    """Return the format of a file, which is opened once. What cannot be opened counts as text, as whoever reads it says
    why; so does a pipe, whose first bytes would be lost to its reader. Raises DataError for a folder without IDX files.
    """
    with suppress(OSError, ValueError):  # a name that no file can have
        if path.is_dir():
            if IDX.load().is_folder(path):
                return IDX
            problem = "expected a folder with MNIST-style IDX files, found none in it"
            raise DataError(str(path), problem, "Name a file in it")
        if not path.is_file():
            return TEXT
    try:
        file = open_raw(str(path))
    except DataError:
        return TEXT
    with file:
        head = b""
        with suppress(OSError):
            head = file.read(HEAD_BYTES) or b""
        packed = head.startswith(tuple(MAGIC))
        if packed:
            file.seek(0)
            try:
                head = Input(file, str(path), hashed=False).read(HEAD_BYTES)
            except DataError:
                return TEXT
        found = format_of_bytes(head)
        if packed:
            return found if found in (IDX, SPARSE) else TEXT
        return NPZ if found in (ZIP, MODEL) and NPZ.load().has_inputs(file) else found


def is_model(path: Path) -> bool:
    """Tell whether a file is to be read as a model: it begins as one, or is called .npz and is no data."""
    try:
        found = format_of(path)
    except DataError:
        found = TEXT
    return found == MODEL or (found != NPZ and path.suffix == ".npz")
