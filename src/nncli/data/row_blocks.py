"""Tables as blocks of rows: how the columns are read, some rows of them, and what every reader of tables does."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import DEFAULT_MISSING, bare
from nncli.data.column_profile import ColumnProfile
from nncli.data.csv.late_codes import CodeWatch
from nncli.data.csv.late_repeats import RepeatWatch
from nncli.data.dataset import Schema, Table, TextColumn, canonical_class, spellings_of
from nncli.data.spellings import Spelling
from nncli.errors import MOST_LISTED, DataError, flag
from nncli.system.output import counted, percent

LISTED = ": left out: "  # between the place and the fault of a row
FEW_WORDS = 30
MOST_HARMLESS = 0.05  # of the rows, that are left out
OnError = Literal["fail", "blank", "skip"]


@dataclass(frozen=True)
class Layout:
    """A decision, made before the first row is read, on how the columns of a file are read."""

    names: tuple[str, ...]  # every column of the file, in file order
    delimiter: str
    header: bool
    numeric: tuple[str, ...]  # feature columns read as numbers, in this order
    text: tuple[str, ...]  # feature columns read as text
    target: str | None  # read as text exactly as written
    keep: tuple[str, ...] = ()  # columns also handed through as the text in the file
    missing: tuple[str, ...] = DEFAULT_MISSING
    decimal: str = "."
    is_decimal_sure: bool = False  # told, or shown by a number of the sample
    spellings: Mapping[str, Spelling] = field(default_factory=dict)  # by column, where that is not the plain way
    dtype: str = "float32"  # of the numbers
    dates: tuple[str, ...] = ()  # feature columns read as dates
    encoding: str = "utf-8"
    profile: tuple[ColumnProfile, ...] = ()  # of the columns of a training file
    needed: Mapping[str, str] = field(default_factory=dict)  # columns of weights, groups and times → which of these
    whole: frozenset[str] = frozenset()  # of the numeric ones, those that had only whole numbers in training
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)  # column → the only texts that it may hold
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)  # column → texts that it is known to hold
    one_line: frozenset[str] = frozenset()  # columns of text that are known to hold no line ends
    few_words: Mapping[str, frozenset[str]] = field(default_factory=dict)  # column → the texts, where it has few
    codes: CodeWatch = field(default_factory=lambda: CodeWatch({}), compare=False)  # of the columns of numbers
    row_numbers: tuple[str, ...] = ()  # columns left out as they tell rows apart, which later ones have to confirm
    missing_words: Mapping[str, Sequence[str]] = field(default_factory=dict)  # column → those for no number
    quote: str = '"'  # as in Schema
    escape: str = ""
    blanks: bool = False
    header_rows: int = 1
    numeric_target: bool = False
    is_rewritten: bool = False  # rows stand in the file with other marks than the parsers read

    @property
    def place_of(self) -> dict[str, int]:
        """Name → position; names that nobody asks for may come twice."""
        return {name: i for i, name in reversed(list(enumerate(self.names)))}

    @property
    def weight(self) -> str | None:
        """The column of weights, if it is one of numbers."""
        return next((name for name, what in self.needed.items() if what == "weight" and name in self.numeric), None)

    def are_known(self, texts: Mapping[str, TextColumn], target: TextColumn | None) -> bool:
        """Tell whether the columns hold only the texts that they may hold, and a numeric target numbers alone."""
        if target is not None and self.numeric_target:
            from nncli.data.numeric_target import are_numbers

            spelling = self.spellings.get(self.target or "")
            if not are_numbers(target, spelling, self.decimal):
                return False
        columns = dict(texts) if target is None else {**texts, self.target or "": target}
        return all(known.issuperset(map(canonical_class, columns[name].values)) for name, known in self.known.items())

    def are_filled(self, table: Table) -> bool:
        """Tell whether each row has its weight, from 0, its group and its time."""
        for name, what in self.needed.items():
            if name in table.number_names:
                column = table.numbers[:, table.number_names.index(name)]
                filled = column >= 0 if what == "weight" else column == column  # NaN does not equal itself
            elif name in table.texts:
                filled = table.texts[name].codes >= 0
            elif name in table.dates:
                filled = ~np.isnan(table.dates[name])
            else:
                continue  # a column that there is not, which is told with the option that names it
            if not filled.all():
                return False
        return True

    def has_one_line(self, name: str) -> bool:
        """Tell whether the cells of a column hold no line ends, as far as is known."""
        return name in self.one_line or name in self.numeric or name in self.dates

    def has_stray_quote(self, name: str, text: str) -> bool:
        """Tell whether a text of a column differs from a word of it by quotes alone."""
        words = self.words.get(name, frozenset())
        return '"' in text and text not in words and text.replace('"', "") in words and text.strip('"') != ""

    def schema(self) -> Schema:
        """Make what a model that learns from such rows asks of later ones."""
        kinds = {"number": self.numeric, "text": self.text, "date": self.dates}
        kind_of = {name: kind for kind, names in kinds.items() for name in names}
        target = self.target or ""
        return Schema(
            columns=tuple((name, kind_of[name]) for name in self.names if name in kind_of),
            target=target,
            header=self.header,
            missing=self.missing,
            target_place=sum(name in kind_of for name in self.names[: self.names.index(target)]),
            delimiter=self.delimiter,
            width=len(self.names),
            decimal=self.decimal,
            spellings=tuple(self.spellings.items()),
            encoding=self.encoding,
            dtype=self.dtype,
            profile=self.profile,
            quote=self.quote,
            escape=self.escape,
            blanks=self.blanks,
            header_rows=self.header_rows,
        )


def one_line_and_few(known: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Tell which columns of text hold no line ends, and the texts of those that hold few, as fields of a layout, from
    all texts that are `known` of each."""
    single = {name: texts for name, texts in known.items() if not any("\n" in text for text in texts)}
    one_line = {name: {*map(bare, texts)} - {""} for name, texts in single.items()}
    few = {name: frozenset(spellings_of(texts)) for name, texts in one_line.items() if len(texts) <= FEW_WORDS}
    return {"one_line": frozenset(one_line), "few_words": few}


