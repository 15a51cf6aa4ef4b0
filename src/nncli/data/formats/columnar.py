"""Parquet and Arrow files as the CSV that says the same, batch by batch: one way to read a table, whatever wrote it.

Lines are counted from the header, which is line 0, so that the number of a line is that of its row, as long as no cell
has several. Nothing that such a file says is believed: `arrow_file` and `parquet_file` count what a batch will take
before it is read, and validate it before it is used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from nncli.data.csv.strict_parser import check_width
from nncli.data.formats import arrow, parquet
from nncli.data.formats.arrow import ArrowFile
from nncli.data.formats.parquet import ParquetFile, is_text
from nncli.data.streams import BOMB_BYTES, Input, first_bytes, reason, refuse_bomb, sha256_of, shown
from nncli.errors import DataError

ROWS_AT_ONCE, CELLS_AT_ONCE = 1 << 14, 1 << 20
BLOCK_BYTES, TEXT_BYTES = 1 << 20, 4 << 20  # of text: read at a time, and written at a time
MOST_TEXT = 16 << 20  # of a row
BATCH_RATIO = 4  # bytes of a batch in memory for one of the file


def is_table(source: str) -> bool:
    """Whether that is a Parquet or an Arrow file, by its first bytes."""
    return first_bytes(Path(source), len(arrow.MAGIC)).startswith((parquet.MAGIC, arrow.MAGIC))


class TableInput(Input):
    """Such a file, read as text."""

    line = 0

    def __init__(self, source: str, whole: bool) -> None:
        """DataError for one that is damaged, or has no column that can be read. `whole` says that it is read into
        memory, to its end."""
        self.where, self.source = shown(source), source
        self.size, self._bytes = 0, Path(source).stat().st_size
        is_arrow = first_bytes(Path(source), len(arrow.MAGIC)) == arrow.MAGIC
        with self._explained():
            file = ArrowFile(source) if is_arrow else ParquetFile(source, self.where)
            schema = file.schema
            check_width(len(schema), self.where)
            names = list(schema.names)
            kinds = {name: (kind, _written_as(kind)) for name, kind in zip(names, schema.types, strict=True)}
            self.notes = tuple(
                f"column '{name}': left out, as its cells are {kind}"
                for name, (kind, written) in kinds.items()
                if written is None
            )
        if len(kinds) < len(names):
            raise DataError(self.where, "two columns have the same name", "Rename one of them")
        self._types = {name: written for name, (_, written) in kinds.items() if written is not None}
        if not self._types:
            raise DataError(self.where, "no column of numbers, text or dates")
        self._texts = [name for name, written in self._types.items() if is_text(written)]
        rows = max(1, min(ROWS_AT_ONCE, CELLS_AT_ONCE // len(self._types)))
        self._batches = file.batches(list(self._types), rows, self._refuse)
        self._text, self._begun = BytesIO(), False
        self._whole, self._unpacked, self._rows = whole, 0, 0
        self._pieces: list[Any] = []
        self._lengths: dict[str, _Lengths] = {}  # of the dictionaries of text columns

    def _refuse(self, size: int) -> None:
        """DataError for a batch that takes so many bytes of memory."""
        if size > max(BOMB_BYTES, BATCH_RATIO * self._bytes):
            raise DataError(
                self.where,
                f"some rows that are stored together unpack to {size:,} bytes, more than {BATCH_RATIO} times the file",
                "Write it with fewer rows in a group or batch",
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """DataError for whatever pyarrow finds wrong with a file."""
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError, struct.error) as error:
            raise DataError(self.where, f"the file is damaged: {reason(error)}", "Fetch it again") from None

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(BLOCK_BYTES), b""))
        while not (found := self._text.read(size)):
            text = self._next_text()
            if not text:
                break
            self._text = BytesIO(text)
        return found

    def _next_text(self) -> bytes:
        """Of the next rows; at first also the header, and none at the end."""
        with self._explained():
            batch = self._pieces.pop() if self._pieces else next(self._batches, None)
            if batch is None and self._begun:
                return b""
            while batch is not None and self._text_bytes(batch) > TEXT_BYTES and batch.num_rows > 1:
                half = batch.num_rows // 2
                self._pieces.append(batch.slice(half))
                batch = batch.slice(0, half)
            text = self._written(batch)
        self._rows += 0 if batch is None else batch.num_rows
        self._begun, self._unpacked = True, self._unpacked + len(text)
        if self._whole:
            refuse_bomb(self.where, "packed", self._unpacked, self._bytes, "Convert it to CSV")
        return text

    def _text_bytes(self, batch: Any) -> int:
        """How long the texts in these rows are together; DataError for a row that is too long."""
        import pyarrow as pa

        total = 0
        for name in self._texts:
            column = batch.column(name)
            if isinstance(column, pa.DictionaryArray):
                total += self._lengths_of(name, column.dictionary).sum_at(column.indices)
            else:
                total += column.nbytes
        if total > MOST_TEXT and batch.num_rows == 1:
            raise DataError(
                f"{self.where}:{self._rows + 1}",
                f"expected a row of at most {MOST_TEXT >> 20} MiB, found one of {total >> 20}",
                "Leave the long texts out of the file",
            )
        return total

    def _lengths_of(self, name: str, dictionary: Any) -> _Lengths:
        found = self._lengths.get(name)
        if found is None or not found.are_of(dictionary):
            found = self._lengths[name] = _Lengths(dictionary)
        return found

    def _written(self, batch: Any) -> bytes:
        import pyarrow as pa
        from pyarrow import csv

        columns = {}
        for name, kind in self._types.items():
            column = pa.array([], kind) if batch is None else batch.column(name)
            if isinstance(column, pa.DictionaryArray):
                column = column.dictionary_decode()
            columns[name] = column if column.type == kind else column.cast(kind, safe=False)
        out = BytesIO()
        csv.write_csv(pa.table(columns), out, csv.WriteOptions(include_header=not self._begun))
        return out.getvalue()

    def hexdigest(self) -> str:
        return sha256_of(self.source)

    def close(self) -> None:
        self._batches.close()


class _Lengths:
    """How long the texts of a dictionary are."""

    def __init__(self, dictionary: Any) -> None:
        from pyarrow._compute import call_function  # the module pyarrow.compute makes wrappers for 25 ms

        self.dictionary, self.call = dictionary, call_function
        self.lengths = call_function("binary_length", [dictionary]).cast("int64")

    def are_of(self, dictionary: Any) -> bool:
        """Whether it is the same dictionary, not only an equal one."""
        one, other = self.dictionary, dictionary
        return (one.offset, len(one), _address(one)) == (other.offset, len(other), _address(other))

    def sum_at(self, places: Any) -> int:
        lengths = self.call("take", [self.lengths, places])
        return self.call("sum", [lengths]).as_py() or 0


def _address(strings: Any) -> int:
    offsets = strings.buffers()[1]
    return offsets.address if offsets else 0


def _written_as(kind: Any) -> Any:
    """The type that a column is written with; None for what is no cell."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(kind):
        return None if types.is_dictionary(kind.value_type) else _written_as(kind.value_type)
    if types.is_timestamp(kind) or types.is_date64(kind):
        return pa.timestamp("us")
    if types.is_floating(kind) or types.is_decimal(kind):
        return pa.float32() if kind in (pa.float32(), pa.float16()) else pa.float64()
    fine = types.is_integer, types.is_boolean, types.is_string, types.is_large_string, types.is_date32, types.is_null
    return kind if any(one(kind) for one in fine) else None
