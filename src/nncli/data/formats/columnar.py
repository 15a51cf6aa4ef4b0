"""Parquet and Arrow files as blocks of rows: numbers go straight into the matrix, text stays in its dictionary.

The row numbers in messages count the rows of the table from 1. Nothing that such a file says is believed: `arrow` and
`parquet` count what a batch will take before it is read, and validate it before it is used. A batch in which something
is out of the ordinary is read again as text by `StrictParser`, which says what.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import types

from nncli.data.arrow_conversion import call, cast, encoded, is_text, number_array, string_array, vector
from nncli.data.byte_input import reason, refuse_bomb, sha256_of
from nncli.data.cells import (
    PlainNumber,
    as_number,
    bare,
    check_width,
    column_number,
    days,
    in_spelling,
    is_missing,
    text_column,
)
from nncli.data.csv.column_kinds import DECLARED, STORED_AS_TEXT
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.header import SAMPLE_BYTES
from nncli.data.csv.positions import Known
from nncli.data.csv.strict_parser import StrictParser
from nncli.data.dataset import Schema, Table, TextColumn
from nncli.data.formats.table_layout import layout_for_model, layout_to_learn
from nncli.data.row_blocks import BlockReader, Layout, OnError, RowBlock
from nncli.data.sources import title
from nncli.data.spellings import Spelling
from nncli.errors import DataError

BATCH_ROWS, BATCH_CELLS = 1 << 14, 1 << 20
TEXT_BYTES, ROW_BYTES = 4 << 20, 16 << 20  # of text that is unpacked at a time, and of that of a row
BATCH_RATIO = 4  # bytes of a batch in memory for one of the file
OpenFile = Callable[[str, str], Any]  # of the name of a file, and that in messages


class ColumnarFile:
    """A Parquet or Arrow file, and those of its columns that can be read."""

    def __init__(self, source: str, open_file: OpenFile) -> None:
        """Raise DataError for a file that is damaged, or has no column that can be read."""
        self.source, self.where = source, title((source,))
        self.bytes = Path(source).stat().st_size
        with self._explained():
            self._file = open_file(source, self.where)
            schema = self._file.schema
            check_width(len(schema), self.where)
            kinds = {name: (kind, _cell_type(kind)) for name, kind in zip(schema.names, schema.types, strict=True)}
            categories = {name for name in self._file.categories if kinds[name][1] is not None}
            kinds |= {name: (kinds[name][0], pa.string()) for name in categories}
        if len(kinds) < len(schema):
            raise DataError(self.where, "two columns have the same name", "Rename one of them")
        self.notes = tuple(
            f"column '{name}': left out, as its cells are {kind}" for name, (kind, its) in kinds.items() if its is None
        )
        self.notes += tuple(
            f"column '{name}': its times are in the zone {kind.tz}, and are read in UTC"
            for name, (kind, _) in kinds.items()
            if types.is_timestamp(kind) and kind.tz not in (None, "UTC")
        )
        self._types = {name: its for name, (_, its) in kinds.items() if its is not None}
        if not self._types:
            raise DataError(self.where, "no column of numbers, text or dates")
        self.names = [bare(name) for name in self._types]
        texts = [name for name, its in self._types.items() if is_text(its)]
        self.not_numbers = {bare(n): DECLARED if n in categories else STORED_AS_TEXT for n in texts}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise DataError for whatever pyarrow finds wrong with the file."""
        try:
            yield
        except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError, struct.error) as error:
            raise DataError(self.where, f"the file is damaged: {reason(error)}", "Fetch it again") from None

    def has_numbers(self, place: int) -> bool:
        """Tell whether the column in a place has numbers, and no text."""
        return _is_number([*self._types.values()][place])

    def batches(self, places: Sequence[int], most_rows: int = BATCH_ROWS) -> Generator[list[Any], None, None]:
        """Yield some rows at a time: for each of these columns a pyarrow array of numbers, text, dates or booleans."""
        names = list(self._types)
        wanted = [names[place] for place in places]
        rows = max(1, min(most_rows, BATCH_CELLS // len(wanted)))
        with self._explained(), closing(self._file.batches(wanted, rows, self._refuse)) as batches:
            for batch in batches:
                yield [self._typed(batch.column(name), self._types[name]) for name in wanted]

    def _refuse(self, size: int) -> None:
        remedy = "Write it with fewer rows in each group or batch"
        refuse_bomb(self.where, "a batch of rows", size, self.bytes, remedy, BATCH_RATIO)

    def _typed(self, column: Any, kind: Any) -> Any:
        if isinstance(column, pa.DictionaryArray):
            values = column.type.value_type
            if is_text(kind):
                return pa.DictionaryArray.from_arrays(column.indices, cast(column.dictionary, kind))
            return cast(cast(column, values), kind)
        return cast(column, kind)

    def sample(self, most: int) -> list[list[str]]:
        """Return the cells of the first rows, for each column."""
        found, text = [list[str]() for _ in self.names], 0
        with closing(self.batches(range(len(self.names)), most)) as batches:
            for batch in batches:
                for some in self.unpacked(batch, len(found[0])):
                    for cells, column in zip(found, some, strict=True):
                        cells += column.to_pylist()
                        text += column.nbytes
                    if len(found[0]) >= most or text >= SAMPLE_BYTES:
                        return [cells[:most] for cells in found]
        return found

    def unpacked(self, columns: list[Any], row: int) -> Iterator[list[Any]]:
        """Yield the rows, which come after so many others, as pyarrow string arrays: so few at a time that they stay
        small. Raises DataError for a row that is too long."""
        n, size = len(columns[0]), sum(map(_text_bytes, columns))
        if size > TEXT_BYTES and n > 1:
            yield from self.unpacked([column.slice(0, n // 2) for column in columns], row)
            yield from self.unpacked([column.slice(n // 2) for column in columns], row + n // 2)
            return
        if size > ROW_BYTES:
            problem = f"expected a row of at most {ROW_BYTES >> 20} MiB, found one of {size >> 20}"
            raise DataError(f"{self.where}:{row + 1}", problem, "Leave the long texts out of the file")
        yield [_unpacked(column) for column in columns]


class ColumnarReader(BlockReader):
    """An open Parquet or Arrow table."""

    def __init__(
        self, file: ColumnarFile, layout: Layout, notes: Sequence[str], training: bool, on_error: OnError, whole: bool
    ) -> None:
        super().__init__(layout, (*file.notes, *notes), on_error, whole)
        self.file, self.whole = file, whole
        if whole:  # the digest is computed meanwhile
            pool = ThreadPoolExecutor(1)
            self._digest = pool.submit(sha256_of, file.source)
            pool.shutdown(wait=False)
        self._strict = StrictParser(layout, file.where, training)
        self._place, self._missing = layout.place_of, self._strict.checks.missing
        target = [] if layout.target is None else [layout.target]
        used = (*layout.numeric, *layout.text, *layout.dates, *target, *layout.keep)
        self._read = sorted({self._place[name] for name in used})  # positions in the file
        self._at = {name: self._read.index(self._place[name]) for name in used}  # name → position among those
        self._plain = {place for place in self._read if file.has_numbers(place)}
        numbers = (as_number(token, layout.decimal) for token in layout.missing)
        self._missing_numbers = [float(number) for number in numbers if number is not None]

    def blocks(self) -> Iterator[RowBlock]:
        row, size = 0, 0
        with closing(self.file.batches(self._read)) as batches:
            for batch in batches:
                for block in self._blocks(batch, row):
                    table = block.table
                    size += table.numbers.nbytes + 8 * len(block) * len(table.dates)
                    for column in (*table.texts.values(), *([block.target] if block.target else [])):
                        size += column.codes.nbytes + sum(map(len, column.values))
                    if self.whole:
                        refuse_bomb(self.file.where, "the packed data", size, self.file.bytes, "Convert it to CSV")
                    yield block
                row += len(batch[0])

    def _blocks(self, columns: list[Any], row: int) -> Iterator[RowBlock]:
        """Read rows, which come after so many others."""
        if not self.layout.keep and (block := self._block(columns)) is not None:
            yield block
            return
        at = 0
        for some in self.file.unpacked(columns, row):
            n = len(some[0])
            block = self._block([column.slice(at, n) for column in columns]) if self.layout.keep else None
            if block is None:
                yield self._strict.read_rows(self._rows(some, row + at))
            else:
                yield dataclasses.replace(block, kept={name: some[self._at[name]] for name in self.layout.keep})
            at += n

    def _rows(self, columns: list[Any], row: int) -> Iterator[tuple[str, list[str]]]:
        """Yield (place, cells of all columns of the file) for each row."""
        cells = [[""] * len(columns[0])] * len(self.layout.names)
        for place, column in zip(self._read, columns, strict=True):
            cells[place] = [*map(PlainNumber, column.to_pylist())] if place in self._plain else column.to_pylist()
        for i, found in enumerate(zip(*cells, strict=True), row + 1):
            yield f"{self.file.where}:{i}", list(found)

    def _block(self, columns: list[Any]) -> RowBlock | None:
        """Read rows; None where `StrictParser` has to say what is wrong with them."""
        try:
            numbers = self._numbers([columns[self._at[name]] for name in self.layout.numeric], len(columns[0]))
            spellings = self.layout.spellings
            later = not self._strict.checks.training
            dates = {name: days(self._text(columns, name), spellings.get(name), later) for name in self.layout.dates}
        except ValueError:
            return None
        texts = {name: self._text(columns, name) for name in self.layout.text}
        target = None if self.layout.target is None else self._target(columns, self.layout.target)
        if target is not None and len(target.codes) and target.codes.min() < 0:
            return None
        if not self.layout.are_known(texts, target):
            return None
        table = Table(self.layout.numeric, numbers, texts, dates)
        return RowBlock(table, target, {}, {}) if self.layout.are_filled(table) else None

    def _text(self, columns: list[Any], name: str) -> TextColumn:
        return text_column(*encoded(_as_text(columns[self._at[name]])), self._missing)

    def _target(self, columns: list[Any], name: str) -> TextColumn:
        codes, cells = encoded(_as_text(columns[self._at[name]]))
        if self._place[name] in self._plain:
            spelling = self.layout.spellings.get(name)
            cells = [cell and in_spelling(PlainNumber(cell), spelling) for cell in cells]
        return text_column(codes, cells, self._missing, feature=False)

    def _numbers(self, columns: list[Any], n: int) -> NDArray[Any]:
        """Make a matrix of columns of numbers. Raises ValueError where one has something else."""
        if not columns:
            return np.empty((n, 0), self.layout.dtype)
        small = self.small and all(column.type == pa.uint8() and not column.null_count for column in columns)
        if not small or self._missing_numbers:
            named = zip(self.layout.numeric, columns, strict=True)
            columns, small = [self._number_column(name, column) for name, column in named], False
        batch = pa.RecordBatch.from_arrays(columns, [str(i) for i in range(len(columns))])
        numbers: NDArray[Any] = batch.to_tensor(null_to_nan=not small).to_numpy()
        if np.isinf(numbers).any():
            raise ValueError("infinite, or too large for the type")
        return numbers

    def _number_column(self, name: str, column: Any) -> Any:
        kind = getattr(pa, self.layout.dtype)()
        is_plain, spelling = _is_number(column.type), self.layout.spellings.get(name)
        if is_plain and spelling and not spelling.takes_numbers and column.null_count < len(column):
            raise ValueError("no number of this column")
        is_number = is_plain or types.is_null(column.type)
        # float32 has no more digits in float64 than it has as text: 0.1 stays 0.1
        if is_number and (column.type, kind) != (pa.float32(), pa.float64()):
            values = cast(column, kind)
            if not self._missing_numbers or not np.isin(vector(values, self.layout.dtype), self._missing_numbers).any():
                return values
        codes, cells = encoded(_as_text(column))
        kind_of_cell = PlainNumber if is_plain else str
        numbers = string_array([self._number(spelling, kind_of_cell(bare(cell or ""))) for cell in cells])
        return number_array(vector(cast(numbers, kind), self.layout.dtype)[codes])

    def _number(self, spelling: Spelling | None, cell: str) -> str:
        """Return a cell as a number, or as nan where it is missing. Raises ValueError for another."""
        if is_missing(cell, self._missing):
            return "nan"
        number = column_number(cell, spelling, self.layout.decimal)
        if number is None:
            raise ValueError("no number")
        return number

    def growth(self) -> float:
        return 1.05

    def hexdigest(self) -> str:
        return self._digest.result()

    def close(self) -> None:
        """Do nothing, as batches are closed where they are read."""


def open_training(source: str, options: CsvOptions, dtype: str, open_file: OpenFile) -> ColumnarReader:
    """Open the rows of a file to learn from. Raises DataError and OptionError for what is wrong with it."""
    file = ColumnarFile(source, open_file)
    layout, notes = layout_to_learn(file.names, file.sample, options, dtype, file.where, file.not_numbers)
    return ColumnarReader(file, layout, notes, training=True, on_error=options.on_error, whole=True)


def read_blocks(
    source: str,
    expected: Schema,
    open_file: OpenFile,
    *,
    dtype: str = "float32",
    keep: Sequence[str] | Literal["all"] = (),
    with_target: bool = False,
    on_error: OnError = "fail",
    whole: bool = False,
    known: Known | None = None,
    needed: Mapping[str, str] = {},
) -> ColumnarReader:
    """Open the rows of a file as a model expects them; see `csv.reader.read_blocks`."""
    file = ColumnarFile(source, open_file)
    layout, notes = layout_for_model(file.names, expected, dtype, keep, with_target, file.where, known)
    layout = dataclasses.replace(layout, needed=needed)
    return ColumnarReader(file, layout, notes, training=False, on_error=on_error, whole=whole)


def _is_number(kind: Any) -> bool:
    return bool(types.is_floating(kind) or types.is_integer(kind))


def _as_text(column: Any) -> Any:
    """Convert a column to text; one that has a dictionary of texts stays as it is."""
    return column if isinstance(column, pa.DictionaryArray) else cast(column, pa.string())


def _unpacked(column: Any) -> Any:
    """Convert a column to a string array, empty where a cell is missing."""
    text = cast(column, pa.string())
    return call("coalesce", text, pa.scalar("")) if text.null_count else text


def _text_bytes(column: Any) -> int:
    """Count the bytes of the texts in a column, as they are without a dictionary."""
    if isinstance(column, pa.DictionaryArray):
        lengths = cast(call("binary_length", column.dictionary), pa.int64())
        return call("sum", call("take", lengths, column.indices)).as_py() or 0
    return int(column.nbytes) if is_text(column.type) else 0


def _cell_type(kind: Any) -> Any:
    """Return the type that a column is read as; None for what is no cell."""
    if types.is_dictionary(kind):
        return None if types.is_dictionary(kind.value_type) else _cell_type(kind.value_type)
    if types.is_timestamp(kind) or types.is_date64(kind):
        return pa.timestamp("us")
    if types.is_time(kind):  # of day, which is read as text such as 07:30:00 is
        return pa.time64("us")
    if types.is_floating(kind) or types.is_decimal(kind):
        return pa.float32() if kind in (pa.float32(), pa.float16()) else pa.float64()
    if is_text(kind):
        return pa.string()
    fine = types.is_integer, types.is_boolean, types.is_date32, types.is_null
    return kind if any(one(kind) for one in fine) else None