@dataclass(frozen=True)
class RowBlock:
    """Some rows of a table. A row in `errors` has NaN, code −1 and an empty text or what could be read of `kept`.
    `notes` are what there is to say when they have been read, `made` what a reader was to make of them."""

    table: Table
    target: TextColumn | None
    kept: dict[str, Any]  # name → ListedCells or pyarrow string array, cells as in the file
    errors: dict[int, DataError]
    notes: tuple[str, ...] = ()
    row_numbers: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # of columns that are left out for them
    made: Any = None  # of just these rows; None: nothing, as of rows that are read with care

    def __len__(self) -> int:
        return len(self.table)

    def before(self, row: int) -> RowBlock:
        """Return the rows before one of them, which have no errors."""
        return self.between(0, row)

    def between(self, start: int, end: int) -> RowBlock:
        """Return the rows from one to before another."""
        return self.only(np.arange(start, end))

    def only(self, rows: NDArray[np.intp]) -> RowBlock:
        """Return some of the rows, with no text or class that is in the others alone."""
        kept = {name: cells.take(rows) for name, cells in self.kept.items()}
        errors = {i: self.errors[int(row)] for i, row in enumerate(rows) if int(row) in self.errors}
        table = self.table.take(rows)
        table = dataclasses.replace(table, texts={name: _with_its_values(its) for name, its in table.texts.items()})
        return RowBlock(table, self.target and _with_its_values(self.target.take(rows)), kept, errors, self.notes)

    def without_errors(self) -> RowBlock:
        """Return the rows that could be read; none of their columns is kept as text."""
        rows = np.delete(np.arange(len(self)), [*self.errors])
        return RowBlock(self.table.take(rows), self.target and self.target.take(rows), {}, {}, self.notes)


