"""Cut the text of a table into rows, and a row into cells."""

from __future__ import annotations

import csv
import re
from functools import cache

from nncli.errors import DataError, mention

ROW_LIMIT = 64 << 20  # an open quote must not take the rest of a large file into memory
LOOKED_AT = 1 << 15  # bytes of a row behind a damaged one: beyond, each of many quotes would cost the rest of the file
CONVERT_CR = r"Convert it with: tr '\r' '\n'"


@cache
def row_patterns(delimiter: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return two patterns: of rows without doubt about their quotes, and of one row of any kind.

    A quote counts only where a cell starts. There is doubt where text stands between a closing quote and the delimiter,
    or where blanks or text stand before a quote that seems to open a cell: text follows it, and the cell that a later
    quote ends is another one; and where a quote too few does it: the cell would be quoted with one more in front.
    Possessive, so that a failure costs one pass.
    """
    d = re.escape(delimiter.encode())
    quote = rb'"(?:[^"]++|"")*+"'
    plain = rb'[^"%b\n][^%b\n]*+' % (d, d)
    n = rb'[^"%b\n]*+' % d
    opening = rb'"(?=[^"\s%b])[^"%b\n]*%b[^"\n]*(?<![\s%b])"(?=\r?\n|%b)' % (d, d, d, d, d)
    unopened = rb'%b(?:""%b)++"(?=\r?\n|%b)' % (n, n, d)
    certain = rb'(?! +"|%b)[^"%b\n]%b(?:"%b"%b)*+(?:(?!%b)"%b)?+' % (unopened, d, n, n, n, opening, n)
    usual = rb'[^"%b\n]++(?=[%b\n])' % (d, d)  # most cells have no quote
    strict = rb"(?:%b|%b(?:\r(?=\n))?(?=[%b\n])|%b|)" % (usual, quote, d, certain)
    loose = rb"(?:%b[^%b\n]*+|%b|)" % (quote, d, plain)
    return (
        re.compile(rb"(?:%b(?:%b%b)*+\n)*+" % (strict, d, strict)),
        re.compile(rb"%b(?:%b%b)*+\n" % (loose, d, loose)),
    )


def end_of_rows(data: bytes, delimiter: str) -> tuple[int, bool]:
    """Return where the last whole row in `data` ends, and whether all quotes are in their places."""
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
    """Split one row into its cells (bytes that are not UTF-8 as surrogates); DataError if the quotes are wrong."""
    csv.field_size_limit(ROW_LIMIT)
    lines = row.decode("utf-8", "surrogateescape").split("\n")
    lines = [line + "\n" for line in lines[:-1]] + lines[-1:]
    try:
        cells = next(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise open_quote(where) from None
        problem, remedy = "expected a line to end in LF or CR LF, found a single CR", CONVERT_CR
        if "expected after" in str(error):
            problem, remedy = (
                "a quoted cell has text after its closing quote",
                'Write a quote inside a quoted cell as ""',
            )
        raise DataError(where, problem, remedy) from None
    return cells or [""]


def check_utf8(cell: str, where: str, remedy: str = "") -> None:
    """Raise DataError for a byte that is not UTF-8, and for half a character, which JSON can hold."""
    try:
        cell.encode()
    except UnicodeEncodeError as error:
        code = ord(cell[error.start])
        if not 0xDC80 <= code <= 0xDCFF:  # as which Python decodes such a byte
            raise DataError(where, f"expected text, found half a character: \\u{code:04x}", "Correct it") from None
        problem = f"expected UTF-8, found the byte 0x{code - 0xDC00:02x}"
        name = f"Name the encoding, such as {mention('encoding', 'latin-1')}, or write all files in UTF-8"
        raise DataError(where, problem, remedy or name) from None


def open_quote(where: str, quote: str = '"') -> DataError:
    remedy = f"Close it, or write a quote inside a quoted cell as {2 * quote}"
    return DataError(where, "an open quote: it is never closed", remedy)
