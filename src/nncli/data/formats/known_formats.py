"""List the file formats that can be read, and tell them apart by the first bytes, which are looked at once.

To add a format, write a module beside this one and add a line to `FORMATS`. A matrix format is a module with `read`
and `row_blocks`, as `idx.py` is; a table format is a class that yields Arrow batches, as `arrow.py` has, or a function
that yields rows of cells, as `json_lines.py` has.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from nncli.data.byte_input import Input, open_raw, reason
from nncli.data.decompression import MAGIC, UNPACKERS
from nncli.data.formats.foreign import FOREIGN, JSON, PACKED, TAR
from nncli.data.formats.format import BLANK, Format
from nncli.data.zip_archive import DAMAGED, files_in, open_zip
from nncli.errors import DataError, listing

HEAD_BYTES = 4096  # that tell
NUMBER = rb"[+-]?[\d.]+(?:[eE][+-]?\d+)?"
COMMENT = rb"[ \t]*(?:#[^\n]*)?\r?"
LABEL = rb"%b(?:[ \t]+qid:\d+)?" % NUMBER
# a row, behind rows without a feature; one without a label has two features at least, as 7:30 alone is a time of day
SPARSE_LINE = (
    rb"(?:%b\n|%b%b\n)*[ \t]*(?:%b|\d+:%b)(?:[ \t]+\d+:%b)+%b(?:\n|$)"
    % (COMMENT, LABEL, COMMENT, LABEL, NUMBER, NUMBER, COMMENT)
)  # fmt: skip
OBJECT_LINE = rb"\s*\{[ \t]*[\"}](?:[^\n]*\Z|(?:[^\n]*\})?[ \t\r]*\n)"

NO_PIPE = "Name the file itself, not a pipe"
MODEL = Format("a model", rb"PK\x03\x04.{26}meta\.npy", remedy="Name data")
NPZ = Format("an npz file", rb"PK\x03\x04", "formats.npz", is_matrix=True)  # with arrays of inputs
ZIP = Format("a zip or npz file", NPZ.begins, remedy=NO_PIPE)  # which is known by its end
XLSX = Format("an Excel file", NPZ.begins, "formats.excel")
IDX = Format("an IDX file", rb"\x00\x00[\x08\x09\x0b-\x0e][\x01-\x04]", "formats.idx", is_matrix=True)
# or a folder of them
IMAGES = Format("a picture", rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff", "formats.images", is_matrix=True)
SPARSE = Format(
    "sparse text", SPARSE_LINE, "formats.libsvm", is_matrix=True, is_text=True, first=BLANK + b"#+-.0123456789"
)
JSON_LINES = Format("JSON Lines", OBJECT_LINE, "formats.json_lines", first=BLANK + b"{")
TEXT = Format("a text table", b"", "csv.reader", is_text=True)
FORMATS = (
    Format("a Parquet file", b"PAR1", "formats.parquet:ParquetFile"),
    Format("an Arrow file", b"ARROW1", "formats.arrow:ArrowFile"),
    MODEL,
    ZIP,
    IDX,
    IMAGES,
    *FOREIGN,
    SPARSE,
    JSON_LINES,
    *JSON,
    TEXT,
)
SPARSE_ARRAYS = {"data", "indices", "indptr", "shape"}  # as SciPy saves a sparse matrix in compressed rows or columns
UNPACK, AS_X_AND_Y = "Unpack it first: unzip {file}", "Save them as X and y: numpy.savez('data.npz', X=…, y=…)"
OPEN_SHEET = "Save it as .xlsx or CSV"
MEMBERS = {  # of an archive, which tell what it is
    "xl/workbook.xml": XLSX,
    "xl/workbook.bin": Format("a binary Excel file (.xlsb)", b"", remedy=OPEN_SHEET),
    "content.xml": Format("an OpenDocument file", b"", remedy=OPEN_SHEET),
    "ppt/presentation.xml": Format("a PowerPoint file", b"", remedy="Save its table as CSV"),
    "Index/Document.iwa": Format("a Numbers or Pages document", b"", remedy="Export its table as CSV"),
    "word/document.xml": Format("a Word document", b"", remedy="Save its table as CSV"),
    "data.pkl": Format("a PyTorch file", b"", remedy="Save what is in it as CSV or .npz"),
    "model.weights.h5": Format("a Keras model", b"", remedy="Name data, or a model that nncli train has saved"),
}
UNPACKED_BY_READERS = (IDX, SPARSE, JSON_LINES, TEXT)


def format_of_bytes(head: bytes) -> Format:
    """Return the format of what begins with these bytes, decompressed."""
    return next(one for one in FORMATS if one.matches(head))


def format_of(path: Path) -> Format:
    """Return the format of a file, which is opened once. What cannot be opened counts as text, as whoever reads it says
    why; so does a pipe, whose first bytes would be lost to its reader. Raises DataError for a folder without IDX files
    or pictures.
    """
    with suppress(OSError, ValueError):  # a name that no file can have
        if path.is_dir():
            found = format_of_folder(path)
            if found is None:
                problem = "expected a folder of tables, pictures or MNIST-style IDX files, found none in it"
                raise DataError(str(path), problem, "Name a file in it")
            return found
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
        kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
        if kind is not None:
            file.seek(0)
            try:
                head = Input(file, str(path), hashed=False).read(HEAD_BYTES)
            except DataError:
                return TEXT
            return _packed(head, kind)
        found = format_of_bytes(head)
        return _format_in_zip(file) if found in (ZIP, MODEL) else found


def format_of_folder(path: Path) -> Format | None:
    """Return the format of a folder that is one data set; None where it holds something else."""
    return next((one for one in (IDX, IMAGES) if one.load().is_folder(path)), None)


def _packed(head: bytes, kind: str) -> Format:
    """Return the format of what begins so once it is unpacked: for text and IDX alone readers do that by themselves."""
    found = format_of_bytes(head)
    if found in UNPACKED_BY_READERS:
        return found
    remedy = found.remedy  # what is never read is not worth unpacking
    if found.reader or (found != TAR and "{file}" in remedy) or found.name == PACKED:
        remedy = f"Unpack it first: {UNPACKERS[kind]} {{file}} > unpacked"
    return found._replace(name=f"{found.name}, compressed by {kind}", reader="", is_matrix=False, remedy=remedy)


def _format_in_zip(file: BinaryIO) -> Format:
    """Return the format of a zip archive, which what is in it decides."""
    try:
        archive = open_zip(file)
        files = files_in(archive)
        names = [info.filename for info in files]
        arrays = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]
        if "meta" in arrays[:1] and "theta" in arrays:
            return MODEL
        if arrays and len(arrays) == len(names):
            if {name.lower() for name in arrays} & {"x", "x_train", "x_test"} or {*arrays} >= SPARSE_ARRAYS:
                return NPZ
            return Format(f"an npz file with arrays of other names, {listing(arrays, 5)}", b"", remedy=AS_X_AND_Y)
        for name, found in MEMBERS.items():
            if any(one == name or one.endswith(f"/{name}") for one in names):
                return found
        if len(names) != 1:
            remedy = "Unpack it, and name the files in it: unzip {file}"
            return Format(f"a zip archive of {len(names):,} files", b"", remedy=remedy)
        with archive.open(files[0]) as member:
            found = format_of_bytes(member.read(HEAD_BYTES))
    except DAMAGED as error:
        what = "with a password" if "password" in str(error) else f"that cannot be read: {reason(error)}"
        return Format(f"a zip archive {what}", b"", remedy=UNPACK)
    if found in (TEXT, JSON_LINES):
        return found
    name = f"a zip archive of {found.name}"
    return Format(name, b"", remedy=UNPACK if found.reader else found.remedy.replace("{file}", "FILE"))


def is_model(path: Path) -> bool:
    """Tell whether a file is to be read as a model: it begins as one, or is called .npz and is nothing else."""
    try:
        found = format_of(path)
    except DataError:
        return False
    return found == MODEL or (found is TEXT and path.suffix == ".npz")
