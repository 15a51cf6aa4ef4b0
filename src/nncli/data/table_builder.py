"""From blocks of rows to a data set, in memory or on the disk, whatever format they were read from."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nncli.data.array_builder import InPlaceBuilder
from nncli.data.cells import NUMBER, as_number, decimal_as_point
from nncli.data.dataset import Dataset, Positions, Schema, Table, TextColumn, canonical_class
from nncli.data.numeric_target import find_numeric_target, with_numeric_target
from nncli.data.row_blocks import BlockReader, RowBlock
from nncli.data.sources import Source, title
from nncli.data.task import CLASSIFICATION
from nncli.data.text_doubts import difference, folded
from nncli.data.text_inputs import LOOKED_AT
from nncli.errors import DataError, mention
from nncli.system.output import counted, in_quotes

VALUE_BYTES = 100  # of memory for a text in a dict, beside itself
# different texts, from which on they leave memory, if they may: of so many nobody asks which are alike or garbled
MOST_VALUES = 20_000

Opener = Callable[[Schema | None], BlockReader]
IsRead = Callable[[str, TextColumn], bool]  # whether a column of that name is read word by word


class ArrayBuilder(Protocol):
    """An array (n,) or (n, d) that is built block by block."""

    def append(self, block: NDArray[Any]) -> None: ...
    def finish(self) -> Any:
        """Return the array, or a `DiskArray`."""
        ...


class TextsBuilder(Protocol):
    """Texts that are put one behind the other, elsewhere than in memory."""

    def append(self, texts: Sequence[str]) -> int:
        """Append texts; return the place of the first."""
        ...

    def finish(self) -> Sequence[str]:
        """Return all of them."""
        ...


class Storage(Protocol):
    """A place in which the arrays of a table are built."""

    most_text: int  # bytes that the distinct values of its columns of text may take in memory

    def builder(self, name: str, growth: Callable[[], float]) -> ArrayBuilder:
        """Begin an array. `growth()` estimates how many times the rows so far there will be."""
        ...

    def texts(self, name: str) -> TextsBuilder | None:
        """Begin the different texts of a column that are too many for memory; None where they stay there."""
        ...


class MemoryStorage:
    """Arrays in memory, as usual."""

    most_text = sys.maxsize

    def builder(self, name: str, growth: Callable[[], float]) -> ArrayBuilder:
        return InPlaceBuilder(growth)

    def texts(self, name: str) -> None:
        return None


class _TextBuilder:
    """Rewrites the codes of blocks into the values of all of them: each once, as long as they are in memory."""

    def __init__(self, name: str, codes: ArrayBuilder) -> None:
        self.name, self.codes, self.values, self.bytes = name, codes, dict[str, int](), 0
        self.first = np.zeros(0, np.int32)  # codes of the first cells
        self.texts: TextsBuilder | None = None
        self.stays = False  # in memory, as its first cells say

    def append(self, column: TextColumn) -> None:
        if self.texts is not None:
            first = self.texts.append(column.values)
            self.codes.append(np.where(column.codes < 0, -1, column.codes + first).astype(np.int32))
            return
        before = len(self.values)
        recode = [self.values.setdefault(value, len(self.values)) for value in column.values]
        codes = np.array([*recode, -1], np.int32)[column.codes]  # −1 finds the last one
        self.codes.append(codes)
        if len(self.first) < LOOKED_AT:
            self.first = np.append(self.first, codes[: LOOKED_AT - len(self.first)])
        new = [value for value, code in zip(column.values, recode, strict=True) if code >= before]
        self.bytes += sum(map(sys.getsizeof, new)) + VALUE_BYTES * len(new)

    def begins(self) -> TextColumn:
        """Return the first cells."""
        return TextColumn(self.first, tuple(self.values))

    def move_to(self, texts: TextsBuilder) -> None:
        """Keep the values elsewhere from now on."""
        texts.append([*self.values])
        self.texts, self.values, self.bytes = texts, {}, 0

    def finish(self) -> TextColumn:
        codes = self.codes.finish()
        return TextColumn(codes, tuple(self.values) if self.texts is None else self.texts.finish())


class RawDataset(NamedTuple):
    """The rows of all files of a source, before the target is looked at."""

    table: Table
    target: TextColumn
    schema: Schema
    sha256: str
    notes: tuple[str, ...]


def read_files(
    files: Sequence[Opener], where: str, storage: Storage, is_read: IsRead = lambda name, column: False
) -> RawDataset:
    """Read all rows. The first file is opened without a schema, and decides what the columns are; the others are opened
    for its schema. The texts of a column that `is_read` word by word need not be in memory. Raises DataError where
    there is no row."""
    schema: Schema | None = None
    notes: list[str] = []
    digests = []
    columns: _Columns | None = None
    unweighted, weight = 0, None
    for opener in files:
        with opener(schema) as reader:
            if schema is None or columns is None:
                schema = reader.layout.schema()
                columns = _Columns(reader, len(files), storage, is_read)
            for block in reader:
                columns.append(block, where)
            notes += [note for note in reader.notes if note not in notes]
            unweighted, weight = unweighted + reader.unweighted, reader.layout.weight
            digests.append(reader.hexdigest())
    if unweighted and columns is not None:
        if not columns.n:
            raise DataError(where, f"column '{weight}': expected a weight above 0, found only zeros")
        notes.append(f"column '{weight}': {counted(unweighted, 'row')} with a weight of 0, which are not used")
    assert schema is not None
    assert columns is not None
    return RawDataset(*columns.finish(where), schema, digest_of(digests), tuple(notes))


def to_learn_from(rows: RawDataset, source: Source, task: str | None = None) -> Dataset:
    """Make a data set to learn from: of classes or of numbers as the `task` says, or by what the target holds. Raises
    DataError where it does not hold two or more classes, or numbers that differ."""
    target, where = rows.target, title(source)
    name = rows.schema.target
    if task != CLASSIFICATION and (found := find_numeric_target(target, rows.schema, task, where)):
        schema, y = with_numeric_target(rows.schema, found.spelling), found.values[target.codes[:]]
        return Dataset(rows.table, y, (), schema, source, rows.sha256, notes=(*rows.notes, *found.notes))
    if rows.schema.header and name in target.values and len(target.values) > 2:
        problem = f"target column '{name}': found a class of that name, which looks like a header among the rows"
        raise DataError(where, problem, "Delete that line, or rename the column or the class")
    representative, notes = one_spelling(target.values, rows.schema.decimal)
    classes = in_order(representative)
    if len(classes) == 1:
        problem = f"expected two or more classes, found only {in_quotes(classes[0])}"
        raise DataError(
            where, f"target column '{rows.schema.target}': {problem}", f"Choose another column with {mention('target')}"
        )
    rank = {value: i for i, value in enumerate(classes)}
    y = recoded(target, [rank[value] for value in representative], len(classes))
    return Dataset(rows.table, y, tuple(classes), rows.schema, source, rows.sha256, notes=(*rows.notes, *notes))


def in_order(names: Iterable[str]) -> list[str]:
    """Sort the names of classes, each once: by number if all are numbers, else by the alphabet."""
    distinct = set(names)
    return sorted(distinct, key=_by_number if all(map(_is_number, distinct)) else None)


def digest_of(digests: Sequence[str]) -> str:
    """Combine the digests of several files; that of a single one stays as it is."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


