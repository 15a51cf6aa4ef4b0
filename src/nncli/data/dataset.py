"""The result of every reader: a `Table` of feature columns, and a `Dataset` with its target."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.column_profile import PROFILE_FORM, ColumnProfile, profile_of, ranges
from nncli.data.disk.memmap import DiskArray
from nncli.data.disk.sparse_rows import DiskSparseNumbers
from nncli.data.disk.texts import DiskTexts
from nncli.data.sources import Source, title
from nncli.data.sparse_numbers import SparseNumbers, is_sparse
from nncli.data.spellings import SPELLING_FORM, Spelling, spelling_of
from nncli.errors import DataError, mention

Positions = NDArray[np.integer[Any]]  # of rows or of classes, in a type that is large enough
SHAPES_DIFFER = "Bring them to that size, or train a model on such pictures"
KINDS, MOST_WIDTH = ("number", "text", "date"), 1 << 20  # of columns
NUMBER = re.compile(r"([+-]?)(?=\.?\d)((?:0|[1-9]\d{0,14})?(?:\.\d*)?)", re.ASCII)
STARTS = {*"+-.0123456789"}  # of a number
POWER = re.compile(r"[+-]?[1-9]\d{0,14}(?:\.\d*)?[eE][+-]?\d{1,2}", re.ASCII)
LARGEST = 1e15  # whole numbers below are exact
TWINS = {"0": "false", "1": "true", "false": "0", "true": "1"}
QUOTES, ESCAPES = ('"', "'", ""), ("", "\\")
Target = NDArray[Any]  # `Positions` of classes, or numbers in float64
AnyArray = Any  # NDArray; or a `DiskArray`, where `memory` has asked for that; or `SparseNumbers`, also there


def is_on_disk(part: Any) -> bool:
    """Tell whether an array, or the texts of a column, are on the disk."""
    return isinstance(part, DiskArray | DiskTexts | DiskSparseNumbers)


@dataclass(frozen=True)
class TextColumn:
    """A column of text as codes into its distinct values; code −1 is a missing cell. Of texts on the disk, `DiskTexts`,
    some may be there several times."""

    codes: AnyArray  # (n,)
    values: Sequence[str]

    def take(self, rows: NDArray[Any] | slice) -> TextColumn:
        """Return some cells, in the order given; of texts on the disk those that these have, in memory."""
        codes = self.codes[rows]
        return (
            TextColumn(*self.values.some(codes))
            if isinstance(self.values, DiskTexts)
            else TextColumn(codes, self.values)
        )


def canonical(category: str) -> str:
    """Write a category in the one way that stands for all others: which of True, TRUE and true a file has, which of 1,
    1.0 and +1, or of .5 and 0.5, depends on the program that wrote it. Numbers that begin with a zero, as 007
    does, are codes, and 1.10 may be a version."""
    if len(category) in (4, 5) and (flag := category.lower()) in ("true", "false"):
        return flag
    if category[:1] not in STARTS or category.isdigit():  # most are no numbers
        return category
    found = NUMBER.fullmatch(category)
    if not found:
        return category
    value = float(category)
    if value.is_integer() and abs(value) < LARGEST:
        return str(int(value))
    return found[1].replace("+", "") + ("0" if found[2].startswith(".") else "") + found[2]


def canonical_class(name: str) -> str:
    """Write the name of a class as `canonical` does, and 1e3 as 1000: among features it may be a code."""
    if POWER.fullmatch(name) and (value := float(name)).is_integer() and abs(value) < LARGEST:
        return str(int(value))
    return canonical(name)


def spellings_of(classes: Iterable[str]) -> dict[str, int]:
    """Return the position of each class by the canonical ways to write it: of classes that are 0 and 1, or False and
    True, both ways."""
    found = {canonical_class(name): i for i, name in enumerate(classes)}
    if found.keys() <= TWINS.keys():
        for key, i in [*found.items()]:
            found.setdefault(TWINS[key], i)
    return found


@dataclass(frozen=True)
class Table:
    """A table of n rows of feature columns: all numbers as one matrix, each text column as codes. The arrays are in
    memory, or on the disk, from where `take` gets them.

    `numbers` is (n, len(number_names)), uint8 where every cell of the file is a whole number from
    0 to 255 (images stay small), else float32 or float64 with NaN for a missing cell; numbers that are nearly all 0
    may be `SparseNumbers`, which `take` leaves so. Dates are days since 1970, (n,)
    float64, with NaN too.
    """

    number_names: tuple[str, ...]
    numbers: AnyArray
    texts: Mapping[str, TextColumn] = field(default_factory=dict)
    dates: Mapping[str, AnyArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def is_on_disk(self) -> bool:
        """Tell whether the table is on the disk."""
        texts = (part for column in self.texts.values() for part in (column.codes, column.values))
        return any(is_on_disk(part) for part in (self.numbers, *texts, *self.dates.values()))

    def take(self, rows: NDArray[Any]) -> Table:
        """Return some rows, in the order given."""
        return Table(
            self.number_names,
            self.numbers.take(rows) if isinstance(self.numbers, SparseNumbers) else self.numbers[rows],
            {name: column.take(rows) for name, column in self.texts.items()},
            {name: days[rows] for name, days in self.dates.items()},
        )

    def with_zeros(self) -> Table:
        """Return the table, of few rows, with all zeros of numbers that are stored sparse."""
        return dataclasses.replace(self, numbers=self.numbers[:]) if is_sparse(self.numbers) else self


@dataclass(frozen=True)
class Schema:
    """The columns of a training file: what a model asks of every later one.

    `numeric_target` is whether the target is a number, and no class.
    `columns` are (name, "number", "text" or "date") in the order of the file, which is what counts where
    new data has no header; `target_place` is the target's position among them. `header` is whether
    the file named its columns (without, they are called c0, c1, … by their positions). `missing`
    are the texts that mean a missing value. `width` is how many columns the training file had, with those that
    were left out. `delimiter` is that of the training file; that of a later
    file is found among it and the usual ones. `decimal` is the decimal sign of the numbers. `encoding` is that of the
    training file, and of a later one whose first bytes do not tell. `dtype` is
    the type that numbers are to be read with: float64 where float32 cannot tell those of a column apart. `spellings`
    say how numbers and dates are written, for columns where that is not the plain way. `quote` stands
    around cells ("": none is quoted), `escape` before a quote within one ("": nothing; it is doubled), and with
    `blanks`, blanks may stand before a quote; so too in a later file whose first line does not tell. `header_rows` is
    how many rows name the columns together. `image_shape`
    is that of a row which is a picture, (height, width) or with colours (height, width, 3), and () where
    none is known; `resized` is whether pictures of other sizes are brought to it. `sparse` is whether the numbers are
    stored sparse, also those of later files. `profile` is what all columns of the
    training file looked like, in its order; empty where that is not known.
    """

    columns: tuple[tuple[str, str], ...]
    target: str
    header: bool
    missing: tuple[str, ...]
    target_place: int
    delimiter: str = ","
    width: int = 0
    decimal: str = "."
    encoding: str = "utf-8"
    dtype: str = "float32"
    spellings: tuple[tuple[str, Spelling], ...] = ()
    quote: str = '"'
    escape: str = ""
    blanks: bool = False
    header_rows: int = 1
    image_shape: tuple[int, ...] = ()
    resized: bool = False
    profile: tuple[ColumnProfile, ...] = ()
    numeric_target: bool = False
    sparse: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)

    def of_kind(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name, its in self.columns if its == kind)


def measured(schema: Schema, table: Table) -> Schema:
    """Return the schema with the ranges of the columns of numbers of a training file, in the profile."""
    if not schema.profile or not table.number_names:
        return schema
    places = {name: i for i, name in enumerate(table.number_names)}
    low, high, whole = ranges(table.numbers)
    profile = [
        dataclasses.replace(column, low=float(low[i]), high=float(high[i]), whole=bool(whole[i]))
        if (i := places.get(column.name, -1)) >= 0 and np.isfinite(low[i]) and np.isfinite(high[i])
        else column
        for column in schema.profile
    ]
    return dataclasses.replace(schema, profile=tuple(profile))


SCHEMA_FORM = {
    "columns": [[str]], "target": str, "header": bool, "missing": [str], "target_place": int, "delimiter": str,
    "width": int, "decimal": str, "encoding": str, "dtype": str, "spellings": [[(str, SPELLING_FORM)]],
    "image_shape": [int], "resized": bool,
    "profile": PROFILE_FORM, "sparse": ([range(1 << 24)], None),
    "quote": str, "escape": str, "blanks": bool, "header_rows": int, "numeric_target": bool,
}  # fmt: skip


def n_columns(stored: Mapping[str, Any]) -> int:
    """Count the columns of a schema in JSON of the form `SCHEMA_FORM`: those of sparse numbers stand there as the
    number of the first, and how many there are, as there may be a million of them."""
    return len(stored["columns"]) + sum((stored["sparse"] or ())[1:])


def numbered(first: int, n: int) -> tuple[str, ...]:
    """Name n columns that have no names."""
    return tuple([f"c{i}" for i in range(first, first + n)])


def schema_of(stored: Mapping[str, Any]) -> Schema:
    """Read a schema from JSON of the form `SCHEMA_FORM`. Raises ValueError for columns that no data could have."""
    columns, sparse = tuple(map(tuple, stored["columns"])), stored["sparse"]
    if sparse:
        if columns or len(sparse) != 2 or sparse[0] > 1 or sparse[1] > MOST_WIDTH:
            raise ValueError("columns that no sparse numbers have")
        columns = tuple([(name, "number") for name in numbered(*sparse)])
    if any(len(column) != 2 or column[1] not in KINDS for column in columns):
        raise ValueError("a column that is neither number, text nor date")
    names = [name for name, _ in columns]
    if not stored["header"] and not all(re.fullmatch(r"c\d{1,7}", name) for name in names):
        raise ValueError("names of columns that had none")
    if len(set(names)) < len(names) or len(stored["delimiter"]) != 1 or not columns:
        raise ValueError("columns that no data file has")
    width = stored["width"] or len(columns)  # 0: it was no file
    if not 0 <= stored["target_place"] <= len(columns) <= width <= MOST_WIDTH:
        raise ValueError("a place of the target that no data file has")
    if stored["decimal"] not in (".", ",") or stored["dtype"] not in ("float32", "float64"):
        raise ValueError("numbers of another form")
    spellings = tuple((name, spelling_of(spelling)) for name, spelling in stored["spellings"])
    kinds = dict(columns) | ({stored["target"]: "number"} if stored["numeric_target"] else {})
    if any(kinds.get(name) != ("date" if its.kind == "date" else "number") for name, its in spellings):
        raise ValueError("a spelling of another column")
    if stored["quote"] not in QUOTES or stored["escape"] not in ESCAPES:
        raise ValueError("cells quoted in another way")
    if not 1 <= stored["header_rows"] <= 100:
        raise ValueError("a header of another form")
    shape = tuple(stored["image_shape"])
    if shape and (len(shape) < 2 or min(shape) < 1 or math.prod(shape) != len(columns)):
        raise ValueError("pictures of another size")
    profile = profile_of(stored["profile"])
    if profile and (len(profile) != width or not {*names}.issubset(column.name for column in profile)):
        raise ValueError("a profile of other columns")
    lists = {"missing": tuple(stored["missing"]), "image_shape": shape, "profile": profile, "spellings": spellings}
    return Schema(**{**stored, "columns": columns, "sparse": bool(sparse), **lists})


def image_shape_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a picture without the axis of a single colour; () for what is no picture."""
    found = tuple(size for size in shape if size != 1)
    return found if len(found) > 1 else ()


