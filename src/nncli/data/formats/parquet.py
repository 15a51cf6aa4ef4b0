"""Batches of rows of a Parquet file, which may be damaged or made to do harm.

The footer says where the pages of a column stand, and a page says how large it is unpacked and how many values it has.
All of a group of rows are looked at before it is read, and so few rows are read at a time that what they decode to
stays small. Text is read as the dictionary it is packed with: a thousand rows of one long text are that text once.
What pyarrow says of a column in a group is not asked for, as a damaged footer would end the process there.
"""

from __future__ import annotations

import base64
import os
import struct
from array import array
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from nncli.data.arrow_conversion import is_text
from nncli.data.cells import check_width
from nncli.data.formats.arrow import categories_in
from nncli.data.formats.thrift import LIST, STRUCT, ThriftReader
from nncli.errors import DataError

MAGIC = b"PAR1"
BATCH_BYTES = 16 << 20  # of decoded rows
FILE_BUFFERS, LEAST_BUFFER, MOST_BUFFER = 32 << 20, 1 << 10, 1 << 16  # bytes of the file for all columns, and for one
DICTIONARY_PAGE, DATA_PAGE, DATA_PAGE_V2 = 2, 0, 3
NAMES = {1: "kind", 2: "unpacked", 3: "packed"}  # of what stands in the header of any page
HEADERS = {DICTIONARY_PAGE: (7, 2), DATA_PAGE: (5, 2), DATA_PAGE_V2: (8, 4)}  # fields of the header, of its encoding
DELTA_BYTE_ARRAY = 7  # an encoding in which a text repeats the start of the one before it
VALUE_BYTES = 16  # of a text in a dictionary, beside itself
HEADER_BYTES, LONGEST_HEADER = 1 << 9, 16 << 20
NUMBERS = 3  # that are kept of a column in a group of rows


