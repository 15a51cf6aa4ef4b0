"""Cut text into cells as its dialect marks them, and rewrite a stream of any dialect as the one that the parsers read.

They read cells between single delimiters, quoted with `"`, which is doubled within a quoted cell.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nncli.data.byte_input import ByteStream
from nncli.data.csv.row_text import ROW_LIMIT, open_quote
from nncli.errors import DataError, mention

BLANK_RUNS = re.compile(r'("(?:[^"]|"")*")|[ \t]+')
DOUBLED = re.compile(rb"\r{2,}\n")
NULL = r"\N"
NO_ROW = "\ufffe"  # stands for a row that cannot be cut into cells: one cell, where at least two are expected


@dataclass(frozen=True)
class Dialect:
    """The marks that separate the cells of a row, and that quote them. A blank as delimiter stands for one or more."""

    delimiter: str = ","
    quote: str = '"'  # "" where nothing is quoted
    escape: str = ""  # before a quote within a quoted cell, and before any other character
    blanks: bool = False  # may stand before an opening quote
    wrapped: bool = False  # each row is one quoted cell, and its delimiters are within

    @property
    def is_usual(self) -> bool:
        """Tell whether the parsers read it as it is."""
        return self == Dialect(self.delimiter) and self.delimiter != " "

    def cut(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Cut lines into rows of cells; the iterator raises csv.Error for one that cannot be, and goes on behind it."""
        csv.field_size_limit(ROW_LIMIT)
        if self.escape:  # as databases write what is missing
            missing = re.compile(rf"(?<![^{re.escape(self.delimiter)}\n])\\N(?=[{re.escape(self.delimiter)}\r\n])")
            lines = (missing.sub("", line) if NULL in line else line for line in lines)
        if self.wrapped:  # but for a row of quoted cells, as that of the names may be
            cells = re.compile(f'"[^"]*"(?:{re.escape(self.delimiter)}"[^"]*")+')
            lines = (_in_quotes(line) if cells.fullmatch(line.rstrip("\r\n")) else line for line in lines)
        if self.delimiter == " ":
            lines = (_with_single_blanks(line) for line in lines)
        return csv.reader(
            lines,
            delimiter="\0" if self.wrapped else self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape or None,
            skipinitialspace=self.blanks and self.delimiter != " ",
            strict=True,
        )

    def as_usual(self, cells: list[str]) -> str:
        """Write a row as the parsers read it, without the end of the line."""
        if self.wrapped and len(cells) == 1:
            return cells[0]
        special = {*f'{self.delimiter}"\n\r'}
        written = ['"' + cell.replace('"', '""') + '"' if not special.isdisjoint(cell) else cell for cell in cells]
        return self.delimiter.join(written) or ('""' if cells else "")


class UsualRows:
    """A stream of UTF-8 text in some dialect, as the parsers read it. Each row has as many line ends as before, so that
    the numbers of lines remain; whole rows are passed on as soon as they are there."""

    def __init__(self, stream: ByteStream, dialect: Dialect, where: str, line: int) -> None:
        self.stream, self.dialect, self.where, self.line = stream, dialect, where, line
        self.tail, self.lines, self.taken = b"", deque[bytes](), list[bytes]()
        self.at_end, self.size = False, 0
        self.rows = dialect.cut(self._next_lines())
        self.other = {"'": '"'}.get(dialect.quote, "")

    def close(self) -> None:
        self.stream.close()

    def read(self, size: int = -1, /) -> bytes:
        written: list[str] = []
        self.size = max(size, 1 << 16)
        while not written or self.lines:
            try:
                cells = next(self.rows)
            except StopIteration:
                break
            except csv.Error as error:
                if "unexpected end" in str(error):
                    raise open_quote(f"{self.where}:{self.line}", self.dialect.quote) from None
                cells = [NO_ROW]
                self.lines.extendleft(reversed(self.taken[1:]))  # its first line alone: others may be whole rows
                del self.taken[1:]
            written.append(self._written(cells))
        return "".join(written).encode("utf-8", "surrogateescape")

    def _written(self, cells: list[str]) -> str:
        ends = len(self.taken)
        self.taken.clear()
        row = self.dialect.as_usual(cells)
        if self.other and self.other in row:
            for cell in cells:
                if len(cell) > 1 and cell[0] == cell[-1] == self.other:
                    problem = f"expected cells quoted with {self.dialect.quote}, found one with {self.other}"
                    remedy = (
                        f"Quote all of them alike, or add {mention('quote', self.other)} if all stand in {self.other}"
                    )
                    raise DataError(f"{self.where}:{self.line}", problem, remedy)
        self.line += ends
        inside = row.count("\n")
        if inside >= ends:  # a row that cannot be cut
            row, inside = NO_ROW, 0
        return row + "\n" if inside == ends - 1 else f'"{NO_ROW}' + "\n" * (ends - 1) + '"\n'

    def _next_lines(self) -> Iterator[str]:
        """Yield lines, reading on only where the row needs another one."""
        size = 0
        while True:
            if not self.lines and not self._more():
                return
            line = self.lines.popleft()
            size = len(line) + (size if self.taken else 0)
            if size > ROW_LIMIT:
                raise open_quote(f"{self.where}:{self.line}", self.dialect.quote)
            self.taken.append(line)
            yield line.decode("utf-8", "surrogateescape")

    def _more(self) -> bool:
        while not self.lines and not self.at_end:
            chunk = self.stream.read(self.size)
            self.at_end = not chunk
            self.tail += chunk
            if len(self.tail) > ROW_LIMIT:
                break
            *whole, self.tail = self.tail.split(b"\n")
            self.lines.extend(line + b"\n" for line in whole)
            if self.at_end and self.tail:
                self.lines.append(self.tail + b"\n")
        return bool(self.lines)


class LineFeeds:
    """A stream of text whose lines may also end in a single CR, as of old spreadsheets, with LF in its place."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream, self.after_cr = stream, False

    def close(self) -> None:
        self.stream.close()

    def read(self, size: int = -1, /) -> bytes:
        data = b""
        while not data and (chunk := self.stream.read(size)):
            data = chunk.removeprefix(b"\n") if self.after_cr else chunk  # the row went on at its CR
            self.after_cr = chunk.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data


class SingleReturns:
    """A stream of text whose lines end in CR CR LF, as of a program that writes CR LF for the LF of a CR LF, with LF in
    its place."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream, self.returns, self.at_end = stream, b"", False

    def close(self) -> None:
        self.stream.close()

    def read(self, size: int = -1, /) -> bytes:
        data = b""
        while not data and not self.at_end:
            chunk = self.stream.read(size)
            self.at_end = not chunk
            data, self.returns = self.returns + chunk, b""
            if not self.at_end:  # those at its end may be of a line end that is not all there
                end = len(data.rstrip(b"\r"))
                data, self.returns = data[:end], data[end:]
        return DOUBLED.sub(b"\n", data)


def _in_quotes(line: str) -> str:
    """Write a line as one quoted cell."""
    text = line.rstrip("\r\n").replace('"', '""')
    return f'"{text}"\n'


def _with_single_blanks(line: str) -> str:
    if '"' not in line:
        return " ".join(line.split()) + "\n"
    return BLANK_RUNS.sub(lambda run: run[1] or " ", line.strip()) + "\n"
