"""Batches of rows of an Arrow file, which may be damaged or made to do harm.

What a batch takes in memory stands in its message, as what is compressed is preceded by its size: it is counted before
pyarrow unpacks anything. Then the batch is validated in full, as Arrow trusts its offsets from there on.
The file is not mapped: one that is cut short meanwhile would end the process.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import types

MAGIC = b"ARROW1"
CONTINUES = 0xFFFFFFFF  # before the length of a message, in all versions since 0.15
RECORD_BATCH = 3  # a message's kind
LONGEST_MARK = 64  # bytes, with what it may be aligned by
BLOCK, NODE_OR_BUFFER = struct.Struct("<qi4xq"), struct.Struct("<qq")


class ArrowFile:
    """An Arrow file."""

    def __init__(self, source: str, where: str) -> None:
        """Raise struct.error, pa.ArrowException, OSError or ValueError for a damaged file; messages call it `where`."""
        self.source = source
        with pa.OSFile(source) as file:
            self.schema = pa.ipc.open_file(file).schema
        self.categories = categories_in(self.schema)

    def batches(self, names: list[str], most_rows: int, refuse: Callable[[int], None]) -> Generator[Any, None, None]:
        """Yield these columns, at most so many rows at a time, all valid. `refuse(n)` is called before a batch of n
        bytes is read. Raises the same exceptions."""
        places = [self.schema.get_field_index(name) for name in names]
        options = pa.ipc.IpcReadOptions(included_fields=places, use_threads=False)
        with pa.OSFile(self.source) as opened, Path(self.source).open("rb") as raw:
            dictionaries, rows = _blocks(raw.fileno())
            refuse(sum(_unpacked(raw.fileno(), block) for block in dictionaries))
            file = pa.ipc.open_file(opened, options=options)
            if file.num_record_batches != len(rows):
                raise ValueError("its footer is damaged")
            for i, block in enumerate(rows):
                refuse(_unpacked(raw.fileno(), block))
                batch = file.get_batch(i)
                batch.validate(full=True)
                for start in range(0, batch.num_rows, most_rows):
                    yield batch.slice(start, most_rows)


def categories_in(schema: Any) -> list[str]:
    """List the columns whose numbers are declared to be categories: each stands in a dictionary of them."""
    return [field.name for field in schema if types.is_dictionary(field.type) and _are_numbers(field.type.value_type)]


def _are_numbers(kind: Any) -> bool:
    return any(one(kind) for one in (types.is_integer, types.is_floating, types.is_decimal))


class _Table:
    """A table in a flatbuffer; struct.error for places that are outside of it."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    @classmethod
    def root(cls, data: bytes) -> _Table:
        return cls(data, *struct.unpack_from("<I", data))

    def place(self, field: int) -> int:
        """Return where the value of a field stands; 0 for one that is not given."""
        listed = self.at - self._number("<i", self.at)
        slot = 4 + 2 * field
        if listed < 0 or slot >= self._number("<H", listed):
            return 0
        offset = self._number("<H", listed + slot)
        return self.at + offset if offset else 0

    def byte(self, field: int) -> int:
        place = self.place(field)
        return self._number("<B", place) if place else 0

    def table(self, field: int) -> _Table | None:
        place = self.place(field)
        return _Table(self.data, place + self._number("<I", place)) if place else None

    def structs(self, field: int, kind: struct.Struct) -> list[tuple[Any, ...]]:
        """Read a vector of structs."""
        place = self.place(field)
        if not place:
            return []
        place += self._number("<I", place)
        end = place + 4 + kind.size * self._number("<I", place)
        if end > len(self.data):
            raise struct.error("a vector is cut short")
        return list(kind.iter_unpack(self.data[place + 4 : end]))

    def _number(self, kind: str, place: int) -> int:
        return struct.unpack_from(kind, self.data, place)[0]


def _blocks(file: int) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """List (place, bytes of metadata, bytes of the body) of all dictionaries, and of all batches."""
    size = os.fstat(file).st_size
    end = os.pread(file, 10, max(0, size - 10))
    (length,) = struct.unpack_from("<i", end)
    if not 0 < length <= size - 10 or not end.endswith(MAGIC):
        raise ValueError("its end is missing")
    place = size - 10 - length
    footer = _Table.root(os.pread(file, length, place))
    dictionaries, rows = footer.structs(2, BLOCK), footer.structs(3, BLOCK)
    # what stands behind the last message is the mark of the end: anything else would be rows that are left out
    last = max([_end_of_schema(file), *(sum(block) for block in (*dictionaries, *rows))])
    if not 0 <= place - last <= LONGEST_MARK or os.pread(file, place - last, last).strip(b"\xff\0"):
        raise ValueError("its footer does not name all batches")
    return dictionaries, rows


def _end_of_schema(file: int) -> int:
    """Find where the first message ends, which has no body."""
    continues, length = struct.unpack("<Ii", os.pread(file, 8, 8))
    return 16 + int(length) if continues == CONTINUES else 12 + int(continues)


def _unpacked(file: int, block: tuple[int, ...]) -> int:
    """Count the bytes that the buffers of a message take unpacked."""
    place, length, body = block
    if place < 0 or not 8 < length <= os.fstat(file).st_size or body < 0:
        raise ValueError("the place of a batch is damaged")
    head = os.pread(file, length, place)
    start = 8 if struct.unpack_from("<I", head)[0] == CONTINUES else 4
    message = _Table.root(head[start:])
    batch = message.table(2)
    if batch is not None and message.byte(1) != RECORD_BATCH:
        batch = batch.table(1)  # of a dictionary
    if batch is None:
        raise ValueError("a batch is missing")
    total, packed = 0, batch.table(3) is not None
    for offset, size in batch.structs(2, NODE_OR_BUFFER):
        if offset < 0 or size < 0:
            raise ValueError("the place of a buffer is damaged")
        unpacked = struct.unpack("<q", os.pread(file, 8, place + length + offset))[0] if packed and size else -1
        total += size if unpacked < 0 else unpacked
    return total
