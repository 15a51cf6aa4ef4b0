"""Read the beginning of a text file: its encoding, the lines before the table, and the first rows."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from nncli.data.byte_input import ByteStream, Input, PushbackStream
from nncli.data.cells import bare, check_width
from nncli.data.csv.dialect import Dialect, LineFeeds, SingleReturns, UsualRows
from nncli.data.csv.encoding import UTF_8, Utf8Text, encoding_of_mark, guessed_encoding
from nncli.data.csv.row_text import ROW_LIMIT, check_utf8, open_quote, row_patterns, split_row
from nncli.data.formats.known_formats import HEAD_BYTES, NO_PIPE, format_of_bytes
from nncli.errors import DataError, OptionError, mention

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_BYTES = 1 << 20
LEAST_LINES, LONG_SAMPLE = 32, 64 << 20  # that tell what columns are, where so many bytes have them
FIRST_LINE = 16 << 20
MOST_DAMAGED = 100  # rows, each of which costs a look at all lines
FEW = 20  # lines that are looked at to find out where a row begins
LINE_FEED = re.compile(rb"\n")
END_OF_LINE = re.compile(rb"\n|\r(?=\r*[^\r\n])")
SEPARATOR_LINE = re.compile(rb'"?sep=([^\r\n"])"?\r?\n', re.IGNORECASE)  # that Excel writes above a table


@dataclass(frozen=True)
class TextOptions:
    """Options of the user on how a text file is read."""

    encoding: str | None = None  # None: detected
    skip_rows: int = 0  # lines before the header, or before the first row where there is none
    quote: str | None = None  # None: detected, or as the model has it; the empty one: nothing is quoted
    escape: str | None = None
    header_rows: int | None = None  # None: one, or as the model has it
    rows: tuple[int, int] | None = None  # the first and the last row to read, from 1; None: all
    sheet: str | None = None  # of an Excel file; None: the only one


DETECTED = TextOptions()


class Head:
    """The start of a stream as UTF-8, as far as it has been read; without the byte order mark and the lines to skip.

    Without a mark, the encoding is `usual`; if that is not given, it is guessed from the first megabyte. What is given
    must not depend on how much has come of a slow pipe.
    `stream` gives the rest, `line` is the number of the first line, `notes` say what was detected, `encoding` is that
    of files like this one that have no mark.
    """

    def __init__(self, stream: Input, options: TextOptions, usual: str | None = None) -> None:
        where = stream.where
        self.where, self.line, self.notes = where, stream.line, [*stream.notes]
        raw = self._first_bytes(stream, 0 if usual else SAMPLE_BYTES)
        marked, told = encoding_of_mark(raw), options.encoding
        if marked not in (None, UTF_8):
            self.notes.append(f"encoding: {marked}")
        found = told or marked or usual
        if found is None:
            found, notes = guessed_encoding(raw, where)
            self.notes += notes
        self.encoding = UTF_8 if marked else found
        self.text = Utf8Text(PushbackStream(raw, stream), found, where, unless_utf_8=not (told or marked))
        self.stream: ByteStream = self.text
        self.data, self.at_end = b"", False
        self.more()
        self.data = self.data.removeprefix(codecs.BOM_UTF8)
        self._to_end_of_line(END_OF_LINE)
        end = _end_of_first_line(self.data)
        if end == b"\r":
            self._go_on_with(LineFeeds(PushbackStream(self.data, self.stream)))
        elif end.startswith(b"\r\r"):
            self._go_on_with(SingleReturns(PushbackStream(self.data, self.stream)))
            self.notes.append("lines end in CR CR LF, which is read as one line end")
        for _ in range(options.skip_rows):
            self._to_end_of_line()
            if self.at_end and b"\n" not in self.data:
                raise OptionError("skip_rows", f"{where} has only {self.line - 1} lines")
            self.skip_line()
        self._to_end_of_line()
        self.delimiter = None  # where a line of its own tells it
        if separator := SEPARATOR_LINE.match(self.data):
            self.delimiter = separator[1].decode("utf-8", "replace")
            self.skip_line()
            self._to_end_of_line()
        line = self.data[: self.data.find(b"\n")]
        columns = 1 + max(line.count(delimiter.encode()) for delimiter in DELIMITERS)
        check_width(columns, self.place)
        while not self.data.strip():
            if self.at_end:
                raise DataError(where, "the file is empty")
            self.more()

    @property
    def place(self) -> str:
        """Name the first line in messages."""
        return f"{self.where}:{self.line}"

    def more(self) -> None:
        chunk = self.stream.read(max(SAMPLE_BYTES, len(self.data)))
        self.at_end = not chunk
        self.data += chunk
        if self.at_end and self.data and not self.data.endswith(b"\n"):
            self.data += b"\n"  # the end of the file ends its last row

    def fill(self) -> None:
        """Read on to as many bytes as decide how a table to learn from is read, and of long rows to some lines."""
        while not self.at_end and (len(self.data) < SAMPLE_BYTES or self._has_few_lines()):
            self.more()

    def _has_few_lines(self) -> bool:
        return len(self.data) < LONG_SAMPLE and self.data.count(b"\n") < LEAST_LINES

    def skip_line(self) -> None:
        """Leave out the first line."""
        self.data = self.data[self.data.find(b"\n") + 1 :]
        self.line += 1

    def use(self, dialect: Dialect) -> None:
        """Go on with rows as the parsers read them."""
        if not dialect.is_usual:
            stream = PushbackStream(self.data, self.stream)
            self._go_on_with(UsualRows(stream, dialect, self.where, self.line))

    def _go_on_with(self, stream: ByteStream) -> None:
        self.stream, self.data, self.at_end = stream, b"", False
        self.more()

    def _to_end_of_line(self, end: re.Pattern[bytes] = LINE_FEED) -> None:
        while not self.at_end and not end.search(self.data):
            self._check_line(self.data)
            self.more()

    def _check_line(self, data: bytes) -> None:
        if len(data) > FIRST_LINE and b"\n" not in data:
            raise DataError(self.place, f"expected the end of a line, found none in {FIRST_LINE >> 20} MiB")

    def _first_bytes(self, stream: ByteStream, least: int) -> bytes:
        """Read enough to tell the encoding: at least the first line, and `least` bytes."""
        data = chunk = stream.read(SAMPLE_BYTES)
        # a row in a slow pipe may have only one byte so far, and a mark has three
        while chunk and (len(data) < least or not END_OF_LINE.search(data)):
            self._check_line(data)
            chunk = stream.read(max(SAMPLE_BYTES, len(data)))  # as much again, so that no byte is copied often
            data += chunk
        found = format_of_bytes(data[:HEAD_BYTES])
        if not found.is_text:
            remedy = NO_PIPE if found.reader else found.advice("FILE")
            raise DataError(self.where, f"expected text, found {found.name}", remedy)
        return data

    def first_row(self, delimiter: str) -> bytes | None:
        """Return the first row; None where a quote in it is still open."""
        match = row_patterns(delimiter)[1].match(self.data)
        return match.group() if match else None

    def split_header(self, delimiter: str, rows: int) -> tuple[bytes, list[list[str]]]:
        """Return so many rows, and the names in each. Raises DataError where they do not match."""
        used, parts, line = b"", list[list[str]](), self.line
        for _ in range(rows):
            row, cells = self.split_first(delimiter)
            if parts and len(cells) != len(parts[0]):
                problem = f"expected {len(parts[0])} names as in the line above, found {len(cells)}"
                raise DataError(self.place, problem, f"Correct the number of {mention('header_rows')}")
            used, parts = used + row, [*parts, cells]
            self.data, self.line = self.data[len(row) :], self.line + row.count(b"\n")
        self.data, self.line = used + self.data, line
        return used, parts

    def split_first(self, delimiter: str) -> tuple[bytes, list[str]]:
        """Return the first row and its cells, however long it is."""
        while (row := self.first_row(delimiter)) is None:
            if self.at_end and not self.data:
                raise DataError(
                    self.place,
                    "expected another row of names, found the end of the file",
                    f"Correct {mention('header_rows')}",
                )
            if self.at_end or len(self.data) > ROW_LIMIT:
                raise open_quote(self.place)
            self.more()
        if row in (b"\n", b"\r\n"):
            raise DataError(self.place, "expected a header or a row, found an empty line", "Delete the line")
        cells = split_row(row, delimiter, self.place)
        for cell in cells:
            check_utf8(cell, self.place)
        return row, [bare(cell) for cell in cells]

    def line_behind(self, used: int) -> bytes:
        """Return the line behind so many bytes, as soon as it is there; an empty one at the end."""
        while (end := self.data.find(b"\n", used)) < 0 and not self.at_end:
            self.more()
        return self.data[used : end + 1]

    def row_behind(self, used: int, delimiter: str) -> list[str]:
        """Return the cells of the row behind so many bytes; none at the end, and where it cannot be cut."""
        _, pattern = row_patterns(delimiter)
        while (match := pattern.match(self.data, used)) is None:
            if self.at_end or len(self.data) > ROW_LIMIT:
                return []
            self.more()
        try:
            return split_row(match.group(), delimiter, self.where)
        except DataError:  # which whoever reads the row will tell
            return []

    def lines(self, start: int = 0, end: int | None = None) -> Iterator[str]:
        """Yield the whole lines among the bytes that have been read."""
        end = self.data.rfind(b"\n", start, end) + 1
        text = self.data[start:end].decode("utf-8", "surrogateescape")
        return iter(io.StringIO(text.replace("\n\ufeff", "\n"), newline="\n"))  # where files were joined

    def sample(self, delimiter: str, most: int) -> list[list[str]]:
        """Return the first rows as cells, without the one that the sample cuts off."""
        csv.field_size_limit(ROW_LIMIT)
        rows: list[list[str]] = []
        reader = csv.reader(self.lines(), delimiter=delimiter)
        try:
            for cells in islice(reader, most + 1):
                rows.append(cells)  # one by one, for what comes before an error
            if reader.line_num > len(rows):
                rows = [*islice(_rows_apart([*self.lines()], delimiter), most + 1)]
        except csv.Error:  # a lone CR, explained when its row is read
            return rows
        return rows if self.at_end or len(rows) > most else rows[:-1]


def _rows_apart(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the rows in these lines, but none of which a misplaced quote has made others a part: of so many at most."""
    start = width = 0
    for _ in range(MOST_DAMAGED):
        reader, line = csv.reader(islice(lines, start, None), delimiter=delimiter), start
        for row in reader:
            end, width = start + reader.line_num, width or len(row)
            is_open = end == len(lines) and sum(text.count('"') for text in lines[line:]) % 2
            below = [next(csv.reader([text], delimiter=delimiter)) for text in lines[line + 1 : min(end, line + FEW)]]
            if (is_open or len(row) != width) and 2 * sum(len(cells) == width for cells in below) > len(below):
                start = line + 1
                break
            yield row
            line = end
        else:
            return


def _end_of_first_line(data: bytes) -> bytes:
    """Return how the first line ends; nothing if it does within a quoted cell, or not in these bytes."""
    end = END_OF_LINE.search(data)
    if end is None or data.count(b'"', 0, end.start()) % 2:
        return b""
    line = data[: end.start()]
    return line[len(line.rstrip(b"\r")) :] + end.group()
