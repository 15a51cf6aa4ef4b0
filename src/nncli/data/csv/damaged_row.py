"""Find where a damaged row begins and ends: a quote or a delimiter too many or too few must cost no other row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from nncli.data.csv.row_text import LOOKED_AT, row_patterns

MOST_LINES = 1000  # of a damaged row, and no more bytes than LOOKED_AT
MOST_ENDS = 16  # that are tried: lines of a cell may look like rows
ROWS_BELOW = 3  # that are whole show that the first of them begins there
ENOUGH = 2  # cells that show a row to be one: lines of a text hardly do so by chance
LINE_END = re.compile(rb"\n")


class Damage(NamedTuple):
    """The bytes of a damaged row, and whether it is certain that they are one row and all of it."""

    begin: int
    end: int
    is_certain: bool


class DamagedRows:
    """Finds damaged rows among the rows in `data`, which go on unless they are `at_end` of their file. `evidence` tells
    of the bytes of a row in how many cells they show to be one; 0 where something is wrong in it."""

    def __init__(self, data: bytes, delimiter: str, evidence: Callable[[bytes], int], at_end: bool) -> None:
        self.data, self.delimiter, self.evidence, self.at_end = data, delimiter.encode(), evidence, at_end
        self.pattern = row_patterns(delimiter)[1]
        self._rows, self._ones = dict[int, tuple[int, int]](), dict[tuple[int, int], bool]()

    def place(self, start: int, above: int | None) -> Damage | None:
        """Return where the damaged row begins and ends that is met in a place: at the first line that whole rows begin
        with, and above which one quote or delimiter more or less makes one row of all lines. Of a row that cannot be
        made whole so, the end is certain where it has one line, or its quotes are in their places.

        The row `above` it, that seems whole, is the damaged one instead if a row that begins within it goes on below,
        or if only together with it the lines make one row. None where rows that are still to come will tell.
        """
        ends = self._line_ends(start, start + LOOKED_AT)
        if above is not None:
            for end in self._line_ends(above, start - 1):
                if self._row(end)[0] > start and self._is_one(above, end) and self._are_rows(self._row(end)[0]):
                    return Damage(above, end, True)
        found = list[int]()
        for end in ends:
            are_rows = self._are_rows(end)
            if are_rows is None and self._is_one(start, end):
                return None
            if are_rows:
                if self._is_one(start, end):
                    return Damage(start, end, not self._may_be_longer(start, end, above))
                found.append(end)
                if len(found) == MOST_ENDS:
                    break
        if not (found or self.at_end) and len(self.data) - start < LOOKED_AT and len(ends) < MOST_LINES:
            return None
        if above is not None and (end := next((end for end in found if self._is_one(above, end)), 0)):
            return Damage(above, end, True)
        return self._place_of_several(start, ends, found)

    def place_of_line(self, start: int) -> Damage | None:
        """Return the place of a damaged row that can only be a line, as its quotes have been rewritten: it is certain
        where whole rows of one line are below. None where rows that are still to come will tell."""
        first = end = self.data.index(b"\n", start) + 1
        match, are_rows = self.pattern.match(self.data, start), self._are_rows(end)
        if match is None or match.end() > first or are_rows is False:
            return Damage(start, first, False)
        if are_rows is None:
            return None
        for _ in range(ROWS_BELOW):
            below, end = end, self._row(end)[0]
            if self.data.count(b"\n", below, end) > 1:
                return Damage(start, first, False)
        return Damage(start, first, True)

    def _place_of_several(self, start: int, ends: list[int], found: list[int]) -> Damage:
        """Return the place of the first damaged row of several, or of one that is damaged in several places; some of
        the line `ends` are `found` to be above whole rows."""
        first = ends[0] if ends else self.data.index(b"\n", start) + 1
        match = self.pattern.match(self.data, start)
        end = match.end() if match else first
        lines = self.data[start : found[0] if found else ends[-1] if ends else first].splitlines()
        if not any(line.count(b'"') % 2 for line in lines) or self._are_rows(first, also_damaged=True):
            return Damage(start, first, True)  # no quoted cell goes on in another line
        if found and found[0] <= end:
            return Damage(start, found[0], found[0] in (first, end))
        return Damage(start, end, False)

    def _may_be_longer(self, start: int, end: int, above: int | None) -> bool:
        """Tell whether the row above a damaged one, or those below, may just as well be lines of it."""
        evidence = ENOUGH if above is None else self._row(above)[1]
        if above is not None and evidence < ENOUGH and (not evidence or self._is_one(above, end)):
            return True
        for _ in range(ROWS_BELOW):
            end, evidence = self._row(end)
            if not 0 < evidence < ENOUGH:
                return False
            if self._is_one(start, end):
                return True
        return False

    def _line_ends(self, start: int, stop: int) -> list[int]:
        return [m.end() for m in islice(LINE_END.finditer(self.data, start, stop), MOST_LINES)]

    def _row(self, at: int) -> tuple[int, int]:
        """Return where the whole row ends that begins in a place, and its evidence; two zeros where none does."""
        if at not in self._rows:
            row = self.pattern.match(self.data, at, at + LOOKED_AT)
            evidence = self.evidence(row.group()) if row else 0
            self._rows[at] = (row.end(), evidence) if row and evidence else (0, 0)
        return self._rows[at]

    def _are_rows(self, at: int, also_damaged: bool = False) -> bool | None:
        """Tell whether whole rows begin in a place, or lines of which each is a damaged one, but for the first; None
        where that depends on rows that are still to come."""
        above = at
        for n in range(ROWS_BELOW):
            if at == len(self.data):
                return True if self.at_end else None
            end = self._row(at)[0]
            if not end and (n or also_damaged):
                line = self.data.index(b"\n", at) + 1
                end = line if self._is_one(at, line) or (n and self._has_cells_of(above, at, line)) else 0
            if not end:
                is_open = not self.at_end and self.pattern.match(self.data, at) is None
                return None if n and is_open and len(self.data) - at < LOOKED_AT else False
            above, at = at, end
        return True

    def _has_cells_of(self, above: int, at: int, end: int) -> bool:
        """Tell whether a line without quotes has as many cells as the row above it, though one of them is wrong."""
        cells = (self.data.count(self.delimiter, *place) for place in ((above, at), (at, end)))
        return self.data.find(b'"', above, end) < 0 and len(set(cells)) == 1

    def _is_one(self, begin: int, end: int) -> bool:
        """Tell whether one quote or delimiter more or less makes one row of these lines."""
        if (begin, end) not in self._ones:
            rows = _mended(self.data[begin:end], self.delimiter)
            self._ones[begin, end] = any(self.pattern.fullmatch(row) and self.evidence(row) > 0 for row in rows)
        return self._ones[begin, end]


def _mended(row: bytes, delimiter: bytes) -> Iterator[bytes]:
    """Yield a row with one quote or one delimiter more or less, where that may make it whole. A whole row has an even
    number of quotes; what is missing stands beside a delimiter or a quote."""
    text = row.rstrip(b"\r\n")
    beside = {
        0,
        len(text),
        len(row) - 1,
        *(at for m in re.finditer(b'["%b]' % re.escape(delimiter), text) for at in m.span()),
    }
    sign = b'"' if row.count(b'"') % 2 else delimiter
    for at in sorted(beside):
        if row.startswith(sign, at):
            yield row[:at] + row[at + 1 :]
        yield row[:at] + sign + row[at:]