def by(shape: tuple[int, ...]) -> str:
    """Write a shape as messages show it."""
    return " × ".join(map(str, shape))


def check_shape(shape: tuple[int, ...], like: Schema | None, where: str) -> None:
    """Raise DataError for pictures of another shape than those that a model was trained on. () is not known."""
    if like is not None and shape and like.image_shape and shape != like.image_shape:
        problem = f"expected pictures of {by(like.image_shape)} (height × width), as the model has, found {by(shape)}"
        raise DataError(where, problem, SHAPES_DIFFER)


@dataclass(frozen=True)
class Dataset:
    """A table and its target, as classes or as numbers.

    `y` holds positions in `classes`, or the numbers themselves, float64, where there are no classes;
    `classes` are the target's values exactly as written in the
    file, in numeric order if all are numbers, else in alphabetical order. `sha256` is of the bytes
    of the file(s), and is how a later `eval` knows the file again. `test` is an official test set
    that came with the data. `notes` say, a line each, what was decided while reading. `memory` is how many bytes may
    be used for it; None: as many as it takes. `file_bytes` is the size of its files together; 0 if it came from none.
    `elsewhere` are the hashes of rows in other files, which are left out here where each row is to be there once.
    `weights` are those of the rows where no column of the table has them, and `hashes` those of `hash_rows`, where they
    are known already.
    """

    table: Table
    y: Target  # (n,)
    classes: tuple[str, ...]
    schema: Schema
    source: Source
    sha256: str
    test: Dataset | None = None
    notes: tuple[str, ...] = ()
    memory: int | None = None
    file_bytes: int = 0
    elsewhere: NDArray[np.uint64] | None = None
    weights: NDArray[np.float64] | None = None  # (n,)
    hashes: NDArray[np.uint64] | None = None  # (n,)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def is_numeric(self) -> bool:
        """Tell whether the target is a number, and no class."""
        return not self.classes

    def refuse_numbers(self, what: str) -> None:
        """Raise DataError where the target is a number, and what it is for needs classes."""
        if self.is_numeric:
            problem = f"target '{self.schema.target}': expected classes, as {what} is for classes only, found numbers"
            raise DataError(self.where, problem, f"Choose another column with {mention('target')}")

    @property
    def where(self) -> str:
        """Name the data in a message."""
        return title(self.source)
