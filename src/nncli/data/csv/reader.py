"""CSV: blocks of whole rows, each read by pyarrow; what pyarrow refuses or takes too lightly is read by hand.

files → bytes · sniff, match → layout · cells → what a row means · fast → pyarrow's reading of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from nncli.data.arrow_arrays import string_array
from nncli.data.byte_stream import ByteStream
from nncli.data.csv.alignment import plan_answering
from nncli.data.csv.arrow_parser import Block, FastPath, days, text_column
from nncli.data.csv.detection import CsvOptions, Plan, plan_training
from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.csv.strict_parser import DEFAULT_MISSING, ROW_LIMIT, Layout, SlowPath, end_of_rows, open_quote
from nncli.data.dataset import Schema, Table
from nncli.data.formats.columnar import TableInput, is_table
from nncli.data.streams import Input, keep_freed_memory, open_input, side_by_side
from nncli.errors import DataError

__all__ = [
    "DEFAULT_MISSING",
    "Block",
    "CsvOptions",
    "CsvReader",
    "Layout",
    "open_training",
    "read_blocks",
]

BLOCK_BYTES = 3 << 19
MOST_THREADS = 8  # with a block each; more would wait for the one that cuts them
FEW_BYTES = 4 << 10  # read by hand in 0.05 to 0.5 ms; pyarrow may wait 4 ms for its threads
BY_HAND_BYTES = 64 << 10  # a refused block is halved down to this, so that one bad row slows few others


class _NoEnd(Exception):
    """What is left of the file is no whole row. `__iter__` knows the line."""


class CsvReader:
    """An open file whose layout is known; iterate once for its blocks. A context manager."""

    def __init__(
        self,
        source: Input,
        plan: Plan,
        *,
        training: bool = False,
        on_error: Literal["fail", "blank"] = "fail",
        whole: bool = False,
    ) -> None:
        self.input, self.layout, self.notes, self.on_error = source, plan.layout, plan.notes, on_error
        self.small = whole  # whole numbers 0 to 255 so far
        self._rest, self._stream, self._line = plan.rest, plan.stream, plan.first_line
        self.bytes = 0  # of the rows read so far
        self._fast = FastPath(self.layout)
        self._slow = SlowPath(self.layout, source.where, training)

    def __enter__(self) -> CsvReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.input.close()

    def times(self) -> float:
        """How many times the rows so far there will be, about."""
        return 1.05 * max(1, self.input.size / self.bytes)

    def hexdigest(self) -> str:
        """SHA-256 of the file as it is on the disk."""
        return self.input.hexdigest()

    def __iter__(self) -> Iterator[Block]:
        try:
            for data, regular, parsed in self._parsed():
                rows, self.bytes = 0, self.bytes + len(data)
                for block in self._read(data, regular, parsed, self._line):
                    if block.errors and self.on_error == "fail":
                        row, error = next(iter(block.errors.items()))
                        yield block.before(row)  # however many rows a pipe had for a block, they are answered
                        raise error
                    rows += len(block)
                    yield block
                self._line += data.count(b"\n") if b'"' in data else rows  # counting takes longer than one thinks
        except _NoEnd as rest:
            where = f"{self.input.where}:{self._line}"
            if '"' in str(rest):
                raise open_quote(where) from None
            raise DataError(where, f"expected a row, found no end of line in {ROW_LIMIT >> 20} MiB") from None

    def _parsed(self) -> Iterator[tuple[bytes, bool, Block | None]]:
        """The parts of the file, each with pyarrow's reading of it."""

        def parse(part: tuple[bytes, bool]) -> tuple[bytes, bool, Block | None]:
            data, regular = part
            return data, regular, self._parse(data, regular)

        import pyarrow as pa

        keep_freed_memory()
        return side_by_side(parse, self._cut(), min(pa.cpu_count(), MOST_THREADS))

    def _parse(self, data: bytes, regular: bool) -> Block | None:
        return None if len(data) < FEW_BYTES else self._fast.read(data, regular, self.small)

    def _cut(self) -> Iterator[tuple[bytes, bool]]:
        """Whole rows as they arrive, and whether their quotes are regular."""
        tail, at_end = self._rest, False
        self._rest = b""
        wide = len(self.layout.names) > 1
        while True:
            end, regular = end_of_rows(tail, self.layout.delimiter)
            # Empty lines are an error, but not at the end of the file: they wait for what follows.
            while wide and (tail.endswith((b"\n\n", b"\n\r\n"), 0, end) or tail[:end] in (b"\n", b"\r\n")):
                end -= 2 if tail[end - 2 : end] == b"\r\n" else 1
            if end:
                data, tail = tail[:end], tail[end:]
                yield data, regular
            if at_end:
                break
            if len(tail) > ROW_LIMIT:
                raise _NoEnd('"' if b'"' in tail else "")
            chunk = self._stream.read(BLOCK_BYTES)
            at_end = not chunk
            tail += chunk
            del chunk  # megabytes that nobody needs while the block is read
            if at_end and tail and not tail.endswith(b"\n"):
                tail += b"\n"  # the end of the file ends its last row
        if tail.strip(b"\r\n"):
            raise _NoEnd('"')

    def _read(self, data: bytes, regular: bool, parsed: Block | None, line: int) -> Iterator[Block]:
        if parsed is None and len(data) > BY_HAND_BYTES:
            half, half_regular = end_of_rows(data[: len(data) // 2], self.layout.delimiter)
            if half:
                rest = data[half:]
                rest_regular = end_of_rows(rest, self.layout.delimiter)[1]
                first = data[:half]
                yield from self._read(first, half_regular, self._parse(first, half_regular), line)
                line += first.count(b"\n")
                yield from self._read(rest, rest_regular, self._parse(rest, rest_regular), line)
                return
        yield self._settled(self.by_hand(data, line) if parsed is None else parsed)

    def by_hand(self, data: bytes, line: int) -> Block:
        """The block as the slow path reads it."""
        rows = self._slow.read(data, line)
        n = np.arange(len(rows.numbers))
        texts = {name: text_column(n, cells, frozenset()) for name, cells in rows.text.items()}
        target = None if self.layout.target is None else text_column(n, rows.target, frozenset(), feature=False)
        kept = {name: string_array(cells) for name, cells in rows.kept.items()}
        dates = {name: days(text_column(n, cells, frozenset())) for name, cells in rows.dates.items()}
        known = {name: column for name, column in dates.items() if column is not None}  # which is all of them
        return Block(Table(self.layout.numeric, rows.numbers, texts, known), target, kept, rows.errors)

    def _settled(self, block: Block) -> Block:
        """uint8 as long as everything fits it, and no longer."""
        numbers = block.table.numbers
        if not self.small or numbers.dtype == np.uint8 or not numbers.size:
            return block
        fits = (numbers >= 0) & (numbers <= 255) & (numbers == np.trunc(numbers))  # NaN does not
        self.small = bool(fits.all())
        if not self.small:
            return block
        table = dataclasses.replace(block.table, numbers=numbers.astype(np.uint8))
        return Block(table, block.target, block.kept, block.errors)


def read_blocks(
    source: str,
    expected: Schema,
    *,
    dtype: str = "float32",
    keep: Sequence[str] | Literal["all"] = (),
    with_target: bool = False,
    on_error: Literal["fail", "blank"] = "fail",
    stream: ByteStream | None = None,
    whole: bool = False,
    text: TextOptions = DETECTED,
) -> CsvReader:
    """The rows of `source` as a model expects them, block by block as they arrive.

    Needs no more than the first line before it returns. The numbers are of `dtype`, or float64 where the model needs
    that; with `whole`, for a file that will be read to its end, blocks of small whole numbers may also be uint8, and
    the file is hashed.
    """
    opened = _opened(source, stream, whole)
    try:
        plan = plan_answering(opened, expected, dtype, keep, with_target, text)
        return CsvReader(opened, plan, on_error=on_error, whole=whole)
    except BaseException:
        opened.close()
        raise


def _opened(source: str, stream: ByteStream | None, hashed: bool) -> Input:
    if stream is None and source != "-" and is_table(source):
        return TableInput(source, hashed)
    return open_input(source, stream=stream, hashed=hashed)


def open_training(source: str, options: CsvOptions, dtype: str, stream: ByteStream | None = None) -> CsvReader:
    """The rows of `source` to learn from. DataError and OptionError say what is wrong with it."""
    opened = _opened(source, stream, True)
    try:
        if isinstance(opened, TableInput):
            options = options.of_table()
        return CsvReader(opened, plan_training(opened, options, dtype), training=True, whole=True)
    except BaseException:
        opened.close()
        raise
