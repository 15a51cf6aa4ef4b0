"""Find where a damaged row begins and ends: a quote or a delimiter too many or too few must cost no other row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice

from nncli.data.csv.row_text import LOOKED_AT, row_patterns

MOST_LINES = 20  # of a damaged row
MOST_ENDS = 4  # that are tried: lines of a cell may look like rows
LINE_END = re.compile(rb"\n")


def damaged_row(
    data: bytes, start: int, above: int | None, delimiter: str, is_row: Callable[[bytes], bool], at_end: bool
) -> tuple[int, int] | None:
    """Return where the damaged row begins and ends that is met in a place of `data`. It ends at the first line that a
    whole row begins with, and above which one quote or delimiter more or less makes one row of all lines, unless that
    makes a row of the first lines and one of the others. If there is none, it ends at the first such line within it, or
    else with its quotes.

    The row `above` it, that seems whole, is the damaged one instead if a row that begins within it goes on below, or if
    only together with it the lines make one row. None where rows that are still to come will tell, as they may unless
    `data` is `at_end` of its file.
    """
    _, pattern = row_patterns(delimiter)

    def row_at(end: int) -> re.Match[bytes] | None:
        row = pattern.match(data, end, end + LOOKED_AT)
        return row if row and is_row(row.group()) else None

    def is_one(begin: int, end: int) -> bool:
        return any(pattern.fullmatch(row) and is_row(row) for row in _mended(data[begin:end], delimiter.encode()))

    if above is not None:
        for end in _line_ends(data, above, start - 1):
            if (row := row_at(end)) and row.end() > start and is_one(above, end):
                return above, end
    ends = _line_ends(data, start, start + LOOKED_AT) or [data.index(b"\n", start) + 1]
    begins = (end for end in ends if (at_end and end == len(data)) or row_at(end))
    tried = list[int]()
    for end in islice(begins, MOST_ENDS):
        if is_one(start, end):
            two = (at for at in ends if at < end and is_one(start, at) and is_one(at, end))
            return start, next(two, end)
        tried.append(end)
    if not (tried or at_end) and ends[-1] == len(data) and len(ends) < MOST_LINES:
        return None
    if above is not None and (end := next((end for end in tried if is_one(above, end)), 0)):
        return above, end
    match = pattern.match(data, start)
    return start, min([*tried, match.end() if match else ends[0]])


def _line_ends(data: bytes, start: int, stop: int) -> list[int]:
    return [m.end() for m in islice(LINE_END.finditer(data, start, stop), MOST_LINES)]


def _mended(row: bytes, delimiter: bytes) -> Iterator[bytes]:
    """Yield a row with one quote or one delimiter more or less, where that may make it whole. A whole row has an even
    number of quotes; what is missing stands beside a delimiter or a quote."""
    text = row.rstrip(b"\r\n")
    beside = {0, len(text), *(at for m in re.finditer(b'["%b]' % re.escape(delimiter), text) for at in m.span())}
    sign = b'"' if row.count(b'"') % 2 else delimiter
    for at in sorted(beside):
        if row.startswith(sign, at):
            yield row[:at] + row[at + 1 :]
        yield row[:at] + sign + row[at:]
