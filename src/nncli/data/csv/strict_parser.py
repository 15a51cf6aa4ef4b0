"""What a row and a cell are. This is the slow path of `data/csv.py`, and defines what the fast one may answer."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow_arrays import string_array, vector
from nncli.data.dataset import Schema
from nncli.data.dates import days_of
from nncli.errors import DataError
from nncli.system.output import in_quotes

DEFAULT_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")
NAN_SPELLINGS = tuple("".join(letters) for letters in product("nN", "aA", "nN"))
BLANKS = " \t"
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
INFINITY = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
SHOWN = 40  # letters of a cell, in messages
MOST_COLUMNS = 100_000  # of a table, and features of a matrix
ROW_LIMIT = 64 << 20  # an open quote must not take the rest of a large file into memory


@dataclass(frozen=True)
class Layout:
    """How to read: decided before the first row is."""

    names: tuple[str, ...]  # every column of the file, in file order
    delimiter: str
    header: bool
    numeric: tuple[str, ...]  # feature columns read as numbers, in this order
    text: tuple[str, ...]  # feature columns read as text
    target: str | None  # read as text exactly as written
    keep: tuple[str, ...] = ()  # columns also handed through as the text in the file
    missing: tuple[str, ...] = DEFAULT_MISSING
    decimal: str = "."
    dtype: str = "float32"  # of the numbers
    dates: tuple[str, ...] = ()  # feature columns read as dates
    encoding: str = "utf-8"

    def schema(self) -> Schema:
        """What a model that learns from such rows asks of later ones."""
        kinds = {"number": self.numeric, "text": self.text, "date": self.dates}
        kind_of = {name: kind for kind, names in kinds.items() for name in names}
        target = self.target or ""
        return Schema(
            tuple((name, kind_of[name]) for name in self.names if name in kind_of), target, self.header, self.missing,
            sum(name in kind_of for name in self.names[: self.names.index(target)]), self.delimiter, len(self.names),
            self.decimal, self.encoding, self.dtype,
        )  # fmt: skip


def is_missing(cell: str, missing: tuple[str, ...] | frozenset[str]) -> bool:
    """Of a cell without blanks around it."""
    return cell in missing or cell.lower() == "nan"


def with_point(text: str, decimal: str) -> str:
    """The same with a point for the decimal sign; what has one already, and should have another, is no number then."""
    return text if decimal == "." else "?" if "." in text else text.replace(decimal, ".")


def as_number(cell: str, decimal: str) -> str | None:
    """A cell as Python writes the number; None if it is none."""
    cell = with_point(cell, decimal)
    return cell if NUMBER.fullmatch(cell) else None


def quoted(cell: str) -> str:
    """A cell as messages show it."""
    cell = cell if len(cell) <= SHOWN else cell[: SHOWN - 1] + "…"
    return in_quotes(cell.replace("\r", "\\r").replace("\n", "\\n"))


@cache
def row_patterns(delimiter: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """(rows with nothing between a closing quote and the delimiter, one row of any kind).

    A quote counts only where a cell starts. Possessive, so that a failure costs one pass.
    """
    d = re.escape(delimiter.encode())
    quote = rb'"(?:[^"]++|"")*+"'
    plain = rb'[^"%b\n][^%b\n]*+' % (d, d)
    strict = rb"(?:%b(?:\r(?=\n))?(?=[%b\n])|%b|)" % (quote, d, plain)
    loose = rb"(?:%b[^%b\n]*+|%b|)" % (quote, d, plain)
    return (
        re.compile(rb"(?:%b(?:%b%b)*+\n)*+" % (strict, d, strict)),
        re.compile(rb"%b(?:%b%b)*+\n" % (loose, d, loose)),
    )


def end_of_rows(data: bytes, delimiter: str) -> tuple[int, bool]:
    """(where the last whole row in `data` ends, whether all its quotes are in their places)."""
    last = data.rfind(b"\n") + 1
    if b'"' not in data:
        return last, True
    rows, row = row_patterns(delimiter)
    match = rows.match(data)
    assert match is not None
    end = match.end()
    strict_end = end
    # From here it is a misplaced quote, or a cell that is still open.
    while end < last and (loose := row.match(data, end)):
        end = loose.end()
    return end, end == strict_end


def split_row(row: bytes, delimiter: str, where: str) -> list[str]:
    """The cells of one row (bytes that are not UTF-8 as surrogates); DataError if the quotes are wrong."""
    csv.field_size_limit(ROW_LIMIT)
    lines = row.decode("utf-8", "surrogateescape").split("\n")
    lines = [line + "\n" for line in lines[:-1]] + lines[-1:]
    try:
        cells = next(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise open_quote(where) from None
        if "expected after" in str(error):
            raise DataError(
                where, "a quoted cell goes on after its closing quote", 'Write a quote inside a quoted cell as ""'
            ) from None
        raise DataError(
            where, "expected a line to end in LF or CR LF, found a single CR", r"Convert it with: tr '\r' '\n'"
        ) from None
    return cells or [""]


def check_utf8(cell: str, where: str) -> None:
    try:
        cell.encode()
    except UnicodeEncodeError as error:
        byte = ord(cell[error.start]) - 0xDC00
        raise DataError(
            where, f"expected UTF-8, found the byte 0x{byte:02x}", "Name the encoding, such as --encoding latin-1"
        ) from None


def open_quote(where: str) -> DataError:
    return DataError(
        where, "an open quote: it is never closed", 'Close it, or write a quote inside a quoted cell as ""'
    )


def check_width(columns: int, where: str, what: str = "columns") -> None:
    if columns > MOST_COLUMNS:
        raise DataError(where, f"expected at most {MOST_COLUMNS:,} {what}, found {columns:,}")


@dataclass
class ByHand:
    """Rows read one by one: missing and unreadable cells are NaN and None."""

    numbers: NDArray[Any]
    text: dict[str, list[str | None]]
    dates: dict[str, list[str | None]]
    target: list[str | None]
    kept: dict[str, list[str]]
    errors: dict[int, DataError]  # row → what is wrong with it


class SlowPath:
    """Reads rows with Python's csv module; `training` decides which remedies make sense."""

    def __init__(self, layout: Layout, file: str, training: bool) -> None:
        self.layout, self.dtype, self.file, self.training = layout, layout.dtype, file, training
        self.missing = frozenset(layout.missing)
        place = {name: i for i, name in reversed(list(enumerate(layout.names)))}
        self.numeric = [(name, place[name]) for name in layout.numeric]
        self.text = [(name, place[name]) for name in layout.text]
        self.dates = [(name, place[name]) for name in layout.dates]
        self.keep = [(name, place[name]) for name in layout.keep]
        self.target = None if layout.target is None else place[layout.target]
        self.used = {i for _, i in self.numeric + self.text + self.dates}
        if self.target is not None:
            self.used.add(self.target)

    def read(self, data: bytes, first_line: int) -> ByHand:
        import pyarrow as pa
        from pyarrow._compute import CastOptions, call_function  # pyarrow.compute makes wrappers for 25 ms

        layout, errors, places = self.layout, {}, []
        blank: list[str | None] = [None] * (len(self.numeric) + len(self.text) + len(self.dates) + 1)
        rows, kept = [], []
        for i, (line, row) in enumerate(self._rows(data, first_line)):
            where = f"{self.file}:{line}"
            places.append(where)
            cells: list[str] = []
            try:
                cells = self._split(row, where)
                rows.append(self._clean(cells, where))
            except DataError as error:
                errors[i] = error.with_traceback(None)  # which would keep all that is here alive
                rows.append(blank)
            whole = len(cells) == len(layout.names)
            kept.append(["" if not whole or not _is_utf8(cells[j]) else cells[j] for _, j in self.keep])
        # Arrow's own parser, so that both paths round alike.
        d = len(self.numeric)
        flat = string_array([cell or "nan" for row_ in rows for cell in row_[:d]])
        wanted = pa.float32() if self.dtype == "float32" else pa.float64()
        cast = call_function("cast", [flat], CastOptions.safe(wanted))
        numbers = vector(cast, self.dtype).reshape(len(rows), d).copy()
        for i, j in np.argwhere(np.isinf(numbers)):
            if i not in errors:
                errors[int(i)] = self._too_large(rows[i][j] or "", layout.numeric[j], places[i])
            numbers[i] = np.nan
        for i in errors:
            rows[i] = blank
            numbers[i] = np.nan
        return ByHand(
            numbers,
            {name: [row_[d + j] for row_ in rows] for j, name in enumerate(layout.text)},
            {name: [row_[d + len(layout.text) + j] for row_ in rows] for j, name in enumerate(layout.dates)},
            [row_[-1] for row_ in rows] if layout.target is not None else [],
            {name: [row_[j] for row_ in kept] for j, name in enumerate(layout.keep)},
            dict(sorted(errors.items())),
        )

    def _rows(self, data: bytes, line: int) -> Iterator[tuple[int, bytes]]:
        _, pattern = row_patterns(self.layout.delimiter)
        end = 0
        while end < len(data):
            match = pattern.match(data, end)
            assert match is not None, "a block is whole rows"
            yield line, match.group()
            line += match.group().count(b"\n")
            end = match.end()

    def _split(self, row: bytes, where: str) -> list[str]:
        width, delimiter = len(self.layout.names), self.layout.delimiter
        if width > 1 and row in (b"\n", b"\r\n"):
            raise DataError(where, f"expected {width} columns, found an empty line", "Delete the line")
        cells = split_row(row, delimiter, where)
        if len(cells) != width:
            sign = "tab" if delimiter == "\t" else f"'{delimiter}'"
            raise DataError(
                where, f"expected {width} columns, found {len(cells)}", f"Look for a missing or an unquoted {sign}"
            )
        return cells

    def _clean(self, cells: list[str], where: str) -> list[str | None]:
        """Numeric cells, then text cells, dates, and the target; None for a missing one."""
        for i in sorted(self.used):
            check_utf8(cells[i], where)
        clean: list[str | None] = []
        for name, i in self.numeric:
            cell = cells[i].strip(BLANKS)
            number = as_number(cell, self.layout.decimal)
            if number is not None and cell not in self.missing:
                clean.append(number)
            elif is_missing(cell, self.missing):
                clean.append(None)
            else:
                expected = "a finite number" if INFINITY.fullmatch(cell) else "a number"
                raise DataError(
                    where, f"column '{name}': expected {expected}, found {quoted(cell)}", self._remedy(name, cell)
                )
        for _, i in self.text:
            cell = cells[i].strip(BLANKS)
            clean.append(None if is_missing(cell, self.missing) else cell)
        for name, i in self.dates:
            cell = cells[i].strip(BLANKS)
            if is_missing(cell, self.missing):
                clean.append(None)
            elif days_of(cell) is None:
                problem = f"column '{name}': expected a date such as 2026-11-21, found {quoted(cell)}"
                raise DataError(where, problem, self._remedy(name, cell))
            else:
                clean.append(cell)
        if self.target is None:
            return [*clean, None]
        cell = cells[self.target].strip(BLANKS)
        if is_missing(cell, self.missing):
            found = quoted(cell) if cell else "an empty cell"
            raise DataError(
                where,
                f"target column '{self.layout.target}': expected a class, found {found}",
                "Fill it in, or delete the row",
            )
        return [*clean, cell]

    def _remedy(self, name: str, cell: str) -> str:
        if not self.training:
            return "Correct it, or leave the cell empty"
        other = "," if self.layout.decimal == "." else "."
        if any(sign.isdigit() for sign in cell):  # it may be good, and only written in another way
            first = f"Set --decimal {other}" if as_number(cell, other) else "Correct it"
        elif len(cell) > SHOWN:
            first = "Correct it"
        else:
            first = f"Add --missing {shlex.quote(cell)}"
        name = shlex.quote(name)
        return f"{first}, read the column as text with --categorical {name}, or leave it out with --drop {name}"

    def _too_large(self, cell: str, name: str, where: str) -> DataError:
        remedy = "Correct it, or leave the cell empty"
        if self.training and self.dtype == "float32" and np.isfinite(float(cell)):
            remedy = f"Use --dtype float64, or leave the column out with --drop {shlex.quote(name)}"
        return DataError(where, f"column '{name}': {quoted(cell)} is too large for {self.dtype}", remedy)


def _is_utf8(cell: str) -> bool:
    return cell.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in cell)