class _Columns:
    """The columns of a table that is being read."""

    def __init__(self, first: BlockReader, files: int, storage: Storage, is_read: IsRead) -> None:
        def builder(name: str) -> ArrayBuilder:
            return storage.builder(name, lambda: files * first.growth())

        self.layout = layout = first.layout
        self.n, self.storage, self.is_read = 0, storage, is_read
        self.numbers = builder("numbers") if layout.numeric else None
        self.target = _TextBuilder("target", builder("target"))
        places = {name: f"text-{i}" for i, name in enumerate(layout.text)}
        self.texts = {name: _TextBuilder(place, builder(place)) for name, place in places.items()}
        self.dates = {name: builder(f"date-{i}") for i, name in enumerate(layout.dates)}

    def append(self, block: RowBlock, where: str) -> None:
        self.n += len(block)
        if self.numbers is not None:
            self.numbers.append(block.table.numbers)
        assert block.target is not None
        target = self.layout.target or ""
        for name, text, column in (
            *((name, text, block.table.texts[name]) for name, text in self.texts.items()),
            (target, self.target, block.target),
        ):
            text.append(column)
            if len(text.values) > MOST_VALUES or self._are_too_many():
                self._move_out(name, text)
            if self._are_too_many():
                raise _too_many(where, name, len(text.values), text is self.target)
        for name, days in self.dates.items():
            days.append(block.table.dates[name])

    def _are_too_many(self) -> bool:
        """Tell whether the texts take more memory than they may."""
        return self.target.bytes + sum(text.bytes for text in self.texts.values()) > self.storage.most_text

    def _move_out(self, name: str, text: _TextBuilder) -> None:
        """Move the texts of a column out of memory, if they may be elsewhere: those that are read word by word."""
        if text is self.target or text.texts is not None or text.stays:
            return
        place = self.storage.texts(text.name) if self.is_read(name, text.begins()) else None
        if place is not None:
            text.move_to(place)
        else:
            text.stays = len(text.first) == LOOKED_AT

    def finish(self, where: str) -> tuple[Table, TextColumn]:
        if not self.n:
            raise DataError(where, "no rows below the header")
        table = Table(
            self.layout.numeric,
            np.empty((self.n, 0), self.layout.dtype) if self.numbers is None else self.numbers.finish(),
            {name: text.finish() for name, text in self.texts.items()},
            {name: days.finish() for name, days in self.dates.items()},
        )
        for name, column in table.texts.items():  # the cells behind the first block may say otherwise
            if self.texts[name].texts is not None and not self.is_read(name, column):
                raise _too_many(where, name, len(column.values), is_target=False)
        return table, self.target.finish()


