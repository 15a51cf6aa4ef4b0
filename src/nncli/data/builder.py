"""Blocks of rows → a data set, in memory or on the disk, whatever the format they were read from."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nncli.data.csv.arrow_parser import Block
from nncli.data.csv.strict_parser import NUMBER, Layout
from nncli.data.dataset import Dataset, Positions, Schema, Table, TextColumn
from nncli.data.sources import Source, title
from nncli.errors import DataError
from nncli.system.output import in_quotes

VALUE_BYTES = 100  # of memory for a text in a dict, beside itself


class Reader(Protocol):
    """An open file whose layout is known; iterate once for its blocks. A context manager."""

    layout: Layout
    notes: tuple[str, ...]

    def __iter__(self) -> Iterator[Block]: ...
    def __enter__(self) -> Reader: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def times(self) -> float:
        """How many times the rows so far there will be, about."""
        ...

    def hexdigest(self) -> str:
        """SHA-256 of the file as it is on the disk."""
        ...


Opener = Callable[[Schema | None], Reader]


class GrowingArray(Protocol):
    """(n,) or (n, d), a block at a time."""

    def append(self, block: NDArray[Any]) -> None: ...
    def finished(self) -> Any:
        """The array, or a `Stored` one."""
        ...


class Place(Protocol):
    """Where the arrays of a table grow."""

    most_text: int  # bytes that the distinct values of its columns of text may take

    def grow(self, name: str, times: Callable[[], float]) -> GrowingArray: ...


class InMemory:
    """The usual place."""

    most_text = sys.maxsize

    def grow(self, name: str, times: Callable[[], float]) -> GrowingArray:
        """`times()` is how many times the rows so far there will be, about."""
        return _Growing(times)


class _Growing:
    """Rows appended in place: growing moves pages and copies nothing, so the peak is the matrix itself.

    Room is made at once for `times()` the rows of the first block: memory that is never written costs nothing,
    whereas what growing adds is filled with zeros first.
    """

    def __init__(self, times: Callable[[], float]) -> None:
        self.rows, self.times, self.array = 0, times, np.empty((0, 0), np.uint8)

    def append(self, block: NDArray[Any]) -> None:
        n = self.rows + len(block)
        if not self.rows:
            self.array = np.empty((int(n * self.times()), *block.shape[1:]), block.dtype)
        elif self.array.dtype == np.uint8 and block.dtype != np.uint8:
            numbers, self.array = self.array[: self.rows], np.empty(self.array.shape, block.dtype)
            self.array[: self.rows] = numbers
        if n > len(self.array):
            self.array.resize((max(n, len(self.array) * 3 // 2), *block.shape[1:]), refcheck=False)
        self.array[self.rows : n] = block
        self.rows = n

    def finished(self) -> NDArray[Any]:
        self.array.resize((self.rows, *self.array.shape[1:]), refcheck=False)
        return self.array


class _GrowingText:
    """Codes of blocks, rewritten into the values of all of them."""

    def __init__(self, codes: GrowingArray) -> None:
        self.codes, self.values = codes, dict[str, int]()

    def append(self, column: TextColumn) -> int:
        """Returns how many bytes of memory the new values take."""
        new = [value for value in column.values if value not in self.values]
        recode = [self.values.setdefault(value, len(self.values)) for value in column.values]
        self.codes.append(np.array([*recode, -1], np.int32)[column.codes])  # −1 finds the last one
        return sum(map(sys.getsizeof, new)) + VALUE_BYTES * len(new)

    def finished(self) -> TextColumn:
        return TextColumn(self.codes.finished(), tuple(self.values))


@dataclass(frozen=True)
class Rows:
    """Those of all files, one after the other, read and not yet judged."""

    table: Table
    target: TextColumn
    schema: Schema
    sha256: str
    notes: tuple[str, ...]


def rows_of(files: Sequence[Opener], where: str, place: Place) -> Rows:
    """The first file is opened without a schema, and decides what the columns are; the others are opened for its
    schema. DataError where there is no row."""
    schema: Schema | None = None
    notes: list[str] = []
    digests = []
    columns: _Columns | None = None
    for opener in files:
        with opener(schema) as reader:
            if schema is None or columns is None:
                schema = reader.layout.schema()
                columns = _Columns(reader, len(files), place)
            notes += [note for note in reader.notes if note not in notes]
            for block in reader:
                columns.append(block, where)
            digests.append(reader.hexdigest())
    assert schema is not None
    assert columns is not None
    return Rows(*columns.finished(where), schema, digest_of(digests), tuple(notes))


def to_learn_from(rows: Rows, source: Source) -> Dataset:
    """DataError where what is to be predicted is no class."""
    classes, y = _classes(rows.target, rows.schema.target, title(source))
    return Dataset(rows.table, y, classes, rows.schema, source, rows.sha256, notes=rows.notes)


def digest_of(digests: Sequence[str]) -> str:
    """Of several files: that of their digests."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


