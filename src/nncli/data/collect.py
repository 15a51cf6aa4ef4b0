"""Blocks of rows → a data set in memory, whatever the format they were read from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import NUMBER, Layout
from nncli.data.dataset import Dataset, Schema, Table, TextColumn
from nncli.data.fast import Block
from nncli.data.files import shown
from nncli.errors import DataError


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

    def __init__(self, times: Callable[[], float]) -> None:
        self.codes, self.values = _Growing(times), dict[str, int]()

    def append(self, column: TextColumn) -> None:
        recode = [self.values.setdefault(value, len(self.values)) for value in column.values]
        self.codes.append(np.array([*recode, -1], np.int32)[column.codes])  # −1 finds the last one

    def finished(self) -> TextColumn:
        return TextColumn(self.codes.finished(), tuple(self.values))


@dataclass(frozen=True)
class Rows:
    """Those of all files, one after the other."""

    table: Table
    target: TextColumn
    schema: Schema
    sha256: str
    notes: tuple[str, ...]


def rows_of(files: Sequence[Opener], where: str) -> Rows:
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
                columns = _Columns(reader, len(files))
            notes += [note for note in reader.notes if note not in notes]
            for block in reader:
                columns.append(block)
            digests.append(reader.hexdigest())
    assert schema is not None
    assert columns is not None
    return Rows(*columns.finished(where), schema, digest_of(digests), tuple(notes))


def collect(files: Sequence[Opener], source: str) -> Dataset:
    """Rows to learn from; DataError where what is to be predicted is no class."""
    rows = rows_of(files, shown(source))
    classes, y = _classes(rows.target, rows.schema.target, shown(source))
    return Dataset(rows.table, y, classes, rows.schema, source, rows.sha256, notes=rows.notes)


def digest_of(digests: Sequence[str]) -> str:
    """Of several files: that of their digests."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


class _Columns:
    """Those of a table, growing."""

    def __init__(self, first: Reader, files: int) -> None:
        def times() -> float:
            return files * first.times()

        layout = first.layout
        self.layout, self.numbers, self.target = layout, _Growing(times), _GrowingText(times)
        self.texts = {name: _GrowingText(times) for name in layout.text}
        self.dates = {name: _Growing(times) for name in layout.dates}

    def append(self, block: Block) -> None:
        self.numbers.append(block.table.numbers)
        for name, text in self.texts.items():
            text.append(block.table.texts[name])
        for name, days in self.dates.items():
            days.append(block.table.dates[name])
        assert block.target is not None
        self.target.append(block.target)

    def finished(self, where: str) -> tuple[Table, TextColumn]:
        n = self.numbers.rows
        if not n:
            raise DataError(where, "no rows below the header")
        if not self.layout.numeric:
            self.numbers.array = np.empty((0, 0), self.layout.dtype)
        table = Table(
            self.layout.numeric,
            self.numbers.finished() if self.layout.numeric else np.empty((n, 0), self.layout.dtype),
            {name: text.finished() for name, text in self.texts.items()},
            {name: days.finished() for name, days in self.dates.items()},
        )
        return table, self.target.finished()


def _classes(target: TextColumn, name: str, where: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
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
            f"target column '{name}': expected two or more classes, found only '{classes[0]}'",
            "Choose another column with --target",
        )
    rank = {value: i for i, value in enumerate(classes)}
    return tuple(classes), np.array([rank[value] for value in target.values], np.int64)[target.codes]