def _too_many(where: str, name: str, n: int, is_target: bool) -> DataError:
    remedy = f"Leave the column out with {mention('drop')}, or allow more {mention('memory')}"
    if is_target:
        remedy = f"Allow more {mention('memory')}"
    return DataError(where, f"column '{name}': {n:,} different texts so far, too many for that memory", remedy)


def one_spelling(values: Sequence[str], decimal: str = ".") -> tuple[list[str], list[str]]:
    """Return for each class the spelling that stands for it, the first one met: 1 and 1.0, True and TRUE are one class;
    also return notes, which warn of classes that seem to be one."""
    keys = [canonical_class(value) for value in values]
    if {"0", "1", "true", "false"}.issuperset(keys):
        keys = [{"true": "1", "false": "0"}.get(key, key) for key in keys]
    first: dict[str, str] = {}
    for key, value in zip(keys, values, strict=True):
        first.setdefault(key, value)
    found = [first[key] for key in keys]
    merged = [(value, one) for value, one in zip(values, found, strict=True) if one != value]
    notes = [f"classes {in_quotes(one)} and {in_quotes(other)} are the same class" for other, one in merged]
    alike: dict[str, str] = {}
    for value in first.values():
        if (other := alike.setdefault(folded(value), value)) != value:
            pair = f"classes {in_quotes(other)} and {in_quotes(value)}"
            notes.append(f"warning: {pair} {difference(other, value)}, and are two classes")
    numbers: dict[str, str] = {}
    for value in first.values() if decimal != "." else ():
        if as_number(value, decimal) is not None:
            key = canonical_class(decimal_as_point(value, decimal))
            if (other := numbers.setdefault(key, value)) != value:
                pair = f"classes {in_quotes(other)} and {in_quotes(value)}"
                notes.append(f"warning: {pair} are one number where '{decimal}' is the decimal sign, and two classes")
    return found, notes


def _is_number(value: str) -> bool:
    return NUMBER.fullmatch(value) is not None and math.isfinite(float(value))


def _by_number(value: str) -> tuple[float, str]:
    return float(value), value


def recoded(column: TextColumn, codes: Sequence[int], n: int) -> Positions:
    """Replace each value of the column by its number in `codes`, which is below n: (rows,), in a type as small as that
    allows, as it stays in memory however large the table is."""
    return np.array(codes, np.min_scalar_type(-n))[column.codes[:]]
