"""Read the beginning of a text file: its encoding, the lines before the table, and the first rows."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from itertools import islice

from nncli.data.byte_input import ByteStream, Input, PushbackStream
from nncli.data.cells import BLANKS, check_width
from nncli.data.csv.strict_parser import CONVERT_CR, ROW_LIMIT, check_utf8, open_quote, row_patterns, split_row
from nncli.data.formats.known_formats import HEAD_BYTES, NO_PIPE, format_of_bytes
from nncli.errors import DataError, OptionError

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_BYTES = 1 << 20
FIRST_LINE = 16 << 20
UTF_8, UTF_16 = "utf-8", "utf-16"
MARKS = {b"\xef\xbb\xbf": UTF_8, b"\xff\xfe": UTF_16, b"\xfe\xff": UTF_16}
NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
ONLY_WINDOWS = re.compile(rb"[\x80-\x9f]")  # control characters in Latin-1, letters and quotes on Windows


@dataclass(frozen=True)
class TextOptions:
    """Options of the user on how a text file is read."""

    encoding: str | None = None  # None: detected
    skip_rows: int = 0  # lines before the header, or before the first row where there is none
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
        marked = self._of_mark(raw)
        encoding = options.encoding or marked or usual or self._guessed(raw)
        self.encoding = UTF_8 if marked else encoding
        self.stream: ByteStream = PushbackStream(raw, stream)
        if encoding != UTF_8:
            self.stream = Utf8Stream(self.stream, encoding, where)
        self.data, self.at_end = b"", False
        self.more()
        self.data = self.data.removeprefix(codecs.BOM_UTF8)
        for _ in range(options.skip_rows):
            self._to_end_of_line()
            if self.at_end and b"\n" not in self.data:
                raise OptionError("skip_rows", f"{where} has only {self.line - 1} lines")
            self.data = self.data[self.data.find(b"\n") + 1 :]
            self.line += 1
        self._to_end_of_line()
        line = self.data[: self.data.find(b"\n")]
        columns = 1 + max(line.count(delimiter.encode()) for delimiter in DELIMITERS)
        check_width(columns, self.place)
        if not self.data.strip():
            raise DataError(where, "the file is empty")
        if self.at_end and b"\n" not in self.data[:-1] and b"\r" in self.data.strip() and b'"' not in self.data:
            raise DataError(where, "expected lines to end in LF or CR LF, found only CR", CONVERT_CR)

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

    def _to_end_of_line(self) -> None:
        while not self.at_end and b"\n" not in self.data:
            self._check_line(self.data)
            self.more()

    def _check_line(self, data: bytes) -> None:
        if len(data) > FIRST_LINE and b"\n" not in data:
            raise DataError(self.place, f"expected a line, found no end of it in {FIRST_LINE >> 20} MiB")

    def _first_bytes(self, stream: ByteStream, least: int) -> bytes:
        """Read enough to tell the encoding: at least the first line, and `least` bytes."""
        data = chunk = stream.read(SAMPLE_BYTES)
        # a row in a slow pipe may have only one byte so far, and a mark has three
        while chunk and (len(data) < least or b"\n" not in data):
            self._check_line(data)
            chunk = stream.read(max(SAMPLE_BYTES, len(data)))  # as much again, so that no byte is copied often
            data += chunk
        found = format_of_bytes(data[:HEAD_BYTES])
        if not found.is_text:
            remedy = NO_PIPE if found.reader else found.advice("FILE")
            raise DataError(self.where, f"expected text, found {found.name}", remedy)
        return data

    def _of_mark(self, data: bytes) -> str | None:
        found = next((encoding for mark, encoding in MARKS.items() if data.startswith(mark)), None)
        if found == UTF_16:
            self.notes.append("encoding: utf-16")
        return found

    def _guessed(self, data: bytes) -> str:
        """Guess UTF-8, unless most of the characters beyond ASCII are not UTF-8."""
        if not data or (data.isascii() and b"\0" not in data):
            return UTF_8
        if 0.25 < data.count(b"\0") / len(data) < 0.75:
            raise DataError(
                self.where, "expected UTF-8, found what looks like UTF-16 without a mark", "Add --encoding utf-16-le"
            )
        # the last character that has been read may be cut
        text = codecs.getincrementaldecoder(UTF_8)("surrogateescape").decode(data)
        beyond = [character for character in text if character > "\x7f"]
        bad = sum("\udc80" <= character <= "\udcff" for character in beyond)
        if 2 * bad <= len(beyond) or NO_TEXT.search(data):
            return UTF_8
        found = "cp1252" if ONLY_WINDOWS.search(data) else "latin-1"
        self.notes.append(f"encoding: {found}, as it is not UTF-8")
        return codecs.lookup(found).name

    def first_row(self, delimiter: str) -> bytes | None:
        """Return the first row; None where a quote in it is still open."""
        match = row_patterns(delimiter)[1].match(self.data)
        return match.group() if match else None

    def split_first(self, delimiter: str) -> tuple[bytes, list[str]]:
        """Return the first row and its cells, however long it is."""
        while (row := self.first_row(delimiter)) is None:
            if self.at_end or len(self.data) > ROW_LIMIT:
                raise open_quote(self.place)
            self.more()
        if row in (b"\n", b"\r\n"):
            raise DataError(self.place, "expected a header or a row, found an empty line", "Delete the line")
        cells = split_row(row, delimiter, self.place)
        for cell in cells:
            check_utf8(cell, self.place)
        return row, [cell.strip(BLANKS) for cell in cells]

    def sample(self, delimiter: str, most: int) -> list[list[str]]:
        """Return the first rows as cells, without the one that the sample cuts off."""
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


class Utf8Stream:
    """A stream of another encoding, as UTF-8."""

    def __init__(self, stream: ByteStream, encoding: str, where: str) -> None:
        self.stream, self.where, self.encoding = stream, where, encoding
        self.decoder = codecs.getincrementaldecoder(encoding)()
        self.at_end = False

    def read(self, size: int = -1, /) -> bytes:
        text = b""
        while not text and not self.at_end:  # what has come may be a part of a character
            data = self.stream.read(size)
            self.at_end = not data
            try:
                text = self.decoder.decode(data, final=self.at_end).encode()
            except UnicodeError:
                raise DataError(
                    self.where, f"expected text in {self.encoding}, found other bytes",
                    "Name another one with --encoding",
                ) from None  # fmt: skip
        return text

    def close(self) -> None:
        self.stream.close()
