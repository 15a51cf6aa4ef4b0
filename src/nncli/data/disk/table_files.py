"""Write and read the files in the folder of a table on the disk.

table.json   what the table is of: files, columns, notes
numbers      its matrix of numbers, (n, d); absent where d = 0
columns      the codes of its texts, its dates and its target, (n,) each, one after the other; behind the codes of texts
             that are too many for memory, where each of these begins and ends in `texts`, (m, 2)
values       the distinct values of each other text and of the target: their lengths, then all of them in UTF-8
texts        the texts that are too many for memory, in UTF-8; absent where there are none
SHA256SUMS   the digests of these files, as `sha256sum --check` takes them
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nncli.data.dataset import KINDS, SCHEMA_FORM, Table, TextColumn, schema_of
from nncli.data.disk.memmap import ArrayFile, ColumnsFile, DiskArray, File, append
from nncli.data.disk.pieces import Pieces, PiecesFile
from nncli.data.disk.texts import UTF_8, DiskTexts, TextsFile
from nncli.data.table_builder import VALUE_BYTES, ArrayBuilder, RawDataset
from nncli.errors import DataError
from nncli.system import plain_json

VERSION = 5  # of what is in a folder
DESCRIPTION, NUMBERS, COLUMNS, VALUES, SUMS = "table.json", "numbers", "columns", "values", "SHA256SUMS"
TEXTS = "texts"
FILES = re.compile("|".join(map(re.escape, (DESCRIPTION, NUMBERS, COLUMNS, VALUES, TEXTS, SUMS))))
FORM = {
    "version": int, "key": str, "files": [str], "fingerprint": str, "rows": int, "sha256": str, "numbers": str,
    "names": {"number": [str], "text": [str], "date": [str]}, "counts": [int], "values": int, "notes": [str],
    "texts": [str], "schema": SCHEMA_FORM,
}  # fmt: skip
DAMAGED = (OSError, ValueError, OverflowError, DataError)  # what reading such a folder raises
DTYPES = ("uint8", "float32", "float64")
CODES, DATES, LENGTHS, ENDS = np.dtype(np.int32), np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.int64)
CODES_AT_ONCE = 1 << 18  # of a column that is looked through


class Origin(NamedTuple):
    """The origin of a table: the key that it is found by, its files, and a digest that changes when they do."""

    key: str
    files: tuple[str, ...]
    fingerprint: str


class DiskStorage:
    """Arrays of a new table, in files of a folder."""

    def __init__(self, folder: Path, most_text: int) -> None:
        self.folder, self.most_text = folder, most_text
        self._columns = ColumnsFile(folder / COLUMNS)
        self._texts: File | None = None

    def builder(self, name: str, growth: Callable[[], float]) -> ArrayBuilder:
        return ArrayFile(self.folder / NUMBERS) if name == NUMBERS else self._columns.builder(name)

    def texts(self, name: str) -> TextsFile:
        return TextsFile(PiecesFile(self._columns.builder(f"{name}-ends"), self.folder / TEXTS, self._opened))

    def _opened(self) -> File:
        """Open the file of texts, once for all columns."""
        self._texts = self._texts or File(self.folder / TEXTS)
        return self._texts


def write(folder: Path, rows: RawDataset, origin: Origin) -> None:
    """Write what `rows` has beside its arrays, which have grown in that folder; all is on the disk when this returns.
    ValueError for more names of files and columns than can be read again."""
    table = rows.table
    columns = [*table.texts.values(), rows.target]
    apart = [name for name, column in table.texts.items() if isinstance(column.values, DiskTexts)]
    in_memory = [column for column in columns if not isinstance(column.values, DiskTexts)]
    values = [value.encode(*UTF_8) for column in in_memory for value in column.values]
    lengths = np.array(list(map(len, values)), LENGTHS).tobytes()
    description = {
        "version": VERSION, **origin._asdict(), "rows": len(table), "sha256": rows.sha256,
        "numbers": table.numbers.dtype.name,
        "names": {"number": table.number_names, "text": [*table.texts], "date": [*table.dates]},
        "counts": [len(column.values) for column in columns], "values": len(lengths) + sum(map(len, values)),
        "notes": rows.notes, "texts": apart, "schema": asdict(rows.schema) | {"sparse": None},
    }  # fmt: skip
    append(folder / DESCRIPTION, plain_json.encode(description))
    append(folder / VALUES, lengths + b"".join(values))
    names = _names(table.number_names, apart)
    append(folder / SUMS, _sums(folder, names))
    for name in (*names, SUMS):
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())


def describe(folder: Path) -> dict[str, Any]:
    """Read what table.json says. Raises one of `DAMAGED` if it is not as it was written."""
    text = _bounded(folder / DESCRIPTION, plain_json.MOST_BYTES)
    line = _line(DESCRIPTION, hashlib.sha256(text).hexdigest())
    if not _bounded(folder / SUMS, 1000).startswith(line):
        raise ValueError("table.json is not the one that was written")
    known: dict[str, Any] = plain_json.decode(text, FORM)
    if known["version"] != VERSION:
        raise ValueError("another version")
    return known


def read(folder: Path, key: str, most_text: int) -> RawDataset | None:
    """Read the table; None if its texts take more memory than that. Raises one of `DAMAGED` if anything is not as it
    was written."""
    known = describe(folder)
    schema, n, counts = schema_of(known["schema"]), known["rows"], known["counts"]
    numbers, texts, dates = (tuple(known["names"][kind]) for kind in KINDS)  # the order of a model may be another
    if any(sorted(known["names"][kind]) != sorted(schema.of_kind(kind)) for kind in KINDS):
        raise ValueError("other columns")
    names, apart = _names(numbers, known["texts"]), known["texts"]
    files = {name: File(folder / name) for name in names}
    if known["key"] != key or known["numbers"] not in DTYPES or n < 1 or min(counts, default=-1) < 0:
        raise ValueError("another table")
    dtype = np.dtype(known["numbers"])
    if len(counts) != len(texts) + 1 or not {*apart} <= {*texts}:
        raise ValueError("other texts")
    ends_of = {name: 2 * ENDS.itemsize * m for name, m in zip(texts, counts, strict=False) if name in apart}
    in_columns = n * (CODES.itemsize * len(counts) + DATES.itemsize * len(dates)) + sum(ends_of.values())
    expected = {VALUES: known["values"], COLUMNS: in_columns}
    if numbers:
        expected[NUMBERS] = n * len(numbers) * dtype.itemsize
    if any(files[name].size != size for name, size in expected.items()):
        raise ValueError("arrays of another size")
    in_memory = [m for name, m in zip((*texts, None), counts, strict=True) if name not in apart]
    if files[VALUES].size > 2 * most_text or VALUE_BYTES * sum(in_memory) > most_text:
        return None
    if _bounded(folder / SUMS, 1000) != _sums(folder, names):
        raise ValueError("arrays that are not those that were written")
    values, columns, at = iter(_values(files[VALUES], in_memory)), dict[str, TextColumn](), 0
    for name, m in zip(texts, counts, strict=False):
        its: Sequence[str]
        codes = DiskArray(files[COLUMNS], CODES, (n,), at)
        at += CODES.itemsize * n
        if name in apart:
            its = _texts(files[TEXTS], DiskArray(files[COLUMNS], ENDS, (m, 2), at))
            at += ends_of[name]
        else:
            its = next(values)
        columns[name] = TextColumn(_codes(codes, its, -1), its)
    of_date = {
        name: DiskArray(files[COLUMNS], DATES, (n,), at + DATES.itemsize * n * i) for i, name in enumerate(dates)
    }
    at += DATES.itemsize * n * len(dates)
    its = next(values)
    target = TextColumn(_codes(DiskArray(files[COLUMNS], CODES, (n,), at), its, 0), its)
    of_number = DiskArray(files[NUMBERS], dtype, (n, len(numbers))) if numbers else np.empty((n, 0), dtype)
    table = Table(numbers, of_number, columns, of_date)
    return RawDataset(table, target, schema, known["sha256"], tuple(known["notes"]))


def moved(rows: RawDataset, folder: Path) -> None:
    """Tell the arrays of a table that its folder has another name, by which other processes find them."""
    arrays = (rows.table.numbers, rows.target.codes)  # the others are in the file of the target
    files = {array.file for array in arrays if isinstance(array, DiskArray)}
    files |= {its.values.pieces.file for its in rows.table.texts.values() if isinstance(its.values, DiskTexts)}
    for file in files:
        file.path = folder / file.path.name


def _names(numbers: Sequence[str], apart: Sequence[str]) -> list[str]:
    """List the files of a table with columns of numbers, and of texts that are too many for memory."""
    return [DESCRIPTION, *([NUMBERS] if numbers else []), COLUMNS, VALUES, *([TEXTS] if apart else [])]


def _values(file: File, counts: Sequence[int]) -> list[tuple[str, ...]]:
    """Read the distinct values of each column, so many."""
    content = file.content()
    at = LENGTHS.itemsize * sum(counts)
    if at > len(content):
        raise ValueError("fewer values than there should be")
    lengths = np.frombuffer(content[:at], LENGTHS)
    if (lengths < 0).any() or (lengths > len(content)).any() or at + int(lengths.sum()) != len(content):
        raise ValueError("values of another length")
    ends = (at + np.cumsum(lengths)).tolist()
    values = [str(content[end - n : end], *UTF_8) for n, end in zip(lengths.tolist(), ends, strict=True)]
    found, begin = list[tuple[str, ...]](), 0
    for count in counts:
        found.append(tuple(values[begin : begin + count]))
        begin += count
        if len(set(found[-1])) < count:
            raise ValueError("the same value twice")
    return found


def _texts(file: File, places: DiskArray) -> DiskTexts:
    """Return the texts at those places of a file; ValueError where they are beyond its end."""
    for start in range(0, len(places), CODES_AT_ONCE):
        begin, end = places[start : start + CODES_AT_ONCE].T
        if begin.min() < 0 or (end < begin).any() or end.max() > file.size:
            raise ValueError("texts that there are not")
    return DiskTexts(Pieces(file, np.dtype(np.uint8), places))


def _codes(codes: DiskArray, values: Sequence[str], least: int) -> DiskArray:
    """Return the codes, each the position of a value, or −1 for a missing cell; ValueError for others."""
    for start in range(0, len(codes), CODES_AT_ONCE):
        part = codes[start : start + CODES_AT_ONCE]
        if part.min() < least or part.max() >= len(values):
            raise ValueError("the code of a value that there is not")
    return codes


def _sums(folder: Path, names: Sequence[str]) -> bytes:
    lines = []
    for name in names:
        digest = hashlib.sha256()
        for part in File(folder / name).parts():
            digest.update(part)
        lines.append(_line(name, digest.hexdigest()))
    return b"".join(lines)


def _line(name: str, digest: str) -> bytes:
    return f"{digest}  {name}\n".encode()


def _bounded(path: Path, most: int) -> bytes:
    """Read a file of at most so many bytes; ValueError for a larger one."""
    file = File(path)
    if file.size > most:
        raise ValueError(f"{path.name} is too large")
    return bytes(file.content())
