"""Parquet and Arrow files as the CSV that says the same, batch by batch: one way to read a table, whatever wrote it.

Lines are counted from the header, which is line 0, so that the number of a line is that of its row, as long as no cell
has several.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from nncli.data.files import Input, first_bytes, refuse_bomb, sha256_of, shown
from nncli.errors import DataError

PARQUET, ARROW = b"PAR1", b"ARROW1"
ROWS_AT_ONCE, FEWEST_ROWS, CELLS_AT_ONCE = 1 << 14, 1 << 10, 1 << 18
BLOCK_BYTES, BUFFER_BYTES = 1 << 20, 1 << 16  # of text, and of the file for each column


def is_table(source: str) -> bool:
    """Whether that is a Parquet or an Arrow file, by its first bytes."""
    return first_bytes(Path(source), len(ARROW)).startswith((PARQUET, ARROW))


class TableInput(Input):
    """Such a file, read as text."""

    line = 0

    def __init__(self, source: str, whole: bool) -> None:
        """DataError for one that is damaged, or has no column that can be read. `whole` says that it is read into
        memory, to its end."""
        import pyarrow as pa

        self.where, self.source = shown(source), source
        self.size = 0
        try:
            schema, self._batches = _opened(source)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(error) from None
        if len(set(schema.names)) < len(schema.names):
            raise DataError(self.where, "two columns have the same name", "Rename one of them")
        types = {field.name: _written_as(field.type) for field in schema}
        self._types = {name: kind for name, kind in types.items() if kind is not None}
        self.notes = tuple(
            f"column '{field.name}': left out, as its cells are {field.type}"
            for field in schema
            if not types[field.name]
        )
        if not self._types:
            raise DataError(self.where, "no column of numbers, text or dates")
        self._text, self._begun = BytesIO(), False
        self._whole, self._unpacked, self._bytes = whole, 0, Path(source).stat().st_size

    def _damaged(self, error: Exception) -> DataError:
        return DataError(self.where, f"the file is damaged: {str(error).splitlines()[0][:100]}", "Fetch it again")

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
        import pyarrow as pa

        try:
            batch = next(self._batches, None)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None
        if batch is None and self._begun:
            return b""
        text = self._written(batch)
        self._begun, self._unpacked = True, self._unpacked + len(text)
        if self._whole:
            refuse_bomb(self.where, "packed", self._unpacked, self._bytes)
        return text

    def _written(self, batch: Any) -> bytes:
        import pyarrow as pa
        from pyarrow import csv

        columns = {
            name: pa.array([], kind) if batch is None else batch.column(name).cast(kind, safe=False)
            for name, kind in self._types.items()
        }
        out = BytesIO()
        csv.write_csv(pa.table(columns), out, csv.WriteOptions(include_header=not self._begun))
        return out.getvalue()

    def hexdigest(self) -> str:
        return sha256_of(self.source)

    def close(self) -> None:
        self._batches = iter(())


def _opened(source: str) -> tuple[Any, Iterator[Any]]:
    """The schema, and the batches of rows as they are asked for."""
    if first_bytes(Path(source), len(ARROW)) == ARROW:
        import pyarrow as pa

        file = pa.ipc.open_file(pa.memory_map(source))
        return file.schema, map(file.get_batch, range(file.num_record_batches))
    from pyarrow import parquet

    # what is read ahead would be whole groups of rows, which can be of any size
    file = parquet.ParquetFile(source, pre_buffer=False, buffer_size=BUFFER_BYTES)
    rows = max(FEWEST_ROWS, min(ROWS_AT_ONCE, CELLS_AT_ONCE // max(1, len(file.schema_arrow))))
    return file.schema_arrow, file.iter_batches(rows, use_threads=False)


def _written_as(kind: Any) -> Any:
    """The type that a column is written with; None for what is no cell."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(kind):
        return _written_as(kind.value_type)
    if types.is_timestamp(kind) or types.is_date64(kind):
        return pa.timestamp("us")
    if types.is_floating(kind) or types.is_decimal(kind):
        return pa.float32() if kind in (pa.float32(), pa.float16()) else pa.float64()
    fine = types.is_integer, types.is_boolean, types.is_string, types.is_large_string, types.is_date32, types.is_null
    return kind if any(one(kind) for one in fine) else None