class _Columns:
    """Those of a table, growing."""

    def __init__(self, first: Reader, files: int, place: Place) -> None:
        def grow(name: str) -> GrowingArray:
            return place.grow(name, lambda: files * first.times())

        self.layout = layout = first.layout
        self.n, self.text_bytes, self.place = 0, 0, place
        self.numbers = grow("numbers") if layout.numeric else None
        self.target = _GrowingText(grow("target"))
        self.texts = {name: _GrowingText(grow(f"text-{i}")) for i, name in enumerate(layout.text)}
        self.dates = {name: grow(f"date-{i}") for i, name in enumerate(layout.dates)}

    def append(self, block: Block, where: str) -> None:
        self.n += len(block)
        if self.numbers is not None:
            self.numbers.append(block.table.numbers)
        assert block.target is not None
        target = self.layout.target or ""
        for name, text, column in (
            *((name, text, block.table.texts[name]) for name, text in self.texts.items()),
            (target, self.target, block.target),
        ):
            self.text_bytes += text.append(column)
            if self.text_bytes > self.place.most_text:
                raise DataError(
                    where, f"column '{name}': {len(text.values):,} different texts so far, too many for that memory",
                    "Leave the column out with --drop, or allow more --memory",
                )  # fmt: skip
        for name, days in self.dates.items():
            days.append(block.table.dates[name])

    def finished(self, where: str) -> tuple[Table, TextColumn]:
        if not self.n:
            raise DataError(where, "no rows below the header")
        table = Table(
            self.layout.numeric,
            np.empty((self.n, 0), self.layout.dtype) if self.numbers is None else self.numbers.finished(),
            {name: text.finished() for name, text in self.texts.items()},
            {name: days.finished() for name, days in self.dates.items()},
        )
        return table, self.target.finished()


def _classes(target: TextColumn, name: str, where: str) -> tuple[tuple[str, ...], Positions]:
    numeric = all(NUMBER.fullmatch(value) and np.isfinite(float(value)) for value in target.values)
    if numeric:
        n, k = len(target.codes), len(target.values)
        fractional = any(not float(value).is_integer() for value in target.values)
        if k > 1000 or (fractional and k > 20 and k > n / 10):
            raise DataError(
                where,
                f"target column '{name}': {k} different numbers look like a quantity, and nncli trains classifiers",
                "Choose another column with --target, or write classes into the file",
            )
    classes = sorted(target.values, key=(lambda value: (float(value), value)) if numeric else None)
    if len(classes) == 1:
        raise DataError(
            where,
            f"target column '{name}': expected two or more classes, found only {in_quotes(classes[0])}",
            "Choose another column with --target",
        )
    rank = {value: i for i, value in enumerate(classes)}
    return tuple(classes), recoded(target, [rank[value] for value in target.values], len(classes))


def recoded(column: TextColumn, codes: Sequence[int], n: int) -> Positions:
    """(rows,): in place of each value of the column that number, which is below n; in a type as small as that allows,
    as it stays in memory however large the table is."""
    found: Positions = np.array(codes, np.min_scalar_type(-n))[column.codes[:]]
    return found