def _with_its_values(column: TextColumn) -> TextColumn:
    """Return a column of which each value is in a row, in the order in which they are met."""
    codes, first = np.unique(column.codes[:], return_index=True)
    codes = codes[np.argsort(first)]
    codes = codes[codes >= 0]
    new = np.full(len(column.values) + 1, -1, np.int32)  # the last is for a missing one
    new[codes] = np.arange(len(codes))
    return TextColumn(new[column.codes[:]], tuple(column.values[code] for code in codes))


class LeftOut:
    """Counts the rows or pictures that could not be read and are left out, and keeps the first errors."""

    def __init__(self, what: str) -> None:
        self.what, self.n, self.first = what, 0, list[DataError]()

    def add(self, errors: Iterable[DataError]) -> None:
        """Count what is wrong with some of them."""
        for error in errors:
            self.n += 1
            if len(self.first) < MOST_LISTED:
                self.first.append(error)

    def notes(self, used: int) -> list[str]:
        """Say how many there are beside so many good ones, and list the first. Raises DataError where all are bad."""
        if not self.n:
            return []
        if not used:
            raise self.first[0]
        counts = f"warning: left out {self.n:,} of {counted(self.n + used, self.what)}, which cannot be read"
        counts += "" if self.n == len(self.first) else f"; the first {MOST_LISTED} are:"
        found = [counts, *(f"{error.where}{LISTED}{error.problem}" for error in self.first)]
        share = self.n / (self.n + used)
        if share > MOST_HARMLESS:
            lost = f"warning: {percent(share)} of the {self.what}s are left out, and the others may not be like them"
            found.append(f"{lost}: read without {flag('on_error')} to see what to do about the first")
        return found


class BlockReader(ABC):
    """An open table whose layout is known. It is a context manager; iterate over it once for its blocks.

    With `on_error` "fail", the first unreadable row raises its error behind the rows before it; with "blank", such
    rows are in the `errors` of their blocks; with "skip", they are left out, and the notes tell of them in the end.
    With `whole`, for tables that are read to their end, numbers are uint8 as long as all are whole numbers from 0 to
    255.
    """

    def __init__(self, layout: Layout, notes: Sequence[str], on_error: OnError, whole: bool) -> None:
        self.layout, self.on_error = layout, on_error
        self.notes = [*notes]  # to which reading may add
        self.unweighted = 0  # rows with a weight of 0, that are left out
        self.small = whole  # all numbers so far are whole ones from 0 to 255

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Generator[RowBlock]:
        left_out, used = LeftOut("row"), 0
        name = self.layout.weight
        repeats = RepeatWatch()
        for read in self.blocks():
            repeats.look(read.row_numbers)
            if name is not None:
                weighted = np.flatnonzero(read.table.numbers[:, self.layout.numeric.index(name)])
                self.unweighted += len(read) - len(weighted)
                read = read.only(weighted) if len(weighted) < len(read) else read
            if read.errors and self.on_error == "skip":
                left_out.add(read.errors.values())
                read = read.without_errors()
            block = self._narrowed(read)
            if block.errors and self.on_error == "fail":
                row, error = next(iter(block.errors.items()))
                yield block.before(row)  # a pipe may have had many rows for a block
                raise error
            used += len(block)
            yield block
        repeats.end()
        self.notes += left_out.notes(used)

    def _narrowed(self, block: RowBlock) -> RowBlock:
        """Make numbers uint8 as long as all of them fit it, and no longer."""
        numbers = block.table.numbers
        if not self.small or numbers.dtype == np.uint8 or not numbers.size:
            return block
        self.small = bool(((numbers >= 0) & (numbers <= 255) & (numbers == np.trunc(numbers))).all())  # NaN does not
        if not self.small:
            return block
        return dataclasses.replace(block, table=dataclasses.replace(block.table, numbers=numbers.astype(np.uint8)))

    # what a format says of itself

    @abstractmethod
    def blocks(self) -> Iterator[RowBlock]:
        """Read the rows, with those that cannot be read in `errors`."""

    @abstractmethod
    def growth(self) -> float:
        """Estimate how many times the rows read so far the table has."""

    @abstractmethod
    def hexdigest(self) -> str:
        """Return the SHA-256 of the file as it is on the disk."""

    @abstractmethod
    def close(self) -> None:
        """Close the file."""