class ParquetFile:
    """A Parquet file."""

    def __init__(self, source: str, where: str) -> None:
        """Raise pa.ArrowException, OSError or ValueError for a damaged file; DataError for one with too many columns.
        `where` is its name in messages."""
        self.source = source
        with Path(source).open("rb") as raw:
            self._groups = _groups(_footer(raw.fileno()), where)
        with self._opened() as file:
            self._metadata, self.schema = file.metadata, file.schema_arrow
        self.categories = self._declared_categories()
        self._chunks: dict[tuple[int, int], _Chunk] = {}  # by group and column

    def _declared_categories(self) -> list[str]:
        """List the columns of numbers that were categories in Arrow, which Parquet has not: its schema is kept beside.
        Raises pa.ArrowException or ValueError for a damaged one."""
        kept = (self._metadata.metadata or {}).get(b"ARROW:schema")
        declared = categories_in(pa.ipc.read_schema(pa.py_buffer(base64.b64decode(kept)))) if kept else []
        return [name for name in declared if name in self.schema.names]

    def batches(self, names: list[str], most_rows: int, refuse: Callable[[int], None]) -> Generator[Any, None, None]:
        """Yield these columns, at most so many rows at a time, all valid. `refuse(n)` is called before pages that take
        n bytes are unpacked. Raises the same exceptions."""
        leaves = self._metadata.schema
        place_of = {leaves.column(i).path: i for i in range(len(leaves))}
        places = [place_of[name] for name in names]
        if any(len(group.columns) != NUMBERS * len(leaves) for group in self._groups):
            raise ValueError("a group of rows has other columns")
        if sum(group.rows for group in self._groups) != self._metadata.num_rows:
            raise ValueError("its groups do not have as many rows as its footer says")
        text = {place for place, name in zip(places, names, strict=True) if is_text(self.schema.field(name).type)}
        packed = {place for place in text if any(group.column(place)[1] for group in self._groups[:1])}
        opened = self._opened(
            metadata=self._metadata,
            read_dictionary=[name for place, name in zip(places, names, strict=True) if place in packed],
            buffer_size=min(MOST_BUFFER, max(LEAST_BUFFER, FILE_BUFFERS // len(names))),
        )
        with opened as file, Path(self.source).open("rb") as raw:
            unpacked = text - packed  # each of their values takes its own place
            for i, group in enumerate(self._groups):
                a_row, held = 0, 0
                for place in places:
                    if (i, place) not in self._chunks:
                        self._chunks[i, place] = _chunk(raw.fileno(), *group.column(place))
                    chunk = self._chunks[i, place]
                    held += chunk.held
                    a_row += max(chunk.plain, chunk.longest) if place in unpacked else chunk.plain
                refuse(held)
                found, rows = 0, max(1, min(most_rows, BATCH_BYTES // max(1, a_row)))
                for batch in file.iter_batches(rows, row_groups=[i], columns=names, use_threads=True):
                    batch.validate(full=True)
                    found += batch.num_rows
                    yield batch
                if found != group.rows:
                    raise ValueError(f"expected {group.rows} rows in a group, found {found}")

    def _opened(self, **how: Any) -> Any:
        # what is read ahead would be whole groups of rows, which can be of any size
        return parquet.ParquetFile(self.source, pre_buffer=False, page_checksum_verification=True, **how)


def count_rows(path: Path) -> int | None:
    """Count the rows of a Parquet file; None for one that is damaged."""
    try:
        with path.open("rb") as raw:
            return sum(group.rows for group in _groups(_footer(raw.fileno()), str(path)))
    except (OSError, ValueError, DataError):
        return None


# the footer


@dataclass
class _Group:
    """A group of rows."""

    columns: array[int]  # three numbers for each
    rows: int = -1

    def column(self, place: int) -> array[int]:
        """Return the number of values, whether they have a dictionary, and where the first page stands."""
        return self.columns[NUMBERS * place : NUMBERS * (place + 1)]


def _footer(file: int) -> bytes:
    size = os.fstat(file).st_size
    end = os.pread(file, 8, max(0, size - 8))
    if len(end) < 8 or not end.endswith(MAGIC):
        raise ValueError("its end is missing")
    (length,) = struct.unpack("<I", end[:4])
    if length > size - 8:
        raise ValueError("its end is cut short")
    return os.pread(file, length, size - 8 - length)


def _groups(footer: bytes, where: str) -> list[_Group]:
    thrift, found = ThriftReader(footer), list[_Group]()
    try:
        for field, kind in thrift.fields():
            if field == 2 and kind == LIST:
                n, inner = thrift.elements()
                check_width(n - 1, where)  # the first one is all of them
                for _ in range(n):
                    thrift.skip(inner)
            elif field == 4 and kind == LIST:
                n, _ = thrift.elements()
                found += (_group(thrift) for _ in range(n))
    except IndexError:
        raise ValueError("its end is damaged") from None
    return found


def _group(thrift: ThriftReader) -> _Group:
    found = _Group(array("q"))
    for field, kind in thrift.fields():
        if field == 1 and kind == LIST:
            n, _ = thrift.elements()
            for _ in range(n):
                found.columns.extend(_column(thrift))
        elif field == 3:
            found.rows = thrift.integer()
    if not found.columns or found.rows < 0:
        raise ValueError("a group of rows is damaged")
    return found


def _column(thrift: ThriftReader) -> tuple[int, ...]:
    numbers: dict[int, int] = {}
    for field, kind in thrift.fields():
        if field == 3 and kind == STRUCT:
            numbers = thrift.integers(5, 9, 11)
    values, data, dictionary = numbers.get(5, -1), numbers.get(9, -1), numbers.get(11, 0)
    first = dictionary if 0 < dictionary < data else data
    if min(values, first) < 0 or max(values, data) >= 1 << 62:
        raise ValueError("the place of a column is damaged")
    return values, int(first < data), first


# pages


@dataclass
class _Chunk:
    """The memory that a column of a group of rows takes, in bytes."""

    held: int = 0  # at one time: a page and the dictionary
    plain: int = 0  # a value in a page, at most
    longest: int = 0  # a value out of the dictionary, at most


def _chunk(file: int, values: int, _: int, place: int) -> _Chunk:
    """Walk through the pages of a column; ValueError for pages that cannot be."""
    found, page, total, dictionary = _Chunk(), 0, 0, 0
    while values > 0:
        header, size = _header(file, place)
        if min(header.unpacked, header.packed, header.values) < 0:
            raise ValueError("the header of a page is damaged")
        place += size + header.packed
        if header.kind == DICTIONARY_PAGE:
            found.longest = header.unpacked
            dictionary = max(dictionary, header.unpacked + VALUE_BYTES * header.values)
        elif header.kind in HEADERS:
            values, total, page = values - header.values, total + header.unpacked, max(page, header.unpacked)
            a_value = -(-header.unpacked // max(1, header.values))
            found.plain = max(found.plain, total if header.encoding == DELTA_BYTE_ARRAY else a_value)
    found.held = page + dictionary
    return found


@dataclass
class _Header:
    """The header of a page; −1 stands for what is not given."""

    kind: int = -1
    unpacked: int = -1
    packed: int = -1
    values: int = 0
    encoding: int = -1


def _header(file: int, place: int) -> tuple[_Header, int]:
    """Read the header of the page at a place; also return how long the header is."""
    size = HEADER_BYTES
    while True:
        data = os.pread(file, size, place)
        thrift = ThriftReader(data)
        try:
            return _read_header(thrift), thrift.at
        except IndexError:
            if len(data) < size or size >= LONGEST_HEADER:
                raise ValueError("the header of a page is cut short") from None
            size *= 8


def _read_header(thrift: ThriftReader) -> _Header:
    found = _Header()
    for field, kind in thrift.fields():
        of, encoding = HEADERS.get(found.kind, (0, 0))
        if field in NAMES:
            setattr(found, NAMES[field], thrift.integer())
        elif field == of and kind == STRUCT:
            numbers = thrift.integers(1, encoding)
            found.values, found.encoding = numbers.get(1, -1), numbers.get(encoding, -1)
    return found
