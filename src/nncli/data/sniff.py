"""How to read a file: decided from its first rows for training, from its first line for a model that exists."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from nncli.data.cells import (
    BLANKS,
    DEFAULT_MISSING,
    NUMBER,
    ROW_LIMIT,
    Layout,
    check_utf8,
    is_missing,
    open_quote,
    row_patterns,
    split_row,
)
from nncli.data.files import ByteStream
from nncli.errors import DataError, OptionError
from nncli.registry import did_you_mean

DELIMITERS = (",", ";", "\t", "|")
TARGETS = ("label", "target", "class", "y")
SAMPLE_BYTES, SAMPLE_CELLS = 1 << 20, 100_000  # a thousand rows of a hundred columns
FIRST_LINE, MOST_COLUMNS = 16 << 20, 100_000
SAMPLE_ROWS, LEAST_ROWS, DELIMITER_ROWS = 1000, 100, 100


@dataclass(frozen=True)
class CsvOptions:
    """What the user said; None and () are detected."""

    target: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    header: bool | None = None
    delimiter: str | None = None


@dataclass(frozen=True)
class Plan:
    """A layout, where the first data row is, and what to tell the user."""

    layout: Layout
    rest: bytes  # what was read ahead, from the first data row on
    first_line: int
    notes: tuple[str, ...] = ()


class Head:
    """The start of a stream, as far as it has been read; without the byte order mark."""

    def __init__(self, stream: ByteStream, where: str) -> None:
        self.stream, self.where = stream, where
        self.data, self.at_end = b"", False
        # Two bytes tell UTF-16, three the mark of UTF-8; a row in a slow pipe may have only one so far.
        while not self.at_end and any(
            mark.startswith(self.data[:3]) for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
        ):
            if self.data[:3] in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
                break
            self.more()
        if self.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise DataError(where, "expected UTF-8, found UTF-16", "Convert it with: iconv -f utf-16 -t utf-8")
        self.data = self.data.removeprefix(b"\xef\xbb\xbf")
        while not self.at_end and b"\n" not in self.data:
            if len(self.data) > FIRST_LINE:
                raise DataError(f"{where}:1", f"expected a line, found no end of it in {FIRST_LINE >> 20} MiB")
            self.more()
        line = self.data[: self.data.find(b"\n")]
        columns = 1 + max(line.count(delimiter.encode()) for delimiter in DELIMITERS)
        if columns > MOST_COLUMNS:
            raise DataError(f"{where}:1", f"expected at most {MOST_COLUMNS:,} columns, found {columns:,}")
        if not self.data.strip():
            raise DataError(where, "the file is empty")
        if self.at_end and b"\n" not in self.data[:-1] and b"\r" in self.data.strip() and b'"' not in self.data:
            raise DataError(
                where, "expected lines to end in LF or CR LF, found only CR", r"Convert it with: tr '\r' '\n'"
            )

    def more(self) -> None:
        chunk = self.stream.read(max(SAMPLE_BYTES, len(self.data)))  # as much again, so that no byte is copied often
        self.at_end = not chunk
        self.data += chunk
        if self.at_end and not self.data.endswith(b"\n"):
            self.data += b"\n"  # the end of the file ends its last row

    def first_row(self, delimiter: str) -> bytes | None:
        """None: a quote in it is still open."""
        match = row_patterns(delimiter)[1].match(self.data)
        return match.group() if match else None

    def split_first(self, delimiter: str) -> tuple[bytes, list[str]]:
        """The first row and its cells, however far it goes."""
        while (row := self.first_row(delimiter)) is None:
            if self.at_end or len(self.data) > ROW_LIMIT:
                raise open_quote(f"{self.where}:1")
            self.more()
        if row in (b"\n", b"\r\n"):
            raise DataError(f"{self.where}:1", "expected a header or a row, found an empty line", "Delete the line")
        cells = split_row(row, delimiter, f"{self.where}:1")
        for cell in cells:
            check_utf8(cell, f"{self.where}:1")
        return row, [cell.strip(BLANKS) for cell in cells]

    def sample(self, delimiter: str, most: int) -> list[list[str]]:
        """The first rows as cells, without what the sample cuts off."""
        text = self.data.decode("utf-8", "surrogateescape")
        lines = (line + "\n" for line in text.split("\n")[:-1])
        csv.field_size_limit(ROW_LIMIT)
        rows: list[list[str]] = []
        try:
            for cells in islice(csv.reader(lines, delimiter=delimiter), most + 1):
                rows.append(cells)  # one by one, for what comes before an error
        except csv.Error:  # a lone CR, explained when its row is read
            return rows
        return rows if self.at_end or len(rows) > most else rows[:-1]


@lru_cache(10_000)  # of a thousand columns, most hold the same numbers
def is_number(cell: str) -> bool:
    return NUMBER.fullmatch(cell.strip(BLANKS)) is not None


def looks_like_header(cells: Sequence[str]) -> bool:
    """No cell is a number or empty; but pandas writes its index under an empty name, in first place."""
    rest = cells[1:] if len(cells) > 1 and not cells[0] else cells
    return all(cell and not is_number(cell) for cell in rest)


def listing(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")


def plan_training(stream: ByteStream, where: str, options: CsvOptions) -> Plan:
    head = Head(stream, where)
    while not head.at_end and len(head.data) < SAMPLE_BYTES:
        head.more()
    notes = []
    if options.delimiter is None:
        delimiter = _detect_delimiter(head)
        if delimiter != ",":
            notes.append("delimiter: " + {"\t": "tab"}.get(delimiter, delimiter))
    else:
        delimiter = checked_delimiter(options.delimiter)
    row, first = head.split_first(delimiter)
    header = looks_like_header(first) if options.header is None else options.header
    if header:
        names = tuple(name or f"c{i}" for i, name in enumerate(first))
        notes += [f"column {i + 1} has no name in the header: it is called c{i}" for i, c in enumerate(first) if not c]
        refuse_duplicates(names, where)
    else:
        names = tuple(f"c{i}" for i in range(len(first)))
        if options.header is None:
            notes.append(
                f"no header: the columns are called {names[0]}" + (f" to {names[-1]}" if len(names) > 1 else "")
            )
    target, note = _find_target(names, options.target, where)
    notes += note
    for option, given in (("--drop", options.drop), ("--categorical", options.categorical)):
        for name in given:
            if name not in names:
                raise OptionError(
                    option, f"no column is called '{name}'", did_you_mean(name, names) or f"There are {listing(names)}"
                )
            if name == target:
                raise OptionError(option, f"'{name}' is the target column", "Name another one with --target")
    features = [name for name in names if name != target and name not in options.drop]
    if not features:
        raise DataError(where, f"no feature column is left beside the target '{target}'", "Drop fewer columns")
    missing = DEFAULT_MISSING + tuple(token.strip(BLANKS) for token in options.missing)
    most = min(SAMPLE_ROWS, max(LEAST_ROWS, SAMPLE_CELLS // len(names)))
    sample = [r for r in head.sample(delimiter, most)[header:] if len(r) == len(names)]
    columns = dict(zip(names, zip(*sample, strict=True), strict=True)) if sample else dict.fromkeys(names, ())
    categorical = set(options.categorical)
    numeric = tuple(name for name in features if name not in categorical and _is_numeric(columns[name], missing))
    text = set(features).difference(numeric)
    layout = Layout(
        names, delimiter, header, numeric, tuple(name for name in features if name in text), target, (), missing
    )
    return Plan(
        layout,
        head.data[len(row) :] if header else head.data,
        1 + (row.count(b"\n") if header else 0),
        tuple(notes),
    )


def _detect_delimiter(head: Head) -> str:
    """The one that cuts most rows alike, into more than one column; ties go to more columns."""
    best, found = (0.0, 0), ","
    for delimiter in DELIMITERS:
        widths = Counter(len(row) for row in head.sample(delimiter, DELIMITER_ROWS))
        width, rows = widths.most_common(1)[0] if widths else (1, 0)
        if width > 1 and (score := (rows / widths.total(), width)) > best:
            best, found = score, delimiter
    return found


def checked_delimiter(given: str) -> str:
    given = {"\\t": "\t", "tab": "\t"}.get(given, given)
    if len(given) != 1 or not given.isascii() or given in '"\r\n\0' or given.isalnum():
        raise OptionError("--delimiter", f"expected one character such as ; or tab; found '{given}'")
    return given


def refuse_duplicates(names: Sequence[str], where: str, only: Iterable[str] | None = None) -> None:
    counts = Counter(names)
    for name in names if only is None else only:
        if counts[name] > 1:
            raise DataError(f"{where}:1", f"two columns are called '{name}'", "Rename one of them")


def _find_target(names: tuple[str, ...], given: str | None, where: str) -> tuple[str, list[str]]:
    if given is None:
        found = [name for name in names if name.lower() in TARGETS]
        if len(found) == 1:
            return found[0], [f"target column: {found[0]} (the only column called label, target, class or y)"]
        if found:
            raise DataError(where, f"several columns could be the target: {listing(found)}", "Choose one with --target")
        raise DataError(
            where,
            f"expected a column called label, target, class or y; found {listing(names)}",
            "Name the target with --target",
        )
    if given in names:
        return given, []
    if re.fullmatch(r"[+-]?[0-9]{1,9}", given, re.ASCII):
        place, width = int(given), len(names)
        if not -width <= place < width:
            raise OptionError("--target", f"expected a position from {-width} to {width - 1}, found {place}")
        return names[place], []
    raise OptionError(
        "--target", f"no column is called '{given}'", did_you_mean(given, names) or f"There are {listing(names)}"
    )


def _is_numeric(cells: Iterable[str], missing: tuple[str, ...]) -> bool:
    """Whether half of the cells that are there, or more, are numbers."""
    counts = Counter(cells)  # few cells are different, and each is looked at once
    present = {cell: n for cell, n in counts.items() if not is_missing(cell.strip(BLANKS), missing)}
    return 2 * sum(n for cell, n in present.items() if is_number(cell)) >= sum(present.values())
